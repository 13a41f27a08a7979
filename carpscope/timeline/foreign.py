"""Advertisements in a node's name between its own, which are not its own.

An HMAC is what tells a node from who only uses its address. While a node's own advertisements
verify and keep their beat, others between them are somebody else's, and change nothing that is
known of the node. But a node whose passphrase or addresses are changed goes on in its beat and
does not verify any more. So what does not verify is held until the node's next advertisement
is due: then either a verified one has come, or what came in the beat is the node's own.

Where nothing verifies, the counter stands for the HMAC: of a node that counts on, or that always
sends the same, what breaks that is held in the same way.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.authentication import Waiting, is_worth_a_look
from carpscope.timeline.facts import Spoofed, Unsigned
from carpscope.timeline.group import Group
from carpscope.timeline.impostor import SpoofKind, signature_key
from carpscope.timeline.node import COUNTER_MASK, BowOut, FrameRef, Node
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import Packet

HELD = 64
"""Kept of a node while its next one is awaited; more are counted."""
LOST = 64
"""So many counters may be left out: advertisements that a capture missed while one is due."""


class WaitingAdvert(NamedTuple):
    """One that waits."""

    packet: Packet
    view: AdvertView
    at: Nanos
    frame: FrameRef


def hold(
    group: Group, node: Node, held: WaitingAdvert, search: Callable[[Group, Node, Waiting], bool]
) -> bool:
    """Hold an advertisement if it may not be the node's own.

    `search` looks for a recipe that explains one; it is asked now and then.
    """
    track, view = node.authentication, held.view
    if view.is_cut or not node.is_master or held.at > node.due:
        return False
    if not track.is_in_force:
        if not breaks(group, node, held.packet.ip.version if held.packet.ip else 4, view):
            return False
        _keep(node, held)
        return True
    if track.explains(view.counter, view.digest, group.recipes):
        return False
    if is_worth_a_look(track.beside + len(node.held) + 1) and search(
        group, node, Waiting(held.at, held.frame, view.counter, view.digest)
    ):
        return False
    _keep(node, held)
    return True


def _keep(node: Node, held: WaitingAdvert) -> None:
    if len(node.held) < HELD:
        node.held.append(held)
    else:
        node.authentication.beside += 1


def breaks(group: Group, node: Node, version: int, view: AdvertView) -> bool:
    """Tell whether a counter is none that a node would send, which was steady for long.

    It counts on from what it or another sent last, or sends always the same.
    """
    habit = node.counters.get(version)
    if habit is None or not view.has_counter or not habit.is_steady:
        return False
    value = view.counter_value
    if habit.constant > habit.sequential:
        return value != habit.chained
    if value - habit.chained & COUNTER_MASK <= LOST:
        return False
    others = [one.counters.get(version) for one in group.nodes.values() if one is not node]
    return not any(one is not None and value - one.value & COUNTER_MASK <= LOST for one in others)


def own(node: Node) -> WaitingAdvert | None:
    """Return what of the held is the node's own, now that none that verifies has come."""
    due = node.last + traits.interval(node).earliest - timers.HOST_LATE
    return next((held for held in node.held if held.at >= due), None)


def let_go(
    group: Group, node: Node, own: WaitingAdvert | None = None, *, went_on: bool = True
) -> list[Unsigned]:
    """Return what is not the node's own as facts, and hold nothing any more.

    A counter alone accuses nobody unless the node itself `went_on`: it may have started anew.
    """
    told = []
    is_sure = went_on or node.authentication.is_in_force
    for held in node.held:
        if held is own or not is_sure:
            continue
        link = held.packet.link
        node.authentication.beside += 1
        told.append(
            Unsigned(group, node, held.at, held.frame, held.view, link.source if link else None)
        )
    node.held = []
    return told


def meant(group: Group, node: Node, bow_out: BowOut, beat: Nanos) -> Iterator[Spoofed]:
    """Tell of a bow-out that was not the node's own: it goes on in its beat."""
    node.bow_out = None
    view = bow_out.view
    original = group.signatures.seen.get(signature_key(bow_out.version, view.counter, view.digest))
    if original is None or abs(beat - bow_out.before) > timers.HOST_LATE:
        return
    node.bow_outs -= 1
    group.spoofed += 1
    source, at = bow_out.source, bow_out.at
    yield Spoofed(group, node, at, bow_out.frame, SpoofKind.FORGED, original, source, view)


def awaited(group: Group, node: Node) -> Nanos:
    """Return how long a node's next advertisement is waited for.

    Of who is known from one advertisement alone, not longer than a backup with the advbase of
    those who are known would wait: else one made-up packet would be a MASTER for minutes.
    """
    mine = timers.overdue(node.advbase, node.advskew)
    if node.is_known:
        return mine
    known = [timers.overdue(n.advbase, n.advskew) for n in group.established if n is not node]
    return min(mine, timers.DEAD_RATIO * max(known, default=mine))
