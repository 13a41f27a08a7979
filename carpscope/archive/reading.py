"""A folder to one capture: every file extracted, and their frames in order of time.

A folder is one vantage whose recording was cut into files: they share a clock.
"""

import heapq
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import NamedTuple

from carpscope.archive.extract import Extract, FileFrames, Recording, extract, extract_all, unpacked
from carpscope.archive.folder import Found, files, is_capture_name
from carpscope.archive.workers import Tls, Workers, cluster, cores, processes, uninterrupted
from carpscope.capture.described import Folder
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.text import shown
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field

BATCH_FILES = 32
BATCH_BYTES = 32 << 20
"""A message between processes costs about what a small file does."""
FEW_BYTES = 8 << 20
FEW_FILES = 16
"""Less than starting processes takes."""
_AHEAD = 3
"""Batches in the hands of a worker: it never waits, and few are lost when it dies."""
WAITING_MAX = 400_000
"""Frames in memory at once, where as many captures run at the same time."""

Progress = Callable[[int], None]
"""Is called with the bytes of the files that are done."""


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """How to read folders."""

    workers: int | None = None
    """Processes; None for as many as there are processors."""
    scheduler: str | None = None
    """The address of a Dask scheduler."""
    tls: Tls = field(default_factory=Tls)
    digest: bool = False
    """Whether to make the digests of the files."""
    warn: Callable[[str], None] = print
    """Hears what a person has to know before it begins, in a line."""


class _Place(NamedTuple):
    """Where a piece lies."""

    first: Nanos
    file: int
    """Of the files that could be read, in the order in which they were."""
    offset: int
    size: int


class Archive:
    """A folder that has been read. Close it when its frames are no longer needed."""

    def __init__(self, path: str, wish: FolderOptions, told: Callable[[int, int], None]) -> None:
        """Read all files; `told` hears of (bytes done, all bytes).

        Raises CarpscopeError where there is nothing to read or nowhere to write.
        """
        self.notes: list[str] = []
        """What is to be said of the order, after the frames have been taken."""
        self._places: list[_Place] = []
        self._store = tempfile.TemporaryFile(prefix="carpscope-")  # noqa: SIM115 - until close()
        try:
            self._read(path, wish, told)
        except BaseException:
            self._store.close()
            raise

    def __enter__(self) -> "Archive":
        """Remove what this run has written at the end of a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it."""
        self._store.close()

    def _read(self, path: str, wish: FolderOptions, told: Callable[[int, int], None]) -> None:
        trouble: list[str] = []
        found = files(path, trouble.append)
        if not found:
            raise CarpscopeError(f"{shown(path)}: a folder without files")
        total = sum(file.size for file in found)
        recordings: list[Recording] = []
        others = 0
        for file, done in _extracted(found, wish, lambda size: told(size, total)):
            for piece in done.pieces:
                self._keep(piece, len(recordings))
            if done.is_too_large:
                done = self._here(file, len(recordings), digest=wish.digest)  # noqa: PLW2901
            if done.recording is not None:
                recordings.append(done.recording)
            elif is_capture_name(file.path):
                assert done.problem is not None
                trouble.append(done.problem)
            else:
                others += 1
        if not recordings:
            problem = f": {sorted(trouble)[0]}" if trouble else ""
            raise CarpscopeError(f"{shown(path)}: no capture in it could be read{problem}")
        order = sorted(range(len(recordings)), key=lambda place: _in_time(recordings[place]))
        self.recordings = [recordings[place] for place in order]
        self._index = {place: index for index, place in enumerate(order)}
        self.frame_count = sum(recording.frames for recording in recordings)
        self.folder = Folder(shown(path), tuple(sorted(trouble)), others)

    def _here(self, file: Found, number: int, *, digest: bool) -> Extract:
        try:
            keep = partial(self._keep, file=number)
            return Extract(extract(file.path, keep, digest=digest))
        except CarpscopeError as problem:
            return Extract(None, problem=str(problem))

    def _keep(self, piece: FileFrames, file: int) -> None:
        offset = self._store.tell()
        self._store.write(piece.frames)
        self._places.append(_Place(piece.first, file, offset, len(piece.frames)))

    def _load(self, place: _Place) -> Iterator[tuple[Nanos, int, int, Frame]]:
        self._store.seek(place.offset)
        capture = self._index[place.file]
        for frame in unpacked(self._store.read(place.size)):
            yield frame.at, capture, frame.number, frame._replace(capture=capture)

    def frames(self) -> Iterator[Frame]:
        """Give what an analysis needs of all files, by time, capture and number.

        A piece is read when the merge comes to its first frame, so what is in memory at a time
        is what was captured at the same time: two files where a rotation overlaps.
        """
        waiting: list[tuple[Nanos, int, int, Frame]] = []
        is_full = False
        for place in sorted(self._places):
            while waiting and (waiting[0][0] < place.first or len(waiting) > WAITING_MAX):
                is_full |= waiting[0][0] >= place.first
                yield heapq.heappop(waiting)[3]
            for row in self._load(place):
                heapq.heappush(waiting, row)
        while waiting:
            yield heapq.heappop(waiting)[3]
        if is_full:
            self.notes.append(
                f"more than {WAITING_MAX:,} packets of its captures run at the same time, or "
                "out of order: those were not put in order of time"
            )


