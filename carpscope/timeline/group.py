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
from carpscope.wire.decode import Packet

FRAMES_KEPT = 12
PAIRING = 4
"""Nodes of which one IPv4 advertisement each is kept for the IPv6 one behind it."""
MADE_UP_MIN = 8
"""So many nodes that advertised once are the beginning of a flood, not of a network."""

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
    """Return the vhid that a group's name ends with; none where it names several."""
    number = group.rpartition("vhid")[2]
    return int(number) if number.isdecimal() else None


def vlans_of(group: str) -> tuple[int, ...]:
    """Return the VLAN numbers in a group's name, the outer one first."""
    parts = (part.removeprefix("vlan") for part in group.split("/") if part.startswith("vlan"))
    return tuple(int(number) for number in parts)


@dataclass(slots=True)
class LastAdvert:
    """The advertisement seen last in a group: for pairing families and following counters."""

    node: Node
    version: int
    at: Nanos
    advbase: int
    advskew: int
    demote: int
    counter: int


class SentAdvert(NamedTuple):
    """One genuine advertisement, as much of it as a machine reacts to."""

    at: Nanos
    node: Node
    version: int
    advbase: int
    advskew: int
    demote: int
    counter: int
    frame: int


ALONE_KEPT = 64
"""Advertisements kept of a group with one node: what a second one may have heard before."""
HISTORY_KEPT = 2048
"""The same with several nodes: a quarter of an hour of two masters."""


@dataclass(slots=True)
class Crowd:
    """Senders that were only counted: of one group, or of groups that are not followed."""

    group: GroupKey
    """The group; of several, the first."""
    is_one: bool
    """Whether they named that group only."""
    start: Nanos
    end: Nanos
    adverts: int = 0
    again: int = 0
    """How many of these came from somebody who is known to have come before."""
    first: int = 0
    """The first frame."""
    closing: list[int] = field(default_factory=lambda: [0] * FRAMES_KEPT)
    """The last ones, in turns."""

    @property
    def senders(self) -> int:
        """Return how many they were; one that came again after very many others counts again."""
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
    """What a node's own capture proves that it did not receive."""

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
    """How many nodes there ever were."""
    families: set[int] = field(default_factory=set)
    recipes: list[Recipe] = field(default_factory=list)
    last: LastAdvert | None = None
    ipv4: list[LastAdvert] = field(default_factory=list)
    """The latest IPv4 one of each of a few nodes, the latest first."""
    recent: Recent = field(default_factory=Recent)
    copies: int = 0
    spoofed: int = 0
    """Replayed and forged advertisements; they count for no node."""
    announced: dict[bytes, None] = field(default_factory=dict)
    """Addresses that were announced with this group's virtual MAC, in order."""
    holdings: Holdings = field(default_factory=Holdings)
    """Who held them without advertising."""
    spoofed_at: Nanos = -(1 << 62)
    """When the latest of them came."""
    lies: tuple[tuple[Nanos, int], ...] = ()
    """Time and counter of the latest of them."""
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
    """Who named it beside those who are followed (`timeline.strangers`)."""
    revision: int = 0
    """Counts what changed; whoever keeps what follows from a group compares it."""
    unheard: list[Unheard] = field(default_factory=list)
    """What several captures prove (`detect.proof`)."""
    links: tuple[object, list[Any]] | None = None
    """Its broken links, and what they were read from."""

    def __post_init__(self) -> None:
        """Let what is signed be read from the log."""
        self.signatures = Signatures(self.log)

    @property
    def history(self) -> deque[SentAdvert]:
        """Return the latest advertisements, for the replay; more once there are two nodes."""
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
        """Return how many advertisements the history has, without reading it."""
        assert self._history.maxlen is not None
        return min(self._history.maxlen, len(self._history) + self.log.total - self._taken)

    def shrink(self, count: int) -> None:
        """Forget all of the history but the latest."""
        excess = self.history_size - count
        while excess > 0 and self._history:
            self._history.popleft()
            excess -= 1
        if excess > 0:
            self._taken = self.log.total - count

    @property
    def is_crowded(self) -> bool:
        """Tell whether more senders name it than are followed, or most may be invented."""
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
        """Let go of what the next advertisement is compared with, and wait for masters anew."""
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
        """Return the members; where strangers crowd in, without those of one advertisement."""
        members = self.members
        return [node for node in members if node.is_steady] if self.is_crowded else members

    @property
    def established(self) -> list[Node]:
        """Return the members of whom more is known than one advertisement that nothing explains:
        on that one alone nothing is said of anybody."""
        return [node for node in self.known if node.is_known]

    def note_ipv4(self, seen: LastAdvert) -> None:
        """Remember an IPv4 advertisement: the IPv6 half of a pair is on its way.

        Nodes that begin at once mix their pairs: IPv4 of both, then IPv6 of both.
        """
        others = [one for one in self.ipv4 if one.node is not seen.node]
        self.ipv4 = [seen, *others[: PAIRING - 1]]

    def pairs(self, version: int, at: Nanos, shape: tuple[int, int, int]) -> LastAdvert | None:
        """Return the IPv4 advertisement that an IPv6 one behind it is the other half of.

        Where it may be that of either of two nodes, another pair has to tell.
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
        """Find or make the node that sent an advertisement.

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
        """Return two nodes that are one, as this advertisement shows: the second one is real.

        So it is where the capture, or the node, began with IPv6 alone: one of the two is new,
        or the counter goes on from the IPv4 half (OpenBSD's is the same in both).
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
        """Let everybody believe what no node sent."""
        self.spoofed += 1
        self.spoofed_at = at
        self.lies = (*self.lies[-7:], (at, counter))
        for master in self.masters:
            if master.spoofed is None:
                master.spoofed = at

    def heard(self, mac: bytes | None, view: AdvertView) -> Heard:
        """Return what the sender of an advertisement may count on from."""
        known = self.known if self.is_crowded else self.nodes.values()
        members = [member for member in known if member.sent]
        return Heard(
            {member.sent[-1][1] for member in members},
            tuple(sent for member in members for sent in member.sent),
            self.lies,
            mac,
            (view.advbase, view.advskew),
            bool(self.recipes),
        )

    def is_copy(self, at: Nanos, packet: bytes) -> bool:
        """Tell whether these bytes, from IP on, came by within the copy window; remember them."""
        if self.recent.has(at, packet):
            self.copies += 1
            return True
        self.recent.note(at, packet)
        return False


def count_copy(groups: "dict[GroupKey, Group]", packet: Packet) -> None:
    """Count an advertisement that another capture holds as it was sent."""
    view, link, ip, frame = packet.advert, packet.link, packet.ip, packet.frame
    if view is None or link is None or ip is None:
        return
    group = groups.get((link.vlan, view.vhid))
    if group is not None:
        group.copies += 1
        node = group.nodes.get(ip.source)
        if node is not None:
            node.elsewhere[ip.version, frame.capture] = frame.at


def _order(node: Node) -> int:
    return node.order
