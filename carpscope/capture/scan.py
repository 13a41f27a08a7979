"""A quick look at a long file: libpcap finds the packets of interest, and only those are read.

libpcap walks a file several times faster than Python can. It tells neither the number of a
packet nor how many there are, and nobody makes a digest meanwhile; so this is for the question
whether there is anything to tell at all. Who then needs evidence reads the file properly.

What a scan leaves out is exactly what a sieve drops. When the capture ended is known without
walking it: of the places near the end where a record could begin, those whose lengths lead to
the last byte of the file have to agree about the last record.
"""

import os
import queue
import re
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any

from carpscope.capture import pcap
from carpscope.capture.batch import Batch
from carpscope.capture.linktypes import ETHERNET
from carpscope.capture.sieve import SIEVED_IPV6, SIEVED_SIZE, Sieve
from carpscope.core.frame import Frame, Shortcuts
from carpscope.core.text import shown
from carpscope.core.units import MICROSECOND, SECOND, Nanos

SCANNED_FROM = 64 << 20
"""Bytes: shorter files are read properly in no time."""
CROWDED = 20_000
"""Packets of interest above which reading properly costs no more."""
_SAMPLE = 1 << 18
_SPARSE = 8
"""One in so many packets at the beginning may be of interest."""
_BATCH = 256
"""Small: what was found is analyzed while the rest is looked through."""
_WAITING = 64
_PATIENCE_S = 0.000_5
_PORTS = "({0} = 4789 or {0} = 8472 or {0} = 37008)"
_FILTER = (
    f"less {SIEVED_SIZE - 1} or not ("
    "(ether[12:2] = 0x0800 and (ether[23] = 6 or ether[23] = 1 or"
    f" (ether[23] = 17 and ether[14] = 0x45 and not {_PORTS.format('ether[36:2]')})))"
    f" or (ether[12:2] = 0x86dd and greater {SIEVED_IPV6} and (ether[20] = 6 or"
    f" (ether[20] = 17 and not {_PORTS.format('ether[56:2]')}))))"
)
"""`sieve.Sieve.drops`, said in libpcap's words."""
_DAY = 86_400
_ETHERNET_SIZE = 14
_TAIL = 1 << 19
"""More than the longest record, so that at least one begins in it."""


class UnfitError(Exception):
    """This file has to be read properly."""


class Scan:
    """One reading of a file. It begins at once, in a thread of its own."""

    def __init__(self, path: str) -> None:
        """Begin to read. Raises UnfitError where the file is short or of another kind."""
        self.path = path
        self.late = 0
        """Packets of interest older than one before them."""
        self.failure: Exception | None = None
        self._batches: queue.Queue[tuple[bytes, bytes] | None] = queue.Queue(_WAITING)
        self._stopped = False
        self._patience = sys.getswitchinterval()
        # the scan asks for the interpreter only now and then, and should not wait for it long
        sys.setswitchinterval(_PATIENCE_S)
        self._thread = threading.Thread(target=self._run, name="scan", daemon=True)
        self._thread.start()
        try:
            self.size, self.first, self.last, self.snaplen = _ends(path)
        except UnfitError:
            self.close()
            raise

    def frames(self, shortcuts: Shortcuts) -> Iterator[Frame]:
        """Give what is of interest and no shortcut takes; numbers count only these.

        Raises UnfitError where libpcap cannot go on, or there is too much of interest.
        """
        count, latest = 0, self.first
        while (item := self._batches.get()) is not None:
            data, meta = item
            batch = Batch(data, meta, ETHERNET, 0, count + 1, self.snaplen)
            count += len(batch)
            if count > CROWDED:
                raise UnfitError
            late, latest = batch.lateness(latest)
            self.late += late
            yield from batch.frames(shortcuts)
        self.last = max(self.last, latest)
        if self.failure is not None:
            raise UnfitError from self.failure

    def close(self) -> None:
        """Read no further."""
        sys.setswitchinterval(self._patience)
        self._stopped = True
        while self._thread.is_alive():
            while not self._batches.empty():
                self._batches.get_nowait()
            self._thread.join(0.01)

    def _run(self) -> None:
        import pcapy  # noqa: PLC0415

        try:
            reader: Any = pcapy.open_offline(self.path)
            reader.setfilter(_FILTER)
            while not self._stopped:
                data, meta = reader.next_batch(_BATCH)
                if not meta:
                    break
                self._batches.put((data, meta))
        except pcapy.PcapError as problem:
            self.failure = problem
        self._batches.put(None)


