"""Nodes of a group that sign differently: what differs, since when, and how it is known.

Compared are spans of time in which both advertised, so a node that was changed while it was
silent does not count as different before. Complete only after `Observer.settle`.
"""

from collections.abc import Iterator
from enum import Enum

from carpscope.auth.recipes import Recipe
from carpscope.core.address import is_link_local
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol import spans
from carpscope.timeline.authentication import SigningSpan
from carpscope.timeline.equal_counters import SharedCounter, proof, proofs
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.node import Node
from carpscope.timeline.same_cluster import unrelated

MEMBERS = 16
"""Nodes of a group that are compared pair by pair; real groups have fewer."""
SPANS = 200


class Difference(Enum):
    """What differs between two nodes that advertise at the same time."""

    NONE = "none"
    ADDRESSES = "addresses"
    PASSPHRASE = "passphrase"  # noqa: S105 - a kind, not a secret
    BOTH = "both"
    UNDECIDED = "undecided"
    """A recipe is known for one of them, and no passphrase given explains the other."""
    PROVED = "proved"
    """No recipe is known for either, but they signed one counter with different HMACs."""
    UNKNOWN = "unknown"
    """No recipe is known for either."""


@dataclass(slots=True)
class Disagreement:
    """Two nodes, what differs in how they sign, and when."""

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
    """The node that is a ucarp and signs one address, where the other is a kernel with several."""
    proof: SharedCounter | None = None
    spells: list[tuple[Nanos, Nanos]] = field(default_factory=list)
    """(start, end) of each time in which both signed differently, in order."""

    def take(self, start: Nanos, end: Nanos, *, apart: bool) -> None:
        """Extend it to `end`; as a further spell with `apart`, since they agreed in between."""
        self.end = max(self.end, end)
        if self.spells and not apart:
            start = self.spells.pop()[0]
        self.spells.append((start, self.end))

    @property
    def sides(self) -> tuple[tuple[Node, Recipe | None], tuple[Node, Recipe | None]]:
        """Return both nodes, each with its recipe."""
        return (self.one, self.recipe_one), (self.other, self.recipe_other)


def disagreements(group: Group) -> list[Disagreement]:
    """Return every disagreement of a group: one for each pair, kind and stretch of time."""
    found: list[Disagreement] = []
    members = group.established[:MEMBERS]
    for index, one in enumerate(members):
        for other in members[index + 1 :]:
            if not unrelated(one, other):  # two clusters need not sign alike
                found += _of_pair(group, one, other)
    return found


def unexplained_beside(group: Group, node: Node) -> bool:
    """Return whether a node without a recipe advertised at the same time as one with a recipe."""
    return any(
        d.difference is Difference.UNDECIDED and node in (d.one, d.other)
        for d in disagreements(group)
    )


def _of_pair(group: Group, one: Node, other: Node) -> list[Disagreement]:
    found: list[Disagreement] = []
    latest: dict[Difference, Disagreement] = {}
    agreed: Nanos | None = None
    alike: Nanos = 0
    for a, b, first, last in _overlaps(one, other):
        start, end = first, last
        difference = compare(a.recipe, b.recipe)
        seen: SharedCounter | None = None
        if difference is Difference.UNKNOWN:
            seen = proof(one, other, start, end)
            if seen is not None and not seen.alike:
                difference, start = Difference.PROVED, seen.at
                end = _reconciled(one, other, seen, end)
        if difference is Difference.NONE:
            agreed = end if end - start >= spans.QUIET else agreed
            alike = end
        if difference in (Difference.NONE, Difference.UNKNOWN):
            continue
        if difference is Difference.UNDECIDED and _is_stray(a, b):
            continue
        if _is_passing(one, a) or _is_passing(other, b):
            continue
        before = latest.get(difference)
        if before is not None and (agreed is None or agreed < before.end):
            before.take(start, end, apart=alike >= before.end)
            before.count += 1
            before.recipe_one, before.recipe_other = a.recipe, b.recipe
            before.frames = tuple(sorted({*before.frames[:12], a.last, b.last}))
            continue
        frames = {*seen.frames} if seen is not None else {a.first, b.first, a.last, b.last}
        latest[difference] = Disagreement(
            group,
            one,
            other,
            difference,
            start,
            end,
            a.recipe,
            b.recipe,
            tuple(sorted(frames)),
            a.count + b.count,
            _single(one, other, a.recipe, b.recipe),
            seen,
            [(start, end)],
        )
        found.append(latest[difference])
    return found


def _overlaps(one: Node, other: Node) -> Iterator[tuple[SigningSpan, SigningSpan, Nanos, Nanos]]:
    """Yield (span, span, start, end) of spans of two nodes that overlap, in order of time."""
    mine, theirs = one.authentication.ways[:SPANS], other.authentication.ways[:SPANS]
    pairs = [(max(a.start, b.start), min(a.end, b.end), a, b) for a in mine for b in theirs]
    for start, end, a, b in sorted(pairs, key=lambda pair: pair[:2]):
        if start <= end:
            yield a, b, start, end


def _reconciled(one: Node, other: Node, since: SharedCounter, end: Nanos) -> Nanos:
    """Return when an equal counter next proves that both sign alike, else `end`."""
    later = [p.at for p in proofs(one, other) if p.alike and p.at > since.at]
    return min([end, *later])


def _is_stray(a: SigningSpan, b: SigningSpan) -> bool:
    """Return whether the span without a recipe is a single packet, corrupt or forged."""
    odd = a if a.recipe is None else b
    return odd.count < 2


def _is_passing(node: Node, span: SigningSpan) -> bool:
    """Return whether a node signed so once only, while its addresses were set one by one.

    DragonFly with preemption is MASTER with the first address, and signs that one alone.
    """
    if span.count > 1:
        return False
    ended = span.end, span.last
    later = [s.start for s in node.authentication.ways if (s.start, s.first) > ended]
    return bool(later) and min(later) - span.end <= spans.SETTING


def compare(a: Recipe | None, b: Recipe | None) -> Difference:
    """Return what differs between two recipes; None is an unknown one."""
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


def only_link_local(a: Recipe, b: Recipe) -> bool:
    """Return whether two address sets differ in IPv6 link-local addresses alone."""
    apart = a.address_set ^ b.address_set
    return bool(apart) and all(is_link_local(address) for address in apart)


def _single(one: Node, other: Node, a: Recipe | None, b: Recipe | None) -> Node | None:
    if a is None or b is None:
        return None
    for node, mine, peer, theirs in ((one, a, other, b), (other, b, one, a)):
        several = len(theirs.addresses) > 1
        if identify(node).name == "ucarp" and identify(peer).is_kernel and several:
            return node if len(mine.addresses) == 1 else None
    return None


def relation(one: Node, other: Node, start: Nanos, end: Nanos) -> Difference:
    """Return the most serious difference of two nodes over a stretch of time."""
    worst = Difference.UNKNOWN
    mine, theirs = one.authentication.ways, other.authentication.ways
    for a in mine:
        if a.end < start or a.start > end:
            continue
        for b in theirs:
            if b.end < start or b.start > end:
                continue
            found = compare(a.recipe, b.recipe)
            if found is Difference.NONE:
                worst = found if worst is Difference.UNKNOWN else worst
            elif found is not Difference.UNKNOWN:
                if found is Difference.UNDECIDED and _is_stray(a, b):
                    continue
                return found
    if worst is Difference.UNKNOWN:
        seen = proof(one, other, start, end)
        if seen is not None:
            return Difference.NONE if seen.alike else Difference.PROVED
    return worst
