"""What lies around a frame that was on a segment: tunnels, mirrors, labels and tags.

A wrapping is one file of `wire.wrappings`. It says over which ethertypes, IP protocols and UDP
ports it comes, and takes itself off. The frame inside is the one that was on the segment: its
addresses and its TTL are the ones to check.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from carpscope.core.fault import Fault, truncated
from carpscope.wire import link, segment
from carpscope.wire.ip import IpView
from carpscope.wire.link import LinkView

UDP = 17
MAX_DEPTH = 8
"""Mirrors of mirrors of tunnels; more is a loop sooner than a design."""


class Tunnel(NamedTuple):
    """One wrapping that was taken off, where it leads somewhere else."""

    kind: str
    """`gre`, `erspan 2`, `vxlan`, …"""
    identifier: int | None
    """GRE's key, ERSPAN's session, VXLAN's network, a label; None where there is none."""
    network: tuple[int, ...]
    """Its number for `wire.segment` where it tells networks apart, and not only two ends."""
    vlan: int | None
    """The VLAN that ERSPAN took the frame from, whose tag it may have removed."""
    source: bytes
    """Who sent it through the network: an address, empty where the wrapping has none."""
    destination: bytes
    offset: int
    """Where the inner frame begins."""


class Around(NamedTuple):
    """What was read before a wrapping."""

    link: LinkView
    ip: IpView | None
    """None for a wrapping that lies directly over the link layer."""

    def tunnel(
        self,
        kind: str,
        offset: int,
        identifier: int | None = None,
        *,
        is_network: bool = False,
        vlan: int | None = None,
    ) -> Tunnel:
        """Return the tunnel that was taken off here."""
        source, destination = (self.ip.source, self.ip.destination) if self.ip else (b"", b"")
        named = is_network and identifier is not None
        number = (segment.network(kind, identifier or 0),) if named else ()
        return Tunnel(kind, identifier, number, vlan, source, destination, offset)


class Unwrapped(NamedTuple):
    """What is inside a wrapping."""

    link: LinkView
    tunnel: Tunnel | None
    """None for a tag: the frame goes on, with the addresses it had."""


Reading = Unwrapped | Fault | None
"""None where something else was carried that only looked like it."""


class Wrapping(NamedTuple):
    """One file of `wire.wrappings`."""

    read: Callable[[bytes, int, Around], Reading]
    """Takes the frame and where the wrapping begins: behind ethertype, IP or UDP."""
    ethertypes: tuple[int, ...] = ()
    protocols: tuple[int, ...] = ()
    """Of IP."""
    ports: tuple[int, ...] = ()
    """Destination ports of UDP."""


class Tables(NamedTuple):
    """Every wrapping of the folder, by what announces it."""

    ethertypes: Mapping[int, Wrapping]
    protocols: Mapping[int, Wrapping]
    ports: Mapping[int, Wrapping]


@cache
def tables() -> Tables:
    """Return the wrappings of the folder."""
    from carpscope.core.registry import discover  # noqa: PLC0415  plain Ethernet needs none

    found = discover("carpscope.wire.wrappings", "WRAPPING", Wrapping)
    return Tables(
        {number: one for one in found for number in one.ethertypes},
        {number: one for one in found for number in one.protocols},
        {number: one for one in found for number in one.ports},
    )


_PLAIN = frozenset((link.ETHERTYPE_IPV4, link.ETHERTYPE_IPV6, link.ETHERTYPE_ARP, 0))
_NEVER = frozenset((1, 2, 6, 58, 112))
"""ICMP, IGMP, TCP and CARP: nearly everything."""


def read(data: bytes, below: LinkView, view: IpView | None) -> Reading:
    """Take off what a link layer, or IP, carries; None where it is no wrapping."""
    if view is None:
        if below.ethertype in _PLAIN:
            return None
        wrapping = tables().ethertypes.get(below.ethertype)
        return wrapping.read(data, below.offset, Around(below, None)) if wrapping else None
    if view.protocol in _NEVER or view.is_fragment:
        return None
    if view.protocol != UDP:
        wrapping = tables().protocols.get(view.protocol)
        return wrapping.read(data, view.offset, Around(below, view)) if wrapping else None
    at = view.offset
    if len(data) < at + 4:
        return None
    wrapping = tables().ports.get(data[at + 2] << 8 | data[at + 3])
    if wrapping is None:
        return None
    if len(data) < at + 8:
        return truncated("udp", at, 8, len(data) - at)
    return wrapping.read(data, at + 8, Around(below, view))


def inside(below: LinkView | Fault, tunnel: Tunnel | None) -> Unwrapped | Fault:
    """Return what is inside, unless its link layer makes no sense."""
    return below if isinstance(below, Fault) else Unwrapped(below, tunnel)


def same_frame(data: bytes, around: Around, at: int) -> Unwrapped | Fault:
    """Return the same frame behind a tag, whose ethertype lies at `at`."""
    if len(data) < at + 2:
        return truncated("tag", around.link.offset, at + 2 - around.link.offset, len(data) - at)
    tags, ethertype, offset = link.read_tags(data, at)
    if ethertype is None:
        return truncated("vlan", offset, 4, len(data) - offset)
    below = around.link
    inner = below._replace(ethertype=ethertype, offset=offset, tags=(*below.tags, *tags))
    return Unwrapped(inner, None)
