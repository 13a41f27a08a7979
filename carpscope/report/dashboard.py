"""The dashboard: what an engineer keeps open on the second monitor.

    interface, time, drops
    what is wrong, worst first, with what to do
    groups and nodes: who is MASTER, for how long, when a backup would take over
    what happened lately

Calm: every number has its column, nothing blinks, two pictures a second. Signs and words
carry all meaning; the colours are blue and orange, which nobody confuses. A terminal that
stands still (Ctrl-S) holds up the drawing thread and nothing else.
"""

import os
import threading
from io import StringIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from carpscope.core.text import shown
from carpscope.core.units import Nanos, clock, span_text
from carpscope.detect.finding import Severity
from carpscope.report.layout import columns
from carpscope.report.record import Record
from carpscope.report.snapshot import GroupView, NodeView, SituationView, Snapshot
from carpscope.wire.carp import interval_ns

OK = "color(39)"
TROUBLE = "bold color(208)"
WARN = "color(214)"
FAINT = "color(245)"
_SIGN = {
    Severity.CRITICAL: ("✗", TROUBLE),
    Severity.ERROR: ("✗", TROUBLE),
    Severity.WARNING: ("!", WARN),
    Severity.INFO: ("·", FAINT),
}
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=+*#@"
LOG_LEAST = 4
_MEASURE = Console(width=80, file=StringIO())
"""Only asked how wide characters are."""
JITTER_FULL: Nanos = 50_000_000
"""A lateness of this much fills a bar, unless another one is later."""


class Dashboard:
    """Draws snapshots in a thread of its own."""

    def __init__(self, console: Console | None = None) -> None:
        """Take the terminal."""
        # a COLUMNS that a shell exported says what was, not what a resized terminal is
        told = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        self._console = console or Console(highlight=False, _environ=told)
        self._latest: Snapshot | None = None
        self._news = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="dashboard", daemon=True)

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def show(self, snapshot: Snapshot) -> None:
        """Draw this next; never waits."""
        self._latest = snapshot
        self._news.set()

    def stop(self) -> None:
        """Give the terminal back."""
        self._over.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def _draw(self) -> None:
        with Live(console=self._console, screen=True, auto_refresh=False, transient=True) as live:
            while not self._over.is_set():
                self._news.wait(1)
                self._news.clear()
                if self._latest is not None and not self._over.is_set():
                    width, height = self._console.size
                    unicode = (self._console.encoding or "").lower().startswith("utf")
                    lines = picture(self._latest, width, height, unicode=unicode)
                    live.update(Group(*lines), refresh=True)


