"""The hot path: a master that goes on as before, and what every such master shares.

Nearly every packet of a long capture is the next advertisement of a lone master, verified by
the recipe that verified the last. Such a node gets a lane: the bytes that must stay the same
are compared as bytes, the counter must move as it did, checksum and HMAC are computed, and
only sums are kept. Whatever deviates, in the node or in its group, closes the lane: the sums
go back into the node, and the general path takes the packet. So the results are those of the
general path (tests/timeline/test_lanes.py holds them together).

The reader of a capture asks for a lane before it makes a frame (`core.frame.LAYOUTS` has the
parts of a packet), so a steady master costs no frame and no packet either. What an
advertisement costs then is in docs/performance.md. `timeline.lanes` has the kinds of lanes.
"""

from abc import abstractmethod
from array import array
from itertools import pairwise

from carpscope.core.frame import LAYOUTS, Frame, Shortcut
from carpscope.core.units import Nanos
from carpscope.timeline.authentication import SIGNED_KEPT, Waiting
from carpscope.timeline.group import COPY_WINDOW, Group, LastAdvert, Sent
from carpscope.timeline.impostor import KEYS_KEPT, Signature, signature_key
from carpscope.timeline.node import SETTLED, CounterHabit, Node

INTERVALS_KEPT = 64
NO_ID = b"\0\0"


class Echo(Shortcut):
    """What a mirror port, or a flood, delivers again within milliseconds: it is only counted."""

    __slots__ = ("between", "copies", "group", "key", "last")

    def __init__(self, group: Group, data: bytes) -> None:
        """Watch a group that has no lane for copies of a frame."""
        head, _, _, _, self.key, _ = LAYOUTS[len(data)](data)
        self.group = group
        self.between = head[12:-4]
        """The VLAN tag, if there is one, and the EtherType."""
        self.copies = 0
        self.last: Nanos = 0

    def take(
        self,
        at: Nanos,
        number: int,  # noqa: ARG002
        head: bytes,
        identification: bytes,
        middle: bytes,
        ip_sum: bytes,
        tail: bytes,
    ) -> bool:
        """Take a copy; False for anything else."""
        packet = b"".join((head[-4:], identification, middle, ip_sum, self.key, tail))
        if head[12:-4] != self.between or not self.group.recent.has(at, packet):
            return False
        self.copies += 1
        self.last = at
        return True

    def sync(self) -> int:
        """Tell the group how many copies there were; none of them was a new advertisement."""
        self.group.copies += self.copies
        self.copies = 0
        return 0


