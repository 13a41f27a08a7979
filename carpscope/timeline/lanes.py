"""The hot path: a master that goes on as before.

Nearly every packet of a long capture is the next advertisement of a lone master, verified by
the recipe that verified the last. Such a node gets a lane: the bytes that must stay the same
are compared as bytes, the counter must move as it did, checksum and HMAC are computed, and
only sums are kept. Whatever deviates, in the node or in its group, closes the lane: the sums
go back into the node, and the general path takes the packet. So the results are those of the
general path (tests/timeline/test_lanes.py holds them together).

The reader of a capture asks for a lane before it makes a frame (`core.frame.LAYOUTS` has the
parts of a packet), so a steady master costs no frame and no packet either. What an
advertisement costs then is in docs/performance.md.
"""

import struct
from array import array
from itertools import pairwise

from carpscope.core.frame import LAYOUTS, Frame
from carpscope.core.units import Nanos
from carpscope.timeline.authentication import SIGNED_KEPT, Waiting
from carpscope.timeline.group import ALONE_KEPT, COPY_WINDOW, Group, LastAdvert, Sent
from carpscope.timeline.impostor import IDS_KEPT, KEYS_KEPT, Signature
from carpscope.timeline.node import CounterHabit, Node
from carpscope.wire.decode import Packet
from carpscope.wire.link import ETHERNET

AGAIN = 16
"""Advertisements before a node gets another lane: making one costs as much as some of them."""
_MASK = 0xFFFF_FFFF_FFFF_FFFF
_COUNTER = struct.Struct(">Q").pack


