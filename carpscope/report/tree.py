"""The field tree of one packet: every field, its bytes, its value and what is wrong with it."""

from collections.abc import Iterator
from typing import NamedTuple

from carpscope.auth.verify import Verdict
from carpscope.core.address import ip_text, is_group, mac_text
from carpscope.core.units import SECOND, rfc3339
from carpscope.report.line import expected_checksum
from carpscope.wire import arp, icmp6, igmp
from carpscope.wire.carp import AdvertView, ucarp_mac, virtual_mac
from carpscope.wire.decode import Packet
from carpscope.wire.ip import IpView
from carpscope.wire.link import LinkView
from carpscope.wire.vrrp import VrrpView
from carpscope.wire.wrapping import Tunnel


class Field(NamedTuple):
    """One line of the tree."""

    depth: int
    text: str
    offset: int | None = None
    """First byte in the frame, None for what is not bytes."""
    size: int = 0
    wrong: bool = False
    """Whether a person should look at it."""


def tree(packet: Packet, verdict: Verdict | None) -> Iterator[Field]:
    """Give the tree of a packet from the outside in."""
    frame = packet.frame
    cut = len(frame.data) < frame.wire_length
    text = (
        f"Frame {frame.number}: {frame.wire_length} bytes on the wire, {len(frame.data)} captured"
    )
    yield Field(0, text, 0, len(frame.data), wrong=cut)
    yield Field(1, f"Time: {rfc3339(frame.at)}")
    for tunnel in packet.tunnels:
        yield from _tunnel(tunnel)
    if packet.link is not None:
        yield from _link(packet.link)
    if packet.ip is not None:
        yield from _ip(packet, packet.ip)
    body = packet.body
    if isinstance(body, AdvertView):
        yield from _carp(packet, body, verdict)
    elif isinstance(body, VrrpView):
        yield from _vrrp(body)
    elif isinstance(body, arp.ArpView):
        yield from _arp(body)
    elif isinstance(body, icmp6.NeighbourView):
        yield from _neighbour(body)
    elif isinstance(body, igmp.MembershipView):
        yield Field(0, "IGMP" if body.version == 4 else "MLD", body.offset, 8)
        yield Field(1, f"Kind: {body.kind}", body.offset, 1)
        for group in body.groups:
            yield Field(1, f"Group: {ip_text(group)}")
    for fault in packet.faults:
        yield Field(0, f"Fault: {fault}", fault.offset, 0, wrong=True)


def _tunnel(tunnel: Tunnel) -> Iterator[Field]:
    yield Field(0, f"Inside {tunnel.kind}", tunnel.offset)
    if tunnel.identifier is not None:
        yield Field(1, f"Identifier: {tunnel.identifier}")
    if tunnel.source:
        yield Field(1, f"From {ip_text(tunnel.source)} to {ip_text(tunnel.destination)}")


def _link(link: LinkView) -> Iterator[Field]:
    names = {
        "ethernet": "Ethernet",
        "sll": "Linux cooked v1",
        "sll2": "Linux cooked v2",
        "null": "BSD null",
        "loop": "BSD loop",
        "raw": "Raw IP",
        "ppp": "PPP",
        "c-hdlc": "Cisco HDLC",
        "llc": "LLC",
    }
    yield Field(0, names.get(link.kind, link.kind), 0, link.offset)
    if link.kind == "ethernet":
        yield Field(1, f"Destination: {mac_text(link.destination or b'')}", 0, 6)
        yield Field(1, f"Source: {mac_text(link.source or b'')}{_who(link.source)}", 6, 6)
    elif link.source is not None:
        yield Field(1, f"Source: {mac_text(link.source)}{_who(link.source)}")
    if link.packet_type is not None:
        kinds = ("to us", "broadcast", "multicast", "to another host", "sent by us")
        kind = kinds[link.packet_type] if link.packet_type < 5 else "?"
        yield Field(1, f"Packet type: {link.packet_type} ({kind})")
    if link.interface_index is not None:
        yield Field(1, f"Interface index: {link.interface_index}", 4, 4)
    for tag in link.tags:
        bits = f"priority {tag.tci >> 13}, drop eligible {tag.tci >> 12 & 1}"
        yield Field(1, f"VLAN tag {tag.tpid:#06x}: VLAN {tag.vid}, {bits}", tag.offset, 4)
    if link.kind in ("ethernet", "sll", "sll2"):
        yield Field(1, f"Type: {link.ethertype:#06x}")


