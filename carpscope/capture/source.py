"""Captures as people have them: batches of packets from any file that holds some.

`open_capture` finds out what a file is: pcap, pcapng or a format of the folder `capture.formats`,
plain or compressed with gzip or zstd, a path or standard input. `merged` reads several as one.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain
from types import TracebackType
from typing import BinaryIO, NamedTuple

from carpscope.capture import fileformat, native, pcap, pcapng
from carpscope.capture.blocks import is_pcapng
from carpscope.capture.compression import gunzipped, is_gzip, is_zstd, unzstd
from carpscope.capture.counts import CaptureCounts
from carpscope.capture.origin import Origin, Progress
from carpscope.capture.pcap import is_pcap
from carpscope.capture.sniff import looks_like
from carpscope.core.batch import Batch, Drops
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.units import Nanos

_GUESS = 512
"""Bytes to look at where a file is no capture: tar says so behind its first 256."""


class Capture:
    """One capture, to be iterated once; what is known of it grows meanwhile.

    Nothing but a block of the file is held in memory. After the last frame the
    rest of the file is read for its digest, also where the frames ended early.
    """

    def __init__(
        self, path: str, index: int, stdin: BinaryIO | None, *, digest: bool = False
    ) -> None:
        """Open it and read its head; see `open_capture`."""
        self.path = path
        self.index = index
        self.drops_if: Drops | None = None
        """Tells which packets are counted and not given; to be set before any is given."""
        self._counts = CaptureCounts()
        self._origin = Origin(path, stdin, digest=digest)
        self.name = self._origin.name
        """What to call it in a message; nothing in it that a terminal would obey."""
        try:
            content = _recognized(self._origin, self._counts, index)
        except CarpscopeError:
            self._origin.close()
            raise
        self.format = content.kind
        """`pcap`, `pcapng` or the kind of a format in `capture.formats`."""
        self.compression = content.compression
        """`gzip`, `zstd` or None."""
        self._batches = self._until_the_end(content.batches)
        self._span: tuple[Nanos | None, Nanos | None] = None, None
        self._frames = self._singly()

    def __iter__(self) -> Iterator[Frame]:
        """Give the frames that have not been given yet, in the order of the file."""
        return self._frames

    @property
    def batches(self) -> Iterator[Batch]:
        """Give the same in batches, each valid until the next one is asked for."""
        return self._batches

    def __enter__(self) -> "Capture":
        """Close the file at the end of a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file where the frames are not read to the end."""
        self._frames.close()
        self._batches.close()
        self._origin.close()

    @property
    def progress(self) -> Progress | None:
        """What to call with the bytes read and the bytes there are (None: unknown)."""
        return self._origin.progress

    @progress.setter
    def progress(self, hook: Progress | None) -> None:
        self._origin.progress = hook

    @property
    def sha256(self) -> str | None:
        """Digest of the file as it lies; None if not asked for, or before its end is reached."""
        return self._origin.sha256

    @property
    def bytes(self) -> int:
        """Bytes of the file read so far, compressed ones where it is compressed."""
        return self._origin.count

    @property
    def size(self) -> int | None:
        """Bytes of the whole file; None where nobody knows, as of a pipe."""
        return self._origin.total

    @property
    def packets(self) -> int:
        """Packets so far; brought up to date at least once a block."""
        return self._counts.packets

    @property
    def first(self) -> Nanos | None:
        """The earliest time, None before any packet."""
        return self._counts.first

    @property
    def last(self) -> Nanos | None:
        """The latest time, None before any packet."""
        return self._counts.last

    @property
    def late(self) -> int:
        """Packets so far that are earlier than one before them."""
        return self._counts.late

    @property
    def nanosecond(self) -> bool:
        """Tell whether times are finer than microseconds."""
        return self._counts.nanosecond

    @property
    def link_types(self) -> list[str]:
        """Names of the link types in order of appearance."""
        return self._counts.link_names()

    @property
    def drops(self) -> int | None:
        """Packets the capturing lost by its own account; None where it gives none."""
        return self._counts.drops()

    @property
    def snap_length(self) -> int | None:
        """What the file says that it was captured with; None where it says nothing."""
        return self._counts.snap_length

    @property
    def filters(self) -> list[str]:
        """The capture filters that the file names."""
        return self._counts.filters

    @property
    def comments(self) -> int:
        """Comments on packets."""
        return self._counts.comments

    @property
    def notes(self) -> list[str]:
        """What a person should know about the file and its packets, a line each."""
        problem = self._origin.problem
        return ([problem] if problem else []) + self._counts.notes()

    @property
    def problems(self) -> list[str]:
        """Those of the notes that say what ended the reading early, or is odd about the file."""
        problem = self._origin.problem
        return ([problem] if problem else []) + self._counts.problems

    def _singly(self) -> Generator[Frame, None, None]:
        """Give single frames; whoever stops early finds counted what was given."""
        counts = self._counts
        for batch in self._batches:
            given = 0
            before = self._span
            self._span = counts.first, counts.last
            try:
                for given, frame in enumerate(batch.frames(), 1):  # noqa: B007
                    yield frame
            except GeneratorExit:
                if given < len(batch):
                    at = [row[0] for row in batch.rows[:given]]
                    at += [one for one in before if one is not None]
                    counts.packets = batch.number(given - 1)
                    counts.first, counts.last = min(at), max(at)
                raise

    def _until_the_end(
        self, batches: Callable[[Drops | None], Iterator[Batch]]
    ) -> Generator[Batch, None, None]:
        try:
            yield from batches(self.drops_if)
            self._origin.drain()
        finally:
            self._origin.close()


def open_capture(
    path: str, index: int = 0, *, stdin: BinaryIO | None = None, digest: bool = False
) -> Capture:
    """Open a capture: pcap or pcapng, plain or in gzip or zstd; `-` is standard input.

    `index` becomes the `capture` of its frames, `stdin` stands in for standard
    input; with `digest` its SHA-256 is made. Only the head is read yet. Raises
    CarpscopeError with one line where the file cannot be read, is empty, or is no capture,
    which then says what it may be.
    """
    return Capture(path, index, stdin, digest=digest)


def merged(captures: Sequence[Capture]) -> Iterator[Frame]:
    """Give the frames of all, by time; of the same time, the earlier capture's first.

    Each capture keeps its own order: one that is out of order is not sorted, since
    that would need all of it in memory.
    """
    if len(captures) == 1:
        return iter(captures[0])
    import heapq  # noqa: PLC0415  one capture is the common case
    from operator import attrgetter  # noqa: PLC0415

    return heapq.merge(*captures, key=attrgetter("at"))


class _Content(NamedTuple):
    """What a file turned out to hold."""

    kind: str
    compression: str | None
    batches: Callable[[Drops | None], Iterator[Batch]]


def _recognized(origin: Origin, counts: CaptureCounts, index: int) -> _Content:
    head, chunks = _peeked(origin.chunks(), 4)
    compression = "gzip" if is_gzip(head) else "zstd" if is_zstd(head) else None
    if compression:
        counts.compressed = True
        undo = gunzipped if compression == "gzip" else unzstd
        chunks = undo(chunks, counts.problems)
    # a head as short as it may be: more would make a live pipe wait for its first packet
    head, chunks = _peeked(chunks, pcap.HEADER_SIZE)
    if is_pcap(head):
        header = pcap.read_header(head)
        if header is None:
            raise _cut(origin, "pcap", pcap.HEADER_SIZE)
        records = pcap.with_records(header, head)
        return _Content(
            "pcap",
            compression,
            lambda drops: native.pcap_batches(records, chunks, counts, index, drops),
        )
    if is_pcapng(head):
        head, chunks = _peeked(chunks, pcapng.SECTION_MIN)
        if len(head) < pcapng.SECTION_MIN:
            raise _cut(origin, "pcapng", pcapng.SECTION_MIN)
        return _Content(
            "pcapng", compression, lambda drops: native.pcapng_batches(chunks, counts, index, drops)
        )
    if not head:
        problems = [origin.problem] if origin.problem else [*counts.problems, "empty"]
        raise CarpscopeError(f"{origin.name}: {problems[0]}")
    head, chunks = _peeked(chunks, _GUESS)
    other = fileformat.recognized(head[:_GUESS])
    if other is not None:
        return _Content(
            other.kind,
            compression,
            lambda drops: fileformat.batches(other, chunks, counts, index, drops),
        )
    inside = f"{compression} data that " if compression else ""
    raise CarpscopeError(f"{origin.name}: not a capture ({inside}{looks_like(head)})")


def _cut(origin: Origin, kind: str, size: int) -> CarpscopeError:
    return CarpscopeError(f"{origin.name}: a {kind} file cut within its first {size} bytes")


def _peeked(chunks: Iterator[bytes], count: int) -> tuple[bytes, Iterator[bytes]]:
    """Look at the first bytes, that many where there are; the chunks still give all."""
    head = next(chunks, b"")
    while len(head) < count and (more := next(chunks, b"")):
        head += more
    return head, chain((head,), chunks) if head else chunks
