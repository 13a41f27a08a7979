"""What is counted while a capture is read, and what of it a person should know.

The readers keep their counts in local variables and write them here once a
block: an attribute a packet would cost more than reading the packet.

A plain class, here and beside: importing `dataclasses` takes longer than
reading a small capture does.
"""

from carpscope.capture.linktypes import is_read, link_name
from carpscope.core.units import Nanos

LINKS_KEPT = 64
"""Different link types of one capture that are listed; a file can name all 65,536."""
FILTER_KEPT = 1000
"""Characters of a filter."""
BEFORE_THE_FIRST: Nanos = 1 << 200
"""Stands for the latest time so far where no packet has been read: later than any."""


class CaptureCounts:
    """The running account of one capture."""

    __slots__ = (
        "broken",
        "comments",
        "compressed",
        "filters",
        "first",
        "isb_drops",
        "isb_over",
        "last",
        "late",
        "links",
        "links_unlisted",
        "nanosecond",
        "packet_drops",
        "packets",
        "problems",
        "snap_length",
        "snapped",
        "timeless",
        "undefined",
    )

    def __init__(self) -> None:
        """Start with nothing read."""
        self.packets = 0
        """Packets of the file, also those that could not be given as frames."""
        self.first: Nanos | None = None
        self.last: Nanos | None = None
        self.late = 0
        """Packets whose time lies before that of a packet before them."""
        self.snapped = 0
        """Packets of which less was captured than was on the wire."""
        self.broken = 0
        """Packets whose lengths contradict the block they are in."""
        self.undefined = 0
        """Packets of an interface the file does not describe."""
        self.timeless = 0
        """Packets without a time of their own (pcapng Simple Packet Blocks)."""
        self.comments = 0
        self.links: dict[int, None] = {}
        self.links_unlisted = False
        """Whether there are more of them than are listed."""
        self.nanosecond = False
        self.compressed = False
        self.packet_drops: int | None = None
        """Lost packets by the counts that packets carry; None where none does."""
        self.isb_drops: dict[int, int] = {}
        """Lost packets by the statistics at the end, for each interface of the section,"""
        self.isb_over: int | None = None
        """and for all of the sections before; None where they say nothing."""
        self.snap_length: int | None = None
        """The least that the file says it was captured with; None where it says none."""
        self.filters: list[str] = []
        """The capture filters that a pcapng file names."""
        self.problems: list[str] = []
        """What ended the reading early, or was odd about the file."""

    def account(self, packets: int, first: Nanos, last: Nanos, snapped: int, late: int) -> None:
        """Write down what a reader has counted, all of it since the beginning."""
        self.packets, self.snapped, self.late = packets, snapped, late
        if last != BEFORE_THE_FIRST:
            self.first, self.last = first, last

    def see_link(self, link: int) -> None:
        """Remember a link type at its first appearance."""
        if link not in self.links:
            if len(self.links) < LINKS_KEPT:
                self.links[link] = None
            else:
                self.links_unlisted = True

    def see_snap_length(self, length: int) -> None:
        """Note what an interface was captured with; 0 says nothing."""
        if length:
            self.snap_length = min(length, self.snap_length or length)

    def see_filter(self, text: str) -> None:
        """Note a capture filter."""
        if text not in self.filters and len(self.filters) < LINKS_KEPT:
            self.filters.append(text[:FILTER_KEPT])

    def close_section(self) -> None:
        """Sum up what statistics said of the interfaces of a section: there are no more."""
        if self.isb_drops:
            self.isb_over = (self.isb_over or 0) + sum(self.isb_drops.values())
            self.isb_drops.clear()

    def place(self, offset: int) -> str:
        """Say where: a byte of the file, or of what came out of it."""
        return f"byte {offset:,}{' (uncompressed)' if self.compressed else ''}"

    def cut(self, present: int, *, packet: bool = True) -> None:
        """Note that the file ends early, `present` bytes into something."""
        assert present > 0
        where = (
            f"packet {self.packets + 1:,}" if packet else f"a block after packet {self.packets:,}"
        )
        self.problems.append(f"cut in the middle of {where}; {self.read_so_far()}")

    def read_so_far(self) -> str:
        """Say how much came before the end, `the 94,312 before it were read`."""
        match self.packets:
            case 0:
                return "nothing is before it"
            case 1:
                return "the one before it was read"
        return f"the {self.packets:,} before it were read"

    def drops(self) -> int | None:
        """Packets the capture itself lost; None where the file does not say.

        Both counts may tell of the same losses, so they are not added.
        """
        counts = [] if self.packet_drops is None else [self.packet_drops]
        if self.isb_drops or self.isb_over is not None:
            counts.append((self.isb_over or 0) + sum(self.isb_drops.values()))
        return max(counts) if counts else None

    def notes(self) -> list[str]:
        """What a person should know, the reason for an early end first."""
        notes = list(self.problems)
        notes += [
            f"link type {link_name(link)} is not decoded; its packets cannot be looked into"
            for link in self.links
            if not is_read(link)
        ]
        if self.links_unlisted:
            notes.append(f"more than {LINKS_KEPT} link types; the others are not listed")
        for count, what in (
            (self.snapped, "cut by snaplen"),
            (self.late, "out of time order"),
            (self.drops() or 0, "dropped by the capture itself"),
            (self.undefined, "of an interface the file does not describe; skipped"),
            (self.broken, "whose lengths contradict the block; skipped"),
            (self.timeless, "without a time; that of the packet before was taken"),
        ):
            if count:
                notes.append(f"{count:,} {'packet' if count == 1 else 'packets'} {what}")
        return notes

    def link_names(self) -> list[str]:
        """Give the names of the link types in order of appearance."""
        return list(dict.fromkeys(link_name(link) for link in self.links))
