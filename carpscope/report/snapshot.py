"""What a live run knows at one instant, for screens and scrapers: values, nothing that moves."""

from collections.abc import Iterable

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Severity
from carpscope.report.record import EventRecord

ELECTIONS = ("failover", "clean_handover", "preemption", "demotion")
"""What happens without being wrong (`detect.events`)."""

HOUR_ABSENT, HOUR_MASTER, HOUR_BLIND, HOUR_NOBODY, HOUR_SEVERAL = HOUR = " M?02"
"""A minute of a group, what is worse later: before it was heard, one MASTER throughout, not seen,
nobody MASTER for a time, several for a time."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node."""

    id: str
    name: str | None
    is_master: bool
    since: Nanos
    """Since when it is MASTER, or was last heard."""
    why: str
    """How its last time as MASTER ended, where it has."""
    system: str
    advbase: int
    advskew: int
    demote: int
    adverts: int
    last: Nanos
    down_ns: Nanos
    """How long its kind waits as a backup."""
    intervals: tuple[Nanos, ...]
    authentication: str
    """`verified`, `failed` or `unchecked`."""
    key: int | None
    failed: int

    @property
    def state(self) -> str:
        """Return `MASTER`, `BACKUP` or `SILENT`; nothing of one that never was MASTER."""
        if self.is_master:
            return "MASTER"
        return {"": "", "silent": "SILENT"}.get(self.why, "BACKUP")


@dataclass(frozen=True, slots=True)
class GroupView:
    """One group on one interface."""

    interface: str
    id: str
    vhid: int
    name: str | None
    nodes: tuple[NodeView, ...]
    unheard: tuple[str, ...] = ()
    """Nodes that the configuration lists and that never advertised: backups, or not there."""

    is_known: bool = True
    """Whether it is known how it stands; else its nodes are as they were last."""
    status: str = "unknown"
    """As `status` of the analysis document."""
    vips: tuple[str, ...] = ()
    """The shared addresses that are known."""
    elections: tuple[tuple[str, int], ...] = ()
    """How many of each of `ELECTIONS` there were."""
    failures: tuple[tuple[str, int], ...] = ()
    """Advertisements that receivers drop or that nobody sent, by reason."""
    hour: str = ""
    """The last hour, a letter of `HOUR` a minute."""

    @property
    def state(self) -> str:
        """Return how it stands: healthy, degraded, failed or unknown."""
        return self.status if self.is_known else "unknown"

    @property
    def masters(self) -> list[NodeView]:
        """Return who is MASTER, as far as that is known."""
        return [node for node in self.nodes if node.is_master] if self.is_known else []


@dataclass(frozen=True, slots=True)
class SituationView:
    """A finding or an incident that is open."""

    identity: str
    code: str
    label: str
    severity: Severity
    confidence: float
    interface: str
    group: str
    nodes: tuple[str, ...]
    start: Nanos
    summary: str
    remedy: str
    is_symptom: bool
    explanation: str = ""
    is_part: bool = False
    """Whether a person is told something else in its place: the incident of several groups
    that it is part of, or the findings of one group that an incident consists of."""
    groups: tuple[str, ...] = ()
    """Every group that it is about."""
    vips: tuple[str, ...] = ()
    """Their shared addresses, as far as they are known."""
    counts: bool = True
    """Whether it counts for the status: not what lies in maintenance."""
    place: str = ""
    """Where it is: the shared address first."""

    @property
    def where(self) -> str:
        """Say where it is."""
        return self.place or self.group


@dataclass(frozen=True, slots=True)
class InterfaceView:
    """One interface."""

    name: str
    state: str
    since: Nanos
    received: int
    dropped: int
    interface_dropped: int
    skipped: int = 0
    """Frames that were read and not looked at: there were too many."""
    unknown: str = ""
    """Why it is unknown how things stand on it; empty where it is known."""
    segment: str = ""
    """What groups and findings call where it was captured: several pipes are one segment."""
    lag: Nanos | None = None
    """Of a pipe: by how much its frames come later than the soonest of them."""
    offset: Nanos | None = None
    """Of a pipe: our clock minus that of its frames, the way of the soonest included."""


@dataclass(frozen=True, slots=True)
class OutletView:
    """One receiver of records."""

    name: str
    sent: int
    lost: int
    waiting: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one instant."""

    at: Nanos
    started: Nanos
    adverts: int
    interfaces: tuple[InterfaceView, ...]
    groups: tuple[GroupView, ...]
    open: tuple[SituationView, ...]
    failures: tuple[tuple[str, int], ...]
    """Advertisements that receivers drop or that nobody sent, by reason."""
    log: tuple[EventRecord, ...] = ()
    outlets: tuple[OutletView, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What a person should know of the capture itself."""
    internal_errors: int = 0
    """Mistakes of carpscope itself, each kept from the rest."""

    incidents: tuple[SituationView, ...] = ()
    """All that are open; one of several groups is told in the place of its findings."""
    status: str = "unknown"
    """How things stand, as `status` of the analysis document."""

    @property
    def stories(self) -> list[SituationView]:
        """Return what a person is told: incidents of several groups, and other findings."""
        return [found for found in (*self.incidents, *self.open) if not found.is_part]

    @property
    def unknown(self) -> list[str]:
        """Return why it is unknown how things stand, for each interface of which it is."""
        return [i.unknown for i in self.interfaces if i.unknown]

    @property
    def known(self) -> list[SituationView]:
        """Return what a person is told of interfaces on which it is known how things stand."""
        return self.seen(self.stories)

    def seen(self, found: Iterable[SituationView]) -> list[SituationView]:
        """Leave out what is open on interfaces on which it is unknown how things stand."""
        seen = {i.segment or i.name for i in self.interfaces if not i.unknown}
        blind = {i.segment or i.name for i in self.interfaces} - seen
        return [one for one in found if one.interface not in blind]
