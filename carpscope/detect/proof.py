"""What several captures prove of links that one capture only lets infer.

With one capture, that a node does not receive another is read from how it behaves. With a
capture on the node itself it is seen: the advertisement is in one file and not in the node's
own, which was running. So a proof is about the node whose capture it is, and where nobody
can tell whose that is, there is none. A way that loses frames at random shows such stretches
too; longer ones than it would are no chance.

A finding that says the same is proved by it; one that says less is made exact; where there
was none, there is one now.
"""

from collections.abc import Iterator, Sequence

from carpscope.core.values import dataclass, replace
from carpscope.detect.finding import Finding
from carpscope.detect.rule import Rule
from carpscope.detect.rules import cs501_one_way_link, cs502_partition
from carpscope.detect.words import since
from carpscope.protocol import spans
from carpscope.timeline.group import Group, Unheard
from carpscope.timeline.node import Node
from carpscope.timeline.places import Place
from carpscope.timeline.signing import Difference, relation
from carpscope.timeline.vantage import Loss, Vantage

LOST_MIN = 3
"""A backup takes over after so many: fewer are nobody's trouble."""
CHANCE = 1e-4
"""A stretch that a way which loses at random shows this often is none of it."""


@dataclass(slots=True)
class ProvenLoss:
    """One sender that does not reach a node, by that node's own capture."""

    group: Group
    sender: Node
    receiver: Node
    loss: Loss
    back: Loss | None
    """What the receiver sent meanwhile and the sender's own capture does not have."""
    is_mute: bool = False
    """Whether the sender's own capture holds no frame of any kind that the receiver sent."""


def proved(
    findings: Sequence[Finding], groups: Sequence[Group], vantage: Vantage, names: Sequence[str]
) -> list[Finding]:
    """Return the findings with what the captures prove in place of what was inferred."""
    result = list(findings)
    for cut in cuts(groups, vantage):
        cut.group.unheard += _unheard(cut)
        proof = _finding(cut, names)
        pair = {cut.sender.id, cut.receiver.id}
        same = [
            index
            for index, finding in enumerate(result)
            if finding.group == proof.group
            and set(finding.nodes) == pair
            and _tells_the_same(finding, proof)
        ]
        if not same:
            result.append(proof)
            _explains(proof, result)
            continue
        before = result[same[0]]
        if before.explanation.startswith("Proved"):
            continue
        now = replace(
            proof,
            end=max(before.end, proof.end),
            frames=tuple(dict.fromkeys((*proof.frames, *before.frames))),
            frame_count=proof.frame_count + before.frame_count,
            explanation=f"{proof.explanation} From behaviour alone it looked different: "
            f"{before.summary}.",
            caused_by=before.caused_by,
            ongoing=before.ongoing,
        )
        if before.label == proof.label:
            now.explanation = (
                f"{proof.explanation} How they behaved says the same: {before.explanation}"
            )
        elif before.label == "partition" and not cut.loss.answered:
            # the way back is in no capture of these; what the nodes did tells of it
            now.code, now.label, now.severity = before.code, before.label, before.severity
            now.summary, now.confidence = before.summary, before.confidence
            now.explanation = (
                f"{proof.explanation} How they behaved says that of both: {before.explanation}"
            )
        result[same[0]] = now
        for finding in result:
            finding.caused_by = [
                now.identity if identity == before.identity else identity
                for identity in finding.caused_by
            ]
    return result


def _tells_the_same(finding: Finding, proof: Finding) -> bool:
    """Tell whether a finding is about what is proved, decided or not."""
    if finding.label in ("one_way_link", "partition"):
        return finding.start - spans.PROOF <= proof.end and proof.start <= finding.end + spans.PROOF
    # what does not arrive is not refused
    within = min(finding.end, proof.end) - max(finding.start, proof.start)
    return finding.label == "authentication_mismatch" and 2 * within > finding.end - finding.start


def _explains(proof: Finding, findings: list[Finding]) -> None:
    """Name a new finding as the cause of the two masters it explains, where none is named."""
    for finding in findings:
        if (
            finding.label == "split_brain"
            and not finding.caused_by
            and finding.group == proof.group
            and set(proof.nodes) <= set(finding.nodes)
            and proof.start - spans.PROOF <= finding.end
            and finding.start <= proof.end + spans.PROOF
        ):
            finding.caused_by = [proof.identity]


def cuts(groups: Sequence[Group], vantage: Vantage) -> list[ProvenLoss]:
    """Return who does not receive whom, by the captures of the nodes themselves."""
    found: list[ProvenLoss] = []
    for loss in (*vantage.losses, *vantage.apart):
        if not _is_telling(loss):
            continue
        for group in groups:
            sender = group.nodes.get(loss.sender.source)
            receiver = owner(group, vantage, loss.missing)
            if group.vhid != loss.sender.vhid or sender is None or receiver is None:
                continue
            if sender is receiver or not _on_one_network(vantage, loss, sender, receiver):
                continue
            if not any(_is_known(cut, sender, receiver, loss) for cut in found):
                back = _way_back(group, vantage, sender, receiver, loss)
                cut = ProvenLoss(group, sender, receiver, loss, back)
                at_home = owner(group, vantage, loss.seen) is sender
                cut.is_mute = at_home and loss.answers >= LOST_MIN and not loss.answered
                found.append(cut)
    cut_off = {id(c.sender) for c in found if _both_ways(c)}
    cut_off |= {id(c.receiver) for c in found if _both_ways(c)}
    # who is cut off is not heard by those either that said nothing meanwhile
    return [c for c in found if _both_ways(c) or c.loss.answered or id(c.sender) not in cut_off]


