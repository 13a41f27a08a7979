"""Nodes of a group use different advbase.

What it means
    advbase is compared before advskew, so the shorter one always wins; and a backup whose
    threefold own advbase is less than the master's takes over at the first advertisement,
    preemption or not. The node with the longer one waits three times that before it helps.

How it is seen
    Two nodes of the group advertise different advbase, bow-outs aside. A value that one
    advertisement says counts once the node does not go on with the one before.

False alarms
    While it is being changed on all nodes this is a passing state.

What to do
    Set the same advbase everywhere and order the nodes by advskew.

Sources
    FreeBSD carp_input_c: sc_tv.tv_sec = sc_advbase * 3 against the received interval, in
    every kernel and ucarp.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import named
from carpscope.protocol import timers
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node


class AdvbaseMismatch:
    """Compares what the nodes of a group advertise."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups at the end."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: the values are known at the end."""

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give one finding for each group."""
        for group in self._context.groups:
            nodes = [node for node in group.established if node.master_periods]
            held = {node.id: _held(node, at) for node in nodes}
            values = {one.advbase for one in held.values()}
            if len(values) < 2 or not _meet(group):
                continue
            told = named(f"{name} advbase {one.advbase}" for name, one in held.items())
            low, high = min(values), max(values)
            threefold = (
                f"A node with advbase {low} takes over from one with {high} at its first "
                "advertisement, even without preemption (the threefold rule)."
                if high > 3 * low
                else f"The nodes with advbase {low} win over those with {high}, whatever advskew "
                "says."
            )
            yield Finding(
                code=RULE.code,
                label=RULE.label,
                severity=RULE.severity,
                confidence=0.97,
                group=group.id,
                nodes=tuple(node.id for node in nodes),
                start=min(
                    max(one.since, other.since)
                    for one, other in itertools.combinations(held.values(), 2)
                    if one.advbase != other.advbase
                ),
                end=max(node.last for node in nodes),
                frames=tuple(sorted({r.first for node in nodes for r in node.master_periods[:6]})),
                frame_count=sum(node.adverts for node in nodes),
                summary=f"{told} in one group",
                explanation=(
                    f"{threefold} A backup with advbase {high} waits {3 * high} s until it takes "
                    "over."
                ),
                remedy=(
                    f"Set the same advbase on {named(node.id for node in nodes)} and order them by "
                    "advskew."
                ),
                settles=max(one.settles for one in held.values()),
            )


class _Held(NamedTuple):
    """What a node advertises, and since when."""

    advbase: int
    since: Nanos
    settles: Nanos
    """Until when the next advertisement may show that the last change was none of its own."""


def _held(node: Node, now: Nanos) -> _Held:
    """Return what a node is known to advertise: one advertisement may be somebody else's.

    It is the node's own where another one follows that says the same, or none that says what the
    node said before.
    """
    changed = [change for change in node.changes if change.what == "advbase"]
    if not changed:
        return _Held(node.advbase, node.first, 0)
    last = changed[-1]
    settles = last.at + timers.overdue(last.before, node.advskew)
    is_latest = last.frame == node.last_frame and last.after == node.advbase
    if not is_latest or now > settles:
        return _Held(node.advbase, last.at, settles)
    since = changed[-2].at if len(changed) > 1 else node.first
    return _Held(last.before, since, settles)


def _meet(group: Group) -> bool:
    """Tell whether nodes of different advbase were ever MASTER beside each other."""
    return any(
        len({node.advbase for node in contest.nodes.values()}) > 1 for contest in group.contests
    )


RULE = Rule(
    "CS204",
    "advbase_mismatch",
    "Different advbase",
    Severity.WARNING,
    AdvbaseMismatch,
    plain="{who} are set up to report at different intervals",
)
