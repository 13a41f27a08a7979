"""What happened, as records: changes of situations, elections, states, notices."""

import re

from carpscope.core.address import ip_text
from carpscope.core.units import Nanos, rfc3339, span_text
from carpscope.core.values import replace
from carpscope.detect.events import Event
from carpscope.detect.finding import Severity
from carpscope.detect.incident import Called
from carpscope.detect.standing import Places
from carpscope.detect.words import listed
from carpscope.live.findings import FindingChange, LiveFinding
from carpscope.live.incidents import Followed
from carpscope.live.monitor import Monitor, News
from carpscope.live.states import GroupChange
from carpscope.report.finding import finding_json
from carpscope.report.incident import incident_json
from carpscope.report.line import Json
from carpscope.report.record import GROUP, WITHDRAWN, EventRecord
from carpscope.timeline.group import Group, vhid_of

_ENDED = {
    "bow-out": "left with a bow-out",
    "yielded": "stepped down for a better one",
    "silent": "fell silent",
    "joined": "is another address of a node that is MASTER",
}


_ADDRESS = re.compile(r"[0-9a-fA-F.:]*[0-9a-fA-F]")


def renamed(text: str, called: Called) -> str:
    """Replace whole addresses: 192.0.2.1 is no part of 192.0.2.10."""
    text = text.replace("still so at the end", "still so")  # there is no end yet
    return text if called is str else _ADDRESS.sub(lambda found: called(found[0]), text)


