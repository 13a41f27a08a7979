"""Counts that only grow: elections, and advertisements that nobody takes, of each group."""

from collections import Counter

from carpscope.core.values import dataclass, field

FORGOTTEN = ""
"""The name under which is counted what groups had that are no longer followed."""


@dataclass(slots=True)
class EventCounts:
    """What one segment's groups had; as many as are followed."""

    elections: dict[str, Counter[str]] = field(default_factory=dict)
    failures: dict[str, Counter[str]] = field(default_factory=dict)

    def happened(self, group: str, label: str) -> None:
        """Count an event that was told."""
        self.elections.setdefault(group, Counter())[label] += 1

    def failed(self, group: str, reason: str) -> None:
        """Count an advertisement that receivers drop or that nobody sent."""
        self.failures.setdefault(group, Counter())[reason] += 1

    def forget(self, group: str) -> None:
        """Let a group go; what failed in it stays counted."""
        self.elections.pop(group, None)
        failed = self.failures.pop(group, None)
        if failed:
            self.failures.setdefault(FORGOTTEN, Counter()).update(failed)

    @property
    def all_failures(self) -> Counter[str]:
        """Return what failed in all of them, by reason."""
        return sum(self.failures.values(), Counter())
