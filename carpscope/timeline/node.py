"""What is known of one node of a group: who it is, what it sent, when it was MASTER.

A backup never speaks, so a node exists here once it has advertised. All members of a
group share the virtual MAC; a node is its source address, and the two families of a
dual-stack node are one node (`timeline.group` pairs them).
"""

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from carpscope.adverts.train import Plain
from carpscope.core.address import GROUP4, GROUP6, ip_text
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.timeline.authentication import AuthenticationTrack
from carpscope.wire.carp import AdvertView, interval_ns

if TYPE_CHECKING:
    from carpscope.timeline.foreign import WaitingAdvert
    from carpscope.timeline.identify import Identity
    from carpscope.timeline.pace import Pace

FrameRef = int
"""capture << 40 | frame number: names a frame of one of several captures, sorts by both."""

FRAME_BITS = 40
SETTLED = 64
"""Advertisements of which header fields are kept to identify the implementation."""
STEADY = 12
"""Advertisements of a node that are seen one by one before rows of trains are taken at once."""
REFUSALS_KEPT = 256
INTERVALS_KEPT = 64
COUNTER_MASK = 0xFFFF_FFFF_FFFF_FFFF
NEAR = 4
"""The largest step of a counter that counts as sequential."""
NO_COUNTER = -1
"""Stands for a counter that the capture cut off; no counter equals it."""


def frame_ref(capture: int, number: int) -> FrameRef:
    """Return the reference of a frame."""
    return capture << FRAME_BITS | number


@dataclass(slots=True)
class MasterPeriod:
    """One time as MASTER, as far as advertisements show it."""

    start: Nanos
    """The first advertisement."""
    first: FrameRef
    seen: Nanos
    """The last advertisement."""
    last: FrameRef
    adverts: int = 1
    end: Nanos | None = None
    """When it stopped being MASTER, as far as frames show; None while it lasts."""
    ended_by: str = ""
    """How it ended, empty while it lasts: `bow-out`, `yielded` (to a better one), `silent`,
    `capture` (the capture ended), `unseen` (no advertisement came after a time in which the capture
    saw nothing)."""
    early: tuple[Nanos, Nanos] | None = None
    """(time, time): its last advertisement before its interval was over, and until when it had gone
    on as MASTER before that. A ucarp that yields sends one with its own values, up to a second
    after the better one was captured (docs/protocol/elections.md)."""

    @property
    def until(self) -> Nanos:
        """Return its end, or its last advertisement while it lasts."""
        return self.end if self.end is not None else self.seen

    @property
    def insisted(self) -> Nanos:
        """Return until when it is known not to have yielded."""
        return self.early[1] if self.early and self.early[0] == self.seen else self.until

    def go_on(self, at: Nanos, frame: FrameRef) -> None:
        """Take one more advertisement; its time may be before the last, where the clock was set."""
        self.seen, self.last = max(self.seen, at), frame
        self.adverts += 1


@dataclass(slots=True)
class AdvertisedChange:
    """A change of what a node advertises about itself."""

    at: Nanos
    frame: FrameRef
    what: str
    """`advbase`, `advskew` or `demote`."""
    before: int
    after: int
    early: bool = False
    """Whether it came before the node's next advertisement was due: FreeBSD 10 and later
    advertise a demotion at once, a changed advskew with the next advertisement."""


@dataclass(slots=True)
class CounterHabit:
    """How the counter of one node and family moves."""

    value: int = -1
    seen: int = 0
    constant: int = 0
    """Steps of 0: OpenBSD's constant counter, or a replay."""
    sequential: int = 0
    """Steps of 1 to `NEAR` from its own last counter or from the group's last advertisement."""
    random: int = 0
    last_random: Nanos | None = None
    first_sequential: Nanos | None = None
    chain: int = 0
    """Length of the chain: counters that each count on from the one before, with others from the
    node's address between them left out."""
    chained: int = -1
    """The last counter of the chain; -1 without one."""
    spare: int = -1
    """A counter outside the chain since then, where another chain may begin; -1 without one."""

    @property
    def is_steady(self) -> bool:
        """Return whether the chain is so long that another counter is not the node's own."""
        return self.chain >= STEADY

    def begin(self, value: int) -> None:
        """Begin a new chain: a node that claims may have been started again, with a new counter."""
        self.chain, self.chained, self.spare = 0, value, -1

    def link(self, value: int, *, follows: bool = False) -> None:
        """Add a counter to the chain, or begin another with it.

        With `follows` it counts on from another node's counter.
        """
        if self.chained < 0:
            self.chained = value
        elif follows or (value - self.chained & COUNTER_MASK <= NEAR):
            self.chain, self.chained, self.spare = self.chain + 1, value, -1
        elif self.spare >= 0 and value - self.spare & COUNTER_MASK <= NEAR:
            self.chain, self.chained, self.spare = 1, value, -1
        else:
            self.spare = value


class BowOut(NamedTuple):
    """An advertisement of 255/255."""

    at: Nanos
    frame: FrameRef
    source: bytes
    version: int
    view: AdvertView
    before: Nanos
    """When the node had advertised last."""


