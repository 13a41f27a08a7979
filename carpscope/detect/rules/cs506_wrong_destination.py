"""Advertisements whose destination MAC does not match their destination address.

What it means
    Switches and network cards filter by MAC: the other nodes do not get these
    advertisements, though a mirror port shows them, and become MASTER too.

How it is seen
    224.0.0.18 has to travel to 01:00:5e:00:00:12, ff02::12 to 33:33:00:00:00:12. pf rules
    with route-to or reply-to that match CARP make it the group MAC of the gateway instead;
    its low 23 bits are the gateway's. FreeBSD 14.0 sends to peers whose address ends in 224
    to 239 with a group MAC.

False alarms
    ucarp -M sends to the broadcast MAC on purpose; that is not reported. Captures made by
    software that rewrites MACs.

What to do
    Exempt protocol 112 from policy routing: `pass quick proto carp` before any route-to
    rule. For the unicast case choose another peer address or upgrade.

Sources
    RFC 1112, RFC 2464; OPNsense core issues 1549 and 3468, FreeBSD PR 284872.
"""

from carpscope.detect.dropped import DroppedWatch
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Context, Rule
from carpscope.timeline.facts import FailedCheck, Forgotten, Joined, Refused
from carpscope.timeline.node import Node


def _watch(context: Context) -> DroppedWatch:
    del context
    return DroppedWatch(
        RULE.code,
        RULE.label,
        RULE.severity,
        FailedCheck.DESTINATION,
        "the wrong destination MAC",
        _remedy,
    )


def _remedy(node: Node, detail: str) -> str:
    """Give what fits the MAC and the address that do not fit each other."""
    if node.peers and "is one host" in detail:
        if any(224 <= peer[-1] <= 239 for peer in node.peers if len(peer) == 4):
            return (
                f"Give {node.id} a peer whose address does not end in 224 to 239, or upgrade it: "
                "FreeBSD 14.0 takes those for a group."
            )
        return (
            f"Find what gives a group's MAC to one host's address: an entry of ARP on {node.id} "
            "that was set by hand, a cluster of hosts that shares a group MAC."
        )
    if "policy routing" in detail:
        return (
            f"Exempt CARP from policy routing on {node.id} (pf: `pass quick proto carp` before "
            "rules with route-to or reply-to)."
        )
    return (
        f"Find what sends the advertisements of {node.id}, which are for the group, to one card: "
        "an access point or switch that turns multicast into unicast, a rule of its firewall."
    )


RULE = Rule(
    "CS506",
    "wrong_destination",
    "The destination MAC is wrong",
    Severity.ERROR,
    _watch,
    (Refused, Forgotten, Joined),
    plain="messages of {who} went to an address at which receivers may not see them",
)
