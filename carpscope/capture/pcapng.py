"""pcapng: sections of blocks; interfaces with their own link type and clock.

dpkt's reader is not used: it applies the first interface to all packets and
gives times as floats. Its classes for blocks would do for the descriptions, but
importing dpkt takes longer than reading a small capture.
"""

import struct
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from carpscope.capture import blocks as kinds
from carpscope.capture.blocks import ENHANCED_PACKET, Blocks, options
from carpscope.capture.counts import BEFORE_THE_FIRST, CaptureCounts
from carpscope.core.batch import Batch, Drops, Row
from carpscope.core.units import SECOND, Nanos

INTERFACE_LIMIT = 65_536
"""The most interfaces a section may describe: packets of old blocks can name no more."""

SECTION_MIN = 28
"""Bytes of the smallest section header."""

ENHANCED_MIN = 32
"""Bytes of the smallest packet block that has a time."""

_ODD_SIZE = 0xFFF0_0003
"""Bits that no length of a block we read has: it is a multiple of 4 up to BLOCK_LIMIT."""

_OPT_COMMENT = 1
_IF_TSRESOL = 9
_IF_FILTER = 11
_FILTER_TEXT = 0
"""The first byte of if_filter where a filter as libpcap's follows."""
_IF_TSOFFSET = 14
_ISB_IFDROP = 5
_ISB_OSDROP = 7
_EPB_DROPCOUNT = 4
_DROPS_UNKNOWN = 0xFFFF


class InterfaceBlock(NamedTuple):
    """What an Interface Description Block says of its packets."""

    link: int
    scale: int
    """Nanoseconds are ticks * scale // divisor + offset."""
    divisor: int
    offset: Nanos
    number: int
    """From 0 within the capture, counting through its sections."""
    snaplen: int


class BlockPacket(NamedTuple):
    """A packet of a rarer block; its bytes are not taken yet."""

    at: Nanos
    link: int
    captured: int
    length: int
    start: int
    """Where in the block the captured bytes begin."""
    interface: int


def batches(
    chunks: Iterator[bytes], counts: CaptureCounts, capture: int = 0, drops: Drops | None = None
) -> Iterator[Batch]:
    """Give the packets of a pcapng file, in its order, block by block.

    Ends at the end of the chunks or where the bytes stop making sense; the
    counts has a note then. What `drops` says is of no interest is counted and not given.
    """
    blocks = Blocks(chunks, counts)
    section = Section(blocks, counts)
    enhanced, size_at, interfaces = section.enhanced, section.size_at, section.interfaces
    number = snapped = late = 0
    first = last = BEFORE_THE_FIRST

    for buffer in blocks.buffers():
        here, end = 0, len(buffer)
        rows: list[Row] = []
        while here < end:
            try:
                kind, size, which, high, low, captured, length = enhanced(buffer, here)
            except struct.error:
                kind = size = which = high = low = captured = length = 0
            stop = here + size
            slack = size - ENHANCED_MIN - captured
            # nearly every block: an enhanced packet, whole and without contradiction
            if (
                kind == ENHANCED_PACKET
                and stop <= end
                and slack >= 0
                and not size & _ODD_SIZE
                and size_at(buffer, stop - 4)[0] == size
                and which < len(interfaces)
            ):
                start = here + 28
                link, scale, divisor, offset, interface, _ = interfaces[which]
                at = (high << 32 | low) * scale // divisor + offset
                if slack > 3:
                    section.packet_options(buffer[start + (captured + 3 & ~3) : stop - 4])
            else:
                counts.account(number, first, last, snapped, late)
                whole = blocks.whole(buffer, here)
                if whole is None:
                    break
                kind, stop = whole
                packet = section.read(kind, buffer[here:stop], last)
                if packet is None:
                    if blocks.is_ended:
                        break
                    number += kind in kinds.PACKETS  # one that could not be used
                    enhanced, size_at = section.enhanced, section.size_at
                    interfaces = section.interfaces
                    here = stop
                    continue
                at, link, captured, length, start, interface = packet
                start += here
            here = stop
            number += 1
            if at < last:
                if last == BEFORE_THE_FIRST:
                    first = last = at
                else:
                    late += 1
                    first = min(first, at)
            else:
                last = at
            if length > captured:
                snapped += 1
            if drops is None or not drops(buffer, start, captured, link):
                rows.append((at, number, start, captured, length, interface))
        blocks.here = here
        counts.account(number, first, last, snapped, late)
        if rows:
            yield Batch(buffer, rows, section.links, capture)


