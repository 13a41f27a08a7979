"""The last hour of a group, a letter a minute: whether it had one MASTER, none, or several.

What the dashboard draws beside a group. It concludes nothing: findings say what is wrong.
"""

from collections.abc import Iterator, Sequence

from carpscope.core.units import SECOND, Nanos
from carpscope.live.monitor import Monitor
from carpscope.report.snapshot import (
    HOUR_ABSENT,
    HOUR_BLIND,
    HOUR_MASTER,
    HOUR_NOBODY,
    HOUR_SEVERAL,
)
from carpscope.timeline import mastership
from carpscope.timeline.group import Group
from carpscope.wire.carp import interval_ns

MINUTES = 60
MINUTE: Nanos = 60 * SECOND
Span = tuple[Nanos, Nanos]
Held = tuple[Nanos, Nanos, Nanos]
"""From when until when a node was MASTER, and its interval."""


def hour(group: Group, monitor: Monitor, now: Nanos) -> str:
    """Return a letter a minute, the worst of each; the last one is the minute that ends now."""
    begin = now - MINUTES * MINUTE
    held = sorted(_held(group, begin, now))
    first = min((p.start for n in group.known for p in n.master_periods[:1]), default=now)
    blind = [(spell.start, spell.end) for spell in monitor.uncertainty.spells if not spell.dropped]
    if monitor.sight.is_blind:
        blind.append((monitor.sight.since, now))
    letters = [HOUR_MASTER] * MINUTES
    letters[: max((first - begin) // MINUTE, 0)] = HOUR_ABSENT * max((first - begin) // MINUTE, 0)
    _paint(letters, blind, begin, HOUR_BLIND)
    _paint(
        letters, [gap for gap in _gaps(held, now) if not _inside(gap, blind)], begin, HOUR_NOBODY
    )
    _paint(letters, _overlaps(held), begin, HOUR_SEVERAL)
    return "".join(letters)


def _held(group: Group, begin: Nanos, now: Nanos) -> Iterator[Held]:
    for node in group.known:
        beat = interval_ns(node.advbase, node.advskew)
        for period in reversed(node.master_periods):
            goes_on = period is node.master_periods[-1] and node.is_master
            goes_on = goes_on and not mastership.is_silent(node, now)
            until = now if goes_on else period.until
            yield period.start, until, beat
            if until < begin:  # one from before, after which nobody may have been MASTER
                break


def _gaps(held: Sequence[Held], now: Nanos) -> Iterator[Span]:
    """Give when nobody was MASTER for longer than who left is silent between two of its own."""
    reach: Nanos | None = None
    wait: Nanos = 0
    for start, end, beat in (*held, (now, now, 0)):
        if reach is not None and start - reach > wait:
            yield reach, start
        if reach is None or end > reach:
            reach, wait = end, beat


def _overlaps(held: Sequence[Held]) -> Iterator[Span]:
    """Give when several were, for longer than an election overlaps."""
    reach: Nanos = 0
    wait: Nanos = 0
    for start, end, beat in held:
        if min(end, reach) - start > max(wait, beat):
            yield start, min(end, reach)
        if end > reach:
            reach, wait = end, beat


def _inside(gap: Span, blind: Sequence[Span]) -> bool:
    """Tell whether most of a gap lies where nothing was seen."""
    hidden = sum(max(0, min(gap[1], end) - max(gap[0], start)) for start, end in blind)
    return hidden * 2 > gap[1] - gap[0]


def _paint(
    letters: list[str], spans: Sequence[Span] | Iterator[Span], begin: Nanos, letter: str
) -> None:
    """Let every minute that a span touches be this letter."""
    for start, end in spans:
        first = max((start - begin) // MINUTE, 0)
        last = min((end - 1 - begin) // MINUTE, MINUTES - 1)
        letters[first : last + 1] = letter * max(last + 1 - first, 0)
