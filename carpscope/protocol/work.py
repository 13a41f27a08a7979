"""A vhid taken apart while a step changes it; see `turn`."""

from carpscope.core.units import Nanos
from carpscope.protocol.events import State
from carpscope.protocol.node import NEVER, Vhid, VhidSetup


class Work:
    """A vhid while a step changes it; the fields are those of `Vhid`."""

    __slots__ = (
        "ad",
        "counter",
        "delayed_arp",
        "errors",
        "is_running",
        "is_suppressed",
        "is_up",
        "md",
        "md6",
        "poll",
        "setup",
        "state",
        "successes",
        "up_before",
    )

    setup: VhidSetup
    state: State
    counter: int | None
    ad: Nanos
    md: Nanos
    md6: Nanos
    poll: Nanos
    delayed_arp: int
    errors: int
    successes: int
    is_up: bool
    up_before: bool
    is_running: bool
    is_suppressed: bool

    def __init__(self, vhid: Vhid) -> None:
        """Take a vhid apart."""
        (
            self.setup,
            self.state,
            self.counter,
            self.ad,
            self.md,
            self.md6,
            self.poll,
            self.delayed_arp,
            self.errors,
            self.successes,
            self.is_up,
            self.up_before,
            self.is_running,
            self.is_suppressed,
        ) = vhid

    def done(self) -> Vhid:
        """Put it together again."""
        return Vhid(
            self.setup,
            self.state,
            self.counter,
            self.ad,
            self.md,
            self.md6,
            self.poll,
            self.delayed_arp,
            self.errors,
            self.successes,
            self.is_up,
            self.up_before,
            self.is_running,
            self.is_suppressed,
        )

    def stop_timers(self) -> None:
        """Stop all three."""
        self.ad = self.md = self.md6 = NEVER
