"""The nodes of a group at one instant, as rows of the dashboard."""

from collections.abc import Sequence

from rich.text import Text

from carpscope.core.text import shown
from carpscope.core.units import Nanos, span_text
from carpscope.report.layout import columns
from carpscope.report.snapshot import (
    HOUR,
    HOUR_ABSENT,
    HOUR_BLIND,
    HOUR_MASTER,
    HOUR_NOBODY,
    HOUR_SEVERAL,
    GroupView,
    NodeView,
    Snapshot,
)
from carpscope.wire.carp import interval_ns

OK = "color(39)"
TROUBLE = "bold color(208)"
WARN = "color(214)"
FAINT = "color(245)"
STATES = {
    "failed": ("✗", TROUBLE),
    "unknown": ("?", WARN),
    "degraded": ("!", WARN),
    "healthy": ("✓", OK),
}
"""Of groups, worst first."""
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=+*#@"
_HOUR = {
    HOUR_ABSENT: ("·", ".", FAINT),
    HOUR_MASTER: ("█", "#", OK),
    HOUR_BLIND: ("?", "?", WARN),
    HOUR_NOBODY: ("▁", "_", TROUBLE),
    HOUR_SEVERAL: ("2", "2", TROUBLE),
}
HOUR_CELLS = 20
LAST_HOUR = "  last hour "
JITTER_FULL: Nanos = 50_000_000
"""A lateness of this much fills a bar, unless another one is later."""


def styled(text: str, style: str) -> Text:
    """Begin a line: what is appended does not take over the style."""
    return Text().append(text, style)


