"""A node advertises another advbase or advskew than its files say.

What it means
    What runs is not what is written: the values were changed with ifconfig and not in the file,
    or in the file and not on the node. After the next start another node may be MASTER.

How it is seen
    advbase and advskew of the node's latest advertisements against the lines of the files given
    with --node. Left out are bow-outs, and nodes that advertise that they are demoted.

False alarms
    A script that changes advskew on purpose; a file of another day than the capture.

What to do
    Write what is meant into the file, and set the same on the node.

Sources
    The files of the node; ifconfig(8) changes the running system alone.
"""

from collections.abc import Iterator

from carpscope.config import ExpectedGroup, ExpectedValues
from carpscope.core.units import Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.protocol.rules import DEMOTED_SKEW
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node


class OtherValues:
    """Holds what is advertised against what is written."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups and what is expected."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: the nodes of a group say it."""

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give every node that advertises something else."""
        del at
        for expected in self._context.config.groups:
            group = self._context.observer.groups.get((expected.vlan, expected.vhid))
            if group is not None and expected.values:
                yield from _of(expected, group)


def _of(expected: ExpectedGroup, group: Group) -> Iterator[Finding]:
    for node in group.known:
        written = next((v for v in expected.values if {*v.nodes} & {*node.addresses}), None)
        is_demoted = node.demote > 0 or node.advskew >= DEMOTED_SKEW
        if written is not None and not is_demoted and _differs(written, node):
            yield _finding(group, node, written)


def _differs(written: ExpectedValues, node: Node) -> bool:
    return (written.advbase is not None and written.advbase != node.advbase) or (
        written.advskew is not None and written.advskew != node.advskew
    )


def _finding(group: Group, node: Node, written: ExpectedValues) -> Finding:
    base = node.advbase if written.advbase is None else written.advbase
    skew = node.advskew if written.advskew is None else written.advskew
    running = f"{node.advbase}/{node.advskew}"
    frames = tuple(dict.fromkeys([*(p.first for p in node.master_periods[-1:]), node.last_frame]))
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.9,
        group=group.id,
        nodes=(node.id,),
        start=node.first,
        end=node.last,
        frames=frames,
        frame_count=len(frames),
        summary=f"{node.id} advertises {running}, and its file says {base}/{skew}",
        explanation=(
            f"{written.where} sets advbase {base} and advskew {skew}; its latest advertisement "
            f"has {node.advbase} and {node.advskew}. After its next start it advertises what is "
            "written."
        ),
        remedy=(
            f"Decide which is meant, write it in {written.where} and set it on {node.id} too "
            "(ifconfig; ucarp has to be restarted)."
        ),
        ongoing=node.is_master,
    )


RULE = Rule(
    "CS255",
    "other_values",
    "A node advertises other values than its files say",
    Severity.INFO,
    OtherValues,
    plain="{who} runs with other settings than its files say",
)
