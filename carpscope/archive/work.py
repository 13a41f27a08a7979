"""What is done with one file, in whichever process: take it from the cache, or extract it."""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from carpscope.archive import cache
from carpscope.archive.extract import extract
from carpscope.archive.recording import Piece, Recording
from carpscope.archive.spool import Spool
from carpscope.capture.origin import Progress
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame


class Places(NamedTuple):
    """Where to put what is extracted."""

    spool: str
    """A folder of this run."""
    cache: str | None
    parts: str
    """In the cache, a folder of this run."""
    least: int = 0
    """Smaller files are not kept in the cache."""

    def are_kept(self, size: int) -> bool:
        """Tell whether a file of that size goes into the cache."""
        return self.cache is not None and size >= self.least


class Job(NamedTuple):
    """One file to do."""

    path: str
    size: int
    sha256: str | None = None
    """Its digest, where it is known without reading it."""
    digest_first: bool = False
    """Whether the cache may know its content: an entry has its size."""


class Done(NamedTuple):
    """What became of it."""

    job: Job
    recording: Recording | None
    problem: str | None = None
    """Why there is none, in a line."""
    is_remade: bool = False
    """Whether the cache had it, damaged."""


def do(job: Job, places: Places, progress: Progress | None = None) -> Done:
    """Do one file. What is wrong with it is part of the result; other trouble is raised."""
    damaged = False
    if places.cache is not None and places.are_kept(job.size):
        sha256 = job.sha256 or (_digest(job.path) if job.digest_first else None)
        if sha256 is not None:
            for entry in cache.entries(places.cache, sha256):
                if (recording := _kept(entry, job.path)) is not None:
                    return Done(job, recording)
                damaged = True
                cache.throw_away(entry)
    try:
        recording = store(job, places, progress)
    except CarpscopeError as problem:
        return Done(job, None, str(problem))
    return Done(job, recording, None, damaged)


def do_all(jobs: list[Job], places: Places) -> list[Done]:
    """Do some files."""
    return [do(job, places) for job in jobs]


def store(job: Job, places: Places, progress: Progress | None = None) -> Recording:
    """Extract a file into the cache, or the spool where it is not kept."""
    keeper = keep(places, job.size)
    try:
        return keeper.finish(extract(job.path, keeper.put, progress))
    except BaseException:
        keeper.close()
        raise


class Spooled:
    """Puts the frames of one file into the spool of this process."""

    def __init__(self, folder: str) -> None:
        """Take the folder of the run."""
        self._spool = Spool(f"{folder}/process-{os.getpid()}")
        self._pieces: list[Piece] = []

    def put(self, frames: list[Frame]) -> None:
        """Write frames that are in time order."""
        self._pieces.append(self._spool.put(frames))

    def finish(self, recording: Recording) -> Recording:
        """Return the recording with its places."""
        return recording.at(*self._pieces)

    def close(self) -> None:
        """Leave it: the folder goes with the run."""


class Cached:
    """Puts the frames of one file into an entry of the cache."""

    def __init__(self, root: str, parts: str) -> None:
        """Take the cache and the folder where entries are written."""
        from carpscope.archive.parquet import EntryWriter  # noqa: PLC0415  an optional library

        self._root = root
        handle, self._part = tempfile.mkstemp(dir=parts)
        os.close(handle)
        self._writer = EntryWriter(self._part)
        self.put = self._writer.put

    def finish(self, recording: Recording) -> Recording:
        """Give the entry its name; return the recording with its places."""
        done = self._writer.finish(recording)
        if recording.sha256 is None:  # reading failed: good for this run only
            return done
        entry = cache.keep(self._root, self._part, recording.sha256, recording.bytes)
        return done.at(*(piece._replace(store=entry) for piece in done.pieces))

    def close(self) -> None:
        """Remove what there is of it."""
        self._writer.close()
        Path(self._part).unlink()


def keep(places: Places, size: int) -> Spooled | Cached:
    """Return what takes the frames of a file of that size."""
    if places.cache is None or not places.are_kept(size):
        return Spooled(places.spool)
    return Cached(places.cache, places.parts)


def _digest(path: str) -> str | None:
    try:
        return cache.digest(path)
    except OSError:
        return None  # extracting says what is wrong


def _kept(entry: str, path: str) -> Recording | None:
    """Take an entry of the cache, if it is intact."""
    from carpscope.archive.parquet import read_entry  # noqa: PLC0415  an optional library

    try:
        return read_entry(entry, path) if cache.is_intact(entry) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
