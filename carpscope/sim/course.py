"""A world that can be forked, compared and asked when something happens next.

It is the world of `sim/world` with its network, without chance: every handler is as late as
the course says, and no later. Two courses are equal if everything in them is the same up to
time, counted from the next thing that happens; counters do not count.
"""

from copy import copy
from typing import NamedTuple

from carpscope.core.units import MICROSECOND, MILLISECOND, Nanos
from carpscope.core.values import replace
from carpscope.protocol.events import ReceivedAdvert, State
from carpscope.protocol.node import NEVER, Node
from carpscope.protocol.profile import Drive
from carpscope.protocol.tempo import Tempo
from carpscope.sim.plan import Scenario, ScheduledEvent
from carpscope.sim.record import RunRecord
from carpscope.sim.world import World

LATENESS = 10 * MICROSECOND
SCRIPT = MILLISECOND
OVERSLEEP = 100 * MICROSECOND
TOGETHER = 2 * MILLISECOND
"""What follows each other so closely is one instant: an advertisement and all it sets off."""
BEFORE = 3 * MILLISECOND
"""How long before a timer "just before" is."""
RESOLUTION = 2 * MILLISECOND
"""States that differ by less are equal."""
UCARP_RESOLUTION = 250 * MILLISECOND
"""The same where a ucarp is: its capture timer makes a second of everything."""
_ODD = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


class _Forgetful(list[object]):
    """A list that keeps nothing: a course is not written down."""

    def append(self, _item: object, /) -> None:
        """Forget."""


class View(NamedTuple):
    """Who is what at an instant."""

    masters: tuple[str, ...]
    up: tuple[str, ...]
    """Nodes that take part: running, with carrier."""


class Course(World):
    """One possible course of events."""

    def __init__(self, scenario: Scenario, late: dict[str, Nanos] | None = None) -> None:
        """Make the world; `late` says how much later each handler of a node runs."""
        super().__init__(scenario)
        late = late or {}
        self._drawn = 0
        loops = any(s.profile.drive is Drive.POLL_LOOP for s in self._setups.values())
        self._resolution = UCARP_RESOLUTION if loops else RESOLUTION
        self._setups = {
            name: replace(setup, tempo=_fixed(setup.tempo, late.get(name, 0)))
            for name, setup in self._setups.items()
        }
        self.record = _silent()

    def _draw(self) -> int:
        self._drawn = drawn = (self._drawn + _ODD) & _MASK
        return drawn

    def fork(self) -> "Course":
        """Return a course that is the same until now."""
        other = copy(self)
        other._nodes = dict(self._nodes)
        other._armed = list(self._armed)
        other._booted = dict(self._booted)
        other._heap = list(self._heap)
        other._unsent = list(self._unsent)
        other.network = self.network.copy()
        return other

    def next_at(self) -> Nanos | None:
        """Return when something happens next."""
        heap = self._heap
        armed = self._armed
        best: Nanos | None = None
        for when, since, _, what in heap:
            if type(what) is int and armed[what] != since:
                continue
            if best is None or when < best:
                best = when
        return best

    def happen(self, event: ScheduledEvent, at: Nanos) -> None:
        """Let something befall a node at an instant."""
        self.advance(at)
        self._happen(event, at)
        self.advance(at + TOGETHER)

    def proceed(self) -> bool:
        """Go on to behind the next instant; False if nothing happens any more."""
        at = self.next_at()
        if at is None:
            return False
        self.advance(at + TOGETHER)
        return True

    def view(self, vhid: int) -> View:
        """Return who is MASTER now, and who takes part."""
        masters, up = [], []
        for name, node in self._nodes.items():
            if node is None:
                continue
            if node.state(vhid) is State.MASTER:
                masters.append(name)
            if node.link_up and node.interface_up and node.allows:
                up.append(name)
        return View(tuple(masters), tuple(up))

    def key(self) -> tuple[object, ...]:
        """Return what two equal courses share."""
        first = self.next_at()
        base = self.now if first is None else first
        nodes = tuple(
            None if node is None else _node_key(node, base, self._resolution)
            for node in self._nodes.values()
        )
        frames = []
        for when, _, _, what in self._heap:
            if type(what) is tuple:
                name, packet, _ = what
                frames.append(
                    (
                        (when - base) // self._resolution,
                        name,
                        packet.family,
                        packet.advbase,
                        packet.advskew,
                        packet.demote,
                        packet.source,
                    )
                )
        return (nodes, tuple(sorted(frames)), self.network.state())

    def deadlines(self) -> tuple[object, ...]:
        """Return what nodes wait for and as what, without when they look next."""
        return tuple(
            None
            if node is None
            else (
                node.link_up,
                node.asleep,
                *((item.state, item.ad, item.md, item.md6) for item in node.vhids),
            )
            for node in self._nodes.values()
        )


class _Silent(RunRecord):
    """A record that holds nothing."""

    __slots__ = ()

    def forget(self, node: str, after: Nanos) -> list[ReceivedAdvert]:
        """Take nothing back: what a busy node was still going to send is not known."""
        del node, after
        return []


def _silent() -> RunRecord:
    record = _Silent()
    record.changed = _Forgetful()  # type: ignore[assignment]
    record.sent = _Forgetful()  # type: ignore[assignment]
    record.announced = _Forgetful()  # type: ignore[assignment]
    record.refused = _Forgetful()  # type: ignore[assignment]
    record.lost = _Forgetful()  # type: ignore[assignment]
    return record


def _fixed(tempo: Tempo, late: Nanos) -> Tempo:
    return replace(
        tempo,
        slack_ppb=0,
        lateness_ns=(LATENESS + late, LATENESS + late),
        script_ns=(SCRIPT, SCRIPT),
        oversleep_ns=(OVERSLEEP, OVERSLEEP),
    )


def _node_key(node: Node, base: Nanos, resolution: Nanos) -> tuple[object, ...]:
    vhids = []
    for item in node.vhids:
        timers = [
            None if timer == NEVER else (timer - base) // resolution
            for timer in (item.ad, item.md, item.md6, item.poll)
        ]
        vhids.append(
            (
                item.state,
                *timers,
                item.delayed_arp,
                item.errors,
                item.is_up,
                item.up_before,
                item.is_running,
                item.is_suppressed,
            )
        )
    busy = max(0, node.busy_until - base) // resolution
    wait = busy if node.setup.profile.drive is Drive.POLL_LOOP else 0
    return (tuple(vhids), node.demotion, node.link_up, node.interface_up, node.asleep, wait)
