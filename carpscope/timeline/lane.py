"""The hot path: a master that goes on as before, and what every such master shares.

Nearly every packet of a long capture is the next advertisement of a lone master, verified by
the recipe that verified the last. Such a node gets a lane: the bytes that must stay the same
are compared as bytes, the counter must move as it did, checksum and HMAC are computed, and
only sums are kept; what nothing explains stays in the lane until somebody looks at it. Whatever
deviates, in the node or in its group, closes the lane: the sums go back into the node, and the
general path takes the packet. Only a deceit that copies a constant signature leaves it open. So
the results are those of the general path (tests/timeline/test_lanes.py holds them together).

The reader of a capture asks for a lane before it makes a frame (`core.frame.LAYOUTS` has the
parts of a packet), so a steady master costs no frame and no packet either. What an
advertisement costs then is in docs/performance.md. `timeline.lanes` has the kinds of lanes.
"""

from abc import abstractmethod
from array import array
from collections.abc import Iterator
from itertools import pairwise

from carpscope.core.frame import LAYOUTS, Frame, Shortcut
from carpscope.core.units import Nanos
from carpscope.timeline.authentication import SIGNED_KEPT, Waiting
from carpscope.timeline.group import Group, LastAdvert, Sent
from carpscope.timeline.impostor import KEYS_KEPT, Signature, signature_key
from carpscope.timeline.node import SETTLED, CounterHabit, Node
from carpscope.wire.carp import AdvertView

