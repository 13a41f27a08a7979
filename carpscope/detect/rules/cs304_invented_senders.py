"""More senders name a group, or more groups are named, than any network has.

What it means
    Somebody sends advertisements from addresses, with vhids or on VLANs that it makes up.
    Without the passphrase no node takes them in, but each is verified by every node of the
    vhid, which costs them time, and counters and logs fill up. Or the capture holds very many
    networks at once.

How it is seen
    More than eight source addresses of a group advertised once and no more, and none of them
    verifies. Beyond sixteen addresses they are counted and not followed one by one; who
    verifies, is configured or advertises on in its beat is followed all the same, and what
    is found about those nodes is not affected.

False alarms
    A capture of a trunk of hundreds of networks has many groups by right; a bound on how
    many are followed is stated in docs/limits.md.

What to do
    Find the switch port on which these frames arrive. Filter protocol 112 on all ports but
    those of the nodes.

Sources
    The bounds are carpscope's own. carp_input_c looks the vhid up and computes an HMAC for
    every advertisement that names one of its own.
"""

from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import since
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import MADE_UP_MIN, Crowd, group_id

MANY = 8
"""Groups that get a finding each; of more, one finding tells."""


class InventedSenders:
    """Tells of the strangers that the observer only counted."""

    def __init__(self, context: Context) -> None:
        """Keep the context: the observer counts."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: a stranger is no fact."""

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give one finding for each flood."""
        del at
        crowds = [
            crowd
            for crowd in self._context.observer.strangers.crowds
            if crowd.adverts > MADE_UP_MIN
        ]
        ones = [crowd for crowd in crowds if crowd.is_one]
        if len(ones) > MANY:
            yield _finding(_together(ones), f"in {len({c.group for c in ones}):,} groups")
            crowds = [crowd for crowd in crowds if not crowd.is_one]
        for crowd in crowds:
            where = "in this group" if crowd.is_one else "in groups that nobody else is in"
            yield _finding(crowd, where)


def _together(crowds: list[Crowd]) -> Crowd:
    """Make one of floods that name many groups: it is one sender's doing."""
    first = min(crowds, key=lambda crowd: crowd.start)
    largest = max(crowds, key=lambda crowd: crowd.adverts)
    return Crowd(
        first.group,
        True,
        first.start,
        max(crowd.end for crowd in crowds),
        sum(crowd.adverts for crowd in crowds),
        sum(crowd.again for crowd in crowds),
        first.first,
        largest.closing,
    )


def _finding(crowd: Crowd, where: str) -> Finding:
    vlan, vhid = crowd.group
    senders = f"about {crowd.senders:,}" if crowd.senders != crowd.adverts else f"{crowd.senders:,}"
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.9 if crowd.is_one else 0.8,
        group=group_id(vlan, vhid),
        nodes=(),
        start=crowd.start,
        end=crowd.end,
        frames=crowd.frames,
        frame_count=crowd.adverts,
        summary=f"{senders} unknown senders advertised {where}",
        explanation=(
            f"{crowd.adverts:,} advertisements of {senders} source addresses, "
            f"{since(crowd.start, crowd.end)}: none of them verified or went on in its "
            "beat for longer than the nodes that are followed. "
            "They are invented, and counted here only."
        ),
        remedy=(
            "Find the switch port these frames come from, and let protocol 112 in from the nodes' "
            "ports only."
        ),
    )


RULE = Rule(
    "CS304",
    "invented_senders",
    "Invented senders",
    Severity.ERROR,
    InventedSenders,
    plain="somebody sent messages in the names of hosts that do not exist",
)
