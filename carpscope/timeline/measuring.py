"""The clock of one capture, from the frames that it shares with another."""

from carpscope.core.units import Nanos
from carpscope.core.values import replace
from carpscope.timeline.clocks import Clock, ClockStretch, Step, fitted
from carpscope.timeline.pairing import ClockStep, Pair

GUESSED = (
    "what it shares with the others comes again and again, byte by byte; its clock is set so that "
    "most of it fits, which another setting may do as well"
)


def measured(
    found: Pair, base: Clock, span: tuple[Nanos, Nanos], path_max: Nanos | None
) -> Clock | None:
    """Return the clock of `found.other`, measured by `base`, the clock of `found.one`.

    `span` is when the capture ran, on the reference's clock; `path_max` the longest path delay, if
    known. None where the two captures share no frames.
    """
    if not found.points:
        return None
    if found.is_guessed:
        return _guessed(found)
    points = found.evened()
    start, end = min(span[0], points.marks[0].at), max(span[1], points.marks[-1].at)
    fits = fitted(points, path_max, (start, end))
    clock = Clock(found.other, found.one, points=len(found.points), outliers=found.outliers)
    clock.segments = [part for fit in fits for part in _set(fit.segment, found.cuts)]
    clock.path_max = path_max
    clock.steps = [Step(cut.before, cut.at, cut.by, cut.is_clock) for cut in found.cuts]
    trips = [fit.round_trip for fit in fits if fit.round_trip is not None]
    clock.round_trip = min(trips, default=None)
    certain = [fit.bound for fit in fits if fit.bound is not None]
    clock.bound = None
    if len(certain) == len(fits) and base.bound is not None:
        doubt = sum(cut.unsure if cut.is_clock else abs(cut.by) for cut in found.cuts)
        clock.bound = base.bound + max(certain) + doubt
    if any(fit.is_contradicted for fit in fits):
        clock.note = "frames took longer between the two places than the longest way that was given"
    return clock


def _guessed(found: Pair) -> Clock:
    """Return a clock with the median offset of frames that were matched by guess.

    Such matches show neither how fast the clock gains nor when it was set.
    """
    points = sorted(found.points)
    lates = sorted(point.late for point in points)
    offset = lates[len(lates) // 2]
    first, last = points[0].at, points[-1].at
    rest = max(offset - lates[0], lates[-1] - offset)
    even = ClockStretch(first + offset, last + offset, first, offset, 0, rest, len(points))
    return Clock(found.other, found.one, [even], len(points), found.outliers, note=GUESSED)


def _set(segment: ClockStretch, cuts: list[ClockStep]) -> list[ClockStretch]:
    """Split a stretch, fitted with clock steps taken out, where the clock was set."""
    parts, by = [segment], 0
    for cut in cuts:
        if not cut.is_clock:
            continue
        by += cut.by
        last = parts[-1]
        begin = cut.at + segment.told_offset(cut.at) + by
        if cut.at <= segment.origin:
            moved = replace(last, offset=segment.offset + by)
            parts[-1] = replace(moved, start=last.start + cut.by, end=last.end + cut.by)
            continue
        end = segment.end + by
        parts[-1] = replace(last, end=min(last.end, cut.before + last.told_offset(cut.before)))
        offset = segment.told_offset(cut.at) + by
        parts.append(replace(segment, start=begin, end=end, origin=cut.at, offset=offset))
    return [part for part in parts if part.end >= part.start] or parts[:1]
