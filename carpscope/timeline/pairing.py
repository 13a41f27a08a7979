"""The frames that two captures share, by host: when a clock was set, which host is nearer to which.

How much later the other clock saw a frame is the clock's offset plus the frame's path delay. The
offset is the same for all hosts, so hosts whose frames come relatively later there are nearer
to the first capture. Hosts are compared by ranks, since delays vary; hosts whose ranks do not
differ count as equally near.
"""

import itertools
import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol.spans import EVEN, LONG_WAY, RESOLUTION
from carpscope.timeline.clocks import Clock, Points, rate_of
from carpscope.timeline.line_bounds import DRIFT_MAX, SharedFrame
from carpscope.timeline.sightings import Sightings, shared_keys

POINTS_MAX = 20_000
"""The most pairs that a clock is fitted to; of more, evenly spread ones are taken."""
RANKED = 400
"""The most points of a host that are ranked; of more, evenly spread ones are taken."""
WINDOW = 5
"""Points on each side of a possible clock step that are compared."""
TELLING = ((0.75, 3.5), (0.9, 2.3), (1.0, 2.2))
"""(share, deviations): a host is nearer if at least this share of comparisons of its points with
another's agree, and that is this many standard deviations of ranks from chance. The rows are for
many points that overlap, to few that do not."""
NOBODY = -2
"""Stands for no host; -1 is a host that is not known."""
APART: Nanos = 2 * RESOLUTION


class Point(NamedTuple):
    """One frame that two captures hold."""

    at: Nanos
    """When, on the clock of the first, corrected."""
    late: Nanos
    """How much later the other clock says it was."""
    host: int


@dataclass(frozen=True, slots=True)
class ClockStep:
    """Where the clock may have been set: between two points."""

    at: Nanos
    """The time of the first point after the step; `before` is the one of the last before it."""
    before: Nanos
    by: Nanos
    is_clock: bool
    unsure: Nanos = 0
    """How much the points vary that show it: the error of `by`."""


@dataclass(slots=True)
class Pair:
    """Two captures compared."""

    one: int
    other: int
    points: list[Point]
    outliers: int = 0
    cuts: list[ClockStep] = field(default_factory=list)
    order: dict[tuple[int, int], float] = field(default_factory=dict)
    """(host, host) to the share of comparisons by which the first is nearer to capture `one`,
    for pairs in which that passes `TELLING`."""
    lean: dict[tuple[int, int], float] = field(default_factory=dict)
    """The same of every pair of hosts."""
    is_guessed: bool = False
    """Whether all points are of bytes that repeat, matched by `offset_votes`."""
    shares: bool = False
    """Whether both hold the same bytes that repeat, even if of different times."""
    own: tuple[frozenset[int], frozenset[int]] | None = None
    """The hosts on which the two captures were taken, as far as all pairs show; None before that
    was computed (`timeline.places`)."""

    @property
    def hosts(self) -> list[int]:
        """Return every host that both captures know."""
        return sorted({point.host for point in self.points if point.host >= 0})

    def edge(self, *, other: bool) -> list[int]:
        """Return the hosts nearest to capture `one`, or to `other`; none where that is unknown."""
        order = {(b, a) for a, b in self.order} if other else set(self.order)
        near = {a for a, _ in order} - {b for _, b in order}
        sign = -1 if other else 1
        return sorted(
            host
            for host in near
            if not any(sign * (self.lean.get((host, rival), 0.5) - 0.5) <= -0.4 for rival in near)
        )

    def evened(self) -> Points:
        """Return the points that a clock is fitted to, with its steps subtracted."""
        here, there = self._weakest(other=False), self._weakest(other=True)
        even = [point._replace(late=point.late - self.set_by(point.at)) for point in self.points]
        longest = max(by_host(even).values(), key=len)
        return Points(
            tuple(SharedFrame(p.at, p.late) for p in even),
            tuple(SharedFrame(p.at, p.late) for p in even if p.host == here),
            tuple(SharedFrame(p.at, p.late) for p in even if p.host == there),
            rate_of([SharedFrame(p.at, p.late) for p in longest]),
        )

    def set_by(self, at: Nanos) -> Nanos:
        """Return the sum of the clock's steps up to a time."""
        return sum(cut.by for cut in self.cuts if cut.is_clock and cut.at <= at)

    def _weakest(self, *, other: bool) -> int:
        """Return of the nearest hosts the one whose points bound the offset least tightly."""
        near = self.edge(other=other) if self.own is None else sorted(self.own[other])
        rest = _levels(self.points, self.cuts)
        sign = -1 if other else 1
        return max(near, key=lambda host: sign * rest.get(host, 0.0), default=NOBODY)


