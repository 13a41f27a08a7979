"""What several captures prove of links that one capture only lets infer.

With one capture, that a node does not receive another is read from how it behaves. With a
capture on each side it is seen: the advertisement is in one file and not in the other,
which meanwhile recorded other nodes. A finding that says the same is proved by it; one
that says less is made exact; where there was none, there is one now.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from carpscope.core.units import MICROSECOND, SECOND, Nanos
from carpscope.detect.finding import Finding
from carpscope.detect.rule import Rule
from carpscope.detect.rules import cs501_one_way_link, cs502_partition
from carpscope.detect.words import since
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.vantage import Loss, Vantage

LOST_MIN = 3
"""Fewer missing advertisements may be a busy capture's own loss."""
SIDE: Nanos = 10 * MICROSECOND
"""Two senders whose ways to the captures differ by this stand on different sides."""
SAME: Nanos = 10 * SECOND
"""A proof and a finding that lie this close are of one trouble."""


@dataclass(slots=True)
class _Cut:
    """One sender that does not reach the other side, for a stretch of time."""

    group: Group
    sender: Node
    receiver: Node
    loss: Loss
    back: Loss | None
    """What the receiver sent meanwhile and the sender's side does not have."""


def proved(
    findings: Sequence[Finding], groups: Sequence[Group], vantage: Vantage, names: Sequence[str]
) -> list[Finding]:
    """Return the findings with what the captures prove in place of what was inferred."""
    result = list(findings)
    for cut in _cuts(groups, vantage):
        proof = _finding(cut, names)
        pair = {cut.sender.id, cut.receiver.id}
        same = [
            index
            for index, finding in enumerate(result)
            if finding.label in ("one_way_link", "partition")
            and finding.group == proof.group
            and set(finding.nodes) == pair
            and finding.start - SAME <= proof.end
            and proof.start <= finding.end + SAME
        ]
        if not same:
            result.append(proof)
            _explains(proof, result)
            continue
        before = result[same[0]]
        if before.explanation.startswith("Proved"):
            continue
        now = dataclasses.replace(
            proof,
            start=before.start,
            end=max(before.end, proof.end),
            frames=tuple(dict.fromkeys((*proof.frames, *before.frames))),
            frame_count=proof.frame_count + before.frame_count,
            explanation=f"{proof.explanation} How they behaved says the same: {before.explanation}"
            if before.label == proof.label
            else f"{proof.explanation} From behaviour alone it looked different: {before.summary}.",
            caused_by=before.caused_by,
            ongoing=before.ongoing,
        )
        result[same[0]] = now
        for finding in result:
            finding.caused_by = [
                now.identity if identity == before.identity else identity
                for identity in finding.caused_by
            ]
    return result


def _explains(proof: Finding, findings: list[Finding]) -> None:
    """Name a new finding as the cause of the two masters it explains, where none is named."""
    for finding in findings:
        if (
            finding.label == "split_brain"
            and not finding.caused_by
            and finding.group == proof.group
            and set(proof.nodes) <= set(finding.nodes)
            and proof.start - SAME <= finding.end
            and finding.start <= proof.end + SAME
        ):
            finding.caused_by = [proof.identity]


def _cuts(groups: Sequence[Group], vantage: Vantage) -> list[_Cut]:
    cuts: list[_Cut] = []
    for loss in vantage.losses:
        if loss.count < LOST_MIN or loss.meanwhile == 0:
            continue
        for group in groups:
            sender = group.nodes.get(loss.sender.source)
            if group.vhid != loss.sender.vhid or sender is None:
                continue
            for receiver in group.members:
                if receiver is sender or not _is_there(vantage, sender, receiver, loss):
                    continue
                back = _way_back(vantage, receiver, loss)
                known = any(
                    {c.sender.id, c.receiver.id} == {sender.id, receiver.id}
                    and c.loss.start <= loss.end
                    and loss.start <= c.loss.end
                    for c in cuts
                )
                if not known:
                    cuts.append(_Cut(group, sender, receiver, loss, back))
    return cuts


def _is_there(vantage: Vantage, sender: Node, receiver: Node, loss: Loss) -> bool:
    """Tell whether a node stands on the side that does not have the sender's advertisements."""
    if _way_back(vantage, receiver, loss) is not None:
        return True  # what it sends is seen there, and not on the sender's side
    mine = _delay(vantage, sender, loss)
    theirs = _delay(vantage, receiver, loss)
    # the sender's way to the other capture adds to its residual, the receiver's takes away
    return mine is not None and theirs is not None and mine - theirs > SIDE


def _way_back(vantage: Vantage, receiver: Node, loss: Loss) -> Loss | None:
    for other in vantage.losses:
        if (
            other.sender.source in receiver.addresses
            and other.sender.vhid == loss.sender.vhid
            and (other.seen, other.missing) == (loss.missing, loss.seen)
            and other.count >= LOST_MIN
            and other.start <= loss.end
            and loss.start <= other.end
        ):
            return other
    return None


def _delay(vantage: Vantage, node: Node, loss: Loss) -> Nanos | None:
    found = [
        delay
        for (sender, one, other), delay in vantage.delays.items()
        if sender.source in node.addresses and (one, other) == (loss.seen, loss.missing)
    ]
    return found[0] if found else None


def _finding(cut: _Cut, names: Sequence[str]) -> Finding:
    loss, back = cut.loss, cut.back
    rule: Rule = cs502_partition.RULE if back is not None else cs501_one_way_link.RULE
    sender, receiver = cut.sender.id, cut.receiver.id
    here, there = names[loss.seen], names[loss.missing]
    text = (
        f"Proved by two captures: {loss.count} advertisements of {sender} are in {here} and none "
        f"of them in {there}, {since(loss.start, loss.end)}, while {there} recorded "
        f"{loss.meanwhile} others."
    )
    frames = [*loss.frames]
    count, start, end = loss.count, loss.start, loss.end
    if back is not None:
        text += (
            f" The reverse: {back.count} of {receiver} are in {there} and not in {here}, "
            f"{since(back.start, back.end)}."
        )
        frames += back.frames
        count += back.count
        start, end = min(start, back.start), max(end, back.end)
        summary = f"{sender} and {receiver} do not reach each other"
    else:
        text += f" What {receiver} sent meanwhile is in both."
        summary = f"{receiver} does not receive {sender}, while {sender} receives {receiver}"
    return Finding(
        rule.code,
        rule.label,
        rule.severity,
        0.99,
        cut.group.id,
        (sender, receiver),
        start,
        end,
        tuple(frames),
        count,
        summary,
        text,
        f"Find what lies between the places where {here} and {there} were captured: VLANs on "
        "trunks, ACLs, storm control, IGMP snooping without a querier, a LAG member, a "
        "hypervisor's port settings.",
    )
