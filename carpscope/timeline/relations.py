"""Who hears whom: one relation for every ordered pair of a group, with its reason.

`accepts`: an advertisement arrives and verifies. `rejects`: it arrives and fails a check.
`deaf`: it does not arrive. `unknown`: nothing seen decides.
"""

from dataclasses import dataclass

from carpscope.core.units import Nanos, clock
from carpscope.timeline.equal import proofs
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.signing import MEMBERS, accepts


@dataclass(frozen=True, slots=True)
class Relation:
    """What one node makes of another's advertisements."""

    sender: Node
    receiver: Node
    relation: str
    because: str
    confidence: float = 0.5
    since: Nanos | None = None
    """The first sign of it; None where none has a moment."""


def relations(group: Group) -> list[Relation]:
    """Return the relation of every ordered pair (after authentication is settled)."""
    members = group.known[:MEMBERS]
    return [
        _relation(group, sender, receiver)
        for sender in members
        for receiver in members
        if sender is not receiver
    ]


def _relation(group: Group, sender: Node, receiver: Node) -> Relation:
    evidence = group.hearing.pair(receiver, sender)
    if evidence is None or not evidence.notes:
        return _without_counters(sender, receiver)
    last = evidence.notes[-1]
    # the first of the run of equal notes that lasts until now
    since, times = last.at, 0
    for note in reversed(evidence.notes):
        if note.accepts != last.accepts:
            break
        since, times = note.at, times + 1
    when = (
        f"since {clock(since, digits=3)} UTC" if times > 1 else f"at {clock(since, digits=3)} UTC"
    )
    if last.accepts:
        because = (
            f"its counter continues the other's, {when}: it verified that advertisement"
            f"{f' ({times} times)' if times > 1 else ''}"
        )
        return Relation(sender, receiver, "accepts", because, 0.99, since)
    ever = " It had accepted it before." if evidence.ever else " It never accepted one."
    ignores = f"its counter ignores the other's {when}"
    if _differ(sender, receiver):
        because = f"they sign differently, and {ignores}.{ever}"
        return Relation(sender, receiver, "rejects", because, 0.97, since)
    if _same(sender, receiver):
        because = f"both sign the same, yet {ignores}.{ever}"
        return Relation(sender, receiver, "deaf", because, 0.9, since)
    seen = [p for p in proofs(sender, receiver) if p.at >= sender.first]
    if seen and seen[-1].alike:
        because = (
            f"both made the same HMAC of one counter at {clock(seen[-1].at, digits=3)} UTC, so "
            f"they sign the same, yet {ignores}.{ever}"
        )
        return Relation(sender, receiver, "deaf", because, 0.85, since)
    if seen:
        because = (
            f"they made different HMACs of one counter at {clock(seen[-1].at, digits=3)} UTC, so "
            f"they sign differently, and {ignores}.{ever}"
        )
        return Relation(sender, receiver, "rejects", because, 0.95, since)
    because = f"{ignores}; refused or not received.{ever}"
    return Relation(sender, receiver, "unknown", because, 0.5, since)


def _without_counters(sender: Node, receiver: Node) -> Relation:
    a, b = receiver.authentication.recipe, sender.authentication.recipe
    if a is not None and b is not None and not accepts(receiver, a, b):
        return Relation(sender, receiver, "rejects", "they sign differently", 0.95)
    for reign in receiver.reigns:
        if reign.ended_by == "yielded" and reign.end is not None and _speaks(sender, reign.end):
            because = (
                "it stopped being MASTER when the other advertised, at "
                f"{clock(reign.end, digits=3)} UTC"
            )
            return Relation(sender, receiver, "accepts", because, 0.8, reign.end)
    if a is not None and b is not None and a.signed != b.signed:
        because = "OpenBSD takes what is signed with its own link-local address as well"
        return Relation(sender, receiver, "unknown", because, 0.5)
    return Relation(sender, receiver, "unknown", "nothing seen decides it", 0.0)


def _differ(sender: Node, receiver: Node) -> bool:
    """Tell whether both are explained, and the receiver cannot take what the sender signs."""
    a, b = receiver.authentication.recipe, sender.authentication.recipe
    return a is not None and b is not None and not accepts(receiver, a, b)


def _same(one: Node, other: Node) -> bool:
    a, b = one.authentication.recipe, other.authentication.recipe
    return a is not None and b is not None and a.signed == b.signed


def _speaks(node: Node, at: int) -> bool:
    return any(reign.start <= at <= reign.seen for reign in node.reigns)
