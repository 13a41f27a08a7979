"""Whether a vantage could see: silence is evidence only where others were heard meanwhile.

A capture on a node whose link was down, or behind a port that carries nothing, shows the same
silence as a network without a master. What tells them apart is anybody else: a node of
another group, or two senders (one alone may be the vantage's own host), none of whom is who
fell silent. With several captures, only one that shares a node or a host with those of the
group is known to be of its segment.
"""

from collections import deque

from carpscope.core.units import Nanos
from carpscope.protocol import timers
from carpscope.timeline.capture_place import Witness, is_own
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import Packet

SPACING: Nanos = timers.PATH
KEPT = 128
"""So half a minute is remembered of a segment, also of a busy one."""
SEGMENTS_KEPT = 4096
HOSTS_KEPT = 256
"""Of a capture, to tell that two are of one segment."""
VIRTUAL = b"\0\0\x5e\0"
"""How the MACs begin that only nodes of a group send from."""

Vlan = tuple[int, ...]


class Alive:
    """The latest frames of each segment: when, and from whom."""

    def __init__(self) -> None:
        """Know of none."""
        self._seen: dict[Vlan, deque[tuple[Nanos, bytes, int]]] = {}
        self._hosts: dict[tuple[Vlan, int], set[bytes]] = {}
        self.witness = Witness()
        """Where each capture was taken."""
        self.is_watched = False
        """Whether somebody watches that the interface is up and loses nothing."""
        self.own: bytes | None = None
        """The vantage's own MAC, where it is known: then anybody else is one who was heard."""
        self.remarks: dict[str, None] = {}
        """What the vantage could not see, for whoever prints notes."""

    def see(self, packet: Packet, *, is_copy: bool) -> None:
        """Take one packet; what the capturing host sent itself tells nothing of its link."""
        self.witness.see(packet)
        if is_copy or packet.link is None or isinstance(packet.body, AdvertView):
            return
        if not is_own(packet):
            self.note(packet.link.vlan, packet.link.source, packet.frame.at, packet.frame.capture)

    def note(self, vlan: Vlan, source: bytes | None, at: Nanos, capture: int) -> None:
        """Take one frame."""
        if source is None:
            return
        seen = self._seen.get(vlan)
        if seen is None:
            if len(self._seen) >= SEGMENTS_KEPT:
                self._seen.pop(next(iter(self._seen)))
            seen = self._seen[vlan] = deque(maxlen=KEPT)
        if not seen or at - seen[-1][0] >= SPACING or seen[-1][1] != source:
            seen.append((at, source, capture))
        if len(self._hosts) < SEGMENTS_KEPT or (vlan, capture) in self._hosts:
            hosts = self._hosts.setdefault((vlan, capture), set())
            if len(hosts) < HOSTS_KEPT:
                hosts.add(source)

    def with_hosts_of(self, vlan: Vlan, captures: set[int]) -> set[int]:
        """Return these captures, and those that heard a host that one of them heard."""
        mine = {host for one in captures for host in self._hosts.get((vlan, one), ())}
        return captures | {
            one
            for (where, one), hosts in self._hosts.items()
            if where == vlan and not mine.isdisjoint(hosts)
        }

    def others(
        self, vlan: Vlan, start: Nanos, end: Nanos, besides: set[bytes], captures: set[int]
    ) -> bool:
        """Tell whether anybody was heard in these captures between two times, besides some: a
        node of another group, or two senders."""
        heard = {
            source
            for at, source, capture in self._seen.get(vlan, ())
            if start <= at <= end
            and capture in captures
            and source not in besides
            and source != self.own
        }
        enough = 1 if self.own is not None else 2
        return len(heard) >= enough or any(source[:4] == VIRTUAL for source in heard)
