"""Geometry of the page's drawings: times become coordinates, and what is too much is thinned.

A drawing never holds more marks than a screen can show apart. What is thinned keeps its
extremes: of many intervals in one column the shortest and the longest, of many
advertisements how many there are.
"""

import itertools
from bisect import bisect_left
from collections.abc import Sequence
from itertools import compress
from operator import itemgetter, not_

from carpscope.core.units import SECOND, Nanos, clock, day
from carpscope.core.values import dataclass, field

WIDTH = 10_000
"""Units of a timeline from its first to its last instant."""
NODE_ROW = 40
"""Height of a node's row."""
BAND = 16
BANDS_MAX = 8


@dataclass(frozen=True, slots=True)
class Axis:
    """What a drawing shows from left to right."""

    first: Nanos
    last: Nanos

    @property
    def span(self) -> Nanos:
        """Return its length, never 0."""
        return max(self.last - self.first, 1)

    def x(self, at: Nanos) -> float:
        """Return where an instant is."""
        return round((at - self.first) / self.span * WIDTH, 1)

    def width(self, start: Nanos, end: Nanos) -> float:
        """Return how wide a stretch is; what has no length is still a hair wide."""
        return round(max(self.x(end) - self.x(start), 4.0), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Return where to write times, at whole steps, and how."""
        step = next((s for s in _STEPS if self.span / s <= 6), _STEPS[-1])
        start = -(-self.first // step) * step
        digits = 3 if step < SECOND else 0
        found: list[tuple[float, str]] = []
        at = start
        while at <= self.last and len(found) < 12:
            text = day(at) if step >= 86_400 * SECOND else clock(at, digits=digits)
            found.append((self.x(at), text))
            at += step
        return found


_STEPS = (
    *(n * SECOND // 1000 for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(n * SECOND for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)),
    *(n * 3600 * SECOND for n in (1, 2, 3, 6, 12, 24, 48, 168, 720, 8760)),
)


@dataclass(frozen=True, slots=True)
class Box:
    """A stretch of time, drawn."""

    x: float
    width: float
    title: str
    kind: str = ""
    row: int = 0
    link: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant, drawn."""

    x: float
    title: str
    kind: str = ""
    link: str = ""


@dataclass(slots=True)
class NodeBar:
    """One node."""

    name: str
    system: str
    priority: str
    master_periods: list[Box] = field(default_factory=list)
    adverts: str = ""
    """An SVG path with a stroke for every advertisement, or a curve of how many."""
    is_density: bool = False
    logs: list[Instant] = field(default_factory=list)


@dataclass(slots=True)
class Timeline:
    """The drawing of one group."""

    id: str
    axis: Axis
    node_rows: list[NodeBar]
    bands: list[Box]
    events: list[Instant]
    left_out: list[str]

    @property
    def band_rows(self) -> int:
        """Return how many rows findings take."""
        return max((band.row for band in self.bands), default=-1) + 1

    @property
    def band_labels(self) -> list[str]:
        """Return the codes of the findings in each row."""
        rows: list[list[str]] = [[] for _ in range(self.band_rows)]
        for band in self.bands:
            if band.label not in rows[band.row]:
                rows[band.row].append(band.label)
        return [", ".join(row) for row in rows]

    @property
    def height(self) -> int:
        """Return how high the plot is."""
        return self.band_rows * BAND + 6 + len(self.node_rows) * NODE_ROW


def strokes(axis: Axis, times: Sequence[Nanos], limit: int) -> tuple[str, bool]:
    """Draw advertisements in the lower part of a node's row; say whether it became a curve."""
    if len(times) <= limit:
        return "".join(f"M{axis.x(at):g} 26v8" for at in times), False
    columns = max(limit, 50)
    counts = [last - first for first, last in _columns(axis, sorted(times), columns)]
    top = max(counts)
    points = [
        f"{index * WIDTH / columns:.0f} {34 - 8 * count / top:.1f}"
        for index, count in enumerate(counts)
    ]
    return f"M0 34L{'L'.join(points)}L{WIDTH} 34Z", True


def _columns(axis: Axis, times: Sequence[Nanos], columns: int) -> list[tuple[int, int]]:
    """Return from where to where times, which ascend, lie in each column, and behind the last."""
    edges = [axis.first - (-n * axis.span // columns) for n in range(1, columns + 1)]
    places = [0, *(bisect_left(times, edge) for edge in edges), len(times)]
    return list(itertools.pairwise(places))


def stacked(boxes: Sequence[Box]) -> tuple[list[Box], int]:
    """Put bands that overlap into rows; return them and how many found no place."""
    ends: list[float] = []
    placed: list[Box] = []
    without = 0
    for box in sorted(boxes, key=lambda b: (b.x, -b.width)):
        row = next((i for i, end in enumerate(ends) if end <= box.x), len(ends))
        if row >= BANDS_MAX:
            without += 1
            continue
        if row == len(ends):
            ends.append(0.0)
        ends[row] = box.x + box.width + 20
        placed.append(Box(box.x, box.width, box.title, box.kind, row, box.link, box.label))
    return placed, without


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a node should do for a time."""

    start: Nanos
    end: Nanos
    low: Nanos
    high: Nanos
    label: str


@dataclass(slots=True)
class Intervals:
    """The drawing of one node's intervals."""

    node: str
    axis: Axis
    top: Nanos
    """The interval at the upper edge."""
    bottom: Nanos
    dots: str
    """An SVG path of squares where intervals are as expected."""
    outside: str
    """The same where they are not."""
    bands: list[tuple[float, float, float, float]]
    """x, y, width, height of what was expected."""
    expected: list[str]
    count: int
    inside: int
    shortest: Nanos
    longest: Nanos
    gaps: int
    """Intervals too long to draw: it was no MASTER meanwhile."""
    thinned: bool


PLOT_HEIGHT = 1000


def intervals(
    node: str, axis: Axis, times: Sequence[Nanos], stretches: Sequence[Stretch], limit: int
) -> Intervals | None:
    """Draw a node's intervals against what its machine would have sent."""
    if len(times) < 3 or not stretches:
        return None
    longest_expected = max(s.high for s in stretches)
    cut = 3 * longest_expected
    ends, gaps = times[1:], [b - a for a, b in itertools.pairwise(times)]
    is_drawn = [gap <= cut for gap in gaps]
    left = is_drawn.count(False)
    if left:
        ends, gaps = list(compress(ends, is_drawn)), list(compress(gaps, is_drawn))
    if not gaps:
        return None
    low = min(*(s.low for s in stretches), *gaps)
    high = max(longest_expected, *gaps)
    margin = max((high - low) // 10, 1_000_000)
    bottom, top = max(low - margin, 0), high + margin

    def y(gap: Nanos) -> float:
        return round((top - gap) / (top - bottom) * PLOT_HEIGHT, 1)

    fits = _expected(stretches, ends, gaps)
    drawn = list(zip(ends, gaps, strict=True))
    good = list(compress(drawn, fits))
    bad = list(compress(drawn, map(not_, fits)))
    kept_good, kept_bad = _thinned(axis, good, limit), _thinned(axis, bad, limit)
    return Intervals(
        node,
        axis,
        top,
        bottom,
        "".join(f"M{axis.x(at):g} {y(gap):g}h.1" for at, gap in kept_good),
        "".join(f"M{axis.x(at):g} {y(gap):g}h.1" for at, gap in kept_bad),
        [
            (
                axis.x(s.start),
                y(s.high),
                axis.width(s.start, s.end),
                round(max(y(s.low) - y(s.high), 2), 1),
            )
            for s in stretches
        ],
        list(dict.fromkeys(s.label for s in stretches)),
        len(drawn),
        len(good),
        min(gaps),
        max(gaps),
        left,
        len(kept_good) + len(kept_bad) < len(drawn),
    )


def _expected(
    stretches: Sequence[Stretch], ends: Sequence[Nanos], gaps: Sequence[Nanos]
) -> list[bool]:
    """Tell of each interval whether it is as long as it should be when it ends."""
    if len(stretches) == 1:
        low, high = stretches[0].low, stretches[0].high
        return [low <= gap <= high for gap in gaps]
    places = [_stretch(stretches, at) for at in ends]
    return [s.low <= gap <= s.high for s, gap in zip(places, gaps, strict=True)]


def _stretch(stretches: Sequence[Stretch], at: Nanos) -> Stretch:
    return stretches[max(bisect_left(stretches, at, key=lambda s: s.start) - 1, 0)]


def _thinned(
    axis: Axis, points: Sequence[tuple[Nanos, Nanos]], limit: int
) -> list[tuple[Nanos, Nanos]]:
    """Keep the shortest and the longest of each column."""
    if len(points) <= limit:
        return list(points)
    points = sorted(points, key=itemgetter(0))
    gaps = [gap for _, gap in points]
    found = []
    for first, last in _columns(axis, [at for at, _ in points], max(limit // 2, 1)):
        if first < last:
            here = range(first, last)
            pair = min(here, key=gaps.__getitem__), max(here, key=gaps.__getitem__)
            found += [points[place] for place in dict.fromkeys(pair)]
    return found
