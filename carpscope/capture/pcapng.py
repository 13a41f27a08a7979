"""pcapng: sections of blocks; interfaces with their own link type and clock.

dpkt's reader is not used: it applies the first interface to all packets and
gives times as floats. Its classes for blocks would do for the descriptions, but
importing dpkt takes longer than reading a small capture.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from carpscope.capture.blocks import (
    ENHANCED_PACKET,
    INTERFACE,
    PACKET,
    SECTION,
    STATISTICS,
    Blocks,
    options,
)
from carpscope.capture.tally import BEFORE_THE_FIRST, Tally
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND, Nanos

INTERFACE_LIMIT = 65_536
"""The most interfaces a section may describe: packets of old blocks can name no more."""

_OPT_COMMENT = 1
_IF_TSRESOL = 9
_IF_TSOFFSET = 14
_ISB_IFDROP = 5
_ISB_OSDROP = 7
_EPB_DROPCOUNT = 4
_DROPS_UNKNOWN = 0xFFFF


class Interface(NamedTuple):
    """What an Interface Description Block says of its packets."""

    link: int
    scale: int
    """Nanoseconds are ticks * scale // divisor + offset."""
    divisor: int
    offset: Nanos
    number: int
    """From 0 within the capture, counting through its sections."""
    snaplen: int


class Packet(NamedTuple):
    """What the three kinds of packet block have in common, bytes not yet taken."""

    interface: int
    ticks: int | None
    captured: int
    length: int
    start: int


def frames(chunks: Iterator[bytes], tally: Tally, capture: int = 0) -> Iterator[Frame]:
    """Give the packets of a pcapng file, in its order.

    Ends at the end of the chunks or where the bytes stop making sense; the
    tally has a note then. Whoever stops early finds in it what was read.
    """
    make = tuple.__new__
    blocks = Blocks(chunks, tally)
    section = _Section("<", 0, tally)
    interfaces = section.interfaces
    enhanced = struct.Struct("<IIIII").unpack_from
    number = snapped = late = 0
    first = last = BEFORE_THE_FIRST

    try:
        for kind, buffer, begin, stop in blocks:
            if kind == ENHANCED_PACKET and stop - begin >= 32:
                which, high, low, captured, length = enhanced(buffer, begin + 8)
                ticks: int | None = high << 32 | low
                start = begin + 28
                if stop - 4 - start - captured > 3:
                    section.packet_options(buffer[start + (captured + 3 & ~3) : stop - 4])
            elif kind == SECTION:
                tally.packets = number
                if not _is_version_1(buffer[begin:stop], blocks.order, tally):
                    return
                section = _Section(blocks.order, section.base + len(section.interfaces), tally)
                interfaces = section.interfaces
                enhanced = struct.Struct(f"{blocks.order}IIIII").unpack_from
                continue
            elif kind in (INTERFACE, STATISTICS):
                tally.packets = number
                if not section.describe(kind, buffer[begin:stop]):
                    return
                continue
            else:
                packet = section.rare_packet(kind, buffer, begin, stop)
                which, ticks, captured, length, start = packet
            number += 1
            tally.packets = number
            if which >= len(interfaces):
                tally.undefined += 1
                continue
            if captured > stop - 4 - start:
                tally.broken += 1
                continue
            link, scale, divisor, offset, interface, _ = interfaces[which]
            if ticks is None:
                at = last if last is not BEFORE_THE_FIRST else 0
                tally.timeless += 1
            else:
                at = ticks * scale // divisor + offset
            if at < last:
                if last is BEFORE_THE_FIRST:
                    first = last = at
                else:
                    late += 1
                    first = min(first, at)
            else:
                last = at
            if length > captured:
                snapped += 1
            yield make(
                Frame,
                (number, at, link, buffer[start : start + captured], length, capture, interface),
            )
    finally:
        tally.packets, tally.snapped, tally.late = number, snapped, late
        if last is not BEFORE_THE_FIRST:
            tally.first, tally.last = first, last


