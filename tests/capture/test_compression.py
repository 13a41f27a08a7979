"""gzip and zstd undone: whole, in pieces, cut, damaged, and built to hurt."""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture.compression import gunzipped, is_gzip, is_zstd, unzstd

Undo = Callable[[Iterator[bytes], list[str]], Iterator[bytes]]
Compress = Callable[[bytes], bytes]


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data)


def zstd_streamed(data: bytes) -> bytes:
    """Compress as a pipe does it: no length in the header, blocks as they come."""
    stream = zstandard.ZstdCompressor().compressobj()
    parts = []
    for start in range(0, len(data), 1000):
        parts.append(stream.compress(data[start : start + 1000]))
        parts.append(stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    return b"".join(parts) + stream.flush()


def chopped(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def undone(undo: Undo, data: bytes, size: int = 65536) -> tuple[bytes, list[str]]:
    problems: list[str] = []
    pieces = list(undo(chopped(data, size), problems))
    assert all(pieces), "an empty piece would read as the end"
    return b"".join(pieces), problems


BOTH = pytest.mark.parametrize(
    ("undo", "compress"),
    [(gunzipped, gzip.compress), (unzstd, zstd), (unzstd, zstd_streamed)],
    ids=["gzip", "zstd", "zstd streamed"],
)
TEXT = b"".join(b"line %d of something that compresses\n" % n for n in range(20_000))
NOISE = random.Random(1).randbytes(5000)


@BOTH
@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_it_comes_out_whole_however_it_comes_in(undo: Undo, compress: Compress, size: int) -> None:
    assert undone(undo, compress(TEXT), size) == (TEXT, [])


@BOTH
@pytest.mark.parametrize("size", [1, 65536])
def test_streams_one_behind_the_other_are_one(undo: Undo, compress: Compress, size: int) -> None:
    data = compress(TEXT) + compress(b"") + compress(NOISE)
    assert undone(undo, data, size) == (TEXT + NOISE, [])


@BOTH
def test_every_truncation_gives_a_beginning_and_a_note(undo: Undo, compress: Compress) -> None:
    whole = compress(TEXT[:3000] + NOISE)
    reached = 0
    for size in range(4, len(whole)):
        data, problems = undone(undo, whole[:size])
        assert (TEXT[:3000] + NOISE).startswith(data)
        assert len(data) >= reached
        assert len(problems) == 1
        assert problems[0].endswith("data ends early")
        reached = len(data)
    assert reached >= 3000


def test_a_gzip_cut_gives_all_that_its_bytes_hold() -> None:
    whole = gzip.compress(TEXT)
    for size in (len(whole) // 3, len(whole) - 8, len(whole) - 1):
        inflater = zlib.decompressobj(wbits=31)
        held = inflater.decompress(whole[:size]) + inflater.flush()
        assert undone(gunzipped, whole[:size]) == (held, ["the gzip data ends early"])


@BOTH
def test_damage_keeps_what_came_before_it(undo: Undo, compress: Compress) -> None:
    whole = compress(TEXT[:200_000] + NOISE)
    for place in range(20, len(whole), 211):
        spoilt = bytearray(whole)
        spoilt[place] ^= 0x55
        data, problems = undone(undo, bytes(spoilt))
        assert len(data) <= 400_000
        assert problems or data != TEXT[:200_000] + NOISE or place < 40


def test_gzip_damage_loses_nothing_before_it() -> None:
    first = gzip.compress(TEXT, mtime=0)
    data, problems = undone(gunzipped, first[:-8] + b"\0" * 8)
    assert data == TEXT
    assert problems == ["the gzip data is damaged; what came before that was read"]


def test_what_follows_is_noted() -> None:
    data, problems = undone(gunzipped, gzip.compress(TEXT) + b"something")
    assert data == TEXT
    assert problems == ["something that is not gzip follows after the gzip data"]
    data, problems = undone(unzstd, zstd(TEXT) + b"something")
    assert data == TEXT
    assert problems == ["something that is not zstd follows after the zstd data"]


def test_zeros_behind_gzip_are_padding() -> None:
    for size in (1, 512, 65536):
        assert undone(gunzipped, gzip.compress(NOISE) + bytes(5000), size) == (NOISE, [])


def test_skippable_zstd_frames_are_skipped() -> None:
    skippable = b"\x5a\x2a\x4d\x18\x05\0\0\0" + b"12345"
    assert is_zstd(skippable)
    assert undone(unzstd, skippable + zstd(NOISE) + skippable, 3) == (NOISE, [])
    data, problems = undone(unzstd, zstd(NOISE) + skippable[:-1])
    assert (data, problems) == (NOISE, ["the zstd data ends early"])


def bomb(undo: Undo) -> Iterator[bytes]:
    """Much of nothing in very little."""
    if undo is unzstd:
        # a block of 4 bytes says: 128 KiB of zeros
        yield b"\x28\xb5\x2f\xfd\x00\x58" + b"\x02\x00\x10\x00" * 8192 + b"\x03\x00\x10\x00"
        return
    squeeze = zlib.compressobj(1, wbits=31)
    for _ in range(16):
        yield squeeze.compress(bytes(1 << 24))
    yield squeeze.flush()


@pytest.mark.parametrize("undo", [gunzipped, unzstd])
def test_a_bomb_costs_no_memory(undo: Undo) -> None:
    problems: list[str] = []
    data = b"".join(bomb(undo))
    assert len(data) < 1_500_000
    tracemalloc.start()
    try:
        total = sum(map(len, undo(chopped(data, 262_144), problems)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total >= 1 << 28
    assert problems == []
    assert peak < 4 << 20


@pytest.mark.parametrize(("undo", "compress"), [(gunzipped, gzip.compress), (unzstd, zstd)])
def test_many_tiny_streams_come_out_in_few_pieces(undo: Undo, compress: Compress) -> None:
    pieces = list(undo(chopped(compress(b"x") * 5000, 65536), []))
    assert b"".join(pieces) == b"x" * 5000
    assert len(pieces) < 10


def test_a_zstd_window_larger_than_ours_says_what_to_do() -> None:
    header = b"\x28\xb5\x2f\xfd\x00\xa0"  # window 2**30
    data, problems = undone(unzstd, header + b"\x03\x00\x10\x00")
    assert data == b""
    assert problems == [
        "the zstd data needs more than 128 MiB; decompress it first: zstd -d --long=31"
    ]


def test_a_zstd_window_as_large_as_ours_is_read() -> None:
    header = b"\x28\xb5\x2f\xfd\x00\x88"  # window 2**27, as zstd --long makes it
    assert undone(unzstd, header + b"\x03\x00\x10\x00") == (bytes(131072), [])


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_end(junk: bytes, size: int) -> None:
    for undo, magic in ((gunzipped, b"\x1f\x8b\x08"), (unzstd, b"\x28\xb5\x2f\xfd")):
        for data in (junk, magic + junk):
            _, problems = undone(undo, data, size)
            assert len(problems) <= 1


def test_beginnings() -> None:
    assert is_gzip(gzip.compress(b""))
    assert is_zstd(zstd(b""))
    assert not is_gzip(b"\x1f\x8b")
    assert not is_gzip(b"\x1f\x8b\x07")
    assert not is_zstd(b"\x28\xb5\x2f")
