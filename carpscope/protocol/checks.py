"""The checks an advertisement passes on its way in; the first that fails names the drop.

Each implementation's order is in its profile. Sources: carp_input(), carp6_input()
and carp_input_c() of FreeBSD, NetBSD, DragonFly; carp_proto_input() of OpenBSD;
ucarp packethandler() and its capture filter.
"""

from collections.abc import Callable
from typing import TypeAlias

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
        drop = _BY_CHECK[check](node, packet, vhid)
        if drop is not None:
            return drop
    return None


def _allow(node: Node, _packet: Packet, _vhid: Vhid | None) -> Drop | None:
    return None if node.allows else Drop.NOT_ALLOWED


def _joined(node: Node, _packet: Packet, _vhid: Vhid | None) -> Drop | None:
    return None if any(item.setup.ipv6 for item in node.vhids) else Drop.NOT_JOINED


def _interface(node: Node, _packet: Packet, _vhid: Vhid | None) -> Drop | None:
    return None if node.vhids else Drop.BAD_INTERFACE


def _carp_up(node: Node, _packet: Packet, _vhid: Vhid | None) -> Drop | None:
    # OpenBSD carp_input(), NetBSD ether_input(): no copy for an interface that is down,
    # and the parent itself is not in the group
    return None if any(item.is_up for item in node.vhids) else Drop.NOT_JOINED


def _ttl(_node: Node, packet: Packet, _vhid: Vhid | None) -> Drop | None:
    return None if packet.ttl == 255 else Drop.BAD_TTL


def _ttl_swapped(_node: Node, packet: Packet, _vhid: Vhid | None) -> Drop | None:
    # IN_MULTICAST(0x120000e0) is false, so the group's own TTL is not looked at; that it
    # is for unicast peers is true only where their last octet is 224 to 239
    return None if packet.ttl == 255 or packet.multicast else Drop.BAD_TTL


def _length(_node: Node, packet: Packet, _vhid: Vhid | None) -> Drop | None:
    return None if packet.whole else Drop.BAD_LENGTH


def _checksum(_node: Node, packet: Packet, _vhid: Vhid | None) -> Drop | None:
    return None if packet.checksum_ok else Drop.BAD_CHECKSUM


def _version(_node: Node, packet: Packet, _vhid: Vhid | None) -> Drop | None:
    return None if packet.version == 2 else Drop.BAD_VERSION


def _vhid(_node: Node, _packet: Packet, vhid: Vhid | None) -> Drop | None:
    return Drop.BAD_VHID if vhid is None else None


def _vhid_of_family(_node: Node, packet: Packet, vhid: Vhid | None) -> Drop | None:
    # FreeBSD 10 ip_carp.c carp_input_c(): looks among the addresses of that family
    if vhid is None or not (vhid.setup.ipv4 if packet.family == 4 else vhid.setup.ipv6):
        return Drop.BAD_VHID
    return None


def _vhid_running(_node: Node, _packet: Packet, vhid: Vhid | None) -> Drop | None:
    return None if vhid is not None and vhid.is_up and vhid.is_running else Drop.BAD_VHID


def _multicast(_node: Node, packet: Packet, _vhid: Vhid | None) -> Drop | None:
    return None if packet.multicast else Drop.OTHER_DESTINATION


def _foreign_source(node: Node, packet: Packet, _vhid: Vhid | None) -> Drop | None:
    return Drop.OWN_SOURCE if packet.source == node.setup.ip4 else None


def _mac(_node: Node, packet: Packet, vhid: Vhid | None) -> Drop | None:
    if vhid is not None:
        counter, digest = packet.counter, packet.digest
        for secret in vhid.setup.secrets.accepts:
            if secret.sign(counter) == digest:
                return None
    return Drop.BAD_AUTH


def _own_counter(_node: Node, packet: Packet, vhid: Vhid | None) -> Drop | None:
    # OpenBSD carp_proto_input_c(): a vhid that never sent has the cookie 0
    if vhid is not None and (vhid.counter or 0).to_bytes(8, "big") == packet.counter:
        return Drop.REPLAY
    return None


def _reads_ipv4_only(_node: Node, packet: Packet, _vhid: Vhid | None) -> Drop | None:
    # ucarp src/carp.c packethandler() takes what it gets for an IPv4 header: ip_p is then a
    # byte of the source address, and the packet is left alone without a word
    return None if packet.family == 4 else Drop.NOT_JOINED


_Test: TypeAlias = Callable[[Node, Packet, Vhid | None], Drop | None]
_BY_CHECK: dict[Check, _Test] = {
    Check.ALLOW: _allow,
    Check.JOINED: _joined,
    Check.INTERFACE: _interface,
    Check.CARP_UP: _carp_up,
    Check.TTL: _ttl,
    Check.TTL_SWAPPED: _ttl_swapped,
    Check.LENGTH: _length,
    Check.CHECKSUM: _checksum,
    Check.VERSION: _version,
    Check.VHID: _vhid,
    Check.VHID_OF_FAMILY: _vhid_of_family,
    Check.VHID_RUNNING: _vhid_running,
    Check.MULTICAST: _multicast,
    Check.FOREIGN_SOURCE: _foreign_source,
    Check.MAC: _mac,
    Check.OWN_COUNTER: _own_counter,
    Check.READS_IPV4_ONLY: _reads_ipv4_only,
}
