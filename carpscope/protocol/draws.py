"""Chance as a value: what is random in a step comes out of one number of its event.

The machine holds no random source. Whoever feeds it puts 64 bits into the event;
here they are spread (splitmix64) over as many draws as the step needs, so that the
same event gives the same step wherever it is replayed.
"""

from carpscope.core.units import Nanos

_MASK = (1 << 64) - 1


class Draws:
    """A short sequence of numbers that follows from one."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        """Start from the number an event carries."""
        self._state = seed

    def bits(self) -> int:
        """Return the next 64 bits."""
        self._state = state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
        return state ^ state >> 31

    def between(self, low: Nanos, high: Nanos) -> Nanos:
        """Return a number from `low` to `high`, both possible."""
        return low if low == high else low + self.bits() % (high - low + 1)
