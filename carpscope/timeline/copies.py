"""Which packets are copies: one transmission that was captured more than once.

Within one capture a mirror port shows a frame on its way in and on its way out, the same
bytes from IP on within milliseconds. Between captures the same frame comes at the times that
its ways take (`timeline.matching`), and ways may duplicate it. Between the files of one
recording, a packet has one time. Whoever counts or draws advertisements asks the observer,
which asks here.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from carpscope.core.frame import Frame
from carpscope.core.units import Nanos
from carpscope.protocol import timers
from carpscope.wire.decode import decode

COPY_WINDOW: Nanos = timers.COPY
RECENT_KEPT = 256


class Recent:
    """The advertisements of the last milliseconds, by their bytes: to recognise copies.

    They are kept in two tables, `seen` and `before`, and the older one is dropped as a whole.
    """

    __slots__ = ("before", "seen", "since")

    def __init__(self) -> None:
        """Know of none."""
        self.seen: dict[bytes, Nanos] = {}
        self.before: dict[bytes, Nanos] = {}
        self.since: Nanos = -(1 << 62)

    def has(self, at: Nanos, packet: bytes) -> bool:
        """Return whether these bytes, from the IP header on, were seen within `COPY_WINDOW`."""
        if at - self.since > COPY_WINDOW:
            self.forget(at)
        seen = self.seen.get(packet) or self.before.get(packet)
        # a time before that of the first sighting: the clock was set back
        return seen is not None and abs(at - seen) <= COPY_WINDOW

    def note(self, at: Nanos, packet: bytes) -> None:
        """Keep one advertisement; of a flood only a part is kept."""
        if at - self.since > COPY_WINDOW:
            self.forget(at)
        if len(self.seen) < RECENT_KEPT:
            self.seen[packet] = at

    def forget(self, now: Nanos) -> None:
        """Drop the older table where nothing in it can have a copy any more."""
        age = now - self.since
        if age > COPY_WINDOW:
            self.before = self.seen if age <= 2 * COPY_WINDOW else {}
            self.seen = {}
            self.since = now

    def items(self) -> list[tuple[bytes, Nanos]]:
        """Return (bytes, time) of each kept advertisement, in order of time."""
        return [*self.before.items(), *self.seen.items()]


class Elsewhere:
    """The frames that are copies: another capture holds the same transmission nearer its sender."""

    def __init__(self, captures: int) -> None:
        """Know of none."""
        self._numbers: list[array[int]] = [array("q") for _ in range(captures)]

    def add(self, capture: int, number: int) -> None:
        """Take a frame; those of a capture in the order of their numbers."""
        self._numbers[capture].append(number)

    def has(self, capture: int, number: int) -> bool:
        """Tell whether a frame is a copy of one in another capture."""
        numbers = self._numbers[capture]
        place = bisect_left(numbers, number)
        return place < len(numbers) and numbers[place] == number

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._numbers))


class RotatedFiles:
    """The files of one recording, which may overlap in time.

    The kernel stamps a packet once, whoever records it: what another file holds too, time, link
    type, length and bytes alike, is the same packet and taken once. What one file holds twice
    stays twice: the network carried it twice.
    """

    def __init__(self, captures: int) -> None:
        """Know of none."""
        self.packets = [0] * captures
        """Of each capture, packets left out that another one holds too."""
        self.advertisements = [0] * captures

    def once(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield each packet once, of frames in order of time and capture."""
        for _, same_time in groupby(frames, key=attrgetter("at")):
            several = list(same_time)
            if several[0].capture == several[-1].capture:
                yield from several
            else:
                yield from self._once(several)

    def _once(self, frames: list[Frame]) -> Iterator[Frame]:
        held: dict[tuple[int, int, bytes], Counter[int]] = {}
        for frame in frames:
            key = frame.link, frame.wire_length, frame.data
            held.setdefault(key, Counter())[frame.capture] += 1
        longest = {key: max(by, key=lambda c: (by[c], -c)) for key, by in held.items()}
        for frame in frames:
            kept = longest[frame.link, frame.wire_length, frame.data]
            if kept == frame.capture or not frame.data:
                yield frame
                continue
            self.packets[frame.capture] += 1
            if decode(frame).advert is not None:
                self.advertisements[frame.capture] += 1
