"""The checks an advertisement passes on its way in; the first that fails names the drop.

Each implementation's order is in its profile. Sources: carp_input(), carp6_input()
and carp_input_c() of FreeBSD, NetBSD, DragonFly; carp_proto_input() of OpenBSD;
ucarp packethandler() and its capture filter.
"""

from collections.abc import Callable
from typing import TypeAlias

from carpscope.core.address import GROUP4, is_group
from carpscope.protocol.events import Drop, ReceivedAdvert
from carpscope.protocol.node import Node, Vhid
from carpscope.protocol.profile import Check, Drive
from carpscope.wire.carp import HEADER_SIZE

_HEAD = 8
_VRRP3 = 3


def refusal(node: Node, packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    """Return the drop for a packet that arrived at a node, or None if it is accepted.

    `vhid` is the node's vhid of the packet's number, if it has one.
    """
    if not (node.link_up and node.interface_up):
        return Drop.NOT_RUNNING
    profile = node.setup.profile
    if not packet.is_delivered and profile.drive is Drive.CALLOUTS:
        return Drop.NOT_DELIVERED
    for check in profile.checks if packet.family == 4 else profile.checks6:
        drop = _BY_CHECK[check](node, packet, vhid)
        if drop is not None:
            return drop
    return None


def _allow(node: Node, _packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return None if node.allows else Drop.NOT_ALLOWED


def _joined(node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    found = not packet.multicast or any(_addresses(item, packet) for item in node.vhids)
    return None if found else Drop.NOT_JOINED


def _addresses(vhid: Vhid, packet: ReceivedAdvert) -> tuple[bytes, ...]:
    return vhid.setup.ipv4 if packet.family == 4 else vhid.setup.ipv6


def _interface(node: Node, _packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return None if node.vhids else Drop.BAD_INTERFACE


def _carp_interface(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    # what is sent to an address of the parent's own is received on the parent
    return None if packet.multicast else Drop.BAD_INTERFACE


def _copied(node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    # OpenBSD carp_input(), NetBSD ether_input(): no copy for an interface that is down or is
    # not in the group, and the parent itself is not in it either
    found = not packet.multicast or any(
        item.is_up and _addresses(item, packet) for item in node.vhids
    )
    return None if found else Drop.NOT_JOINED


def _running(node: Node, _packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    # each interface that is up gets a copy; the vhid's own decides, if it is one of them
    own = vhid if vhid is not None and vhid.is_up else None
    copies = [own] if own is not None else [item for item in node.vhids if item.is_up]
    return None if any(item.is_running for item in copies) else Drop.BAD_INTERFACE


def _group_only(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return None if packet.multicast else Drop.BAD_INTERFACE


def _own_group(_node: Node, packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    expected = vhid.setup.peer if vhid is not None else b""
    same = (packet.destination or GROUP4) == (expected or GROUP4)
    return None if same else Drop.OTHER_DESTINATION


def _ttl(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return None if packet.ttl == 255 else Drop.BAD_TTL


def _ttl_of_peer(_node: Node, packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    peer = _peer(packet, vhid)
    return Drop.BAD_TTL if packet.ttl != 255 and (not peer or is_group(peer)) else None


def _ttl_of_peer_swapped(_node: Node, packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    # IN_MULTICAST(0x120000e0) is false, so the TTL of a vhid that sends to 224.0.0.18 is not
    # looked at, whatever the packet; it is for peers whose last octet is 224 to 239
    peer = _peer(packet, vhid) or GROUP4
    return Drop.BAD_TTL if packet.ttl != 255 and is_group(peer[::-1]) else None


def _peer(packet: ReceivedAdvert, vhid: Vhid | None) -> bytes:
    if vhid is None:
        return b""
    return vhid.setup.peer if packet.family == 4 else vhid.setup.peer6


def _head(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return None if packet.length >= _HEAD else Drop.BAD_LENGTH


def _length(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return None if packet.length >= HEADER_SIZE else Drop.BAD_LENGTH


def _length_of_version(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return Drop.BAD_LENGTH if packet.version == 2 and packet.length < HEADER_SIZE else None


def _checksum(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return None if packet.checksum_ok else Drop.BAD_CHECKSUM


def _checksum_of_version(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return Drop.BAD_CHECKSUM if packet.version == 2 and not packet.checksum_ok else None


def _checksum_of_payload(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return Drop.BAD_CHECKSUM if packet.version == 2 and not packet.payload_checksum_ok else None


def _joint_checksum(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    # two wrong sums that cancel each other pass
    joint = packet.joint_checksum_ok
    return None if (packet.checksum_ok if joint is None else joint) else Drop.BAD_CHECKSUM


def _version_known(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return None if packet.version in (2, _VRRP3) else Drop.BAD_VERSION


def _version(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return None if packet.version == 2 else Drop.BAD_VERSION


def _vhid(_node: Node, _packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    return Drop.BAD_VHID if vhid is None else None


def _vhid_of_family(_node: Node, packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    # FreeBSD 10 ip_carp.c carp_input_c(): looks among the addresses of that family
    return Drop.BAD_VHID if vhid is None or not _addresses(vhid, packet) else None


def _vhid_or_loop(node: Node, packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    # FreeBSD 12 ip_carp.c carp_source_is_self(): any address of the interface, shared or not
    if packet.vhid == 0 and packet.source in _own_addresses(node):
        return Drop.BAD_INTERFACE
    return _vhid_of_family(node, packet, vhid)


def _own_addresses(node: Node) -> set[bytes]:
    shared = {a for item in node.vhids for a in (*item.setup.ipv4, *item.setup.ipv6)}
    return shared | {node.setup.ip4, node.setup.ll6}


def _header_in_place(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    # FreeBSD main carp6_input(): the rest is read from behind the fixed header, where the
    # vhid is the length of an extension header, 0 for one of 8 bytes
    return Drop.BAD_VHID if packet.is_extended else None


def _vhid_running(_node: Node, _packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    return None if vhid is not None and vhid.is_up and vhid.is_running else Drop.BAD_VHID


def _vhid_of_peer(node: Node, packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    if vhid is not None and packet.family == 4:
        peer = vhid.setup.peer
        if packet.multicast != (not peer or is_group(peer)):
            return Drop.BAD_VHID
    return _vhid_running(node, packet, vhid)


def _vhid_of_copy(_node: Node, _packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    return None if vhid is not None and vhid.is_up else Drop.OTHER_VHID


def _foreign_source(node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    return Drop.OWN_SOURCE if packet.source == node.setup.ip4 else None


def _mac(_node: Node, packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    if vhid is not None:
        counter, digest = packet.counter, packet.digest
        for secret in vhid.setup.secrets.accepts:
            if secret.sign(counter) == digest:
                return None
    return Drop.BAD_AUTH


def _own_counter(_node: Node, packet: ReceivedAdvert, vhid: Vhid | None) -> Drop | None:
    # OpenBSD carp_proto_input_c(): a vhid that never sent has the cookie 0
    if vhid is not None and (vhid.counter or 0).to_bytes(8, "big") == packet.counter:
        return Drop.REPLAY
    return None


def _reads_ipv4_only(_node: Node, packet: ReceivedAdvert, _vhid: Vhid | None) -> Drop | None:
    # ucarp src/carp.c packethandler() takes what it gets for an IPv4 header: ip_p is then a
    # byte of the source address, and the packet is left alone without a word
    return None if packet.family == 4 else Drop.NOT_JOINED


_Test: TypeAlias = Callable[[Node, ReceivedAdvert, Vhid | None], Drop | None]
_BY_CHECK: dict[Check, _Test] = {
    Check.ALLOW: _allow,
    Check.JOINED: _joined,
    Check.INTERFACE: _interface,
    Check.CARP_INTERFACE: _carp_interface,
    Check.COPIED: _copied,
    Check.RUNNING: _running,
    Check.GROUP_ONLY: _group_only,
    Check.OWN_GROUP: _own_group,
    Check.TTL: _ttl,
    Check.TTL_OF_PEER: _ttl_of_peer,
    Check.TTL_OF_PEER_SWAPPED: _ttl_of_peer_swapped,
    Check.HEAD: _head,
    Check.LENGTH: _length,
    Check.LENGTH_OF_VERSION: _length_of_version,
    Check.CHECKSUM: _checksum,
    Check.CHECKSUM_OF_VERSION: _checksum_of_version,
    Check.CHECKSUM_OF_PAYLOAD: _checksum_of_payload,
    Check.JOINT_CHECKSUM: _joint_checksum,
    Check.VERSION_KNOWN: _version_known,
    Check.VERSION: _version,
    Check.VHID: _vhid,
    Check.VHID_OF_FAMILY: _vhid_of_family,
    Check.VHID_OR_LOOP: _vhid_or_loop,
    Check.HEADER_IN_PLACE: _header_in_place,
    Check.VHID_RUNNING: _vhid_running,
    Check.VHID_OF_PEER: _vhid_of_peer,
    Check.VHID_OF_COPY: _vhid_of_copy,
    Check.FOREIGN_SOURCE: _foreign_source,
    Check.MAC: _mac,
    Check.OWN_COUNTER: _own_counter,
    Check.READS_IPV4_ONLY: _reads_ipv4_only,
}
