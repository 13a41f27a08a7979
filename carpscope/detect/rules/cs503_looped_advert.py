"""A node's own advertisements come back to the segment.

What it means
    FreeBSD, NetBSD and DragonFly compare their own returned advertisement as equal and step
    down for it: MASTER to BACKUP after each advertisement, and back after the timeout.
    OpenBSD recognises its own and only logs it.

How it is seen
    Several advertisements return unchanged, each once and within a second, later than a
    mirror port's copy would.

False alarms
    A mirror port that sees a frame on its way in and on its way out makes copies within a
    few milliseconds; those are left out.

What to do
    Look for a hypervisor with teamed uplinks and promiscuous mode (VMware:
    Net.ReversePathFwdCheckPromisc), a switch loop, a provider that echoes, a card driver
    that returns multicast.

Sources
    FreeBSD carp_input_c (equal steps down; its guard covers vhid 0 only); OpenBSD
    carp_proto_input_c ("replay or network loop detected").
"""

from carpscope.detect.deceived import Attack, AttackWatch
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import since
from carpscope.timeline.facts import Deceived, Joined
from carpscope.timeline.impostor import Deceit


class Looped(AttackWatch):
    """Finds advertisements that come back by themselves."""

    def concerns(self, attack: Attack) -> bool:
        """Tell whether it is a loop."""
        return attack.deceit is Deceit.REPLAYED and attack.is_loop

    def finding(self, attack: Attack) -> Finding:
        """Say whose advertisements return, and how late."""
        count = attack.evidence.count
        delays = sorted(attack.originals.values())
        return Finding(
            RULE.code,
            RULE.label,
            RULE.severity,
            0.85,
            attack.group.id,
            (attack.victim,),
            attack.start,
            attack.end,
            attack.evidence.frames,
            count,
            f"advertisements of {attack.victim} come back to the segment",
            f"{count} of them returned unchanged, {delays[0] / 1e6:.1f} to "
            f"{delays[-1] / 1e6:.1f} ms after they were sent, {since(attack.start, attack.end)}.",
            "Find what reflects multicast: a hypervisor's teamed uplinks with promiscuous mode, "
            "a switch loop, a card driver.",
        )


RULE = Rule(
    "CS503", "looped_advert", "Advertisements come back", Severity.ERROR, Looped, (Deceived, Joined)
)
