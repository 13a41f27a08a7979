"""A group: the nodes that share one vhid on one segment, and who of them is MASTER."""

import functools
from collections import deque
from typing import Any, NamedTuple

from carpscope.auth.explain import Recipe
from carpscope.core.address import card_of, ip_text
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol import timers
from carpscope.timeline.address_holders import Holdings
from carpscope.timeline.contest import Contest
from carpscope.timeline.copies import Recent
from carpscope.timeline.hearing import HearingTrack
from carpscope.timeline.impostor import Heard, Signatures
from carpscope.timeline.log import Log
from carpscope.timeline.node import Node
from carpscope.wire import segment
from carpscope.wire.carp import AdvertView

FRAMES_KEPT = 12
PAIRING = 4
"""Nodes of which the latest IPv4 advertisement is kept, to pair the IPv6 one that follows it."""
MADE_UP_MIN = 8
"""Nodes of a single advertisement from which on they count as a flood of invented senders."""

GroupKey = tuple[tuple[int, ...], int]
"""The segment (`wire.segment`) and the vhid: the same vhid on two VLANs is legal."""


@functools.lru_cache(maxsize=8192)
def group_id(vlan: tuple[int, ...], vhid: int) -> str:
    """Return the name of a group: `vlan10/vhid1`, without a tag `vhid1`, `vxlan7/vhid1`."""
    tags = "".join(f"{segment.part(number)}/" for number in vlan)
    return f"{tags}vhid{vhid}"


def group_words(group: str) -> str:
    """Say the name of a group: `vhid 1 on VLAN 10` of `vlan10/vhid1`, `vhid 1 in vxlan7`."""
    *parts, vhid = group.split("/")
    if not vhid.startswith("vhid"):
        return f"this {group}"  # what is about the run itself
    text = f"vhid {vhid.removeprefix('vhid')}"
    vlans = [part.removeprefix("vlan") for part in parts if part.startswith("vlan")]
    if vlans:
        text += f" on VLAN {'.'.join(vlans)}"
    return text + "".join(f" in {part}" for part in parts if not part.startswith("vlan"))


def vhid_of(group: str) -> int | None:
    """Return the vhid at the end of a group's name, None where the name is of several groups."""
    number = group.rpartition("vhid")[2]
    return int(number) if number.isdecimal() else None


def vlans_of(group: str) -> tuple[int, ...]:
    """Return the VLAN numbers in a group's name, the outer one first."""
    parts = (part.removeprefix("vlan") for part in group.split("/") if part.startswith("vlan"))
    return tuple(int(number) for number in parts)


@dataclass(slots=True)
class LastAdvert:
    """A node's latest advertisement, to pair its IPv6 half and to follow counters."""

    node: Node
    version: int
    at: Nanos
    advbase: int
    advskew: int
    demote: int
    counter: int


class SentAdvert(NamedTuple):
    """The fields of an advertisement that a receiving state machine uses; spoofed ones are left
    out.
    """

    at: Nanos
    node: Node
    version: int
    advbase: int
    advskew: int
    demote: int
    counter: int
    frame: int


ALONE_KEPT = 64
"""Advertisements kept of a group with one node: a second node may have received them."""
COPIED = 8
"""Copies in other captures whose times are kept: an election's burst."""
HISTORY_KEPT = 2048
"""Advertisements kept of a group with several nodes: a quarter of an hour of two masters."""


@dataclass(slots=True)
class Crowd:
    """Senders that were counted and not followed as nodes, of one or several groups."""

    group: GroupKey
    """The group that they named, or the first of several."""
    is_one: bool
    """Whether they named only that group."""
    start: Nanos
    end: Nanos
    adverts: int = 0
    again: int = 0
    """How many of the advertisements came from a sender that had been counted before."""
    first: int = 0
    """The first frame."""
    closing: list[int] = field(default_factory=lambda: [0] * FRAMES_KEPT)
    """The last frames: a ring, written at place `adverts` modulo its length."""

    @property
    def senders(self) -> int:
        """Return how many senders were counted.

        A sender that comes again after very many others is not recognised and counts twice.
        """
        return self.adverts - self.again

    def count(self, at: Nanos, frame: int) -> None:
        """Take one advertisement."""
        self.first = self.first or frame
        self.closing[self.adverts % FRAMES_KEPT] = frame
        self.adverts += 1
        self.end = at

    @property
    def frames(self) -> tuple[int, ...]:
        """Return the first frame and the last ones."""
        last = sorted(frame for frame in self.closing if frame)
        return tuple(dict.fromkeys((self.first, *last)))


@dataclass(frozen=True, slots=True)
class Unheard:
    """A stretch in which a node's own capture lacks what another node sent."""

    sender: Node
    receiver: Node
    start: Nanos
    end: Nanos | None
    """None where it lasts to the end of the captures."""
    count: int


