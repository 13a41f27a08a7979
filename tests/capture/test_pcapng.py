"""pcapng: sections, interfaces, clocks, and the blocks people meet rarely."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from tests.capture.builder import (
    block,
    enhanced,
    interface,
    obsolete,
    option,
    orders,
    read,
    section,
    simple,
    statistics,
)

T = 1_700_000_000


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list[Frame]]:
    """Draw a file of several sections with interfaces of their own, and what is in it."""
    data, frames, base = b"", list[Frame](), 0
    for order in draw(st.lists(orders, min_size=1, max_size=3)):
        data += section(order, options=draw(st.sampled_from([b"", option(4, b"maker", order)])))
        known: list[tuple[int, int, int]] = []
        for _ in range(draw(st.integers(0, 8))):
            if not known or draw(st.booleans()):
                clock = (
                    draw(st.sampled_from([0, 1, 113, 276])),
                    draw(st.sampled_from([0, 3, 6, 9, 12, 0x80, 0x8A, 0xA0])),
                    draw(st.integers(-3, 10**6)),
                )
                data += interface(clock[0], order, resolution=clock[1], offset=clock[2])
                known.append(clock)
                continue
            which = draw(st.integers(0, len(known) - 1))
            link, resolution, offset = known[which]
            ticks = draw(st.integers(0, 2**64 - 1))
            packet = draw(st.binary(max_size=40))
            if draw(st.booleans()):
                data += enhanced(packet, ticks, order, which=which, length=len(packet) + 1)
                length = len(packet) + 1
            else:
                data += obsolete(packet, ticks, order, which=which)
                length = len(packet)
            base_2 = resolution & 0x80
            unit = Fraction(1, (2 if base_2 else 10) ** (resolution & 0x7F))
            at = int(ticks * unit * 10**9 // 1) + offset * 10**9
            frames.append(Frame(len(frames) + 1, at, link, packet, length, 0, base + which))
            data += draw(
                st.sampled_from([b"", block(4, b"names", order), block(0x0BAD, b"", order)])
            )
        base += len(known)
    return data, frames


@given(files())
def test_each_packet_has_link_type_and_clock_of_its_interface(
    file: tuple[bytes, list[Frame]],
) -> None:
    data, expected = file
    frames, capture = read(data)
    assert frames == expected
    assert capture.format == "pcapng"
    assert capture.packets == len(expected)
    assert capture.first == min((frame.at for frame in expected), default=None)
    assert capture.last == max((frame.at for frame in expected), default=None)


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_truncation_gives_the_whole_packets_and_a_note(order: str) -> None:
    parts = [
        section(order),
        interface(1, order),
        enhanced(b"one packet", T, order, options=option(1, b"said", order)),
        block(4, b"a name", order),
        obsolete(b"two", T + 1, order),
        simple(b"three", order),
        statistics(0, order, ifdrop=0),
    ]
    ends = [len(b"".join(parts[: count + 1])) for count in range(len(parts))]
    packets = [ends[2], ends[4], ends[5]]
    whole = b"".join(parts)
    everything, _ = read(whole)
    assert [frame.data for frame in everything] == [b"one packet", b"two", b"three"]
    for size in range(28, len(whole) + 1):
        frames, capture = read(whole[:size])
        assert frames == everything[: sum(end <= size for end in packets)]
        cut = [note for note in capture.notes if note.startswith("cut in the middle of")]
        assert len(cut) == (size not in ends)


def test_a_section_header_cut_short_is_an_error() -> None:
    for size in range(12, 28):
        with pytest.raises(CarpscopeError, match="a pcapng file cut within its first 28 bytes"):
            read(section()[:size])


def test_interfaces_are_numbered_through_the_sections() -> None:
    data = section() + interface(1) + interface(113) + enhanced(b"a", T, which=1)
    data += section(">") + interface(276, ">") + enhanced(b"b", T, ">", which=0)
    frames, capture = read(data)
    assert [(frame.link, frame.interface) for frame in frames] == [(113, 1), (276, 2)]
    assert capture.link_types == ["EN10MB", "LINUX_SLL", "LINUX_SLL2"]


@pytest.mark.parametrize(
    ("resolution", "ticks", "at", "is_finer"),
    [
        (None, 1_700_000_000_123_456, 1_700_000_000_123_456_000, False),
        (6, 1_700_000_000_123_456, 1_700_000_000_123_456_000, False),
        (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789, True),
        (0, 1_700_000_000, 1_700_000_000_000_000_000, False),
        (12, 1_000_000_000_001_999, 1_000_000_000_001, True),
        (0x80 | 10, 1024 * 7 + 512, 7_500_000_000, False),
        (0x80 | 30, (1 << 30) * 3 + 1, 3_000_000_000, True),
        (127, 10**18, 0, True),
        (0xFF, 10**18, 0, True),
    ],
)
def test_clocks(resolution: int | None, ticks: int, at: int, is_finer: bool) -> None:
    data = section() + interface(resolution=resolution) + enhanced(b"x", ticks)
    (frame,), capture = read(data)
    assert frame.at == at
    assert capture.nanosecond is is_finer


@given(orders, st.integers(-(2**63), 2**63 - 1))
def test_a_clock_may_be_set_off_by_seconds(order: str, offset: int) -> None:
    data = section(order) + interface(1, order, resolution=9, offset=offset)
    (frame,), _ = read(data + enhanced(b"x", 5, order))
    assert frame.at == offset * 10**9 + 5


def test_a_simple_packet_takes_the_time_before_it_and_is_noted() -> None:
    data = section() + interface(snaplen=4) + simple(b"early", length=60)
    data += enhanced(b"x", T * 10**6) + simple(b"late")
    frames, capture = read(data)
    assert [(frame.at, frame.data, frame.wire_length) for frame in frames] == [
        (0, b"earl", 60),
        (T * 10**9, b"x", 1),
        (T * 10**9, b"late", 4),
    ]
    assert capture.notes == [
        "1 packet cut by snaplen",
        "2 packets without a time; that of the packet before was taken",
    ]


def test_packets_of_an_unknown_interface_are_counted_and_skipped() -> None:
    data = section() + enhanced(b"before", T) + simple(b"before") + interface()
    data += enhanced(b"behind", T, which=7) + obsolete(b"behind", T, which=1) + enhanced(b"x", T)
    frames, capture = read(data)
    assert [(frame.number, frame.data) for frame in frames] == [(5, b"x")]
    assert capture.packets == 5
    assert capture.notes == ["4 packets of an interface the file does not describe; skipped"]


def test_interfaces_of_an_earlier_section_do_not_hold() -> None:
    frames, capture = read(section() + interface() + section() + enhanced(b"x", T))
    assert frames == []
    assert "of an interface the file does not describe" in capture.notes[0]


def test_packets_longer_than_their_block_are_counted_and_skipped() -> None:
    lying = bytearray(enhanced(b"four", T))
    lying[20] = 5
    data = section() + interface() + bytes(lying) + block(6, b"short") + block(3, b"")
    frames, capture = read(data + enhanced(b"good", T))
    assert [(frame.number, frame.data) for frame in frames] == [(4, b"good")]
    assert capture.notes == ["3 packets whose lengths contradict the block; skipped"]


def test_drops_are_told_by_statistics_the_last_of_each_interface() -> None:
    data = section() + interface() + interface() + statistics(0, ifdrop=3)
    data += statistics(0, ifdrop=5, osdrop=1, ifrecv=99) + statistics(1, ifdrop=10)
    _, capture = read(data + statistics(7, ifdrop=1000))
    assert capture.drops == 16
    assert capture.notes == ["16 packets dropped by the capture itself"]


def test_drops_are_told_by_packets() -> None:
    lost = option(4, (7).to_bytes(8, "little"))
    data = section() + interface() + enhanced(b"a", T, options=lost) + obsolete(b"b", T, drops=2)
    _, capture = read(data + obsolete(b"c", T, drops=0xFFFF))
    assert capture.drops == 9


def test_without_any_count_drops_are_unknown() -> None:
    _, capture = read(section() + interface() + enhanced(b"a", T))
    assert capture.drops is None


def test_comments_are_counted() -> None:
    said = option(1, b"look here") + option(1, b"and here") + option(0, b"")
    data = section() + interface() + enhanced(b"abc", T, options=said) + enhanced(b"d", T)
    frames, capture = read(data)
    assert [frame.data for frame in frames] == [b"abc", b"d"]
    assert capture.comments == 2


def test_another_major_version_ends_the_reading() -> None:
    frames, capture = read(section() + interface() + enhanced(b"a", T) + section(major=2))
    assert len(frames) == 1
    assert capture.notes == [
        "a section is pcapng 2.0, only 1.x is known; reading stopped there, after packet 1"
    ]


def test_a_short_interface_description_ends_the_reading() -> None:
    data = section() + interface() + enhanced(b"a", T) + block(1, b"") + enhanced(b"b", T)
    frames, capture = read(data)
    assert [frame.data for frame in frames] == [b"a"]
    (note,) = capture.notes
    assert note.startswith("an interface description has 12 bytes of at least 20; reading stopped")
