"""A node is MASTER and its advertisements do not reach the wire.

What it means
    The addresses are served, and no other node knows it: each that starts, or is better, takes
    the addresses as well, and then two nodes have them.

How it is seen
    A host announces or answers for a shared address with the virtual MAC, as only a MASTER
    does, for longer than any interval of advertisements, while no advertisement of it is
    captured: after the master that was known fell silent, or beside one, where it was a MASTER
    itself before. In a group of ucarps, which have no virtual MAC: a host that announced the
    address after that, and goes on answering.

False alarms
    A port that gets broadcasts and not the group (snooping without a querier) shows the
    announcement of a new MASTER and none of its advertisements.

What to do
    Look on the node whether it advertises: `tcpdump -ni IF proto 112` there. A firewall's rule
    that drops protocol 112 on its way out, a unicast peer that is the node's own address (as
    where one configuration is copied to both nodes), a virtual switch that refuses a MAC that
    is not the card's.

Sources
    FreeBSD ip_carp.c carp_iamatch (only a MASTER answers ARP), carp_send_arp; ucarp
    src/arp.c gratuitous_arp; opnsense/core 8120.
"""

from collections.abc import Iterator

from carpscope.core.address import mac_text
from carpscope.core.units import Nanos, span_text
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.holders import holder_name
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import addresses, since, times
from carpscope.protocol import timers
from carpscope.timeline.address_holders import Holding
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

SLOWEST_SKEW = 255


class SilentMaster:
    """Gives who holds addresses without advertising."""

    def __init__(self, context: Context) -> None:
        """Keep the context: the groups know who holds what."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: it asks the groups."""

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give each time that is longer than an interval between two advertisements."""
        for group in self._context.groups:
            for holding in group.holdings.known:
                end, ongoing = _until(group, holding, at)
                if end - holding.start > _interval(group):
                    yield self._finding(group, holding, end, ongoing=ongoing)

    def _finding(self, group: Group, holding: Holding, end: Nanos, *, ongoing: bool) -> Finding:
        name = holder_name(self._context.observer.host_at, group)(holding)
        which = addresses(holding.addresses)
        mac = mac_text(holding.mac)
        who = name if name == mac else f"{name} ({mac})"
        did = [
            f"{word} {which} {times(count)}"
            for word, count in (
                ("announced", holding.announced),
                ("answered for", holding.answered),
            )
            if count
        ]
        beside = holding.beside
        others = f", while {beside.id} advertised as MASTER" if beside is not None else ""
        known = {node.id for node in group.members}  # who never advertised is none of these
        nodes = [name, *([beside.id] if beside is not None else [])]
        peers = {peer for node in group.members for peer in node.peers}
        unicast = (
            "This group advertises to single addresses: see that the peer configured on "
            f"{name} is the other node and not {name} itself. "
            if peers
            else ""
        )
        return Finding(
            code=RULE.code,
            label=RULE.label,
            severity=RULE.severity,
            confidence=0.85,
            group=group.id,
            nodes=tuple(node for node in nodes if node in known),
            start=holding.start,
            end=end,
            frames=tuple(dict.fromkeys(holding.frames)),
            frame_count=holding.announced + holding.answered,
            summary=(
                f"{name} holds {which} and did not advertise for {span_text(end - holding.start)}"
            ),
            explanation=(
                f"{who} {' and '.join(did)} {since(holding.start, holding.end)}, as a MASTER does"
                f"{others}. No advertisement of it was captured until the end of that."
            ),
            remedy=(
                f"{unicast}Look on {name} whether advertisements leave: tcpdump -ni IF 'proto "
                "112'. "
                "A firewall may drop protocol 112 on its way out."
            ),
            ongoing=ongoing,
        )


def _until(group: Group, holding: Holding, at: Nanos) -> tuple[Nanos, bool]:
    """Return until when it is known to have held the addresses, and whether it still does."""
    if holding.is_over or holding.beside is not None:
        return holding.end, False
    claims = (period.start for node in group.members for period in node.master_periods)
    follows = min((claim for claim in claims if claim > holding.start), default=None)
    return (follows, False) if follows is not None else (at, True)


def _interval(group: Group) -> Nanos:
    """Return within what time a MASTER like those of the group would have advertised."""
    known: list[Node] = group.members
    return max(timers.overdue(node.advbase, SLOWEST_SKEW) for node in known)


RULE = Rule(
    "CS113",
    "silent_master",
    "The MASTER does not advertise",
    Severity.WARNING,
    SilentMaster,
    (),
    plain="{who} holds {address} without ever telling the other hosts that it does",
)
