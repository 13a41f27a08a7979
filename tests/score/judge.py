"""Holding the findings of an analysis against the labels of a capture.

A label names a situation: `label`, `start`, `end`, and perhaps `optional` (true, but the
frames need not show it) and `accept` (other labels that describe the same). A finding
fits a label that it names, or is accepted for, where the two overlap within `SLACK`.

Three views of one capture: `full` has every secret, `operator` those of the first node,
`keyless` none. Without secrets nobody can tell who refuses from who does not receive, so
one label of that family stands for another.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MODES = ("full", "operator", "keyless")
SLACK = 3.0
EVENTS = frozenset(("failover", "clean_handover", "preemption", "demotion"))
UNJUDGED = frozenset(("weak_passphrase", "stale_arp", "none"))
"""True or not, captures are not labelled for these reliably."""
SIGNING = frozenset(
    ("address_set_mismatch", "passphrase_mismatch", "ucarp_kernel_address_incompat")
)
UNHEARD = SIGNING | {"authentication_mismatch", "partition", "one_way_link"}

Item = Mapping[str, Any]


@dataclass(slots=True)
class Verdict:
    """What came of one capture in one mode."""

    hits: list[Item] = field(default_factory=list)
    misses: list[Item] = field(default_factory=list)
    true: list[Item] = field(default_factory=list)
    """Findings that some label explains."""
    false: list[Item] = field(default_factory=list)
    events: list[Item] = field(default_factory=list)
    events_missed: list[Item] = field(default_factory=list)
    healthy: bool = False

    @property
    def is_exact(self) -> bool:
        """Tell whether nothing was missed and nothing invented."""
        return not self.misses and not self.false

    def reasons(self) -> list[str]:
        """Return what is wrong, a few words each."""
        said = [f"missed {_told(item)}" for item in self.misses]
        said += [f"false {_told(item)}" for item in self.false]
        return said + [f"no event {_told(item)}" for item in self.events_missed]


def judge(
    findings: Sequence[Item], events: Sequence[Item], truth: Sequence[Item], mode: str
) -> Verdict:
    """Judge one analysis. All times are seconds of one clock."""
    items = [item for item in truth if item["label"] not in UNJUDGED]
    problems = [item for item in items if item["label"] not in EVENTS]
    found = [
        finding
        for finding in findings
        if finding["label"] not in EVENTS | UNJUDGED and finding["severity"] != "info"
    ]
    verdict = Verdict(healthy=all(is_optional(item) for item in problems))
    for item in problems:
        if not is_optional(item):
            named = any(_fits(finding, item, mode) for finding in found)
            (verdict.hits if named else verdict.misses).append(item)
    for finding in found:
        explained = any(_fits(finding, item, mode) for item in problems)
        (verdict.true if explained else verdict.false).append(finding)
    for item in items:
        if item["label"] in EVENTS and not is_optional(item):
            seen = (event for event in events if event["label"] == item["label"])
            missed = not any(overlap(item, event) for event in seen)
            (verdict.events_missed if missed else verdict.events).append(item)
    return verdict


def is_optional(item: Item) -> bool:
    """Tell whether frames need not show a label."""
    return bool(item.get("optional")) or item.get("observable") is False


def overlap(one: Item, other: Item) -> bool:
    """Tell whether two situations meet, give or take the slack."""
    return bool(one["start"] - SLACK <= other["end"] and other["start"] - SLACK <= one["end"])


def accepted(item: Item, mode: str) -> set[str]:
    """Return the labels that are right for a situation in a mode."""
    labels = {item["label"], *item.get("accept", ())}
    if mode != "full" and labels & SIGNING:
        labels.add("authentication_mismatch")
    if mode == "keyless" and labels & UNHEARD:
        labels |= UNHEARD
    return labels


def _fits(finding: Item, item: Item, mode: str) -> bool:
    return finding["label"] in accepted(item, mode) and overlap(item, finding)


def _told(item: Item) -> str:
    return f"{item['label']} {item['start']:.2f}-{item['end']:.2f}"


@dataclass(slots=True)
class Tally:
    """Verdicts of many captures, counted."""

    totals: Counter[str] = field(default_factory=Counter)
    labels: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        self.totals.update(
            captures=1,
            hits=len(verdict.hits),
            misses=len(verdict.misses),
            true=len(verdict.true),
            false=len(verdict.false),
            exact=verdict.is_exact,
            healthy=verdict.healthy,
            quiet=verdict.healthy and not verdict.false,
            events=len(verdict.events),
            events_missed=len(verdict.events_missed),
        )
        for what, found in (
            ("named", verdict.hits),
            ("missed", verdict.misses),
            ("false", verdict.false),
            ("named", verdict.events),
            ("missed", verdict.events_missed),
        ):
            for item in found:
                self.labels.setdefault(item["label"], Counter())[what] += 1

    def figures(self) -> dict[str, tuple[int, int]]:
        """Return the figures as (part, whole)."""
        t = self.totals
        return {
            "recall": (t["hits"], t["hits"] + t["misses"]),
            "precision": (t["true"], t["true"] + t["false"]),
            "exact": (t["exact"], t["captures"]),
            "quiet": (t["quiet"], t["healthy"]),
            "events": (t["events"], t["events"] + t["events_missed"]),
        }


def ratio(part: int, whole: int) -> str:
    """Return a figure as people read it."""
    return f"{part / whole:.4f} ({part}/{whole})" if whole else "-"


def table(tallies: Mapping[str, Tally]) -> str:
    """Return the figures of several columns (modes, implementations) and their labels."""
    names = list(tallies)
    width = max(24, *(len(name) + 2 for name in names))
    lines = [" " * 32 + "".join(f"{name:>{width}}" for name in names)]
    for figure in ("recall", "precision", "exact", "quiet", "events"):
        cells = [ratio(*tallies[name].figures()[figure]) for name in names]
        lines.append(f"{figure:32}" + "".join(f"{cell:>{width}}" for cell in cells))
    lines.append("")
    lines.append(f"{'named/missed/false':32}" + "".join(f"{name:>{width}}" for name in names))
    for label in sorted({label for tally in tallies.values() for label in tally.labels}):
        counts = [tallies[name].labels.get(label, Counter()) for name in names]
        cells = [f"{c['named']}/{c['missed']}/{c['false']}" for c in counts]
        lines.append(f"{label:32}" + "".join(f"{cell:>{width}}" for cell in cells))
    return "\n".join(lines)
