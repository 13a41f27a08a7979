r"""Packets as text: `tcpdump -xx`, `tcpdump -x`, and the dumps that text2pcap takes.

    11:43:02.918562 IP 192.0.2.1 > 224.0.0.18: …          the line before a packet tells the time
    \t0x0000:  0100 5e00 0012 0000 5e00 0001 0800 4510
    0000  01 00 5e 00 00 12 …                             as Wireshark prints and text2pcap reads

Offset 0 begins a packet, but where it is indented further: -vvv dumps parts of a packet so.
Without a date (-tttt) the day is the first of 1970. What begins with an IP header
as long as the packet was printed without its link layer (-x) and is bare IP.

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
_CAPTURE_MAGIC = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)
"""How pcap and pcapng files begin."""
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


class _Dump:
    """The packet whose lines are read, and what is known of the next."""

    def __init__(self, counts: CaptureCounts) -> None:
        self._counts = counts
        self.data = bytearray()
        self.at: Nanos = 0
        self._next: Nanos | None = None
        self._depth = self._least = _LONGEST
        """How far this packet is indented, and the leftmost one."""
        self.skipped = 0
        self._differs = False

    def see_time(self, text: str) -> None:
        """Take a line without bytes, which may tell the time of the next packet."""
        time = _time(text)
        if time is not None:
            is_earlier = time < (self.at if self._next is None else self._next)
            if is_earlier and text.startswith(" ") and not self._differs:
                self._differs = True
                self._counts.problems.append(
                    "times that are differences (tcpdump -ttt); print them with -tttt"
                )
            self._next = time

    def see_bytes(self, text: str, offset: int, digits: str) -> FileRecord | None:
        """Take a line of bytes; return the packet that ended before it."""
        wide = text.expandtabs()
        indent = len(wide) - len(wide.lstrip())
        if indent > self._least:
            return None
        done = self._begin(indent) if offset == 0 else None
        if offset != len(self.data) or offset > PACKET_LIMIT:
            self.skipped += 1
            return done
        bare = digits.replace(" ", "")
        self.data += bytes.fromhex(bare[: len(bare) & ~1])
        return done

    def _begin(self, indent: int) -> FileRecord | None:
        done = None
        if self.data and self._next is None and indent < self._depth:
            pass  # a part of this packet was dumped before it
        else:
            done = _record(self.at, self.data) if self.data else None
            self._counts.timeless += self._next is None
            self.at = self.at if self._next is None else self._next
        self.data, self._next, self._depth, self._least = bytearray(), None, indent, indent
        return done


def _records(chunks: Iterator[bytes], counts: CaptureCounts) -> Iterator[FileRecord]:
    dump = _Dump(counts)
    for text in lines(chunks, _LONGEST):
        found = _BYTES.match(text)
        if found is None:
            dump.see_time(text)
            continue
        done = dump.see_bytes(text, int(found[1], 16), found[2])
        if done is not None:
            yield done
    if dump.data.startswith(_CAPTURE_MAGIC):
        counts.problems.append("the dump of a capture file, not of packets; turn it back: xxd -r")
        return
    if dump.data:
        yield _record(dump.at, dump.data)
    if dump.skipped:
        counts.problems.append(
            f"{dump.skipped:,} lines of bytes that follow no other were left out"
        )


def _record(at: Nanos, data: bytearray) -> FileRecord:
    whole = bytes(data)
    return FileRecord(at, _RAW if _is_ip(whole) else _ETHERNET, whole, len(whole))


FORMAT = Format("hexdump", _matches, _records)
