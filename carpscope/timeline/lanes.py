"""The kinds of steady masters, by how their counters move.

`take` is the loop that long captures and floods spend their time in: what could be shared
is written out twice, since a call per advertisement would show.
"""

from collections.abc import Iterator
from itertools import pairwise

from carpscope.auth.digest import Start
from carpscope.core.frame import LAYOUTS, Frame
from carpscope.core.units import Nanos
from carpscope.timeline.copies import COPY_WINDOW, RECENT_KEPT, Recent
from carpscope.timeline.group import Group
from carpscope.timeline.impostor import KEYS_KEPT, Signature, signature_key
from carpscope.timeline.lane import NO_ID, Lane
from carpscope.timeline.node import CounterHabit, Node
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import Packet
from carpscope.wire.link import ETHERNET

AGAIN = 16
"""Advertisements before a node gets another lane: making one costs as much as some of them."""
LANES_KEPT = 256
"""A lane keeps up to 100 kB of times and counters; the other masters take the general path."""
RUNS_KEPT = 64
"""Gaps after which a lane ends: what it has seen would have to be searched for too long."""
_NEAR = 4
"""Steps up to this count as sequential."""
_int = int.from_bytes
_MASK = 0xFFFF_FFFF_FFFF_FFFF


class Constant(Lane):
    """OpenBSD, old pfSense: one cookie and one HMAC, advertisement after advertisement."""

    __slots__ = ("asks", "earliest", "first", "tokens")
    renews = False

    def __init__(self, group: Group, node: Node, frame: Frame, first: Signature) -> None:
        """Open a lane; `first` is where the one signature was first seen."""
        super().__init__(group, node, frame)
        self.first = first
        self.asks = True
        """Whether ids still matter: once enough of them are known they do not."""
        self.tokens = Recent()
        """Tokens of what came right before: in nothing else may they differ."""
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
        first = self.first
        token = identification + ip_sum
        if self.earliest <= since <= self.latest:
            own = int.from_bytes(identification, "big") if self.asks else 0
            if first.stolen is not None and int.from_bytes(identification, "big") in first.stolen:
                return False
        else:
            if not 0 <= since <= self.latest:
                return False
            if since <= COPY_WINDOW and self.has(at, token):
                self.copies += 1
                return True
            own = int.from_bytes(identification, "big")
            if not own or own == first.own_id or (first.ids is not None and own in first.ids):
                return False  # early, and not a packet of its own
        if self.count >= self.stop and self.pause():
            return False
        if own and self.asks:
            first.came_with(own, self.shape)
            self.asks = not first.is_full
        index = self.count % self.kept
        self.ats[index] = at
        self.numbers[index] = number
        if self.collects:
            self.collect(identification)
        self.token = token
        self.last = at
        self.count += 1
        return True

    def has(self, at: Nanos, token: bytes) -> bool:
        """Tell whether an advertisement that came right before came with the same."""
        recent = self.tokens
        if at - recent.since > COPY_WINDOW:
            recent.forget(at)
        seen = recent.seen
        if len(seen) < RECENT_KEPT:
            seen[self.token] = self.last
        before = seen.get(token) or recent.before.get(token)
        return before is not None and at - before <= COPY_WINDOW

    def recent(self) -> Iterator[tuple[Nanos, bytes]]:
        self.tokens.note(self.last, self.token)
        for token, at in self.tokens.items():
            if self.last - at <= COPY_WINDOW:
                yield at, self.packet(token[:2], token[2:], self.tail)

    def outlasts(self, at: Nanos, source: bytes, view: AdvertView) -> bool:
        return (
            source == self.key[:4]
            and view.counter == self.tail[2:10]
            and view.digest == self.tail[10:]
            and at - self.last <= self.latest
        )

    def _last_id(self) -> bytes:
        return self.token[:2]

    def _tail_at(self, place: int) -> bytes:  # noqa: ARG002
        return self.tail

    def _habit(self, habit: CounterHabit, count: int) -> None:
        super()._habit(habit, count)
        habit.constant += count


