"""One line for one packet, as tcpdump prints it, and one object as programs read it."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from carpscope.auth.verify import Verdict
from carpscope.core.address import ip_text, is_group, mac_text
from carpscope.core.units import SECOND, Nanos, clock, day, rfc3339
from carpscope.wire import arp, icmp6, igmp
from carpscope.wire.carp import AdvertView
from carpscope.wire.checksum import internet_checksum
from carpscope.wire.decode import Packet
from carpscope.wire.ip import IpView
from carpscope.wire.vrrp import VrrpView

TYPE_CHECKING = False  # as in typing; dissect starts without what reads zones
if TYPE_CHECKING:
    from carpscope.core.zone import Zone

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def expected_checksum(packet: Packet, view: AdvertView) -> int:
    """Return what the checksum of these 36 bytes would have to be."""
    data = packet.frame.data[view.offset : view.offset + 36]
    return internet_checksum(data[:6] + b"\0\0" + data[8:])


class Style(NamedTuple):
    """How a line begins, as tcpdump's options of these names have it."""

    t: int = 0
    """How often -t: 0 time of day, 1 nothing, 2 seconds since 1970, 3 since the line before,
    4 date and time, 5 since the first line."""
    e: bool = False
    """MAC addresses."""
    v: bool = False
    """TTL, id and length of IP."""
    zone: "Zone | None" = None
    """By which times of day are told beside UTC."""


