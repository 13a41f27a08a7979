"""One node's advertisements reach the other, but not the reverse.

What it means
    The node that does not hear the better master believes it gone and becomes MASTER
    beside it.

How it is seen
    Both sign the same, yet the worse node advertises on beside the better one: it does not
    receive it. The better node's counter continues the worse one's: it does receive. A
    link that loses a part of the packets shows the same, now and then.

False alarms
    A node that refuses because it signs differently (CS201, CS202) is told apart by its
    HMAC. An OpenBSD node's counter is constant and cannot show what it hears.

What to do
    Follow the path from the node that is not heard: private VLAN, ACL, storm control, port
    security that limits MACs, a half-broken LAG member, IGMP snooping without a querier, a
    hypervisor's forged-transmit setting. Run tcpdump -ni IF 'proto 112' on the deaf node.

Sources
    carp_input_c: a MASTER must yield; carp_prepare_ad: the counter continues what was heard.
"""

from carpscope.detect.broken_links import LinkWatch, missed_text, peer_remedy, peer_text, when_text
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.snooping import snooping_remedy, snooping_text
from carpscope.detect.words import times
from carpscope.timeline.links import BrokenLink, LinkTrouble


class OneWay(LinkWatch):
    """Finds links that work in one direction."""

    troubles = (LinkTrouble.ONE_WAY,)

    def finding(self, link: BrokenLink) -> Finding:
        """Say who is not heard by whom."""
        sender, receiver = link.sender.id, link.receiver.id
        snooping = snooping_text(self._context, link.group)
        return Finding(
            code=RULE.code,
            label=RULE.label,
            severity=RULE.severity,
            confidence=0.95 if link.answered > 2 else 0.85,
            group=link.group.id,
            nodes=(sender, receiver),
            start=link.start,
            end=link.end,
            frames=tuple(dict.fromkeys(link.frames)),
            frame_count=link.count,
            summary=(f"{receiver} does not receive {sender}, while {sender} receives {receiver}"),
            explanation=(
                f"{missed_text(link)}, {when_text(link)}. The counter of {sender} "
                f"continued that of {receiver} {times(link.answered)}: that direction works."
                f"{peer_text(link)}{snooping}"
            ),
            remedy=peer_remedy(link)
            or f"{snooping_remedy(self._context, link.group)}"
            f"Find what drops advertisements from {sender} on the way to {receiver}: "
            f"tcpdump -ni IF 'proto 112' on {receiver}, then switch ACLs, storm control, IGMP "
            "snooping, LAG members and hypervisor port settings along the path.",
            rests=link.rests,
        )


RULE = Rule(
    "CS501",
    "one_way_link",
    "A link works in one direction",
    Severity.ERROR,
    OneWay,
    plain="what was sent between {who} arrived in one direction only",
)
