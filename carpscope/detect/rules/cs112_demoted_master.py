"""A node stays MASTER though it says itself that it is not fit.

What it means
    It counts something as broken (an interface down, pfsync not in step, a failed check) and
    advertises itself demoted, so that a better node takes over. Nobody does: no other node is
    there, or it does not preempt. The service hangs on the node that is known to be ill. (Where
    another is MASTER beside it, that is a split brain.)

How it is seen
    The only MASTER advertises an advskew of 240 or more, or a demotion count of OpenBSD above 0,
    for longer than a take-over of the slowest backup would need.

False alarms
    A node that was given an advskew of 240 or more by hand is the last resort of its group;
    that it serves is worth knowing all the same. ucarp knows no demotion, and its advskew is
    never one.

What to do
    Find out what demotes it, and why nobody took over: whether its backup lives, hears it and
    preempts.

Sources
    FreeBSD ip_carp.c carp_send_ad and CARP_MAXSKEW (240); OpenBSD ip_carp.c carp_send_ad, the
    demote byte; carp(4), net.inet.carp.demotion and carpdemote of ifgroups.
"""

from collections.abc import Iterator

from carpscope.config import Config, Setting
from carpscope.core.units import Nanos, span_text
from carpscope.core.values import dataclass
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import priority, since
from carpscope.protocol.rules import DEMOTED_SKEW
from carpscope.timeline import traits
from carpscope.timeline.facts import Changed, Claimed, Ended, Fact, Forgotten, Left
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

SITUATIONS_KEPT = 500


@dataclass(slots=True)
class _Spell:
    """A time in which one MASTER said that it was demoted."""

    group: Group
    node: Node
    start: Nanos
    end: Nanos | None
    frame: int
    last: int
    said: str
    is_over: bool = False


class DemotedMaster:
    """Follows who is MASTER and demoted."""

    def __init__(self, context: Context) -> None:
        """Keep what is expected."""
        self._config = context.config
        self._now: dict[tuple[str, str], _Spell] = {}
        self._over: list[_Spell] = []

    def see(self, fact: Fact) -> None:
        """Take claims, changes and departures."""
        if isinstance(fact, Claimed):
            if len(fact.group.masters) == 1:
                self._look(fact.group, fact.node, fact.at, fact.frame)
            for other in fact.group.masters if len(fact.group.masters) > 1 else ():
                self._end(fact.group, other, fact.at, fact.frame, is_over=True)
        elif isinstance(fact, Changed):
            if fact.group.masters in ([], [fact.node]):
                self._look(fact.group, fact.node, fact.change.at, fact.change.frame)
        elif isinstance(fact, Left):
            over = fact.master_period.ended_by != "capture"
            self._end(fact.group, fact.node, fact.at, fact.master_period.last, is_over=over)
            for other in fact.group.masters[:1] if over and len(fact.group.masters) == 1 else ():
                self._look(fact.group, other, fact.at, other.last_frame)
        elif isinstance(fact, Forgotten) and fact.node is not None:
            self._now.pop((fact.group.id, fact.node.id), None)

    def _look(self, group: Group, node: Node, at: Nanos, frame: int) -> None:
        key = (group.id, node.id)
        if not is_demoted(node):
            self._end(group, node, at, frame, is_over=True)
        elif key in self._now:
            self._now[key].said = priority(node)
        elif len(self._now) < SITUATIONS_KEPT:
            self._now[key] = _Spell(group, node, at, None, frame, frame, priority(node))

    def _end(self, group: Group, node: Node, at: Nanos, frame: int, *, is_over: bool) -> None:
        spell = self._now.pop((group.id, node.id), None)
        if spell is not None:
            spell.end, spell.last, spell.is_over = at, frame, is_over
            self._over = [*self._over, spell][-SITUATIONS_KEPT:]

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give each that lasted longer than a take-over."""
        del at
        for spell in (*self._over, *self._now.values()):
            node = spell.node
            end = spell.end if spell.end is not None else max(node.last, spell.start)
            if node.is_known and end - spell.start > traits.backups(node).latest:
                yield _finding(spell, end, self._config)


def is_demoted(node: Node) -> bool:
    """Tell whether a node advertises that it is not fit."""
    return not traits.is_ucarp(node) and (node.demote > 0 or node.advskew >= DEMOTED_SKEW)


def _finding(spell: _Spell, end: Nanos, config: Config) -> Finding:
    node, group = spell.node, spell.group
    expected = config.expects(group.vlan, group.vhid)
    declared = expected.lines_of(Setting.DEMOTES, node.addresses) if expected else ""
    others = [other.id for other in group.known if other is not node]
    why = (
        f"No other node of {group.id} was ever heard."
        if not others
        else f"{', '.join(others[:4])} did not take over."
    )
    last = node.last_frame if spell.end is None else spell.last
    frames = tuple(dict.fromkeys((spell.frame, last)))
    ongoing = not spell.is_over
    word = "is" if ongoing else "was"
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.95,
        group=group.id,
        nodes=(node.id,),
        start=spell.start,
        end=end,
        frames=frames,
        frame_count=len(frames),
        summary=(
            f"{node.id} {word} MASTER and demoted ({spell.said}) for {span_text(end - spell.start)}"
        ),
        explanation=(
            f"{node.id} advertised {spell.said} {since(spell.start, end)}, which says that it is "
            f"not fit. {why}"
        ),
        remedy=(
            f"Find out what demotes {node.id} ({declared or 'a link down, pfsync, a script'}), and "
            "why no other node takes over: whether one runs, hears it, and preempts."
        ),
        ongoing=ongoing,
    )


RULE = Rule(
    "CS112",
    "demoted_master",
    "The MASTER is demoted",
    Severity.WARNING,
    DemotedMaster,
    (Claimed, Changed, Left, Forgotten, Ended),
    plain="{who} is in charge of {address} while reporting that something is wrong with itself",
)
