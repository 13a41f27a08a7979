"""Why dpkt reads and writes no packets here: each trap, and that ours is none.

A test that fails after an upgrade of dpkt means that it got better there.
"""

import io
import struct

import pytest
from dpkt import pcap as dpkt_pcap
from dpkt import pcapng as dpkt_pcapng

from carpscope.capture.writer import PcapngWriter, PcapWriter
from carpscope.core.frame import Frame
from tests.capture.builder import (
    NANO,
    Record,
    enhanced,
    interface,
    obsolete,
    option,
    pcap,
    read,
    section,
    simple,
)

AT = 1_700_000_000_123_456_789


def dpkt_packets(data: bytes) -> list[tuple[float, bytes]]:
    return list(dpkt_pcap.UniversalReader(io.BytesIO(data)))


def test_a_record_cut_by_the_end_is_handed_out_as_if_whole() -> None:
    data = pcap([Record(1, 0, b"whole", 5), Record(2, 0, b"not whole", 9)])[:-4]
    assert [packet for _, packet in dpkt_packets(data)] == [b"whole", b"not w"]
    frames, capture = read(data)
    assert [frame.data for frame in frames] == [b"whole"]
    assert capture.notes == ["cut in the middle of packet 2; the one before it was read"]


def test_times_of_pcapng_are_floats_and_lose_nanoseconds() -> None:
    data = section() + interface(resolution=9) + enhanced(b"x", AT)
    ((at, _),) = dpkt_packets(data)
    assert isinstance(at, float)
    assert int(at * 10**9) != AT
    (frame,), _ = read(data)
    assert frame.at == AT


def test_times_of_nanosecond_pcap_are_decimals_and_of_microsecond_pcap_floats() -> None:
    for magic, kind in ((NANO, "Decimal"), (0xA1B2C3D4, "float")):
        ((at, _),) = dpkt_packets(pcap([Record(1, 5, b"x", 1)], magic=magic))
        assert type(at).__name__ == kind
        (frame,), _ = read(pcap([Record(1, 5, b"x", 1)], magic=magic))
        assert type(frame.at) is int


def test_the_length_on_the_wire_is_not_told() -> None:
    data = pcap([Record(1, 0, b"cut", 1500)])
    assert [len(entry) for entry in dpkt_packets(data)] == [2]
    (frame,), _ = read(data)
    assert frame.wire_length == 1500


def test_the_first_interface_is_applied_to_all_packets() -> None:
    data = section() + interface(1, resolution=6) + interface(276, resolution=9)
    data += enhanced(b"x", AT, which=1)
    reader = dpkt_pcapng.Reader(io.BytesIO(data))
    ((at, _),) = list(reader)
    assert reader.datalink() == 1
    assert at > 10**11, "nanoseconds taken for microseconds: in the year 55840"
    (frame,), _ = read(data)
    assert (frame.link, frame.at) == (276, AT)


def test_a_section_of_the_other_byte_order_is_not_followed() -> None:
    data = section("<") + interface(1, "<") + enhanced(b"one", 1, "<")
    data += section(">") + interface(1, ">") + enhanced(b"two", 2, ">")
    assert [packet for _, packet in dpkt_packets(data)] == [b"one"]
    frames, _ = read(data)
    assert [frame.data for frame in frames] == [b"one", b"two"]


def test_simple_packets_are_passed_over() -> None:
    data = section() + interface() + simple(b"simple") + enhanced(b"enhanced", 1)
    assert [packet for _, packet in dpkt_packets(data)] == [b"enhanced"]
    frames, _ = read(data + obsolete(b"obsolete", 1))
    assert [frame.data for frame in frames] == [b"simple", b"enhanced", b"obsolete"]


def test_a_comment_that_is_no_text_raises_while_reading() -> None:
    data = section() + interface() + enhanced(b"x", 1, options=option(1, b"\xff\xfe"))
    with pytest.raises(UnicodeDecodeError):
        dpkt_packets(data)
    frames, capture = read(data)
    assert (len(frames), capture.comments) == (1, 1)


def test_writing_takes_a_float_and_loses_nanoseconds() -> None:
    frame = Frame(1, AT, 1, b"abc", 60)
    theirs, ours = io.BytesIO(), io.BytesIO()
    dpkt_pcap.Writer(theirs, nano=True).writepkt(frame.data, ts=AT / 10**9)
    PcapWriter(ours, nanoseconds=True).write(frame)
    assert read(theirs.getvalue())[0][0].at != AT
    assert read(ours.getvalue())[0][0].at == AT


def test_writing_puts_the_captured_length_for_that_on_the_wire() -> None:
    frame = Frame(1, AT, 1, b"abc", 60)
    lost = dpkt_pcapng.EnhancedPacketBlockLE(pkt_data=b"abc", pkt_len=60, opts=[])
    assert struct.unpack_from("<II", bytes(lost), 20) == (3, 3)
    ours = io.BytesIO()
    PcapngWriter(ours).write(frame)
    assert read(ours.getvalue())[0] == [frame]


@pytest.mark.parametrize("order", ["<", ">"])
def test_descriptions_are_right_and_that_is_what_dpkt_is_used_for(order: str) -> None:
    suffix = "LE" if order == "<" else ""
    option_kind = getattr(dpkt_pcapng, f"PcapngOption{suffix}")
    header = getattr(dpkt_pcapng, f"SectionHeaderBlock{suffix}")()
    header.opts = [option_kind(code=4, data=b"maker"), option_kind(code=0)]
    options = option(4, b"maker", order) + option(0, b"", order)
    assert bytes(header) == section(order, options=options)
    kind = getattr(dpkt_pcapng, f"InterfaceDescriptionBlock{suffix}")
    description = kind(linktype=276, snaplen=262144)
    description.opts = [option_kind(code=9, data=b"\x09"), option_kind(code=0)]
    assert bytes(description) == interface(276, order, resolution=9, snaplen=262144)
