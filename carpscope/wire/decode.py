"""One frame to what is in it: link, IP, and CARP, VRRP or what elections leave beside them.

Never raises, whatever the bytes: what cannot be followed is a `Fault` in
`Packet.faults`, and everything before it is there.
"""

from typing import NamedTuple, TypeAlias

from carpscope.core.fault import Fault, truncated
from carpscope.core.frame import Frame
from carpscope.wire import arp, carp, icmp6, igmp, ip, link, vrrp, wrapping

Body: TypeAlias = (
    carp.AdvertView
    | vrrp.VrrpView
    | arp.ArpView
    | icmp6.NeighbourView
    | icmp6.RouterView
    | igmp.MembershipView
)


class Packet(NamedTuple):
    """A decoded frame."""

    frame: Frame
    link: link.LinkView | None
    ip: ip.IpView | None
    body: Body | None
    faults: tuple[Fault, ...]
    tunnels: tuple[wrapping.Tunnel, ...] = ()
    """What was taken off first, from the outside in; link and IP are those inside."""

    @property
    def is_protocol_112(self) -> bool:
        """Tell whether IP says CARP or VRRP, however little of it can be read."""
        return self.ip is not None and self.ip.protocol == carp.PROTOCOL

    @property
    def is_cut(self) -> bool:
        """Tell whether it is an advertisement of which the capture left the beginning."""
        return self.advert is not None and self.advert.is_cut

    @property
    def advert(self) -> carp.AdvertView | None:
        """Return the CARP advertisement, if it is one."""
        return self.body if isinstance(self.body, carp.AdvertView) else None


def decode(frame: Frame) -> Packet:
    """Decode one frame; of a frame that something wrapped, the one inside."""
    packet = _layers(frame, link.read(frame.link, frame.data))
    for _ in range(wrapping.MAX_DEPTH):
        if packet.body is not None or packet.link is None:
            break
        around = wrapping.read(frame.data, packet.link, packet.ip)
        if around is None:
            break
        if isinstance(around, Fault):
            return packet._replace(faults=(*packet.faults, around))
        below, tunnels = around.link, packet.tunnels
        if around.tunnel is not None:
            tunnels = (*tunnels, around.tunnel)
            below = below._replace(networks=(*packet.link.networks, *around.tunnel.network))
        inner = _layers(frame, below)
        packet = inner._replace(faults=packet.faults + inner.faults, tunnels=tunnels)
    return packet


def _layers(frame: Frame, below: link.LinkView | Fault) -> Packet:
    """Decode what a link layer carries."""
    data = frame.data
    if isinstance(below, Fault):
        return Packet(frame, None, None, None, (below,))
    if below.ethertype == link.ETHERTYPE_IPV4:
        view = ip.read_ipv4(data, below.offset, frame.wire_length)
    elif below.ethertype == link.ETHERTYPE_IPV6:
        view = ip.read_ipv6(data, below.offset, frame.wire_length)
    elif below.ethertype == link.ETHERTYPE_ARP:
        claim = arp.read(data, below.offset)
        if isinstance(claim, Fault):
            return Packet(frame, below, None, None, (claim,))
        return Packet(frame, below, None, claim, ())
    else:
        many = below.ethertype in link.TAG_TYPES
        told = (Fault("vlan", below.offset, f"more than {link.TAGS_MAX} tags"),) if many else ()
        return Packet(frame, below, None, None, told)
    if isinstance(view, Fault):
        return Packet(frame, below, None, None, (view,))
    faults = _contradictions(frame, view)
    if view.fault:
        return Packet(frame, below, view, None, (*faults, view.fault))
    body = _payload(data, view)
    if faults and isinstance(body, carp.AdvertView) and body.is_cut:
        # not the capture: the wire itself had no more, and no receiver takes it
        body = truncated("carp", view.offset, carp.HEADER_SIZE, len(data) - view.offset)
    if isinstance(body, Fault):
        return Packet(frame, below, view, None, (*faults, body))
    if body is not None and not faults and len(data) < view.offset + view.length:
        # Enough for the body, yet the capture cut what IP says there is.
        layer = "protocol 112" if view.protocol == carp.PROTOCOL else f"ipv{view.version} payload"
        needed = view.length
        if isinstance(body, carp.AdvertView) and body.is_cut:
            layer, needed = "carp", carp.HEADER_SIZE
        faults = (truncated(layer, view.offset, needed, len(data) - view.offset),)
    return Packet(frame, below, view, body, faults)


def _contradictions(frame: Frame, view: ip.IpView) -> tuple[Fault, ...]:
    """Report an IP length that the wire did not carry: receivers drop such a packet."""
    start = view.header_offset
    needed = view.offset + view.length - start
    carried = max(frame.wire_length, len(frame.data)) - start
    if needed > carried:
        return (Fault(f"ipv{view.version}", start, "IP length exceeds the frame", needed, carried),)
    return ()


def _payload(data: bytes, view: ip.IpView) -> Body | Fault | None:
    if view.protocol == carp.PROTOCOL:
        if view.is_fragment:
            return Fault("protocol 112", view.offset, "fragment, not parsed")
        return _advertisement(data, view)
    if view.is_fragment:
        return None
    if view.protocol == icmp6.PROTOCOL and view.version == 6:
        return icmp6.read(data, view)
    if view.protocol == igmp.PROTOCOL and view.version == 4:
        return igmp.read(data, view)
    return None


def _advertisement(data: bytes, view: ip.IpView) -> Body | Fault:
    other = vrrp.is_vrrp(data, view)
    if other is None:
        present = min(len(data) - view.offset, view.length)
        problem = "too little to tell CARP from VRRP"
        return Fault("protocol 112", view.offset, problem, 4, present)
    if other:
        return vrrp.read(data, view)
    return carp.AdvertView.read(data, view.offset, view.length)
