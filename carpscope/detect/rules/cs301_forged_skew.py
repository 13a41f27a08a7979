"""Advertisements with an authentic HMAC but other advskew, advbase or demotion.

What it means
    The HMAC does not cover these three. Somebody took a genuine advertisement, changed
    them and corrected the checksum: a MASTER steps down for it, backups stay silent, and
    nobody holds the addresses; or, with 255/255, all backups claim at once.

How it is seen
    The same counter and HMAC as an earlier advertisement of the node, with other values. A
    node that counts never does that. For OpenBSD, whose counter is constant, an IP id that
    is random and yet repeats gives it away.

False alarms
    An OpenBSD node that is reconfigured or demoted keeps its counter: its IP id goes on
    changing, and it stays with the new values. Two genuine nodes can reach the same
    counter, each from its own address; a ucarp that was stopped or cut off does, with old
    numbers, until it has taken in what was queued for it.

What to do
    Find the sender: the switch port on which these frames arrive. Changing the passphrase
    ends the use of what was captured; only encryption below (MACsec, IPsec) or a separate
    VLAN for CARP prevents it.

Sources
    carp_hmac_generate: version, type, vhid, addresses and counter are all that is signed.
"""

from carpscope.core.address import ip_text
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.spoofed import Attack, AttackWatch, achieved
from carpscope.detect.words import advertisements, listed, since
from carpscope.timeline.facts import Joined, Spoofed
from carpscope.timeline.impostor import SpoofKind


class Forged(AttackWatch):
    """Finds advertisements that were changed."""

    def concerns(self, attack: Attack) -> bool:
        """Tell whether values were changed."""
        return attack.spoof_kind is SpoofKind.FORGED

    def finding(self, attack: Attack) -> Finding:
        """Say what was changed and what it did."""
        said = listed(_shape(shape) for shape in attack.shapes)
        count = attack.evidence.count
        sources = listed(ip_text(source) for source in attack.sources)
        return Finding(
            code=RULE.code,
            label=RULE.label,
            severity=RULE.severity,
            confidence=0.95,
            group=attack.group.id,
            nodes=(attack.victim,),
            start=attack.start,
            end=attack.end,
            frames=attack.evidence.frames,
            frame_count=count,
            summary=(
                f"{advertisements(count)} of {attack.victim} "
                f"{'was' if count == 1 else 'were'} forged to say {said}"
            ),
            explanation=(
                f"Counter and HMAC are those of advertisements that said {_shape(attack.shape)}, "
                f"{since(attack.start, attack.end)}, with {sources} as source. "
                f"Effect: {achieved(attack)}."
            ),
            remedy=(
                f"Find {attack.port} and disconnect it; then change the "
                "passphrase on all nodes, so that what was captured is of no more use."
            ),
            attacker=attack.attacker,
        )


def _shape(shape: tuple[int, int, int]) -> str:
    base, skew, demote = shape
    if (base, skew) == (255, 255):
        return "255/255 (a bow-out)"
    return f"{base}/{skew} demote {demote}" if demote else f"{base}/{skew}"


RULE = Rule(
    "CS301",
    "forged_skew",
    "Forged advertisements",
    Severity.CRITICAL,
    Forged,
    (Spoofed, Joined),
    plain="somebody sent forged messages in the name of {who}",
)
