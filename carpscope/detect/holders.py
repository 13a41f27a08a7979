"""Who rightly holds a shared address at a time: by its MACs.

A kernel MASTER has the virtual MAC of its vhid, and may announce from its card's own (router
advertisements do); a ucarp has only its card's. What belongs to another part of the same
cluster, under another vhid or as a VRRP router, is the matter of a torn group.
"""

from collections.abc import Callable

from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.address_holders import Holding
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.wire.carp import interval_ns, is_group_mac, vhid_of_mac


@dataclass(frozen=True, slots=True)
class Holders:
    """The masters of a group at a time, and whether a MAC may be theirs."""

    group: Group
    masters: tuple[Node, ...]
    """Everybody who was MASTER then, or had been within the time of a take-over."""
    live: tuple[Node, ...]
    """Who was MASTER just then."""

    @property
    def is_live(self) -> bool:
        """Tell whether somebody was MASTER just then."""
        return bool(self.live)

    def has(self, mac: bytes, others: frozenset[int]) -> bool:
        """Tell whether a MAC is one of theirs, or of another vhid that is in use (`others`)."""
        if is_group_mac(mac):
            return True
        vhid = vhid_of_mac(mac)
        if vhid is not None:
            return vhid == self.group.vhid or vhid in others
        return any(mac in (node.own_mac, node.mac) for node in self.masters)

    def are_known(self, address: bytes) -> bool:
        """Tell whether the MACs of each are known: else a MAC may be the unknown one's.

        A kernel answers ARP with the virtual MAC; what it sends for IPv6 may name its card.
        """
        return all(
            node.own_mac is not None or (len(address) == 4 and not traits.is_ucarp(node))
            for node in self.masters
        )


def holders(group: Group, at: Nanos) -> Holders:
    """Return who could hold the addresses of a group at a time."""
    masters, live = [], []
    for node in group.known:
        wait = traits.takeover(node).latest
        for period in reversed(node.master_periods):
            end = period.end
            if end is not None and at > end + wait:
                break
            # a ucarp announces before its first advertisement
            if at >= period.start - interval_ns(node.advbase, node.advskew):
                masters.append(node)
                # until its next advertisement is overdue nobody knows that it fell silent
                left = period.ended_by in ("bow-out", "yielded")
                beat = 0 if left else timers.overdue(node.advbase, node.advskew)
                if period.start <= at and (end is None or at <= end + beat):
                    live.append(node)
                break
    return Holders(group, tuple(masters), tuple(live))


HostAt = Callable[[tuple[int, ...], bytes], bytes | None]


def holder_name(host_at: HostAt, group: Group) -> Callable[[Holding], str]:
    """Return what names who holds addresses of a group without advertising: the node, else the
    host whose card sent it, else the MAC."""

    def name(holding: Holding) -> str:
        node = next((one for one in group.members if one.own_mac == holding.mac), None)
        if node is not None:
            return node.id
        host = host_at(group.vlan, holding.mac)
        return ip_text(host) if host is not None else mac_text(holding.mac)

    return name
