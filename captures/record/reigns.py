"""Who ran and who was MASTER when, read from what was done and from ucarp's own log."""

from dataclasses import dataclass
from typing import TypeAlias

from captures.record.plan import Chronicle, Host, Micros, Ucarp

Interval: TypeAlias = tuple[Micros, Micros]


@dataclass(frozen=True, slots=True)
class Member:
    """One ucarp of a group: its host, its options, and when it ran and was MASTER."""

    host: Host
    options: Ucarp
    running: tuple[Interval, ...]
    reigns: tuple["Reign", ...]

    @property
    def name(self) -> str:
        return self.host.name


@dataclass(frozen=True, slots=True)
class Reign:
    """One time as MASTER, and how it began and ended."""

    start: Micros
    end: Micros
    reason: str
    """What ucarp logged right after it became MASTER: a preemption, or nothing for its timer."""
    killed: bool


def member_of(host: Host, options: Ucarp, chronicle: Chronicle) -> Member:
    reigns: list[Reign] = []
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
            moment.kind == "kill" or (ours and "state: BACKUP" in moment.text)
        ):
            reigns.append(Reign(since, moment.at, reason, moment.kind == "kill"))
            since = None
    if since is not None:
        reigns.append(Reign(since, chronicle.end, reason, killed=False))
    return Member(host, options, running(chronicle, host.name), tuple(reigns))


def running(chronicle: Chronicle, host: str) -> tuple[Interval, ...]:
    spans: list[Interval] = []
    since: Micros | None = None
    for moment in chronicle.moments:
        if moment.host == host and moment.kind == "start":
            since = moment.at
        elif moment.host == host and moment.kind == "kill" and since is not None:
            spans.append((since, moment.at))
            since = None
    return (*spans, *(() if since is None else ((since, chronicle.end),)))


def reigns_of(member: Member) -> tuple[Interval, ...]:
    return tuple((reign.start, reign.end) for reign in member.reigns)


def overlaps(left: tuple[Interval, ...], right: tuple[Interval, ...]) -> list[Interval]:
    both = [(max(a, c), min(b, d)) for a, b in left for c, d in right]
    return sorted(span for span in both if span[0] < span[1])
