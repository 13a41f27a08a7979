"""Senders that nobody knows, where there are more of them than a network has.

As long as there is room (`timeline.limits`), whoever advertises becomes a node. Then a new
source is a stranger, of which nothing is kept but 64 bits in a table that later strangers
overwrite: enough to know it again when its next advertisement comes in the beat that it
announced, which a sender invented for one packet never does. At 100,000 strangers a second
a node of one advertisement a second is known again with four chances in five each time.

`take` is the short way for a flood: the frame is judged by its bytes, without decoding, and
only one that could concern a node that is followed goes on to the observer.
"""

from array import array
from collections import OrderedDict
from typing import NamedTuple
from zlib import crc32

from carpscope.auth.digest import Start
from carpscope.core.frame import Frame, Shortcut
from carpscope.core.units import SECOND, Nanos
from carpscope.timeline.group import FRAMES_KEPT, Crowd, Group, GroupKey
from carpscope.timeline.impostor import Signature
from carpscope.timeline.limits import ESTABLISHED, GONE, Limits
from carpscope.timeline.node import FRAME_BITS, Node, frame_ref
from carpscope.wire.carp import AdvertView, interval_ns

SLOTS_BITS = 19
CROWDS_KEPT = 200
APART: Nanos = 60 * SECOND
"""Strangers that come after so long without any are another flood."""
HEADS_KEPT = 8192
RETRY: Nanos = SECOND
"""After a search for a place found none, nobody looks again for so long."""
FOREVER: Nanos = 1 << 62

Due = list[tuple[Nanos, int, Group, Node]]
_UNFRAGMENTED = frozenset((b"\x40\x00\xff\x70", b"\x00\x00\xff\x70"))
"""With or without Don't Fragment, TTL 255, protocol 112."""
_int = int.from_bytes
_SLOT_MASK = (1 << SLOTS_BITS) - 1
_TICK_BITS = 22
"""Times in the table are in units of 4.2 ms; 40 bits of them are a century."""
_TIME_MASK = (1 << 40) - 1


def _key(segment: int) -> GroupKey:
    vid = segment >> 8
    return (vid,) if vid else (), segment & 255


def invented(group: Group) -> Crowd | None:
    """Return what was followed of a flood before it was known to be one."""
    nodes = [node for node in group.members if not node.is_steady and node.reigns]
    if not nodes:
        return None
    start, end = min(node.first for node in nodes), max(node.last for node in nodes)
    frames = sorted(node.reigns[0].first for node in nodes)
    crowd = Crowd(group.key, True, start, start)
    for frame in frames:
        crowd.count(end, frame)
    return crowd


class _Way(NamedTuple):
    """What many strangers have in common, until something happens in their group."""

    group: Group
    revision: int
    segment: int
    crowd: Crowd
    nodes: dict[bytes, Node]
    seen: OrderedDict[bytes, Signature]
    rest: int
    """What the checksum covers beside the tail."""
    is_small: bool
    """Whether it has room of its own, so that it depends on all the others who is followed."""
    expected: tuple[bytes, ...]
    """Addresses of the group's configured nodes."""
    signers: list[tuple[Start, Start]]
    """What an HMAC begins with, under each of its recipes."""


class Strangers(Shortcut):
    """Who is followed and who is only counted, in one run."""

    def __init__(self, groups: dict[GroupKey, Group], limits: Limits, due: Due) -> None:
        """Share the observer's groups, and when who is overdue: that comes before a packet.

        `followed` is kept up to date by the observer.
        """
        self._groups = groups
        self.limits = limits
        self.followed = 0
        """Nodes in all groups."""
        self._due = due
        self.capture = 0
        """Which capture is read."""
        self.counted = 0
        """Advertisements that `take` counted,"""
        self.latest: Nanos = 0
        """and the time of the last one; the observer takes both over."""
        self.crowded_from = min(limits.nodes, limits.group_free)
        """With fewer nodes than this nothing is full."""
        self._expected: dict[GroupKey, tuple[bytes, ...]] = {}
        self.forgotten_nodes = 0
        self.forgotten_groups = 0
        self.elsewhere: Crowd | None = None
        """Those that name groups that are not followed."""
        self._past: list[Crowd] = []
        self._heads: dict[bytes, int] = {}
        """What `_segment` said."""
        self._fronts: dict[int, Group] = {}
        """Groups by VLAN and vhid as `take` meets them,"""
        self._ways: dict[bytes, _Way] = {}
        """and by all that does not change while strangers name them."""
        self._welcomed = -1
        self._known_for: Nanos = 0
        self._slots: array[int] = array("Q")
        self._victims: list[tuple[Nanos, Nanos, Group, Node]] = []
        self._retry: Nanos = -FOREVER

    @property
    def expected(self) -> dict[GroupKey, tuple[bytes, ...]]:
        """Return configured groups, and the addresses of their nodes."""
        return self._expected

    @expected.setter
    def expected(self, expected: dict[GroupKey, tuple[bytes, ...]]) -> None:
        self._expected = expected
        self._ways.clear()

    @property
    def crowds(self) -> list[Crowd]:
        """Return every flood of strangers, over or not."""
        found = [g.crowd or invented(g) for g in self._groups.values() if g.is_crowded]
        return [*self._past, *(one for one in (self.elsewhere, *found) if one is not None)]

    def is_crowded(self, group: Group | None) -> bool:
        """Tell whether a newcomer needs a reason to be followed."""
        return self.followed >= self.limits.nodes or (
            group is not None and len(group.nodes) >= self.limits.group_free
        )

    def is_full(self, group: Group | None) -> bool:
        """Tell whether somebody has to be forgotten for it."""
        return self.followed >= self.limits.nodes or (
            group is not None and len(group.nodes) >= self.limits.group_nodes
        )

    def is_invented(self, group: Group, node: Node) -> bool:
        """Tell whether a node is probably one that strangers made up before they were noticed."""
        crowded = group.is_crowded or self.elsewhere is not None
        return crowded and not node.is_steady

    def is_made_up(self, group: Group) -> bool:
        """Tell the same of a whole group."""
        return all(self.is_invented(group, node) for node in group.nodes.values())

    def take(
        self,
        at: Nanos,
        number: int,
        head: bytes,
        key: bytes,
        middle: bytes,
        ip_sum: bytes,
        tail: bytes,
    ) -> bool:
        """Count an advertisement of somebody who is not followed; False where it may matter.

        A shorter way to what `admits` says, for the parts of a packet (`core.frame.LAYOUTS`)
        that hold nothing unusual. What does not change in a flood is looked up at once.
        """
        due = self._due
        if due and due[0][0] < at:
            return False
        way = self._ways.get(head + middle + key[4:])
        if way is None:
            return self._take(at, number, head, key, middle, ip_sum, tail)
        group, revision, segment, crowd, nodes, seen, rest, is_small, expected, signers = way
        source, signed = key[:4], tail[2:]
        mark = crc32(source, segment)
        slot, tag = mark & _SLOT_MASK, mark >> 8
        if (
            group.revision != revision
            or source in nodes
            or source in expected
            or at - crowd.end > APART
            or self._slots[slot] >> 40 == tag
            or b"\x04" + signed in seen
            or (is_small and self.followed < self.limits.nodes)
            or (_int(tail, "big") + rest) % 65535
        ):
            return self._take(at, number, head, key, middle, ip_sum, tail)
        for inner_start, outer_start in signers:
            inner, outer = inner_start(), outer_start()
            inner.update(signed[:8])
            outer.update(inner.digest())
            if outer.digest() == signed[8:]:
                self._welcome(self.capture << FRAME_BITS | number)
                return False
        self._slots[slot] = tag << 40 | at >> _TICK_BITS & _TIME_MASK
        adverts = crowd.adverts
        crowd.adverts = adverts + 1
        crowd.closing[adverts % FRAMES_KEPT] = self.capture << FRAME_BITS | number
        crowd.end = self.latest = at
        self.counted += 1
        return True

    def _welcome(self, ref: int) -> None:
        """Let the general path follow the sender of a frame."""
        self._known_for = FOREVER
        self._welcomed = ref

    def _take(
        self,
        at: Nanos,
        number: int,
        head: bytes,
        key: bytes,
        middle: bytes,
        ip_sum: bytes,  # noqa: ARG002
        tail: bytes,
    ) -> bool:
        """Do the same for whatever is not usual in a flood."""
        ref = self.capture << FRAME_BITS | number
        if self._welcomed == ref:
            return False  # a reader has asked before: the frame is on its way
        segment = self._heads.get(head)
        if segment is None:
            segment = self._segment(head)
        if (
            segment < 0
            or key[4:9] != b"\xe0\x00\x00\x12\x21"
            or key[11] != 7
            or middle not in _UNFRAGMENTED
        ):
            return False
        segment |= key[9]
        group = self._fronts.get(segment)
        if group is None:
            group = self._groups.get(_key(segment))
            if group is not None:
                self._fronts[segment] = group
        limits, source = self.limits, key[:4]
        mark = crc32(source, segment)
        crowd: Crowd | None = None
        if group is not None:
            if source in group.nodes or (
                len(group.nodes) < limits.group_free and self.followed < limits.nodes
            ):
                return False
            crowd = group.crowd
        elif self.followed < limits.nodes:
            return False
        rest = _int(key[8:], "big")  # of what the checksum covers (2^240 = 1 modulo 65535)
        if (_int(tail, "big") + rest) % 65535:
            return False
        if group is not None and crowd is not None:
            if len(self._ways) >= HEADS_KEPT:
                self._ways.clear()
            expected = self._expected.get(_key(segment), ())
            signers = [recipe.signer.starts() for recipe in group.recipes]
            self._ways[head + middle + key[4:]] = _Way(
                group,
                group.revision,
                segment,
                crowd,
                group.nodes,
                group.signatures.seen,
                rest,
                len(group.nodes) < limits.group_free,
                expected,
                signers,
            )
        shape = key[13] << 8 | key[10]
        if self._concerns(
            _key(segment), group, source, shape, tail[2:10], tail[10:], at, mark, ref
        ):
            return False
        self.counted += 1
        self.latest = at
        return True

    def _segment(self, head: bytes) -> int:
        """Return the VLAN that the head of a frame names, shifted; -1 for an unusual head."""
        vid = 0
        segment = -1
        rest = head[12:]
        if len(head) == 22 and head[12:14] == b"\x81\x00":
            vid = (head[14] & 15) << 8 | head[15]
            rest = head[16:]
        if (
            rest[:3] == b"\x08\x00\x45"
            and rest[4:] == b"\x00\x38"
            and head[:6] == b"\x01\x00\x5e\x00\x00\x12"
        ):
            segment = vid << 8 if vid or len(head) == 18 else -1
        if len(self._heads) >= HEADS_KEPT:
            self._heads.clear()
        self._heads[head] = segment
        return segment

    def admits(
        self, group: Group | None, key: GroupKey, source: bytes, view: AdvertView, frame: Frame
    ) -> bool:
        """Tell whether a newcomer to what is full concerns those who are followed; else count it.

        It does if it is configured, verifies, copies what one of them signed, or advertises
        in its beat and is known for longer than somebody who is followed now.
        """
        ref = frame_ref(frame.capture, frame.number)
        if self._welcomed == ref:
            return True  # `take` found so
        mark = crc32(source, key[1])
        for vid in key[0]:
            mark = crc32(source, vid << 8 | key[1])
        shape = view.advbase << 8 | view.advskew
        return self._concerns(
            key, group, source, shape, view.counter, view.digest, frame.at, mark, ref
        )

    def _concerns(
        self,
        key: GroupKey,
        group: Group | None,
        source: bytes,
        shape: int,
        counter: bytes,
        digest: bytes,
        at: Nanos,
        mark: int,
        ref: int,
    ) -> bool:
        self._known_for = FOREVER
        self._welcomed = ref
        if self._expected:
            wanted = self._expected.get(key)
            if wanted is not None and (group is None or source in wanted):
                return True
        if group is not None:
            for recipe in group.recipes:
                if recipe.signer.sign(counter) == digest:
                    return True
            crowd = group.crowd
        else:
            crowd = self.elsewhere
        if crowd is None or at - crowd.end > APART:
            crowd = self._crowd(key, group, at)
        slots = self._slots
        slot, tag = mark & _SLOT_MASK, mark >> 8
        now = at >> _TICK_BITS & _TIME_MASK
        before = slots[slot]
        slots[slot] = tag << 40 | now
        self._known_for = 0
        again = before >> 40 == tag
        if again:
            since = (now - before & _TIME_MASK) << _TICK_BITS
            interval = interval_ns(shape >> 8, shape & 255)
            if interval * 3 // 4 <= since <= 3 * interval + SECOND:
                self._known_for = since
                if not self.is_full(group) or self.victim(group, at) is not None:
                    return True
        if group is not None and group.signatures.has(len(source), counter, digest):
            return True
        self._welcomed = -1
        crowd.count(at, ref)
        crowd.again += again
        return False

    def _crowd(self, key: GroupKey, group: Group | None, at: Nanos) -> Crowd:
        """Begin to count a flood."""
        if not self._slots:
            self._slots = array("Q", bytes(8 << SLOTS_BITS))
        crowd = Crowd(key, group is not None, at, at)
        if group is not None:
            if group.crowd is None:
                crowd = invented(group) or crowd
            before, group.crowd = group.crowd, crowd
        else:
            before, self.elsewhere = self.elsewhere, crowd
        self._keep(before)
        return crowd

    def _keep(self, crowd: Crowd | None) -> None:
        """Remember a flood that is over, or whose group is forgotten."""
        if crowd is not None:
            self._past = [*self._past, crowd][-CROWDS_KEPT:]

    # Making a place

    def victim(self, group: Group | None, at: Nanos) -> tuple[Group, Node] | None:
        """Return who leaves for the newcomer that was welcomed last: followed for less long."""
        if group is not None and len(group.nodes) >= self.limits.group_nodes:
            found = min(
                group.nodes.values(), key=lambda node: (self.standing(group, node, at), node.last)
            )
            if self.standing(group, found, at) < self._known_for:
                return group, found
            return None
        if not self._victims and at - self._retry >= RETRY:
            self._retry = at
            self._victims = self._weakest(at)
        while self._victims:
            _, _, one, node = self._victims[-1]
            if (
                self._groups.get((one.vlan, one.vhid)) is one
                and one.nodes.get(node.addresses[0]) is node
                and self.standing(one, node, at) < self._known_for
            ):
                return one, node
            self._victims.pop()
        return None

    def _weakest(self, at: Nanos) -> list[tuple[Nanos, Nanos, Group, Node]]:
        """Return who may be forgotten, the first of them last."""
        found = [
            (standing, node.last, group, node)
            for group in self._groups.values()
            for node in group.members
            if (standing := self.standing(group, node, at)) < ESTABLISHED
        ]
        return sorted(found, key=lambda one: one[:2], reverse=True)

    def standing(self, group: Group, node: Node, at: Nanos) -> Nanos:
        """Return for how long a node has been followed; `FOREVER` where it keeps its place."""
        wanted = self._expected.get((group.vlan, group.vhid))
        if wanted is not None and (
            any(address in wanted for address in node.addresses) or len(group.nodes) == 1
        ):
            return FOREVER
        if any(span.recipe is not None for span in node.authentication.spans[-8:]):
            return FOREVER
        if at - node.last > GONE or not node.is_steady:
            return 0
        heard = node.last - node.first
        return FOREVER if heard >= ESTABLISHED else heard

    def forgot(self, group: Group) -> None:
        """Note that a group is no longer followed."""
        self.forgotten_groups += 1
        self._fronts.clear()
        self._ways.clear()
        self._keep(group.crowd)

    def notes(self) -> list[str]:
        """Say what was not followed or was forgotten, for a report."""
        told = []
        adverts = sum(crowd.adverts for crowd in self.crowds)
        if adverts:
            senders = sum(crowd.senders for crowd in self.crowds)
            told.append(
                f"{adverts:,} advertisements of about {senders:,} senders were only counted: "
                f"up to {self.limits.nodes:,} nodes are followed, {self.limits.group_nodes} in a "
                "group, and those that stay before those that come"
            )
        if self.forgotten_nodes:
            told.append(f"{self.forgotten_nodes:,} nodes were forgotten to follow others")
        return told
