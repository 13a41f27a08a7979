"""The hot path: a master that goes on as before.

Nearly every packet of a long capture is the next advertisement of a lone master, on its
beat, verified by the recipe that verified the last. Such a node gets a lane: the bytes that
must stay the same are compared as bytes, the counter must move as it did, checksum and HMAC
are computed, and only sums are kept. Whatever deviates, in the node or in its group, closes
the lane: the sums go back into the node, and the general path takes the packet. So the
results are those of the general path (tests/timeline/test_lanes.py holds them together).

    bytes of the frame   0            18 20   24 26      34     40 42      50        70
                         | Ethernet, IP | id |…| sum | src dst | CARP | sum | counter | HMAC
    must be the same     [------------]      [--]     [--------------]

Per advertisement, on the machine of docs/performance.md: key and lookup 0.15 us, comparisons
0.25 us, checksum 0.15 us, HMAC 0.5 us, sums and the ring 0.4 us.
"""

from collections import deque
from enum import Enum
from itertools import pairwise

from carpscope.core.frame import Frame
from carpscope.core.units import Nanos
from carpscope.timeline.authentication import Waiting
from carpscope.timeline.group import COPY_WINDOW, Group, LastAdvert, Sent
from carpscope.timeline.impostor import IDS_KEPT, KEYS_KEPT, Signature
from carpscope.timeline.node import CounterHabit, Node
from carpscope.wire.decode import Packet
from carpscope.wire.link import ETHERNET

FRAME_SIZE = 70
"""Ethernet without a tag, IPv4 without options, 36 bytes."""
SETTLED = 64
"""Advertisements before a node gets a lane: by then its fingerprint is complete."""
_MASK = 0xFFFF_FFFF_FFFF_FFFF


class Movement(Enum):
    """How a lane's counter moves."""

    CONSTANT = "constant"
    SEQUENTIAL = "sequential"
    RANDOM = "random"


