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
"""Advertisements after which a node's fingerprint is complete."""
STEADY = 12
"""Advertisements before those that change nothing are taken many at once."""
REFUSALS_KEPT = 256
INTERVALS_KEPT = 64
COUNTER_MASK = 0xFFFF_FFFF_FFFF_FFFF
NEAR = 4
"""Steps of a counter up to this count as sequential."""
NO_COUNTER = -1
"""In the place of a counter that the capture cut: equal to none."""


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
    """When it stopped being MASTER by what can be known; None while it has not."""
    ended_by: str = ""
    """`bow-out`, `yielded` (a better one was heard), `silent`, `capture` (it ends first), `unseen`
    (it was heard no more after a time in which the capture saw nothing)."""
    early: tuple[Nanos, Nanos] | None = None
    """When it last advertised out of its beat, and until when it went on for itself before that: of
    a ucarp that yields, the first repeats its own values once more (no 255/255), up to a second
    after what it yields to had come (docs/protocol/elections.md, Timers)."""

    @property
    def until(self) -> Nanos:
        """Return its end, or the last moment known of it while it lasts."""
        return self.end if self.end is not None else self.seen

    @property
    def insisted(self) -> Nanos:
        """Return until when it is known to have gone on as MASTER for itself."""
        return self.early[1] if self.early and self.early[0] == self.seen else self.until

    def go_on(self, at: Nanos, frame: FrameRef) -> None:
        """Take one more advertisement; in a capture, time may step back."""
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
    """Whether it came before the node's beat: FreeBSD 10 and later say at once that they
    were demoted, while an advskew that was set waits for the next advertisement."""


@dataclass(slots=True)
class CounterHabit:
    """How the counter of one node and family moves."""

    value: int = -1
    seen: int = 0
    constant: int = 0
    """Steps of 0: OpenBSD's cookie, or a replay."""
    sequential: int = 0
    """Steps of 1 or 2 from its own last one, or of 1 from what another node sent last."""
    random: int = 0
    last_random: Nanos | None = None
    first_sequential: Nanos | None = None
    chain: int = 0
    """How often in a row it counted on, whatever came in the node's name in between."""
    chained: int = -1
    """The last one of these."""
    spare: int = -1
    """What broke the chain since then, if something did: another may begin there."""

    @property
    def is_steady(self) -> bool:
        """Tell whether it counted on for so long that what breaks that is another's."""
        return self.chain >= STEADY

    def begin(self, value: int) -> None:
        """Begin anew: who claims may have been started meanwhile, with another counter."""
        self.chain, self.chained, self.spare = 0, value, -1

    def link(self, value: int, *, follows: bool = False) -> None:
        """Take one more into the chain, unless it begins another; it `follows` another node's."""
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
    """The network card's, learned from ARP, neighbour discovery or unicast adverts."""
    advbase: int = 0
    advskew: int = 0
    demote: int = 0
    adverts: int = 0
    copies: int = 0
    first: Nanos = 0
    last: Nanos = 0
    last_frame: FrameRef = 0
    last_of: dict[int, Nanos] = field(default_factory=dict)
    """When it advertised last, by IP version."""
    elsewhere: dict[tuple[int, int], Nanos] = field(default_factory=dict)
    """When other captures than that of its last advertisement had one, by IP version and capture:
    two clocks do not tell how far apart two are."""
    last_id: int = 0
    """The IPv4 id of its last advertisement, 0 for none."""
    due: Nanos = 0
    """When the next advertisement should have come, slack included."""
    heard_better: Nanos | None = None
    """When another master's advertisement that it has to yield to came by, since its own last."""
    restarted: Nanos = 0
    """When it last advertised out of its beat: a ucarp then has taken in what came before."""
    held: "list[WaitingAdvert]" = field(default_factory=list)
    """What came in its name since its last advertisement and does not verify as that did."""
    bow_out: BowOut | None = None
    """Its latest, until it is known whether it meant it."""
    spoofed: Nanos | None = None
    """When the first deceit came by since its own last advertisement."""
    watched: bool = False
    """Whether its next deadline is in the observer's heap."""
    plain: Plain | None = None
    """What its advertisements have in common, once one of them was taken and nothing refused."""
    ahead: tuple[Nanos, Sequence[Nanos]] | None = None
    """When it advertised last, and then, where several were taken at once (`timeline.steady`):
    what else came by meanwhile is told after them."""
    sent: deque[tuple[Nanos, int]] = field(default_factory=lambda: deque(maxlen=8))
    """Time and counter of its latest advertisements."""
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
    """When it was late, where it was."""
    refused_at: list[Nanos] = field(default_factory=list)
    """When it sent what every receiver drops, the latest."""
    bow_outs: int = 0
    max_advskew: int = 0
    saw_demote: bool = False
    peers: list[bytes] = field(default_factory=list)
    """To which addresses it advertised instead of the group; a few at most."""
    announced: dict[bytes, Nanos] = field(default_factory=dict)
    """Addresses it announced, and when it last did; bounded by `observe.LEARNED_LIMIT`."""
    garp_virtual: int = 0
    """Gratuitous ARP that left from the virtual MAC."""
    garp_card: int = 0
    """Gratuitous ARP that left from the card's own MAC."""
    na_virtual: int = 0
    na_card: int = 0
    na_router: int = 0
    identity: "tuple[object, Identity] | None" = None
    """What it was found to be, and of what (`timeline.identify`)."""

    def last_in(self, version: int, capture: int) -> Nanos | None:
        """Return when it advertised last, as one capture saw it."""
        if self.last_frame >> FRAME_BITS == capture:
            return self.last_of.get(version)
        return self.elsewhere.get((version, capture))

    def last_before(self, at: Nanos) -> Nanos:
        """Return when it had advertised last, at a time."""
        if self.last <= at or self.ahead is None:
            return self.last
        before, times = self.ahead
        place = bisect_right(times, at)
        return times[place - 1] if place else before

    def sends_to(self, source: bytes) -> str:
        """Return where its advertisements of the family of one of its addresses go."""
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
        """Tell whether it advertised on in its beat, or verifies: what was invented for one packet
        does neither, also when it is invented again later."""
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
        """Tell whether all that is known of it is one advertisement that was sent again, never
        in the beat that it announces: by somebody, and by no master."""
        habits = self.counters.values()
        moved = any(habit.sequential or habit.random for habit in habits)
        beat = interval_ns(self.advbase, self.advskew) * 3 // 2
        soonest = min(self.intervals, default=0)
        return soonest > beat and not moved and not self.authentication.has_verified

    @property
    def is_known(self) -> bool:
        """Tell whether more is known of it than one advertisement that nothing explains."""
        return self.adverts > 1 or self.authentication.has_verified

    @property
    def is_master(self) -> bool:
        """Tell whether it is MASTER as far as its advertisements show."""
        return self.master_period is not None
