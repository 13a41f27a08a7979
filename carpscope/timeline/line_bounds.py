"""Straight lines below some points and above others: which there are, and the middle one.

    minimum of the upper points   · ·  ·    ·
                              ----------------------- every such line
    maximum of the lower points     ·   ·  ·

How high a line may lie at a given slope is a concave function of the slope, how low a convex
one, so what is asked of them is found by narrowing an interval.
"""

from collections.abc import Callable
from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol.spans import RATE_SPAN

DRIFT_MAX = 500e-6
"""NTP turns a clock by 500 ppm at the most, and slews it at that rate; crystals err less."""
_ROUNDS = 80


class SharedFrame(NamedTuple):
    """One frame that two captures hold."""

    at: Nanos
    """When, on the clock of the first."""
    late: Nanos
    """How much later the clock of the other says it was."""


class BoundPoint(NamedTuple):
    """A point of such a bound."""

    x: float
    y: float


class Drawn(NamedTuple):
    """A line: its height at 0, and its slope."""

    at: float
    slope: float


def _hull(points: list[BoundPoint], *, lower: bool) -> list[BoundPoint]:
    """Return the points that a line from outside can touch."""
    sign = 1 if lower else -1
    hull: list[BoundPoint] = []
    for point in sorted(points):
        while len(hull) > 1:
            (ax, ay), (bx, by) = hull[-2], hull[-1]
            if sign * ((bx - ax) * (point.y - ay) - (by - ay) * (point.x - ax)) > 0:
                break
            hull.pop()
        if hull and hull[-1].x == point.x:
            if sign * (point.y - hull[-1].y) >= 0:
                continue
            hull.pop()
        hull.append(point)
    return hull


def _peak(low: float, high: float, height: Callable[[float], float]) -> float:
    """Return where a concave function is highest."""
    for _ in range(_ROUNDS):
        third = (high - low) / 3
        if height(low + third) < height(high - third):
            low += third
        else:
            high -= third
    return (low + high) / 2


@dataclass(slots=True)
class LineBounds:
    """Points that a line lies not above, and points that it lies not below."""

    above: list[BoundPoint]
    below: list[BoundPoint]
    best: float = field(init=False)
    """The slope with the largest distance between the two sides."""
    width: float = field(init=False)
    """The distance of the two sides at slope `best`; negative where no line fits."""

    def __post_init__(self) -> None:
        """Keep what a line can touch."""
        self.above = _hull(self.above, lower=True)
        self.below = _hull(self.below, lower=False)
        both = self.above and self.below
        self.best = _peak(-DRIFT_MAX, DRIFT_MAX, self._room) if both else 0.0
        self.width = self._room(self.best) if both else 0.0

    @property
    def misfit(self) -> float:
        """Return by how much points have to be moved for a line to fit."""
        return max(-self.width / 2, 0.0)

    def _top(self, slope: float) -> float:
        return min(y - slope * x for x, y in self.above)

    def _bottom(self, slope: float) -> float:
        return max(y - slope * x for x, y in self.below)

    def _room(self, slope: float) -> float:
        return self._top(slope) - self._bottom(slope)

    def _slopes(self) -> tuple[float, float]:
        """Return the least and the greatest slope of a line that fits."""
        ends = []
        for end in (-DRIFT_MAX, DRIFT_MAX):
            inside, outside = self.best, end
            if self._room(outside) >= min(self.width, 0.0):
                ends.append(outside)
                continue
            for _ in range(_ROUNDS):
                middle = (inside + outside) / 2
                if self._room(middle) >= min(self.width, 0.0):
                    inside = middle
                else:
                    outside = middle
            ends.append(inside)
        return ends[0], ends[1]

    def middle(self, rate: float, start: float, end: float) -> tuple[Drawn, float]:
        """Return a line in the middle of all that fit, and its largest distance to any of these.

        `rate` is the slope that the points themselves show, which need not be the middle one. The
        distance is the one between `start` and `end`: two lines are farthest apart at either.
        """
        low, high = self._slopes()
        slope = max(low, min(high, rate))
        line = Drawn((self._top(slope) + self._bottom(slope)) / 2, slope)
        far = 0.0
        for x in (start, end):
            here = line.at + slope * x
            far = max(far, self._highest(low, high, x) - here, here - self._lowest(low, high, x))
        return line, far

    def _highest(self, low: float, high: float, x: float) -> float:
        found = _peak(low, high, lambda slope: self._top(slope) + slope * x)
        return self._top(found) + found * x

    def _lowest(self, low: float, high: float, x: float) -> float:
        found = _peak(low, high, lambda slope: -self._bottom(slope) - slope * x)
        return self._bottom(found) + found * x

    def along(self) -> Drawn:
        """Return the line that touches the points of one side and lies nearest to all of them."""
        side, height = (self.above, self._top) if self.above else (self.below, self._bottom)
        centre = (side[0].x + side[-1].x) / 2
        sign = 1 if self.above else -1
        slope = (
            _peak(-DRIFT_MAX, DRIFT_MAX, lambda b: sign * (height(b) + b * centre))
            if side[-1].x - side[0].x >= RATE_SPAN
            else 0.0
        )
        return Drawn(height(slope), slope)
