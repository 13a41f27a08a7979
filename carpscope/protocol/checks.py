"""The checks an advertisement passes on its way in; the first that fails names the drop.

Each implementation's order is in its profile. Sources: carp_input(), carp6_input()
and carp_input_c() of FreeBSD, NetBSD, DragonFly; carp_proto_input() of OpenBSD;
ucarp packethandler() and its capture filter.
"""

from carpscope.protocol.events import Drop, Packet
from carpscope.protocol.node import Node, Vhid
from carpscope.protocol.profile import Check


def refusal(node: Node, packet: Packet, vhid: Vhid | None) -> Drop | None:
    """Return the drop for a packet that arrived at a node, or None if it is accepted.

    `vhid` is the node's vhid of the packet's number, if it has one.
    """
    if not (node.link_up and node.interface_up):
        return Drop.NOT_RUNNING
    profile = node.setup.profile
    for check in profile.checks if packet.family == 4 else profile.checks6:
        drop = _failure(check, node, packet, vhid)
        if drop is not None:
            return drop
    return None


def _failure(check: Check, node: Node, packet: Packet, vhid: Vhid | None) -> Drop | None:
    match check:
        case Check.MAC:
            if vhid is None or not _signed(vhid, packet):
                return Drop.BAD_AUTH
        case Check.VHID_RUNNING:
            if vhid is None or not (vhid.is_up and vhid.is_running):
                return Drop.BAD_VHID
        case Check.VHID_OF_FAMILY:
            # FreeBSD 10 ip_carp.c carp_input_c(): looks among the addresses of that family
            if vhid is None or not (vhid.setup.ipv4 if packet.family == 4 else vhid.setup.ipv6):
                return Drop.BAD_VHID
        case Check.VHID:
            if vhid is None:
                return Drop.BAD_VHID
        case Check.TTL:
            if packet.ttl != 255:
                return Drop.BAD_TTL
        case Check.TTL_SWAPPED:
            # IN_MULTICAST of 0x120000e0 is false, so the group's TTL is not looked at
            if packet.ttl != 255 and not packet.multicast:
                return Drop.BAD_TTL
        case Check.LENGTH:
            if not packet.whole:
                return Drop.BAD_LENGTH
        case Check.CHECKSUM:
            if not packet.checksum_ok:
                return Drop.BAD_CHECKSUM
        case Check.VERSION:
            if packet.version != 2:
                return Drop.BAD_VERSION
        case Check.ALLOW:
            if not node.allows:
                return Drop.NOT_ALLOWED
        case Check.JOINED:
            if not any(item.setup.ipv6 for item in node.vhids):
                return Drop.NOT_JOINED
        case Check.CARP_UP:
            # OpenBSD carp_input(), NetBSD ether_input(): no copy for an interface that is
            # down, and the parent itself is not in the group
            if not any(item.is_up for item in node.vhids):
                return Drop.NOT_JOINED
        case Check.INTERFACE:
            if not node.vhids:
                return Drop.BAD_INTERFACE
        case Check.MULTICAST:
            if not packet.multicast:
                return Drop.OTHER_DESTINATION
        case Check.FOREIGN_SOURCE:
            if packet.source == node.setup.ip4:
                return Drop.OWN_SOURCE
        case Check.OWN_COUNTER:
            if vhid is not None and _own_counter(vhid) == packet.counter:
                return Drop.REPLAY
    return None


def _signed(vhid: Vhid, packet: Packet) -> bool:
    return any(s.sign(packet.counter) == packet.digest for s in vhid.setup.secrets.accepts)


def _own_counter(vhid: Vhid) -> bytes:
    """Return the cookie; one that never sent has 0 (OpenBSD carp_prepare_ad)."""
    return (vhid.counter or 0).to_bytes(8, "big")