INTERVALS_KEPT = 64
NO_ID = b"\0\0"
FOREVER = 1 << 62


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
        "handed",
        "has_ids",
        "head",
        "ids",
        "is_verified",
        "kept",
        "key",
        "last",
        "latest",
        "middle",
        "node",
        "numbers",
        "opened",
        "shape",
        "stop",
        "synced",
        "tail",
        "token",
    )
    head: bytes
    middle: bytes
    key: bytes
    tail: bytes
    token: bytes

    renews = True
    """Whether every advertisement is signed as none was before."""
    is_verified: bool

    def __init__(self, group: Group, node: Node, frame: Frame) -> None:
        """Open a lane behind an advertisement that the general path has just taken."""
        parts = LAYOUTS[len(frame.data)](frame.data)
        self.head, identification, self.middle, ip_sum, self.key, self.tail = parts
        self.token = identification + ip_sum
        """IPv4 id and header checksum, as it was opened; a lane may keep it up to date."""
        self.group = group
        self.node = node
        self.capture = frame.capture
        self.counter = int.from_bytes(self.tail[2:10], "big")
        self.is_verified = not node.authentication.waiting
        self.shape = (node.advbase, node.advskew, node.demote)
        self.opened = self.last = frame.at
        self.latest = node.due - node.last
        self.count = 0
        """Advertisements taken."""
        self.synced = 0
        """How many of them the node knows of."""
        self.copies = 0
        self.handed = 0
        """How many of them were left to be explained, where none is verified."""
        self.kept = KEYS_KEPT
        """Times and frame numbers kept: as many as signatures are remembered,"""
        if not self.renews:
            assert group.history.maxlen is not None
            if self.is_verified:  # or advertisements
                self.kept = max(2 * INTERVALS_KEPT, group.history.maxlen)
        self.collects = node.adverts < SETTLED
        """Whether the node's fingerprint still wants IPv4 ids."""
        self.has_ids = identification != NO_ID
        self.ids = bytearray(2 * self.kept if self.renews else 0)
        """IPv4 ids: a signature that comes again with its id was copied."""
        self.ats = array("q", bytes(8 * self.kept))
        self.numbers = array("q", bytes(8 * self.kept))
        self.stop = FOREVER
        """After so many advertisements it is time to `pause`."""

    def begin(self) -> None:
        """Be the one that takes."""
        self.group.lane = self
        if not self.is_verified:
            self.node.authentication.lag = self
            self.pause()

    def packet(self, identification: bytes, ip_sum: bytes, tail: bytes) -> bytes:
        """Put an advertisement of this lane together again, from IP on."""
        return b"".join((self.head[-4:], identification, self.middle, ip_sum, self.key, tail))

    @abstractmethod
    def recent(self) -> Iterator[tuple[Nanos, bytes]]:
        """Give the latest that were taken, in order, for whoever looks for copies next."""

    def outlasts(self, at: Nanos, source: bytes, view: AdvertView) -> bool:  # noqa: ARG002
        """Tell whether this lane may stay open if that one proves to be a deceit.

        It counts for nobody then; what has to be known to judge it is in `sync` and `recent`.
        """
        return False

    def collect(self, identification: bytes) -> None:
        """Give the node an IPv4 id for its fingerprint, as the general path does."""
        adverts = self.node.adverts + self.count - self.synced + 1
        self.node.identifications.append(int.from_bytes(identification, "big"))
        self.collects = adverts < SETTLED

    @property
    def pending(self) -> int:
        """Return how many wait to be explained and are not listed yet."""
        return self.count - self.handed

    def pause(self) -> bool:
        """Leave a few samples of what waits too long; tell whether it is to be searched for."""
        track = self.node.authentication
        self.handed = self.count - track.wait_in_turn(self.pending, self.waiting)
        if self.pending > self.kept // 2:
            self._list()
        # the general path takes the one that makes a search due
        self.stop = self.count + min(track.until_due - 1, self.kept - self.pending)
        return self.stop == self.count

    def hand_over(self) -> None:
        """List what waits."""
        if self.pending:
            self.pause()
            self._list()

    def _list(self) -> None:
        listed = self.node.authentication.listed
        listed += [self.waiting(index) for index in range(self.pending)]
        self.handed = self.count

    def clear(self) -> None:
        """Let go of what is pending: others tell of it."""
        self.handed = self.count

    def waiting(self, index: int) -> Waiting:
        """Give one of those that are pending, from 0."""
        place = (self.handed + index) % self.kept
        tail = self._tail_at(place)
        frame = self.capture << 40 | self.numbers[place]
        return Waiting(self.ats[place], frame, tail[2:10], tail[10:])

    def sync(self) -> int:
        """Put what was summed up into the node and its group; return how many were new."""
        group, node, count = self.group, self.node, self.count - self.synced
        group.copies += self.copies
        self.copies = 0
        if not self.is_verified:
            self.pause()  # also without new ones: others may have explained what waited
        if not count:
            return 0
        base = self.capture << 40
        last = base | self.numbers[(self.count - 1) % self.kept]
        reign = node.reign
        assert reign is not None
        assert group.history.maxlen is not None
        times = [self.ats[place] for place in self._latest(min(count, INTERVALS_KEPT + 1))]
        if count <= INTERVALS_KEPT:
            times.insert(0, node.last)
        node.intervals += [b - a for a, b in pairwise(times)]
        del node.intervals[:-INTERVALS_KEPT]
        node.adverts += count
        node.tos[self.head[-3]] += count
        node.ttl[self.middle[2]] += count
        node.dont_fragment[bool(self.middle[0] & 0x40)] += count
        node.last, node.last_frame = self.last, last
        node.last_of[4] = self.last
        node.last_id = int.from_bytes(self._last_id(), "big")
        node.due = self.last + self.latest
        node.heard_better = node.deceived = None
        reign.adverts += count
        reign.seen, reign.last = self.last, last
        self._habit(node.counters[4], count)
        for place in self._latest(min(count, group.history.maxlen)):
            at, counter = self.ats[place], int.from_bytes(self._tail_at(place)[2:10], "big")
            node.sent.append((at, counter))
            frame = base | self.numbers[place]
            group.history.append(Sent(at, node, 4, *self.shape, counter, frame))
        group.last = LastAdvert(node, 4, self.last, *self.shape, self.counter)
        group.note_ipv4(group.last)
        if self.is_verified:
            span = node.authentication.spans[-1]
            span.end, span.last = self.last, last
            span.count += count
        self.synced = self.count
        return count

    def pour(self) -> None:
        """Let the group recognise copies of what was taken."""
        for at, packet in self.recent():
            self.group.recent.note(at, packet)

    def close(self, *, over: bool = False) -> None:
        """After the last `sync`: remember what was signed; `over` where nothing will ask."""
        self.pour()
        if not self.is_verified:
            self.hand_over()
            self.node.authentication.lag = None
        kept = min(self.count, SIGNED_KEPT if over else self.kept)
        base = self.capture << 40
        source = self.key[:4]
        track, seen = self.node.authentication, self.group.signatures.seen
        latest, shape, ids = self._latest(kept), self.shape, self.ids
        if self.renews and not over:
            for place in latest:
                own = int.from_bytes(ids[2 * place : 2 * place + 2], "big")
                frame = base | self.numbers[place]
                tail = self._tail_at(place)
                key = signature_key(4, tail[2:10], tail[10:])
                seen[key] = Signature(source, self.ats[place], frame, shape, own, shape)
        for place in latest[-SIGNED_KEPT if self.renews else -1 :]:
            tail, frame = self._tail_at(place), base | self.numbers[place]
            track.remember(Waiting(self.ats[place], frame, tail[2:10], tail[10:]))
        while len(seen) > KEYS_KEPT:
            seen.popitem(last=False)

    def _latest(self, count: int) -> list[int]:
        """Give the places of the last so many, in order."""
        size = self.kept
        return [index % size for index in range(self.count - count, self.count)]

    @abstractmethod
    def _last_id(self) -> bytes:
        """Return the IPv4 id of the last advertisement."""

    @abstractmethod
    def _tail_at(self, place: int) -> bytes:
        """Return checksum, counter and HMAC of the advertisement at a place."""

    def _habit(self, habit: CounterHabit, count: int) -> None:
        """Say how the counter moved."""
        habit.seen += count
        habit.value = self.counter
