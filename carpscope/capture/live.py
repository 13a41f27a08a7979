"""Frames from interfaces, as they come, without ever waiting inside libpcap.

pcapy's own waiting does not return on an idle interface and swallows SIGINT, so every
handle is non-blocking and `poll` does the waiting. An interface that goes down, vanishes
or comes back is survived and said: `notices` has one line each, once.

This module, `capture.pipe` and `capture.rotation` read the clock; everything above is given it.
"""

import select
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from carpscope.capture.interface import (
    BATCH,
    BATCHES_MAX,
    RETIRE_MS,
    CaptureInterface,
    CaptureSettings,
)
from carpscope.capture.links import Links
from carpscope.capture.pipe import Pipe
from carpscope.core.batch import Batch
from carpscope.core.errors import CarpscopeError
from carpscope.core.files import Reserve
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.core.values import dataclass

DRAIN_MAX: Nanos = 5 * SECOND
"""A full buffer takes this long at the most; who ends a flood does not wait for more."""
BATCHES_OF_SEVERAL = 2
"""Of each of several interfaces at a time: they are sorted before any is looked at."""
TURN: Nanos = 100 * MILLISECOND
"""Of one interface batches are given for so long, then others have their turn: what is looked at
may take longer than it took to come."""
RETRY_AFTER: Nanos = SECOND // 4
RESERVED = 8
"""Descriptors that are kept for opening an interface again."""
SETTLED: Nanos = 2 * RETIRE_MS * MILLISECOND + 20 * MILLISECOND
"""A frame this old has been handed over once the ring was found empty."""


def wall_ns() -> Nanos:
    """Return the time, from the clock that also stamps captured frames."""
    return time.time_ns()


def monotonic_ns() -> Nanos:
    """Return a time that nobody sets."""
    return time.monotonic_ns()


