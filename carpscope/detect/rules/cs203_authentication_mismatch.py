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

from carpscope.detect import commands
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.signing import HalfDone, SignedWatch, announcements, half_done, make, people
from carpscope.detect.snooping import snooping_remedy, snooping_text
from carpscope.detect.words import addresses, listed, since, times
from carpscope.timeline import traits
from carpscope.timeline.links import BrokenLink, LinkTrouble, broken_links, returned
from carpscope.timeline.node import Node
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
            links = [b for b in broken_links(group) if b.trouble is LinkTrouble.REFUSED_OR_LOST]
            if links:
                yield _keyless(links, self._groups)

    def concerns(self, disagreement: Disagreement) -> bool:
        """Tell whether one of the two is not explained, or neither and yet they differ."""
        return disagreement.difference in (Difference.UNDECIDED, Difference.PROVED)

    def finding(self, found: list[Disagreement]) -> Finding:
        """Say who is explained and who is not."""
        if all(d.difference is Difference.PROVED for d in found):
            return _proved(found, self._groups)
        known: dict[str, str] = {}
        unknown: dict[str, Node] = {}
        for d in found:
            for node, recipe in d.sides:
                if recipe is not None:
                    known[node.id] = f"{addresses(recipe.addresses)} with {recipe.key.label}"
                else:
                    unknown[node.id] = node
        for name in unknown:
            known.pop(name, None)
        signs = listed(f"{node} signs {what}" for node, what in known.items())
        half = half_done(found)
        limits = dict.fromkeys(
            limit for node in unknown.values() for limit in node.authentication.limits
        )
        return make(
            found,
            (RULE.code, RULE.label, RULE.severity),
            f"{listed(unknown)} sign{'s' if len(unknown) == 1 else ''} with another passphrase or "
            f"other addresses than {listed(known)}" + (_alone(half) if half else ""),
            f"{signs}; nothing supplied explains {listed(unknown)}: another passphrase, or an "
            "address that is not among the candidates."
            + (f" {_still(half)}" if half and not half.known else "")
            + (f" Not everything was tried: {'; '.join(limits)}." if limits else ""),
            _finish(half, found[0].group.vhid)
            if half and half.now
            else f"Give the passphrase and the addresses of {listed(unknown)} too (-p, -a). On the "
            f"nodes compare {listed(dict.fromkeys(_shown_by(n) for n in people(found)))}.",
            0.95,
        )


def _alone(half: HalfDone) -> str:
    others = listed(node.id for node in half.others)
    be = "was" if len(half.others) == 1 else "were"
    return f": {half.changed.id} was changed and {others} {be} not"


def _still(half: HalfDone) -> str:
    others = listed(node.id for node in half.others)
    return (
        f"{others} accepted {half.changed.id} until it changed, so {others} still "
        f"sign{'s' if len(half.others) == 1 else ''} what {half.changed.id} signed before."
    )


def _finish(half: HalfDone, vhid: int) -> str:
    how = dict.fromkeys(commands.to_set_passphrase(node, vhid) for node in half.others)
    return (
        f"Finish the change: give {listed(node.id for node in half.others)} the passphrase and "
        f"the addresses that {half.changed.id} has now ({' or '.join(how)}), or give "
        f"{half.changed.id} back what it had: the packets do not say which is meant. To see which "
        "of the two it was, give carpscope what was in use before as well (-p, -a)."
    )


def _shown_by(node: Node) -> str:
    if traits.is_ucarp(node):
        return "the options of the ucarp process"
    return "`ifconfig`"


def _proved(found: list[Disagreement], context: Context) -> Finding:
    """Tell what equal counters prove without any secret."""
    first = found[0]
    assert first.proof is not None
    one, other = first.one.id, first.other.id
    ever = " They had accepted each other before." if _accepted(first) else ""
    return make(
        found,
        (RULE.code, RULE.label, RULE.severity),
        f"{one} and {other} sign differently: each refuses the other",
        f"Both sent counter {int.from_bytes(first.proof.counter, 'big')}, and their HMACs of it "
        f"differ. So their passphrases or addresses differ; it is no loss on the way.{ever}"
        f"{announcements(people(found))}",
        f"Compare passphrase and addresses of this vhid on both. {_to_be_sure(context)}",
        0.95,
    )


def _accepted(d: Disagreement) -> bool:
    pairs = (d.group.hearing.pair(d.one, d.other), d.group.hearing.pair(d.other, d.one))
    return any(pair is not None and pair.ever for pair in pairs)


def _summary(links: list[BrokenLink], names: list[str]) -> str:
    often = "no longer" if any(link.ever for link in links) else "have never"
    accept = "accept" if any(link.ever for link in links) else "accepted"
    if len(links) < len(names) * (len(names) - 1) // 2:
        pairs = listed(f"{b.sender.id} with {b.receiver.id}" for b in links)
        return f"These pairs {often} {accept} each other's advertisements: {pairs}"
    return f"{listed(names)} {often} {accept} each other's advertisements"


def _came_back(link: BrokenLink) -> str:
    node = returned(link)
    if node is None or not link.ever:
        return ""
    return (
        f" They did accept each other before {node.id} fell silent and came back: it may have "
        "been given another passphrase or address meanwhile."
    )


def _keyless(links: list[BrokenLink], context: Context) -> Finding:
    nodes = list({node.id: node for b in links for node in (b.sender, b.receiver)}.values())
    # nothing is known from before the capture
    start = max(min(b.start for b in links), min(node.first for node in nodes))
    end = max(b.end for b in links)
    first = links[0]
    counters = (
        f"the counter of {first.sender.id} ignores {first.receiver.id} as well"
        if first.ignored
        else f"whether {first.sender.id} accepts {first.receiver.id} cannot be seen"
    )
    announced = announcements((first.sender, first.receiver))
    names = [node.id for node in nodes]
    where = [
        "ucarp logs `Bad digest`" if any(traits.is_ucarp(n) for n in nodes) else "",
        "`netstat -s -p carp` counts bad authentication"
        if not all(traits.is_ucarp(n) for n in nodes)
        else "",
    ]
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.8 if "different" in announced else 0.6,
        group=first.group.id,
        nodes=tuple(names),
        start=start,
        end=end,
        frames=tuple(first.frames),
        frame_count=sum(b.count for b in links),
        summary=_summary(links, names),
        explanation=(
            f"{first.receiver.id} went on {times(first.missed)} although {first.sender.id}, which "
            f"advertises as well or better, was there, {since(start, end)}; {counters}. "
            "Either they sign differently or nothing passes between them; without the passphrase "
            f"the packets do not say which.{_came_back(first)}{announced}"
            f"{snooping_text(context, first.group)}"
        ),
        remedy=(
            f"{snooping_remedy(context, first.group)}{_to_be_sure(context)} A node that gets "
            f"packets and refuses them says so: {listed(text for text in where if text)}."
        ),
        settles=max(link.settles for link in links),
        rests=max(link.rests for link in links),
    )


def _to_be_sure(context: Context) -> str:
    """Ask for what was not given."""
    missing = []
    if not len(context.keyring):
        missing.append("the passphrase (-p)")
    if not context.observer.addresses:
        missing.append("the shared addresses (-a)")
    if missing:
        return f"Give {listed(missing)} to be sure."
    return "What was given (-p, -a) explains neither: give what is configured on each to be sure."


RULE = Rule(
    "CS203",
    "authentication_mismatch",
    "Nodes do not authenticate each other",
    Severity.ERROR,
    Undecided,
    plain="{who} do not accept each other's messages",
)
