"""Classic files: both byte orders and clocks, cut and damaged ones."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture.pcap import PACKET_LIMIT
from carpscope.core.errors import CarpscopeError
from tests.capture.builder import (
    MICRO,
    MODIFIED,
    NANO,
    SAMPLE,
    START,
    Record,
    frames_of,
    orders,
    pcap,
    read,
)

magics = st.sampled_from([MICRO, NANO, MODIFIED])
words = st.integers(0, 0xFFFF_FFFF)
records = st.lists(
    st.builds(Record, words, st.integers(0, 999_999), st.binary(max_size=80), words), max_size=12
)


@given(records, orders, magics)
def test_every_record_comes_back_with_its_exact_time(
    written: list[Record], order: str, magic: int
) -> None:
    frames, capture = read(pcap(written, order=order, magic=magic))
    expected = frames_of(written, 1 if magic == NANO else 1000)
    assert frames == expected
    assert capture.packets == len(expected)
    assert capture.nanosecond == (magic == NANO)
    assert capture.first == min((frame.at for frame in expected), default=None)
    assert capture.last == max((frame.at for frame in expected), default=None)
    assert capture.link_types == ["EN10MB"]
    assert capture.format == "pcap"


def test_seconds_are_unsigned() -> None:
    (frame,), _ = read(pcap([Record(0xFFFF_FFFF, 1, b"in 2106", 7)]))
    assert frame.at == 0xFFFF_FFFF * 10**9 + 1000


@pytest.mark.parametrize("magic", [MICRO, NANO, MODIFIED])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_truncation_gives_the_whole_records_and_a_note(order: str, magic: int) -> None:
    whole = pcap(SAMPLE, order=order, magic=magic)
    ends = [len(pcap(SAMPLE[:count], order=order, magic=magic)) for count in range(4)]
    expected = frames_of(SAMPLE, 1 if magic == NANO else 1000)
    for size in range(24, len(whole) + 1):
        complete = sum(end <= size for end in ends) - 1
        frames, capture = read(whole[:size])
        assert frames == expected[:complete]
        cut = [note for note in capture.notes if note.startswith("cut in the middle")]
        assert len(cut) == (size not in ends)
        assert all(f"packet {complete + 1}; " in note for note in cut)
        assert capture.bytes == size


def test_a_header_cut_short_is_an_error() -> None:
    for size in range(4, 24):
        with pytest.raises(CarpscopeError, match="a pcap file cut within its first 24 bytes"):
            read(pcap([])[:size])


@pytest.mark.parametrize("claimed", [PACKET_LIMIT + 1, 0x7FFF_FFFF, 0xFFFF_FFFF])
@pytest.mark.parametrize("behind", [0, 300_000])
def test_a_length_no_network_makes_ends_the_reading(claimed: int, behind: int) -> None:
    bad = struct.pack("<IIII", START, 0, claimed, claimed) + bytes(behind)
    frames, capture = read(pcap(SAMPLE) + bad)
    assert frames == frames_of(SAMPLE)
    assert capture.notes[0] == (
        f"damaged at byte {len(pcap(SAMPLE))}: packet 4 claims {claimed:,} captured bytes, "
        "the most is 262,144; the 3 before it were read"
    )
    assert capture.sha256 is not None
    assert capture.bytes == len(pcap(SAMPLE) + bad)


def test_the_largest_packet_is_read() -> None:
    big = Record(START, 0, bytes(PACKET_LIMIT), PACKET_LIMIT)
    frames, capture = read(pcap([big, *SAMPLE]))
    assert [len(frame.data) for frame in frames] == [PACKET_LIMIT, 12, 0, 14]
    assert capture.notes == ["1 packet cut by snaplen"]


def test_records_across_many_blocks_of_the_file_are_whole() -> None:
    written = [Record(START + n, n, bytes([n % 251]) * (n % 700), n % 700) for n in range(2000)]
    frames, capture = read(pcap(written))
    assert frames == frames_of(written)
    assert capture.notes == []


def test_packets_out_of_time_order_are_counted_and_kept_in_place() -> None:
    written = [Record(START + seconds, 0, b"", 0) for seconds in (5, 3, 4, 6, 6, 1)]
    frames, capture = read(pcap(written))
    assert frames == frames_of(written)
    assert capture.notes == ["3 packets out of time order"]
    assert (capture.first, capture.last) == ((START + 1) * 10**9, (START + 6) * 10**9)


def test_check_sequence_bits_are_no_part_of_the_link_type() -> None:
    frames, capture = read(pcap(SAMPLE[:1], link=1 | 0x0400_0000 | 2 << 28))
    assert frames[0].link == 1
    assert capture.notes == ["each packet ends with 4 bytes of frame check sequence"]


def test_check_sequence_length_counts_only_with_its_flag() -> None:
    _, capture = read(pcap(SAMPLE[:1], link=1 | 2 << 28))
    assert (capture.link_types, capture.notes) == (["EN10MB"], [])


def test_other_versions_are_read_and_noted() -> None:
    frames, capture = read(pcap(SAMPLE[:1], version=(2, 3)))
    assert frames == frames_of(SAMPLE[:1])
    assert capture.notes == ["pcap version 2.3 was read as if it were 2.4"]


def test_who_stops_early_finds_what_was_read() -> None:
    _, capture = read(pcap([]))
    assert capture.packets == 0