@dataclass(slots=True, eq=False)
class Group:
    """One vhid on one segment."""

    vlan: tuple[int, ...]
    vhid: int
    nodes: dict[bytes, Node] = field(default_factory=dict)
    """By source address; the two addresses of a dual-stack node lead to one node."""
    met: int = 0
    """How many nodes were ever followed in it; gives each its `order`."""
    families: set[int] = field(default_factory=set)
    recipes: list[Recipe] = field(default_factory=list)
    last: LastAdvert | None = None
    ipv4: list[LastAdvert] = field(default_factory=list)
    """The latest IPv4 advertisement of each of the `PAIRING` latest nodes, the latest first."""
    recent: Recent = field(default_factory=Recent)
    copies: int = 0
    copied: "deque[tuple[Nanos, int, bytes]]" = field(default_factory=lambda: deque(maxlen=COPIED))
    """(time, counter, source) of the latest copies in other captures: when other places received
    what the sender's own place may show later, for no clock is exact."""
    spoofed: int = 0
    """Replayed and forged advertisements; they count for no node."""
    announced: dict[bytes, None] = field(default_factory=dict)
    """Addresses that were announced with this group's virtual MAC, in order."""
    holdings: Holdings = field(default_factory=Holdings)
    """Hosts that hold addresses of the group without advertising."""
    spoofed_at: Nanos = -(1 << 62)
    """The time of the latest spoofed advertisement."""
    lies: tuple[tuple[Nanos, int], ...] = ()
    """(time, counter) of the latest spoofed advertisements."""
    contests: list[Contest] = field(default_factory=list)
    """Every time with several masters, however short."""
    log: Log = field(default_factory=Log)
    signatures: Signatures = field(init=False)
    _history: deque[SentAdvert] = field(default_factory=lambda: deque(maxlen=ALONE_KEPT))
    _taken: int = 0
    """Rows of the log that the history has taken over."""
    hearing: HearingTrack = field(default_factory=HearingTrack)
    masters: list[Node] = field(default_factory=list)
    """Nodes with a MASTER period that lasts."""
    crowd: Crowd | None = None
    """Senders of this group that are only counted (`timeline.strangers`), None without any."""
    revision: int = 0
    """Goes up with each change of the group, so that cached results can be compared."""
    unheard: list[Unheard] = field(default_factory=list)
    """Stretches that other captures prove (`detect.proof`)."""
    links: tuple[object, list[Any]] | None = None
    """Cache of `timeline.links`: the state of the group that was read, and its broken links."""

    def __post_init__(self) -> None:
        """Make the signatures a view of the log."""
        self.signatures = Signatures(self.log)

    @property
    def history(self) -> deque[SentAdvert]:
        """Return the latest advertisements for `timeline.replay`.

        At most `ALONE_KEPT`, and `HISTORY_KEPT` once the group has two nodes.
        """
        log, history = self.log, self._history
        if self._taken != log.total:
            assert history.maxlen is not None
            for run, place in log.since(self._taken, history.maxlen):
                plain, counter = run.plain, int.from_bytes(run.counter(place), "big")
                at, frame = run.at[place], run.frame(place)
                history.append(SentAdvert(at, run.node, run.version, *plain.shape, counter, frame))
            self._taken = log.total
        return history

    @history.setter
    def history(self, history: deque[SentAdvert]) -> None:
        self._history = history
        self._taken = self.log.total

    @property
    def history_size(self) -> int:
        """Return the length of `history` without filling it from the log."""
        assert self._history.maxlen is not None
        return min(self._history.maxlen, len(self._history) + self.log.total - self._taken)

    def shrink(self, count: int) -> None:
        """Drop all but the latest `count` of the history."""
        excess = self.history_size - count
        while excess > 0 and self._history:
            self._history.popleft()
            excess -= 1
        if excess > 0:
            self._taken = self.log.total - count

    @property
    def is_crowded(self) -> bool:
        """Return whether more senders name the group than are followed, or most may be invented."""
        if self.crowd is not None or len(self.nodes) <= MADE_UP_MIN:
            return self.crowd is not None
        unsteady = 0
        for node in self.nodes.values():  # a generator costs more than most answers
            unsteady += not (node.is_proved or node.is_steady)
        return unsteady > MADE_UP_MIN

    @property
    def key(self) -> GroupKey:
        """Return VLANs and vhid."""
        return self.vlan, self.vhid

    @property
    def id(self) -> str:
        """Return the name of the group."""
        return group_id(self.vlan, self.vhid)

    def resume(self, at: Nanos) -> list[Node]:
        """Begin again after a time in which nothing was captured, at `at`.

        Drops what the next advertisement would be compared with, starts each master's due time
        again, and returns the masters.
        """
        for node in self.masters:
            node.due = max(node.due, at + timers.overdue(node.advbase, node.advskew))
        self.last = None
        self.ipv4 = []
        self.history.clear()
        self.revision += 1
        for node in self.members:
            node.sent.clear()
            node.held = []
            node.heard_better = node.bow_out = node.spoofed = None
            for habit in node.counters.values():
                habit.value = -1
        return self.masters

    @property
    def contest(self) -> Contest | None:
        """Return the contest that goes on, if one does."""
        return self.contests[-1] if self.contests and self.contests[-1].open else None

    @property
    def members(self) -> list[Node]:
        """Return the nodes, each once, in order of appearance."""
        return sorted({id(node): node for node in self.nodes.values()}.values(), key=_order)

    @property
    def known(self) -> list[Node]:
        """Return the members; of a crowded group only those that advertised more than once."""
        members = self.members
        return [node for node in members if node.is_steady] if self.is_crowded else members

    @property
    def established(self) -> list[Node]:
        """Return the members, without those known only by one advertisement that does not verify.

        Findings are about these: one unverified packet is no evidence of a node.
        """
        return [node for node in self.known if node.is_known]

    def note_ipv4(self, seen: LastAdvert) -> None:
        """Keep an IPv4 advertisement, to pair it with the IPv6 one of the same node that follows.

        Nodes that begin at once mix their pairs: IPv4 of both, then IPv6 of both.
        """
        others = [one for one in self.ipv4 if one.node is not seen.node]
        self.ipv4 = [seen, *others[: PAIRING - 1]]

    def pairs(self, version: int, at: Nanos, shape: tuple[int, int, int]) -> LastAdvert | None:
        """Return the IPv4 advertisement of the node that sent an IPv6 one right behind it.

        None where there is none, or where it may be that of either of two nodes.
        """
        halves = [
            half
            for half in (self.ipv4 if version == 6 else ())
            if 0 <= at - half.at <= timers.PAIR
            and (half.advbase, half.advskew, half.demote) == shape
            and not any(len(a) == 16 for a in half.node.addresses)
        ]
        return halves[0] if len(halves) == 1 else None

    def node_of(self, source: bytes, version: int, at: Nanos, shape: tuple[int, int, int]) -> Node:
        """Return the node that sent an advertisement; a new one where its source is not known.

        An IPv6 advertisement right behind an IPv4 one of the same advbase, advskew and
        demotion belongs to the same node; that is settled the first time.
        """
        node = self.nodes.get(source)
        if node is not None:
            return node
        half = self.pairs(version, at, shape)
        if half is not None:
            self.nodes[source] = half.node
            half.node.addresses.append(source)
            half.node.own_mac = half.node.own_mac or card_of(source)
            return half.node
        if self.nodes and self.history.maxlen == ALONE_KEPT:
            self.history = deque(self.history, maxlen=HISTORY_KEPT)
        node = Node(ip_text(source), self.met, [source])
        self.met += 1
        self.nodes[source] = node
        return node

    def other_half(
        self, source: bytes, version: int, at: Nanos, shape: tuple[int, int, int], counter: int
    ) -> tuple[Node, Node] | None:
        """Return (node to remove, node to keep) where an IPv6 advertisement shows that two are one.

        They were taken for two where the capture, or the node, began with IPv6 alone. They are one
        where either is new, or the counter goes on from the IPv4 half (OpenBSD's is equal in
        both). Else None.
        """
        node = self.nodes.get(source) if version == 6 else None
        if node is None or any(len(one) != 16 for one in node.addresses):
            return None
        half = self.pairs(version, at, shape)
        if half is None:
            return None
        is_new = node.adverts <= 1 or half.node.adverts <= 1
        return (node, half.node) if is_new or 0 <= counter - half.counter <= 1 else None

    def deceive(self, at: Nanos, counter: int) -> None:
        """Note a spoofed advertisement: nodes accept it, and may count on from its counter."""
        self.spoofed += 1
        self.spoofed_at = at
        self.lies = (*self.lies[-7:], (at, counter))
        for master in self.masters:
            if master.spoofed is None:
                master.spoofed = at

    def heard(self, source: bytes, mac: bytes | None, view: AdvertView) -> Heard:
        """Return the counters that the sender of an advertisement may count on from."""
        known = self.known if self.is_crowded else self.nodes.values()
        members = [member for member in known if member.sent]
        return Heard(
            {member.sent[-1][1] for member in members},
            (
                *(sent for member in members for sent in member.sent),
                *((at, counter) for at, counter, one in self.copied if one != source),
                *self._held(source, members, view),
            ),
            self.lies,
            mac,
            (view.advbase, view.advskew),
            bool(self.recipes),
            any(len(member.counters) > 1 for member in members),
        )

    def _held(
        self, source: bytes, members: list[Node], view: AdvertView
    ) -> list[tuple[Nanos, int]]:
        """Return (time, counter) of what is held of others (`timeline.foreign`).

        Who signs as nothing supplied explains may have accepted that: both were given a new key.
        """
        node = self.nodes.get(source)
        held = [(one.at, one.view) for other in members if other is not node for one in other.held]
        if not held or (
            node is not None
            and node.authentication.explains(view.counter, view.digest, self.recipes)
        ):
            return []
        return [(at, one.counter_value) for at, one in held if one.has_counter]

    def is_copy(self, at: Nanos, packet: bytes) -> bool:
        """Return whether these bytes, from IP on, were seen within the copy window; keep them."""
        if self.recent.has(at, packet):
            self.copies += 1
            return True
        self.recent.note(at, packet)
        return False


def _order(node: Node) -> int:
    return node.order