def pair(
    one: Sightings,
    other: Sightings,
    places: tuple[int, int],
    base: Clock,
    repeated: Sequence[tuple[int, int]] = (),
) -> Pair:
    """Compare two captures; times of the first are corrected by its clock `base`.

    `repeated` are places in both of frames whose bytes repeat, matched by time.
    """
    found = []
    told = itertools.chain(shared_keys(one.packets, other.packets), repeated)
    anchors = shared_keys(one.anchors, other.anchors)
    for here, there, shared in (
        (one.packets, other.packets, told),
        (one.anchors, other.anchors, anchors),
    ):
        times = array("q", base.in_order(here.at))
        for place, twin in shared:
            at = times[place]
            host = here.host[place] if here.host[place] == there.host[twin] else -1
            found.append(Point(at, there.at[twin] - at, host))
    found.sort()
    step = -(-len(found) // POINTS_MAX)
    return compared(found[:: max(step, 1)], places)


def compared(points: list[Point], places: tuple[int, int]) -> Pair:
    """Return the pair of two captures with these points: outliers, clock steps, nearer hosts."""
    kept = plausible(points)
    made = Pair(*places, kept, len(points) - len(kept))
    made.cuts = cuts(kept)
    made.order, made.lean = _ordered(kept, made.cuts)
    return made


def by_host(points: Iterable[Point]) -> dict[int, list[Point]]:
    """Return the points of every host, in order of time."""
    found: dict[int, list[Point]] = {}
    for point in points:
        found.setdefault(point.host, []).append(point)
    return found


def steadiest(pairs: Iterable[Pair]) -> dict[int, int]:
    """Return by host the capture in which its frames come most evenly: the nearest one.

    A path adds variation to the intervals and never removes any.
    """
    votes: dict[int, dict[int, int]] = {}
    for pair in pairs:
        for host, series in by_host(pair.points).items():
            if len(series) < WINDOW:
                continue
            here = _unevenness([point.at for point in series])
            there = _unevenness([point.at + point.late for point in series])
            if max(here, there) > APART + 2 * min(here, there):
                found = votes.setdefault(host, {})
                capture = pair.one if here < there else pair.other
                found[capture] = found.get(capture, 0) + 1
    return {host: max(found, key=lambda c: (found[c], -c)) for host, found in votes.items()}


def _unevenness(times: Sequence[Nanos]) -> Nanos:
    gaps = sorted(b - a for a, b in itertools.pairwise(times))
    middle = gaps[len(gaps) // 2]
    return sorted(abs(gap - middle) for gap in gaps)[len(gaps) // 2]


def plausible(points: list[Point]) -> list[Point]:
    """Return the points without single ones far from those of the same host around them."""
    out: set[Point] = set()
    for series in by_host(points).values():
        if len(series) < WINDOW:
            continue
        noise = _noise(series)
        for index, point in enumerate(series):
            low = min(max(index - 2, 0), len(series) - WINDOW)
            around = sorted(p.late for p in series[low : low + WINDOW])
            if abs(point.late - around[WINDOW // 2]) > 20 * EVEN + 4 * noise:
                out.add(point)
    return [point for point in points if point not in out] or points


def _noise(series: Sequence[Point]) -> Nanos:
    """Return the median spread of a few successive points."""
    size = min(WINDOW, len(series))
    spreads = [
        _spread(series[index : index + size]) for index in range(0, len(series) - size + 1, 2)
    ]
    return sorted(spreads)[len(spreads) // 2]


def _spread(points: Sequence[Point]) -> Nanos:
    lates = [point.late for point in points]
    return max(lates) - min(lates)


def cuts(points: list[Point]) -> list[ClockStep]:
    """Return the clock's steps: where the points of all hosts move by the same and stay there.

    Where only one host's points move, its path delay may have changed, unless the change is too
    large for a path.
    """
    series = by_host(points)
    found: list[ClockStep] = []
    for host, own in sorted(series.items(), key=lambda item: -len(item[1])):
        for cut in _jumps(own):
            before, at = _narrowed(cut, [s for other, s in series.items() if other != host])
            if any(before <= other.at and other.before <= at for other in found):
                continue  # a step that another host's points have shown already
            told = [
                abs(moved[0] - cut.by) <= moved[1]
                for other, theirs in series.items()
                if other != host
                and (moved := _moved(theirs, cut)) is not None
                and 2 * moved[1] < abs(cut.by)
            ]
            if told and not any(told):
                continue  # other hosts' points did not move: this host's path delay changed
            sure = bool(told) or abs(cut.by) >= LONG_WAY
            found.append(ClockStep(at, before, cut.by, sure, cut.unsure))
    return sorted(found, key=lambda cut: cut.at)


def _narrowed(cut: ClockStep, others: Iterable[Sequence[Point]]) -> tuple[Nanos, Nanos]:
    """Return (before, at) of a step, narrowed by the points of other hosts between them."""
    before, at = cut.before, cut.at
    for series in others:
        place = bisect_right(series, cut.before, key=lambda point: point.at)
        early = series[max(place - WINDOW, 0) : place]
        end = bisect_left(series, cut.at, key=lambda point: point.at)
        later = series[end : end + WINDOW]
        if not early and not later:
            continue
        level = _middle(early) if early else _middle(later) - cut.by
        for point in series[place:]:
            if point.at >= at:
                break
            if 2 * abs(point.late - level) > abs(cut.by):
                at = point.at
            else:
                before = max(before, point.at)
    return min(before, at), at


def _jumps(series: Sequence[Point]) -> list[ClockStep]:
    """Return the steps of one host's points that are larger than their variation."""
    if len(series) < 2:
        return []
    noise = _noise(series)
    over: list[tuple[Nanos, int, Nanos]] = []
    found: list[ClockStep] = []
    for index in range(1, len(series) + 1):
        size = min(WINDOW, index, len(series) - index)
        jump, excess = 0, -1
        if size:
            left, right = series[index - size : index], series[index : index + size]
            jump = _middle(right) - _middle(left)
            spread = max(_spread(left), _spread(right), noise)
            drift = round((right[-1].at - left[0].at) * DRIFT_MAX)
            excess = abs(jump) - 2 * spread - EVEN - drift
            if size < WINDOW and abs(jump) < LONG_WAY:
                excess = -1  # too few points: some frames were late
        if excess > 0:
            over.append((excess, index, jump))
        elif over:
            _, place, by = max(over)
            at, before = series[place].at, series[place - 1].at
            found.append(ClockStep(at, before, by, is_clock=False, unsure=noise))
            over = []
    return found


def _middle(points: Sequence[Point]) -> Nanos:
    return sorted(point.late for point in points)[len(points) // 2]


def _moved(series: Sequence[Point], cut: ClockStep) -> tuple[Nanos, Nanos] | None:
    """Return (how much a host's points moved at a step, error), None where it has too few."""
    begin = bisect_right(series, cut.before, key=lambda point: point.at)
    end = bisect_left(series, cut.at, key=lambda point: point.at)
    left, right = series[max(begin - WINDOW, 0) : begin], series[end : end + WINDOW]
    if not left or not right:
        return None
    drift = round((right[-1].at - left[0].at) * DRIFT_MAX)
    unsure = 2 * max(_spread(left), _spread(right), _noise(series)) + drift
    return _middle(right) - _middle(left), unsure


def _parts(points: Sequence[Point], found: Sequence[ClockStep]) -> list[list[Point]]:
    parts: list[list[Point]] = [[] for _ in range(len(found) + 1)]
    times = [cut.at for cut in found]
    for point in points:
        parts[bisect_right(times, point.at)].append(point)
    return [part for part in parts if part]


def _rests(part: Sequence[Point]) -> dict[int, list[float]]:
    """Return by host the delays of the points of a stretch, with the clock's drift subtracted."""
    series = by_host(point for point in part if point.host >= 0)
    if not series:
        return {}
    rate = rate_of([SharedFrame(p.at, p.late) for p in max(series.values(), key=len)])
    origin = part[0].at
    return {
        host: [p.late - rate * (p.at - origin) for p in own[:: max(len(own) // RANKED, 1)]]
        for host, own in series.items()
    }


def _levels(points: Sequence[Point], found: Sequence[ClockStep]) -> dict[int, float]:
    """Return by host the median delay of its frames relative to those of all hosts."""
    levels: dict[int, list[float]] = {}
    for part in _parts(points, found):
        rests = _rests(part)
        everything = sorted(itertools.chain(*rests.values()))
        for host, own in rests.items():
            middle = sorted(own)[len(own) // 2]
            levels.setdefault(host, []).append(middle - everything[len(everything) // 2])
    return {host: sum(own) / len(own) for host, own in levels.items()}


def _ordered(
    points: Sequence[Point], found: Sequence[ClockStep]
) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], float]]:
    """Return `order` and `lean` of a pair, by Mann and Whitney's test in each stretch."""
    ranks: dict[tuple[int, int], list[float]] = {}
    for part in _parts(points, found):
        rests = {host: sorted(own) for host, own in _rests(part).items()}
        for a, b in itertools.permutations(rests, 2):
            wins = sum(
                (bisect_left(rests[b], x - APART) + bisect_right(rests[b], x + APART)) / 2
                for x in rests[a]
            )
            n, m = len(rests[a]), len(rests[b])
            total = ranks.setdefault((a, b), [0.0, 0.0, 0.0])
            total[0] += wins
            total[1] += n * m
            total[2] += n * m * (n + m + 1) / 12
    order, lean = {}, {}
    for key, (wins, pairs, variance) in ranks.items():
        share, far = wins / pairs, (wins - pairs / 2) / math.sqrt(variance)
        lean[key] = share
        if any(share >= least and far >= sigmas for least, sigmas in TELLING):
            order[key] = share
    return order, lean
