"""What happened, for whoever knows no protocol: the first paragraphs of a report.

Which address, what happened to it, from when to when, for how long nobody or two served it, who
was affected, whether it is over, what to do and by whom. Every number is computed: of who was
MASTER when (`timeline.mastership`), who announced which address, and of the findings.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence

from carpscope.core.address import ip_text, mac_text
from carpscope.core.text import plural
from carpscope.core.units import Nanos, clock, day, span_text
from carpscope.core.zone import beside, beside_both
from carpscope.detect.engine import rules
from carpscope.detect.events import Event
from carpscope.detect.finding import Attacker, Finding
from carpscope.detect.incident import LINKS, Incident
from carpscope.detect.standing import ENDS_BY_ITSELF
from carpscope.detect.words import listed
from carpscope.report.forensic import chronicle, story
from carpscope.report.forensic.request import Request
from carpscope.timeline import mastership
from carpscope.timeline.group import Group, group_words

TOLD_MAX = 6
"""Incidents told in full; a longer account is none."""
NAMED_MAX = 4
CHANGES_MAX = 3


def account(request: Request) -> Iterator[str]:
    """Give a paragraph for every incident, and one of how it stood at the end."""
    incidents = request.analysis.incidents
    for incident in incidents[:TOLD_MAX]:
        yield " ".join(_incident(incident, request))
        yield f"What to do, for {_by_whom(incident, incident.root)}: {incident.remedy}"
    if (more := len(incidents) - TOLD_MAX) > 0:
        yield f"{plural(more, 'more incident')} of less weight or later are told below."
    if request.groups:
        yield " ".join(_rest(request))


def few(items: Iterable[str], limit: int = NAMED_MAX) -> str:
    """Join the first of what may be very many."""
    words = list(items)
    if len(words) <= limit + 1:
        return listed(words)
    return listed([*words[:limit], f"{len(words) - limit:,} more"])


def address_words(groups: Sequence[Group], request: Request) -> str:
    """Name the shared addresses of groups."""
    found = [address for group in groups for address in request.places.held(group.id)]
    if found:
        shared = few(dict.fromkeys(map(ip_text, found)))
        return shared if len(found) <= NAMED_MAX + 1 else f"{len(found):,} addresses ({shared})"
    where = few((_where(group) for group in groups), 2) or "the network"
    return f"a shared address of {where} (which one, the recording does not show)"


def _where(group: Group) -> str:
    return group_words(group.id).replace("vhid", "group")


def _incident(incident: Incident, request: Request) -> Iterator[str]:
    by_id = {group.id: group for group in request.groups}
    groups = [by_id[one] for one in incident.groups if one in by_id]
    head, root = incident.head, incident.root
    alike = [finding for finding in incident.findings if finding.label == head.label]
    start, end = min(f.start for f in alike), max(f.end for f in alike)
    told = plain(head, incident, groups, request)
    yield f"{story.capitalized(_span(start, end, request))}, {told}."
    if root.label != head.label:
        yield f"The reason: {plain(root, incident, groups, request, counts=False)}."
    for label in sorted(NOBODY | AT_ONCE):
        effects = [f for f in incident.findings if f.label == label]
        if effects and label not in (head.label, root.label):
            worst = max(effects, key=lambda f: f.end - f.start)
            told = plain(worst, incident, groups, request, counts=False)
            yield f"It led to this: {told}, {_span(worst.start, worst.end, request)}."
    yield from _served(groups, incident.start, incident.end)
    yield from _answered(incident, groups, request)
    if attackers := _attackers(incident):
        yield f"It came from {few(map(attacker_words, attackers))}."
    if incident.ongoing:
        yield "It was still so when the recording ended."
    else:
        # of what has no end by itself only the last sign of it is known
        ended = "It was over" if head.label in ENDS_BY_ITSELF else "It was seen last"
        yield f"{ended} at {clock(incident.end, digits=0)} UTC."


def _span(start: Nanos, end: Nanos, request: Request) -> str:
    if end > start:
        local = beside_both(request.zone, start, end)
        until = f"{_moment(end, start)} UTC{local} ({span_text(end - start)})"
        return f"from {_moment(start)} to {until}"
    return f"at {_moment(start)} UTC{beside(request.zone, start)}"


def plain(
    finding: Finding,
    incident: Incident,
    groups: Sequence[Group],
    request: Request,
    *,
    counts: bool = True,
) -> str:
    """Say of a finding what happened, in words that need no explaining, and in how many groups."""
    sentence = next((rule.plain for rule in rules() if rule.code == finding.code), "")
    alike = [one for one in incident.findings if one.label == finding.label]
    nodes = dict.fromkeys(node for one in alike for node in one.nodes)
    also = ""
    if len(groups) > 1 and len(nodes) > len(finding.nodes):
        # other hosts in every group: one of them is told, and how many are like it
        groups_ = [group for group in groups if group.id == finding.group]
        if counts:
            also = f", and so it was in {plural(len(groups) - 1, 'more group')}"
            also += f", of {address_words(groups, request)} together"
        nodes, groups = dict.fromkeys(finding.nodes), groups_
    who = few(map(request.called, nodes)) or "a host"
    text = sentence or finding.summary
    named = _addresses_in(finding, request)
    address = few(named) if named else address_words(groups, request)
    return text.replace("{who}", who).replace("{address}", address) + also


_ADDRESS = re.compile(r"(?<![\w.:])[0-9a-f.:]{2,}[0-9a-f:](?![\w:])")


def _addresses_in(finding: Finding, request: Request) -> list[str]:
    """Return the addresses that a finding names and that are no node's: what it is about."""
    nodes = {node.id for group in request.groups for node in group.members} | set(finding.nodes)
    words = dict.fromkeys(_ADDRESS.findall(finding.summary))
    return [word for word in words if word not in nodes and _is_ip(word)]


