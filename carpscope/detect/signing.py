"""What the detectors of signing share: disagreements of a group as one finding a situation."""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from carpscope.auth.recipes import Recipe
from carpscope.core.address import ip_text
from carpscope.core.units import Nanos, clock
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context
from carpscope.detect.words import addresses, listed, since, times
from carpscope.protocol import spans, timers
from carpscope.timeline.authentication import SigningSpan
from carpscope.timeline.facts import Fact
from carpscope.timeline.node import Node
from carpscope.timeline.signing import Difference, Disagreement, compare, disagreements


class SignedWatch:
    """Compares the nodes of every group once all that was signed is explained."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups at the end."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: what is signed is known at the end."""

    def findings(self, at: int) -> Iterator[Finding]:
        """Give one finding for each situation in which nodes of a group disagree in this way."""
        del at
        for group in self._context.groups:
            if len(group.nodes) < 2:
                continue
            found = [d for d in disagreements(group) if self.concerns(d)]
            for situation in _situations(found):
                yield self.finding(situation)

    def concerns(self, disagreement: Disagreement) -> bool:
        """Tell whether a disagreement is of this detector's kind."""
        raise NotImplementedError

    def finding(self, found: list[Disagreement]) -> Finding:
        """Make the finding of a situation."""
        raise NotImplementedError


def _situations(found: list[Disagreement]) -> list[list[Disagreement]]:
    """Part what is separated by agreement."""
    situations: list[list[Disagreement]] = []
    for one in sorted(found, key=lambda d: d.start):
        if situations and one.start - max(d.end for d in situations[-1]) <= spans.QUIET:
            situations[-1].append(one)
        else:
            situations.append([one])
    return situations


def span(found: list[Disagreement]) -> tuple[int, int]:
    """Return from when to when any of them disagreed."""
    return min(d.start for d in found), max(d.end for d in found)


def people(found: list[Disagreement]) -> list[Node]:
    """Return the nodes, each once, in order of appearance."""
    nodes = {node.id: node for d in found for node in (d.one, d.other)}
    return sorted(nodes.values(), key=lambda node: node.order)


def make(
    found: list[Disagreement],
    name: tuple[str, str, Severity],
    summary: str,
    explanation: str,
    remedy: str,
    confidence: float = 0.99,
) -> Finding:
    """Fill in what every such finding has."""
    code, label, severity = name
    start, end = span(found)
    frames = tuple(sorted({frame for d in found for frame in d.frames}))[:24]
    told = [explanation, *changes(found), f"Seen {since(start, end)}."]
    return Finding(
        code=code,
        label=label,
        severity=severity,
        confidence=confidence,
        group=found[0].group.id,
        nodes=tuple(node.id for node in people(found)),
        start=start,
        end=end,
        frames=frames,
        frame_count=sum(d.count for d in found),
        summary=summary,
        explanation=" ".join(sentence for sentence in told if sentence),
        remedy=mended(found) or remedy,
    )


def mended(found: list[Disagreement]) -> str:
    """Say that nothing is left to change, if in the end all of them sign alike."""
    first, *rest = [node.authentication.recipe for node in people(found)]
    if first is None or any(compare(first, one) is not Difference.NONE for one in rest):
        return ""
    return (
        "Nothing is left to change: at the end all of them sign alike. Next time change the backup "
        "first, and the others before it has waited for the MASTER too long (three intervals of "
        "advertisements) and becomes MASTER itself."
    )


def ended(found: list[Disagreement], now: Nanos) -> str:
    """Say when a situation was over, if it was before the capture ended."""
    _, end = span(found)
    return (
        f"if that is not what ended this at {clock(end, digits=0)} UTC"
        if (now - end > spans.ENDS)
        else ""
    )


def share_addresses(disagreement: Disagreement) -> bool:
    """Tell whether two explained nodes have an address in common: one cluster, not two."""
    a, b = disagreement.recipe_one, disagreement.recipe_other
    return a is not None and b is not None and bool(a.address_set & b.address_set)


def signed_by(found: list[Disagreement]) -> dict[str, tuple[bytes, ...]]:
    """Return what each node signs at the end of a situation, by its id."""
    signed: dict[str, tuple[bytes, ...]] = {}
    for d in found:
        for node, recipe in d.sides:
            if recipe is not None:
                signed[node.id] = recipe.addresses
    return signed


def changes(found: list[Disagreement]) -> list[str]:
    """Say which node changed what it signs, and when: before and during the situation."""
    return [told for node in people(found) for told in _told_changes(node)]


def _changed(node: Node) -> list[tuple[SigningSpan, SigningSpan]]:
    spans = node.authentication.ways
    return [(a, b) for a, b in itertools.pairwise(spans) if a.recipe != b.recipe]


def _told_changes(node: Node) -> Iterator[str]:
    changed = _changed(node)
    for before, after in changed[:2]:
        silence = after.start - before.end
        when = (
            f"at {clock(after.start, digits=3)} UTC"
            if silence <= timers.overdue(node.advbase, node.advskew)
            else f"between {clock(before.end, digits=0)} and {clock(after.start, digits=0)} UTC"
        )
        yield f"{node.id} changed {when}: {_change(before, after)}."
    if len(changed) > 2:
        yield f"{node.id} changed {times(len(changed) - 2)} more."


