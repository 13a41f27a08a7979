"""A quick look at a long file: libpcap finds the packets of interest, and only those are read.

libpcap walks a file several times faster than Python can. It tells neither the number of a
packet nor how many there are, and nobody makes a digest meanwhile; so this is for the question
whether there is anything to tell at all. Who then needs evidence reads the file properly.

What a scan leaves out is exactly what a sieve drops. When the capture ended is known without
walking it (`capture.ends`).
"""

import queue
import sys
import threading
from collections.abc import Iterator

from carpscope.capture.sieve import SIEVED_IPV6, SIEVED_SIZE, TUNNEL_PORTS, UnfitError
from carpscope.core.text import shown

# What else is needed is imported where it is: libpcap reads meanwhile.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from carpscope.core.frame import Frame, Shortcuts
    from carpscope.core.units import Nanos

CROWDED = 20_000
"""Packets of interest above which reading properly costs no more."""
_BATCH = 256
"""Small: what was found is analyzed while the rest is looked through."""
_WAITING = 64
_PATIENCE_S = 0.000_5
_PORTS = "(" + " or ".join(f"{{0}} = {port}" for port in TUNNEL_PORTS) + ")"
_FILTER = (
    f"less {SIEVED_SIZE - 1} or not ("
    "(ether[12:2] = 0x0800 and (ether[23] = 6 or ether[23] = 1 or"
    f" (ether[23] = 17 and ether[14] = 0x45 and not {_PORTS.format('ether[36:2]')})))"
    f" or (ether[12:2] = 0x86dd and greater {SIEVED_IPV6} and (ether[20] = 6 or"
    f" (ether[20] = 17 and not {_PORTS.format('ether[56:2]')}))))"
)
"""`sieve.Sieve.drops`, said in libpcap's words."""


class Scan:
    """One reading of a file. It begins at once, in a thread of its own."""

    def __init__(self, path: str) -> None:
        """Begin to read. Raises UnfitError where the file is short or of another kind."""
        from carpscope.capture import ends  # noqa: PLC0415

        self.path = path
        begun = ends.beginning(path)
        self.size, self.first, self.snaplen = begun.size, begun.first, begun.snaplen
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
            self.last = ends.last_time(path, begun)
        except UnfitError:
            self._give_up()
            raise

    def frames(self, shortcuts: "Shortcuts") -> "Iterator[Frame]":
        """Give what is of interest and no shortcut takes; numbers count only these.

        Raises UnfitError where libpcap cannot go on, or there is too much of interest.
        """
        from carpscope.capture.batch import Batch  # noqa: PLC0415
        from carpscope.capture.linktypes import ETHERNET  # noqa: PLC0415

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
        self._give_up()
        while self._thread.is_alive():
            while not self._batches.empty():
                self._batches.get_nowait()
            self._thread.join(0.01)

    def _give_up(self) -> None:
        # not waited for: where nothing is of interest libpcap comes back at the end of the file
        sys.setswitchinterval(self._patience)
        self._stopped = True

    def _run(self) -> None:
        try:
            import pcapy  # noqa: PLC0415
        except ModuleNotFoundError as absent:
            self.failure = absent
            self._batches.put(None)
            return
        try:
            reader: Any = pcapy.open_offline(self.path)
            reader.setfilter(_FILTER)
            from carpscope.capture.batch import next_batch  # noqa: PLC0415

            while not self._stopped:
                data, meta = next_batch(reader, _BATCH)
                if not meta:
                    break
                self._batches.put((data, meta))
        except pcapy.PcapError as problem:
            self.failure = problem
        self._batches.put(None)


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
    def first(self) -> "Nanos":
        """The time of the first packet."""
        return self._scan.first

    @property
    def last(self) -> "Nanos":
        """The time of the last packet."""
        return self._scan.last

    @property
    def notes(self) -> list[str]:
        """What a person should know about the packets that were looked at."""
        late = self._scan.late
        words = "packet that was looked at is" if late == 1 else "packets that were looked at are"
        return [f"{late:,} {words} out of time order"] if late else []
