"""The file itself starts a node demoted or deaf.

What it means
    After each boot the node gives its role away, although nobody works on it any more.

How it is seen
    virtualip_carp_maintenancemode in config.xml, whatever its value; net.inet.carp.demotion
    above 0 or net.inet.carp.allow=0 in sysctl.conf or as a tunable; carpdemote in hostname.if;
    output of `ifconfig -g` that shows a demote count.

False alarms
    Somebody does work on it now.

What to do
    Leave maintenance mode in the GUI, or take the line away.

Sources
    OPNsense rc.syshook.d/early/90-carp, which looks for the word anywhere in the file; pfSense
    interfaces.inc (advskew 254); carp(4); ifconfig(8) of OpenBSD.
"""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import listed
from carpscope.settings.model import MAINTENANCE, DeclaredNode

_PAGES = {
    "pfSense": (
        "Status > CARP, leave persistent maintenance mode",
        "System > Advanced > System Tunables, remove the tunable",
    ),
    "OPNsense": (
        "Interfaces > Virtual IPs > Status, leave persistent maintenance mode",
        "System > Settings > Tunables, remove the tunable",
    ),
}
"""Where web pages have the button and the tunables."""


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Tell each node."""
    for node in settings.cluster.nodes:
        if not node.maintenance:
            continue
        what = listed(dict.fromkeys(text for _, text in node.maintenance))
        where = [place for place, _ in node.maintenance]
        effect = (
            "starts deaf: it takes part in no election"
            if not node.allows
            else "starts demoted, so that another node becomes MASTER"
        )
        yield settled(
            RULE.code,
            RULE.label,
            RULE.severity,
            "",
            [node.name],
            where,
            f"{node.name} {effect} ({what})",
            f"{what} in {listed(str(place) for place in where)} acts at every boot.",
            f"{_remedy(node)}: {listed(str(place) for place in where)}.",
        )


def _remedy(node: DeclaredNode) -> str:
    if not node.gui:
        return "Take the line away"
    pages = _PAGES[node.gui]
    by_button = {text == MAINTENANCE for _, text in node.maintenance}
    steps = [step for step, is_so in zip(pages, (True, False), strict=True) if is_so in by_button]
    return f"On {node.name}: {listed(steps)}"


RULE = Rule(
    "CS607",
    "maintenance_left_on",
    "A node starts demoted or deaf",
    Severity.WARNING,
    examine=examine,
)
