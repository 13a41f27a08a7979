"""VXLAN, with the group policy extension and the generic protocol extension.

    flags 1 | … 2 | next protocol 1 | network 3 | 0 1
    flags: 08 a network is named, 04 next protocol is said, 80 a policy group stands in between

Sources: RFC 7348; draft-ietf-nvo3-vxlan-gpe-13; draft-smith-vxlan-group-policy-05.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Wrapping, inside

PORTS = (4789, 8472)
"""IANA's, and what Linux used before there was one."""
PORT_GPE = 4790
_NETWORK, _PROTOCOL, _POLICY = 0x08, 0x04, 0x80
_ETHERTYPES = {1: link.ETHERTYPE_IPV4, 2: link.ETHERTYPE_IPV6, 4: 0x894F, 5: 0x8847}
_ETHERNET = 3


def _read(data: bytes, at: int, around: Around) -> Reading:
    if len(data) < at + 8:
        return truncated("vxlan", at, 8, len(data) - at)
    flags = data[at]
    if not flags & _NETWORK:
        return None  # without a network number, or something else on this port
    if not flags & (_PROTOCOL | _POLICY) and any(data[at + 1 : at + 4]):
        return None
    tunnel = around.tunnel(
        "vxlan", at + 8, int.from_bytes(data[at + 4 : at + 7], "big"), is_network=True
    )
    protocol = data[at + 3] if flags & _PROTOCOL else _ETHERNET
    inner: link.LinkView | Fault
    if protocol == _ETHERNET:
        inner = link.read_ethernet(data, at + 8)
    else:
        inner = link.bare(_ETHERTYPES.get(protocol, 0), at + 8)
    return inside(inner, tunnel)


WRAPPING = Wrapping(_read, ports=(*PORTS, PORT_GPE))
