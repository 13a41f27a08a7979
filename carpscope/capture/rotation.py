"""What is captured on disk: one file, or a ring of them.

`Recorder` is tcpdump's -w with -C (size), -G (seconds) and -W (how many files). What it
writes reaches the file once a second, so `kill -9` loses the last second at most. A full
disk never ends a capture: the file stays whole up to its last complete block, what could
not be kept is counted, and writing goes on when there is room again.

It may wait for the disk, so in a live run it has a thread of its own (`capture.disk`).
"""

import io
import os
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from carpscope.capture.batch import KernelBatch
from carpscope.capture.writer import PcapngWriter
from carpscope.core.errors import CarpscopeError
from carpscope.core.files import open_to_write
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos

FLUSH_EVERY: Nanos = 1 * SECOND
BUFFER_LIMIT = 1 << 20
"""Bytes that may wait for the second to end."""
RETRY_AFTER: Nanos = 5 * SECOND
IN_ORDER_AFTER: Nanos = 300 * MILLISECOND
"""The kernel keeps frames of one interface to itself while it has given another's."""
HELD_MAX = 100_000


class File:
    """One pcapng file that holds whole blocks only, whatever the disk does."""

    def __init__(
        self, path: Path, names: Sequence[str], comment: str, *, new: bool = False
    ) -> None:
        """Create it, readable by nobody else; with `new`, where nothing has that name yet."""
        self.path = path
        self.size = 0
        """Bytes that are certainly there."""
        self._buffer = io.BytesIO()
        self._frames = 0
        self._fd = open_to_write(path, new=new)
        self._writer = PcapngWriter(self._buffer, comment=comment, names=names)

    def write(self, frame: Frame) -> None:
        """Take one frame."""
        self._writer.write(frame)
        self._frames += 1

    def write_batch(self, batch: KernelBatch) -> None:
        """Take many at once."""
        self._writer.write_batch(batch)
        self._frames += len(batch)

    @property
    def waiting(self) -> int:
        """Return how many bytes are not in the file yet."""
        return self._buffer.tell()

    def flush(self) -> int:
        """Write what waits. Raises OSError where it cannot; return the frames that it was."""
        data = self._buffer.getvalue()
        frames, self._frames = self._frames, 0
        self._buffer.seek(0)
        self._buffer.truncate()
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as problem:
            with suppress(OSError):  # a disk that is gone takes no order back
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            raise LostError(frames, problem) from problem
        self.size += len(data)
        return frames

    def close(self) -> int:
        """Write the rest; return the frames that it was."""
        try:
            return self.flush()
        finally:
            os.close(self._fd)


class LostError(OSError):
    """Frames that could not be written."""

    def __init__(self, frames: int, problem: OSError) -> None:
        """Take how many and why."""
        super().__init__(problem.errno, problem.strerror)
        self.frames = frames


class Recorder:
    """-w: everything that was captured."""

    def __init__(
        self,
        path: str,
        names: Sequence[str],
        *,
        size: int | None = None,
        period: Nanos | None = None,
        ring: int | None = None,
    ) -> None:
        """Begin the first file. Raises CarpscopeError where it cannot be written."""
        self._pattern = Path(path)
        self._names = names
        self._size = size
        self._period = period
        self._ring = ring
        self._rotates = size is not None or period is not None
        self._serial = 0
        self._files: deque[Path] = deque()
        self._began = self._flushed = time.monotonic_ns()
        self._retry_at: Nanos | None = None
        self._held: list[Frame] = []
        """Of several interfaces, what one that was read later may still have to precede."""
        self.lost = 0
        """Frames that could not be kept."""
        self.written = 0
        self.problem: str | None = None
        """Why nothing can be written at the moment."""
        try:
            self._file: File | None = self._next()
        except OSError as problem:
            raise CarpscopeError(f"-w {problem.filename or path}: {problem.strerror}") from None

    @property
    def path(self) -> Path | None:
        """Return the file that is written now."""
        return self._file.path if self._file is not None else None

    def write(self, frame: Frame) -> None:
        """Keep one frame."""
        if len(self._names) == 1:
            self._write(frame)
            return
        self._held.append(frame)
        if len(self._held) > HELD_MAX:
            self._release(None)

    def _release(self, until: Nanos | None) -> None:
        """Write what several interfaces gave, in order of time, up to a moment or all of it."""
        held = sorted(self._held, key=_at)
        place = len(held) if until is None else bisect_right(held, until, key=_at)
        self._held = held[place:]
        for frame in held[:place]:
            self._write(frame)

    def _write(self, frame: Frame) -> None:
        file = self._file
        if file is None:
            self.lost += 1
            return
        if self._size is not None and file.size + file.waiting >= self._size:
            self._turn()
            file = self._file
            if file is None:
                self.lost += 1
                return
        file.write(frame)
        if file.waiting > BUFFER_LIMIT:
            self._flush()

    def write_batch(self, batch: KernelBatch) -> None:
        """Keep many at once; where the file gets its size by them, one by one."""
        file = self._file
        if file is None or (
            self._size is not None and file.size + file.waiting + batch.most >= self._size
        ):
            for frame in batch:
                self.write(frame)
            return
        file.write_batch(batch)
        batch.forget()
        if file.waiting > BUFFER_LIMIT:
            self._flush()

    def tick(self, now: Nanos) -> None:
        """Flush, turn the page, try again: whatever the clock asks for."""
        if self._held:
            self._release(now - IN_ORDER_AFTER)
        now = time.monotonic_ns()  # from here on it is about the disk
        if self._retry_at is not None:
            if now < self._retry_at:
                return
            self._retry_at = None
            if self._file is None:
                self._turn()
            else:
                self.problem = None
        if now - self._flushed >= FLUSH_EVERY:
            self._flushed = now
            self._flush()
        if self._period is not None and now - self._began >= self._period:
            self._turn()

    def close(self) -> None:
        """Write the rest."""
        self._release(None)
        self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                self.written += file.close()
            except LostError as problem:
                self._failed(problem, problem.frames)

    def _flush(self) -> None:
        if self._file is None:
            return
        try:
            self.written += self._file.flush()
            if self._retry_at is None:
                self.problem = None
        except LostError as problem:
            self._failed(problem, problem.frames)

    def _turn(self) -> None:
        """Close the file and begin the next; forget the oldest of a ring first."""
        self._close()
        self._began = time.monotonic_ns()
        try:
            if self._ring is not None:
                while len(self._files) >= self._ring:
                    self._files.popleft().unlink(missing_ok=True)
            self._file = self._next()
            self.problem = None
        except OSError as problem:
            self._failed(problem, 0)

    def _failed(self, problem: OSError, frames: int) -> None:
        self.lost += frames
        self.problem = f"{self._pattern}: {problem.strerror}"
        self._retry_at = time.monotonic_ns() + RETRY_AFTER

    def _next(self) -> File:
        path = self._pattern
        if self._rotates:
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            suffix = path.suffix or ".pcapng"
            path = path.with_name(f"{path.stem}-{stamp}-{self._serial:05d}{suffix}")
            self._serial += 1
        file = File(path, self._names, "captured live")
        self._files.append(path)
        return file


def _at(frame: Frame) -> Nanos:
    return frame.at
