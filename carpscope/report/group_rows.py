"""All groups at one instant: a row each, worst first; and what stands on the page of one."""

import re
from collections.abc import Sequence

from rich.text import Text

from carpscope.core.text import plural, shown
from carpscope.detect.finding import Severity
from carpscope.report.keyboard import View
from carpscope.report.layout import columns
from carpscope.report.nodes import FAINT, STATES, WARN, hour, span, styled
from carpscope.report.snapshot import GroupView, SituationView, Snapshot

_RANK = {state: rank for rank, state in enumerate(STATES)}
NARROW = 60
"""Columns below which a row has its address and what is wrong, and no more."""
WIDE = 100
"""Columns from which on there is room for the last hour."""
_NUMBER = re.compile(r"([0-9]+)")


def key_of(group: GroupView) -> tuple[str, str]:
    """Return what tells a group from all others."""
    return group.interface, group.id


def natural(text: str) -> list[tuple[int, str]]:
    """Order numbers in a text as numbers: vhid 11 before vhid 102."""
    parts = _NUMBER.split(text)
    return [(int(part) if part.isdecimal() else 0, part) for part in parts]


def order(now: Snapshot, view: View) -> list[GroupView]:
    """Return the groups that the view wants, as it sorts them."""
    sought = view.pattern.lower()
    found = [group for group in now.groups if sought in _words(group).lower()]
    if view.sorting == "address":
        return sorted(found, key=lambda g: (natural(g.vips[0] if g.vips else "~"), natural(g.id)))
    rank = _RANK if view.sorting == "worst" else {}
    return sorted(found, key=lambda g: (rank.get(g.state, 0), g.interface, natural(g.id)))


def _words(group: GroupView) -> str:
    nodes = [f"{node.name or ''} {node.id}" for node in group.nodes]
    return " ".join((group.id, group.name or "", *group.vips, *nodes, group.state))


def chosen(now: Snapshot, view: View) -> GroupView | None:
    """Return the group whose page is shown, if one is and it is still there."""
    return next((g for g in now.groups if view.page == key_of(g)), None)


def title(group: GroupView, now: Snapshot) -> Text:
    """Head the page of a group."""
    sign, style = STATES[group.state]
    line = styled(f"{sign} {shown(', '.join(group.vips) or group.id)}", f"bold {style}")
    line.append(f"  {group.id}" if group.vips else "")
    line.append(f"  {shown(group.name)}" if group.name else "")
    line.append(f"  {group.state}", style=style)
    where = f"  on {shown(group.interface)}" if len(now.interfaces) > 1 else ""
    return line.append(where, style=FAINT)


def rows(now: Snapshot, view: View, room: int, width: int, *, unicode: bool) -> list[Text]:
    """Give as many groups as there is room for, around the one that is marked."""
    groups = order(now, view)
    counts = {state: sum(g.state == state for g in now.groups) for state in STATES}
    told = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)
    head = Text(f"{plural(len(now.groups), 'group')}: {told}", style="bold")
    if view.pattern or view.is_typing:
        head.append(f"  /{shown(view.pattern)}  {len(groups):,} found", style=WARN)
    if room < 4 or not groups:
        return [head]
    fitting = max(room - 3, 1)
    marked = view.marked([key_of(group) for group in groups])
    first = max(0, min(marked - fitting // 2, len(groups) - fitting))
    found = groups[first : first + fitting]
    worst = _worst(now)
    titles = ["", "address", "group", "master", "for", "last hour", "state"]
    cells = [[Text(word, style=FAINT) for word in titles]]
    cells += [_row(g, worst.get(key_of(g)), now, width, unicode=unicode) for g in found]
    if width < NARROW:
        cells = [[row[0], row[1] if row[1].plain != "–" else row[2], row[6]] for row in cells]
    elif width < WIDE:
        cells = [[*row[:5], row[6]] for row in cells]
    lines = columns(cells, indent=0, gap=1 if width < NARROW else 2)
    lines[marked - first + 1].stylize("reverse")
    if len(found) < len(groups):
        head.append(f"  ({first + 1}–{first + len(found)})", style=FAINT)
    return [head, *lines, Text()]


def _worst(now: Snapshot) -> dict[tuple[str, str], SituationView]:
    """Return the worst that is open of each group."""
    found: dict[tuple[str, str], SituationView] = {}
    for one in now.open:
        for group in dict.fromkeys((one.group, *one.groups)):
            before = found.get((one.interface, group))
            if before is None or one.severity.rank > before.severity.rank:
                found[one.interface, group] = one
    return found


def _row(
    group: GroupView, worst: SituationView | None, now: Snapshot, width: int, *, unicode: bool
) -> list[Text]:
    sign, style = STATES[group.state]
    masters = group.masters
    who = ", ".join(node.name or node.id for node in masters) or "–"
    since = min((node.since for node in masters), default=None)
    if worst is not None and worst.severity.rank >= Severity.WARNING.rank:
        since = worst.start
    elif since is None:
        since = max((node.last for node in group.nodes), default=now.at)
    where = f"{group.interface} {group.id}" if len(now.interfaces) > 1 else group.id
    told = worst.summary if worst is not None else group.state
    return [
        Text(sign, style=style),
        Text(shown(group.vips[0] if group.vips else "–"), style="bold"),
        Text(shown(where)),
        Text(shown(who)[: max(width // 4, 12)]),
        Text(f"{span(now.at - since):>9}"),
        hour(group, unicode=unicode),
        Text(shown(told), style=style),
    ]


def pages(found: Sequence[SituationView]) -> list[Text]:
    """Give what `explain` says of the worst that is wrong."""
    from carpscope.detect.engine import rules  # noqa: PLC0415 - only where somebody asks

    worst = max(found, key=lambda one: one.severity.rank, default=None)
    rule = next((r for r in rules() if worst is not None and r.code == worst.code), None)
    if rule is None:
        return []
    lines = rule.page.strip().splitlines()
    return [Text(f"{rule.code} {rule.label}", style="bold"), *(Text(line) for line in lines)]
