"""The kinds of steady masters, by how their counters move.

`take` is the loop that long captures and floods spend their time in: what could be shared
is written out twice, since a call per advertisement would show.
"""

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
LANES_KEPT = 256
"""A lane keeps up to 100 kB of times and counters; the other masters take the general path."""
RUNS_KEPT = 64
"""Gaps after which a lane ends: what it has seen would have to be searched for too long."""
_MASK = 0xFFFF_FFFF_FFFF_FFFF


class Constant(Lane):
    """OpenBSD, old pfSense: one cookie and one HMAC, advertisement after advertisement."""

    __slots__ = ("asks", "earliest", "first")
    renews = False

    def __init__(self, group: Group, node: Node, frame: Frame, first: Signature) -> None:
        """Open a lane; `first` is where the one signature was first seen."""
        super().__init__(group, node, frame)
        self.first = first
        self.asks = True
        """Whether ids still matter: once enough of them are known they do not."""
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
        first = self.first
        own = int.from_bytes(identification, "big") if self.asks else 0
        if self.earliest <= since <= self.latest:
            if first.stolen is not None and int.from_bytes(identification, "big") in first.stolen:
                return False
            self.noted = False
        else:
            if not 0 <= since <= self.latest:
                return False
            if self.is_copy(at, head, identification, middle, ip_sum, tail):
                return True
            own = own or int.from_bytes(identification, "big")
            if not own or first.shape_with(own) is not None:
                return False  # early, and not a packet of its own
            if since <= COPY_WINDOW:
                self.note(at, identification, ip_sum, tail)
            else:
                self.noted = False
        if own and self.asks:
            first.came_with(own, self.shape)
            self.asks = not first.is_full
        if not self.is_verified:
            self.wait(at, number, tail)
        index = self.count % self.kept
        self.ats[index] = at
        self.numbers[index] = number
        if self.collects:
            self.collect(identification)
        self.identification = identification
        self.ip_sum = ip_sum
        self.last = at
        self.number = number
        self.count += 1
        return True

    def _counter(self, ago: int) -> int:  # noqa: ARG002
        return self.counter

    def _digest(self, ago: int) -> bytes:  # noqa: ARG002
        return self.tail[10:]

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
        "jumped",
        "last_random",
        "rest",
        "run",
        "runs",
        "seen",
        "sign",
        "stepped",
        "tails",
    )

    def __init__(self, group: Group, node: Node, frame: Frame) -> None:
        """Open a lane; without a recipe the HMACs wait to be explained."""
        super().__init__(group, node, frame)
        spans = node.authentication.spans
        recipe = spans[-1].recipe if self.is_verified else None
        self.sign = recipe.signer.quick() if recipe is not None else None
        self.rest = int.from_bytes(self.key[8:], "big")
        """What the checksum covers beside the tail (2^240 = 1 modulo 65535)."""
        self.doubts = self.sign is None or len(group.nodes) > 1
        """Whether the next counter may have been seen before: from others, or made up."""
        self.seen = group.signatures.seen
        self.run = self.counter
        """Where the counters began that lead to the last one without a gap."""
        self.runs: list[tuple[int, int]] = []
        self.before: set[bytes] = set()
        """Counters from before the last gap, in runs and alone: what comes again was copied."""
        self.tails = [b""] * KEYS_KEPT
        self.stepped = self.jumped = 0
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
        since = at - self.last
        raw = tail[2:10]
        counter = int.from_bytes(raw, "big")
        step = counter - self.counter & _MASK
        if (step != 1 or self.doubts) and self.came_before(counter, raw, tail):
            return self.is_copy(at, head, identification, middle, ip_sum, tail)
        if (
            head != self.head
            or middle != self.middle
            or (identification != NO_ID and not self.has_ids)
            or not 0 <= since <= self.latest
            or (int.from_bytes(tail, "big") + self.rest) % 65535
            or (step != 1 and len(self.runs) >= RUNS_KEPT)
            or (self.sign(raw) != tail[10:] if self.sign is not None else self.is_due())
        ):
            return False
        if since <= COPY_WINDOW:
            self.note(at, identification, ip_sum, tail)
        else:
            self.noted = False
        if step != 1:
            self.jump(counter)
        if step <= 4:
            if not self.stepped:
                self.first_sequential = at
            self.stepped += 1
        else:
            self.last_random = at
            self.jumped += 1
        if self.sign is None:
            self.wait(at, number, tail)
        self.counter = counter
        index = self.count % KEYS_KEPT
        self.tails[index] = tail
        self.ats[index] = at
        self.numbers[index] = number
        if self.has_ids:
            self.ids[2 * index : 2 * index + 2] = identification
        if self.collects:
            self.collect(identification)
        self.identification = identification
        self.ip_sum = ip_sum
        self.tail = tail
        self.last = at
        self.number = number
        self.count += 1
        return True

    def came_before(self, counter: int, raw: bytes, tail: bytes) -> bool:
        """Tell whether a counter, or else its signature, was seen before."""
        return (
            self.run <= counter <= self.counter
            or raw in self.before
            or any(first <= counter <= last for first, last in self.runs)
            or b"\4" + tail[2:] in self.seen
        )

    def jump(self, counter: int) -> None:
        """Begin another run of counters."""
        if self.run == self.counter:
            self.before.add(self.tail[2:10])
            if len(self.before) > 2 * KEYS_KEPT:
                self.before = {tail[2:10] for tail in self.tails}
        else:
            self.runs.append((self.run, self.counter))
        self.run = counter

    def _counter(self, ago: int) -> int:
        return int.from_bytes(self.tails[(self.count - 1 - ago) % KEYS_KEPT][2:10], "big")

    def _digest(self, ago: int) -> bytes:
        return self.tails[(self.count - 1 - ago) % KEYS_KEPT][10:]

    def _habit(self, habit: CounterHabit, count: int) -> None:
        super()._habit(habit, count)
        habit.sequential += self.stepped
        habit.random += self.jumped
        habit.first_sequential = habit.first_sequential or self.first_sequential
        habit.last_random = self.last_random or habit.last_random
        self.stepped = self.jumped = 0


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