def _who(mac: bytes | None) -> str:
    if mac is None or len(mac) != 6:
        return ""
    if mac == virtual_mac(mac[5]):
        return f" (virtual MAC of vhid or VRID {mac[5]})"
    if mac == ucarp_mac(mac[5]):
        return f" (ucarp, vhid {mac[5]})"
    return ""


def _ip(packet: Packet, ip: IpView) -> Iterator[Field]:
    at = ip.header_offset
    yield Field(0, f"IPv{ip.version}", at, ip.offset - at)
    yield Field(1, f"Source: {ip_text(ip.source)}", at + (12 if ip.version == 4 else 8))
    yield Field(1, f"Destination: {ip_text(ip.destination)}", at + (16 if ip.version == 4 else 24))
    is_carp = isinstance(packet.body, AdvertView)
    ttl = "TTL" if ip.version == 4 else "Hop limit"
    wrong = is_carp and ip.ttl != 255 and is_group(ip.destination)
    must = " [receivers want 255]" if wrong else ""
    yield Field(1, f"{ttl}: {ip.ttl}{must}", at + (8 if ip.version == 4 else 7), 1, wrong=wrong)
    if ip.version == 4:
        yield Field(1, f"Type of service: {ip.tos:#04x}", at + 1, 1)
        yield Field(1, f"Total length: {ip.total_length}", at + 2, 2)
        yield Field(1, f"Identification: {ip.identification:#06x}", at + 4, 2)
        df = "set" if ip.dont_fragment else "not set"
        yield Field(1, f"Don't fragment: {df}", at + 6, 1)
        good = "correct" if ip.checksum_ok else "incorrect (normal on the sending host's own card)"
        bad = ip.checksum_ok is False
        yield Field(1, f"Header checksum: {ip.checksum:#06x} [{good}]", at + 10, 2, wrong=bad)
        if ip.options:
            yield Field(1, f"Options: {ip.options.hex(' ')}", at + 20, len(ip.options))
    else:
        yield Field(1, f"Traffic class: {ip.tos:#04x}", at, 2)
        yield Field(1, f"Flow label: {ip.flow_label:#07x}", at + 1, 3)
        yield Field(1, f"Payload length: {ip.total_length}", at + 4, 2)
    if ip.is_fragment:
        more = "more follow" if ip.more_fragments else "the last"
        yield Field(1, f"Fragment at byte {ip.fragment_offset}, {more}", wrong=True)
    if ip.extensions:
        yield Field(1, f"Headers between: {', '.join(map(str, ip.extensions))}")
    yield Field(1, f"Protocol: {ip.protocol}")


def _carp(packet: Packet, view: AdvertView, verdict: Verdict | None) -> Iterator[Field]:
    at = view.offset
    there = len(view.counter) + len(view.digest)
    yield Field(0, "Common Address Redundancy Protocol", at, 8 + there)
    wrong = view.version != 2
    yield Field(1, f"Version: {view.version}", at, 1, wrong=wrong)
    kind = " (advertisement)" if view.type == 1 else " (never sent, never tested)"
    yield Field(1, f"Type: {view.type}{kind}", at, 1, wrong=view.type != 1)
    zero = " (never valid)" if view.vhid == 0 else ""
    yield Field(1, f"Vhid: {view.vhid}{zero}", at + 1, 1, wrong=view.vhid == 0)
    yield Field(1, f"Advskew: {view.advskew}", at + 2, 1)
    odd = " (always sent as 7, never tested)" if view.authlen != 7 else ""
    yield Field(1, f"Authlen: {view.authlen}{odd}", at + 3, 1, wrong=view.authlen != 7)
    yield Field(1, f"Demotion: {view.demote}", at + 4, 1)
    yield Field(1, f"Advbase: {view.advbase}", at + 5, 1)
    bye = (
        "a bow-out: the sender leaves" if view.is_bow_out else f"{view.interval_ns / SECOND:.6f} s"
    )
    yield Field(1, f"Interval: {bye}")
    good = "correct" if view.checksum_ok else "cut, not checked"
    bad = view.checksum_ok is False
    if bad:
        good = f"should be {expected_checksum(packet, view):#06x}"
    yield Field(1, f"Checksum: {view.checksum:#06x} [{good}]", at + 6, 2, wrong=bad)
    if view.has_counter:
        counter = f"Counter: {view.counter_value} ({view.counter.hex()})"
        yield Field(1, counter, at + 8, 8)
    if view.is_cut:
        yield Field(1, "HMAC-SHA1: cut by the capture, not checked", at + 16, len(view.digest))
        return
    yield Field(1, f"HMAC-SHA1: {view.digest.hex()}", at + 16, 20)
    yield from _hmac(verdict)
    if view.trailing:
        text = f"Trailing bytes: {view.trailing} (receivers ignore them)"
        yield Field(1, text, at + 36, view.trailing, wrong=True)