@dataclass(slots=True, eq=False)
class Node:
    """One node, mutated in place as its advertisements come by."""

    id: str
    order: int
    """In order of appearance within the group."""
    addresses: list[bytes] = field(default_factory=list)
    mac: bytes | None = None
    own_mac: bytes | None = None
    """The network card's MAC, from ARP, neighbour discovery or unicast advertisements."""
    advbase: int = 0
    advskew: int = 0
    demote: int = 0
    adverts: int = 0
    copies: int = 0
    first: Nanos = 0
    last: Nanos = 0
    last_frame: FrameRef = 0
    last_of: dict[int, Nanos] = field(default_factory=dict)
    last_from: dict[int, int] = field(default_factory=dict)
    """The capture that holds the latest of each family."""
    """When it advertised last, by IP version."""
    elsewhere: dict[tuple[int, int], Nanos] = field(default_factory=dict)
    """Its last advertisement in other captures than the one of `last`, by IP version and capture:
    intervals are measured within one capture, since two clocks may differ."""
    last_id: int = 0
    """The IPv4 id of its last advertisement, 0 for none."""
    due: Nanos = 0
    """When its next advertisement is overdue."""
    heard_better: Nanos | None = None
    """When an advertisement came, since its own last one, to which it must yield; None without."""
    restarted: Nanos = 0
    """When it last advertised before its interval was over: a ucarp has then processed everything
    captured before."""
    held: "list[WaitingAdvert]" = field(default_factory=list)
    """Unverified advertisements from its address since its last one (`timeline.foreign`)."""
    bow_out: BowOut | None = None
    """Its latest bow-out, until it is known whether it was forged."""
    spoofed: Nanos | None = None
    """When the first spoofed advertisement came since its own last one; None without."""
    watched: bool = False
    """Whether its next due time is in the observer's table of deadlines."""
    plain: Plain | None = None
    """The constant bytes of its advertisements, once one was accepted without any refusal."""
    ahead: tuple[Nanos, Sequence[Nanos]] | None = None
    """(last time, times): advertisements taken at once (`timeline.steady`), while packets of the
    same time are still to be seen; None otherwise."""
    sent: deque[tuple[Nanos, int]] = field(default_factory=lambda: deque(maxlen=8))
    """(time, counter) of its latest advertisements."""
    master_periods: list[MasterPeriod] = field(default_factory=list)
    changes: list[AdvertisedChange] = field(default_factory=list)
    authentication: AuthenticationTrack = field(default_factory=AuthenticationTrack)
    counters: dict[int, CounterHabit] = field(default_factory=dict)
    """By IP version."""
    tos: Counter[int] = field(default_factory=Counter)
    traffic_class: Counter[int] = field(default_factory=Counter)
    ttl: Counter[int] = field(default_factory=Counter)
    identifications: list[int] = field(default_factory=list)
    """IPv4 ids of its first advertisements."""
    dont_fragment: Counter[bool] = field(default_factory=Counter)
    intervals: list[Nanos] = field(default_factory=list)
    """The latest spacings between adverts of one family within one MASTER period."""
    pace: "Pace | None" = None
    """Its late intervals (`timeline.pace`), None where none was late."""
    refused_at: list[Nanos] = field(default_factory=list)
    """The latest times of advertisements that every receiver drops."""
    bow_outs: int = 0
    max_advskew: int = 0
    saw_demote: bool = False
    peers: list[bytes] = field(default_factory=list)
    """Unicast addresses that it advertised to instead of the group, at most `PEERS_KEPT`."""
    announced: dict[bytes, Nanos] = field(default_factory=dict)
    """Addresses it announced, with the last time; at most `neighbours.LEARNED_LIMIT`."""
    garp_virtual: int = 0
    """Gratuitous ARP that left from the virtual MAC."""
    garp_card: int = 0
    """Gratuitous ARP that left from the card's own MAC."""
    na_virtual: int = 0
    na_card: int = 0
    na_router: int = 0
    identity: "tuple[object, Identity] | None" = None
    """Cache of `timeline.identify`: the values that were read, and the result."""

    def last_in(self, version: int, capture: int) -> Nanos | None:
        """Return when it advertised last, as one capture saw it."""
        if self.last_from.get(version) == capture:
            return self.last_of.get(version)
        return self.elsewhere.get((version, capture))

    def last_before(self, at: Nanos) -> Nanos:
        """Return its last advertisement at or before a time."""
        if self.last <= at or self.ahead is None:
            return self.last
        before, times = self.ahead
        place = bisect_right(times, at)
        return times[place - 1] if place else before

    def sends_to(self, source: bytes) -> str:
        """Return the destination of its advertisements from an address: a peer or the group."""
        peers = [peer for peer in self.peers if len(peer) == len(source)]
        return ip_text(peers[-1] if peers else GROUP4 if len(source) == 4 else GROUP6)

    @property
    def master_period(self) -> MasterPeriod | None:
        """Return the MASTER period that lasts, if one does."""
        return (
            self.master_periods[-1]
            if self.master_periods and self.master_periods[-1].end is None
            else None
        )

    @property
    def is_steady(self) -> bool:
        """Return whether it kept its announced interval at least once, or verifies.

        An invented sender does neither, even if the same address is invented again later.
        """
        if self.is_proved:
            return True
        beat, intervals = interval_ns(self.advbase, self.advskew) * 3 // 4, self.intervals
        return bool(intervals) and (intervals[-1] >= beat or max(intervals) >= beat)

    @property
    def is_proved(self) -> bool:
        """Tell whether any of its advertisements verifies."""
        spans = self.authentication.spans
        return bool(spans) and (spans[-1].recipe is not None or self.authentication.has_verified)

    @property
    def is_repeated(self) -> bool:
        """Return whether only one advertisement of it, sent repeatedly, is known.

        It never came at the interval that it announces, so no MASTER sent it.
        """
        habits = self.counters.values()
        moved = any(habit.sequential or habit.random for habit in habits)
        beat = interval_ns(self.advbase, self.advskew) * 3 // 2
        soonest = min(self.intervals, default=0)
        return soonest > beat and not moved and not self.authentication.has_verified

    @property
    def is_known(self) -> bool:
        """Return whether more is known of it than one advertisement that does not verify."""
        return self.adverts > 1 or self.authentication.has_verified

    @property
    def is_master(self) -> bool:
        """Tell whether it is MASTER as far as its advertisements show."""
        return self.master_period is not None
