"""The clock of one capture against that of another: offset, drift, and how sure both are.

A frame that both captures hold gives a point: its time here, and how much later the other
clock says it was there. That is the clock's offset and the frame's way together. A frame
that passes here first adds its way, one that passes there first takes it away, so points of
both directions enclose the offset: it lies below all of the one kind and above all of the
other, however long the ways are and however they vary. A clock that runs evenly is a
straight line between them; all lines that fit say how far off the one that is taken may be.

Where all points are of one direction, offset and way cannot be told apart: without an
assumption on the longest way the bound is unknown, and the clock is set as if the shortest
way took no time.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol.spans import EVEN, RATE_SPAN, RESOLUTION
from carpscope.timeline.line_bounds import DRIFT_MAX, BoundPoint, LineBounds, SharedFrame

SEGMENTS_MAX = 64
TRILLION = 1_000_000_000_000
FEW = 16
"""Fewer points than twice this are not cut in their middle."""


@dataclass(frozen=True, slots=True)
class ClockStretch:
    """A stretch in which a clock ran evenly."""

    start: Nanos
    """First point, on this clock."""
    end: Nanos
    origin: Nanos
    """The reference time at which `offset` holds."""
    offset: Nanos
    """This clock minus the reference's."""
    drift_ppt: int
    """How much this clock gains on the reference, in parts per trillion."""
    residual: Nanos
    """The largest distance of a point from the line; varying path delays are part of it."""
    points: int

    def corrected(self, at: Nanos) -> Nanos:
        """Return what the reference's clock said."""
        elapsed = at - self.origin - self.offset
        return self.origin + elapsed * TRILLION // (TRILLION + self.drift_ppt)

    def told_offset(self, at: Nanos) -> Nanos:
        """Return this clock minus the reference's at a time of the reference."""
        return self.offset + (at - self.origin) * self.drift_ppt // TRILLION


@dataclass(frozen=True, slots=True)
class Step:
    """Where a clock was set, between which times of the reference, and by how much."""

    after: Nanos
    before: Nanos
    by: Nanos
    is_clock: bool
    """Whether frames of both directions show it; in one direction alone, a path delay that changed
    looks the same."""


@dataclass(slots=True)
class Clock:
    """A capture's clock."""

    capture: int
    reference: int | None
    """The capture it is compared with; None where nothing is shared."""
    segments: list[ClockStretch] = field(default_factory=list)
    points: int = 0
    outliers: int = 0
    """Pairs left out because they lie far from the others: a copy that was sent later."""
    steps: list[Step] = field(default_factory=list)
    bound: Nanos | None = None
    """The largest error of a corrected time; None where it is unknown."""
    round_trip: Nanos | None = None
    """The shortest delay there and back; None where frames went in one direction only."""
    path_max: Nanos | None = None
    """The longest path delay between the captures, as the user gave it."""
    note: str = ""
    """A contradiction in what the clock was fitted to, for the user; empty where there is none."""

    @property
    def is_reference(self) -> bool:
        """Tell whether this is the clock that others are measured against."""
        return self.capture == self.reference

    @property
    def known(self) -> bool:
        """Return whether its times can be compared with the reference's."""
        return self.is_reference or bool(self.segments)

    @property
    def offset(self) -> Nanos:
        """Return this clock minus the reference's at the first point."""
        return self.segments[0].offset if self.segments else 0

    @property
    def drift_ppm(self) -> float:
        """Return how much it gains, over the longest even stretch."""
        if not self.segments:
            return 0.0
        longest = max(self.segments, key=lambda s: s.end - s.start)
        return longest.drift_ppt / 1_000_000

    def corrected(self, at: Nanos) -> Nanos:
        """Return what the reference's clock said at a time of this one."""
        segments = self.segments
        if not segments:
            return at
        if len(segments) == 1:
            return segments[0].corrected(at)
        index = max(bisect_right(segments, at, key=lambda s: s.start) - 1, 0)
        told = segments[index].corrected(at)
        if at > segments[index].end and index + 1 < len(segments):
            # when between two points the clock was stepped nobody knows; time runs forward
            return min(told, segments[index + 1].origin)
        return told

    def in_order(self, times: Iterable[Nanos]) -> Iterator[Nanos]:
        """Yield the corrected time of each time, given in the order in which they were recorded.

        A clock that is set back shows some times twice; the order decides which one is meant.
        """
        segments, index, before = self.segments, 0, -(1 << 62)
        for at in times:
            while index + 1 < len(segments) and _is_past(segments, index, before, at):
                index, before = index + 1, at
            before = at
            if not segments:
                yield at
                continue
            told = segments[index].corrected(at)
            beyond = at > segments[index].end and index + 1 < len(segments)
            yield min(told, segments[index + 1].origin) if beyond else told


