"""Two unrelated CARP groups use one vhid on one segment.

What it means
    Both send from the virtual MAC 00:00:5e:00:01:vhid. Switches see it on two ports and
    move it back and forth; each cluster may be healthy by itself, and still frames for
    either go to whoever spoke last. Each counts the other's advertisements as refused.

How it is seen
    Nodes of one vhid that verify with different passphrases and share no address; or of which
    some verify, and the others announce other addresses and sign them with nothing that was
    tried; or whose own addresses lie in different networks, and who announce or sign different
    addresses in different networks.

False alarms
    One group that spans networks would share an address or a network. Networks are taken
    as /24 and /64, since masks are not on the wire.

What to do
    Give one of the clusters another vhid. Providers' clusters count too.

Sources
    The virtual MAC is made of the vhid alone: FreeBSD, OpenBSD, NetBSD ip_carp.c.
"""

from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.signing import in_words
from carpscope.detect.words import addresses, listed
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.same_cluster import has_another_key, held_by, keys_of, unrelated


class VhidConflict:
    """Looks for nodes of one vhid that nothing else connects."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: who announces and signs what is known at the end."""

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give one finding for each group."""
        del at
        for group in self._context.groups:
            members = group.established[:16]
            first = next(
                (
                    (one, other)
                    for index, one in enumerate(members)
                    for other in members[index + 1 :]
                    if unrelated(one, other)
                ),
                None,
            )
            if first is not None:
                yield _finding(group, members, *first)


def _finding(group: Group, members: list[Node], one: Node, other: Node) -> Finding:
    others = [node for node in members if unrelated(one, node)]
    mine = [node for node in members if node not in others]
    told = []
    for side in (mine, others):
        held = in_words({address for node in side for address in held_by(node)})
        told.append(f"{listed(node.id for node in side)} for {addresses(held)}")
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.85,
        group=group.id,
        nodes=tuple(node.id for node in (*mine, *others)),
        start=max(one.first, other.first),
        end=min(max(n.last for n in mine), max(n.last for n in others)),
        frames=tuple(
            sorted({period.first for node in members for period in node.master_periods[:4]})
        ),
        frame_count=sum(node.adverts for node in members),
        summary=f"two unrelated clusters use vhid {group.vhid}: {listed(told)}",
        explanation=(
            f"{_apart(mine, others)}. Yet both send from the virtual MAC of vhid {group.vhid}."
        ),
        remedy=(
            f"Give one of the clusters another vhid ({listed(n.id for n in others)} or "
            f"{listed(n.id for n in mine)})."
        ),
    )


def _apart(mine: list[Node], others: list[Node]) -> str:
    """Say what makes two clusters of them, from what is known of their nodes."""
    keys = [{label for node in side for label in keys_of(node)} for side in (mine, others)]
    if all(keys) and not keys[0] & keys[1]:
        used = [
            f"{listed(node.id for node in side)} sign{'s' if len(side) == 1 else ''}"
            for side in (mine, others)
        ]
        return (
            f"They have neither passphrase nor shared address in common: {used[0]} with "
            f"{listed(sorted(keys[0]))}, {used[1]} with {listed(sorted(keys[1]))}"
        )
    for side, known, label in ((mine, others, keys[1]), (others, mine, keys[0])):
        if label and all(has_another_key(node) for node in side):
            return (
                f"{listed(node.id for node in known)} sign{'s' if len(known) == 1 else ''} with "
                f"{listed(sorted(label))}, and no advertisement of "
                f"{listed(node.id for node in side)} verifies with anything supplied over the "
                "addresses that were supplied or seen: they have neither passphrase nor shared "
                "address in common"
            )
    return "Their own addresses and the ones they share lie in different networks"


RULE = Rule(
    "CS205",
    "vhid_conflict",
    "Two clusters share a vhid",
    Severity.ERROR,
    VhidConflict,
    plain="two clusters that have nothing to do with each other use the same number",
)
