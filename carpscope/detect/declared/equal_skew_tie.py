"""Two members will advertise the same advbase and advskew."""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, page, settled
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed
from carpscope.settings.cluster import Member

LABEL = "equal_skew_tie"


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Compare what is in force at the start: with demotion, and at most 240 on FreeBSD."""
    for group in settings.cluster.groups:
        same: dict[tuple[int, int], list[Member]] = {}
        for member in group.up:
            base, skew = member.vhid.advbase, member.advskew
            if base is not None and skew is not None:
                same.setdefault((base, skew), []).append(member)
        tied = [some for some in same.values() if len({one.name for one in some}) > 1]
        if not tied:
            continue
        members = [one for some in tied for one in some]
        names = dict.fromkeys(one.name for one in members)
        told = []
        for member in members:
            written, used = member.vhid.advskew, member.advskew
            told.append(
                f"{member.name} {member.vhid.advbase}/{used}"
                + ("" if written == used else f" (written {written}, used as {used})")
            )
        last = members[-1]
        yield settled(
            code,
            LABEL,
            Severity.WARNING,
            group.id,
            names,
            [one.vhid.at for one in members],
            f"{group.id}: {listed(names)} have the same advbase and advskew",
            f"advbase/advskew: {listed(told)}. Who becomes MASTER is left to chance, and both may "
            "step down for each other again and again.",
            f"Give each node its own advskew, as 0 and 100: {_where(last)}.",
        )


def _where(member: Member) -> str:
    at = member.vhid.at
    if member.node.gui:
        return f"{page(member.node)}, vhid {member.vhid.number}: skew 100 ({at})"
    words = "an advskew of 100" if member.is_ucarp else "advskew 100"
    return f"in {at.path}, line {at.line}: {words}"
