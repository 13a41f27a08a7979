"""Advertisements that the node they name did not send: replayed, forged, looped.

The HMAC covers neither advskew, advbase nor demotion, and no kernel remembers counters,
so whoever saw one advertisement can send it again. What gives it away is the counter:
all but OpenBSD and old pfSense count, and an HMAC seen before is one that was copied.

Look-alikes that are genuine (ucarp-measured.md): a system whose counter is constant; two
nodes that continue from the same counter, each with its own address; one node that
repeats a counter of its own after relearning an older one, in its own beat; a ucarp that was
stopped or cut off counts on from whatever was queued for it meanwhile.
"""

from collections import OrderedDict
from collections.abc import Callable
from enum import Enum

from carpscope.adverts.train import RowKind, Train
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.identify import UNIDENTIFIED
from carpscope.timeline.log import KEYS_KEPT, Log, Shape, SignedCounter
from carpscope.timeline.node import FRAME_BITS, FrameRef, Node
from carpscope.wire.carp import BOW_OUT, AdvertView
from carpscope.wire.ip import IpView

MOVES = 3
"""Moves after which a counter counts as moving: OpenBSD's changes once with every restart."""
_MASK = 0xFFFF_FFFF_FFFF_FFFF
_int = int.from_bytes


class SpoofKind(Enum):
    """What is wrong with an advertisement that is no copy by a mirror port."""

    REPLAYED = "replayed"
    FORGED = "forged"
    FORWARDED = "forwarded"
    """Sent again at once with a lower TTL, as routers do; receivers of the group drop it."""
    COPIED = "copied"
    """The same one that another capture holds, put later by clocks that are not exact."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The counters that the sender of an advertisement may count on from."""

    latest: set[int]
    """The counter that each node of the group sent last."""
    recent: tuple[tuple[Nanos, int], ...]
    """(time, counter) of the last few advertisements of each node, and of copies elsewhere."""
    lies: tuple[tuple[Nanos, int], ...]
    """(time, counter) of spoofed advertisements: receivers accept them, and count on from them."""
    mac: bytes | None
    """The sender's."""
    shape: tuple[int, int]
    """The sender's advbase and advskew."""
    verifies: bool = False
    """Whether anything of the group verifies."""
    is_dual: bool = False
    """Whether a node of the group sends in both families."""

    def may_be(self, counter: int, node: Node | None, at: Nanos) -> bool:
        """Return whether a MASTER may have reached a counter by counting on.

        It counts on from its own last one or from the last that it received: the latest that must
        have reached it by now, or any later one.
        """
        before = counter - 1 & _MASK
        if node is None or not node.sent:
            return False
        own_at, own = node.sent[-1]
        if before == own:
            return True
        late = traits.reaction(node)
        if at - own_at >= timers.too_soon(node.advbase, node.advskew):
            late += timers.PATH  # one captured before the node's own may have reached it after it
        if traits.is_ucarp(node) and not node.is_master:
            # a ucarp whose interface was down sleeps 10 s, and then takes all that was queued
            late = at - own_at
        heard = [one for one in self.recent if one[0] > own_at - late and one not in node.sent]
        # the latest that must have reached it, any that may have been overtaken, and all later
        handed = max((when for when, _ in heard if when <= at - late), default=at - late)
        return before in {value for when, value in heard if when > handed - timers.CROSSING}

    def follows(self, late: Nanos) -> bool:
        """Return whether a backup may claim `late` after the advertisement that it counts on from.

        It does so at once (it preempts) or when its master-down time is over.
        """
        at_once = max(traits.reaction_of(self.mac), timers.ANNOUNCING)
        return late <= at_once or self.waited(late)

    def waited(self, late: Nanos) -> bool:
        """Return whether `late` lies within the master-down time of the sender as a backup.

        A demoted kernel announces a larger advskew than the one that its timer uses.
        """
        earliest = traits.takeover_of(self.mac, self.shape[0], 0).earliest
        latest = traits.takeover_of(self.mac, *self.shape).latest
        return earliest - timers.HOST_LATE <= late <= latest + timers.ANNOUNCING

    def outlasted(self, first: SignedCounter, at: Nanos) -> bool:
        """Return whether a backup may count on from the advertisement before `first` at `at`.

        That one may be older than what is kept of its sender: a backup with advbase 5 waits for
        fifteen advertisements of a master with advbase 1.
        """
        if first.shape[:2] == (BOW_OUT, BOW_OUT):
            return False
        before = traits.interval_of(UNIDENTIFIED, *first.shape[:2])
        waiting = traits.takeover_of(self.mac, *self.shape)
        least = 0 if self.is_dual else before.earliest  # the other family's half was just before
        return (
            waiting.earliest - timers.HOST_LATE <= at - first.at + before.latest
            and at - first.at + least <= waiting.latest + timers.ANNOUNCING
        )

    def ran_out(self, at: Nanos, sent: Nanos) -> bool:
        """Return whether the timer of one family may end at `at`, though the other was served.

        Each family has its master-down timer, and both count on from one counter: of a node that
        loses packets the timer of IPv4 may end soon after an advertisement came in IPv6.
        """
        return self.is_dual and any(
            when <= sent and self.waited(at - when) for when, _ in self.recent
        )

    def came_by(self, counter: int, at: Nanos) -> bool:
        """Return whether the previous counter was sent just now, in either family."""
        before = counter - 1 & _MASK
        return any(
            before == sent and at - when <= timers.BEFORE_ADVERT for when, sent in self.recent
        )

    def goes_on(self, counter: int, at: Nanos) -> bool:
        """Return whether a counter goes on from a captured one, genuine or spoofed.

        A backup that accepted a spoofed advertisement waits its master-down time before it claims;
        an attacker who sends recorded advertisements in their order does not wait.
        """
        before = counter - 1 & _MASK
        return before in self.latest or any(
            before == lie and self.waited(at - sent) for sent, lie in self.lies
        )


