"""A log beside the wire: whose it is, and where the two agree and where they do not."""

from dataclasses import dataclass, field

from carpscope.report.hostlog.entry import Entry


@dataclass(slots=True)
class Placed:
    """One line and what the wire says to it."""

    entry: Entry
    node: str | None
    """The node's id; None where nobody can tell."""
    group: str | None
    verdict: str
    """`agrees`, `contradicts`, `cannot tell`."""
    because: str


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

    @property
    def agreements(self) -> int:
        """Count what both say."""
        return sum(1 for placed in self.entries if placed.verdict == "agrees")

    @property
    def contradictions(self) -> int:
        """Count what they say differently."""
        return sum(1 for p in self.entries if p.verdict == "contradicts") + len(self.silent)