class Lane:
    """One steady master. Its attributes are what `take` touches per advertisement."""

    __slots__ = (
        "ats",
        "capture",
        "copies",
        "count",
        "counter",
        "group",
        "head",
        "identification",
        "ip_sum",
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

    kept = KEYS_KEPT
    """Times and frame numbers kept: as many as signatures are remembered."""
    renews = True
    """Whether every advertisement is signed as none was before."""

    def __init__(self, group: Group, node: Node, frame: Frame) -> None:
        """Open a lane behind an advertisement that the general path has just taken."""
        parts = LAYOUTS[len(frame.data)](frame.data)
        self.head, self.identification, self.middle, self.ip_sum, self.key, self.tail = parts
        self.group = group
        self.node = node
        self.capture = frame.capture
        self.counter = int.from_bytes(self.tail[2:10], "big")
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
        self.ats = array("q", bytes(8 * self.kept))
        self.numbers = array("q", bytes(8 * self.kept))

    def take(
        self,
        at: Nanos,
        number: int,
        head: bytes,
        identification: bytes,
        middle: bytes,
        ip_sum: bytes,
        tail: bytes,
    ) -> bool:
        """Take one advertisement of this lane's key; False where it deviates."""
        raise NotImplementedError

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

    def is_copy(self, at: Nanos, packet: bytes) -> bool:
        """Tell whether a mirror port delivered this one before; count it."""
        recent = self.group.recent
        if not self.noted:
            recent.note(self.last, self.packet(self.identification, self.ip_sum, self.tail))
            self.noted = True
        if not recent.has(at, packet):
            return False
        self.copies += 1
        return True

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
        latest = self._latest(min(count, ALONE_KEPT))
        before = node.last if count == len(latest) else self._at(count - len(latest) - 1)
        node.intervals += [b - a for a, b in pairwise([before, *(at for at, _, _ in latest)])]
        del node.intervals[:-64]
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
        span = node.authentication.spans[-1]
        span.end, span.last = self.last, base | self.number
        span.count += count
        self.synced = self.count
        return count

    def close(self, *, over: bool = False) -> None:
        """After the last `sync`: remember what was signed; `over` where nothing will ask."""
        kept = min(self.count, SIGNED_KEPT if over else self.kept)
        base = self.capture << 40
        track, seen = self.node.authentication, self.group.signatures.seen
        for index, (at, number, counter) in enumerate(self._latest(kept)):
            raw = counter.to_bytes(8, "big")
            digest = self._digest(raw)
            if self.renews and not over:
                seen[4, raw, digest] = Signature(self.key[:4], at, base | number, self.shape, {})
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

    def _counter(self, ago: int) -> int:
        """Return the counter of the advertisement so many before the last."""
        raise NotImplementedError

    def _digest(self, raw: bytes) -> bytes:
        """Return the digest that one of the last advertisements had."""
        raise NotImplementedError

    def _habit(self, habit: CounterHabit, count: int) -> None:
        """Say how the counter moved."""
        habit.seen += count
        habit.value = self.counter


class Constant(Lane):
    """OpenBSD, old pfSense: one cookie and one HMAC, advertisement after advertisement."""

    __slots__ = ("earliest", "ids", "stolen")
    kept = 64
    renews = False

    def __init__(self, group: Group, node: Node, frame: Frame, first: Signature) -> None:
        """Open a lane; `first` is where the one signature was first seen."""
        super().__init__(group, node, frame)
        self.ids = first.ids
        self.stolen = first.stolen
        self.earliest = self.latest * 3 // 4
        """How soon the next one may come without being early in anybody's eyes."""

    def take(
        self,
        at: Nanos,
        number: int,
        head: bytes,
        identification: bytes,
        middle: bytes,
        ip_sum: bytes,
        tail: bytes,
    ) -> bool:
        """Take one advertisement of this lane's key; False where it deviates."""
        if tail != self.tail or head != self.head or middle != self.middle:
            return False
        since = at - self.last
        own = identification[0] << 8 | identification[1]
        if self.earliest <= since <= self.latest:
            if own in self.stolen:
                return False
            self.noted = False
        else:
            if not 0 <= since <= self.latest:
                return False
            if since <= COPY_WINDOW and self.is_copy(at, self.packet(identification, ip_sum, tail)):
                return True
            if not own or own in self.ids:
                return False  # early, and not a packet of its own
            if since <= COPY_WINDOW:
                self.note(at, identification, ip_sum, tail)
            else:
                self.noted = False
        if own and len(self.ids) < IDS_KEPT:
            self.ids.setdefault(own, self.shape)
        index = self.count % 64
        self.ats[index] = at
        self.numbers[index] = number
        self.identification = identification
        self.ip_sum = ip_sum
        self.last = at
        self.number = number
        self.count += 1
        return True

    def _counter(self, ago: int) -> int:  # noqa: ARG002
        return self.counter

    def _digest(self, raw: bytes) -> bytes:  # noqa: ARG002
        return self.tail[10:]

    def _habit(self, habit: CounterHabit, count: int) -> None:
        super()._habit(habit, count)
        habit.constant += count


class Counting(Lane):
    """A lane whose every advertisement has a counter, and so an HMAC, of its own."""

    __slots__ = ("rest", "sign")

    def __init__(self, group: Group, node: Node, frame: Frame) -> None:
        """Open a lane."""
        super().__init__(group, node, frame)
        recipe = node.authentication.spans[-1].recipe
        assert recipe is not None
        self.sign = recipe.signer.quick()
        self.rest = int.from_bytes(self.key[8:], "big")
        """What the checksum covers beside the tail (2^240 = 1 modulo 65535)."""

    def _digest(self, raw: bytes) -> bytes:
        digest: bytes = self.sign(raw)
        return digest


class Sequential(Counting):
    """FreeBSD, NetBSD, DragonFly, ucarp once they have heard another: one more every time."""

    __slots__ = ("expected", "limit")

    def __init__(self, group: Group, node: Node, frame: Frame) -> None:
        """Open a lane."""
        super().__init__(group, node, frame)
        self.expected = (self.counter + 1 & _MASK).to_bytes(8, "big")
        signed = group.signatures.seen if len(group.nodes) > 1 else ()
        counters = (int.from_bytes(raw, "big") for _, raw, _ in signed)
        self.limit = min((c for c in counters if c > self.counter), default=_MASK)
        """The next counter that was seen before, from another; the last one of all."""

    def take(
        self,
        at: Nanos,
        number: int,
        head: bytes,
        identification: bytes,
        middle: bytes,
        ip_sum: bytes,
        tail: bytes,
    ) -> bool:
        """Take one advertisement of this lane's key; False where it deviates."""
        since = at - self.last
        raw = self.expected
        if tail[2:] != raw + self.sign(raw):
            return 0 <= since <= COPY_WINDOW and self.is_copy(
                at, b"".join((head[-4:], identification, middle, ip_sum, self.key, tail))
            )
        counter = self.counter + 1
        if (
            head != self.head
            or middle != self.middle
            or not 0 <= since <= self.latest
            or (int.from_bytes(tail, "big") + self.rest) % 65535
            or counter >= self.limit
        ):
            return False
        if since <= COPY_WINDOW:
            self.note(at, identification, ip_sum, tail)
        else:
            self.noted = False
        self.counter = counter
        self.expected = _COUNTER(counter + 1)
        index = self.count % KEYS_KEPT
        self.ats[index] = at
        self.numbers[index] = number
        self.identification = identification
        self.ip_sum = ip_sum
        self.tail = tail
        self.last = at
        self.number = number
        self.count += 1
        return True

    def _counter(self, ago: int) -> int:
        return self.counter - ago

    def _habit(self, habit: CounterHabit, count: int) -> None:
        super()._habit(habit, count)
        habit.sequential += count
        habit.first_sequential = habit.first_sequential or self._at(0)


class Random(Counting):
    """The same systems while they have heard nobody: 64 random bits every time."""

    __slots__ = ("before", "counters")

    def __init__(self, group: Group, node: Node, frame: Frame) -> None:
        """Open a lane."""
        super().__init__(group, node, frame)
        self.counters = [b""] * KEYS_KEPT
        self.before = {raw for _, raw, _ in group.signatures.seen}
        """Counters that were seen: one that comes again was copied."""

    def take(
        self,
        at: Nanos,
        number: int,
        head: bytes,
        identification: bytes,
        middle: bytes,
        ip_sum: bytes,
        tail: bytes,
    ) -> bool:
        """Take one advertisement of this lane's key; False where it deviates."""
        since = at - self.last
        raw = tail[2:10]
        if raw in self.before:
            return 0 <= since <= COPY_WINDOW and self.is_copy(
                at, b"".join((head[-4:], identification, middle, ip_sum, self.key, tail))
            )
        counter = int.from_bytes(raw, "big")
        if (
            head != self.head
            or middle != self.middle
            or not 0 <= since <= self.latest
            or (int.from_bytes(tail, "big") + self.rest) % 65535
            or self.sign(raw) != tail[10:]
            or counter - self.counter & _MASK <= 4
        ):
            return False
        if since <= COPY_WINDOW:
            self.note(at, identification, ip_sum, tail)
        else:
            self.noted = False
        self.counter = counter
        index = self.count % KEYS_KEPT
        self.before.discard(self.counters[index])
        self.before.add(raw)
        self.counters[index] = raw
        self.ats[index] = at
        self.numbers[index] = number
        self.identification = identification
        self.ip_sum = ip_sum
        self.tail = tail
        self.last = at
        self.number = number
        self.count += 1
        return True

    def _counter(self, ago: int) -> int:
        return int.from_bytes(self.counters[(self.count - 1 - ago) % KEYS_KEPT], "big")

    def _habit(self, habit: CounterHabit, count: int) -> None:
        super()._habit(habit, count)
        habit.random += count
        habit.last_random = self.last


def lane_for(group: Group, node: Node, packet: Packet) -> Lane | None:
    """Return a lane for a node that has settled, None while anything about it is unusual."""
    frame, ip, link = packet.frame, packet.ip, packet.link
    if (
        node.adverts < node.lane_from
        or group.masters != [node]
        or len(frame.data) not in LAYOUTS
        or frame.wire_length != len(frame.data)
        or frame.link != ETHERNET
        or ip is None
        or link is None
        or ip.version != 4
        or ip.header_offset + 56 != len(frame.data)
        or ip.offset - ip.header_offset != 20
        or ip.length != 36
        or ip.ttl != 255
        or packet.faults
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
    node.lane_from = node.adverts + AGAIN
    if not any(steps):
        data = frame.data
        kept = group.signatures.seen.get((4, data[42:50], data[50:]))
        return Constant(group, node, frame, kept) if kept is not None else None
    if all(step == 1 for step in steps):
        return Sequential(group, node, frame)
    if all(step > 4 for step in steps):
        return Random(group, node, frame)
    return None
