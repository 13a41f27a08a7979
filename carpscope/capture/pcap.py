"""The classic capture file: a header of 24 bytes, then records.

    |              magic            | major | minor |      0        |
    |           accuracy            |    snap length                |
    | FCS |F|              link type            |

    |            seconds            |    micro- or nanoseconds      |
    |        captured length        |        length on the wire     |
    | captured bytes ...

Everything is in the byte order of the machine that wrote it, which the magic
number tells. Records are taken from large blocks of the file with one unpacking
each; dpkt's reader is not used because it gives times as floats or Decimals and
hands out a record that the end of the file has cut as if it were whole.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from carpscope.capture.counts import BEFORE_THE_FIRST, CaptureCounts
from carpscope.core.batch import Batch, Drops, Row
from carpscope.core.units import MICROSECOND

HEADER_SIZE = 24

PACKET_LIMIT = 262_144
"""The most one record may hold: the largest snap length libpcap accepts for networks.
A larger number is damage, and believing it would allocate what an attacker likes."""

MICROSECONDS = 0xA1B2C3D4
_NANOSECONDS = 0xA1B23C4D
_MODIFIED = 0xA1B2CD34
"""Alexey Kuznetzov's format of old Linux: eight more bytes in each record's header."""
_LONGER = (0, 8, 12, 4)
"""Bytes more than 16 in a record's header: none, Linux since 1999 and Red Hat 6.1, SuSE 6.3, Nokia.
Two of them have the plain magic number, so the records themselves have to tell.

Source: Wireshark, wiretap/libpcap.c and libpcap.h."""
_LOOKED_AT = 20
"""Records: by chance that many never fit."""

_FCS_PRESENT = 0x0400_0000
_LINK_MASK = 0x03FF_FFFF  # as libpcap's LT_LINKTYPE()


class Header(NamedTuple):
    """What stands before the first record."""

    order: str
    """`<` or `>`, as `struct` spells it."""
    magic: int
    version: tuple[int, int]
    snaplen: int
    link: int
    fcs_length: int
    """Bytes of frame check sequence at the end of each packet, 0 where not told."""
    longer: int = 0
    """Bytes that each record's header has beyond its sixteen."""

    @property
    def nanosecond(self) -> bool:
        """Tell whether the fractions count nanoseconds."""
        return self.magic == _NANOSECONDS


def is_pcap(head: bytes) -> bool:
    """Tell whether a file begins as a pcap file does."""
    return _order(head) is not None


def _order(head: bytes) -> str | None:
    known = (MICROSECONDS, _NANOSECONDS, _MODIFIED)
    if int.from_bytes(head[:4], "little") in known:
        return "<"
    return ">" if int.from_bytes(head[:4], "big") in known else None


def read_header(head: bytes) -> Header | None:
    """Read the file header; None where there are not 24 bytes of one."""
    order = _order(head)
    if order is None or len(head) < HEADER_SIZE:
        return None
    magic, major, minor, _, _, snaplen, link = struct.unpack_from(f"{order}IHHIIII", head)
    fcs_length = (link >> 28) * 2 if link & _FCS_PRESENT else 0
    return Header(order, magic, (major, minor), snaplen, link & _LINK_MASK, fcs_length)


def with_records(header: Header, beginning: bytes) -> Header:
    """Find out how long the headers of records are, from as many as `beginning` has."""
    order = _LONGER[1:] if header.magic == _MODIFIED else _LONGER
    fits = (longer for longer in order if _chains(header, beginning, longer))
    return header._replace(longer=next(fits, order[0]))


def _chains(header: Header, data: bytes, longer: int) -> bool:
    """Tell whether the first records, two at least, follow each other with such headers."""
    unit = 1_000_000_000 if header.nanosecond else 1_000_000
    at, seen = HEADER_SIZE, 0
    while len(data) >= at + 16 and seen < _LOOKED_AT:
        _, fraction, captured, length = struct.unpack_from(f"{header.order}IIII", data, at)
        if fraction >= unit or captured > min(length, PACKET_LIMIT):
            return False
        at, seen = at + 16 + longer + captured, seen + 1
    return seen > 1


def batches(
    header: Header,
    chunks: Iterator[bytes],
    counts: CaptureCounts,
    capture: int = 0,
    drops: Drops | None = None,
) -> Iterator[Batch]:
    """Give the packets behind the header, in the order of the file, block by block.

    Ends at the end of the chunks or where the bytes stop making sense; the
    counts has a note then. What `drops` says is of no interest is counted and not given.
    """
    record = struct.Struct(f"{header.order}IIII{header.longer}x")
    unpack, record_size = record.unpack_from, record.size
    scale = 1 if header.nanosecond else MICROSECOND
    link = header.link
    rest = b""
    second, base = 0, 0
    number = snapped = late = 0
    first = last = BEFORE_THE_FIRST
    offset, here = 0, HEADER_SIZE
    problem = ""
    describe(header, counts)

    for chunk in chunks:
        buffer = rest + chunk if rest else chunk
        end = len(buffer)
        rows: list[Row] = []
        add = rows.append
        while (start := here + record_size) <= end:
            seconds, fraction, captured, length = unpack(buffer, here)
            stop = start + captured
            if stop > end or captured > PACKET_LIMIT:
                if captured > PACKET_LIMIT:
                    counts.account(number, first, last, snapped, late)
                    problem = insane(counts, offset + here, captured)
                break
            if seconds != second:
                second, base = seconds, seconds * 1_000_000_000
            at = base + fraction * scale
            if at < last:
                if number:
                    late += 1
                    first = min(first, at)
                else:
                    first = last = at
            else:
                last = at
            if length > captured:
                snapped += 1
            number += 1
            here = stop
            if (
                drops is None
                # IPv4 of protocol 112, or ARP: what most captures are of is never dropped
                or (captured > 38 and buffer[start + 23] == 112 and buffer[start + 12] == 8)
                or not drops(buffer, start, captured, link)
            ):
                add((at, number, start, captured, length, 0))
        counts.account(number, first, last, snapped, late)
        if rows:
            yield Batch(buffer, rows, (link,), capture)
        if problem:
            counts.problems.append(problem)
            return
        rest = buffer[here:]
        offset += here
        here = 0
    if rest:
        counts.cut(len(rest))


def describe(header: Header, counts: CaptureCounts) -> None:
    """Note what the header says of all packets."""
    counts.nanosecond = header.nanosecond
    counts.see_link(header.link)
    counts.see_snap_length(header.snaplen)
    if header.version != (2, 4):
        major, minor = header.version
        counts.problems.append(f"pcap version {major}.{minor} was read as if it were 2.4")
    if header.fcs_length:
        counts.problems.append(
            f"each packet ends with {header.fcs_length} bytes of frame check sequence"
        )


def insane(counts: CaptureCounts, offset: int, captured: int) -> str:
    """Say where a length makes no sense."""
    return (
        f"damaged at {counts.place(offset)}: packet {counts.packets + 1:,} claims {captured:,} "
        f"captured bytes, the most is {PACKET_LIMIT:,}; {counts.read_so_far()}"
    )