def _hmac(verdict: Verdict | None) -> Iterator[Field]:
    if verdict is None or verdict.status == "unchecked":
        yield Field(2, "not checked: no passphrase was given")
    elif verdict.recipe is None:
        yield Field(2, "does not verify with anything supplied", wrong=True)
    else:
        recipe = verdict.recipe
        yield Field(2, f"verifies with {recipe.key.label}")
        signed = ", ".join(ip_text(address) for address in recipe.addresses) or "no address"
        yield Field(2, f"over {signed} ({recipe.rule})")


def _vrrp(view: VrrpView) -> Iterator[Field]:
    at = view.offset
    yield Field(0, f"Virtual Router Redundancy Protocol (not CARP), version {view.version}", at, 8)
    yield Field(1, f"Type: {view.type}", at, 1)
    yield Field(1, f"VRID: {view.vrid}", at + 1, 1)
    yield Field(1, f"Priority: {view.priority}", at + 2, 1)
    yield Field(1, f"Addresses: {view.address_count}", at + 3, 1)
    if view.auth_type is not None:
        yield Field(1, f"Authentication: {view.auth_name}", at + 4, 1)
    yield Field(1, f"Interval: {view.interval_ns / SECOND:g} s", at + 5, 1)
    good = {True: "correct", False: "incorrect", None: "cut, not checked"}[view.checksum_ok]
    bad = view.checksum_ok is False
    yield Field(1, f"Checksum: {view.checksum:#06x} [{good}]", at + 6, 2, wrong=bad)
    for address in view.addresses:
        yield Field(1, f"Address: {ip_text(address)}")


def _arp(view: arp.ArpView) -> Iterator[Field]:
    at = view.offset
    kind = "gratuitous, an announcement" if view.is_announcement else "a probe"
    note = f" ({kind})" if view.is_announcement or view.is_probe else ""
    yield Field(0, f"Address Resolution Protocol{note}", at, arp.SIZE)
    names = {arp.REQUEST: "request", arp.REPLY: "reply"}
    yield Field(1, f"Operation: {names.get(view.operation, view.operation)}", at + 6, 2)
    yield Field(1, f"Sender: {ip_text(view.sender_ip)} at {mac_text(view.sender_mac)}", at + 8, 10)
    yield Field(1, f"Target: {ip_text(view.target_ip)} at {mac_text(view.target_mac)}", at + 18, 10)


def _neighbour(view: icmp6.NeighbourView) -> Iterator[Field]:
    at = view.offset
    yield Field(0, f"Neighbour {'advertisement' if view.is_advertisement else 'solicitation'}", at)
    yield Field(1, f"Target: {ip_text(view.target)}", at + 8, 16)
    if view.mac is not None:
        yield Field(1, f"Link-layer address: {mac_text(view.mac)}{_who(view.mac)}")
    if view.is_advertisement:
        flags = [
            name
            for name, on in (
                ("router", view.router),
                ("solicited", view.solicited),
                ("override", view.override),
            )
            if on
        ]
        yield Field(1, f"Flags: {', '.join(flags) or 'none'}", at + 4, 1)


def hex_dump(data: bytes) -> Iterator[str]:
    """Give bytes as `tcpdump -xx` does, with what is printable beside them."""
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        pairs = " ".join(row[i : i + 2].hex() for i in range(0, len(row), 2))
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"    {at:#06x}:  {pairs:<39}  {shown}"