def _unheard(cut: ProvenLoss) -> Iterator[Unheard]:
    """Give what the matrix of who hears whom says of it."""
    for loss, sender, receiver in (
        (cut.loss, cut.sender, cut.receiver),
        (cut.back, cut.receiver, cut.sender),
    ):
        if loss is not None:
            end = None if loss.lasts else loss.end
            yield Unheard(sender, receiver, loss.start, end, loss.count)


def _both_ways(cut: ProvenLoss) -> bool:
    return cut.back is not None or cut.is_mute


def _is_telling(loss: Loss) -> bool:
    return loss.count >= LOST_MIN and loss.meanwhile > 0 and loss.likely < CHANCE


def owner(group: Group, vantage: Vantage, capture: int) -> Node | None:
    """Return the node of a group whose own capture it is; None where that is not known."""
    place = vantage.places[capture] if capture < len(vantage.places) else Place()
    nodes = {id(node): node for address in place.addresses if (node := group.nodes.get(address))}
    return next(iter(nodes.values())) if len(nodes) == 1 else None


def _on_one_network(vantage: Vantage, loss: Loss, sender: Node, receiver: Node) -> bool:
    """Tell whether what one sends should reach the other at all.

    Captures that share a frame are of one network; else the nodes must share a secret or an
    address: two sites may use one vhid.
    """
    if (min(loss.seen, loss.missing), max(loss.seen, loss.missing)) in vantage.related:
        return True
    if set(sender.announced) & set(receiver.announced):
        return True
    return relation(sender, receiver, loss.start, loss.end) is Difference.NONE


def _is_known(cut: ProvenLoss, sender: Node, receiver: Node, loss: Loss) -> bool:
    same = cut.sender is sender and cut.receiver is receiver
    reverse = cut.sender is receiver and cut.receiver is sender and cut.back is not None
    return (same or reverse) and cut.loss.start <= loss.end and loss.start <= cut.loss.end


def _way_back(
    group: Group, vantage: Vantage, sender: Node, receiver: Node, loss: Loss
) -> Loss | None:
    for other in _meanwhile(vantage, receiver, loss):
        if owner(group, vantage, other.missing) is sender and _is_telling(other):
            return other
    return None


def _meanwhile(vantage: Vantage, node: Node, loss: Loss) -> Iterator[Loss]:
    for other in (*vantage.losses, *vantage.apart):
        if (
            other.sender.source in node.addresses
            and other.sender.vhid == loss.sender.vhid
            and other.start <= loss.end
            and loss.start <= other.end
        ):
            yield other


def _finding(cut: ProvenLoss, names: Sequence[str]) -> Finding:
    loss, back = cut.loss, cut.back
    rule: Rule = cs502_partition.RULE if _both_ways(cut) else cs501_one_way_link.RULE
    sender, receiver = cut.sender.id, cut.receiver.id
    here, there = names[loss.seen], names[loss.missing]
    text = (
        f"Proved by two captures: {loss.count} advertisements of {sender} are in {here} and none "
        f"of them in {there}, captured on {receiver}, {since(loss.start, loss.end)}, while {there} "
        f"recorded {loss.meanwhile} other frames."
    )
    frames = [*loss.frames]
    count, start, end = loss.count, loss.start, loss.end
    if back is not None:
        text += (
            f" The reverse: {back.count} of {receiver} are in {names[back.seen]} and not in "
            f"{names[back.missing]}, captured on {sender}, {since(back.start, back.end)}."
        )
        frames += back.frames
        count += back.count
        start, end = min(start, back.start), max(end, back.end)
        summary = f"{sender} and {receiver} do not reach each other"
    elif cut.is_mute:
        text += (
            f" The reverse: of {loss.answers} other frames that {receiver} sent meanwhile none is "
            f"in {here}, captured on {sender}."
        )
        summary = f"{sender} and {receiver} do not reach each other"
    elif loss.answered:
        text += f" What {receiver} sent meanwhile is in both."
        summary = f"{receiver} does not receive {sender}, while {sender} receives {receiver}"
    else:
        text += f" Whether {sender} receives {receiver} these captures do not show."
        summary = f"{receiver} does not receive {sender}"
    return Finding(
        code=rule.code,
        label=rule.label,
        severity=rule.severity,
        confidence=0.99,
        group=cut.group.id,
        nodes=(sender, receiver),
        start=start,
        end=end,
        frames=tuple(frames),
        frame_count=count,
        summary=summary,
        explanation=text,
        remedy=(
            f"Find what lies between the places where {here} and {there} were captured: VLANs on "
            "trunks, ACLs, storm control, IGMP snooping without a querier, a LAG member, a "
            "hypervisor's port settings."
        ),
    )
