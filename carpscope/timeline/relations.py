"""Who hears whom: one relation for every ordered pair of a group, with its reason.

`accepts`: an advertisement arrives and verifies. `rejects`: it arrives and fails a check.
`deaf`: it does not arrive. `unknown`: nothing seen decides.
"""

from dataclasses import dataclass

from carpscope.timeline.group import Group
from carpscope.timeline.node import Node


@dataclass(frozen=True, slots=True)
class Relation:
    """What one node makes of another's advertisements."""

    sender: Node
    receiver: Node
    relation: str
    because: str


def relations(group: Group) -> list[Relation]:
    """Return the relation of every ordered pair (after authentication is settled)."""
    members = group.members[:16]  # pairs grow with the square; nobody runs more in one vhid
    return [
        _relation(group, sender, receiver)
        for sender in members
        for receiver in members
        if sender is not receiver
    ]


def _relation(group: Group, sender: Node, receiver: Node) -> Relation:
    evidence = group.hearing.pair(receiver, sender)
    if evidence is not None and evidence.notes:
        last = evidence.notes[-1]
        if last.accepts:
            because = "its counter continues the other's: it verified that advertisement"
            return Relation(sender, receiver, "accepts", because)
        if _differ(sender, receiver):
            because = "they sign differently, and its counter ignores the other's"
            return Relation(sender, receiver, "rejects", because)
        if _same(sender, receiver):
            because = "both sign the same, yet its counter ignores the other's"
            return Relation(sender, receiver, "deaf", because)
        because = "its counter ignores the other's; refused or not received"
        return Relation(sender, receiver, "unknown", because)
    if _differ(sender, receiver):
        return Relation(sender, receiver, "rejects", "they sign differently")
    for reign in receiver.reigns:
        if reign.ended_by == "yielded" and reign.end is not None and _speaks(sender, reign.end):
            because = "it stopped being MASTER when the other advertised"
            return Relation(sender, receiver, "accepts", because)
    return Relation(sender, receiver, "unknown", "nothing seen decides it")


def _differ(one: Node, other: Node) -> bool:
    """Tell whether both are explained, by recipes that do not fit each other."""
    a, b = one.authentication.recipe, other.authentication.recipe
    return a is not None and b is not None and (a.key, a.addresses) != (b.key, b.addresses)


def _same(one: Node, other: Node) -> bool:
    a, b = one.authentication.recipe, other.authentication.recipe
    return a is not None and b is not None and (a.key, a.addresses) == (b.key, b.addresses)


def _speaks(node: Node, at: int) -> bool:
    return any(reign.start <= at <= reign.seen for reign in node.reigns)