def signature_key(version: int, counter: bytes, digest: bytes) -> bytes:
    """Return version, counter and HMAC as one bytes object: a tuple would need four objects."""
    return b"%c%b%b" % (version, counter, digest)


class Signatures:
    """The latest counters and HMACs of one group; rows of the log are added when it is read."""

    __slots__ = ("_log", "_seen", "_taken", "_top")

    def __init__(self, log: Log) -> None:
        """Take the log of the group."""
        self._log = log
        self._seen: OrderedDict[bytes, SignedCounter] = OrderedDict()
        self._taken = 0
        """Rows of the log that were taken over."""
        self._top = -1
        """No counter that was taken over is higher."""

    def __len__(self) -> int:
        """Return how many there are."""
        return min(KEYS_KEPT, len(self._seen) + self._log.signed_since(self._taken))

    @property
    def seen(self) -> OrderedDict[bytes, SignedCounter]:
        """Return each signed counter by `signature_key`, the oldest first."""
        log = self._log
        if self._taken != log.total:
            for run, place in log.since(self._taken, KEYS_KEPT, is_signed=True):
                self._add(run.version, run.counter(place), run.digest(place), run.signature(place))
            self._taken = log.total
        return self._seen

    def shrink(self, count: int) -> None:
        """Drop all but the latest `count`."""
        excess = len(self) - count
        while excess > 0 and self._seen:
            self._seen.popitem(last=False)
            excess -= 1
        if excess > 0:
            self._taken = self._log.total - count

    def fresh(self, train: Train, count: int) -> int:
        """Return how many of the first `count` rows come before one that was signed earlier."""
        plain, first = train.plain, _int(train.counter(0), "big")
        rising = train.kind in (RowKind.ONE, RowKind.COUNTS) and first + count <= _MASK
        if not rising or self._log.overlaps(self._taken, first, first + count - 1):
            seen = self.seen
        elif first > self._top:
            return count
        else:
            seen = self._seen
        before: set[bytes] = set()
        for index in range(count):
            key = signature_key(plain.version, train.counter(index), train.digest(index))
            if key in seen or key in before:
                return index
            before.add(key)
        return count

    def _add(self, version: int, counter: bytes, digest: bytes, first: SignedCounter) -> None:
        self._seen[signature_key(version, counter, digest)] = first
        self._top = max(self._top, _int(counter, "big"))
        if len(self._seen) > KEYS_KEPT:
            self._seen.popitem(last=False)

    def has(self, size: int, counter: bytes, digest: bytes) -> bool:
        """Return whether a counter and HMAC were seen; `size` is the address length, 4 or 16."""
        return signature_key(4 if size == 4 else 6, counter, digest) in self.seen

    def copy(self, version: int, view: AdvertView, capture: int) -> None:
        """Note that a capture holds a copy of an advertisement."""
        first = self.seen.get(signature_key(version, view.counter, view.digest))
        if first is not None:
            first.comes_to(capture)

    def judge(
        self,
        node: Node | None,
        ip: IpView,
        view: AdvertView,
        at: Nanos,
        frame: int,
        hears: Callable[[], Heard],
    ) -> tuple[SpoofKind, SignedCounter] | None:
        """Return how an advertisement is spoofed and which one it copies; None keeps it as genuine.

        `node` has its source address, None where no node has it yet. `hears` gives the counters
        that the sender may count on from; it is called only for a counter and HMAC seen before.
        """
        key = signature_key(ip.version, view.counter, view.digest)
        shape = (view.advbase, view.advskew, view.demote)
        first = self.seen.get(key)
        if first is None:
            first = SignedCounter(ip.source, at, frame, shape, ip.identification or 0, shape)
            self._add(ip.version, view.counter, view.digest, first)
            return None
        heard = hears()
        if first.source != ip.source:
            spoofed = _other_sender(node, first, shape, at, view, heard)
            if spoofed is None:
                first.shapes = {shape} | (first.shapes or set())
            return spoofed
        spoof_kind = _same_source(node, first, ip, shape, (at, frame), view, heard)
        if (
            spoof_kind is SpoofKind.REPLAYED
            and at - first.at <= timers.AFTERMATH
            and node is not None
            and is_counting(node)
            and first.comes_to(frame >> FRAME_BITS)
        ):
            return SpoofKind.COPIED, first
        if (
            spoof_kind is SpoofKind.REPLAYED
            and node is not None
            and _is_forwarded(node, ip, view, at)
        ):
            spoof_kind = SpoofKind.FORWARDED
        if spoof_kind is not None:
            return spoof_kind, first
        if ip.identification:
            first.came_with(ip.identification, shape)
        first.shape = shape
        return None