def _is_version_1(block: bytes, order: str, tally: Tally) -> bool:
    if len(block) >= 28:
        major, minor = struct.unpack_from(f"{order}HH", block, 12)
        if major == 1:
            return True
        problem = f"a section is pcapng {major}.{minor}, only 1.x is known"
    else:
        problem = f"a section header has {len(block)} bytes of at least 28"
    tally.problems.append(f"{problem}; reading stopped there, after packet {tally.packets:,}")
    return False


class _Section:
    """What holds from one section header to the next."""

    def __init__(self, order: str, base: int, tally: Tally) -> None:
        self.order = order
        self.base = base
        """Interfaces of the sections before."""
        self.interfaces: list[Interface] = []
        self._tally = tally

    def describe(self, kind: int, block: bytes) -> bool:
        """Read an interface description or statistics; False where reading must end."""
        if kind == STATISTICS:
            self._statistics(block)
            return True
        problem = None
        if len(block) < 20:
            problem = f"an interface description has {len(block)} bytes of at least 20"
        elif len(self.interfaces) >= INTERFACE_LIMIT:
            problem = f"more than {INTERFACE_LIMIT:,} interfaces in a section"
        if problem:
            # without it every packet behind would count for the wrong interface
            self._tally.problems.append(
                f"{problem}; reading stopped there, after packet {self._tally.packets:,}"
            )
            return False
        self.interfaces.append(self._interface(block))
        self._tally.see_link(self.interfaces[-1].link)
        return True

    def _interface(self, block: bytes) -> Interface:
        link, _, snaplen = struct.unpack_from(f"{self.order}HHI", block, 8)
        scale, divisor, offset = 1000, 1, 0
        for code, value in options(block[16:-4], self.order):
            if code == _IF_TSRESOL and value:
                scale, divisor = _resolution(value[0])
            elif code == _IF_TSOFFSET and len(value) == 8:
                offset = struct.unpack(f"{self.order}q", value)[0] * SECOND
        if scale < 1000 * divisor:
            self._tally.nanosecond = True
        number = self.base + len(self.interfaces)
        return Interface(link, scale, divisor, offset, number, snaplen)

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
            self._tally.isb_drops[self.base + which] = sum(drops)

    def packet_options(self, body: bytes) -> None:
        """Count comments and losses an Enhanced Packet Block tells of."""
        for code, value in options(body, self.order):
            if code == _OPT_COMMENT:
                self._tally.comments += 1
            elif code == _EPB_DROPCOUNT and len(value) == 8:
                self._lost(struct.unpack(f"{self.order}Q", value)[0])

    def _lost(self, count: int) -> None:
        self._tally.packet_drops = (self._tally.packet_drops or 0) + count

    def rare_packet(self, kind: int, buffer: bytes, begin: int, stop: int) -> Packet:
        """Read the head of an obsolete or a simple packet block, or of one cut short.

        A block too small for its head gives a packet that claims more than there is.
        """
        size = stop - begin
        if kind == PACKET and size >= 32:
            which, drops, high, low, captured, length = struct.unpack_from(
                f"{self.order}HHIIII", buffer, begin + 8
            )
            if drops != _DROPS_UNKNOWN:
                self._lost(drops)
            return Packet(which, high << 32 | low, captured, length, begin + 28)
        if kind in (PACKET, ENHANCED_PACKET) or size < 16:
            return Packet(0, 0, size, size, begin + 8)
        (length,) = struct.unpack_from(f"{self.order}I", buffer, begin + 8)
        snaplen = self.interfaces[0].snaplen if self.interfaces else 0
        captured = min(length, size - 16, snaplen or length)
        return Packet(0, None, captured, length, begin + 12)


def _resolution(code: int) -> tuple[int, int]:
    """Read if_tsresol: a negative power of 2 with the top bit set, else of 10."""
    if code & 0x80:
        return SECOND, 1 << (code & 0x7F)
    return (10 ** (9 - code), 1) if code <= 9 else (1, 10 ** (code - 9))