def picture(now: Snapshot, width: int, height: int, *, unicode: bool = True) -> list[Text]:
    """Draw a snapshot: exactly `height` lines of at most `width` cells."""
    head = [_header(now, width), Text()]
    foot = _footer(now)
    room = max(height - len(head) - len(foot), 3)
    findings = _findings(now, width, max(room // 3, 3))
    groups = _groups(now, max(room - len(findings) - LOG_LEAST - 2, 2), width, unicode=unicode)
    left = room - len(findings) - len(groups)
    lines = [*head, *findings, *groups, *_log(now, left)]
    lines = lines[: height - len(foot)]
    lines += [Text()] * (height - len(foot) - len(lines))
    lines += foot
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis" if unicode else "crop")
    return lines


def _header(now: Snapshot, width: int) -> Text:
    line = _styled("carpscope ", "bold")
    for interface in now.interfaces:
        up = interface.state == "up"
        line.append(f" {shown(interface.name)} ", style=OK if up else TROUBLE)
        line.append("● " if up else f"✗ {interface.state} ", style=OK if up else TROUBLE)
    right = (
        f"{clock(now.at, digits=0)} UTC  up {span_text((now.at - now.started) // 10**9 * 10**9)}"
    )
    adverts = f"{now.adverts:,} adverts  "
    if width - line.cell_len > len(right) + len(adverts):
        right = adverts + right
    line.append(" " * max(1, width - line.cell_len - len(right)))
    return line.append(right, style=FAINT)


def _styled(text: str, style: str) -> Text:
    """Begin a line: what is appended does not take over the style."""
    return Text().append(text, style)


def _footer(now: Snapshot) -> list[Text]:
    received = sum(i.received for i in now.interfaces)
    dropped = sum(i.dropped + i.interface_dropped for i in now.interfaces)
    line = _styled(f"{received:,} frames, ", FAINT)
    line.append(f"{dropped:,} dropped", style=TROUBLE if dropped else FAINT)
    for reason, count in now.failures:
        line.append(f"  {shown(reason)} {count:,}", style=WARN)
    lost = sum(outlet.lost for outlet in now.outlets)
    if lost:
        line.append(f"  {lost:,} events lost by outputs", style=TROUBLE)
    for note in now.notes:
        line.append(f"  {shown(note)}", style=WARN)
    return [line.append("  Ctrl-C ends", style=FAINT)]


# What is wrong


def _findings(now: Snapshot, width: int, room: int) -> list[Text]:
    if not now.open:
        if not now.groups:
            return [Text("… no CARP heard yet", style=FAINT), Text()]
        return [Text("✓ nothing wrong", style=f"bold {OK}"), Text()]
    worst = {
        (f.interface, f.group): max(
            o.severity.rank for o in now.open if (o.interface, o.group) == (f.interface, f.group)
        )
        for f in now.open
    }
    order = sorted(
        now.open,
        key=lambda f: (-worst[f.interface, f.group], f.group, f.is_symptom, f.start),
    )
    lines: list[Text] = []
    for index, found in enumerate(order):
        told = _wrapped(_situation(found, now), width, 6 if found.is_symptom else 4)
        if not found.is_symptom:
            told += _wrapped(Text(f"    do: {shown(found.remedy)}", style="bold"), width, 8)
        if lines and len(lines) + len(told) > room - 1:
            lines.append(Text(f"  … and {len(order) - index} more", style=WARN))
            break
        lines += told
    return [*lines, Text()]


def _wrapped(text: Text, width: int, indent: int) -> list[Text]:
    """Break a long line once, so that what to do is not cut off on a narrow terminal."""
    if text.cell_len <= width:
        return [text]
    first = text.wrap(_MEASURE, width)[0]
    rest = text[len(first.plain) :]
    start = len(rest.plain) - len(rest.plain.lstrip())
    return [first, Text(" " * indent).append_text(rest[start:])]


def _situation(found: SituationView, now: Snapshot) -> Text:
    sign, style = _SIGN[found.severity]
    indent = "  " if found.is_symptom else ""
    line = _styled(f"{indent}{sign} {found.code} ", style)
    line.append(f"{span_text((now.at - found.start) // 10**9 * 10**9):>9} ", style="bold")
    where = found.group if len(now.interfaces) == 1 else f"{found.interface} {found.group}"
    where = shown(where)
    line.append(f"{where}  ", style="bold")
    line.append(shown(found.summary))
    if found.confidence < 0.9:
        line.append(f"  ({found.confidence:.0%} sure)", style=FAINT)
    return line


# Who is there


def _groups(now: Snapshot, room: int, width: int, *, unicode: bool) -> list[Text]:
    troubled = {(found.interface, found.group) for found in now.open}
    groups = sorted(now.groups, key=lambda g: (g.interface, g.id) not in troubled)
    shown: list[GroupView] = []
    used = 1
    for group in groups:
        if used + len(group.nodes) + 1 > room - 1 and shown:
            break
        shown.append(group)
        used += len(group.nodes) + 1
    rows = [[Text(word, style=FAINT) for word in _titles(width)]] if shown else []
    for group in shown:
        rows.append([_group_name(group, now, (group.interface, group.id) in troubled)])
        rows += [_row(node, group, now, width, unicode=unicode) for node in group.nodes]
    lines = _table(rows)[: max(room, 2)]
    if len(shown) < len(groups):
        calm = sum((g.interface, g.id) not in troubled for g in groups[len(shown) :])
        rest = len(groups) - len(shown)
        told = (
            f"  … and {rest} more groups, {'nothing wrong' if calm == rest else 'SOME IN TROUBLE'}"
        )
        lines.append(Text(told, style=FAINT))
    return [*lines, Text()] if lines else []


def _table(rows: list[list[Text]]) -> list[Text]:
    """Align the nodes' columns; a group's own line runs across."""
    aligned = iter(columns([row for row in rows if len(row) > 1], indent=2))
    return [next(aligned) if len(row) > 1 else row[0] for row in rows]


def _titles(width: int) -> list[str]:
    titles = ["node", "state", "for", "adv", "hmac", "takeover"]
    if width >= 100:
        titles.append("interval, late by")
    if width >= 130:
        titles += ["heard", "system"]
    return titles


def _group_name(group: GroupView, now: Snapshot, wrong: bool) -> Text:
    where = f"{group.interface} " if len(now.interfaces) > 1 else ""
    line = _styled(f"{'✗' if wrong else '✓'} ", TROUBLE if wrong else OK)
    line.append(f"{where}{group.id}", style="bold")
    if group.name:
        line.append(f"  {group.name}")
    if not group.masters:
        line.append("  nobody is MASTER", style=TROUBLE)
    elif len(group.masters) > 1:
        line.append(f"  {len(group.masters)} masters", style=TROUBLE)
    return line


def _row(
    node: NodeView, group: GroupView, now: Snapshot, width: int, *, unicode: bool
) -> list[Text]:
    rival = node.is_master and len(group.masters) > 1
    style = TROUBLE if rival else OK if node.is_master else FAINT
    name = f"{node.name} {node.id}" if node.name and width >= 100 else node.name or node.id
    state = "● MASTER" if node.is_master else "○ BACKUP" if node.why != "silent" else "○ silent"
    held = span_text((now.at - node.since) // 10**9 * 10**9)
    priority = f"{node.advbase}/{node.advskew}" + (f" -{node.demote}" if node.demote else "")
    row = [
        Text(name, style="bold" if node.is_master else ""),
        Text(state, style=style),
        Text(f"{held:>9}"),
        Text(f"{priority:7}", style=WARN if node.demote else ""),
        _authentication(node),
        _takeover(node, group, now),
    ]
    if width >= 100:
        row.append(jitter(node, 24 if width >= 130 else 16, unicode=unicode))
    if width >= 130:
        row += [Text(f"{node.adverts:>9,}", style=FAINT), Text(node.system, style=FAINT)]
    return row


def _authentication(node: NodeView) -> Text:
    if node.authentication == "verified":
        key = f"#{node.key}" if node.key else "empty"
        text = _styled(f"✓ {key}", OK)
        return text.append(f" {node.failed} fail", style=WARN) if node.failed else text
    if node.authentication == "failed":
        return Text("✗ wrong", style=TROUBLE)
    return Text("? none", style=FAINT)


def _takeover(node: NodeView, group: GroupView, now: Snapshot) -> Text:
    """Say how long a backup still waits; it starts anew with every advertisement."""
    if not node.is_master:
        return Text("")
    others = [other.down_ns for other in group.nodes if other is not node]
    wait = min(others, default=node.down_ns)
    left = wait - (now.at - node.last)
    if left <= 0:
        return Text("overdue", style=TROUBLE)
    style = WARN if left < wait // 3 else ""
    return Text(f"in {left / 1e9:4.1f} s", style=style)


def jitter(node: NodeView, width: int, *, unicode: bool) -> Text:
    """Draw how late the latest advertisements were."""
    shown = node.intervals[-width:]
    if not shown:
        return Text("")
    beat = interval_ns(node.advbase, node.advskew)
    late = [abs(interval - beat) for interval in shown]
    full = max(JITTER_FULL, *late)
    bars = _BARS if unicode else _ASCII_BARS
    drawn = "".join(bars[min(len(bars) - 1, value * len(bars) // full)] for value in late)
    mean = sum(shown) / len(shown) / 1e9
    return Text(f"{mean:6.3f} s {drawn}", style=WARN if max(late) > beat // 8 else FAINT)


# What happened


def _log(now: Snapshot, room: int) -> list[Text]:
    if room < 2:
        return []
    shown = [r for r in now.log if r.action != "updated"][-(room - 1) :]
    return [Text("lately", style=FAINT), *map(_event, shown)]


def _event(record: Record) -> Text:
    sign, style = _SIGN[record.severity]
    if record.action == "closed":
        sign, style = "✓", OK
    line = _styled(f"  {clock(record.at, digits=1)} ", FAINT).append(f"{sign} ", style=style)
    visible = shown(record.text)
    return line.append(visible, style="" if record.kind in ("finding", "election") else FAINT)