def stamp(at: Nanos, style: Style, since: Nanos) -> str:
    """Give the time of a line with a space behind it; `since` is that of -ttt and -ttttt."""
    if style.t == 1:
        return ""
    if style.t == 2:
        seconds, fraction = divmod(at, SECOND)
        return f"{seconds}.{fraction // 1000:06d} "
    if style.t in (3, 5):
        sign = "-" if at < since else ""
        seconds, fraction = divmod(abs(at - since), SECOND)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{sign}{hours:02d}:{minutes:02d}:{seconds:02d}.{fraction // 1000:06d} "
    text = f"{clock(at)}{style.zone.beside(at) if style.zone is not None else ''} "
    return f"{day(at)} {text}" if style.t == 4 else text


PLAIN = Style()


def line(
    packet: Packet,
    verdict: Verdict | None,
    prefix: str = "",
    style: Style = PLAIN,
    since: Nanos = 0,
) -> str:
    """Give the line of one packet; `prefix` names the capture where there are several."""
    parts = []
    if style.e and packet.link is not None:
        source, destination = packet.link.source, packet.link.destination
        ends = [mac_text(mac) if mac else "?" for mac in (source, destination)]
        parts.append(f"{' > '.join(ends)} length {packet.frame.wire_length}:")
    if packet.link is not None and packet.link.tags:
        parts.append("vlan " + ".".join(str(tag.vid) for tag in packet.link.tags))
    parts += [
        tunnel.kind if tunnel.identifier is None else f"{tunnel.kind} {tunnel.identifier}"
        for tunnel in packet.tunnels
    ]
    if packet.ip is not None:
        if style.v:
            parts.append(_header(packet.ip))
        parts.append(f"{ip_text(packet.ip.source)} > {ip_text(packet.ip.destination)}")
    body = packet.body
    if isinstance(body, AdvertView):
        parts.append(_carp(packet, body, verdict))
    elif isinstance(body, VrrpView):
        parts.append(_vrrp(body))
    elif isinstance(body, arp.ArpView):
        parts.append(_arp(body))
    elif isinstance(body, icmp6.NeighbourView):
        parts.append(_neighbour(body))
    elif isinstance(body, icmp6.RouterView):
        at = f" at {mac_text(body.mac)}" if body.mac else ""
        parts.append(f"ND router advertisement{at}, lifetime {body.lifetime_s} s")
    elif isinstance(body, igmp.MembershipView):
        groups = " ".join(ip_text(group) for group in body.groups)
        parts.append(f"{'IGMP' if body.version == 4 else 'MLD'} {body.kind} {groups}")
    elif packet.ip is not None:
        parts.append(f"protocol {packet.ip.protocol}")
    parts += [f"[{fault}]" for fault in packet.faults]
    return prefix + stamp(packet.frame.at, style, since) + " ".join(parts)


def _header(ip: IpView) -> str:
    if ip.version == 6:
        return f"(class {ip.tos:#04x}, hlim {ip.ttl}, payload length {ip.total_length})"
    flags = " DF" if ip.dont_fragment else ""
    told = f"tos {ip.tos:#x}, ttl {ip.ttl}, id {ip.identification}{flags}"
    return f"({told}, length {ip.total_length})"


def _carp(packet: Packet, view: AdvertView, verdict: Verdict | None) -> str:
    text = f"CARPv{view.version} vhid {view.vhid} adv {view.advbase}/{view.advskew}"
    text += f" demote {view.demote}"
    if view.has_counter:
        text += f" counter {view.counter_value}"
    if view.is_bow_out:
        text += " bow-out"
    if verdict is not None:
        text += f" hmac {_verdict(verdict)}"
    if packet.ip is not None and packet.ip.ttl != 255:
        text += f" ttl {packet.ip.ttl}"
        text += ", should be 255" if is_group(packet.ip.destination) else " to one address"
    if view.checksum_ok is False:
        wanted = expected_checksum(packet, view)
        text += f" checksum {view.checksum:#06x}, should be {wanted:#06x}"
    if view.type != 1:
        text += f" type {view.type}"
    if view.authlen != 7:
        text += f" authlen {view.authlen}"
    if view.trailing:
        text += f" {view.trailing} trailing bytes"
    return text


def _verdict(verdict: Verdict) -> str:
    recipe = verdict.recipe
    if recipe is not None:
        key = recipe.key
        text = f"✓ #{key.number}" if key.number else "✓ empty passphrase"
        if key.number and key.variant != "as given":
            text += f" ({key.variant})"
        if recipe.unsupplied:
            unknown = ", ".join(ip_text(address) for address in recipe.unsupplied)
            text += f" over {unknown}, which nobody gave"
        return text
    return "✗" if verdict.status == "failed" else "?"


def _vrrp(view: VrrpView) -> str:
    text = f"VRRPv{view.version} vrid {view.vrid} prio {view.priority}"
    text += f" {view.interval_ns / SECOND:g} s"
    if view.auth_type:
        text += f" auth {view.auth_name}"
    if view.addresses:
        text += " " + ",".join(ip_text(address) for address in view.addresses)
    if view.checksum_ok is False:
        text += f" checksum {view.checksum:#06x} wrong"
    return text + " — not CARP"


def _arp(view: arp.ArpView) -> str:
    if view.is_announcement:
        return f"ARP {ip_text(view.sender_ip)} announced at {mac_text(view.sender_mac)}"
    if view.operation == arp.REQUEST:
        return f"ARP who has {ip_text(view.target_ip)} tell {ip_text(view.sender_ip)}"
    return f"ARP {ip_text(view.sender_ip)} is at {mac_text(view.sender_mac)}"


def _neighbour(view: icmp6.NeighbourView) -> str:
    if not view.is_advertisement:
        return f"NS who has {ip_text(view.target)}"
    verb = "is at" if view.solicited else "announced at"
    return f"NA {ip_text(view.target)} {verb} {mac_text(view.mac) if view.mac else '?'}"


def record(packet: Packet, verdict: Verdict | None, capture: str | None) -> dict[str, Json]:
    """Give one packet as an object; absent layers are absent keys, unknown is null."""
    frame = packet.frame
    out: dict[str, Json] = {"frame": frame.number, "timestamp": rfc3339(frame.at)}
    if capture is not None:
        out["capture"] = capture
    out["protocol"] = _protocol(packet)
    out["captured_length"] = len(frame.data)
    out["wire_length"] = frame.wire_length
    if packet.tunnels:
        out["tunnels"] = [
            {"kind": tunnel.kind, "identifier": tunnel.identifier} for tunnel in packet.tunnels
        ]
    link = packet.link
    if link is not None:
        out["link"] = link.kind
        out["vlan"] = [tag.vid for tag in link.tags]
        out["mac_source"] = mac_text(link.source) if link.source else None
        out["mac_destination"] = mac_text(link.destination) if link.destination else None
    ip = packet.ip
    if ip is not None:
        out |= {
            "ip_version": ip.version,
            "source": ip_text(ip.source),
            "destination": ip_text(ip.destination),
            "ttl": ip.ttl,
            "tos": ip.tos,
            "ip_id": ip.identification,
            "dont_fragment": ip.dont_fragment if ip.version == 4 else None,
            "fragment": ip.is_fragment,
            "ip_protocol": ip.protocol,
            "ip_payload_length": ip.length,
            "ip_checksum_ok": ip.checksum_ok,
        }
        if ip.extensions:
            out["ip_extensions"] = list(ip.extensions)
    out |= _body(packet, verdict)
    out["faults"] = [
        {
            "layer": fault.layer,
            "offset": fault.offset,
            "problem": fault.problem,
            "needed": fault.needed,
            "present": fault.present,
        }
        for fault in packet.faults
    ]
    return out


def _protocol(packet: Packet) -> str:
    body = packet.body
    if isinstance(body, AdvertView):
        return "carp"
    if isinstance(body, VrrpView):
        return "vrrp"
    if isinstance(body, arp.ArpView):
        return "arp"
    if isinstance(body, icmp6.NeighbourView | icmp6.RouterView):
        return "nd"
    if isinstance(body, igmp.MembershipView):
        return "igmp" if body.version == 4 else "mld"
    return "unknown"


def _body(packet: Packet, verdict: Verdict | None) -> Mapping[str, Json]:
    body = packet.body
    if isinstance(body, AdvertView):
        return {
            "version": body.version,
            "type": body.type,
            "vhid": body.vhid,
            "advskew": body.advskew,
            "authlen": body.authlen,
            "demotion": body.demote,
            "advbase": body.advbase,
            "checksum": f"{body.checksum:#06x}",
            "checksum_ok": body.checksum_ok,
            "counter": body.counter.hex(),
            "counter_value": str(body.counter_value) if body.has_counter else None,
            "hmac": body.digest.hex(),
            "bow_out": body.is_bow_out,
            "trailing": body.trailing,
            "authentication": _authentication(verdict),
        }
    if isinstance(body, VrrpView):
        return {
            "version": body.version,
            "type": body.type,
            "vrid": body.vrid,
            "priority": body.priority,
            "address_count": body.address_count,
            "auth_type": body.auth_type,
            "interval": body.interval_ns / SECOND,
            "checksum": f"{body.checksum:#06x}",
            "checksum_ok": body.checksum_ok,
            "addresses": [ip_text(address) for address in body.addresses],
        }
    if isinstance(body, arp.ArpView):
        return {
            "operation": body.operation,
            "sender_mac": mac_text(body.sender_mac),
            "sender_ip": ip_text(body.sender_ip),
            "target_mac": mac_text(body.target_mac),
            "target_ip": ip_text(body.target_ip),
            "announcement": body.is_announcement,
        }
    if isinstance(body, icmp6.NeighbourView):
        return {
            "advertisement": body.is_advertisement,
            "target": ip_text(body.target),
            "link_address": mac_text(body.mac) if body.mac else None,
            "router": body.router,
            "solicited": body.solicited,
            "override": body.override,
            "announcement": body.is_announcement,
        }
    if isinstance(body, icmp6.RouterView):
        return {
            "router_advertisement": True,
            "link_address": mac_text(body.mac) if body.mac else None,
            "lifetime": body.lifetime_s,
        }
    if isinstance(body, igmp.MembershipView):
        return {"kind": body.kind, "groups": [ip_text(group) for group in body.groups]}
    return {}


def _authentication(verdict: Verdict | None) -> Json:
    if verdict is None or verdict.recipe is None:
        status = verdict.status if verdict is not None else "unchecked"
        return {"status": status, "passphrase": None, "addresses": None, "rule": None}
    recipe = verdict.recipe
    return {
        "status": "verified",
        "passphrase": recipe.key.number,
        "variant": recipe.key.variant,
        "addresses": [ip_text(address) for address in recipe.addresses],
        "not_supplied": [ip_text(address) for address in recipe.unsupplied],
        "rule": recipe.rule,
    }