def _is_past(segments: list[ClockStretch], index: int, before: Nanos, at: Nanos) -> bool:
    """Return whether the clock was set between `before` and `at`, two of its successive times."""
    end, start = segments[index].end, segments[index + 1].start
    if start > end:
        # points vary, so a stretch may begin a little before or after its first point
        return at >= start - min(EVEN, (start - end) // 2)
    return before - at > (end - start) // 2 or at > end + (end - start)


@dataclass(frozen=True, slots=True)
class Points:
    """The points of one stretch between two steps, to which a clock is fitted."""

    marks: tuple[SharedFrame, ...]
    """Every point; in order of time."""
    here: tuple[SharedFrame, ...]
    """Points of hosts at the reference's place: the offset is at most each of them."""
    there: tuple[SharedFrame, ...]
    """Points of hosts at this place: the offset is at least each of them."""
    rate: float = 0.0
    """How fast the clock gains, by the points of one host; 0 where they vary too much."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A line through one stretch, and how far off it may be."""

    segment: ClockStretch
    bound: Nanos | None
    round_trip: Nanos | None
    misfit: Nanos
    """By how much points have to be moved for a straight line to fit; 0 where one fits."""
    is_contradicted: bool
    """Whether frames took longer than the longest path delay that the user gave."""


def fitted(points: Points, path_max: Nanos | None, until: tuple[Nanos, Nanos]) -> list[Fit]:
    """Fit even stretches to points; `until` is the reference time for which they serve."""
    fit = _fit(points, path_max, until)
    if fit.misfit <= EVEN or len(points.marks) < 2 * FEW:
        return [fit]
    # a clock that is slewed bends: it is cut in its middle until every stretch is even
    middle = points.marks[len(points.marks) // 2].at
    found = []
    for early in (True, False):
        sides = [_side(marks, middle, early=early) for marks in _of(points)]
        part = Points(sides[0], sides[1], sides[2], rate_of(sides[0]))
        if not part.marks:
            return [fit]
        span = (until[0], middle) if early else (middle, until[1])
        found += fitted(part, path_max, span)
    return found if len(found) <= SEGMENTS_MAX else [fit]


def _of(points: Points) -> tuple[tuple[SharedFrame, ...], ...]:
    return points.marks, points.here, points.there


def _side(marks: tuple[SharedFrame, ...], middle: Nanos, *, early: bool) -> tuple[SharedFrame, ...]:
    return tuple(mark for mark in marks if (mark.at < middle) == early)


def _fit(points: Points, path_max: Nanos | None, until: tuple[Nanos, Nanos]) -> Fit:
    origin, base = points.marks[0].at, points.marks[0].late
    above = [BoundPoint(m.at - origin, m.late - base + RESOLUTION) for m in points.here]
    below = [BoundPoint(m.at - origin, m.late - base - RESOLUTION) for m in points.there]
    both = bool(above and below)
    contradicted = False
    band = LineBounds(above, below)
    if path_max is not None:
        # no path delay is longer than the user gave, in either direction
        everything = [(m.at - origin, m.late - base) for m in points.marks]
        wide = LineBounds(
            above + [BoundPoint(x, y + path_max) for x, y in everything],
            below + [BoundPoint(x, y - path_max) for x, y in everything],
        )
        contradicted = wide.misfit > EVEN
        if not contradicted:
            band, both = wide, True
    if not both:
        return _one_way(points, origin, base, contradicted=contradicted)
    # what was recorded before the first point and after the last is corrected, too
    start, end = (at - origin for at in until)
    line, half = band.middle(points.rate, start, max(end, start + 1))
    segment = _segment(points, origin, base, line.at, line.slope)
    trip = round(band.width) if points.here and points.there else None
    return Fit(segment, round(half + max(band.misfit, 0)), trip, round(band.misfit), contradicted)


def _one_way(points: Points, origin: Nanos, base: Nanos, *, contradicted: bool) -> Fit:
    """Fit the line to the frames with the least delay, where all went in one direction."""
    marks = points.there or points.here or points.marks
    side = [BoundPoint(m.at - origin, m.late - base) for m in marks]
    line = LineBounds([], side).along() if points.there else LineBounds(side, []).along()
    segment = _segment(points, origin, base, line.at, line.slope)
    return Fit(segment, None, None, 0, contradicted)


def rate_of(marks: Sequence[SharedFrame]) -> float:
    """Return how fast a clock gains by frames of one host; 0 where they vary too much to tell."""
    half = len(marks) // 2
    spans = [(a, b) for a, b in zip(marks, marks[half:], strict=False) if b.at - a.at >= RATE_SPAN]
    if not spans:
        return 0.0
    rates = sorted((b.late - a.late) / (b.at - a.at) for a, b in spans)
    rate = rates[len(rates) // 2]
    if abs(rate) < rates[-1 - len(rates) // 4] - rates[len(rates) // 4]:
        return 0.0
    return max(-DRIFT_MAX, min(DRIFT_MAX, rate))


def _segment(
    points: Points, origin: Nanos, base: Nanos, offset: float, slope: float
) -> ClockStretch:
    marks = points.marks
    rests = [abs(m.late - base - offset - slope * (m.at - origin)) for m in marks]
    return ClockStretch(
        marks[0].at + marks[0].late,
        marks[-1].at + marks[-1].late,
        origin,
        base + round(offset),
        round(slope * TRILLION),
        round(max(rests)),
        len(marks),
    )
