"""What the detectors of signing share: disagreements of a group as one finding a kind."""

from collections.abc import Iterator

from carpscope.core.address import ip_text
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context
from carpscope.detect.words import addresses, listed, since
from carpscope.timeline.facts import Fact
from carpscope.timeline.identify import identify
from carpscope.timeline.node import Node
from carpscope.timeline.signing import Difference, Disagreement, disagreements


class SignedWatch:
    """Compares the nodes of every group once all that was signed is explained."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups at the end."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: what is signed is known at the end."""

    def findings(self, at: int) -> Iterator[Finding]:
        """Give one finding for each group whose nodes disagree in this way."""
        del at
        for group in self._context.groups:
            if len(group.nodes) < 2:
                continue
            found = [d for d in disagreements(group) if self.concerns(d)]
            if found:
                yield self.finding(found)

    def concerns(self, disagreement: Disagreement) -> bool:
        """Tell whether a disagreement is of this detector's kind."""
        raise NotImplementedError

    def finding(self, found: list[Disagreement]) -> Finding:
        """Make the finding of a group."""
        raise NotImplementedError


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
    return Finding(
        code,
        label,
        severity,
        confidence,
        found[0].group.id,
        tuple(node.id for node in people(found)),
        start,
        end,
        frames,
        sum(d.count for d in found),
        summary,
        f"{explanation} Seen {since(start, end)}.",
        remedy,
    )


def signed_by(found: list[Disagreement]) -> dict[str, tuple[bytes, ...]]:
    """Return what each node signs, by its id."""
    signed: dict[str, tuple[bytes, ...]] = {}
    for d in found:
        for node, recipe in ((d.one, d.recipe_one), (d.other, d.recipe_other)):
            if recipe is not None:
                signed.setdefault(node.id, recipe.addresses)
    return signed


def address_differences(found: list[Disagreement]) -> str:
    """Say which addresses each node signs, lacks, or alone has."""
    signed = signed_by(found)
    union = {address for chosen in signed.values() for address in chosen}
    sentences = []
    for node, chosen in signed.items():
        lacks = sorted(union - set(chosen), key=lambda a: (len(a), a))
        others = [set(theirs) for name, theirs in signed.items() if name != node]
        alone = [a for a in chosen if all(a not in theirs for theirs in others)]
        text = f"{node} signs {addresses(chosen)}"
        if lacks:
            text += f" and lacks {addresses(lacks)}"
        if alone and len(others) > 1:
            text += f"; only it has {addresses(alone)}"
        sentences.append(text)
    orders = {frozenset(chosen) for chosen in signed.values()}
    if len(orders) == 1:
        return "; ".join(sentences) + ". The addresses are the same, their order is not."
    return "; ".join(sentences) + "."


def unsupplied(found: list[Disagreement]) -> str:
    """Name addresses that are signed although nobody supplied or announced them."""
    strangers = {
        address: node
        for d in found
        for node, recipe in ((d.one, d.recipe_one), (d.other, d.recipe_other))
        if recipe is not None
        for address in recipe.unsupplied
    }
    return "".join(
        f" {node.id} signs {ip_text(address)}, which nobody supplied: a typing mistake?"
        for address, node in strangers.items()
    )


def command_to_add(node: Node, vhid: int, address: bytes) -> str:
    """Return the command that adds an address to a node of its kind."""
    identity = identify(node)
    text = ip_text(address)
    width = 32 if len(address) == 4 else 128
    family = "inet" if len(address) == 4 else "inet6"
    if identity.name == "freebsd" and not (identity.versions or "").startswith("5-"):
        return f"ifconfig IF {family} vhid {vhid} {text}/{width} alias"
    if identity.name == "ucarp":
        return f"one ucarp --vhid=N --addr={text} for each address"
    return f"ifconfig carpN {family} alias {text}/{width}"


__all__ = [
    "Difference",
    "SignedWatch",
    "address_differences",
    "command_to_add",
    "listed",
    "make",
    "people",
    "signed_by",
    "span",
    "unsupplied",
]
