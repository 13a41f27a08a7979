"""When a node's timers run: its ticks, their rounding and the lateness of its handlers.

A BSD kernel turns a timeout into a whole number of clock ticks and counts them
from the last tick before the arming, so a timer's end depends on where in a tick
it was armed. ucarp has no ticks: it sleeps in poll(), whole milliseconds and a
little more (`oversleep`).
"""

from enum import Enum

from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND, Nanos
from carpscope.core.values import dataclass
from carpscope.protocol.draws import Draws

_BILLION = 1_000_000_000


class Rounding(Enum):
    """How an implementation turns microseconds into ticks."""

    UP_PLUS_ONE = "tvtohz"
    """FreeBSD, NetBSD tvtohz; OpenBSD to 1.335, and timeout_add_usec since 1.368."""
    DOWN = "timeout_add_tv"
    """OpenBSD 1.336 to 1.367: whole ticks, nothing added, at least one."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """One node's clock and how late it is; ranges are drawn from, both ends included."""

    hz: int
    first_tick_ns: Nanos
    """When one of its ticks falls; all others follow from it."""
    clock_ppb: int
    """Rate error of its clock, positive = fast."""
    slack_ppb: int
    """Share of the kernel's permitted lateness (1/16 of a timeout) that is used."""
    lateness_ns: tuple[Nanos, Nanos]
    """From a tick to the handler of a timer that ends with it."""
    script_ns: tuple[Nanos, Nanos]
    """How long ucarp's up and down scripts run."""
    oversleep_ns: tuple[Nanos, Nanos]
    """What poll() oversleeps beside the share Linux permits itself."""
    oversleep_ppm: int
    """The share of a sleep that Linux permits itself (timer slack, 0.1 %)."""

    def deadline(self, at: Nanos, ticks: int, draws: Draws) -> Nanos:
        """Return when the handler of a timer of `ticks`, armed now, begins to run."""
        rate = self.hz * (_BILLION + self.clock_ppb)
        tick = (at - self.first_tick_ns) * rate // (SECOND * _BILLION) + ticks
        end = self.first_tick_ns - (-tick * SECOND * _BILLION // rate)
        low, high = self.lateness_ns
        end += draws.between(low, high)
        if self.slack_ppb:
            # FreeBSD kern_timeout.c callout_when(): C_PREL(tc_precexp), 1/16 of the length
            span = ticks * SECOND // self.hz // 16 * self.slack_ppb // _BILLION
            end += draws.between(0, span)
        return end

    def ticks(self, microseconds: int, rounding: Rounding) -> int:
        """Return how many ticks a timeout is counted as."""
        tick = 1_000_000 // self.hz
        if rounding is Rounding.DOWN:
            return max(1, microseconds // tick)
        return -(-microseconds // tick) + 1

    def wake(self, at: Nanos, milliseconds: int, draws: Draws) -> Nanos:
        """Return when a poll() of so many milliseconds, begun now, comes back."""
        low, high = self.oversleep_ns
        span = milliseconds * MILLISECOND
        span += span * self.oversleep_ppm // 1_000_000 + draws.between(low, high)
        return at + span * _BILLION // (_BILLION + self.clock_ppb)

    def wall(self, at: Nanos) -> Nanos:
        """Return what the node's gettimeofday() says, in whole microseconds."""
        return (at + at * self.clock_ppb // _BILLION) // MICROSECOND * MICROSECOND


NOMINAL = Tempo(
    hz=1000,
    first_tick_ns=0,
    clock_ppb=0,
    slack_ppb=0,
    lateness_ns=(0, 0),
    script_ns=(0, 0),
    oversleep_ns=(0, 0),
    oversleep_ppm=0,
)
"""A clock without chance, for replay: what a timer can end at the earliest."""
