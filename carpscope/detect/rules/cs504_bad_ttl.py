"""Advertisements with a TTL or hop limit other than 255.

What it means
    Receivers drop such an advertisement before they look at anything else, so its sender
    is not heard: the others become MASTER beside it.

How it is seen
    The TTL in the IP header. 254 says that one router forwarded it; 64 or 128 says that it
    was made by something that is not CARP.

False alarms
    FreeBSD 14.0 to 14.2, and main of 2024, do not check IPv4's TTL where the vhid sends to
    the group, because they read the address in the wrong byte order; 14.3 does. Between such
    nodes this is harmless, but it lets advertisements in from other networks. What FreeBSD
    sends to a unicast peer may be routed since 14, with any TTL, and is not reported; OpenBSD
    (carppeer) and ucarp (--mcastip) ask for 255 then as well.

What to do
    Keep the nodes in one layer-2 segment. Look for a multicast router, a proxy or a tunnel
    between the sender and this capture; filter protocol 112 at the border.

Sources
    FreeBSD ip_carp.c carp_input, OpenBSD carp_proto_input_if, ucarp src/carp.c (Bad TTL);
    FreeBSD PR 284872.
"""

from carpscope.detect.dropped import DroppedWatch
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Context, Rule
from carpscope.timeline.facts import FailedCheck, Forgotten, Joined, Refused


def _watch(context: Context) -> DroppedWatch:
    del context
    return DroppedWatch(
        RULE.code,
        RULE.label,
        RULE.severity,
        FailedCheck.TTL,
        "a TTL other than 255",
        "Find what routes or rewrites protocol 112 on the way from this node, and take it out; "
        "CARP works only within one layer-2 segment.",
    )


RULE = Rule(
    "CS504",
    "bad_ttl",
    "TTL is not 255",
    Severity.ERROR,
    _watch,
    (Refused, Forgotten, Joined),
    plain="messages of {who} arrived as if a router had forwarded them, which receivers reject",
)
