"""Another node is MASTER than the configuration names.

What it means
    carpscope.toml says who should be MASTER of the group (`master`), another node is, and the
    named one has not been for longer than a take-over takes: it failed over and did not come
    back, or the advskews are the wrong way round. The service runs, its redundancy may not.

How it is seen
    From the moment another node is MASTER and the named one is not; once that has lasted for
    longer than the wait of the slowest backup.

False alarms
    Without preemption a repaired node stays BACKUP on purpose: then leave `master` out.

What to do
    Look why the named node is not MASTER: whether it runs, is demoted, or waits since
    preemption is off.

Sources
    The configuration of carpscope itself.
"""

from collections.abc import Iterator

from carpscope.config import ExpectedGroup, Setting
from carpscope.core.units import Nanos, span_text
from carpscope.core.values import dataclass
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import priority, since
from carpscope.timeline import traits
from carpscope.timeline.facts import Claimed, Fact, Forgotten, Left
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

SITUATIONS_KEPT = 500


@dataclass(slots=True)
class _Spell:
    group: Group
    node: Node
    start: Nanos
    frame: int
    expected: ExpectedGroup
    end: Nanos | None = None


class UnexpectedMaster:
    """Follows, of groups that have an expected MASTER, who else is it."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see what is expected."""
        self._context = context
        self._now: dict[str, _Spell] = {}
        self._over: list[_Spell] = []

    def see(self, fact: Fact) -> None:
        """Take claims and departures."""
        if isinstance(fact, Claimed | Left):
            group = fact.group
            expected = self._context.config.expects(group.vlan, group.vhid)
            if expected is None or not expected.master:
                return
            named = set(expected.master)
            masters = [n for n in group.masters if n.is_master]
            wrong = [n for n in masters if named.isdisjoint(n.addresses)]
            ends = isinstance(fact, Left) and fact.master_period.ended_by == "capture"
            if len(wrong) < len(masters) or (not masters and not ends):
                self._end(group, fact.at)
            elif wrong and group.id not in self._now and isinstance(fact, Claimed):
                self._begin(group, wrong[0], fact.at, fact.frame, expected)
            elif wrong and group.id not in self._now:
                node = wrong[0]  # the named one left
                self._begin(group, node, fact.at, node.master_periods[-1].first, expected)
        elif isinstance(fact, Forgotten) and fact.node is None:
            self._now.pop(fact.group.id, None)

    def _begin(
        self, group: Group, node: Node, at: Nanos, frame: int, expected: ExpectedGroup
    ) -> None:
        if len(self._now) < SITUATIONS_KEPT:
            self._now[group.id] = _Spell(group, node, at, frame, expected)

    def _end(self, group: Group, at: Nanos) -> None:
        spell = self._now.pop(group.id, None)
        if spell is not None:
            spell.end = at
            self._over = [*self._over, spell][-SITUATIONS_KEPT:]

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give each that lasted longer than a take-over."""
        for spell in (*self._over, *self._now.values()):
            end = spell.end if spell.end is not None else at
            if end - spell.start > traits.takeover(spell.node).latest:
                yield self._finding(spell, end)

    def _finding(self, spell: _Spell, end: Nanos) -> Finding:
        config, node = self._context.config, spell.node
        named = config.called(spell.expected.master)
        frames = tuple(dict.fromkeys((spell.frame, node.last_frame)))
        is_open = spell.end is None
        return Finding(
            code=RULE.code,
            label=RULE.label,
            severity=RULE.severity,
            confidence=0.95,
            group=spell.group.id,
            nodes=(node.id,),
            start=spell.start,
            end=end,
            frames=frames,
            frame_count=len(frames),
            summary=(
                f"{node.id} {'is' if is_open else 'was'} MASTER and not {named}, as expected, for "
                f"{span_text(end - spell.start)}"
            ),
            explanation=(
                f"The configuration names {named}; {node.id} became MASTER, and {named} was not "
                f"{since(spell.start, end)}."
            ),
            remedy=(
                f"Look why {named} is not MASTER: whether it runs, is demoted, or only waits since "
                f"preemption is off.{_declared(spell)}"
            ),
            ongoing=is_open,
        )


def _declared(spell: _Spell) -> str:
    """Name lines of files that have it otherwise: a running system need not have them."""
    expected, node = spell.expected, spell.node
    told = ""
    preempts = expected.lines_of(Setting.PREEMPTS, expected.master)
    if preempts:
        told = (
            f" {preempts} switches preemption on: `sysctl net.inet.carp.preempt` says whether that "
            "is in force."
        )
    demotes = expected.lines_of(Setting.DEMOTES, node.addresses)
    if demotes:
        told += (
            f" {demotes} demotes {node.id}, which advertises {priority(node)}: look whether that "
            "is in force."
        )
    return told


RULE = Rule(
    "CS253",
    "unexpected_master",
    "Another node is MASTER than expected",
    Severity.WARNING,
    UnexpectedMaster,
    (Claimed, Left, Forgotten),
    plain="another host than the one that should be was in charge of {address}",
)