def span(length: Nanos) -> str:
    """Give a time that lasts in whole seconds: tenths would only flicker."""
    return span_text(length // 10**9 * 10**9).replace(".0 s", " s")


def table(
    groups: Sequence[GroupView], now: Snapshot, room: int, width: int, *, unicode: bool
) -> list[Text]:
    """Give groups with their nodes, as many as there is room for, those in trouble first."""
    troubled = {(found.interface, found.group) for found in now.open}
    groups = sorted(groups, key=lambda g: (g.interface, g.id) not in troubled)
    fitting: list[GroupView] = []
    used = 1
    for group in groups:
        needed = len(group.nodes) + len(group.unheard) + 1
        if used + needed > room - 1 and fitting:
            break
        fitting.append(group)
        used += needed
    rows = [[Text(word, style=FAINT) for word in _titles(width)]] if fitting else []
    for group in fitting:
        rows.append([_group_name(group, now, width, unicode=unicode)])
        rows += [_row(node, group, now, width, unicode=unicode) for node in group.nodes]
        blank = [Text("")] * (len(_titles(width)) - 2)
        for name in group.unheard:
            rows.append([Text(shown(name)), Text("○ unheard", style=FAINT), *blank])
    lines = _table(rows)[: max(room, 2)]
    if len(fitting) < len(groups):
        calm = sum((g.interface, g.id) not in troubled for g in groups[len(fitting) :])
        rest = len(groups) - len(fitting)
        told = (
            f"  … and {rest} more groups, {'nothing wrong' if calm == rest else 'SOME IN TROUBLE'}"
        )
        lines.append(Text(told, style=FAINT))
    return [*lines, Text()] if lines else []


def _table(rows: list[list[Text]]) -> list[Text]:
    """Align the nodes' columns; a group's own line runs across."""
    aligned = iter(columns([row for row in rows if len(row) > 1], indent=2))
    return [next(aligned) if len(row) > 1 else row[0] for row in rows]


def hour(group: GroupView, *, unicode: bool, cells: int = HOUR_CELLS) -> Text:
    """Draw the last hour: the worst of each part."""
    line, step = Text(), len(group.hour) // cells
    for at in range(0, len(group.hour), max(step, 1)):
        sign, plain, style = _HOUR[max(group.hour[at : at + step], key=HOUR.index)]
        line.append(sign if unicode else plain, style=style)
    return line


def _titles(width: int) -> list[str]:
    titles = ["node", "state", "for", "adv", "hmac", "takeover"]
    if width >= 76:
        titles.append("interval, late by" if width >= 100 else "late by")
    if width >= 130:
        titles += ["heard", "system"]
    return titles


def _group_name(group: GroupView, now: Snapshot, width: int, *, unicode: bool) -> Text:
    where = f"{group.interface} " if len(now.interfaces) > 1 else ""
    sign, style = STATES[group.state]
    line = styled(f"{sign} ", style)
    named = f"{group.vips[0]} ({group.id})" if group.vips else group.id
    line.append(shown(f"{where}{named}"), style="bold")
    if group.name:
        line.append(f"  {group.name}")
    if not group.is_known:
        line.append("  unknown; before that:", style=WARN)
    elif not group.masters:
        line.append("  nobody is MASTER", style=TROUBLE)
    elif len(group.masters) > 1:
        line.append(f"  {len(group.masters)} masters", style=TROUBLE)
    if group.hour and line.cell_len + len(LAST_HOUR) + HOUR_CELLS <= width:
        line.append(LAST_HOUR, style=FAINT).append_text(hour(group, unicode=unicode))
    return line


def _row(
    node: NodeView, group: GroupView, now: Snapshot, width: int, *, unicode: bool
) -> list[Text]:
    rival = node.is_master and len(group.masters) > 1
    style = TROUBLE if rival else OK if node.is_master else FAINT
    name = f"{node.name} {node.id}" if node.name and width >= 100 else node.name or node.id
    if not group.is_known:
        style = WARN
    state = (
        "? not seen"
        if not group.is_known
        else "● MASTER"
        if node.is_master
        else "○ BACKUP"
        if node.why != "silent"
        else "○ silent"
    )
    held = span(now.at - node.since)
    priority = f"{node.advbase}/{node.advskew}" + (f" -{node.demote}" if node.demote else "")
    row = [
        Text(name, style="bold" if node.is_master else ""),
        Text(state, style=style),
        Text(f"{held:>9}"),
        Text(f"{priority:7}", style=WARN if node.demote else ""),
        _authentication(node),
        _takeover(node, group, now),
    ]
    if width >= 76:
        bars = 24 if width >= 130 else 16 if width >= 100 else 8
        row.append(jitter(node, bars, unicode=unicode, mean=width >= 100))
    if width >= 130:
        row += [Text(f"{node.adverts:>9,}", style=FAINT), Text(node.system, style=FAINT)]
    return row


def _authentication(node: NodeView) -> Text:
    if node.authentication == "verified":
        key = f"#{node.key}" if node.key else "empty"
        text = styled(f"✓ {key}", OK)
        return text.append(f" {node.failed} fail", style=WARN) if node.failed else text
    if node.authentication == "failed":
        return Text("✗ wrong", style=TROUBLE)
    return Text("? none", style=FAINT)


def _takeover(node: NodeView, group: GroupView, now: Snapshot) -> Text:
    """Say how long a backup still waits; it starts anew with every advertisement."""
    if not node.is_master or len(group.masters) != 1:
        return Text("")  # of two masters, nobody is known to wait
    others = [other.down_ns for other in group.nodes if other is not node]
    wait = min(others, default=node.down_ns)
    left = wait - (now.at - node.last)
    if left <= 0:
        return Text("overdue", style=TROUBLE)
    style = WARN if left < wait // 3 else ""
    return Text(f"in {left / 1e9:4.1f} s", style=style)


def jitter(node: NodeView, width: int, *, unicode: bool, mean: bool = True) -> Text:
    """Draw how late the latest advertisements were."""
    latest = node.intervals[-width:]
    if not latest:
        return Text("")
    beat = interval_ns(node.advbase, node.advskew)
    late = [abs(interval - beat) for interval in latest]
    full = max(JITTER_FULL, *late)
    bars = _BARS if unicode else _ASCII_BARS
    drawn = "".join(bars[min(len(bars) - 1, value * len(bars) // full)] for value in late)
    if mean:
        drawn = f"{sum(latest) / len(latest) / 1e9:6.3f} s {drawn}"
    return Text(drawn, style=WARN if max(late) > beat // 8 else FAINT)