def _extracted(
    found: Sequence[Found], wish: FolderOptions, told: Progress
) -> Iterator[tuple[Found, Extract]]:
    """Extract all files, those that take longest first."""
    jobs = sorted(found, key=lambda file: (-file.size, file.path))
    count = wish.workers or cores()
    workers: AbstractContextManager[Workers]
    if wish.scheduler is not None:
        workers = cluster(wish.scheduler, wish.tls, wish.warn)
    elif count == 1 or (len(jobs) <= FEW_FILES and sum(job.size for job in jobs) <= FEW_BYTES):
        finished = 0
        for job in jobs:
            (done,) = extract_all([job.path], digest=wish.digest)
            yield job, done
            finished += job.size
            told(finished)
        return
    else:
        workers = processes(count)
    with workers as those:
        for job, done in _mapped(jobs, those, told, digest=wish.digest):
            if wish.scheduler is not None and done.problem is not None:
                _held_against_this_machine(job, done.problem, wish.scheduler)
            yield job, done


def _mapped(
    jobs: Sequence[Found], workers: Workers, told: Progress, *, digest: bool
) -> Iterator[tuple[Found, Extract]]:
    """Map files over an executor in the order given, with few results waiting to be taken.

    What a worker had in its hands that died is done here.
    """
    waiting = deque(_batches(jobs))
    running: deque[tuple[list[Found], Future[list[Extract]] | None]] = deque()
    finished = 0
    while waiting or running:
        while waiting and len(running) < workers.at_once * _AHEAD:
            batch = waiting.popleft()
            try:
                with uninterrupted():
                    future = workers.executor.submit(
                        extract_all, [job.path for job in batch], digest=digest
                    )
            except workers.died:
                future = None
            running.append((batch, future))
        batch, result = running.popleft()
        try:
            done = (
                [Extract(None, is_too_large=True)] * len(batch) if not result else result.result()
            )
        except workers.died:
            done = [Extract(None, is_too_large=True)] * len(batch)
        except (OSError, CancelledError) as error:
            problem = str(error).partition("\n")[0] or type(error).__name__
            raise CarpscopeError(f"the cluster is lost: {problem}") from None
        yield from zip(batch, done, strict=True)
        finished += sum(job.size for job in batch)
        told(finished)


def _batches(jobs: Sequence[Found]) -> Iterator[list[Found]]:
    """Put small files together."""
    batch: list[Found] = []
    size = 0
    for job in jobs:
        if batch and (size + job.size > BATCH_BYTES or len(batch) == BATCH_FILES):
            yield batch
            batch, size = [], 0
        batch.append(job)
        size += job.size
    yield batch


def _held_against_this_machine(job: Found, problem: str, address: str) -> None:
    """Refuse a worker that cannot read what this machine can."""
    (near,) = extract_all([job.path])
    if near.problem is None:
        raise CarpscopeError(
            f"scheduler {address}: {problem}, which this machine can read; "
            "workers need the files at the same paths"
        )


def _in_time(recording: Recording) -> tuple[bool, int, str]:
    """Sort by the first packet; captures without one come last."""
    return recording.first is None, recording.first or 0, recording.path
