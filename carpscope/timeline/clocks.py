"""The clock of one capture against that of another: offset, drift, and how sure both are.

Each pair of times of one packet is a point; a clock that runs evenly gives a straight
line. Where it was stepped or slewed the line breaks, and there are several.
"""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from carpscope.core.units import MILLISECOND, SECOND, Nanos

PATH_MAX: Nanos = 5 * MILLISECOND
"""The longest way between two vantage points that is assumed unless said otherwise."""
EVEN: Nanos = 2 * MILLISECOND
"""Points farther from their line than this mean that the clock did not run evenly."""
DRIFT_MAX_PPT = 200_000_000
"""200 ppm: what a clock may drift where too few points show its rate."""
SEGMENTS_MAX = 64
TRILLION = 1_000_000_000_000
_RATE_SPAN: Nanos = 5 * SECOND
"""Points closer together than this say nothing of a rate."""

Point = tuple[Nanos, Nanos]
"""When one packet came by, on the reference's clock and on this one."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch in which a clock ran evenly."""

    start: Nanos
    """First point, on this clock."""
    end: Nanos
    origin: Nanos
    """The reference time at which `offset` holds."""
    offset: Nanos
    """This clock minus the reference's."""
    drift_ppt: int
    """How much it gains, in parts per trillion."""
    residual: Nanos
    """The farthest point from the line."""
    points: int
    rated: bool
    """Whether its points lie far enough apart to show how fast it runs."""

    def corrected(self, at: Nanos) -> Nanos:
        """Return what the reference's clock said."""
        elapsed = at - self.origin - self.offset
        return self.origin + elapsed * TRILLION // (TRILLION + self.drift_ppt)

    def told_offset(self, at: Nanos) -> Nanos:
        """Return this clock minus the reference's at a time of the reference."""
        return self.offset + (at - self.origin) * self.drift_ppt // TRILLION


@dataclass(slots=True)
class Clock:
    """A capture's clock."""

    capture: int
    reference: int | None
    """The capture it is compared with; None where nothing is shared."""
    segments: list[Segment] = field(default_factory=list)
    points: int = 0
    outliers: int = 0
    """Pairs that are no pair: a copy sent later by somebody else."""
    gaps: list[tuple[Nanos, Nanos, Nanos]] = field(default_factory=list)
    """Where it was stepped: between which reference times, and by how much."""
    bound: Nanos = 0
    """How far a corrected time may be off, under the assumptions stated."""
    path_max: Nanos = PATH_MAX

    @property
    def is_reference(self) -> bool:
        """Tell whether this is the clock that others are measured against."""
        return self.capture == self.reference

    @property
    def known(self) -> bool:
        """Tell whether its times can be compared with the reference's."""
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


def fitted(
    capture: int, reference: int, points: Sequence[Point], path_max: Nanos, base: Nanos
) -> Clock:
    """Fit a clock to points; `base` is how far the reference itself may be off."""
    pairs = sorted(points)
    kept = _plausible(pairs)
    segments = _split(kept, SEGMENTS_MAX)
    worst = max(segment.residual for segment in segments)
    unsure = 0
    if not any(segment.rated for segment in segments):
        span = kept[-1][0] - kept[0][0]
        unsure = span * DRIFT_MAX_PPT // TRILLION
    bound = worst + path_max + base + unsure
    gaps = [
        (
            before.corrected(before.end),
            after.origin,
            after.offset - before.told_offset(after.origin),
        )
        for before, after in itertools.pairwise(segments)
    ]
    outliers = len(pairs) - len(kept)
    return Clock(capture, reference, segments, len(kept), outliers, gaps, bound, path_max)


def _plausible(pairs: list[Point]) -> list[Point]:
    """Leave out single points that lie far from those around them."""
    if len(pairs) < 5:
        return pairs
    offsets = [there - here for here, there in pairs]
    kept = []
    for index, pair in enumerate(pairs):
        low = min(max(index - 2, 0), len(pairs) - 5)
        five = sorted(offsets[low : low + 5])
        if abs(offsets[index] - five[2]) <= 20 * EVEN:
            kept.append(pair)
    return kept or pairs


def _split(pairs: list[Point], budget: int) -> list[Segment]:
    """Cut where the clock was stepped until every stretch is even."""
    line = _line(pairs)
    if line.residual <= EVEN or len(pairs) < 8 or budget < 2:
        return [line]
    offsets = [there - here for here, there in pairs]
    steps = [abs(b - a) for a, b in itertools.pairwise(offsets)]
    worst = max(range(len(steps)), key=steps.__getitem__)
    # a step stands out between two points; a slew bends, and is cut in its middle
    cut = worst + 1 if steps[worst] > EVEN else len(pairs) // 2
    left, right = pairs[:cut], pairs[cut:]
    return _split(left, budget // 2) + _split(right, budget - budget // 2)


def _line(pairs: list[Point]) -> Segment:
    """Fit a straight line by least squares, in integers where it matters."""
    origin, base = pairs[0][0], pairs[0][1] - pairs[0][0]
    xs = [here - origin for here, _ in pairs]
    ys = [there - here - base for here, there in pairs]
    slope, rated = 0.0, len(pairs) > 2 and xs[-1] >= _RATE_SPAN
    if rated:
        import statistics  # noqa: PLC0415 - it brings fractions and decimals, for this one line

        slope = statistics.linear_regression(xs, ys).slope
    # the middle between the farthest points on both sides: the smallest largest residual
    rests = [y - slope * x for x, y in zip(xs, ys, strict=True)]
    middle = (max(rests) + min(rests)) / 2
    residual = max(abs(rest - middle) for rest in rests)
    return Segment(
        pairs[0][1],
        pairs[-1][1],
        origin,
        base + round(middle),
        round(slope * TRILLION),
        round(residual),
        len(pairs),
        rated,
    )
