"""Nodes cannot authenticate each other, and what was supplied does not decide why.

What it means
    Either their passphrases or their address sets differ. Each refuses the other and
    becomes MASTER.

How it is seen
    With candidates: one node is explained and the other, advertising at the same time, is
    not. Without: two masters whose counters never follow each other although both
    advertise. A node that had accepted one advertisement of the other would count on from
    it; neither ever did.

False alarms
    Without a passphrase, nodes that refuse each other and nodes that do not receive each
    other look the same; confidence says so. Give the passphrase to decide it.

What to do
    Give carpscope the passphrase and the addresses (-p, -a) and it names the difference.
    On the nodes: `netstat -s -p carp` counts refused HMACs (bad authentication) on a node
    that receives but refuses, and nothing on one that does not receive.

Sources
    FreeBSD ip_carp.c carp_prepare_ad: counters are random until a peer is accepted.
"""

from collections.abc import Iterator

from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.signed import SignedWatch, make, people
from carpscope.detect.words import addresses, listed, since
from carpscope.timeline.links import BrokenLink, Trouble, broken_links
from carpscope.timeline.signing import Difference, Disagreement


class Undecided(SignedWatch):
    """Finds pairs of which one is explained, and pairs that never accepted each other."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups at the end."""
        super().__init__(context)
        self._groups = context

    def findings(self, at: int) -> Iterator[Finding]:
        """Give what candidates show, else what counters show."""
        told = set()
        for finding in super().findings(at):
            told.add(finding.group)
            yield finding
        for group in self._groups.groups:
            if group.id in told:
                continue
            links = [b for b in broken_links(group) if b.trouble is Trouble.REFUSED_OR_LOST]
            if links:
                yield _keyless(links)

    def concerns(self, disagreement: Disagreement) -> bool:
        """Tell whether one of the two is not explained."""
        return disagreement.difference is Difference.UNDECIDED

    def finding(self, found: list[Disagreement]) -> Finding:
        """Say who is explained and who is not."""
        known: dict[str, str] = {}
        unknown: dict[str, None] = {}
        for d in found:
            for node, recipe in ((d.one, d.recipe_one), (d.other, d.recipe_other)):
                if recipe is None:
                    unknown[node.id] = None
                else:
                    known[node.id] = f"{addresses(recipe.addresses)} with {recipe.key.label}"
        for node_id in unknown:
            known.pop(node_id, None)
        signs = listed(f"{node} signs {what}" for node, what in known.items())
        return make(
            found,
            (RULE.code, RULE.label, RULE.severity),
            f"{listed(unknown)} signs something else than "
            f"{listed(n.id for n in people(found) if n.id not in unknown)}",
            f"{signs}; nothing supplied explains {listed(unknown)}: another passphrase, or an "
            f"address that is not among the candidates.",
            f"Give the passphrase and the addresses of {listed(unknown)} too (-p, -a); compare "
            f"them on the nodes.",
            0.95,
        )


def _keyless(links: list[BrokenLink]) -> Finding:
    nodes = list(dict.fromkeys(node.id for link in links for node in (link.sender, link.receiver)))
    start, end = min(b.start for b in links), max(b.end for b in links)
    first = links[0]
    counters = (
        f"the counter of {first.sender.id} ignores {first.receiver.id} as well"
        if first.ignored
        else f"whether {first.sender.id} accepts {first.receiver.id} cannot be seen"
    )
    return Finding(
        RULE.code,
        RULE.label,
        RULE.severity,
        0.6,
        first.group.id,
        tuple(nodes),
        start,
        end,
        tuple(first.frames),
        sum(b.count for b in links),
        f"{listed(nodes)} have never accepted each other's advertisements",
        f"{first.receiver.id} went on {first.missed} times although {first.sender.id}, which "
        f"advertises as well or better, was there, {since(start, end)}; {counters}. "
        "Either they sign differently or nothing passes between them; without the "
        "passphrase the packets do not say which.",
        "Give the passphrase (-p) and the shared addresses (-a) to be sure. On the nodes: "
        "`netstat -s -p carp` counts refused HMACs where packets arrive.",
    )


RULE = Rule(
    "CS203",
    "authentication_mismatch",
    "Nodes do not authenticate each other",
    Severity.ERROR,
    Undecided,
)
