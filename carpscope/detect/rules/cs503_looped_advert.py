"""A node's own advertisements come back to the segment.

What it means
    FreeBSD, NetBSD and DragonFly compare their own returned advertisement as equal and step
    down for it: MASTER to BACKUP after each advertisement, and back after the timeout.
    OpenBSD recognises its own and only logs it.

How it is seen
    Several advertisements return unchanged, each once and within a second, later than a
    mirror port's copy would. Or copies lie right behind each, as a mirror port makes them too,
    and the sender shows that it has heard them: its next advertisement follows when its wait
    as a backup is over, ten times in a row, with the next counter. What comes back with a
    lower TTL was sent on by a router; receivers drop it.

False alarms
    A mirror port that sees a frame on its way in and on its way out makes copies within a
    few milliseconds; those are left out where the sender keeps its pace.

What to do
    Look for a hypervisor with teamed uplinks and promiscuous mode (VMware:
    Net.ReversePathFwdCheckPromisc), a switch loop, a provider that echoes, a card driver
    that returns multicast.

Sources
    FreeBSD carp_input_c (equal steps down; its guard covers vhid 0 only); OpenBSD
    carp_proto_input_c ("replay or network loop detected").
"""

from collections.abc import Iterable, Iterator

from carpscope.core.address import mac_text
from carpscope.core.units import SECOND, Nanos, seconds_text
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.late_senders import Slow, SlowReason, came_back, slow
from carpscope.detect.rule import Rule
from carpscope.detect.spoofed import Attack, AttackWatch
from carpscope.detect.words import listed, since
from carpscope.timeline import traits
from carpscope.timeline.facts import Ended, Joined, Spoofed
from carpscope.timeline.group import Group
from carpscope.timeline.impostor import SpoofKind
from carpscope.wire.carp import interval_ns


class Looped(AttackWatch):
    """Finds advertisements that come back by themselves."""

    def concerns(self, attack: Attack) -> bool:
        """Tell whether it is a loop, or a router's doing."""
        is_loop = attack.spoof_kind is SpoofKind.REPLAYED and attack.is_loop
        return is_loop or attack.spoof_kind is SpoofKind.FORWARDED

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give loops that returned advertisements show, and those that a node's pace does."""
        yield from super().findings(at)
        for group in self.context.groups:
            for node in group.known:
                for one in slow(node):
                    if one.why is SlowReason.HEARS_ITSELF:
                        yield _heard(group, one, at)

    def finding(self, attack: Attack) -> Finding:
        """Say whose advertisements return, how late, and from whom."""
        count = attack.evidence.count
        delays = sorted(attack.originals.values())
        returned = f"{count} of them" if count > 1 else "One of them"
        how = "unchanged"
        if attack.spoof_kind is SpoofKind.FORWARDED:
            how = f"with TTL {listed(map(str, attack.ttls))}"
        others = attack.strangers()
        whose = f" The frames that came back are from {_macs(others)}." if others else ""
        return Finding(
            code=RULE.code,
            label=RULE.label,
            severity=RULE.severity,
            confidence=0.85,
            group=attack.group.id,
            nodes=(attack.victim,),
            start=attack.start,
            end=attack.end,
            frames=attack.evidence.frames,
            frame_count=count,
            summary=f"advertisements of {attack.victim} come back to the segment",
            explanation=(
                f"{returned} returned {how}, {_span(delays)} after "
                f"{'they were' if count > 1 else 'it was'} sent"
                f"{f', {since(attack.start, attack.end)}' if count > 1 else ''}.{whose}"
            ),
            remedy=_remedy(attack, others),
        )


def _span(delays: list[Nanos]) -> str:
    first, last = f"{delays[0] / 1e6:.1f}", f"{delays[-1] / 1e6:.1f}"
    return f"{first} ms" if first == last else f"{first} to {last} ms"


def _macs(macs: Iterable[bytes]) -> str:
    return listed(map(mac_text, macs))


def _remedy(attack: Attack, others: list[bytes]) -> str:
    """Name who sends them again, where the frames do."""
    if attack.spoof_kind is SpoofKind.FORWARDED:
        who = f"the router at {_macs(others)}" if others else "the router"
        return (
            f"Find {who} that sends protocol 112 on to the segment it came from (multicast "
            "routing, an IGMP proxy): what is for 224.0.0.18 and ff02::12 must not be forwarded."
        )
    if others:
        return (
            f"Find the host at {_macs(others)}, which sends them again: the switch's table of MACs."
        )
    return (
        "Find what reflects multicast: a hypervisor's teamed uplinks with promiscuous mode, "
        "a switch loop, a card driver."
    )


def _heard(group: Group, one: Slow, at: Nanos) -> Finding:
    """Say that a node hears itself, by its pace."""
    node, spell = one.node, one.spell
    lasts = node.pace is not None and node.pace.now is spell
    first, last = (f"{wait / SECOND:.2f}" for wait in traits.takeover(node))
    announced = seconds_text(interval_ns(*spell.shape), digits=2)
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
        summary=f"{node.id} hears its own advertisements and steps down after each",
        explanation=(
            f"{spell.count} intervals in a row, {since(spell.start, spell.end)}, were "
            f"{seconds_text(spell.mean, digits=2)} long, and {came_back(one)}. {node.id} announces "
            f"{announced}; as a backup it waits {first} to {last} s. {one.counter}"
        ),
        remedy=(
            f"Find what returns multicast to {node.id}: its card or driver, a virtual switch with "
            "promiscuous mode and teamed uplinks, a bridge of the host."
        ),
        ongoing=lasts and at - spell.end <= spell.longest,
    )


RULE = Rule(
    "CS503",
    "looped_advert",
    "Advertisements come back",
    Severity.ERROR,
    Looped,
    (Spoofed, Joined, Ended),
    plain="what hosts sent came back to them, as through a loop of cables",
)
