"""How much searching a run may do: counted, bounded, and told to whoever waits.

The unit is one HMAC, about 0.8 microseconds. Nothing here reads a clock.
"""

from collections.abc import Callable

RUN_DIGESTS = 10_000_000
"""For all searches of a run: about nine seconds, however many senders there are."""
SEARCH_DIGESTS = 1 << 22
"""For one search: every subset of 20 addresses under four keys."""
QUESTION_DIGESTS = 400
"""What asking costs beside its digests: the sets are put together anew for every sample. Where
many senders wait, of whom each is asked about once, this is most of it."""
AGAIN_DIGESTS = 400_000
"""What a run gets anew each time it is asked for explanations, so that weeks of listening
do not end with nothing."""
_TELL = 1 << 16


class Effort:
    """Counts the digests of a run's searches."""

    def __init__(
        self, total: int = RUN_DIGESTS, tell: Callable[[int, int], None] | None = None
    ) -> None:
        """Take the most there may be, and who is told of (digests so far, the most)."""
        self.total = total
        self.spent = 0
        self.tell = tell
        """May be set at any time, for a person who watches."""
        self._reported = 0

    def spend(self, digests: int) -> None:
        """Count work that was done."""
        self.spent += digests
        if self.tell is not None and self.spent - self._reported >= _TELL:
            self._reported = self.spent
            self.tell(self.spent, self.total)

    def refill(self) -> None:
        """Let there be a little more: something new came that may be searched."""
        self.total = max(self.total, self.spent + AGAIN_DIGESTS)

    @property
    def room(self) -> int:
        """Return how many digests are left."""
        return max(0, self.total - self.spent)
