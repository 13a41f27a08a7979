"""A folder to one capture: every file done, put in order of time, and their frames merged.

A folder is one vantage whose recording was cut into files: they share a clock, and what two
of them hold of the same moment is one packet that both recorded.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from carpscope.archive import merge, spool
from carpscope.archive.cache import Cache, default
from carpscope.archive.folder import Found, files, is_capture_name
from carpscope.archive.pool import Told, cores, do_here, do_in_processes
from carpscope.archive.recording import Piece, Recording
from carpscope.archive.work import Done, Job, Places
from carpscope.capture.described import Folder
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.text import shown
from carpscope.wire.decode import decode

SMALL = 65_536
"""Reading so many bytes anew takes less than finding out what the cache has of them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How to read folders."""

    workers: int | None = None
    """Processes; None for as many as there are processors."""
    cache: str | None = None
    """A folder, `""` for none, None for the default where it is possible."""
    scheduler: str | None = None
    """The address of a Dask scheduler."""


class Archive:
    """A folder that has been read. Close it when its frames are no longer needed."""

    def __init__(self, path: str, wish: Wish, told: Callable[[int, int], None]) -> None:
        """Read all files; `told` hears of (bytes done, all bytes).

        Raises CarpscopeError where there is nothing to read or nowhere to write.
        """
        self._ends = ExitStack()
        self.doubled: list[int] = []
        """Of each capture, packets left out that another one holds too."""
        self.doubled_adverts: list[int] = []
        try:
            self._spool = self._ends.enter_context(tempfile.TemporaryDirectory(prefix="carpscope-"))
            cache = _cache(wish)
            if cache is not None:
                self._ends.callback(cache.close)
            self._read(path, wish, cache, told)
        except BaseException:
            self._ends.close()
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
        self._ends.close()

    def _read(
        self, path: str, wish: Wish, cache: Cache | None, told: Callable[[int, int], None]
    ) -> None:
        trouble: list[str] = []
        found = files(path, cache.root if cache is not None else None, trouble.append)
        if not found:
            raise CarpscopeError(f"{shown(path)}: a folder without files")
        places = Places(self._spool, None, "")
        if cache is not None:
            least = SMALL if wish.cache is None else 0
            places = Places(self._spool, cache.root, cache.parts, least)
        by_path = {file.path: file for file in found}
        recordings: list[Recording] = []
        others = remade = 0
        for done in _done(_jobs(found, cache), places, wish, told):
            remade += done.is_remade
            if done.recording is None:
                assert done.problem is not None
                if is_capture_name(done.job.path):
                    trouble.append(done.problem)
                else:
                    others += 1
                continue
            recordings.append(done.recording)
            sha256 = done.recording.sha256
            if cache is not None and sha256 is not None and places.are_kept(done.job.size):
                cache.remember(by_path[done.job.path], sha256)
        if not recordings:
            problem = f": {sorted(trouble)[0]}" if trouble else ""
            raise CarpscopeError(f"{shown(path)}: no capture in it could be read{problem}")
        recordings.sort(key=_in_time)
        self.recordings = recordings
        self.frame_count = sum(recording.frames for recording in recordings)
        self.folder = Folder(shown(path), tuple(sorted(trouble)), others, remade)
        self.doubled = [0] * len(recordings)
        self.doubled_adverts = [0] * len(recordings)

    def told(self) -> Folder:
        """Give what is to be said of the folder, after the frames have been taken."""
        return self.folder._replace(doubled=sum(self.doubled))

    def frames(self) -> Iterator[Frame]:
        """Give what an analysis needs of all files, by time, each packet once."""
        runs = [
            merge.Run(piece.first, index, piece, index)
            for index, recording in enumerate(self.recordings)
            for piece in recording.pieces
        ]
        return merge.merged(runs, self._spool, self._is_double, _load)

    def _is_double(self, frame: Frame) -> None:
        self.doubled[frame.capture] += 1
        if decode(frame).advert is not None:
            self.doubled_adverts[frame.capture] += 1


def _cache(wish: Wish) -> Cache | None:
    """Open the cache. One that was not asked for may be missing."""
    if wish.cache == "":
        return None
    try:
        import pyarrow  # noqa: F401, PLC0415  an optional library
    except ImportError:
        if wish.cache is None:
            return None
        raise CarpscopeError("--cache needs pyarrow: pip install 'carpscope[archive]'") from None
    if wish.cache is not None:
        return Cache(wish.cache)
    try:
        return Cache(default())
    except (CarpscopeError, RuntimeError):  # no home, or one that cannot be written to
        return None


def _jobs(found: list[Found], cache: Cache | None) -> list[Job]:
    if cache is None:
        return [Job(file.path, file.size) for file in found]
    sizes = cache.sizes()
    return [Job(f.path, f.size, cache.known(f), f.size in sizes) for f in found]


def _done(
    jobs: Sequence[Job], places: Places, wish: Wish, told: Callable[[int, int], None]
) -> Iterator[Done]:
    total = sum(job.size for job in jobs)

    def hear(finished: int) -> None:
        told(finished, total)

    workers = wish.workers or cores()
    if wish.scheduler is None:
        yield from do_in_processes(jobs, places, workers, hear)
        return
    near = [job for job in jobs if job.sha256 is not None]
    far = [job for job in jobs if job.sha256 is None]
    yield from do_in_processes(near, places, workers, hear)
    if far:
        before = sum(job.size for job in near)
        yield from _far(far, places, wish.scheduler, lambda bytes_: hear(before + bytes_))


def _far(jobs: Sequence[Job], places: Places, address: str, told: Told) -> Iterator[Done]:
    try:
        from carpscope.archive.cluster import do_on_cluster  # noqa: PLC0415  an optional library
    except ImportError:
        raise CarpscopeError("--scheduler needs Dask: pip install 'carpscope[dask]'") from None
    for done in do_on_cluster(jobs, places, address, told):
        if done.problem is not None:
            (near,) = do_here([done.job], places, lambda _: None)
            if near.recording is not None:
                raise CarpscopeError(
                    f"scheduler {address}: {done.problem}, which this machine can read; "
                    "workers need the files at the same paths"
                )
        yield done


def _in_time(recording: Recording) -> tuple[bool, int, str]:
    """Sort by the first packet; captures without one come last."""
    return recording.first is None, recording.first or 0, recording.path


def _load(piece: Piece, capture: int | None) -> list[Frame]:
    if piece.size:
        return spool.load(piece, capture)
    from carpscope.archive import parquet  # noqa: PLC0415  an optional library

    assert capture is not None
    return parquet.load(piece, capture)
