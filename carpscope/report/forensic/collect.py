"""What a report remembers of every advertisement while a capture is read: its time, 8 bytes.

The observer keeps who was MASTER when; drawing every advertisement and every interval
needs all their times, per source address. Copies that a mirror port or a second vantage
point shows are left out, as the observer leaves them out.
"""

from array import array
from collections.abc import Iterable

from carpscope.core.units import Nanos
from carpscope.timeline.group import GroupKey
from carpscope.wire.decode import Packet

SourceKey = tuple[GroupKey, bytes]
SOURCES_MAX = 4_096
"""Invented senders beyond these are counted by the observer and not drawn."""


class Collector:
    """Takes packets and trains as they are read."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.sources: dict[SourceKey, array[int]] = {}
        """The times of each source's advertisements, without copies."""

    def see(self, packet: Packet, *, is_copy: bool) -> None:
        """Remember an advertisement's time."""
        view = packet.advert
        if view is None or packet.ip is None or packet.link is None or is_copy:
            return
        at = min(max(packet.frame.at, -(1 << 63)), (1 << 63) - 1)
        self.take((packet.link.vlan, view.vhid), packet.ip.source, (at,))

    def take(self, group: GroupKey, source: bytes, at: Iterable[Nanos]) -> None:
        """Remember the times of what one source sent to a group."""
        key = group, source
        times = self.sources.get(key)
        if times is None:
            if len(self.sources) >= SOURCES_MAX:
                return
            times = self.sources[key] = array("q")
        times.extend(at)

    def of(self, key: GroupKey, addresses: list[bytes]) -> list[Nanos]:
        """Return the times of a node's advertisements, of the family it sends more of.

        A dual-stack node sends both at once; to draw both would double every interval.
        """
        best: array[int] = array("q")
        for address in addresses:
            times = self.sources.get((key, address))
            if times is not None and len(times) > len(best):
                best = times
        return list(best)
