"""Advertisements from a node's address that the node did not send, told by HMAC or counter.

While a node's own advertisements verify and keep their interval, unverified ones between them were
sent by somebody else and must not change what is known of the node. But a node whose passphrase or
addresses were changed keeps its interval too, and no longer verifies. So an unverified one
is held until the node's next advertisement is due: if a verified one has come by then, the held
ones are not the node's own; else the held one that came at the due time is.

Where nothing verifies, the counter is used instead of the HMAC: of a node whose counter goes up by
one, or never changes, an advertisement with another counter is held in the same way.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
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
"""Advertisements held of a node until its next one is due; further ones are only counted."""
LOST = 64
"""Counters that a node may skip between two captured advertisements: lost ones are not spoofed."""


class WaitingAdvert(NamedTuple):
    """A held advertisement."""

    packet: Packet
    view: AdvertView
    at: Nanos
    frame: FrameRef


def hold(
    group: Group, node: Node, held: WaitingAdvert, search: Callable[[Group, Node, Waiting], bool]
) -> bool:
    """Hold an advertisement if it may not be the node's own; return whether it is held.

    `search(group, node, advertisement)` searches a recipe and returns whether it found one; it is
    called at the counts of `authentication.is_worth_a_look` only.
    """
    track, view = node.authentication, held.view
    if view.is_cut or not node.is_master or held.at > node.due:
        return False
    if not track.is_in_force:
        if not breaks(group, node, _version(held), view):
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
    """Return whether a counter is neither the same again nor the next of any node of the group.

    Only for a node whose counter was constant, or went up by one, for long; else False.
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


def own(node: Node) -> list[WaitingAdvert]:
    """Return the first held advertisement that came when the node's next one was due.

    It is the node's own where no verified one has come; with it the other family's, which a
    dual-stack node sends right behind. Empty where there is none.
    """
    due = node.last + traits.interval(node).earliest - timers.HOST_LATE
    first = next((held for held in node.held if held.at >= due), None)
    if first is None:
        return []
    behind = (
        held
        for held in node.held
        if _version(held) != _version(first) and 0 <= held.at - first.at <= timers.PAIR
    )
    return [first, *itertools.islice(behind, 1)]


def _version(held: WaitingAdvert) -> int:
    return held.packet.ip.version if held.packet.ip is not None else 4


def let_go(
    group: Group, node: Node, own: Sequence[WaitingAdvert] = (), *, went_on: bool = True
) -> list[Unsigned]:
    """Return facts of the held advertisements, except its `own`, and clear them.

    Where only the counter tells, there are none unless the node itself `went_on`: a node that was
    started again has a new counter.
    """
    told = []
    is_sure = went_on or node.authentication.is_in_force
    for held in node.held:
        if not is_sure or any(held is one for one in own):
            continue
        link = held.packet.link
        node.authentication.beside += 1
        told.append(
            Unsigned(group, node, held.at, held.frame, held.view, link.source if link else None)
        )
    node.held = []
    return told


def meant(group: Group, node: Node, bow_out: BowOut, beat: Nanos) -> Iterator[Spoofed]:
    """Yield the fact that a bow-out was forged, if the node then advertised at its interval.

    `beat` is when the node must have advertised last if it kept its interval.
    """
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
    """Return after how many nanoseconds without an advertisement a node counts as silent.

    For a node known from one advertisement alone at most as long as a backup with the advbase of
    the other nodes waits: else one invented packet with advbase 255 were a MASTER for minutes.
    """
    mine = timers.overdue(node.advbase, node.advskew)
    if node.is_known:
        return mine
    known = [timers.overdue(n.advbase, n.advskew) for n in group.established if n is not node]
    return min(mine, timers.DEAD_RATIO * max(known, default=mine))
