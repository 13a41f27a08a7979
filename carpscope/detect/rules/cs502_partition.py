"""Two nodes reach each other in neither direction, though the capture sees both.

What it means
    Each believes the other gone, and each is MASTER on its side.

How it is seen
    Both sign the same, both advertise, and neither reacts to the other: the worse one does
    not step down, and the better one's counter does not continue the worse one's.

False alarms
    Where the better node is an OpenBSD, whose counter is constant, a link that fails in one
    direction looks the same; confidence says so. Nodes that sign differently are told apart
    by their HMAC (CS201, CS202). Without secrets, two that accepted each other before or
    after may have signed differently meanwhile: confidence and remedy say so, unless one
    counter with one HMAC of both proves the contrary.

What to do
    Find what separates them: a switch uplink, a VLAN missing on a trunk, multicast dropped
    between two switches (IGMP snooping without a querier starts minutes after the last
    join), a hypervisor's virtual switch.

Sources
    carp_input_c: a MASTER must yield; carp_prepare_ad: the counter continues what was heard.
"""

from carpscope.detect.broken_links import (
    LinkWatch,
    alike_remedy,
    alike_text,
    missed_text,
    peer_remedy,
    peer_text,
    when_text,
)
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.snooping import snooping_remedy, snooping_text
from carpscope.detect.words import times
from carpscope.timeline.links import BrokenLink, LinkTrouble
from carpscope.timeline.node import Node


class Partition(LinkWatch):
    """Finds pairs that are cut off from each other."""

    troubles = (LinkTrouble.BOTH_WAYS, LinkTrouble.UNDECIDED)

    def finding(self, link: BrokenLink) -> Finding:
        """Say who does not reach whom."""
        sender, receiver = link.sender.id, link.receiver.id
        snooping = snooping_text(self._context, link.group)
        sure = link.trouble is LinkTrouble.BOTH_WAYS
        other = (
            f"{sender} did not react to {receiver} {times(link.ignored)} either"
            if sure
            else f"whether {sender} hears {receiver} cannot be seen: it need not react, and its "
            f"counter {_silent_because(link.sender)}"
        )
        return Finding(
            code=RULE.code,
            label=RULE.label,
            severity=RULE.severity,
            confidence=(0.95 if sure else 0.6) if link.is_known_alike else 0.5,
            group=link.group.id,
            nodes=(sender, receiver),
            start=link.start,
            end=link.end,
            frames=tuple(dict.fromkeys(link.frames)),
            frame_count=link.count,
            summary=(
                f"{sender} and {receiver} do not reach each other"
                if sure
                else f"{receiver} does not receive {sender}, and perhaps not the reverse either"
            )
            + ("" if link.is_known_alike else ", or they sign differently meanwhile"),
            explanation=(
                f"{missed_text(link)}, {when_text(link)}; {other}. {alike_text(link)}"
                f"{peer_text(link)}{snooping}"
            ),
            remedy=peer_remedy(link)
            or f"{alike_remedy(link)}{snooping_remedy(self._context, link.group)}"
            f"Find what separates {sender} from {receiver}: the VLAN on every trunk between "
            "them, multicast filtering (IGMP snooping without a querier), a broken uplink.",
            settles=link.settles,
            rests=link.rests,
        )


def _silent_because(node: Node) -> str:
    """Say why a node's counter does not show whom it hears."""
    habits = node.counters.values()
    moves = any(habit.random or habit.sequential for habit in habits)
    return "continues nobody's meanwhile" if moves else "never moves"


RULE = Rule(
    "CS502",
    "partition",
    "Nodes do not reach each other",
    Severity.ERROR,
    Partition,
    plain="{who} did not reach each other",
)
