"""Between the capture and a receiver of records: a bounded queue and a thread of its own.

The capture only ever puts a record into the queue. A receiver that hangs, refuses or is
slow fills its own queue; then the newest record is lost, counted and said, and nothing
else waits.
"""

import queue
import threading
from typing import Protocol, runtime_checkable

from carpscope.core.mistakes import Mistakes
from carpscope.report.record import GROUP, EventRecord
from carpscope.report.snapshot import OutletView

QUEUE_LIMIT = 1000
RETRY_FIRST_S = 0.5
RETRY_LAST_S = 30.0


class Sink(Protocol):
    """Takes one record at a time, in the outlet's thread; may wait, and raise OSError."""

    name: str
    attempts: int
    """How often a record is tried before it is given up."""

    def send(self, record: EventRecord) -> None:
        """Deliver."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


@runtime_checkable
class Stoppable(Protocol):
    """A sink that may hold something that goes on when nobody waits for it any more."""

    def stop(self) -> None:
        """End it, from another thread."""
        ...


@runtime_checkable
class Choosing(Protocol):
    """A sink that wants some records only."""

    def wants(self, record: EventRecord) -> bool:
        """Tell whether it wants a record."""
        ...


class Outlet:
    """One receiver behind its queue."""

    def __init__(
        self, sink: Sink, limit: int = QUEUE_LIMIT, mistakes: Mistakes | None = None
    ) -> None:
        """Start its thread. What fails in it by our mistake is counted in `mistakes`."""
        self._mistakes = mistakes or Mistakes()
        self.sink = sink
        self.sent = 0
        self.lost = 0
        self.problem: str | None = None
        self.broken_pipe = False
        self._is_over = self._is_stuck = False
        self._queue: queue.Queue[EventRecord | None] = queue.Queue(limit)
        self._stop = threading.Event()
        self._thread = self._started()

    def put(self, record: EventRecord) -> None:
        """Hand over a record that its receiver wants; never waits."""
        sink = self.sink
        if not (sink.wants(record) if isinstance(sink, Choosing) else record.kind != GROUP):
            return
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self.lost += 1

    def close(self, patience_s: float) -> None:
        """Let it deliver what waits, for so long; what then still waits is lost."""
        try:
            self._queue.put(None, timeout=patience_s / 2)
        except queue.Full:
            self._stop.set()
        self._thread.join(patience_s / 2)
        self._stop.set()
        self._is_over = True
        while not self._queue.empty():
            self.lost += self._queue.get() is not None
        if self._thread.is_alive():
            self._is_stuck = True
            self.lost += 1  # the one it is stuck with, once
            if isinstance(self.sink, Stoppable):
                self.sink.stop()
        else:
            self.sink.close()

    def view(self) -> OutletView:
        """Say how it stands."""
        return OutletView(self.sink.name, self.sent, self.lost, self._queue.qsize(), self.problem)

    def look_after(self) -> None:
        """Start its thread again, if it died."""
        if not self._thread.is_alive() and not self._is_over:
            self._mistakes.add(self.sink.name, RuntimeError("its thread died"))
            self.lost += 1
            self._thread = self._started()

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name=f"to {self.sink.name}", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while not self._stop.is_set():
            record = self._queue.get()
            if record is None:
                self._is_over = True
                return
            lost = self.lost + 1
            with self._mistakes.isolated(self.sink.name, record.at):
                self._deliver(record)
                continue
            self.problem, self.lost = "a mistake of carpscope itself", lost

    def _deliver(self, record: EventRecord) -> None:
        pause = RETRY_FIRST_S
        for attempt in range(1, self.sink.attempts + 1):
            try:
                self.sink.send(record)
            except BrokenPipeError as problem:
                self.broken_pipe = True
                self.problem = problem.strerror
                break
            except (OSError, ValueError) as problem:
                self.problem = str(getattr(problem, "strerror", None) or problem)
                if attempt == self.sink.attempts or self._stop.wait(pause):
                    break
                pause = min(pause * 2, RETRY_LAST_S)
            else:
                self.sent += 1
                self.problem = None
                return
        self.lost += not self._is_stuck
