"""A log beside the wire: whose it is, and where the two agree and where they do not."""

from collections import Counter
from enum import Enum

from carpscope.core.values import dataclass, field
from carpscope.report.hostlog.entry import Entry


class Says(Enum):
    """What the wire says to a line; four different things."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    """It shows that something else was so."""
    MISSING = "not on the wire"
    """What would have been seen, for the capture covers the time, was not."""
    UNDECIDABLE = "not decidable"
    """From where the captures were made it would not be seen either way."""


@dataclass(slots=True)
class Placed:
    """One line and what the wire says to it."""

    entry: Entry
    node: str | None
    """The node's id; None where nobody can tell."""
    group: str | None
    says: Says
    because: str
    at: int | None
    """When it was on the wire's clock: the host's, and a zone that nobody named, taken out."""

    @property
    def verdict(self) -> str:
        """Return it in words."""
        return self.says.value


@dataclass(slots=True)
class LogView:
    """One log file."""

    name: str
    sha256: str
    size: int
    lines: int
    """Of the whole file."""
    node: str | None
    known_by: str
    """How it is known whose log it is."""
    offset: int | None = None
    """The host's clock minus the wire's, in nanoseconds, where lines and frames tell."""
    entries: list[Placed] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    """What the wire shows while the log covers the time and says nothing."""
    notes: list[str] = field(default_factory=list)

    unread: list[tuple[int, str]] = field(default_factory=list)
    """Lines that speak of CARP and were not understood, with their numbers; the first of them."""
    unread_count: int = 0

    @property
    def contradictions(self) -> int:
        """Count what they say differently."""
        return self.counts[Says.CONTRADICTS] + len(self.silent)

    @property
    def counts(self) -> Counter[Says]:
        """Count the lines by what the wire says to them."""
        return Counter(placed.says for placed in self.entries)

    @property
    def summary(self) -> str:
        """Return the counts of all four in words."""
        counts = self.counts
        return (
            f"in agreement with the wire: {counts[Says.AGREES]}, "
            f"in contradiction: {self.contradictions}, "
            f"not on the wire: {counts[Says.MISSING]}, "
            f"not decidable from these captures: {counts[Says.UNDECIDABLE]}"
        )
