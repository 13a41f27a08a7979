"""A master advertises more slowly than it announces.

What it means
    Every other node computes its wait from the advbase and advskew that a master announces.
    Where the advertisements come more slowly, a backup is closer to taking over than anybody
    thinks: one more that is lost, and there are two masters.

How it is seen
    Ten or more intervals in a row, of one node that nobody else speaks between, are each
    longer than its timer, the lateness that kernels permit themselves and a stall explain. The
    counter tells the two causes apart: where it moves by more than one, the others were sent
    and did not get here.

False alarms
    A capture that keeps only some of the packets (a sampled mirror, a file that was thinned
    out) shows this too; then the counters prove that others were sent.

What to do
    Where others were sent: find what loses them on the way. Where none was: look at the host,
    which is overloaded or a virtual machine that is not given its time. Where the intervals are
    as long as the node's own wait as a backup, it may step down each time because it hears
    itself (CS503).

Sources
    ip_carp.c carp_setrun, carp_send_ad_locked (callout_reset by advbase and
    advskew); kern_timeout.c callout_when; ucarp src/carp.c docarp().
"""

from collections.abc import Iterator

from carpscope.core.units import SECOND, Nanos, seconds_text
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.late_senders import Slow, SlowReason, slow
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import since
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.facts import Fact, Spoofed
from carpscope.timeline.group import Group
from carpscope.timeline.impostor import SpoofKind
from carpscope.wire.carp import interval_ns

NODES_KEPT = 1024


class Late:
    """Gives the spells of late advertisements."""

    def __init__(self, context: Context) -> None:
        """Keep the context: the nodes know when they were late."""
        self._context = context
        self._returned: dict[tuple[str, str], list[Nanos]] = {}
        """The latest times at which advertisements of a node came again."""

    def see(self, fact: Fact) -> None:
        """Take what came again: it may be why a node is late."""
        if (
            isinstance(fact, Spoofed)
            and fact.spoof_kind is SpoofKind.REPLAYED
            and fact.node is not None
        ):
            key = (fact.group.id, fact.node.id)
            if key in self._returned or len(self._returned) < NODES_KEPT:
                times = self._returned.setdefault(key, [])
                times[:] = [*times[-NODES_KEPT:], fact.at]

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give each spell that nothing else explains."""
        for group in self._context.groups:
            for node in group.known:
                returned = self._returned.get((group.id, node.id), ())
                for one in slow(node):
                    again = sum(one.spell.start <= when <= one.spell.end for when in returned)
                    if one.why is not SlowReason.HEARS_ITSELF and 2 * again < one.spell.count:
                        yield _finding(group, one, at)


def _finding(group: Group, one: Slow, at: Nanos) -> Finding:
    node, spell = one.node, one.spell
    shape = f"{spell.shape[0]}/{spell.shape[1]}"
    announced = seconds_text(interval_ns(*spell.shape), digits=2)
    most = seconds_text(timers.overdue(*spell.shape), digits=2)
    pace = seconds_text(spell.mean, digits=2)
    first, last = (f"{gap / SECOND:.3f}" for gap in (spell.shortest, spell.longest))
    lasts = node.pace is not None and node.pace.now is spell
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.9,
        group=group.id,
        nodes=(node.id,),
        start=spell.start,
        end=spell.end,
        frames=tuple(dict.fromkeys(spell.frames)),
        frame_count=spell.count + 1,
        summary=(
            f"advertisements of {node.id} come every {pace}, and it announces {shape}: {announced}"
        ),
        explanation=(
            f"{spell.count} intervals in a row, {since(spell.start, spell.end)}, were {first} to "
            f"{last} s long; {shape} means {announced}, and timers, load and a stall explain "
            f"{most}. "
            f"{one.counter}{_like_a_wait(one)}"
        ),
        remedy=_remedy(one),
        ongoing=lasts and at - spell.end <= spell.longest,
    )


def _like_a_wait(one: Slow) -> str:
    if not one.waits or one.why is SlowReason.LOST:
        return ""
    first, last = (f"{wait / SECOND:.2f}" for wait in traits.takeover(one.node))
    return (
        f" As a backup {one.node.id} would wait {first} to {last} s: it may step down after each, "
        "as a node does that hears its own."
    )


def _remedy(one: Slow) -> str:
    name = one.node.id
    if one.why is SlowReason.LOST:
        return (
            f"Find what loses advertisements between {name} and this capture: a sampled or "
            "overloaded mirror port, a limit on multicast, a card that drops. If the backups lose "
            "them too, they are close to taking over."
        )
    if one.waits:
        return (
            f"Look on {name} whether it changes between MASTER and BACKUP each time (its log), and "
            "whether its own advertisements come back to it: tcpdump -ni IF 'proto 112' there. "
            "Else look at its load."
        )
    return (
        f"Look at {name}: its load, whether its virtual machine is given its time, whether its "
        "clock runs at the right speed."
    )


RULE = Rule(
    "CS513",
    "late_advertisements",
    "Advertisements are late",
    Severity.WARNING,
    Late,
    (Spoofed,),
    ("looped_advert",),
    plain="messages of {who} came late",
)
