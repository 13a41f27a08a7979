"""What the Python interface returns: frozen values, made of what an analysis knows.

Times are aware datetimes in UTC, cut to microseconds, with the exact nanoseconds since 1970
beside them; addresses are objects of `ipaddress`.
"""

import datetime as dt
import ipaddress
from dataclasses import dataclass, field
from typing import TypeAlias

from carpscope.core.units import Nanos
from carpscope.report.line import Json

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)
_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)


def moment(at: Nanos) -> dt.datetime:
    """Return nanoseconds since 1970 as a datetime; beyond its years, the nearest it has."""
    try:
        return _EPOCH + dt.timedelta(microseconds=at // 1000)
    except OverflowError:
        return _LAST if at > 0 else _FIRST


@dataclass(frozen=True, slots=True)
class Advertisement:
    """A CARP advertisement, as far as its bytes were captured."""

    vhid: int
    advbase: int
    advskew: int
    demotion: int
    """OpenBSD's demotion count; other systems send 0."""
    counter: int | None
    """64 bits; None where they were cut."""
    digest: bytes
    """HMAC-SHA1, 20 bytes or what was captured of them."""
    source: Address
    destination: Address
    ttl: int
    checksum_ok: bool | None
    """None where bytes of it were cut."""
    is_bow_out: bool
    """Whether its sender leaves: advbase and advskew 255."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a capture, of whatever protocol."""

    number: int
    """In its capture, from 1; 0 of bytes that came from none."""
    time_ns: Nanos
    data: bytes
    """As captured, link header included."""
    wire_length: int
    vlan: tuple[int, ...]
    """Tags from the outside in."""
    advertisement: Advertisement | None
    faults: tuple[str, ...] = ()
    """What makes no sense in it, in words."""
    fields: dict[str, Json] = field(default_factory=dict, compare=False)
    """As `carpscope dissect --json` has them."""

    @property
    def time(self) -> dt.datetime:
        """Return when it was captured."""
        return moment(self.time_ns)


@dataclass(frozen=True, slots=True)
class _Span:
    start_ns: Nanos
    end_ns: Nanos

    @property
    def start(self) -> dt.datetime:
        """Return since when."""
        return moment(self.start_ns)

    @property
    def end(self) -> dt.datetime:
        """Return until when, as far as it was seen."""
        return moment(self.end_ns)

    @property
    def duration_s(self) -> float:
        """Return how long, in seconds."""
        return max(self.end_ns - self.start_ns, 0) / 1e9


@dataclass(frozen=True, slots=True)
class State(_Span):
    """A time in which a node was MASTER."""

    state: str
    ended_by: str | None
    """docs/formats.md lists the values."""


@dataclass(frozen=True, slots=True)
class Node:
    """Who advertises a group."""

    id: str
    name: str | None
    """As a configuration has it."""
    addresses: tuple[Address, ...]
    mac: str | None
    implementation: str | None
    versions: str | None
    advbase: int
    advskew: int
    demotion: int
    advertisements: int
    authentication: str
    """`verified`, `failed` or `unchecked`."""
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """One vhid on one segment."""

    id: str
    vlan: tuple[int, ...]
    vhid: int
    status: str
    """`healthy`, `degraded`, `failed` or `unknown`, at the end of the capture."""
    vips: tuple[Address, ...]
    """Shared addresses that are known: signed, listed or announced."""
    master: str | None
    """Id of the node that is MASTER at the end; None where nobody is or several are."""
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Finding(_Span):
    """What is wrong."""

    code: str
    label: str
    severity: str
    confidence: float
    group: str
    vhid: int | None
    nodes: tuple[str, ...]
    ongoing: bool
    frames: tuple[int | str, ...]
    """Of the evidence, at most a few dozen; with several captures "name.pcap:122"."""
    frame_count: int
    summary: str
    explanation: str
    remedy: str
    caused_by: tuple[str, ...]
    """Identities of the findings that explain this one."""
    identity: str


@dataclass(frozen=True, slots=True)
class Incident(_Span):
    """Findings of one cause."""

    identity: str
    summary: str
    remedy: str
    severity: str
    ongoing: bool
    nodes: tuple[str, ...]
    groups: tuple[str, ...]
    findings: tuple[Finding, ...]
    """The cause first."""


@dataclass(frozen=True, slots=True)
class Event(_Span):
    """What happened without being wrong."""

    label: str
    group: str
    nodes: tuple[str, ...]
    frames: tuple[int | str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """What captures show."""

    status: str
    """`healthy`, `degraded`, `failed` or `unknown`, at the end."""
    worst: Finding | None
    """The worst that was open at the end."""
    groups: tuple[Group, ...]
    findings: tuple[Finding, ...]
    incidents: tuple[Incident, ...]
    events: tuple[Event, ...]
    _document: dict[str, Json] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Json]:
        """Return the analysis document, as `carpscope analyze --json` prints it."""
        return self._document


@dataclass(frozen=True, slots=True)
class Simulation:
    """What happened in a made world."""

    final_state: dict[str, dict[int, str]]
    """By node and vhid: MASTER, BACKUP, INIT, or DOWN of a node that is not there."""
    _document: dict[str, Json] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Json]:
        """Return the simulation document, as `carpscope simulate --json` prints it."""
        return self._document
