"""Advertisements whose CARP checksum is wrong.

What it means
    Receivers drop them. Network cards do not compute this checksum (they do not know
    protocol 112), so it is real damage or tampering, not offload.

How it is seen
    The 36 bytes do not sum to 0xffff. With the passphrase the HMAC says more: where it
    verifies, the damage is in advskew, advbase, demote or vhid; where it does not, in the
    counter or the HMAC.

False alarms
    A wrong IPv4 header checksum in a capture made on the sending host is offload and means
    nothing; it is not this. Trailing bytes inside the datagram are not summed, except by
    FreeBSD 15.

What to do
    Look for the device that changes packets: NAT applied to protocol 112, a packet editor,
    a failing card or cable. Compare captures on both sides of it.

Sources
    FreeBSD, OpenBSD, NetBSD ip_carp.c carp_cksum over 36 bytes; ucarp sums the IP header
    and these together.
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
        FailedCheck.CHECKSUM,
        "a wrong checksum",
        "Find the device that changes these packets: capture on both sides of each hop and "
        "compare; suspect NAT of protocol 112, then hardware.",
    )


RULE = Rule(
    "CS505",
    "bad_checksum",
    "The checksum is wrong",
    Severity.ERROR,
    _watch,
    (Refused, Forgotten, Joined),
    plain="messages of {who} were damaged, which receivers reject",
)
