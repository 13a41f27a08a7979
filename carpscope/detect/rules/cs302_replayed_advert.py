"""Earlier advertisements are sent again by someone else.

What it means
    No kernel remembers counters, so a captured advertisement is valid until the passphrase
    or an address changes. Sent again and again it keeps backups silent while the real
    master is gone: nobody holds the addresses.

How it is seen
    A counter and HMAC that the node sent before, where its counter moves; with the same IP
    id where ids move. Copies by a mirror port lie within 5 ms and are left out before.

False alarms
    OpenBSD and old pfSense repeat their counter by design. Two nodes may circle: each
    counts on from the other's constant, and repeats itself rightly. A network loop returns
    every advertisement once (CS503).

What to do
    Find the sender: the switch port on which these frames arrive. Change the passphrase on
    all nodes: what was captured is then of no use.

Sources
    carp_input_c: the place for replay protection is empty in every kernel; OpenBSD refuses
    its own cookie alone.
"""

from carpscope.core.address import ip_text
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.spoofed import Attack, AttackWatch, achieved
from carpscope.detect.words import listed, since
from carpscope.timeline.facts import Joined, Spoofed
from carpscope.timeline.impostor import SpoofKind


class Replayed(AttackWatch):
    """Finds advertisements that were sent again unchanged."""

    def concerns(self, attack: Attack) -> bool:
        """Tell whether it is a replay and no loop."""
        return attack.spoof_kind is SpoofKind.REPLAYED and not attack.is_loop

    def finding(self, attack: Attack) -> Finding:
        """Say what was repeated and what it did."""
        count = attack.evidence.count
        times = "once" if count == 1 else f"{count} times"
        copies = len(attack.originals)
        copied = f"{copies} earlier advertisements" if copies > 1 else "one earlier advertisement"
        sources = listed(ip_text(source) for source in attack.sources)
        return Finding(
            code=RULE.code,
            label=RULE.label,
            severity=RULE.severity,
            confidence=0.95 if count > 1 else 0.8,
            group=attack.group.id,
            nodes=(attack.victim,),
            start=attack.start,
            end=attack.end,
            frames=attack.evidence.frames,
            frame_count=count,
            summary=(f"advertisements of {attack.victim} were sent again {times} by someone else"),
            explanation=(
                f"{copied} came again, counter and HMAC alike, "
                f"{since(attack.start, attack.end)}, with {sources} as source. "
                f"Effect: {achieved(attack)}."
            ),
            remedy=(
                f"Find {attack.port} and disconnect it; then change the "
                "passphrase on all nodes, so that what was captured is of no more use."
            ),
            attacker=attack.attacker,
        )


RULE = Rule(
    "CS302",
    "replayed_advert",
    "Replayed advertisements",
    Severity.CRITICAL,
    Replayed,
    (Spoofed, Joined),
    plain="somebody sent messages of {who} again that had been recorded before",
)
