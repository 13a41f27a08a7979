"""A VRRP router will use the number of a vhid on the same segment."""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed

LABEL = "vrrp_vrid_conflict"


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Compare numbers on each segment."""
    for group in settings.cluster.groups:
        rivals = [
            (node, one)
            for node, one in settings.cluster.vrrp
            if one.number == group.number
            and settings.cluster.segment_of(node.name, one.interface) is group.segment
        ]
        if not rivals or not group.up:
            continue
        names = listed(dict.fromkeys(node.name for node, _ in rivals))
        own = listed(dict.fromkeys(one.name for one in group.up))
        yield settled(
            code,
            LABEL,
            Severity.ERROR,
            group.id,
            [*(one.name for one in group.up), *(node.name for node, _ in rivals)],
            [*(one.where for _, one in rivals), *(one.vhid.at for one in group.up)],
            f"{group.id}: {names} use VRRP with the same number as {own} use CARP",
            "CARP and VRRP make the same virtual MAC of a number, so switches send the frames of "
            "one to the other.",
            f"Write another id in {listed(str(one.where) for _, one in rivals)}.",
        )
