"""Where nodes of a group sign differently: what, since when, and how it is known.

Compared are spans of time in which both advertised: a node that changed while it was
silent is not accused. Complete only after `AuthenticationTrack.settle`.
"""

from dataclasses import dataclass
from enum import Enum

from carpscope.auth.explain import Recipe
from carpscope.core.units import Nanos
from carpscope.timeline.authentication import Span
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.kinship import unrelated
from carpscope.timeline.node import Node


class Difference(Enum):
    """What differs between two nodes that advertise at the same time."""

    NONE = "none"
    ADDRESSES = "addresses"
    PASSPHRASE = "passphrase"  # noqa: S105 - a kind, not a secret
    BOTH = "both"
    UNDECIDED = "undecided"
    """One of them is explained and the other is not by anything supplied."""
    UNKNOWN = "unknown"
    """Neither is explained."""


@dataclass(slots=True)
class Disagreement:
    """Two nodes, what they sign differently, and when both did."""

    group: Group
    one: Node
    other: Node
    difference: Difference
    start: Nanos
    end: Nanos
    recipe_one: Recipe | None
    recipe_other: Recipe | None
    frames: tuple[int, ...]
    count: int
    ucarp: Node | None = None
    """The ucarp of the two, where it signs one address and the other, a kernel, several."""


def disagreements(group: Group) -> list[Disagreement]:
    """Return every disagreement of a group, one for each pair of nodes and kind."""
    found: dict[tuple[str, str, Difference], Disagreement] = {}
    members = group.members[:16]
    for index, one in enumerate(members):
        for other in members[index + 1 :]:
            if unrelated(one, other):
                continue  # two clusters: they need not sign alike
            for a in one.authentication.spans[:200]:
                for b in other.authentication.spans[:200]:
                    start, end = max(a.start, b.start), min(a.end, b.end)
                    if start > end or a.count + b.count < 2:
                        continue
                    difference = compare(a.recipe, b.recipe)
                    if difference in (Difference.NONE, Difference.UNKNOWN):
                        continue
                    if difference is Difference.UNDECIDED and _stray(a, b):
                        continue
                    key = (one.id, other.id, difference)
                    before = found.get(key)
                    if before is not None:
                        before.end = max(before.end, end)
                        before.count += 1
                        continue
                    found[key] = Disagreement(
                        group,
                        one,
                        other,
                        difference,
                        start,
                        end,
                        a.recipe,
                        b.recipe,
                        tuple(sorted({a.first, b.first, a.last, b.last})),
                        a.count + b.count,
                        _single(one, other, a.recipe, b.recipe),
                    )
    return list(found.values())


def _stray(a: Span, b: Span) -> bool:
    """Tell whether the unexplained one is a lone packet: corrupt or forged, not a node's way."""
    odd = a if a.recipe is None else b
    return odd.count < 2


def compare(a: Recipe | None, b: Recipe | None) -> Difference:
    """Say what differs between two ways of signing."""
    if a is None and b is None:
        return Difference.UNKNOWN
    if a is None or b is None:
        return Difference.UNDECIDED
    keys = a.key.secret.rstrip(b"\0") != b.key.secret.rstrip(b"\0")
    sets = (a.addresses, a.lladdr) != (b.addresses, b.lladdr)
    if keys and sets:
        return Difference.BOTH
    if keys:
        return Difference.PASSPHRASE
    return Difference.ADDRESSES if sets else Difference.NONE


def _single(one: Node, other: Node, a: Recipe | None, b: Recipe | None) -> Node | None:
    if a is None or b is None:
        return None
    for node, mine, peer, theirs in ((one, a, other, b), (other, b, one, a)):
        several = len(theirs.addresses) > 1
        if identify(node).name == "ucarp" and identify(peer).is_kernel and several:
            return node if len(mine.addresses) == 1 else None
    return None


def relation(one: Node, other: Node, start: Nanos, end: Nanos) -> Difference:
    """Say whether two nodes sign alike over a stretch of time; the worst case counts."""
    worst = Difference.UNKNOWN
    for a in one.authentication.spans:
        if a.end < start or a.start > end:
            continue
        for b in other.authentication.spans:
            if b.end < start or b.start > end:
                continue
            found = compare(a.recipe, b.recipe)
            if found is Difference.NONE:
                worst = found if worst is Difference.UNKNOWN else worst
            elif found is not Difference.UNKNOWN:
                if found is Difference.UNDECIDED and _stray(a, b):
                    continue
                return found
    return worst
