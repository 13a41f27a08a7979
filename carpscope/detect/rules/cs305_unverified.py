"""Advertisements do not verify with what was supplied, or are none of the node's own.

What it means
    Nobody knows who sent them. Either what was supplied is not what the nodes use, or they
    were sent by somebody who does not know the passphrase. What they say is not believed
    where other advertisements of the same node verify.

How it is seen
    Every HMAC is compared with what each candidate passphrase makes of the addresses that
    were supplied or seen, with the usual mistakes of typing and of systems. Three cases: none
    of a group fits; none of a node does, which is never MASTER beside one that verifies; some
    in the name of a node do not fit, between others that do. Where nothing verifies, or no
    secret was supplied, the counter tells: some in the name of a node break the counter that it
    had, while its own go on with it.

False alarms
    An address that is signed, and neither supplied nor seen, leaves everything unexplained; so
    does a passphrase that was mistyped for carpscope. A node whose passphrase is changed is
    told of as such where its advertisements go on in their beat.

What to do
    Compare the passphrase and the addresses with those of the nodes. Where they are right,
    find the switch port on which the frames arrive.

Sources
    carp_hmac_verify of every kernel, ucarp's packethandler: an advertisement whose HMAC does
    not fit is dropped, so it changes nothing for the nodes either.
"""

from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Attacker, Evidence, Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import advertisements, named, since
from carpscope.protocol import timers
from carpscope.timeline.authentication import FEW, SigningSpan
from carpscope.timeline.facts import Fact, Forgotten, Unsigned
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.same_cluster import unrelated
from carpscope.timeline.signing import unexplained_beside


@dataclass(slots=True)
class _Beside:
    """What came in the name of a verified node."""

    start: Nanos
    end: Nanos
    mac: bytes | None
    evidence: Evidence = field(default_factory=Evidence)