class MonitorRecords:
    """Puts into words what one monitor saw."""

    def __init__(self, monitor: Monitor) -> None:
        """Take whose words."""
        self._monitor = monitor
        self._places: Places | None = None
        """The groups as they are at this look."""

    def _named(self, text: str) -> str:
        """Put what people call nodes before their addresses."""
        called = self._monitor.called

        def both(node: str) -> str:
            name = called(node)
            return node if name == node else f"{name} ({node})"

        return renamed(text, str if called is str else both)

    def _place(self, *groups: str) -> str:
        """Say where something is, the shared address first."""
        if self._places is None:
            self._places = Places(self._monitor.observer.groups.values(), self._monitor.config)
        return self._places.of(*groups)

    def _state(self, group: str) -> str:
        return "MASTER" if group in self._monitor.mastered else "BACKUP"

    def look(
        self, until: Nanos, *, is_last: bool = False
    ) -> tuple[list[FindingChange], list[EventRecord]]:
        """Let time pass on the segment; return what changed, and it in words, in order."""
        monitor, self._places = self._monitor, None
        changes = monitor.look(until, is_last=is_last)
        now = max(until, monitor.observer.now)
        before = {
            c.live_finding.identity: monitor.incidents.of(c.live_finding.identity) for c in changes
        }
        followed: list[tuple[str, Followed]] = []
        with monitor.mistakes.isolated("incidents", until):
            followed = monitor.follow(now)
        news: list[EventRecord] = []
        for item in monitor.taken_news():
            with monitor.mistakes.isolated("news", until):
                news.append(self.news(item))
        records = sorted(news, key=_at)
        for change in changes:
            identity = change.live_finding.identity
            home = monitor.incidents.of(identity) or before[identity]
            is_part = home is not None and home.is_wide
            with monitor.mistakes.isolated("news", until):
                records.append(replace(self.change(change, now), is_part=is_part))
        for action, one in followed:
            with monitor.mistakes.isolated("news", until):
                records.append(self.incident(action, one, now))
        groups = {group.id: group for group in monitor.observer.groups.values()} if records else {}
        return changes, [_addressed(record, groups.get(record.group or "")) for record in records]

    def change(self, change: FindingChange, now: Nanos) -> EventRecord:
        """Tell a situation that was opened, updated or closed."""
        live_finding = change.live_finding
        finding = live_finding.finding
        who = finding.attacker
        head = f"{finding.code} {self._place(finding.group)}: {finding.summary}"
        if change.why == WITHDRAWN:
            head += " — withdrawn: what came later explains it"
        elif change.action == "closed":
            lasted = max(finding.end - finding.start, 0)
            head += f" — over after {span_text(lasted)}" if lasted else " — over"
        head = self._named(head)
        return EventRecord(
            now,
            "finding",
            change.action,
            head,
            finding.severity,
            self._monitor.interface,
            finding.group,
            vhid_of(finding.group),
            finding.nodes,
            self._state(finding.group),
            finding_body(live_finding, change.why),
            source=ip_text(who.address) if who is not None and who.address else None,
        )

    def incident(self, action: str, followed: Followed, now: Nanos) -> EventRecord:
        """Tell an incident that was opened, updated or closed."""
        incident = followed.incident
        where = incident.groups[0] if len(incident.groups) == 1 else None
        head = incident.summary
        if incident.groups:
            head = f"{self._place(*incident.groups)}: {head}"
        if action == "closed":
            lasted = max(incident.end - incident.start, 0)
            head += f" — over after {span_text(lasted)}" if lasted else " — over"
        return EventRecord(
            now,
            "incident",
            action,
            self._named(head),
            incident.severity,
            self._monitor.interface,
            where,
            vhid_of(where) if where else None,
            incident.nodes,
            None,
            {
                **incident_json(incident),
                "identity": followed.identity,
                "findings": list(followed.findings),
                "opened": rfc3339(followed.opened),
                "closed": rfc3339(followed.closed) if followed.closed is not None else None,
                "why": followed.why,
            },
            is_part=not followed.is_wide,
        )

    def news(self, item: News) -> EventRecord:
        """Tell an event or a change of state."""
        if isinstance(item, Event):
            return EventRecord(
                item.end,
                "election",
                item.label,
                f"{self._place(item.group)}: {self._named(item.summary)}",
                Severity.INFO,
                self._monitor.interface,
                item.group,
                vhid_of(item.group),
                item.nodes,
                self._state(item.group),
                {
                    "label": item.label,
                    "start": rfc3339(item.start),
                    "end": rfc3339(item.end),
                    "duration_s": (item.end - item.start) / 1e9,
                    "frames": [number & 0xFF_FFFF_FFFF for number in item.frames],
                },
            )
        if isinstance(item, GroupChange):
            return self._of_group(item)
        state = "MASTER" if item.is_master else "BACKUP"
        how = "is MASTER" if item.is_master else _ENDED.get(item.why, "is no longer MASTER")
        node = item.node
        return EventRecord(
            item.at,
            "state",
            state,
            f"{self._place(item.group.id)}: {self._named(f'{node.id} {how}')}",
            Severity.INFO,
            self._monitor.interface,
            item.group.id,
            item.group.vhid,
            (node.id,),
            state,
            {
                "node": node.id,
                "state": state,
                "at": rfc3339(item.at),
                "why": item.why,
                "advbase": node.advbase,
                "advskew": node.advskew,
                "demotion": node.demote,
            },
        )

    def _of_group(self, item: GroupChange) -> EventRecord:
        """Tell a hook how a group stands."""
        group, who = item.group, listed(item.nodes)
        text = {
            "MASTER": f"{who} {'is' if len(item.nodes) == 1 else 'are'} MASTER",
            "BACKUP": f"nobody is MASTER since {who} stepped down",
            "INIT": f"nobody is heard any more; {who} was MASTER last",
        }[item.state]
        return EventRecord(
            item.at,
            GROUP,
            item.state,
            f"{self._place(group.id)}: {self._named(text)}",
            Severity.INFO,
            self._monitor.interface,
            group.id,
            group.vhid,
            item.nodes,
            item.state,
        )


def finding_body(live_finding: LiveFinding, why: str = "") -> dict[str, Json]:
    """Give a situation as the analysis document has a finding, and what only time adds."""
    finding = live_finding.finding
    if live_finding.since is not None:
        finding = replace(finding, start=live_finding.since)
    return {
        **finding_json(finding, [""]),
        "confidence": live_finding.confidence,
        "identity": live_finding.identity,
        "opened": rfc3339(live_finding.opened),
        "closed": rfc3339(live_finding.closed) if live_finding.closed is not None else None,
        "doubts": list(live_finding.doubts),
        "why": why or None,
    }


def notice(
    at: Nanos,
    action: str,
    text: str,
    interface: str | None = None,
    severity: Severity = Severity.WARNING,
) -> EventRecord:
    """Tell something about the capture or an output."""
    return EventRecord(at, "notice", action, text, severity, interface)


def _at(record: EventRecord) -> Nanos:
    return record.at


def _addressed(record: EventRecord, group: Group | None) -> EventRecord:
    """Add who sent what a record is about, and where that sends its advertisements."""
    source = record.source or next(iter(record.nodes), None)
    for node in group.members if group is not None else ():
        own = {ip_text(address): address for address in node.addresses}
        if source in own:
            return replace(record, source=source, destination=node.sends_to(own[source]))
    return replace(record, source=source)