def _is_ip(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


def _served(groups: Sequence[Group], start: Nanos, end: Nanos) -> Iterator[str]:
    """Say for how long nobody, or several, were in charge: the longest of the groups."""
    several, nobody = [0], [0]
    for group in groups:
        periods = [period for node in group.known for period in node.master_periods]
        several.append(sum(_clipped(mastership.several(periods), start, end)))
        nobody.append(sum(_clipped(mastership.unheard(periods), start, end)))
    up_to = "up to " if len(groups) > 1 else ""
    if max(several):
        yield f"For {up_to}{span_text(max(several))} more than one host was in charge."
    if max(nobody):
        yield f"For {up_to}{span_text(max(nobody))} nothing was heard of any host in charge."
    if groups and end > start and not max(several) and not max(nobody):
        yield "Meanwhile never two hosts were in charge, and no silence between two was seen."


def _clipped(spans: Iterable[tuple[Nanos, Nanos]], start: Nanos, end: Nanos) -> Iterator[Nanos]:
    for first, last in spans:
        yield max(min(last, end) - max(first, start), 0)


AT_ONCE = frozenset(("split_brain", "address_conflict", "split_group", "stale_arp", "flapping"))
"""What lets one address be answered for in two places."""
NOBODY = frozenset(("master_gap", "group_missing", "address_unanswered", "silent_master"))


def _answered(incident: Incident, groups: Sequence[Group], request: Request) -> Iterator[str]:
    """Say who was affected: from who announced what, where that was seen."""
    labels = {finding.label for finding in incident.findings}
    if labels & NOBODY:
        yield f"Whoever sent to {address_words(groups, request)} then may have had no answer."
    if not labels & AT_ONCE or not groups:
        return
    by: dict[tuple[str, ...], list[str]] = {}
    rivals = {node for f in incident.findings if f.label in AT_ONCE for node in f.nodes}
    for group in groups:
        nodes = [node for node in group.known if node.id in rivals]
        for address in request.places.held(group.id):
            who = tuple(request.called(n.id) for n in nodes if address in n.announced)
            by.setdefault(who, []).append(ip_text(address))
    both = [(who, told) for who, told in by.items() if len(who) > 1]
    for who, told in both[:NAMED_MAX]:
        yield (
            f"{few(who)} {'both' if len(who) == 2 else 'all'} announced {few(told)}: whoever used "
            "it then may have reached either of them, and connections may have broken."
        )
    single = [one for one in by.items() if len(one[0]) == 1]
    for who, told in single if len(groups) <= NAMED_MAX else ():
        yield f"{few(told)} {'was' if len(told) == 1 else 'were'} announced by {who[0]} only."
    if not both and not any(by):
        yield "No announcement that was recorded tells which host was reached then."


def _attackers(incident: Incident) -> list[Attacker]:
    return list(dict.fromkeys(f.attacker for f in incident.findings if f.attacker is not None))


def attacker_words(who: Attacker) -> str:
    """Name who sent what no node sent."""
    address = ip_text(who.address) if who.address else "no address"
    return f"{address} (network card {mac_text(who.mac)})" if who.mac else address


BETWEEN = LINKS | {
    "looped_advert", "forged_skew", "replayed_advert", "invented_senders", "vrrp_vrid_conflict",
}  # fmt: skip
"""What is mended in the network and not on a host."""


def _by_whom(incident: Incident, root: Finding) -> str:
    if root.label in BETWEEN:
        return "the people who run the network between these hosts"
    hosts = few(dict.fromkeys(root.nodes or incident.nodes))
    return f"the people who run {hosts}" if hosts else "the people who run these hosts"


def _rest(request: Request) -> Iterator[str]:
    """Say what went as it should, and how it stood when the recording ended."""
    rows, _ = chronicle.rows(request)
    changes = [
        [one for one in row.whole if one.event is not None]
        for row in rows
        if row.first.event is not None and row.first.event.label != "demotion"
    ]
    for alike in changes[:CHANGES_MAX]:
        yield _change([one.event for one in alike if one.event is not None], request)
    if (more := len(changes) - CHANGES_MAX) > 0:
        yield f"{plural(more, 'more change')} of who is in charge are in the time line below."
    held: dict[str, list[Group]] = {}
    standing = request.analysis.standing
    unseen = [group for group in request.groups if group.id in standing.unheard]
    seen = [group for group in request.groups if group.id not in standing.unheard]
    for group in seen:
        masters = [request.called(n.id) for n in group.known if mastership.is_master(n)]
        held.setdefault(few(masters), []).append(group)
    yield f"When the recording ended, at {_moment(request.axis.last)} UTC:"
    if len(held) <= NAMED_MAX:
        told = [_held(who, address_words(groups, request)) for who, groups in held.items()]
    else:
        # many hosts: how many there were for each address
        count: dict[int, list[Group]] = {}
        for group in seen:
            masters = [node.id for node in group.known if mastership.is_master(node)]
            count.setdefault(min(len(masters), 2), []).append(group)
        names = ("nobody", "one host each", "more than one host each")
        told = [
            _held(names[number], address_words(groups, request))
            for number, groups in sorted(count.items(), reverse=True)
        ]
    if unseen:
        told.append(
            f"whether a host was in charge of {address_words(unseen, request)} cannot be seen"
        )
    yield "; ".join(told) + "."


def _held(who: str, address: str) -> str:
    return f"{who or 'nobody'} {'were' if ' and ' in who else 'was'} in charge of {address}"


def _change(alike: Sequence[Event], request: Request) -> str:
    """Say who took over what from whom; of what is alike in several groups once."""
    by_id = {group.id: group for group in request.groups}
    address = address_words([by_id[e.group] for e in alike if e.group in by_id], request)
    event = max(alike, key=lambda one: one.end - one.start)
    span = span_text(event.end - event.start)
    up_to = "up to " if len(alike) > 1 else ""
    whom = few(dict.fromkeys(request.called(e.nodes[0]) for e in alike), 2)
    who = few(dict.fromkeys(request.called(e.nodes[-1]) for e in alike), 2)
    took = f"At {clock(event.at, digits=0)} UTC {who} took over {address} from {whom}"
    if event.label == "failover":
        return f"{took}, of which nothing had been heard for {up_to}{span}."
    if event.label == "clean_handover" and event.end > event.start:
        return f"{took}, which had given it up {up_to}{span} before."
    return f"{took}."


def _moment(at: Nanos, after: Nanos | None = None) -> str:
    """Give an instant to the second, its date where that is not known from another."""
    text = clock(at, digits=0)
    return text if after is not None and day(after) == day(at) else f"{day(at)} {text}"
