"""What a live run tells the outside: one record for each thing that happened.

A record is one line for a person and one object for a program (carpscope.event/1,
docs/live.md); every output of `report.sinks` takes the same records.
"""

import hashlib
from collections.abc import Mapping

from carpscope.core.text import shown
from carpscope.core.units import Nanos, rfc3339
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Severity
from carpscope.report.line import Json
from carpscope.timeline.group import vlans_of

SCHEMA = "carpscope.event/1"
GROUP = "group"
"""The kind of what only hooks are told: how a group stands."""
FLOW_BYTES = 6
"""Programs that keep numbers as doubles lose what is beyond 53 bits."""
WITHDRAWN = "what came later explains it"
"""Why a finding closes that was not so, as is known by now."""
_BODY = {"state": "node"}
"""Where the kind's own name is taken by what all have."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One thing that happened."""

    at: Nanos
    kind: str
    """`start`, `stop`, `state`, `election`, `finding`, `notice` or `stats`."""
    action: str
    """What of it: `opened`, `updated`, `closed`; `MASTER`, `BACKUP`; `failover` …"""
    text: str
    severity: Severity = Severity.INFO
    interface: str | None = None
    group: str | None = None
    vhid: int | None = None
    nodes: tuple[str, ...] = ()
    state: str | None = None
    """`MASTER` or `BACKUP`: of the node, or of the group where it is about no single one."""
    body: Mapping[str, Json] = field(default_factory=dict)
    """What this kind has beside."""
    is_part: bool = False
    """Whether a person is told something else in its place: an incident, or its one finding."""
    status: str | None = None
    """How things stand, where the event is about that: `unknown` while nothing can be seen."""
    source: str | None = None
    """Who sent what it is about: the attacker, or else the first of the nodes."""
    destination: str | None = None
    """Where that sends its advertisements."""

    def document(self) -> dict[str, Json]:
        """Give the object, in the manner of EVE: what is common first, then the kind's own."""
        out: dict[str, Json] = {
            "schema": SCHEMA,
            "timestamp": rfc3339(self.at),
            "event_type": "state" if self.kind == GROUP else self.kind,
            "action": self.action,
            "severity": self.severity.value,
            "interface": self.interface,
            "group": self.group,
            "vhid": self.vhid,
            "nodes": list(self.nodes),
            "state": self.state,
            "message": self.text,
            **self._flow(),
        }
        if self.status is not None:
            out["status"] = self.status
        if self.body:
            out[_BODY.get(self.kind, self.kind)] = dict(self.body)
        return {key: _visible(value) for key, value in out.items()}

    def _flow(self) -> dict[str, Json]:
        """Give what Suricata's users index, by its names; nothing where it is unknown."""
        flow: dict[str, Json] = {}
        if self.interface is not None:
            flow["in_iface"] = self.interface
        if self.group is None:
            return flow
        name = shown(f"{self.interface}/{self.group}").encode()
        flow["flow_id"] = int.from_bytes(hashlib.sha256(name).digest()[:FLOW_BYTES], "big")
        if tags := vlans_of(self.group):
            flow["vlan"] = list(tags)
        flow["proto"] = "CARP"
        if self.source is not None:
            flow["src_ip"] = self.source
        if self.destination is not None:
            flow["dest_ip"] = self.destination
        return flow


def _visible(value: Json) -> Json:
    """Spell out what nobody sees, however deep it lies."""
    match value:
        case str():
            return shown(value)
        case list():
            return [_visible(item) for item in value]
        case dict():
            return {key: _visible(item) for key, item in value.items()}
    return value