class Section:
    """What holds from one section header to the next, and what descriptions tell."""

    def __init__(self, blocks: Blocks, counts: CaptureCounts) -> None:
        self._blocks = blocks
        self._counts = counts
        self.links = array("H")
        """Of every interface so far, those of sections before included: two bytes for each."""
        self._begin(base=0)

    def _begin(self, base: int) -> None:
        self.order = self._blocks.order
        self.enhanced = struct.Struct(f"{self.order}IIIIIII").unpack_from
        self.size_at = struct.Struct(f"{self.order}I").unpack_from
        self.interfaces: list[InterfaceBlock] = []
        self._counts.close_section()
        self.base = base
        """Interfaces of the sections before."""

    def read(self, kind: int, block: bytes, last: Nanos) -> BlockPacket | None:
        """Take in a block; give the packet where it is one that can be used.

        `last` is the latest time so far, for packets that have none.
        """
        if kind in kinds.PACKETS:
            return self._packet(kind, block, last)
        if kind == kinds.SECTION:
            self._section(block)
        elif kind == kinds.INTERFACE:
            self._describe(block)
        elif kind == kinds.STATISTICS:
            self._statistics(block)
        return None

    def _section(self, block: bytes) -> None:
        self._begin(self.base + len(self.interfaces))
        if len(block) < SECTION_MIN:
            self._blocks.end(f"a section header has {len(block)} bytes of at least {SECTION_MIN}")
            return
        major, minor = struct.unpack_from(f"{self.order}HH", block, 12)
        if major != 1:
            self._blocks.end(f"a section is pcapng {major}.{minor}, only 1.x is known")

    def _describe(self, block: bytes) -> None:
        # passed over, it would make every packet behind it count for the wrong interface
        if len(block) < 20:
            self._blocks.end(f"an interface description has {len(block)} bytes of at least 20")
            return
        if len(self.interfaces) >= INTERFACE_LIMIT:
            self._blocks.end(f"more than {INTERFACE_LIMIT:,} interfaces in a section")
            return
        link, _, snaplen = struct.unpack_from(f"{self.order}HHI", block, 8)
        scale, divisor, offset = 1000, 1, 0
        for code, value in options(block[16:-4], self.order):
            if code == _IF_TSRESOL and value:
                scale, divisor = _resolution(value[0])
            elif code == _IF_TSOFFSET and len(value) == 8:
                offset = struct.unpack(f"{self.order}q", value)[0] * SECOND
            elif code == _IF_FILTER and value[:1] == bytes((_FILTER_TEXT,)):
                self._counts.see_filter(value[1:].decode(errors="replace"))
        if scale < 1000 * divisor:
            self._counts.nanosecond = True
        number = self.base + len(self.interfaces)
        self.interfaces.append(InterfaceBlock(link, scale, divisor, offset, number, snaplen))
        self.links.append(link)
        self._counts.see_link(link)
        self._counts.see_snap_length(snaplen)

    def _statistics(self, block: bytes) -> None:
        if len(block) < 24:
            return
        (which,) = struct.unpack_from(f"{self.order}I", block, 8)
        drops = [
            struct.unpack(f"{self.order}Q", value)[0]
            for code, value in options(block[20:-4], self.order)
            if code in (_ISB_IFDROP, _ISB_OSDROP) and len(value) == 8
        ]
        if drops and which < len(self.interfaces):
            # counted since the capture began: a later block replaces an earlier one
            self._counts.isb_drops[self.base + which] = sum(drops)

    def packet_options(self, body: bytes) -> None:
        """Count comments and losses an Enhanced Packet Block tells of."""
        for code, value in options(body, self.order):
            if code == _OPT_COMMENT:
                self._counts.comments += 1
            elif code == _EPB_DROPCOUNT and len(value) == 8:
                self._lost(struct.unpack(f"{self.order}Q", value)[0])

    def _lost(self, count: int) -> None:
        self._counts.packet_drops = (self._counts.packet_drops or 0) + count

    def _packet(self, kind: int, block: bytes, last: Nanos) -> BlockPacket | None:
        room = len(block) - ENHANCED_MIN
        which = start = captured = length = 0
        ticks: int | None = None
        if kind == kinds.SIMPLE_PACKET and len(block) >= 16:
            (length,) = struct.unpack_from(f"{self.order}I", block, 8)
            room = len(block) - 16
            snaplen = self.interfaces[0].snaplen if self.interfaces else 0
            captured, start = min(length, room, snaplen or length), 12
        elif kind != kinds.SIMPLE_PACKET and room >= 0:
            layout = f"{self.order}{'HH' if kind == kinds.PACKET else 'I'}IIII"
            which, *drops, high, low, captured, length = struct.unpack_from(layout, block, 8)
            if drops and drops[0] != _DROPS_UNKNOWN:
                self._lost(drops[0])
            ticks, start = high << 32 | low, 28
        if not start or captured > room:
            self._counts.broken += 1
            return None
        if which >= len(self.interfaces):
            self._counts.undefined += 1
            return None
        link, scale, divisor, offset, interface, _ = self.interfaces[which]
        if ticks is None:
            self._counts.timeless += 1
            at = 0 if last == BEFORE_THE_FIRST else last
        else:
            at = ticks * scale // divisor + offset
        if kind != kinds.SIMPLE_PACKET:
            self.packet_options(block[28 + (captured + 3 & ~3) : -4])
        return BlockPacket(at, link, captured, length, start, interface)


def _resolution(code: int) -> tuple[int, int]:
    """Read if_tsresol: a negative power of 2 with the top bit set, else of 10."""
    if code & 0x80:
        return SECOND, 1 << (code & 0x7F)
    return (10 ** (9 - code), 1) if code <= 9 else (1, 10 ** (code - 9))
