"""MPLS: labels over Ethernet, PPP, GRE, IP or UDP, and behind the last IP or Ethernet.

    (label 20 bits | class 3 | bottom 1 | ttl 8)* | (0000, control 28 bits)? | payload

No label says what it carries: a first half byte of 4 or 6 is IP. Anything else is a pseudowire,
with a control word or without: a destination such as 01:00:5e:… looks like one, so the ethertype
that makes sense decides.

Sources: RFC 3032, RFC 4023 (in IP), RFC 7510 (in UDP), RFC 4385 and RFC 4448 (pseudowire).
"""

from carpscope.core.fault import truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Wrapping, inside

ETHERTYPES = (0x8847, 0x8848)
PROTOCOL = 137
PORT = 6635
_LABELS_MAX = 16
_BOTTOM = 0x01


def _read(data: bytes, at: int, around: Around) -> Reading:
    label, offset = 0, at
    for _ in range(_LABELS_MAX):
        if len(data) < offset + 5:
            return truncated("mpls", at, offset + 5 - at, len(data) - at)
        label = int.from_bytes(data[offset : offset + 3], "big") >> 4
        bottom = data[offset + 2] & _BOTTOM
        offset += 4
        if bottom:
            break
    else:
        return None
    tunnel = around.tunnel("mpls", offset, label)
    if data[offset] >> 4 in (4, 6):
        return inside(link.read_ip(data, offset), tunnel)
    if data[offset] >> 4 == 0 and is_ethernet(data, offset + 4):
        return inside(link.read_ethernet(data, offset + 4), tunnel._replace(offset=offset + 4))
    return inside(link.read_ethernet(data, offset), tunnel)


def is_ethernet(data: bytes, at: int) -> bool:
    """Tell whether an Ethernet frame of IP or ARP begins here, whose addresses can be anything."""
    below = link.read_ethernet(data, at)
    if not isinstance(below, link.LinkView):
        return False
    first = data[below.offset] if len(data) > below.offset else -1
    if below.ethertype == link.ETHERTYPE_IPV4:
        return first >> 4 == 4 and first & 15 >= 5
    if below.ethertype == link.ETHERTYPE_IPV6:
        return first >> 4 == 6
    return below.ethertype == link.ETHERTYPE_ARP and data[below.offset :][:2] == b"\0\1"


WRAPPING = Wrapping(_read, ethertypes=ETHERTYPES, protocols=(PROTOCOL,), ports=(PORT,))
