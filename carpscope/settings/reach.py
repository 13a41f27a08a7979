"""Whose advertisements reach whom, as far as files tell: peers, packet filters, VLANs."""

from enum import Enum

from carpscope.core.address import GROUP4, GROUP6
from carpscope.core.values import dataclass
from carpscope.settings.cluster import DeclaredGroup, Member
from carpscope.settings.model import Where

MAC_BUG = range(224, 240)
"""FreeBSD 14 takes a peer for a group by its last octet (wire: PR 284872)."""
_OPENBSD = frozenset(("openbsd", "openbsd2018", "openbsd2025"))


class BlockReason(Enum):
    """What keeps an advertisement from arriving."""

    PEER = "sent to another address"
    KIND = "not taken, sent to the group or to an address as the receiver does not expect"
    FILTER = "blocked by a packet filter"
    VLAN = "on another VLAN"


@dataclass(frozen=True, slots=True)
class BlockedPath:
    """One member's advertisements do not arrive at another."""

    sender: Member
    receiver: Member
    why: BlockReason
    where: Where | None
    is_unicast: bool
    blocker: Member | None = None
    """Whose filter it is."""


def cuts(group: DeclaredGroup) -> list[BlockedPath]:
    """Return what does not arrive, of members that come up."""
    found = []
    for sender in group.up:
        for receiver in group.up:
            if sender.name == receiver.name:
                continue
            cut = _cut(sender, receiver)
            if cut is not None:
                found.append(cut)
    return found


def _cut(sender: Member, receiver: Member) -> BlockedPath | None:
    peer = sender.vhid.peer
    unicast = peer is not None
    if sender.vlan is not None and receiver.vlan is not None and sender.vlan != receiver.vlan:
        return BlockedPath(sender, receiver, BlockReason.VLAN, receiver.vhid.at, unicast)
    if peer is not None:
        wrong = receiver.own and peer not in receiver.own
        bug = sender.node.profile.startswith("freebsd14") and peer[3] in MAC_BUG
        if wrong or bug:
            return BlockedPath(sender, receiver, BlockReason.PEER, sender.vhid.peer_where, unicast)
    if receiver.is_ucarp and unicast:
        return BlockedPath(sender, receiver, BlockReason.KIND, sender.vhid.peer_where, unicast)
    if receiver.node.profile in _OPENBSD and unicast != (receiver.vhid.peer is not None):
        where = sender.vhid.peer_where or receiver.vhid.peer_where
        return BlockedPath(sender, receiver, BlockReason.KIND, where, unicast)
    return _filtered(sender, receiver)


def _filtered(sender: Member, receiver: Member) -> BlockedPath | None:
    ipv4 = any(len(address) == 4 for address in sender.signs) or not sender.signs
    group = GROUP4 if ipv4 else GROUP6
    destination = sender.vhid.peer or group
    own = [address for address in sender.own if len(address) == len(destination)]
    source = sender.vhid.source or (own[0] if own else None)
    for member, direction in ((receiver, "in"), (sender, "out")):
        if member.node.firewall is None:
            continue
        passes, where = member.node.firewall.verdict(
            member.vhid.interface, direction, source, destination
        )
        if passes is False:
            unicast = sender.vhid.peer is not None
            return BlockedPath(sender, receiver, BlockReason.FILTER, where, unicast, member)
    return None
