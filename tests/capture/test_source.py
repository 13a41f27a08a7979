"""Captures of any dress, several at once, and files that are none."""

import gzip
import hashlib
import io
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from carpscope.capture import pcap as classic
from carpscope.capture import pcapng
from carpscope.capture.counts import CaptureCounts
from carpscope.capture.source import merged, open_capture
from carpscope.core.batch import Batch
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from tests.capture.builder import (
    SAMPLE,
    START,
    Record,
    enhanced,
    frames_of,
    interface,
    pcap,
    read,
    section,
)

PCAP = pcap(SAMPLE)
PCAPNG = section() + interface() + enhanced(b"a packet", START) + enhanced(b"b", START + 1)
DRESSES: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("plain", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("dress", list(DRESSES))
def test_every_dress_gives_the_same_frames(plain: bytes, dress: str, tmp_path: Path) -> None:
    expected, _ = read(plain)
    data = DRESSES[dress](plain)
    path = tmp_path / "whatever.name"
    path.write_bytes(data)
    capture = open_capture(str(path), 3, digest=True)
    assert list(capture) == [frame._replace(capture=3) for frame in expected]
    assert capture.sha256 == hashlib.sha256(data).hexdigest()
    assert capture.bytes == capture.size == len(data)
    assert capture.compression == (None if dress == "plain" else dress)
    assert (capture.path, capture.name, capture.index) == (str(path), str(path), 3)
    piped = open_capture("-", stdin=io.BytesIO(data), digest=True)
    assert list(piped) == expected
    assert (piped.path, piped.name, piped.size) == ("-", "standard input", None)
    assert piped.sha256 == capture.sha256


@pytest.mark.parametrize("dress", ["gzip", "zstd"])
def test_a_cut_inside_a_compressed_file_is_noted(dress: str) -> None:
    data = DRESSES[dress](PCAP[:-3])
    frames, capture = read(data)
    assert len(frames) == 2
    assert capture.notes == ["cut in the middle of packet 3; the 2 before it were read"]


def test_a_compressed_file_cut_short_gives_what_is_there() -> None:
    many = [Record(START + n, n, n.to_bytes(4, "big") * 20, 80) for n in range(5000)]
    for compress in (gzip.compress, zstandard.ZstdCompressor().compress):
        whole = compress(pcap(many))
        frames, capture = read(whole[: len(whole) * 3 // 4])
        assert frames == frames_of(many)[: len(frames)]
        assert 0 < len(frames) < 5000
        assert capture.notes[0].endswith("data ends early")
        assert capture.bytes == len(whole) * 3 // 4


def test_damage_says_where_in_what_was_compressed() -> None:
    _, capture = read(gzip.compress(PCAP + b"\xff" * 16))
    assert capture.notes[0].startswith(f"damaged at byte {len(PCAP)} (uncompressed): packet 4 ")


def test_a_gigabyte_in_a_packet_costs_nothing() -> None:
    lie = pcap([])[:24] + bytes(8) + (1 << 30).to_bytes(4, "little") * 2
    frames, capture = read(gzip.compress(lie + bytes(1_000_000)))
    assert frames == []
    assert "claims 1,073,741,824 captured bytes" in capture.notes[0]


def test_frames_are_given_once() -> None:
    _, capture = read(PCAP)
    assert list(capture) == []


def test_who_stops_early_may_close(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(PCAP)
    with open_capture(str(path), digest=True) as capture:
        first = next(iter(capture))
    assert first.data == b"first packet"
    assert capture.packets == 1
    assert capture.sha256 is None
    assert list(capture) == []


def test_opened_but_never_read_may_close(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(PCAP)
    capture = open_capture(str(path), digest=True)
    capture.close()
    assert list(capture) == []
    assert capture.sha256 is None


def test_progress_tells_bytes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(pcap([Record(START, 0, bytes(1000), 1000)] * 1000))
    capture = open_capture(str(path))
    seen: list[tuple[int, int | None]] = []
    capture.progress = lambda done, total: seen.append((done, total))
    assert len(list(capture)) == 1000
    size = path.stat().st_size
    assert seen[-1] == (size, size)
    assert all(total == size for _, total in seen)


def test_one_capture_is_passed_straight_through() -> None:
    capture = open_capture("-", stdin=io.BytesIO(PCAP))
    assert merged([capture]) is iter(capture)
    assert list(merged([])) == []


@given(st.lists(st.lists(st.integers(0, 5)), min_size=2, max_size=4))
def test_captures_merge_by_time_the_earlier_first(times: list[list[int]]) -> None:
    captures = [
        open_capture(
            "-", index, stdin=io.BytesIO(pcap([Record(at, 0, b"", 0) for at in sorted(seconds)]))
        )
        for index, seconds in enumerate(times)
    ]
    frames = list(merged(captures))
    keys = [(frame.at, frame.capture, frame.number) for frame in frames]
    assert keys == sorted(keys)
    assert len(frames) == sum(map(len, times))


def test_a_capture_out_of_order_keeps_its_order_when_merged() -> None:
    captures = [
        open_capture("-", index, stdin=io.BytesIO(pcap([Record(s, 0, b"", 0) for s in seconds])))
        for index, seconds in enumerate([(5, 1, 9), (2, 6)])
    ]
    frames = list(merged(captures))
    assert [frame.number for frame in frames if frame.capture == 0] == [1, 2, 3]
    assert len(frames) == 5


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xd4\xc3", "not a capture (starts with bytes d4 c3)"),
        (b"PK\x03\x04", 'not a capture (starts with "PK", a zip file?)'),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"\x1f\x8b\x08\0", "the gzip data ends early"),
        (
            gzip.compress(b"hello, world", mtime=0),
            'not a capture (gzip data that starts with "hello, world", text? A capture is what tcp',
        ),
        (
            gzip.compress(gzip.compress(PCAP, mtime=0), mtime=0),
            "not a capture (gzip data that starts with bytes 1f 8b 08, gzip-compressed twice?",
        ),
        (b"\x28\xb5\x2f\xfd", "the zstd data ends early"),
    ],
)
def test_what_is_no_capture_says_what_it_may_be(data: bytes, words: str) -> None:
    with pytest.raises(CarpscopeError) as caught:
        read(data)
    assert str(caught.value).startswith(f"standard input: {words}")


MAGICS = [PCAP[:24], PCAP[:40], PCAPNG[:28], PCAPNG[:48], PCAPNG, b"\x1f\x8b\x08\0", b""]


@given(st.sampled_from(MAGICS), st.binary(max_size=300), st.sampled_from(list(DRESSES)))
@example(PCAPNG, b"\xff" * 40, "plain")
def test_any_bytes_are_read_or_refused_in_one_line(head: bytes, junk: bytes, dress: str) -> None:
    data = DRESSES[dress](head + junk)
    try:
        frames, capture = read(data)
    except CarpscopeError as error:
        words = str(error)
        assert words.isprintable()
        return
    assert capture.packets >= len(frames)
    assert [frame.number for frame in frames] == sorted({frame.number for frame in frames})
    assert all(note.isprintable() for note in capture.notes)
    assert capture.bytes == len(data)
    assert capture.sha256 == hashlib.sha256(data).hexdigest()


@given(st.data())
def test_any_changed_byte_is_survived(data: st.DataObject) -> None:
    spoilt = bytearray(data.draw(st.sampled_from([PCAP, PCAPNG])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[place] = data.draw(st.integers(0, 255))
    try:
        frames, capture = read(bytes(spoilt))
    except CarpscopeError:
        return
    assert capture.packets >= len(frames)


def test_memory_does_not_grow_with_the_file() -> None:
    small, large = (pcap([Record(START, 0, bytes(900), 900)] * count) for count in (2_000, 20_000))
    peaks = []
    for data in (small, large):
        capture = open_capture("-", stdin=io.BytesIO(data))
        tracemalloc.start()
        try:
            for _ in capture:
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 < 3 << 20


def test_a_plain_capture_imports_nothing_slow() -> None:
    code = (
        "import io, sys\n"
        "from carpscope.capture.source import open_capture\n"
        f"assert len(list(open_capture('-', stdin=io.BytesIO({PCAPNG!r})))) == 2\n"
        "print(*{'zstandard', 'dpkt', 'pcapy', 'dataclasses', 'gzip', 'asyncio'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def frames(batches: Iterator[Batch]) -> list[Frame]:
    return [frame for batch in batches for frame in batch.frames()]


def test_however_a_pipe_cuts_the_bytes_the_frames_are_the_same() -> None:
    expected, _ = read(PCAPNG)
    for size in range(1, len(PCAPNG)):
        chunks = (PCAPNG[at : at + size] for at in range(0, len(PCAPNG), size))
        assert frames(pcapng.batches(chunks, CaptureCounts())) == expected
    header = classic.read_header(PCAP)
    assert header is not None
    for size in range(24, len(PCAP)):  # the header comes whole, by what opens it
        chunks = (PCAP[at : at + size] for at in range(0, len(PCAP), size))
        assert frames(classic.batches(header, chunks, CaptureCounts())) == frames_of(SAMPLE)
