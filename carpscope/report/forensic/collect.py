"""What a report remembers of every advertisement while a capture is read: its time, 8 bytes.

The observer keeps who was MASTER when; drawing every advertisement and every interval
needs all their times, per source address. Copies that a mirror port or a second vantage
point shows are left out, as the observer leaves them out.
"""

from array import array

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.timeline.group import GroupKey
from carpscope.wire.decode import Packet

SourceKey = tuple[GroupKey, bytes]
SOURCES_MAX = 4_096
"""Invented senders beyond these are counted by the observer and not drawn."""


@dataclass(slots=True)
class Times:
    """The times of one source's advertisements, without copies."""

    at: "array[int]" = field(default_factory=lambda: array("q"))
    counts: dict[int, int] = field(default_factory=dict)
    """How many each capture holds, copies included."""


class Collector:
    """Takes packets as they are read."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.sources: dict[SourceKey, Times] = {}

    def see(self, packet: Packet, *, is_copy: bool) -> None:
        """Remember an advertisement's time, of a copy only that there is one."""
        view = packet.advert
        if view is None or packet.ip is None or packet.link is None:
            return
        key = ((packet.link.vlan, view.vhid), packet.ip.source)
        times = self.sources.get(key)
        if times is None:
            if len(self.sources) >= SOURCES_MAX:
                return
            times = self.sources[key] = Times()
        capture, at = packet.frame.capture, packet.frame.at
        times.counts[capture] = times.counts.get(capture, 0) + 1
        if is_copy:
            return
        times.at.append(min(max(at, -(1 << 63)), (1 << 63) - 1))

    def of(self, key: GroupKey, addresses: list[bytes]) -> list[Nanos]:
        """Return the times of a node's advertisements, of the family it sends more of.

        A dual-stack node sends both at once; to draw both would double every interval.
        """
        best: array[int] = array("q")
        for address in addresses:
            times = self.sources.get((key, address))
            if times is not None and len(times.at) > len(best):
                best = times.at
        return list(best)
