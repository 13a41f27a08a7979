"""What became of incidents between two looks: one identity from its opening to its closing.

An incident is opened with its first finding, updated when who or what it is about changed, and
closed once, when none of its findings is open any more. While a cut is being noticed group by
group, what joins is told together: one update for as long as backups notice within.
"""

from collections import OrderedDict
from collections.abc import Sequence

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field, replace
from carpscope.detect.incident import Called, Incident, incidents
from carpscope.live.findings import LiveFinding
from carpscope.protocol import timers

HOMES_KEPT = 4000


@dataclass(slots=True)
class Followed:
    """One incident, followed."""

    identity: str
    incident: Incident
    findings: tuple[str, ...]
    """The identities of what it holds, the cause first."""
    opened: Nanos
    reported: Nanos
    shape: tuple[object, ...]
    closed: Nanos | None = None
    why: str | None = None

    @property
    def is_wide(self) -> bool:
        """Tell whether it is about several groups: then it is told in the place of its findings."""
        return len(self.incident.groups) > 1 and len(self.findings) > 1


@dataclass(slots=True)
class Incidents:
    """All incidents of one segment."""

    open: OrderedDict[str, Followed] = field(default_factory=OrderedDict)
    _homes: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """In which incident a finding is, by identities; of the latest."""
    _used: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def look(
        self, live_findings: Sequence[LiveFinding], called: Called, now: Nanos
    ) -> list[tuple[str, Followed]]:
        """Compare what is open now with what is known; return what to tell."""
        names = {id(s.finding): s.identity for s in live_findings}
        changes: list[tuple[str, Followed]] = []
        taken: set[str] = set()
        for one in incidents([s.finding for s in live_findings], called, names):
            held = tuple(names[id(finding)] for finding in one.findings)
            followed = self._known(held, taken)
            if followed is None:
                followed = self._opened(one, held, now)
                changes.append(("opened", followed))
            else:
                followed.incident, followed.findings = one, held
                shape = _shape(one)
                is_worse = shape[0] != followed.shape[0]
                is_due = is_worse or now - followed.reported >= timers.AFTERMATH
                if shape != followed.shape and is_due:
                    followed.shape, followed.reported = shape, now
                    changes.append(("updated", followed))
            taken.add(followed.identity)
            for identity in held:
                self._homes[identity] = followed.identity
                self._homes.move_to_end(identity)
        for identity in [identity for identity in self.open if identity not in taken]:
            followed = self.open.pop(identity)
            followed.closed = now
            homes = [self._homes.get(finding) for finding in followed.findings]
            joined = next((home for home in homes if home in taken), None)
            followed.why = f"part of {joined}" if joined is not None else "it is over"
            changes.append(("closed", followed))
        while len(self._homes) > HOMES_KEPT:
            self._homes.popitem(last=False)
        while len(self._used) > HOMES_KEPT:
            self._used.popitem(last=False)
        return changes

    def _known(self, held: tuple[str, ...], taken: set[str]) -> Followed | None:
        """Return the incident that has one of these findings, the oldest of several."""
        homes = [self._homes[identity] for identity in held if identity in self._homes]
        found = [self.open[home] for home in homes if home in self.open and home not in taken]
        return min(found, key=lambda f: f.opened, default=None)

    def _opened(self, one: Incident, held: tuple[str, ...], now: Nanos) -> Followed:
        count = self._used[one.identity] = self._used.get(one.identity, 0) + 1
        identity = one.identity if count == 1 else f"{one.identity}-{count}"
        followed = Followed(identity, one, held, now, now, _shape(one))
        self.open[identity] = followed
        return followed

    def of(self, finding: str) -> Followed | None:
        """Return the open incident that a finding is in."""
        return self.open.get(self._homes.get(finding, ""))

    @property
    def all(self) -> list[Followed]:
        """Return what is open, the worst that is true now first."""
        order = sorted(self.open.values(), key=lambda f: _urgency(f.incident))
        return [replace(followed) for followed in order]


def _urgency(incident: Incident) -> tuple[int, Nanos]:
    return -incident.severity.rank, incident.start


def _shape(incident: Incident) -> tuple[object, ...]:
    """Return what a reader would act on."""
    return incident.severity, frozenset(incident.groups), incident.nodes, incident.remedy
