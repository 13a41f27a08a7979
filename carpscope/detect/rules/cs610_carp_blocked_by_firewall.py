"""A packet filter does not let the advertisements of the other node through.

What it means
    A backup that hears nothing becomes MASTER beside the one there is.

How it is seen
    The rules of pf.conf or of the GUI are applied to an advertisement of each other member:
    protocol 112 to the group or to the peer. The last rule that matches decides, or the first
    quick one. Where a table, an anchor or a macro that is not in the file decides, nothing is
    said. pfSense passes CARP by itself, OPNsense only to the group.

False alarms
    Rules are read, not states: beside unicast, an advertisement that goes out with keep state
    opens the way for the other one's.

What to do
    Write `pass quick proto carp` into pf.conf, before the rules that block.

Sources
    pf.conf(5); OPNsense filter.lib.inc; pfSense filter.inc.
"""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import listed
from carpscope.settings.reach import BlockReason


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Look at what is cut in each group."""
    for group, cuts in zip(settings.cluster.groups, settings.cuts, strict=True):
        blocked = [cut for cut in cuts if cut.why is BlockReason.FILTER and cut.blocker is not None]
        if not blocked:
            continue
        blockers = dict.fromkeys(cut.blocker.name for cut in blocked if cut.blocker is not None)
        where = [cut.where for cut in blocked]
        places = listed(dict.fromkeys(str(one) for one in where if one is not None))
        unicast = any(cut.is_unicast for cut in blocked)
        gui = any(cut.blocker.node.gui for cut in blocked if cut.blocker is not None)
        yield settled(
            RULE.code,
            RULE.label,
            RULE.severity,
            group.id,
            blockers,
            where,
            f"{group.id}: the packet filter of {listed(blockers)} blocks protocol 112",
            f"The rule that decides is in {places}."
            + (" Rules are read, not states." if unicast else " A backup hears nobody."),
            (
                f"Firewall > Rules: add a rule for protocol CARP from the peer ({places})."
                if gui
                else f"Write before it ({places}): pass quick proto carp."
            ),
        )


RULE = Rule(
    "CS610",
    "carp_blocked_by_firewall",
    "A packet filter blocks the advertisements",
    Severity.ERROR,
    examine=examine,
)
