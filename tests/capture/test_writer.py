"""Frames into files: what is written is what is read, byte for byte the same each time."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture.writer import PcapngWriter, PcapWriter
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from tests.capture.builder import block, interface, option, read, section


@st.composite
def captured(draw: st.DrawFn, *, seconds: int, links: tuple[int, ...] = (1,)) -> list[Frame]:
    """Draw frames as a capture may hold them, numbered from 1."""
    frames = []
    for number in range(1, draw(st.integers(0, 6)) + 1):
        data = draw(st.binary(max_size=70))
        at = draw(st.integers(0, seconds * 10**9 - 1))
        length = len(data) + draw(st.integers(0, 1500))
        frames.append(Frame(number, at, draw(st.sampled_from(links)), data, length))
    return frames


def pcap_of(frames: list[Frame], *, nanoseconds: bool = False) -> bytes:
    stream = io.BytesIO()
    writer = PcapWriter(stream, nanoseconds=nanoseconds)
    for frame in frames:
        writer.write(frame)
    return stream.getvalue()


def pcapng_of(frames: list[Frame], comment: str | None = None) -> bytes:
    stream = io.BytesIO()
    writer = PcapngWriter(stream)
    for frame in frames:
        writer.write(frame, comment)
    return stream.getvalue()


@given(captured(seconds=1 << 32), st.booleans())
def test_pcap_comes_back(frames: list[Frame], nanoseconds: bool) -> None:
    back, capture = read(pcap_of(frames, nanoseconds=nanoseconds))
    unit = 1 if nanoseconds else 1000
    assert back == [frame._replace(at=frame.at // unit * unit) for frame in frames]
    assert capture.nanosecond is nanoseconds


@given(captured(seconds=18_446_744_073, links=(1, 113, 276, 65535)), st.text(max_size=20))
def test_pcapng_comes_back(frames: list[Frame], comment: str) -> None:
    back, capture = read(pcapng_of(frames, comment))
    links = list(dict.fromkeys(frame.link for frame in frames))
    assert back == [frame._replace(interface=links.index(frame.link)) for frame in frames]
    assert capture.comments == (len(frames) if comment else 0)


def test_pcap_is_written_byte_for_byte() -> None:
    frame = Frame(1, 1_700_000_000_123_456_789, 1, b"abc", 60)
    header = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    assert pcap_of([frame]) == header + struct.pack("<IIII", 1_700_000_000, 123456, 3, 60) + b"abc"


def test_pcapng_is_written_byte_for_byte() -> None:
    frame = Frame(9, 1_700_000_000_123_456_789, 276, b"abc", 60)
    at = struct.pack("<II", frame.at >> 32, frame.at & 0xFFFF_FFFF)
    head = struct.pack("<I", 0) + at + struct.pack("<II", 3, 60)
    assert pcapng_of([frame], "see") == (
        section(options=option(4, b"carpscope") + option(0, b""))
        + interface(276, resolution=9, snaplen=262144)
        + block(6, head + b"abc\0" + option(1, b"see") + option(0, b""))
    )


def test_who_made_it_and_why_stand_in_the_section() -> None:
    stream = io.BytesIO()
    PcapngWriter(stream, application="carpscope 1.0", comment="found ✗")
    assert stream.getvalue() == section(
        options=option(1, "found ✗".encode()) + option(4, b"carpscope 1.0") + option(0, b"")
    )


def test_one_interface_for_each_link_type_at_its_first_packet() -> None:
    links = (1, 276, 1, 113, 276)
    frames = [Frame(number, number, link, b"x", 1) for number, link in enumerate(links, 1)]
    data = pcapng_of(frames)
    back, capture = read(data)
    assert [frame.interface for frame in back] == [0, 1, 0, 2, 1]
    assert capture.link_types == ["EN10MB", "LINUX_SLL2", "LINUX_SLL"]
    assert data.count(interface(276, resolution=9, snaplen=262144)) == 1


def test_a_snap_length_cuts_and_keeps_the_length_on_the_wire() -> None:
    frame = Frame(1, 0, 1, b"0123456789", 10)
    for writer in (PcapWriter, PcapngWriter):
        stream = io.BytesIO()
        writer(stream, snaplen=4).write(frame)
        (back,), capture = read(stream.getvalue())
        assert (back.data, back.wire_length) == (b"0123", 10)
        assert capture.notes == ["1 packet cut by snaplen"]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (Frame(7, 0, 276, b"", 0), "packet 7 is LINUX_SLL2 in a pcap file of EN10MB: pcap holds"),
        (Frame(7, -1, 1, b"", 0), "packet 7: pcap holds times from 1970 to 2106 only"),
        (Frame(7, (1 << 32) * 10**9, 1, b"", 0), "packet 7: pcap holds times from 1970 to 2106"),
    ],
)
def test_what_pcap_cannot_hold_is_refused(frame: Frame, words: str) -> None:
    with pytest.raises(CarpscopeError, match=words):
        PcapWriter(io.BytesIO()).write(frame)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (Frame(7, -1, 1, b"", 0), "packet 7: pcapng holds times from 1970 to 2554"),
        (Frame(7, 1 << 64, 1, b"", 0), "packet 7: pcapng holds times from 1970 to 2554"),
        (Frame(7, 0, 65536, b"", 0), "packet 7: pcapng has no link type 65536"),
    ],
)
def test_what_pcapng_cannot_hold_is_refused(frame: Frame, words: str) -> None:
    with pytest.raises(CarpscopeError, match=words):
        PcapngWriter(io.BytesIO()).write(frame)


def test_a_comment_too_long_is_cut_between_characters() -> None:
    frame = Frame(1, 0, 1, b"x", 1)
    data = pcapng_of([frame], "é" * 40_000)
    assert data.count("é".encode()) == 0xFFFF // 2
    (back,), capture = read(data)
    assert (back, capture.comments, capture.notes) == (frame, 1, [])


def test_lone_surrogates_do_not_stop_a_comment() -> None:
    _, capture = read(pcapng_of([Frame(1, 0, 1, b"x", 1)], "name\udcff"))
    assert capture.comments == 1