def _other_sender(
    node: Node | None,
    first: SignedCounter,
    shape: tuple[int, int, int],
    at: Nanos,
    view: AdvertView,
    heard: Heard,
) -> tuple[SpoofKind, SignedCounter] | None:
    """Judge a counter and HMAC that somebody else sent before.

    Two genuine nodes may reach the same counter. A MASTER counts on from its own or from what it
    receives, which may reach it late; a node that counts on from another must itself verify, where
    anything of the group does. A backup that claims counts on from the advertisement that it
    received last, at once or when its master-down time is over.
    """
    vouched = not heard.verifies or (node is not None and node.authentication.has_verified)
    if vouched and heard.may_be(view.counter_value, node, at):
        return None
    if _from_queue(node, first, at, view, heard):
        return None
    if vouched and node is not None and _unseen(node, first, shape, at):
        return None
    before = view.counter_value - 1 & _MASK
    # two backups of one advskew claim at the same time, each before it hears the other
    late = at - first.at > traits.reaction_of(heard.mac)
    if not vouched and late and (shape == first.shape or shape in (first.shapes or ())):
        return SpoofKind.REPLAYED, first
    for sent, counter in heard.recent:
        if counter == before and (heard.follows(at - sent) or heard.ran_out(at, sent)):
            return None
    if heard.outlasted(first, at):
        return None
    # a spoofed advertisement of one family does not stop the other family's timer
    latest = traits.takeover_of(heard.mac, *heard.shape).latest + timers.ANNOUNCING
    if any(counter == before and at - sent <= latest for sent, counter in heard.lies):
        return None
    return (SpoofKind.REPLAYED if shape == first.shape else SpoofKind.FORGED), first


