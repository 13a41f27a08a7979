"""Whether an advertisement was sent to the MAC that its IP destination asks for."""

from carpscope.core.address import group_mac, ip_text, is_group, is_multicast_mac, mac_text
from carpscope.wire.ip import IpView
from carpscope.wire.link import LinkView

BROADCAST = b"\xff" * 6


def misdirected(link: LinkView, ip: IpView) -> str:
    """Say what is wrong with the destination MAC, or nothing.

    RFC 1112 maps the low 23 bits of an IPv4 group, RFC 2464 the low 32 bits of an IPv6
    one. ucarp -M sends to the broadcast address on purpose, which everybody receives.
    """
    mac, address = link.destination, ip.destination
    if mac is None or len(mac) != 6 or mac == BROADCAST:
        return ""
    if is_group(address):
        wanted = group_mac(address)
        if mac == wanted:
            return ""
        text = f"sent to {mac_text(mac)}, but {ip_text(address)} needs {mac_text(wanted)}"
        if ip.version == 4 and mac[:3] == b"\x01\x00\x5e":
            host = ".".join(str(byte) for byte in mac[3:])
            text += f": the MAC of a next hop that ends in {host}, as policy routing makes it"
        return text
    if is_multicast_mac(mac):
        return f"sent to the group MAC {mac_text(mac)}, but {ip_text(address)} is one host"
    return ""
