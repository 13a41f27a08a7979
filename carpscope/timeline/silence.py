"""Whether a capture received frames: silence is evidence only where others sent meanwhile.

A capture on a node whose link was down, or behind a port that carries nothing, shows the same
silence as a network without a master. They differ by frames of others: a node of another group,
or two senders (one alone may be the capturing host, unless its short frames came padded, as none
are where they are captured before the card sends them), neither of them the node that fell silent.
Of several captures, only those that share a node or a host with the group's are known to be of its
segment.
"""

from collections import deque

from carpscope.core.units import Nanos
from carpscope.protocol import timers
from carpscope.timeline.capture_place import Witness, is_own
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import Packet

SPACING: Nanos = timers.PATH
KEPT = 128
"""Frames kept of a segment: half a minute, also of a busy one."""
SEGMENTS_KEPT = 4096
HOSTS_KEPT = 256
"""Hosts kept of a segment in a capture, to recognise captures of one segment."""
VIRTUAL = b"\0\0\x5e\0"
"""The first bytes of virtual MACs, from which only nodes of a group send."""

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
        """Whether the state and the losses of the interface are watched (live)."""
        self.own: bytes | None = None
        """The capturing host's MAC where it is known: then one other sender is enough."""
        self.remarks: dict[str, None] = {}
        """Notes on what the capture could not show, as keys, in order."""

    def see(self, packet: Packet, *, is_copy: bool) -> None:
        """Note the sender of a packet, unless the capturing host sent it itself."""
        self.witness.see(packet)
        if is_copy or packet.link is None or isinstance(packet.body, AdvertView):
            return
        if not is_own(packet):
            self.note(packet.link.vlan, packet.link.source, packet.frame.at, packet.frame.capture)

    def note(self, vlan: Vlan, source: bytes | None, at: Nanos, capture: int) -> None:
        """Note that a source was received in a capture at a time."""
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
        """Return these captures and those that received a host which one of them received."""
        mine = {host for one in captures for host in self._hosts.get((vlan, one), ())}
        return captures | {
            one
            for (where, one), hosts in self._hosts.items()
            if where == vlan and not mine.isdisjoint(hosts)
        }

    def others(
        self, vlan: Vlan, start: Nanos, end: Nanos, besides: set[bytes], captures: set[int]
    ) -> bool:
        """Return whether others were received in these captures between two times.

        Others are a node of another group or two senders, without the MACs in `besides`. One is
        enough where it is known not to be the capturing host: that is known, or its short frames
        came padded, as no host captures its own.
        """
        heard = self.heard(vlan, start, end, besides, captures)
        return (
            len({source for source, _ in heard}) >= (1 if self.own is not None else 2)
            or any(source[:4] == VIRTUAL for source, _ in heard)
            or any(self.witness.is_received(capture, source) for source, capture in heard)
        )

    def heard(
        self, vlan: Vlan, start: Nanos, end: Nanos, besides: set[bytes], captures: set[int]
    ) -> set[tuple[bytes, int]]:
        """Return the (MAC, capture) of who was received, besides the capturing host if known."""
        return {
            (source, capture)
            for at, source, capture in self._seen.get(vlan, ())
            if start <= at <= end
            and capture in captures
            and source not in besides
            and source != self.own
        }