class Moving(Lane):
    """Every other system: one more every time, or 64 random bits until it has heard another.

    What the kernel lost of a flood makes a gap, which is no reason to look closer either.
    """

    __slots__ = (
        "before",
        "doubts",
        "first_sequential",
        "highest",
        "inner",
        "ip_sums",
        "jumped",
        "last_random",
        "outer",
        "rest",
        "run",
        "runs",
        "seen",
        "tails",
    )

    def __init__(self, group: Group, node: Node, frame: Frame) -> None:
        """Open a lane; without a recipe the HMACs wait to be explained."""
        super().__init__(group, node, frame)
        spans = node.authentication.spans
        recipe = spans[-1].recipe if self.is_verified else None
        self.inner: Start | None = None
        self.outer: Start | None = None
        """Give the hash states that an HMAC begins with; without a recipe there are none."""
        if recipe is not None:
            self.inner, self.outer = recipe.signer.starts()
        self.rest = int.from_bytes(self.key[8:], "big")
        """What the checksum covers beside the tail (2^240 = 1 modulo 65535)."""
        self.doubts = self.inner is None or len(group.nodes) > 1
        """Whether the next counter may have been seen before: from others, or made up."""
        self.seen = group.signatures.seen
        self.run = self.counter
        """Where the counters began that lead to the last one without a gap."""
        self.runs: list[tuple[int, int]] = []
        self.highest = -1
        """Where the highest of the runs ended."""
        self.before: set[bytes] = set()
        """Counters from before the last gap, in runs and alone: what comes again was copied."""
        self.tails = [b""] * KEYS_KEPT
        self.ip_sums = [b""] * KEYS_KEPT
        self.jumped = 0
        """Since the node's habit was told."""
        self.first_sequential: Nanos | None = None
        self.last_random: Nanos | None = None

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
        raw = tail[2:10]
        counter = _int(raw, "big")
        before = self.counter
        goes_on = counter == before + 1
        if (self.doubts or not goes_on) and (
            self.run <= counter <= before
            or raw in self.before
            or b"\4" + tail[2:] in self.seen
            or (counter <= self.highest and self.is_behind(counter))
        ):
            return self.is_copy(at, head, identification, middle, ip_sum, tail)
        if (
            head != self.head
            or middle != self.middle
            or not 0 <= at - self.last <= self.latest
            or (_int(tail, "big") + self.rest) % 65535
        ):
            return False
        if self.inner is not None and self.outer is not None:
            inner, outer = self.inner(), self.outer()
            inner.update(raw)
            outer.update(inner.digest())
            if outer.digest() != tail[10:]:
                return False
        elif self.count >= self.stop and self.pause():
            return False
        count = self.count
        index = count % KEYS_KEPT
        if self.has_ids:
            self.ids[2 * index : 2 * index + 2] = identification
        elif identification != NO_ID:
            return False
        if goes_on:
            if self.first_sequential is None:
                self.first_sequential = at
        elif not self.jump(counter, at):
            return False
        if self.collects:
            self.collect(identification)
        self.tails[index] = self.tail = tail
        self.ats[index] = self.last = at
        self.numbers[index] = number
        self.ip_sums[index] = ip_sum
        self.counter = counter
        self.count = count + 1
        return True

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
        if head[-4:] == self.head[-4:] and middle == self.middle:
            for index in self._backwards(at):
                if (
                    self.tails[index] == tail
                    and self.ip_sums[index] == ip_sum
                    and self.ids[2 * index : 2 * index + 2] == identification
                ):
                    self.copies += 1
                    return True
        if at - self.opened > COPY_WINDOW:
            return False
        found = self.group.recent.has(at, self.packet(identification, ip_sum, tail))
        self.copies += found
        return found

    def recent(self) -> Iterator[tuple[Nanos, bytes]]:
        for index in reversed(list(self._backwards(self.last))):
            own = bytes(self.ids[2 * index : 2 * index + 2])
            yield self.ats[index], self.packet(own, self.ip_sums[index], self.tails[index])

    def _backwards(self, at: Nanos) -> Iterator[int]:
        """Give the places of what came within the copy window before, the latest first."""
        for ago in range(min(self.count, RECENT_KEPT)):
            index = (self.count - 1 - ago) % KEYS_KEPT
            if at - self.ats[index] > COPY_WINDOW:
                return
            yield index

    def is_behind(self, counter: int) -> bool:
        """Tell whether a counter lies in a run of counters that is over."""
        return any(first <= counter <= last for first, last in self.runs)

    def jump(self, counter: int, at: Nanos) -> bool:
        """Begin another run of counters; False where there were too many."""
        if len(self.runs) >= RUNS_KEPT:
            return False
        if counter - self.counter & _MASK > _NEAR:
            self.last_random = at
            self.jumped += 1
        elif self.first_sequential is None:
            self.first_sequential = at
        if self.run == self.counter:
            self.before.add(self.tail[2:10])
            if len(self.before) > 2 * KEYS_KEPT:
                self.before = {tail[2:10] for tail in self.tails}
        else:
            self.runs.append((self.run, self.counter))
            self.highest = max(self.highest, self.counter)
        self.run = counter
        return True

    def _last_id(self) -> bytes:
        place = 2 * ((self.count - 1) % KEYS_KEPT)
        return bytes(self.ids[place : place + 2])

    def _tail_at(self, place: int) -> bytes:
        return self.tails[place]

    def _habit(self, habit: CounterHabit, count: int) -> None:
        super()._habit(habit, count)
        habit.sequential += count - self.jumped
        habit.random += self.jumped
        habit.first_sequential = habit.first_sequential or self.first_sequential
        habit.last_random = self.last_random or habit.last_random
        self.jumped = 0


def may_be_taken(packet: Packet) -> bool:
    """Tell whether a packet has one of the layouts that shortcuts are asked about."""
    frame, ip = packet.frame, packet.ip
    return (
        len(frame.data) in LAYOUTS
        and frame.wire_length == len(frame.data)
        and frame.link == ETHERNET
        and not packet.tunnels
        and ip is not None
        and ip.version == 4
        and ip.header_offset + 56 == len(frame.data)
        and ip.offset - ip.header_offset == 20
        and ip.length == 36
    )


def lane_for(group: Group, node: Node, packet: Packet) -> Lane | None:
    """Return a lane for a node that has settled, None while anything about it is unusual."""
    frame, ip = packet.frame, packet.ip
    if (
        node.adverts < node.lane_from
        or len(group.masters) != 1
        or group.masters[0] is not node
        or packet.faults
        or len(node.addresses) != 1
        or node.refused_at
        or ip is None
        or ip.ttl != 255
        or not may_be_taken(packet)
    ):
        return None
    track = node.authentication
    verified = bool(track.spans) and track.spans[-1].recipe is not None and not track.waiting
    if not verified and (group.recipes or not track.waiting):
        return None  # one may verify and the next one not
    values = [value for _, value in node.sent][-4:]
    if len(values) < 2:
        return None
    node.lane_from = node.adverts + AGAIN
    steps = [b - a & _MASK for a, b in pairwise(values)]
    if all(steps):
        return Moving(group, node, frame)
    view = packet.advert
    if any(steps) or view is None:
        return None
    first = group.signatures.seen.get(signature_key(4, view.counter, view.digest))
    return Constant(group, node, frame, first) if first is not None else None
