"""Two nodes of a group advertise with the same advbase and advskew.

What it means
    Which of them wins is left to chance or, between ucarps, to addresses. Kernels step down
    for an equal advertisement, so two that claim at the same moment both step down and try
    again; on a slow network they can go on for ever.

How it is seen
    Two nodes' latest advertisements carry the same values, with no demotion involved.

False alarms
    FreeBSD 10 and later advertise 240 for anything above, also when demoted; such pairs
    look equal and are not configured so: of kernels only values below 240 are reported. ucarp
    has no such bound and no demotion.

What to do
    Give every node its own advskew: 0 for the preferred one, 100 for the next.

Sources
    FreeBSD carp_input_c: timercmp(&sc_tv, &ch_tv, >) || == steps down; ucarp packethandler
    compares addresses.
"""

from collections import defaultdict
from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import named, times
from carpscope.protocol.rules import DEMOTED_SKEW
from carpscope.timeline import traits
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.same_cluster import clusters
from carpscope.wire.carp import interval_ns


class EqualSkew:
    """Compares what the nodes of a group advertise."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups at the end."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: the values are known at the end."""

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give one finding for each pair of values that several nodes share."""
        del at
        for group in self._context.groups:
            by_values: dict[tuple[int, int], list[Node]] = defaultdict(list)
            for node in group.established:
                if _counts(node):
                    by_values[node.advbase, node.advskew].append(node)
            for (base, skew), nodes in by_values.items():
                for related in clusters(nodes):
                    if len(related) > 1:
                        yield _finding(group, base, skew, related)


def _counts(node: Node) -> bool:
    """Tell whether what a node advertises is what it was given, and it was a MASTER with that.

    A kernel's advskew of 240 and more may be a demotion, for which FreeBSD advertises 240 whatever
    was configured. ucarp advertises what was configured and sends no bow-out: 255/255 that comes
    more than once is its configuration.
    """
    if traits.is_ucarp(node):
        return bool(node.master_periods) or node.bow_outs > 1
    return bool(node.master_periods) and node.advskew < DEMOTED_SKEW


def _rule(nodes: list[Node]) -> str:
    """Say who gives way to an equal one."""
    ucarps = [traits.is_ucarp(node) for node in nodes]
    said = []
    if not all(ucarps):
        said.append("A kernel steps down for an equal advertisement.")
    if any(ucarps):
        said.append("ucarp steps down for one from a smaller address, last octet first.")
    return " ".join(said)


def _finding(group: Group, base: int, skew: int, nodes: list[Node]) -> Finding:
    names = named(node.id for node in nodes)
    met = sum(
        1 for contest in group.contests if sum(1 for node in nodes if node.id in contest.nodes) > 1
    )
    start, end = min(node.first for node in nodes), max(node.last for node in nodes)
    collided = f" Both became MASTER at once ({times(met)})." if met else ""
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.97,
        group=group.id,
        nodes=tuple(node.id for node in nodes),
        start=start,
        end=max(end, start + interval_ns(base, skew)),
        frames=tuple(
            sorted({period.first for node in nodes for period in node.master_periods[:6]})
        ),
        frame_count=sum(node.adverts for node in nodes),
        summary=(
            f"{names} have the same priority {base}/{skew}: which of them is MASTER is chance"
        ),
        explanation=(
            f"All of them advertise advbase {base} and advskew {skew}.{collided} {_rule(nodes)}"
        ),
        remedy=f"Set another advskew on all but one of {names}, e.g. 0 and 100.",
    )


RULE = Rule(
    "CS103",
    "equal_skew_tie",
    "Equal priorities",
    Severity.WARNING,
    EqualSkew,
    plain="{who} have the same rank, so that chance decides which is in charge of {address}",
)
