"""snoop: what Solaris and AIX write.

    "snoop" 0 0 0 | version 4 | datalink 4
    wire length 4 | captured 4 | record 4 | drops 4 | seconds 4 | microseconds 4 | bytes, padded

Source: RFC 1761.
"""

import struct
from collections.abc import Iterator

from carpscope.capture.counts import CaptureCounts
from carpscope.capture.fileformat import PACKET_LIMIT, Bytes, FileRecord, Format
from carpscope.core.units import MICROSECOND, SECOND

_MAGIC = b"snoop\0\0\0"
_RECORD = struct.Struct("!IIIIII")
_LINKS = {0: 1, 4: 1, 2: 6, 8: 10}
"""IEEE 802.3, Ethernet, token ring, FDDI."""
_OTHER = 1 << 16
"""Added to a datalink that has no LINKTYPE here, so that it is no other's number."""


def _records(chunks: Iterator[bytes], counts: CaptureCounts) -> Iterator[FileRecord]:
    stream = Bytes(chunks)
    head = stream.take(16)
    if len(head) < 16:
        counts.problems.append("a snoop file cut within its first 16 bytes")
        return
    datalink = int.from_bytes(head[12:16], "big")
    link = _LINKS.get(datalink, _OTHER + datalink)
    drops_before = 0
    while head := stream.take(_RECORD.size):
        if len(head) < _RECORD.size:
            counts.cut(len(head))
            return
        wire, captured, record, drops, seconds, micro = _RECORD.unpack(head)
        if not captured <= record - _RECORD.size <= PACKET_LIMIT:
            counts.problems.append(f"damaged: a record of {record:,} bytes; {counts.read_so_far()}")
            return
        body = stream.take(record - _RECORD.size)
        if len(body) < captured:
            counts.cut(len(body) or 1)
            return
        drops_before = max(drops_before, drops)
        counts.packet_drops = drops_before or counts.packet_drops
        yield FileRecord(seconds * SECOND + micro * MICROSECOND, link, body[:captured], wire)


FORMAT = Format("snoop", lambda head: head.startswith(_MAGIC), _records)
