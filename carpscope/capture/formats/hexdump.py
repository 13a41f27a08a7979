r"""Packets as text: `tcpdump -xx`, `tcpdump -x`, and the dumps that text2pcap takes.

    11:43:02.918562 IP 192.0.2.1 > 224.0.0.18: …          the line before a packet tells the time
    \t0x0000:  0100 5e00 0012 0000 5e00 0001 0800 4510
    0000  01 00 5e 00 00 12 …                             as Wireshark prints and text2pcap reads

Offset 0 begins a packet. Without a date (-tttt) the day is the first of 1970. What begins with an
IP header as long as the packet was printed without its link layer (-x) and is bare IP.

Source: tcpdump(1), text2pcap(1).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from carpscope.capture.counts import CaptureCounts
from carpscope.capture.fileformat import PACKET_LIMIT, FileRecord, Format, lines
from carpscope.core.units import SECOND, Nanos

_ETHERNET, _RAW = 1, 101
_LONGEST = 400
_BYTES = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{3,8}):?\s+((?:[0-9a-fA-F]{2,4} ?)+)(?:\s|$)")
_TIME = re.compile(r"(?:(\d{4})-(\d\d)-(\d\d)[ T])?(\d\d):(\d\d):(\d\d)\.(\d{1,9})")
_EPOCH = re.compile(r"\s*(\d{9,10})\.(\d{1,9})\b")


def _matches(head: bytes) -> bool:
    """Tell whether a line of bytes that begins at offset 0 is among the first lines."""
    if b"\0" in head:
        return False
    texts = head.decode("utf-8", "replace").splitlines()
    found = (_BYTES.match(text) for text in texts)
    return any(one is not None and int(one[1], 16) == 0 and len(one[2]) > 8 for one in found)


def _time(text: str) -> Nanos | None:
    epoch = _EPOCH.match(text)
    if epoch is not None:
        return int(epoch[1]) * SECOND + int(epoch[2].ljust(9, "0"))
    found = _TIME.search(text)
    if found is None:
        return None
    year, month, day, *clock = found.groups()
    hours, minutes, seconds = (int(part) for part in clock[:3])
    try:
        date = datetime(int(year or 1970), int(month or 1), int(day or 1), tzinfo=UTC)
    except ValueError:
        return None
    whole = int(date.timestamp()) + hours * 3600 + minutes * 60 + seconds
    return whole * SECOND + int(clock[3].ljust(9, "0"))


def _is_ip(data: bytes) -> bool:
    if len(data) >= 20 and data[0] >> 4 == 4:
        return int.from_bytes(data[2:4], "big") == len(data)
    return (
        len(data) >= 40 and data[0] >> 4 == 6 and int.from_bytes(data[4:6], "big") == len(data) - 40
    )


def _records(chunks: Iterator[bytes], counts: CaptureCounts) -> Iterator[FileRecord]:
    data = bytearray()
    at: Nanos = 0
    following: Nanos | None = None
    skipped = 0
    for text in lines(chunks, _LONGEST):
        found = _BYTES.match(text)
        if found is None:
            following = _time(text) or following
            continue
        offset = int(found[1], 16)
        if offset == 0:
            if data:
                yield _record(at, data)
            counts.timeless += following is None
            data, at = bytearray(), at if following is None else following
            following = None
        if offset != len(data) or offset > PACKET_LIMIT:
            skipped += 1
            continue
        digits = found[2].replace(" ", "")
        data += bytes.fromhex(digits[: len(digits) & ~1])
    if data:
        yield _record(at, data)
    if skipped:
        counts.problems.append(f"{skipped:,} lines of bytes that follow no other were left out")


def _record(at: Nanos, data: bytearray) -> FileRecord:
    whole = bytes(data)
    return FileRecord(at, _RAW if _is_ip(whole) else _ETHERNET, whole, len(whole))


FORMAT = Format("hexdump", _matches, _records)