class Lane:
    """One steady master. Its attributes are what `glance` touches per advertisement."""

    __slots__ = (
        "capture",
        "copies",
        "count",
        "counter",
        "earliest",
        "group",
        "head",
        "ids",
        "key",
        "last",
        "last_data",
        "latest",
        "middle",
        "movement",
        "node",
        "number",
        "payload",
        "ring",
        "seen",
        "shape",
        "sign",
        "stolen",
    )

    def __init__(self, group: Group, node: Node, frame: Frame, movement: Movement) -> None:
        """Open a lane behind an advertisement that the general path has just taken."""
        data = frame.data
        span = node.authentication.spans[-1]
        assert span.recipe is not None
        self.group = group
        self.node = node
        self.capture = frame.capture
        self.head = data[:18]
        self.middle = data[20:24]
        self.payload = data[34:]
        self.key = data[26:40]
        self.last_data = data
        self.movement = movement
        self.counter = int.from_bytes(data[42:50], "big")
        self.sign = span.recipe.signer.sign
        self.shape = (node.advbase, node.advskew, node.demote)
        self.last = frame.at
        self.number = frame.number
        interval = node.due - node.last
        self.latest = interval
        self.earliest = _earliest(node)
        self.count = 0
        self.copies = 0
        self.ring: deque[tuple[Nanos, int, int, bytes]] = deque(maxlen=KEYS_KEPT)
        """Time, frame number, counter and digest of what was taken since the last `sync`."""
        self.seen: set[int] = set()
        """Counters of the ring, where they are random: one that comes again was copied."""
        kept = group.signatures.seen.get((4, data[42:50], data[50:]))
        self.ids = kept.ids if kept is not None and movement is Movement.CONSTANT else None
        self.stolen = kept.stolen if kept is not None else set()

    def take(self, frame: Frame) -> bool:
        """Take one advertisement of this lane's key; False where it deviates."""
        data = frame.data
        since = frame.at - self.last
        if not self.earliest <= since <= self.latest:
            if 0 <= since <= COPY_WINDOW and data[14:] == self.last_data[14:]:
                self.copies += 1
                return True
            return False
        if (
            data[:18] != self.head
            or data[20:24] != self.middle
            or len(data) != FRAME_SIZE
            or frame.link != ETHERNET
            or frame.capture != self.capture
        ):
            return False
        payload = data[34:]
        if self.movement is Movement.CONSTANT:
            if payload != self.payload:
                return False
            ids = self.ids
            number = data[18] << 8 | data[19]
            if number in self.stolen:
                return False
            if number and ids is not None and len(ids) < IDS_KEPT:
                ids.setdefault(number, self.shape)
        else:
            counter = int.from_bytes(data[42:50], "big")
            if self.movement is Movement.SEQUENTIAL:
                if counter != self.counter + 1:
                    return False
            elif (
                counter in self.seen
                or counter - self.counter & _MASK <= 4
                or len(self.seen) >= KEYS_KEPT
            ):
                return False
            digest = payload[16:]
            if int.from_bytes(payload, "big") % 65535 or self.sign(data[42:50]) != digest:
                return False
            self.counter = counter
            self.ring.append((frame.at, frame.number, counter, digest))
            if self.movement is Movement.RANDOM:
                self.seen.add(counter)
        if self.movement is Movement.CONSTANT:
            self.ring.append((frame.at, frame.number, self.counter, b""))
        self.last_data = data
        self.last = frame.at
        self.number = frame.number
        self.count += 1
        return True

    def sync(self) -> None:
        """Put what was summed up into the node and its group, as the general path would."""
        group, node, count = self.group, self.node, self.count
        group.copies += self.copies
        self.copies = 0
        if not count:
            return
        self.count = 0
        base = self.capture << 40
        ring = self.ring
        data = self.last_data
        reign = node.reign
        assert reign is not None
        _spacings(node, ring)
        node.adverts += count
        node.tos[data[15]] += count
        node.ttl[data[22]] += count
        node.dont_fragment[bool(data[20] & 0x40)] += count
        node.last, node.last_frame = self.last, base | self.number
        node.last_of[4] = self.last
        node.due = self.last + self.latest
        node.heard_better = None
        reign.adverts += count
        reign.seen, reign.last = self.last, base | self.number
        self._count(node.counters[4], count)
        for at, _, counter, _ in list(ring)[-8:]:
            node.sent.append((at, counter))
        for at, number, counter, _ in ring:
            group.history.append(Sent(at, node, 4, *self.shape, counter, base | number))
        group.last = group.last_ipv4 = LastAdvert(node, 4, self.last, *self.shape, self.counter)
        group.recent.append((self.last, data[14:]))
        self._signatures(base, count)
        ring.clear()
        self.seen.clear()

    def _count(self, habit: CounterHabit, count: int) -> None:
        habit.seen += count
        habit.value = self.counter
        if self.movement is Movement.CONSTANT:
            habit.constant += count
        elif self.movement is Movement.SEQUENTIAL:
            habit.sequential += count
            habit.first_sequential = habit.first_sequential or self.ring[0][0]
        else:
            habit.random += count
            habit.last_random = self.last

    def _signatures(self, base: int, count: int) -> None:
        track = self.node.authentication
        span = track.spans[-1]
        span.end, span.last = self.last, base | self.number
        span.count += count
        seen = self.group.signatures.seen
        source = self.last_data[26:30]
        for at, number, counter, digest in self.ring:
            raw = counter.to_bytes(8, "big")
            if digest:
                seen[4, raw, digest] = Signature(source, at, base | number, self.shape, {})
            track.remember(Waiting(at, base | number, raw, digest or self.payload[16:]))
        while len(seen) > KEYS_KEPT:
            seen.popitem(last=False)


def _earliest(node: Node) -> Nanos:
    """How soon the next advertisement may come without being early in anybody's eyes."""
    interval = node.due - node.last
    return interval * 3 // 4


def _spacings(node: Node, ring: deque[tuple[Nanos, int, int, bytes]]) -> None:
    before = node.last
    spacings = []
    for at, _, _, _ in ring:
        spacings.append(at - before)
        before = at
    node.intervals += spacings
    del node.intervals[:-64]


def lane_for(group: Group, node: Node, packet: Packet) -> Lane | None:
    """Return a lane for a node that has settled, None while anything about it is unusual."""
    frame, ip, link = packet.frame, packet.ip, packet.link
    if (
        node.adverts < SETTLED
        or len(frame.data) != FRAME_SIZE
        or frame.link != ETHERNET
        or ip is None
        or link is None
        or link.tags
        or ip.version != 4
        or ip.offset != 34
        or ip.ttl != 255
        or packet.faults
        or group.masters != [node]
        or len(node.addresses) != 1
        or node.refused_at
    ):
        return None
    track = node.authentication
    if not track.spans or track.spans[-1].recipe is None or track.waiting:
        return None
    values = [value for _, value in node.sent][-4:]
    steps = [b - a & _MASK for a, b in pairwise(values)]
    if not steps:
        return None
    if not any(steps):
        return Lane(group, node, frame, Movement.CONSTANT)
    if all(step == 1 for step in steps):
        return Lane(group, node, frame, Movement.SEQUENTIAL)
    if all(step > 4 for step in steps):
        return Lane(group, node, frame, Movement.RANDOM)
    return None