class HalfDone(NamedTuple):
    """A change that was made on one node and not on the others."""

    changed: Node
    now: Recipe | None
    """What it signs since then, if anything supplied explains it."""
    others: list[Node]
    known: bool
    """Whether the others are seen to sign what this one signed before; else they accepted it."""


def half_done(found: list[Disagreement]) -> HalfDone | None:
    """Recognise a rotation or reconfiguration that stopped half-way, or is on its way."""
    nodes = people(found)
    changed = [node for node in nodes if _changed(node)]
    if len(changed) != 1:
        return None
    node = changed[0]
    others = [other for other in nodes if other is not node]
    before, after = _changed(node)[-1]
    recipes = [other.authentication.recipe for other in others]
    if before.recipe is not None and all(recipe == before.recipe for recipe in recipes):
        return HalfDone(node, after.recipe, others, known=True)
    hearing = found[0].group.hearing
    heard = [hearing.pair(other, node) for other in others]
    if (
        before.recipe is None
        and after.recipe is not None
        and all(
            recipe is None and pair is not None and pair.acceptances(0, after.start)
            for recipe, pair in zip(recipes, heard, strict=True)
        )
    ):
        return HalfDone(node, after.recipe, others, known=False)
    return None


def _change(before: SigningSpan, after: SigningSpan) -> str:
    old, new = before.recipe, after.recipe
    if old is None or new is None:
        known = new or old
        assert known is not None
        what = f"{addresses(known.addresses)} with {known.key.label}"
        return (
            f"until then {what}, since then nothing supplied fits"
            if new is None
            else (f"until then nothing supplied fits, since then {what}")
        )
    told = []
    if old.key.secret != new.key.secret:
        told.append(f"from {old.key.label} to {new.key.label}")
    if old.addresses != new.addresses:
        more = [a for a in new.addresses if a not in old.addresses]
        less = [a for a in old.addresses if a not in new.addresses]
        told += [f"{addresses(more)} added"] if more else []
        told += [f"{addresses(less)} removed"] if less else []
        told += [] if more or less else ["the order of its addresses"]
    if old.lladdr != new.lladdr:
        told.append("its link-layer address")
    return listed(told) or "back"


def address_differences(found: list[Disagreement]) -> str:
    """Say which addresses each node lacks, or alone has."""
    signed = signed_by(found)
    if len({frozenset(chosen) for chosen in signed.values()}) == 1:
        told = [f"{node} signs {addresses(chosen)}" for node, chosen in signed.items()]
        return "; ".join(told) + ". The addresses are the same, their order is not."
    if all(len(chosen) == 1 for chosen in signed.values()):
        where = listed(f"{addresses(chosen)} on {node}" for node, chosen in signed.items())
        return f"The HMAC covers the shared address: {where}."
    union = {address for chosen in signed.values() for address in chosen}
    sentences = []
    for address in in_words(union):
        having = [node for node, chosen in signed.items() if address in chosen]
        if len(having) < len(signed):
            lacking = [node for node in signed if node not in having]
            sentences.append(f"{ip_text(address)} is on {listed(having)}, not on {listed(lacking)}")
    return f"The HMAC covers all shared addresses of the vhid. {'; '.join(sentences)}."


def announcements(nodes: Iterable[Node]) -> str:
    """Say what the nodes' announcements make likely where no secret decides."""
    held = {node.id: of for node in nodes if (of := _announces(node))}
    if len(held) < 2:
        return ""
    told = listed(f"{node} announces {addresses(in_words(of))}" for node, of in held.items())
    if len(set(held.values())) == 1:
        same = addresses(in_words(next(iter(held.values()))))
        return f" All announce {same}: that speaks against different addresses."
    return f" {told}: that points to different address sets."


def _announces(node: Node) -> frozenset[bytes]:
    """Return what a node announced since it is MASTER: earlier it may have had other addresses."""
    since = node.master_periods[-1].start - timers.LONG_SCRIPT if node.master_periods else 0
    return frozenset(address for address, at in node.announced.items() if at >= since)


def in_words(found: Iterable[bytes]) -> list[bytes]:
    """Put addresses into the order in which they are told."""
    return sorted(found, key=lambda a: (len(a), a))


def unsupplied(found: list[Disagreement]) -> str:
    """Name addresses that are signed although nobody supplied or announced them."""
    told: dict[str, None] = {}
    for d in found:
        for node, recipe in d.sides:
            if recipe is None or not recipe.unsupplied:
                continue
            text = f" {node.id} signs {addresses(recipe.unsupplied)}, which nobody supplied"
            if recipe.instead:
                text += f": probably a typo for {addresses(recipe.instead)}"
            told[f"{text}."] = None
    return "".join(told)


def odd_one(found: list[Disagreement]) -> Node | None:
    """Return the one node that differs from two or more that agree, if it is so."""
    signed: dict[object, list[Node]] = {}
    for node in people(found):
        recipe = node.authentication.recipe
        signed.setdefault(recipe.signed if recipe else None, []).append(node)
    # nodes of the group without any disagreement agree with somebody
    sizes = sorted(signed.values(), key=len)
    if len(sizes) == 2 and len(sizes[0]) == 1 and len(sizes[1]) > 1:
        return sizes[0][0]
    return None


__all__ = [
    "Difference",
    "SignedWatch",
    "address_differences",
    "announcements",
    "changes",
    "ended",
    "half_done",
    "in_words",
    "listed",
    "make",
    "mended",
    "odd_one",
    "people",
    "share_addresses",
    "signed_by",
    "span",
    "unsupplied",
]