def _from_queue(
    node: Node | None, first: SignedCounter, at: Nanos, view: AdvertView, heard: Heard
) -> bool:
    """Return whether a ucarp that was silent may count on from advertisements queued meanwhile.

    A ucarp that was stopped or cut off takes its queue in order when it goes on, and may claim
    after each packet because its timer has run out: until the queue is empty its counters are old.
    """
    if heard.mac is None or not traits.is_ucarp_mac(heard.mac):
        return False
    if node is None or not node.sent:
        # the sender is not known yet: a counter this old is from a queue, or from an attacker
        return at - first.at >= traits.takeover_of(heard.mac, *heard.shape).earliest
    if not node.authentication.has_verified and heard.verifies:
        return False
    times = [when for when, _ in node.sent]
    wait = traits.takeover(node).earliest
    draining = traits.reaction(node) + view.interval_ns
    return view.counter_value not in {number for _, number in node.sent} and any(
        after - before >= wait and before < first.at and at - after <= draining
        for before, after in zip(times, [*times[1:], at], strict=True)
    )


def _unseen(node: Node, first: SignedCounter, shape: Shape, at: Nanos) -> bool:
    """Return whether a node may have reached a counter as MASTER while no capture saw it.

    Both count on from the same advertisement: the old master at once, a backup that is cut off
    after its master-down time. So it reaches each counter later than the master did, by its
    master-down time less one interval.
    """
    if not node.sent or node.sent[-1][0] >= first.at:
        return False
    waited = (
        traits.takeover(node).earliest - traits.interval_of(UNIDENTIFIED, *first.shape[:2]).latest
    )
    return shape == (node.advbase, node.advskew, node.demote) and at - first.at >= waited


def _same_source(
    node: Node | None,
    first: SignedCounter,
    ip: IpView,
    shape: tuple[int, int, int],
    came: tuple[Nanos, FrameRef],
    view: AdvertView,
    heard: Heard,
) -> SpoofKind | None:
    """Judge a counter and HMAC that came from this address before."""
    at, frame = came
    with_id = first.shape_with(ip.identification) if ip.version == 4 else None
    same_id = with_id is not None
    fresh_id = ip.version == 4 and bool(ip.identification) and not same_id
    counts = node is not None and is_counting(node)
    now = (node.advbase, node.advskew, node.demote) if node is not None else first.shape
    early = node is not None and _early(node, at, ip.version, frame)
    if shape not in (first.shape, now):
        if counts:
            return None if heard.goes_on(view.counter_value, at) else SpoofKind.FORGED
        # A constant counter is no evidence. A random IP id that repeats with other values is,
        if same_id and with_id != shape:
            return SpoofKind.FORGED
        # and so are other values before the node's timer ends: ifconfig restarts the timer.
        other_rate = shape[:2] != now[:2] and shape[:2] != (BOW_OUT, BOW_OUT)
        return SpoofKind.FORGED if early and other_rate and not fresh_id else None
    if not counts:
        if fresh_id:
            return None  # a packet of its own
        # also without ids (IPv6, or always 0): no system sends again before its timer ends
        if same_id and early:
            first.steal(ip.identification or 0)
        again = early and shape == first.shape  # a demotion is advertised at once
        return SpoofKind.REPLAYED if again or first.is_stolen(ip.identification) else None
    if (
        heard.goes_on(view.counter_value, at)
        or heard.may_be(view.counter_value, node, at)
        or (at - first.at > view.interval_ns and heard.came_by(view.counter_value, at))
    ):
        return None  # it counts on from what it sent or received last, as two nodes in turn do
    return SpoofKind.REPLAYED


def _is_forwarded(node: Node, ip: IpView, view: AdvertView, at: Nanos) -> bool:
    """Return whether a router has forwarded a node's latest advertisement: its TTL is lower."""
    soon = at - node.last_of.get(ip.version, at) <= view.interval_ns
    return soon and ip.ttl < max(node.ttl, default=0)


def is_counting(node: Node) -> bool:
    """Tell whether a node's counter moves, as all but OpenBSD's and old pfSense's does."""
    habits = node.counters
    moving = sum(h.random + h.sequential for h in habits.values())
    still = sum(h.constant for h in habits.values())
    if moving > still and moving >= MOVES:
        return True
    # OpenBSD sends one counter in both families, the others two
    return not still and len(habits) == 2 and habits[4].value != habits[6].value


def _early(node: Node, at: Nanos, version: int, frame: FrameRef) -> bool:
    """Return whether an advertisement comes before the node's own timer ends, in this family.

    Compared are only times of the capture that has the frame, and not where its clock was set back.
    """
    last = node.last_in(version, frame >> FRAME_BITS)
    return last is not None and 0 <= at - last < timers.too_soon(node.advbase, node.advskew)
