"""A capture that grows, read from a pipe in a thread of its own.

The thread may wait: for bytes, for a writer, for a command that is started again. The loop never
does: it takes what came, in `Pipe.read`, and is woken by a byte in a pipe of our own. What waits
between both is bounded; beyond it the thread stops reading, and the sender has to wait.

A pipe looks as an interface does (`capture.interface`): `up` while it gives a capture, `down`
while it gives nothing although something is due, `gone` while there is none. Times are those of
the frames; how much later they arrive is measured here.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, NamedTuple, cast

from carpscope.capture.feed import PATIENCE_S, READ_SIZE, Feed, opened
from carpscope.capture.filter import FrameFilter
from carpscope.capture.interface import Counts
from carpscope.capture.links import Links
from carpscope.capture.source import open_capture
from carpscope.capture.targets import STANDARD_INPUT, Target
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.text import shown
from carpscope.core.units import SECOND, Nanos, span_text
from carpscope.core.values import dataclass, field

WAITING_MAX = 8 << 20
"""Bytes of frames that may wait for the loop."""
TAKEN_AT_ONCE = 4096
"""Frames per turn of the loop."""
PAUSE_FIRST_S = 0.5
PAUSE_MOST_S = 60.0
"""Between two attempts; it doubles while nothing comes of them."""
OPENS_IN: Nanos = 2 * SECOND
"""What a connection gets before it is said that nothing came of it."""
DELAYS = 64
"""Frames by whose soonest the clocks are compared, before shared frames tell better."""


class PipeFrame(NamedTuple):
    """One frame, and when it came on our clock."""

    frame: Frame
    at: Nanos


@dataclass(slots=True)
class Pipe:
    """One pipe that is captured from."""

    name: str
    index: int
    target: Target
    segment: int = 0
    place: int = 0
    """Which vantage of its segment it is, from 0."""
    chosen: FrameFilter | None = None
    state: str = "up"
    why: str = "has given no capture yet"
    frames: int = 0
    link: int = 1
    since: Nanos = 0
    latest: Nanos = 0
    counts: Counts = field(default_factory=Counts)
    state_reported: str = "up"
    seen: Nanos = 0
    lost: Nanos | None = None
    tried: Nanos = 0
    blinked: bool = False
    patience: Nanos | None = None
    """Within this something would have come, by what was heard; None where nothing is due."""
    lag: Nanos = 0
    """By how much the latest frame came later than the soonest of the last ones."""
    _delays: deque[Nanos] = field(default_factory=lambda: deque(maxlen=DELAYS))
    _arrived: deque[PipeFrame] = field(default_factory=deque)
    _size: int = 0
    _heard: int = 0
    """When something came last, on the clock that nobody sets; 0: nothing yet."""
    _given: bool = False
    """Whether a capture was recognised and goes on."""
    _ends: int = 0
    """How often it ended, or could not be opened;"""
    _ends_seen: int = 0
    """as often as that was told."""
    _began: int = 0
    _room: threading.Condition = field(default_factory=threading.Condition)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _wake: tuple[int, int] = (-1, -1)
    _halt: tuple[int, int] = (-1, -1)

    def open(self, links: Links) -> None:
        """Start its thread."""
        del links
        self._wake, self._halt = _pipe(), _pipe()
        self.state = self.state_reported = "up"
        self._began = time.monotonic_ns()
        self._thread = threading.Thread(target=self._run, name=f"pipe {self.name}", daemon=True)
        self._thread.start()

    @property
    def label(self) -> str:
        """Return its name for people."""
        return shown(self.name)

    @property
    def fileno(self) -> int | None:
        """Return what to poll."""
        return self._wake[0] if self._wake[0] >= 0 else None

    @property
    def is_over(self) -> bool:
        """Tell whether it ended, cannot be opened again, and everything was taken."""
        once = self.target.path == STANDARD_INPUT
        return once and bool(self._ends) and not self._arrived

    @property
    def delay(self) -> Nanos | None:
        """Return our clock minus that of the frames, the shortest way included."""
        return min(self._delays, default=None)

    def read(self, limit: int = 0) -> Iterator[Frame]:
        """Give the frames that came."""
        del limit
        with suppress(BlockingIOError):
            os.read(self._wake[0], READ_SIZE)
        with self._room:
            taken = [self._arrived.popleft() for _ in range(min(len(self._arrived), TAKEN_AT_ONCE))]
            self._size -= sum(len(one.frame.data) for one in taken)
            if self._arrived:
                self._ring()
            self._room.notify()
        for frame, at in taken:
            self._delays.append(at - frame.at)
            self.lag = max(0, at - frame.at - min(self._delays))
            self.frames += 1
            self.latest, self.link = frame.at, frame.link
            yield frame

    def count(self) -> None:
        """Bring the counts up to date."""
        self.counts.received = self.frames

    def check(self, links: Links) -> str:
        """Return its state."""
        del links
        self.blinked = self._given and self._ends > self._ends_seen
        if not self._given:
            opens = not self._ends and time.monotonic_ns() - self._began < OPENS_IN
            if not self._arrived and not opens:  # first what it still gave
                self._ends_seen = self._ends
                self.state = "gone"
            return self.state
        self._ends_seen = self._ends
        silent = time.monotonic_ns() - self._heard
        if self.patience is not None and self._heard and silent > self.patience:
            self.state = "down"
            self.why = (
                f"has given nothing for {span_text(silent // SECOND * SECOND)}: it hangs, or "
                "nothing is sent there"
            )
        else:
            self.state, self.why = "up", ""
        return self.state

    def close(self) -> None:
        """End the thread, and what it started."""
        if self._thread is None:
            return
        self._stop.set()
        os.write(self._halt[1], b".")
        with self._room:
            self._room.notify_all()
        self._thread.join(PATIENCE_S + 3)
        self._thread = None
        for number in (*self._wake, *self._halt):
            os.close(number)
        self._wake = self._halt = (-1, -1)

    # The thread

    def _run(self) -> None:
        pause = PAUSE_FIRST_S
        while not self._stop.is_set():
            before = self._heard
            try:
                with opened(self.target, self._halt[0]) as feed:
                    ended = self._consume(feed)
                    said = feed.said()
                    ended = f"{ended} ({said})" if said else ended
                    if self.target.advice and not self.frames and not self._given:
                        ended = f"{ended}; {self.target.advice}"
            except OSError as problem:
                ended = f"cannot be opened: {problem.strerror or problem}"
            self._given, self.why, self._ends = False, ended, self._ends + 1
            self._ring()
            if self.target.path == STANDARD_INPUT:
                return
            pause = PAUSE_FIRST_S if self._heard != before else min(pause * 2, PAUSE_MOST_S)
            self._stop.wait(pause)

    def _consume(self, feed: Feed) -> str:
        """Hand over every frame; return what became of the capture."""
        base = self.frames + len(self._arrived)
        try:
            with open_capture(STANDARD_INPUT, self.place, stdin=cast("BinaryIO", feed)) as capture:
                self._given, self._heard = True, time.monotonic_ns()
                for frame in capture:
                    if self._stop.is_set():
                        break
                    if self.chosen is None or self.chosen.matches(frame):
                        number = base + frame.number
                        self._put(frame._replace(number=number, interface=self.index))
                problems = capture.problems
        except CarpscopeError as problem:
            return f"gives no capture: {str(problem).removeprefix('standard input: ')}"
        return f"ended: {shown(problems[0])}" if problems else "ended"

    def _put(self, frame: Frame) -> None:
        with self._room:
            while self._size > WAITING_MAX and not self._stop.is_set():
                self._room.wait(1)
            self._arrived.append(PipeFrame(frame, time.time_ns()))
            self._size += len(frame.data)
            self._heard = time.monotonic_ns()
        self._ring()

    def _ring(self) -> None:
        with suppress(BlockingIOError, OSError):
            os.write(self._wake[1], b".")


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends
