"""Senders beyond the limits: counted, and followed as nodes only for a reason.

Within the limits (`timeline.limits`) each source that advertises becomes a node. Beyond them a new
source is a stranger: 64 bits of it are kept in a table that later strangers overwrite. That is
enough to recognise it when its next advertisement comes at the interval that it announced; a
sender invented for one packet never advertises again. At 100,000 strangers a second, a node with
one advertisement a second is recognised with a probability of four fifths each time.

`take` judges a packet by its bytes, without decoding; only packets that could concern a node that
is followed go on to the observer.
"""

from array import array
from collections import OrderedDict
from typing import NamedTuple
from zlib import crc32

from carpscope.adverts.cut import layouts, plain_of
from carpscope.adverts.train import Plain
from carpscope.core.batch import Batch, Row
from carpscope.core.frame import Frame
from carpscope.core.units import Nanos
from carpscope.protocol import timers
from carpscope.protocol.spans import ESTABLISHED, FLOOD_APART, FLOOD_RETRY, GONE
from carpscope.timeline.group import Crowd, Group, GroupKey
from carpscope.timeline.limits import Limits
from carpscope.timeline.log import SignedCounter
from carpscope.timeline.node import FRAME_BITS, Node, frame_ref
from carpscope.wire.carp import AdvertView, interval_ns

SLOTS_BITS = 19
CROWDS_KEPT = 200
WAYS_KEPT = 8192
FOREVER: Nanos = 1 << 62

Due = list[tuple[Nanos, int, Group, Node]]
_int = int.from_bytes
_SLOT_MASK = (1 << SLOTS_BITS) - 1
_TICK_BITS = 22
"""Times in the table are in units of 4.2 ms; 40 bits of them are a century."""
_TIME_MASK = (1 << 40) - 1


def _seed(key: GroupKey) -> int:
    """Return the hash of a group, with which the hashes of its senders begin."""
    return (key[0][-1] if key[0] else 0) << 8 | key[1]


def invented(group: Group) -> Crowd | None:
    """Return the nodes of a group that a flood made before it was known to be one, as a crowd."""
    nodes = [node for node in group.members if not node.is_steady and node.master_periods]
    if not nodes:
        return None
    start, end = min(node.first for node in nodes), max(node.last for node in nodes)
    frames = sorted(node.master_periods[0].first for node in nodes)
    crowd = Crowd(group.key, True, start, start)
    for frame in frames:
        crowd.count(end, frame)
    return crowd


def _verifies(group: Group, tail: bytes) -> bool:
    """Return whether a recipe explains an advertisement; `tail` is checksum, counter and HMAC."""
    row = b"\0\0\0\0" + tail
    return any(recipe.signer.verifies(row, 0, 1) for recipe in group.recipes)


class _Way(NamedTuple):
    """What advertisements of strangers to one group have in common, valid for one `revision`."""

    plain: Plain
    """The constant bytes of one of the advertisements."""
    group: Group
    revision: int
    crowd: Crowd
    seen: OrderedDict[bytes, SignedCounter]
    rest: int
    """The sum of the words that the checksum covers before the tail."""
    is_small: bool
    """Whether the group is below its own limits, so that only the limit of the whole run keeps new
    nodes out."""
    expected: tuple[bytes, ...]
    """Addresses of the group's configured nodes."""
    seed: int


class Strangers:
    """Decides which senders of one run are followed and which are only counted."""

    def __init__(self, groups: dict[GroupKey, Group], limits: Limits, due: Due) -> None:
        """Share the observer's groups and its table of deadlines.

        A packet is left to the observer if a deadline comes before it. The observer also keeps
        `followed` up to date.
        """
        self._groups = groups
        self.limits = limits
        self.followed = 0
        """Nodes in all groups."""
        self._due = due
        self.crowded_from = min(limits.nodes, limits.group_free)
        """With fewer nodes than this no limit can be reached."""
        self._expected: dict[GroupKey, tuple[bytes, ...]] = {}
        self.forgotten_nodes = 0
        self.forgotten_groups = 0
        self.elsewhere: Crowd | None = None
        """The senders that name groups that are not followed."""
        self._past: list[Crowd] = []
        self._ways: dict[bytes, _Way] = {}
        """By the constant bytes of an advertisement."""
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
        """Return every flood of strangers, past ones included."""
        found = [g.crowd or invented(g) for g in self._groups.values() if g.is_crowded]
        return [*self._past, *(one for one in (self.elsewhere, *found) if one is not None)]

    def is_crowded(self, group: Group | None) -> bool:
        """Return whether a new sender is followed only for a reason (`admits`)."""
        return self.followed >= self.limits.nodes or (
            group is not None and len(group.nodes) >= self.limits.group_free
        )

    def is_full(self, group: Group | None) -> bool:
        """Return whether a node has to be forgotten before a new one can be followed."""
        return self.followed >= self.limits.nodes or (
            group is not None and len(group.nodes) >= self.limits.group_nodes
        )

    def is_invented(self, group: Group, node: Node) -> bool:
        """Return whether a node is probably invented: a flood goes on, and it is not steady."""
        crowded = group.is_crowded or self.elsewhere is not None
        return crowded and not node.is_steady

    def is_made_up(self, group: Group) -> bool:
        """Return whether all nodes of a group are probably invented."""
        return all(self.is_invented(group, node) for node in group.nodes.values())

    def take(self, batch: Batch, index: int, row: Row) -> bool:
        """Count an advertisement of a sender that is not followed; False where `see` must take it.

        Decides as `admits` does, for packets without anything unusual. What is the same in many
        packets of a flood is looked up in `_ways`.
        """
        at, number, offset, captured, wire, interface = row
        layout = layouts(batch.links[interface]).get(captured)
        if layout is None or wire != captured:
            return False
        head, _, middle, _, key, tail = layout.parts.unpack_from(batch.data, offset)
        size = 4 if layout.version == 4 else 16
        source, name = key[:size], head + middle + key[size:]
        capture = batch.capture_of(index)
        ref = capture << FRAME_BITS | number
        way = self._ways.get(name)
        if way is None or way.group.revision != way.revision:
            if way is not None:
                del self._ways[name]
            plain = plain_of(layout, head, middle, key, capture)
            return plain is not None and self._take(plain, name, tail, at, ref)
        crowd, group, signed = way.crowd, way.group, tail[2:]
        mark = crc32(source, way.seed)
        slot, tag = mark & _SLOT_MASK, mark >> 8
        if (
            source in group.nodes
            or source in way.expected
            or at - crowd.end > FLOOD_APART
            or self._slots[slot] >> 40 == tag
            or b"%c%b" % (layout.version, signed) in way.seen
            or (way.is_small and self.followed < self.limits.nodes)
            or (_int(tail, "big") + way.rest) % 65535
            or _verifies(group, tail)
        ):
            return self._take(way.plain._replace(source=source), name, tail, at, ref)
        self._slots[slot] = tag << 40 | at >> _TICK_BITS & _TIME_MASK
        crowd.count(at, ref)
        return True

    def _take(self, plain: Plain, name: bytes, tail: bytes, at: Nanos, ref: int) -> bool:
        """Do the same for a packet whose constant bytes are not in `_ways` yet."""
        key: GroupKey = plain.vlans, plain.vhid
        source, group, limits = plain.source, self._groups.get(key), self.limits
        if group is not None and (
            source in group.nodes
            or (len(group.nodes) < limits.group_free and self.followed < limits.nodes)
        ):
            return False
        if group is None and self.followed < limits.nodes:
            return False
        rest = _int(name[-6:], "big")  # 2^240 = 1 modulo 65535
        if (_int(tail, "big") + rest) % 65535:
            return False
        counter, digest = tail[2:10], tail[10:]
        shape = plain.advbase << 8 | plain.advskew
        if self._concerns(key, group, source, shape, counter, digest, at, ref):
            return False
        if group is not None and group.crowd is not None:
            if len(self._ways) >= WAYS_KEPT:
                self._ways.clear()
            self._ways[name] = _Way(
                plain,
                group,
                group.revision,
                group.crowd,
                group.signatures.seen,
                rest,
                len(group.nodes) < limits.group_free,
                self._expected.get(key, ()),
                _seed(key),
            )
        return True

    def admits(
        self, group: Group | None, key: GroupKey, source: bytes, view: AdvertView, frame: Frame
    ) -> bool:
        """Return whether the observer has to take an advertisement of a new sender; else count it.

        It has to if the sender is configured, verifies, copies what a followed node signed, or
        advertises at its announced interval and has done so for longer than a followed node.
        """
        ref = frame_ref(frame.capture, frame.number)
        shape = view.advbase << 8 | view.advskew
        at = frame.at
        return self._concerns(key, group, source, shape, view.counter, view.digest, at, ref)

    def _concerns(
        self,
        key: GroupKey,
        group: Group | None,
        source: bytes,
        shape: int,
        counter: bytes,
        digest: bytes,
        at: Nanos,
        ref: int,
    ) -> bool:
        if self._welcomed == ref:
            return True  # it was asked before: the packet is on its way
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
        if crowd is None or at - crowd.end > FLOOD_APART:
            crowd = self._crowd(key, group, at)
        slots, mark = self._slots, crc32(source, _seed(key))
        slot, tag = mark & _SLOT_MASK, mark >> 8
        now = at >> _TICK_BITS & _TIME_MASK
        before = slots[slot]
        slots[slot] = tag << 40 | now
        self._known_for = 0
        again = before >> 40 == tag
        if again:
            since = (now - before & _TIME_MASK) << _TICK_BITS
            interval = interval_ns(shape >> 8, shape & 255)
            if interval * 3 // 4 <= since <= timers.gone(shape >> 8, shape & 255):
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
        """Return the crowd to count a sender in; a new one where there is none."""
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
        """Keep a crowd that is over, or whose group is forgotten, for `crowds`."""
        if crowd is not None:
            self._past = [*self._past, crowd][-CROWDS_KEPT:]

    # Making a place

    def victim(self, group: Group | None, at: Nanos) -> tuple[Group, Node] | None:
        """Return the node to forget for the sender admitted last, None where it goes itself.

        It must have been followed for less long than that sender.
        """
        if group is not None and len(group.nodes) >= self.limits.group_nodes:
            found = min(
                group.nodes.values(), key=lambda node: (self.standing(group, node, at), node.last)
            )
            if self.standing(group, found, at) < self._known_for:
                return group, found
            return None
        if not self._victims and at - self._retry >= FLOOD_RETRY:
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
        """Return the nodes that may be forgotten, the first to go at the end of the list."""
        found = [
            (standing, node.last, group, node)
            for group in self._groups.values()
            for node in group.members
            if (standing := self.standing(group, node, at)) < ESTABLISHED
        ]
        return sorted(found, key=lambda one: one[:2], reverse=True)

    def standing(self, group: Group, node: Node, at: Nanos) -> Nanos:
        """Return for how long a node has been followed; `FOREVER` for one that always stays."""
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
        self._ways.clear()
        self._keep(group.crowd)

    def notes(self) -> list[str]:
        """Return notes for a report on what was not followed or was forgotten."""
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
