"""The kinds of steady masters: how their counters move, and whether their HMACs verify.

`take` is the loop that long captures and floods spend their time in; each kind has one of
its own, since a call or a branch per advertisement would show. They are the same but for
what is checked of the counter and the HMAC.
"""

import struct
from itertools import pairwise

from carpscope.core.frame import LAYOUTS, Frame
from carpscope.core.units import Nanos
from carpscope.timeline.group import COPY_WINDOW, Group
from carpscope.timeline.impostor import KEYS_KEPT, Signature, signature_key
from carpscope.timeline.lane import NO_ID, Lane
from carpscope.timeline.node import CounterHabit, Node
from carpscope.wire.decode import Packet
from carpscope.wire.link import ETHERNET

AGAIN = 16
"""Advertisements before a node gets another lane: making one costs as much as some of them."""
_MASK = 0xFFFF_FFFF_FFFF_FFFF
_COUNTER = struct.Struct(">Q").pack


class Constant(Lane):
    """OpenBSD, old pfSense: one cookie and one HMAC, advertisement after advertisement."""

    __slots__ = ("earliest", "first")
    kept = 64
    renews = False

    def __init__(self, group: Group, node: Node, frame: Frame, first: Signature) -> None:
        """Open a lane; `first` is where the one signature was first seen."""
        super().__init__(group, node, frame)
        self.first = first
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
        if not self.is_verified and self.is_due():
            return False
        since = at - self.last
        own = identification[0] << 8 | identification[1]
        first = self.first
        if self.earliest <= since <= self.latest:
            if first.stolen is not None and own in first.stolen:
                return False
            self.noted = False
        else:
            if not 0 <= since <= self.latest:
                return False
            if since <= COPY_WINDOW and self.is_copy(at, self.packet(identification, ip_sum, tail)):
                return True
            if not own or first.shape_with(own) is not None:
                return False  # early, and not a packet of its own
            if since <= COPY_WINDOW:
                self.note(at, identification, ip_sum, tail)
            else:
                self.noted = False
        if own:
            first.came_with(own, self.shape)
        if not self.is_verified:
            self.wait(at, number, tail)
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

    def _digest(self, raw: bytes, ago: int) -> bytes:  # noqa: ARG002
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

    def _digest(self, raw: bytes, ago: int) -> bytes:  # noqa: ARG002
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
        counters = (int.from_bytes(key[1:9], "big") for key in signed)
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
            or (identification != NO_ID and not self.has_ids)
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
        if self.has_ids:
            self.ids[2 * index : 2 * index + 2] = identification
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
        self.before = {key[1:9] for key in group.signatures.seen}
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
            or (identification != NO_ID and not self.has_ids)
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
        if self.has_ids:
            self.ids[2 * index : 2 * index + 2] = identification
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


class Unverified(Lane):
    """A moving counter whose HMACs nobody can check: there is no passphrase, or not the one."""

    __slots__ = ("before", "rest", "step", "tails")

    def __init__(self, group: Group, node: Node, frame: Frame, step: int) -> None:
        """Open a lane; `step` is 1 for counters that count, 0 for random ones."""
        super().__init__(group, node, frame)
        self.step = step
        self.rest = int.from_bytes(self.key[8:], "big")
        self.before = {key[1:9] for key in group.signatures.seen}
        self.tails = [b""] * KEYS_KEPT

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
        step = counter - self.counter & _MASK
        if (
            (step != self.step if self.step else step <= 4)
            or head != self.head
            or middle != self.middle
            or (identification != NO_ID and not self.has_ids)
            or not 0 <= since <= self.latest
            or (int.from_bytes(tail, "big") + self.rest) % 65535
            or self.is_due()
        ):
            return False
        if since <= COPY_WINDOW:
            self.note(at, identification, ip_sum, tail)
        else:
            self.noted = False
        self.wait(at, number, tail)
        self.counter = counter
        index = self.count % KEYS_KEPT
        self.before.discard(self.tails[index][2:10])
        self.before.add(raw)
        self.tails[index] = tail
        self.ats[index] = at
        self.numbers[index] = number
        if self.has_ids:
            self.ids[2 * index : 2 * index + 2] = identification
        self.identification = identification
        self.ip_sum = ip_sum
        self.tail = tail
        self.last = at
        self.number = number
        self.count += 1
        return True

    def _counter(self, ago: int) -> int:
        return int.from_bytes(self.tails[(self.count - 1 - ago) % KEYS_KEPT][2:10], "big")

    def _digest(self, raw: bytes, ago: int) -> bytes:  # noqa: ARG002
        return self.tails[(self.count - 1 - ago) % KEYS_KEPT][10:]

    def _habit(self, habit: CounterHabit, count: int) -> None:
        super()._habit(habit, count)
        if self.step:
            habit.sequential += count
            habit.first_sequential = habit.first_sequential or self._at(0)
        else:
            habit.random += count
            habit.last_random = self.last


def lane_for(group: Group, node: Node, packet: Packet) -> Lane | None:
    """Return a lane for a node that has settled, None while anything about it is unusual."""
    frame, ip, link = packet.frame, packet.ip, packet.link
    if (
        node.adverts < node.lane_from
        or len(group.masters) != 1
        or group.masters[0] is not node
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
    verified = bool(track.spans) and track.spans[-1].recipe is not None and not track.waiting
    if not verified and (group.recipes or not track.waiting):
        return None  # one may verify and the next one not
    values = [value for _, value in node.sent][-4:]
    steps = [b - a & _MASK for a, b in pairwise(values)]
    if not steps:
        return None
    node.lane_from = node.adverts + AGAIN
    if not any(steps):
        view = packet.advert
        assert view is not None
        first = group.signatures.seen.get(signature_key(4, view.counter, view.digest))
        return Constant(group, node, frame, first) if first is not None else None
    if all(step == 1 for step in steps):
        return Sequential(group, node, frame) if verified else Unverified(group, node, frame, 1)
    if all(step > 4 for step in steps):
        return Random(group, node, frame) if verified else Unverified(group, node, frame, 0)
    return None