def worked_ns() -> Nanos:
    """Return how long this thread has worked in all."""
    return time.thread_time_ns()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about an interface that a person should know."""

    at: Nanos
    interface: int
    state: str
    text: str
    since: Nanos
    """Since when nothing is known, or until `at` nothing was."""


class LiveCapture:
    """Several interfaces at once."""

    def __init__(
        self,
        names: Sequence[str],
        settings: CaptureSettings,
        privileged: "AbstractContextManager[object] | None" = None,
        pipes: Sequence[Pipe] = (),
    ) -> None:
        """Open all, or raise. `privileged` surrounds every later opening.

        `pipes` are numbered behind the interfaces; they begin with `start`.
        """
        self.interfaces: list[CaptureInterface | Pipe] = [
            CaptureInterface(name, index, settings) for index, name in enumerate(names)
        ]
        self._privileged = privileged or nullcontext()
        self._poll = select.poll()
        self._registered: dict[int, int] = {}
        self._links = Links()
        self._reserve = Reserve(RESERVED)
        self.drained: Nanos = 0
        """Every frame older than this has been given."""
        self._open(self.interfaces)
        self._pipes = pipes

    def start(self) -> None:
        """Begin to read pipes: each has a thread, and privileges belong to threads."""
        self.interfaces += self._pipes
        self._open(self._pipes)

    def _open(self, sources: Sequence[CaptureInterface | Pipe]) -> None:
        now = wall_ns()
        for source in sources:
            source.open(self._links)
            source.since = source.seen = now
        self._register()

    @property
    def is_over(self) -> bool:
        """Tell whether nothing can come any more."""
        return all(isinstance(one, Pipe) and one.is_over for one in self.interfaces)

    def surround(self, privileged: "AbstractContextManager[object]") -> None:
        """Reopen with privileges that are laid down meanwhile."""
        self._privileged = privileged

    def add_wakeup(self, fileno: int) -> None:
        """Let something else end the waiting, as a signal does."""
        self._poll.register(fileno, select.POLLIN)

    def wait(self, timeout_ms: int) -> set[int]:
        """Wait for frames; return the file descriptors that have something."""
        return {fileno for fileno, _ in self._poll.poll(timeout_ms)}

    def batches(self) -> Iterator[Batch]:
        """Give what waits on every interface, by time where there are several."""
        start = wall_ns()
        limit = BATCHES_MAX
        if len(self.interfaces) == 1:
            before = self.interfaces[0].frames
            began = monotonic_ns()
            for batch in _batches(self.interfaces[0], limit):
                yield batch
                if monotonic_ns() - began > TURN:
                    return
            emptied = self.interfaces[0].frames - before < limit * BATCH
        else:
            before = sum(i.frames for i in self.interfaces)
            limit = BATCHES_OF_SEVERAL
            given = (batch for source in self.interfaces for batch in _batches(source, limit))
            waiting = [frame for batch in given for frame in batch.frames()]
            waiting.sort(key=_at)
            for frame in waiting:
                yield Batch.of((frame,))
            emptied = sum(i.frames for i in self.interfaces) - before < limit * BATCH
        if emptied:
            self.drained = start - SETTLED

    def check(self, now: Nanos) -> list[Notice]:
        """Look after the interfaces; return what changed, a moment of blindness too."""
        notices = []
        for interface in self.interfaces:
            seen, lost, before = interface.seen, interface.lost, interface.state_reported
            state = interface.check(self._links)
            if (
                state == "gone"
                and isinstance(interface, CaptureInterface)  # a pipe's thread opens it again
                and interface.exists
                and abs(now - interface.tried) >= RETRY_AFTER
            ):
                self._reopen(interface, now)
                state = interface.state
            if state == "up":
                interface.seen, interface.lost = now, None
            elif lost is None:
                interface.lost = seen
            missed = state == "up" and interface.blinked
            if state != before or (missed and lost is None):
                since = seen if lost is None else lost
                interface.state_reported, interface.since = state, now
                notices.append(Notice(now, interface.index, state, _words(interface, since), since))
        self._register()
        return notices

    def drain(self) -> Iterator[Batch]:
        """Give what the kernel still holds, at the end, until nothing more comes."""
        end = wall_ns()
        deadline = monotonic_ns() + DRAIN_MAX
        quiet = 0
        while quiet < 3 and monotonic_ns() < deadline:
            self.wait(RETIRE_MS)
            before = sum(interface.frames for interface in self.interfaces)
            for batch in self.batches():
                due = [i for i in range(len(batch)) if self._is_due(batch, i, end)]
                yield batch if len(due) == len(batch) else batch.chosen(due)
            came = sum(interface.frames for interface in self.interfaces) > before
            ours = [one for one in self.interfaces if isinstance(one, CaptureInterface)]
            if all(interface.latest > end for interface in ours):
                return  # pipes are not waited for: a sender may go on for ever
            quiet = 0 if came else quiet + 1

    def count(self) -> None:
        """Bring every count up to date."""
        for interface in self.interfaces:
            interface.count()

    def close(self) -> None:
        """Let go of all."""
        for interface in self.interfaces:
            interface.close()
        self._links.close()
        self._reserve.close()

    def _is_due(self, batch: Batch, index: int, end: Nanos) -> bool:
        """Tell whether a packet came before an end; the clock of a pipe says nothing of that."""
        is_early = batch.at(index) <= end
        return is_early or isinstance(self.interfaces[batch.interface(index)], Pipe)

    def _reopen(self, interface: CaptureInterface, now: Nanos) -> None:
        interface.tried = now
        with self._privileged, self._reserve:
            try:
                interface.open(self._links)
            except CarpscopeError as problem:
                interface.state, interface.why = "gone", f"cannot be opened again ({problem})"

    def _register(self) -> None:
        wanted = {i.index: i.fileno for i in self.interfaces if i.fileno is not None}
        for index, fileno in list(self._registered.items()):
            if wanted.get(index) != fileno:
                self._poll.unregister(fileno)
                del self._registered[index]
        for index, number in wanted.items():
            if index not in self._registered and number is not None:
                self._poll.register(number, select.POLLIN)
                self._registered[index] = number


def _batches(source: CaptureInterface | Pipe, limit: int) -> Iterator[Batch]:
    """Give what waits on one."""
    if isinstance(source, CaptureInterface):
        yield from source.read(limit)
    elif frames := list(source.read(limit)):
        yield Batch.of(frames)


def _at(frame: Frame) -> Nanos:
    return frame.at


def _words(interface: CaptureInterface | Pipe, since: Nanos) -> str:
    if interface.state == "up":
        away = f"{(interface.seen - since) / SECOND:.1f} s"
        return f"{interface.label} is back after {away}; nothing is known of that time"
    told = f"{interface.label} {interface.why}"
    is_over = isinstance(interface, Pipe) and interface.is_over
    return told if is_over else f"{told}; waiting for it to come back"
