"""Blocks: their two lengths, and what happens where these make no sense."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture.blocks import BLOCK_LIMIT, SKIP_LIMIT, byte_order, options
from tests.capture.builder import block, enhanced, interface, option, orders, read, section

GOOD = section() + interface() + enhanced(b"good", 1)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (struct.pack("<III", 9, 8, 8), "a block of 8 bytes (at least 12, and a multiple of 4"),
        (struct.pack("<IIII", 9, 0, 0, 0), "a block of 0 bytes"),
        (struct.pack("<III", 9, 14, 0) + b"\0\0", "a block of 14 bytes"),
        (struct.pack("<III", 6, 0x1000_0000, 0), "a block of 268,435,456 bytes, the most is 1,0"),
        (struct.pack("<III", 9, 0x1000_0000, 0), "a block of 268,435,456 bytes, the most is 16,"),
        (struct.pack("<III", 9, 12, 16), "the two lengths of a block differ"),
        (enhanced(b"x", 1)[:-4] + b"\x28\0\0\0", "the two lengths of a block differ"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "a section header without byte order"),
    ],
)
def test_nonsense_ends_the_reading_and_is_noted(bad: bytes, problem: str) -> None:
    frames, capture = read(GOOD + bad + enhanced(b"behind", 2))
    assert [frame.data for frame in frames] == [b"good"]
    (note,) = capture.notes
    assert note.startswith(f"damaged at byte {len(GOOD)}: {problem}")
    assert note.endswith("; reading stopped there, after packet 1")
    assert capture.sha256 is not None


@pytest.mark.parametrize("size", [BLOCK_LIMIT, BLOCK_LIMIT + 4, 3_000_000, SKIP_LIMIT])
def test_large_blocks_of_unknown_kind_are_passed_over(size: int) -> None:
    frames, capture = read(GOOD + block(0x0BAD, bytes(size - 12)) + enhanced(b"behind", 2))
    assert [frame.data for frame in frames] == [b"good", b"behind"]
    assert capture.notes == []


def test_a_large_block_cut_short_is_noted() -> None:
    frames, capture = read(GOOD + block(0x0BAD, bytes(3_000_000))[:-1])
    assert len(frames) == 1
    assert capture.notes == [
        "cut in the middle of a block after packet 1; the one before it was read"
    ]


def test_a_known_block_may_be_as_long_as_the_limit() -> None:
    long = enhanced(b"", 1, options=option(2988, bytes(1000)) * 1000)
    frames, capture = read(GOOD + long)
    assert len(long) < BLOCK_LIMIT
    assert (len(frames), capture.notes) == (2, [])


def test_a_packet_block_longer_than_the_limit_ends_the_reading() -> None:
    _, capture = read(GOOD + enhanced(bytes(BLOCK_LIMIT), 1))
    assert "the most is 1,048,572; reading stopped" in capture.notes[0]


@pytest.mark.parametrize(
    ("head", "order"),
    [
        (section("<"), "<"),
        (section(">"), ">"),
        (b"\x0a\x0d\x0d\x0a", None),
        (b"\x0a\x0d\x0d\x0a\0\0\0\x1c\0\0\0\0", None),
        (b"", None),
    ],
)
def test_byte_order(head: bytes, order: str | None) -> None:
    assert byte_order(head) == order


@given(orders, st.lists(st.tuples(st.integers(1, 0xFFFF), st.binary(max_size=9)), max_size=5))
def test_options_come_back(order: str, written: list[tuple[int, bytes]]) -> None:
    body = b"".join(option(code, value, order) for code, value in written)
    assert list(options(body, order)) == written
    assert list(options(body + option(0, b"", order) + b"junk" * 3, order)) == written


@given(orders, st.binary(max_size=60))
def test_any_bytes_are_some_options(order: str, body: bytes) -> None:
    assert sum(4 + len(value) for _, value in options(body, order)) <= len(body)
