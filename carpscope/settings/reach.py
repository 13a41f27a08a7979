"""Whose advertisements reach whom, as far as files tell: peers, packet filters, VLANs."""

from enum import Enum

from carpscope.core.address import GROUP4, GROUP6, is_link_local
from carpscope.core.values import dataclass
from carpscope.settings.cluster import DeclaredGroup, Member
from carpscope.settings.model import Peer, Where

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
    if sender.vlan is not None and receiver.vlan is not None and sender.vlan != receiver.vlan:
        unicast = bool(sender.vhid.peers)
        return BlockedPath(sender, receiver, BlockReason.VLAN, receiver.vhid.at, unicast)
    # an advertisement goes out for each address family that has a shared address
    sizes = sorted({len(address) for address in sender.signs}) or [4]
    found = [_cut_of_family(sender, receiver, size) for size in sizes]
    return None if None in found else found[0]


def _cut_of_family(sender: Member, receiver: Member, size: int) -> BlockedPath | None:
    peer, other = sender.vhid.peers.get(size), receiver.vhid.peers.get(size)
    unicast = peer is not None
    where = peer.where if peer is not None else None
    if peer is not None and (misses(peer.address, receiver.own) or has_mac_bug(sender, peer)):
        return BlockedPath(sender, receiver, BlockReason.PEER, where, unicast)
    if receiver.is_ucarp and (unicast or size != 4):
        return BlockedPath(sender, receiver, BlockReason.KIND, where, unicast)
    if receiver.node.profile in _OPENBSD and size == 4 and unicast != (other is not None):
        where = where or (other.where if other is not None else None)
        return BlockedPath(sender, receiver, BlockReason.KIND, where, unicast)
    group = GROUP4 if size == 4 else GROUP6
    destination = peer.address if peer is not None else group
    return _filtered(sender, receiver, destination, unicast=unicast)


def misses(peer: bytes, own: list[bytes]) -> bool:
    """Tell whether a peer is none of the addresses of a node, as far as files name those."""
    known = [address for address in own if len(address) == len(peer)]
    return bool(known) and not is_link_local(peer) and peer not in known


def has_mac_bug(member: Member, peer: Peer) -> bool:
    """Tell whether FreeBSD 14 sends to a peer with a multicast MAC."""
    small = len(peer.address) == 4 and peer.address[3] in MAC_BUG
    return small and member.node.profile.startswith("freebsd14")


def _filtered(
    sender: Member, receiver: Member, destination: bytes, *, unicast: bool
) -> BlockedPath | None:
    own = [address for address in sender.own if len(address) == len(destination)]
    source = sender.vhid.source or (own[0] if own else None)
    for member, direction in ((receiver, "in"), (sender, "out")):
        if member.node.firewall is None:
            continue
        passes, where = member.node.firewall.verdict(
            member.vhid.interface, direction, source, destination
        )
        if passes is False:
            return BlockedPath(sender, receiver, BlockReason.FILTER, where, unicast, member)
    return None
