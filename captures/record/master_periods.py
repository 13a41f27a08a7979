"""Who ran and who was MASTER when, read from what was done and from ucarp's own log."""

from dataclasses import dataclass
from typing import TypeAlias

from captures.record.plan import SECOND, Chronicle, Host, Micros, Story, Ucarp

Interval: TypeAlias = tuple[Micros, Micros]

ENDS = ("kill", "stop")
"""What is done to a host that ends its programs."""


@dataclass(frozen=True, slots=True)
class Member:
    """One ucarp of a group: its host, its options, and when it ran and was MASTER."""

    host: Host
    options: Ucarp
    running: tuple[Interval, ...]
    master_periods: tuple["MasterSpan", ...]
    phases: tuple[tuple[Interval, Ucarp], ...]
    """What it was configured with while it ran."""

    @property
    def name(self) -> str:
        return self.host.name


@dataclass(frozen=True, slots=True)
class MasterSpan:
    """One time as MASTER, and how it began and ended."""

    start: Micros
    end: Micros
    reason: str
    """What ucarp logged right after it became MASTER: a preemption, or nothing for its timer."""
    killed: bool


def member_of(host: Host, options: Ucarp, chronicle: Chronicle, story: Story) -> Member:
    master_periods: list[MasterSpan] = []
    since: Micros | None = None
    reason = ""
    for moment in chronicle.moments:
        if moment.host != host.name:
            continue
        ours = moment.kind == "log" and moment.vhid == options.vhid
        if ours and "state: MASTER" in moment.text:
            since, reason = moment.at, ""
        elif ours and "Putting MASTER" in moment.text:
            reason = moment.text.removeprefix("[WARNING] ")
        elif since is not None and (
            moment.kind in ENDS or (ours and "state: BACKUP" in moment.text)
        ):
            master_periods.append(MasterSpan(since, moment.at, reason, moment.kind in ENDS))
            since = None
    if since is not None:
        master_periods.append(MasterSpan(since, chronicle.end, reason, killed=False))
    spans = running(chronicle, host.name)
    phases = tuple((span, _options_at(span[0], host, options, chronicle, story)) for span in spans)
    return Member(host, options, spans, tuple(master_periods), phases)


def _options_at(
    at: Micros, host: Host, options: Ucarp, chronicle: Chronicle, story: Story
) -> Ucarp:
    """The options of the latest start before a time."""
    for second, later in story.configured(host):
        # a start is noted when it is due or a little later
        if second > 0 and chronicle.begin + second * SECOND <= at and later.vhid == options.vhid:
            options = later
    return options


def running(chronicle: Chronicle, host: str) -> tuple[Interval, ...]:
    spans: list[Interval] = []
    since: Micros | None = None
    for moment in chronicle.moments:
        if moment.host == host and moment.kind == "start":
            since = moment.at
        elif moment.host == host and moment.kind in ENDS and since is not None:
            spans.append((since, moment.at))
            since = None
    return (*spans, *(() if since is None else ((since, chronicle.end),)))


def master_periods_of(member: Member) -> tuple[Interval, ...]:
    return tuple((period.start, period.end) for period in member.master_periods)


def overlaps(left: tuple[Interval, ...], right: tuple[Interval, ...]) -> list[Interval]:
    both = [(max(a, c), min(b, d)) for a, b in left for c, d in right]
    return sorted(span for span in both if span[0] < span[1])
