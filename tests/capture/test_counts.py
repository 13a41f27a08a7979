"""The account of a capture, and the sentences made of it."""

import pytest

from carpscope.capture.counts import BEFORE_THE_FIRST, CaptureCounts


def test_nothing_read_is_nothing_to_say() -> None:
    counts = CaptureCounts()
    assert counts.notes() == []
    assert counts.drops() is None
    assert (counts.first, counts.last) == (None, None)


def test_an_account_before_any_packet_has_no_times() -> None:
    counts = CaptureCounts()
    counts.account(0, BEFORE_THE_FIRST, BEFORE_THE_FIRST, 0, 0)
    assert (counts.packets, counts.first, counts.last) == (0, None, None)


@pytest.mark.parametrize(
    ("packets", "note"),
    [
        (0, "cut in the middle of packet 1; nothing is before it"),
        (1, "cut in the middle of packet 2; the one before it was read"),
        (94_312, "cut in the middle of packet 94,313; the 94,312 before it were read"),
    ],
)
def test_a_cut_says_what_was_read(packets: int, note: str) -> None:
    counts = CaptureCounts()
    counts.packets = packets
    counts.cut(3)
    assert counts.notes() == [note]


def test_every_count_has_its_sentence_in_singular_and_plural() -> None:
    counts = CaptureCounts()
    counts.snapped, counts.late, counts.undefined, counts.broken, counts.timeless = 1, 2, 3, 1, 1000
    counts.packet_drops = 1
    assert counts.notes() == [
        "1 packet cut by snaplen",
        "2 packets out of time order",
        "1 packet dropped by the capture itself",
        "3 packets of an interface the file does not describe; skipped",
        "1 packet whose lengths contradict the block; skipped",
        "1,000 packets without a time; that of the packet before was taken",
    ]


def test_drops_are_not_counted_twice() -> None:
    counts = CaptureCounts()
    counts.packet_drops = 4
    counts.isb_drops = {0: 3, 1: 2}
    assert counts.drops() == 5


def test_zero_drops_are_known_but_not_worth_a_note() -> None:
    counts = CaptureCounts()
    counts.isb_drops = {0: 0}
    assert counts.drops() == 0
    assert counts.notes() == []


def test_links_are_named_once_in_order_of_appearance() -> None:
    counts = CaptureCounts()
    for link in (276, 1, 276, 147, 101, 12):
        counts.see_link(link)
    assert counts.link_names() == ["LINUX_SLL2", "EN10MB", "LINKTYPE 147", "RAW"]
    assert counts.notes() == [
        "link type LINKTYPE 147 is not decoded; its packets cannot be looked into"
    ]