def _ends(path: str) -> tuple[int, Nanos, Nanos, int]:
    """Return the size, the time of the first and the last packet, and the snap length."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - pathlib takes longer to import
            size = os.fstat(stream.fileno()).st_size
            head = stream.read(pcap.HEADER_SIZE + 16)
            header = pcap.read_header(head)
            if (
                size < SCANNED_FROM
                or header is None
                or header.link != ETHERNET
                or header.version != (2, 4)
                or header.fcs_length
                or header.magic != pcap.MICROSECONDS
                or header.snaplen < SIEVED_IPV6
            ):
                raise UnfitError
            seconds, micros = struct.unpack_from(f"{header.order}II", head, pcap.HEADER_SIZE)
            stream.seek(pcap.HEADER_SIZE)
            if not _is_sparse(stream.read(_SAMPLE), header.order):
                raise UnfitError
            stream.seek(max(pcap.HEADER_SIZE, size - _TAIL))
            last = _last_time(stream.read(_TAIL), header.order, seconds)
    except OSError as problem:
        raise UnfitError from problem
    if last is None:
        raise UnfitError
    return size, seconds * SECOND + micros * MICROSECOND, last, header.snaplen


def _is_sparse(records: bytes, order: str) -> bool:
    """Tell whether most of the first packets of a file are of no interest."""
    unpack = struct.Struct(f"{order}8xI4x").unpack_from
    drops = Sieve().drops
    here = dropped = given = 0
    while here + 16 < len(records):
        (captured,) = unpack(records, here)
        if here + 16 + captured > len(records):
            break
        if captured >= SIEVED_SIZE and drops(records, here + 16, captured):
            dropped += 1
        else:
            given += 1
        here += 16 + captured
    return given * _SPARSE <= dropped


_LITTLE = re.compile(rb"(?=.{4}..[\x00-\x0f]\x00..[\x00-\x04]\x00..[\x00-\x04]\x00)", re.DOTALL)
_BIG = re.compile(rb"(?=.{4}\x00[\x00-\x0f]..\x00[\x00-\x04]..\x00[\x00-\x04]..)", re.DOTALL)


def _last_time(tail: bytes, order: str, since: int) -> Nanos | None:
    """Return when the last record of a file was captured, None where that is not certain."""
    leads: dict[int, int] = {}
    """Where a record could begin: where the last one does that its lengths lead to."""
    unpack = struct.Struct(f"{order}IIII").unpack_from
    pattern = _LITTLE if order == "<" else _BIG
    for match in reversed(list(pattern.finditer(tail))):
        start = match.start()
        seconds, micros, captured, length = unpack(tail, start)
        if (
            not since - _DAY <= seconds <= since + 10_000 * _DAY
            or micros >= 1_000_000
            or not _ETHERNET_SIZE <= captured <= min(length, pcap.PACKET_LIMIT)
        ):
            continue
        following = start + 16 + captured
        if following == len(tail):
            leads[start] = start
        elif following in leads:
            leads[start] = leads[following]
    if len(set(leads.values())) != 1:
        return None
    seconds, micros, _, _ = unpack(tail, next(iter(leads.values())))
    at: Nanos = seconds * SECOND + micros * MICROSECOND
    return at


class Scanned:
    """A capture that was only scanned, as `described.Described`: most of it is not known."""

    format = "pcap"
    compression = None
    sha256 = None
    packets = 0
    nanosecond = False
    drops = None
    comments = 0

    def __init__(self, scan: Scan) -> None:
        """Tell of a scan what it has found."""
        self._scan = scan
        self.path = scan.path
        self.name = shown(scan.path)
        self.bytes = scan.size
        self.link_types = ["EN10MB"]
        self.problems: list[str] = []

    @property
    def first(self) -> Nanos:
        """The time of the first packet."""
        return self._scan.first

    @property
    def last(self) -> Nanos:
        """The time of the last packet."""
        return self._scan.last

    @property
    def notes(self) -> list[str]:
        """What a person should know about the packets that were looked at."""
        late = self._scan.late
        words = "packet that was looked at is" if late == 1 else "packets that were looked at are"
        return [f"{late:,} {words} out of time order"] if late else []