class Unverified:
    """Looks at what no candidate explains."""

    def __init__(self, context: Context) -> None:
        """Keep the context: what verifies is known at the end."""
        self._context = context
        self._beside: dict[tuple[str, str], _Beside] = {}

    def see(self, fact: Fact) -> None:
        """Take what came between a node's own advertisements."""
        if isinstance(fact, Unsigned):
            key = fact.group.id, fact.node.id
            found = self._beside.setdefault(key, _Beside(fact.at, fact.at, fact.mac))
            found.end = fact.at
            found.evidence.add(fact.frame)
        elif isinstance(fact, Forgotten) and fact.node is not None:
            self._beside.pop((fact.group.id, fact.node.id), None)

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give one finding for a group of which nothing verifies, else one a node."""
        del at
        supplied = len(self._context.keyring) > 0
        fitting = self._fitting()
        for group in self._context.groups:
            known = [node for node in group.known if node.authentication.failed]
            if not any(node.authentication.has_verified for node in group.members):
                if supplied and known:
                    yield self._nothing(group, known, fitting)
                for node in group.members:
                    if node.authentication.beside and (group.id, node.id) in self._beside:
                        yield self._between(group, node)
                continue
            never = [
                node
                for node in known
                if not node.authentication.has_verified
                and node.authentication.failed >= FEW
                and not unexplained_beside(group, node)
                and not any(unrelated(node, other) for other in group.established)
            ]
            if supplied and never:
                yield self._never(group, never)
            for node in group.members:
                if node.authentication.strangers and not _is_last_word(node):
                    yield self._some(group, node)

    def _fitting(self) -> set[int]:
        """Return the numbers of the candidates that fit something of some group."""
        return {
            way.recipe.key.number
            for group in self._context.groups
            for node in group.members
            for way in node.authentication.ways
            if way.recipe is not None
        }

    def _nothing(self, group: Group, nodes: list[Node], fitting: set[int]) -> Finding:
        # where every candidate fits another group, nothing was supplied for this one
        other = fitting >= set(range(1, len(self._context.keyring) + 1))
        count = sum(node.authentication.failed for node in nodes)
        names = named(node.id for node in nodes)
        keys = len(self._context.keyring)
        given = "the passphrase" if keys == 1 else f"any of the {keys} passphrases"
        limits = dict.fromkeys(limit for n in nodes for limit in n.authentication.limits)
        return _make(
            group,
            nodes,
            Severity.INFO if other else Severity.ERROR,
            count,
            f"nothing of {names} verifies with {given} supplied",
            f"{advertisements(count)}, {_while(nodes)}: no HMAC fits {given} over the addresses "
            "that were supplied or seen, also with the usual mistakes. So nothing tells whether "
            "the nodes sent them, nor whether they sign alike."
            + (f" Not everything was tried: {'; '.join(limits)}." if limits else ""),
            f"Compare what was supplied with passphrase and addresses of vhid {group.vhid} on the "
            "nodes, character by character; an address that is signed must be supplied unless it "
            "was announced in the capture.",
        )

    def _never(self, group: Group, nodes: list[Node]) -> Finding:
        count = sum(node.authentication.failed for node in nodes)
        names = named(node.id for node in nodes)
        be, it = ("was", "it has") if len(nodes) == 1 else ("were", "they have")
        others = named(n.id for n in group.members if n.authentication.has_verified)
        return _make(
            group,
            nodes,
            Severity.WARNING,
            count,
            f"nothing of {names} verifies, while what {others} sends does",
            f"{advertisements(count)} of {names}, {_while(nodes)}: no HMAC fits what was "
            f"supplied. No stretch of time shows {names} as MASTER beside {others}, so whether "
            f"{others} refuses what {be} sent cannot be told. Either {it} another passphrase or "
            "other addresses, or somebody else sent it.",
            f"Compare passphrase and addresses of vhid {group.vhid} on {names} and {others}.",
        )

    def _some(self, group: Group, node: Node) -> Finding:
        track = node.authentication
        seen = self._beside.get((group.id, node.id))
        odd = track.odd
        frames = [*(seen.evidence.frames if seen else ()), *(f for s in odd for f in _ends(s))]
        times = [*((seen.start, seen.end) if seen else ()), *(t for s in odd for t in _times(s))]
        start, end = min(times, default=node.first), max(times, default=node.last)
        count = track.strangers
        finding = _make(
            group,
            [node],
            Severity.WARNING,
            count,
            f"{advertisements(count)} in the name of {node.id} {'do' if count > 1 else 'does'} not "
            f"verify, between {track.verified:,} that do",
            f"They came {since(start, end)} and fit nothing that was supplied, while {node.id} "
            "went on in its beat with what does. The nodes drop them, and what they say is not "
            "believed here.",
            "Find the switch port on which they arrive: somebody without the passphrase uses "
            f"the address of {node.id}.",
        )
        finding.start, finding.end, finding.frames = start, end, tuple(dict.fromkeys(frames))[:24]
        if odd and odd[-1] is track.spans[-1]:
            # the next ones tell whether the node itself was changed
            finding.settles = odd[-1].end + 2 * track.beat
        finding.attacker = Attacker(node.addresses[0], seen.mac if seen else node.mac)
        return finding

    def _between(self, group: Group, node: Node) -> Finding:
        seen = self._beside[group.id, node.id]
        count = node.authentication.beside
        be = "are" if count > 1 else "is"
        finding = _make(
            group,
            [node],
            Severity.WARNING,
            count,
            f"{advertisements(count)} in the name of {node.id} {be} none of its own: the counter "
            "does not fit",
            f"They came {since(seen.start, seen.end)}, while {node.id} went on in its beat with "
            "the counter that it had. So they change nothing that is known of it; whether nodes "
            "take them shows only with the passphrase.",
            f"Find the switch port on which they arrive: somebody uses the address of {node.id}. "
            "Give the passphrase (-p) to be sure.",
        )
        finding.confidence = 0.8
        finding.start, finding.end, finding.frames = seen.start, seen.end, seen.evidence.frames
        finding.attacker = Attacker(node.addresses[0], seen.mac)
        return finding


def _is_last_word(node: Node) -> bool:
    """Tell whether one unverified advertisement is the last that a node sent before it yielded.

    It may have been given another passphrase or address right before; one shows neither that nor
    that somebody else sent it.
    """
    track = node.authentication
    return (
        track.strangers == 1
        and not node.is_master
        and bool(track.odd)
        and track.odd[-1] is track.spans[-1]
    )


def _make(
    group: Group,
    nodes: list[Node],
    severity: Severity,
    count: int,
    summary: str,
    explanation: str,
    remedy: str,
) -> Finding:
    first = min(node.first for node in nodes)
    frames = sorted(
        frame
        for node in nodes
        for way in node.authentication.ways
        if way.recipe is None
        for frame in _ends(way)
    ) or sorted(node.last_frame for node in nodes)
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=severity,
        confidence=0.99,
        group=group.id,
        nodes=tuple(node.id for node in nodes),
        start=first,
        end=max(node.last for node in nodes),
        frames=tuple(dict.fromkeys(frames))[:24],
        frame_count=count,
        summary=summary,
        explanation=explanation,
        remedy=remedy,
        settles=first + timers.REACHABLE,  # what is asked for may be what they sign
    )


def _while(nodes: list[Node]) -> str:
    return since(min(node.first for node in nodes), max(node.last for node in nodes))


def _ends(span: SigningSpan) -> tuple[int, int]:
    return span.first, span.last


def _times(span: SigningSpan) -> tuple[Nanos, Nanos]:
    return span.start, span.end


RULE = Rule(
    "CS305",
    "unverified",
    "Advertisements that nothing supplied explains",
    Severity.ERROR,
    Unverified,
    (Unsigned, Forgotten),
    plain="messages in the name of {who} are not protected by any passphrase that is known here",
)
