"""The LAN: which frame reaches whom, and when.

Every ordered pair of nodes has its own delay, jitter, loss and cuts, so a link can be
dead one way and alive the other. Frames from one node to another never overtake, unless
the way is said to reorder them.
"""

from typing import Protocol

from carpscope.core.units import MICROSECOND, Nanos
from carpscope.sim.plan import Delay, ScheduledEvent

DEFAULT_DELAY = Delay(100 * MICROSECOND, 0)
ATTACK_DELAY: tuple[Nanos, Nanos] = (150 * MICROSECOND, 190 * MICROSECOND)
"""From an attacker's frame to every node, also the one it imitates."""


class Chance(Protocol):
    """What the network asks of the world's random source."""

    def random(self) -> float:
        """Return a number from 0 to below 1."""
        ...

    def randint(self, a: int, b: int, /) -> int:
        """Return a whole number from `a` to `b`."""
        ...


_Path = tuple[str, str, int]
"""From whom, to whom, by which IP version."""


class Network:
    """The state of every path."""

    def __init__(self, delays: dict[tuple[str, str], Delay], random: Chance) -> None:
        """Take the world's random source: the network has none of its own."""
        self._delays = delays
        self._random = random
        self._cuts: set[_Path] = set()
        self._loss: dict[_Path, float] = {}
        self._last: dict[tuple[str, str], Nanos] = {}

    def copy(self) -> "Network":
        """Return a network in the same state."""
        other = Network(self._delays, self._random)
        other._cuts, other._loss, other._last = (
            set(self._cuts),
            dict(self._loss),
            dict(self._last),
        )
        return other

    def state(self) -> tuple[object, ...]:
        """Return what is cut and lost, to compare networks by."""
        return tuple(sorted(self._cuts)), tuple(sorted(self._loss.items()))

    def change(self, event: ScheduledEvent) -> None:
        """Cut, heal or thin out paths."""
        pairs = [(a, b) for a in event.src for b in event.dst if a != b]
        if event.type in ("partition", "heal"):
            pairs += [(b, a) for a, b in pairs]
        for source, destination in pairs:
            for family in event.families:
                path = (source, destination, family)
                match event.type:
                    case "partition" | "path_down":
                        self._cuts.add(path)
                    case "heal" | "path_up":
                        self._cuts.discard(path)
                    case _:
                        self._loss[path] = event.prob

    @property
    def is_cut(self) -> bool:
        """Tell whether some path lets nothing, or not everything, through."""
        return bool(self._cuts) or any(self._loss.values())

    def arrival(self, source: str, destination: str, family: int, at: Nanos) -> Nanos | None:
        """Return when a frame sent now arrives, or None if it is lost."""
        if self._cuts and (source, destination, family) in self._cuts:
            return None
        if self._loss:
            probability = self._loss.get((source, destination, family), 0.0)
            if self._random.random() < probability:
                return None
        pair = (source, destination)
        delay = self._delays.get(pair, DEFAULT_DELAY)
        arrives = at + delay.least
        if delay.jitter:
            arrives += self._random.randint(0, delay.jitter)
            if not delay.reorders:
                arrives = self._last[pair] = max(arrives, self._last.get(pair, arrives))
        return arrives

    def duplicate(self, source: str, destination: str, arrived: Nanos) -> Nanos | None:
        """Return when a frame that arrived comes once more, or None."""
        delay = self._delays.get((source, destination), DEFAULT_DELAY)
        if not delay.duplicate or self._random.random() >= delay.duplicate:
            return None
        return arrived + self._random.randint(0, max(delay.jitter, 1))