class Lane(Shortcut):
    """One steady master. Its attributes are what `take` touches per advertisement."""

    __slots__ = (
        "ats",
        "capture",
        "collects",
        "copies",
        "count",
        "counter",
        "group",
        "has_ids",
        "head",
        "identification",
        "ids",
        "ip_sum",
        "is_verified",
        "kept",
        "key",
        "last",
        "latest",
        "middle",
        "node",
        "noted",
        "number",
        "numbers",
        "shape",
        "synced",
        "tail",
    )
    head: bytes
    identification: bytes
    middle: bytes
    ip_sum: bytes
    key: bytes
    tail: bytes

    renews = True
    """Whether every advertisement is signed as none was before."""
    is_verified: bool

    def __init__(self, group: Group, node: Node, frame: Frame) -> None:
        """Open a lane behind an advertisement that the general path has just taken."""
        parts = LAYOUTS[len(frame.data)](frame.data)
        self.head, self.identification, self.middle, self.ip_sum, self.key, self.tail = parts
        self.group = group
        self.node = node
        self.capture = frame.capture
        self.counter = int.from_bytes(self.tail[2:10], "big")
        self.is_verified = not node.authentication.waiting
        self.shape = (node.advbase, node.advskew, node.demote)
        self.last = frame.at
        self.number = frame.number
        self.latest = node.due - node.last
        self.count = 0
        """Advertisements taken."""
        self.synced = 0
        """How many of them the node knows of."""
        self.copies = 0
        self.noted = True
        """Whether the last one is among those that copies are recognised by."""
        self.kept = KEYS_KEPT
        """Times and frame numbers kept: as many as signatures are remembered,"""
        if not self.renews:
            assert group.history.maxlen is not None
            self.kept = max(2 * INTERVALS_KEPT, group.history.maxlen)  # or advertisements
        self.collects = node.adverts < SETTLED
        """Whether the node's fingerprint still wants IPv4 ids."""
        self.has_ids = self.identification != NO_ID
        self.ids = bytearray(2 * self.kept if self.renews else 0)
        """IPv4 ids: a signature that comes again with its id was copied."""
        self.ats = array("q", bytes(8 * self.kept))
        self.numbers = array("q", bytes(8 * self.kept))

    def packet(self, identification: bytes, ip_sum: bytes, tail: bytes) -> bytes:
        """Put an advertisement of this lane together again, from IP on."""
        return b"".join((self.head[-4:], identification, self.middle, ip_sum, self.key, tail))

    def note(self, at: Nanos, identification: bytes, ip_sum: bytes, tail: bytes) -> None:
        """Let copies of one that came this early be recognised, and of the one before."""
        recent = self.group.recent
        if not self.noted:
            recent.note(self.last, self.packet(self.identification, self.ip_sum, self.tail))
        recent.note(at, self.packet(identification, ip_sum, tail))
        self.noted = True

    def is_copy(
        self,
        at: Nanos,
        head: bytes,
        identification: bytes,
        middle: bytes,
        ip_sum: bytes,
        tail: bytes,
    ) -> bool:
        """Tell whether a mirror port delivered this one before; count it."""
        if not 0 <= at - self.last <= COPY_WINDOW or head[12:-4] != self.head[12:-4]:
            return False
        recent = self.group.recent
        if not self.noted:
            recent.note(self.last, self.packet(self.identification, self.ip_sum, self.tail))
            self.noted = True
        packet = b"".join((head[-4:], identification, middle, ip_sum, self.key, tail))
        if not recent.has(at, packet):
            return False
        self.copies += 1
        return True

    def collect(self, identification: bytes) -> None:
        """Give the node an IPv4 id for its fingerprint, as the general path does."""
        adverts = self.node.adverts + self.count - self.synced + 1
        self.node.identifications.append(int.from_bytes(identification, "big"))
        self.collects = adverts < SETTLED

    def is_due(self) -> bool:
        """Tell whether the next unexplained advertisement is to be searched for."""
        return self.node.authentication.is_due(1)

    def wait(self, at: Nanos, number: int, tail: bytes) -> None:
        """Leave an advertisement to be explained later."""
        waiting = Waiting(at, self.capture << 40 | number, tail[2:10], tail[10:])
        self.node.authentication.wait(waiting)

    def sync(self) -> int:
        """Put what was summed up into the node and its group; return how many were new."""
        group, node, count = self.group, self.node, self.count - self.synced
        group.copies += self.copies
        self.copies = 0
        if not count:
            return 0
        base = self.capture << 40
        reign = node.reign
        assert reign is not None
        assert group.history.maxlen is not None
        latest = self._latest(min(count, group.history.maxlen))
        times = [at for at, _, _ in self._latest(min(count, INTERVALS_KEPT + 1))]
        if count <= INTERVALS_KEPT:
            times.insert(0, node.last)
        node.intervals += [b - a for a, b in pairwise(times)]
        del node.intervals[:-INTERVALS_KEPT]
        node.adverts += count
        node.tos[self.head[-3]] += count
        node.ttl[self.middle[2]] += count
        node.dont_fragment[bool(self.middle[0] & 0x40)] += count
        node.last, node.last_frame = self.last, base | self.number
        node.last_of[4] = self.last
        node.due = self.last + self.latest
        node.heard_better = None
        reign.adverts += count
        reign.seen, reign.last = self.last, base | self.number
        self._habit(node.counters[4], count)
        for at, number, counter in latest:
            node.sent.append((at, counter))
            group.history.append(Sent(at, node, 4, *self.shape, counter, base | number))
        group.last = group.last_ipv4 = LastAdvert(node, 4, self.last, *self.shape, self.counter)
        if not self.noted:
            packet = self.packet(self.identification, self.ip_sum, self.tail)
            group.recent.note(self.last, packet)
            self.noted = True
        if self.is_verified:
            span = node.authentication.spans[-1]
            span.end, span.last = self.last, base | self.number
            span.count += count
        self.synced = self.count
        return count

    def close(self, *, over: bool = False) -> None:
        """After the last `sync`: remember what was signed; `over` where nothing will ask."""
        kept = min(self.count, SIGNED_KEPT if over else self.kept)
        base = self.capture << 40
        source = self.key[:4]
        track, seen = self.node.authentication, self.group.signatures.seen
        for index, (at, number, counter) in enumerate(self._latest(kept)):
            raw = counter.to_bytes(8, "big")
            digest = self._digest(kept - 1 - index)
            if self.renews and not over:
                place = 2 * ((self.count - kept + index) % self.kept)
                own = int.from_bytes(self.ids[place : place + 2], "big")
                key = signature_key(4, raw, digest)
                seen[key] = Signature(source, at, base | number, self.shape, own, self.shape)
            if index >= kept - SIGNED_KEPT:
                track.remember(Waiting(at, base | number, raw, digest))
        while len(seen) > KEYS_KEPT:
            seen.popitem(last=False)

    def _latest(self, count: int) -> list[tuple[Nanos, int, int]]:
        """Give time, frame number and counter of the last so many."""
        size, ats, numbers = self.kept, self.ats, self.numbers
        return [
            (ats[index % size], numbers[index % size], self._counter(self.count - 1 - index))
            for index in range(self.count - count, self.count)
        ]

    def _at(self, index: int) -> Nanos:
        """Return the time of the one so many after the last sync, from 0."""
        return self.ats[(self.synced + index) % self.kept]

    @abstractmethod
    def _counter(self, ago: int) -> int:
        """Return the counter of the advertisement so many before the last."""

    @abstractmethod
    def _digest(self, ago: int) -> bytes:
        """Return the digest of the same."""

    def _habit(self, habit: CounterHabit, count: int) -> None:
        """Say how the counter moved."""
        habit.seen += count
        habit.value = self.counter
