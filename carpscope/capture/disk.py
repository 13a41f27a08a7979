"""Between the capture and a disk: a thread of its own, and what may wait for it is bounded.

A disk that is slow, a network share that hangs or an `unlink` of a large file takes its
time in this thread. Frames wait in memory meanwhile, `WAITING_BYTES` of them at most;
what then does not fit is lost, counted and said, and the capture goes on.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from carpscope.capture.batch import KernelBatch
from carpscope.core.frame import Frame
from carpscope.core.mistakes import Mistakes
from carpscope.core.units import Nanos

WAITING_BYTES = 64 << 20
"""As much as three seconds of 100,000 advertisements a second take."""
FRAME_COST = 200
"""Bytes that a frame takes in memory beside its own."""
CLOSE_PATIENCE_S = 5.0


class DiskWriter(Protocol):
    """What writes frames to a disk, and may wait for it: `rotation.Recorder`, `rotation.Keeper`."""

    lost: int
    problem: str | None

    def write(self, frame: Frame) -> None:
        """Take one frame."""
        ...

    def write_batch(self, batch: KernelBatch) -> None:
        """Take many at once."""
        ...

    def tick(self, now: Nanos) -> None:
        """Do what the clock asks for."""
        ...

    def close(self) -> None:
        """Write the rest."""
        ...


S = TypeVar("S", bound=DiskWriter)


class Disk(Generic[S]):
    """One writer behind its queue. What the capture calls returns at once."""

    def __init__(
        self,
        writer: S,
        name: str,
        limit: int = WAITING_BYTES,
        mistakes: Mistakes | None = None,
    ) -> None:
        """Start its thread. What fails in it by our mistake is counted in `mistakes`."""
        self._mistakes = mistakes or Mistakes()
        self.name = name
        self.writer = writer
        """Only to be looked at: it belongs to the thread."""
        self._limit = limit
        self._queue: queue.SimpleQueue[Sequence[Frame] | KernelBatch | Callable[[], object] | None]
        self._queue = queue.SimpleQueue()
        # each of these is changed by one thread only
        self._put_bytes = self._put_frames = self._unfit = 0
        self._done_bytes = self._done_frames = 0
        self._ticking = False
        self._over = False
        self._thread = threading.Thread(target=self._run, name=f"disk {name}", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Return how many frames could not be kept, for whatever reason."""
        return self.writer.lost + self._unfit

    @property
    def problem(self) -> str | None:
        """Return why something is lost at the moment."""
        if self.writer.problem is None and self._over:
            return "the disk is too slow, or hangs"
        return self.writer.problem

    @property
    def waiting(self) -> int:
        """Return how many frames wait."""
        return self._put_frames - self._done_frames

    def put(self, frames: Sequence[Frame] | KernelBatch) -> None:
        """Hand over frames that nobody changes any more."""
        size = _size(frames)
        if self._put_bytes - self._done_bytes + size > self._limit:
            self._unfit += len(frames)
            self._over = True
            return
        self._put_bytes += size
        self._put_frames += len(frames)
        self._queue.put(frames)

    def do(self, action: Callable[[S], object]) -> None:
        """Let the thread do this, after the frames that were put before."""
        self._queue.put(lambda: action(self.writer))

    def tick(self, now: Nanos) -> None:
        """Let time pass for the writer; one tick waits at the most."""
        if self._put_bytes - self._done_bytes < self._limit // 2:
            self._over = False
        if not self._ticking:
            self._ticking = True
            self._queue.put(lambda: self._tick(now))

    def close(self, patience_s: float = CLOSE_PATIENCE_S) -> None:
        """Let it write what waits, for so long; what then still waits is lost."""
        self._queue.put(None)
        self._thread.join(patience_s)
        if self._thread.is_alive():
            self._unfit += self.waiting
            self._over = True

    def _tick(self, now: Nanos) -> None:
        self._ticking = False
        self.writer.tick(now)

    def _run(self) -> None:
        writer = self.writer
        while (item := self._queue.get()) is not None:
            if callable(item):
                with self._mistakes.isolated(self.name):
                    item()
                continue
            done = self._done_frames + len(item)
            with self._mistakes.isolated(self.name):
                if isinstance(item, KernelBatch):
                    writer.write_batch(item)
                    self._done_frames += len(item)
                else:
                    for frame in item:
                        writer.write(frame)
                        self._done_frames += 1
            self._unfit += done - self._done_frames
            self._done_frames = done
            self._done_bytes += _size(item)
        with self._mistakes.isolated(self.name):
            writer.close()


def _size(frames: Sequence[Frame] | KernelBatch) -> int:
    if isinstance(frames, KernelBatch):
        return frames.size
    return sum([len(frame.data) for frame in frames]) + FRAME_COST * len(frames)
