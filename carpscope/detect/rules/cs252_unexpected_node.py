"""A node advertises a group and is not one of its nodes.

What it means
    carpscope.toml lists the nodes of the group, and somebody else advertises it: a node
    that was added, one whose address was changed, or somebody who should not.

How it is seen
    By the source address of its advertisements. Who is listed by IPv4 alone may advertise
    over IPv6 as well.

False alarms
    A node with several addresses, of which the file lists another one.

What to do
    If it belongs to the group, list it. Else find the switch port of its address, and
    change the passphrase if its HMACs verify: it was given it.

Sources
    The configuration of carpscope itself.
"""

from collections.abc import Iterator

from carpscope.config import ExpectedGroup
from carpscope.core.units import Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

STRANGERS_TOLD = 16
"""Per group: a source address costs an attacker nothing."""


class UnexpectedNode:
    """Holds who advertises against who is listed."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups and what is expected."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: the nodes of a group say it."""

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give every node that is not listed."""
        del at
        here = self._context.interface
        for expected in self._context.config.groups:
            group = self._context.observer.groups.get((expected.vlan, expected.vhid))
            is_here = here is None or expected.interface in (None, here)
            if group is not None and expected.nodes and is_here:
                for node in _strangers(expected, group)[:STRANGERS_TOLD]:
                    yield _finding(expected, group, node)


def _strangers(expected: ExpectedGroup, group: Group) -> list[Node]:
    lengths = {len(address) for address in expected.nodes}
    wanted = set(expected.nodes)
    return [
        node
        for node in group.known
        if not wanted & set(node.addresses)
        # who is listed by IPv4 alone may advertise over IPv6 as well
        and lengths & {len(address) for address in node.addresses}
    ]


def _finding(expected: ExpectedGroup, group: Group, node: Node) -> Finding:
    first = [period.first for period in node.master_periods[:1]]
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.95,
        group=group.id,
        nodes=(node.id,),
        start=node.first,
        end=node.last,
        frames=tuple(dict.fromkeys([*first, node.last_frame])),
        frame_count=node.adverts,
        summary=(
            f"{node.id} advertises {expected.name or 'this group'}, and is not one of its nodes"
        ),
        explanation=(
            "The configuration lists the nodes of this group, and none of them has this address."
        ),
        remedy=(
            f"If {node.id} belongs to the group, list it in carpscope.toml; else find who has this "
            "address, and whether it was given the group's passphrase."
        ),
        ongoing=node.is_master,
    )


RULE = Rule(
    "CS252",
    "unexpected_node",
    "A node advertises a group and is not one of its nodes",
    Severity.WARNING,
    UnexpectedNode,
    plain="{who} takes part in serving {address} and is not one of the hosts that should",
)
