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
from collections.abc import Mapping
from io import StringIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from carpscope.core.mistakes import Mistakes
from carpscope.core.text import shown
from carpscope.core.units import SECOND, Nanos, clock, span_text
from carpscope.core.zone import Zone, beside
from carpscope.detect.finding import Severity
from carpscope.report.layout import columns
from carpscope.report.record import WITHDRAWN, Record
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
TALL = 40
"""Lines from which on there is room for why something is found."""
_MEASURE = Console(width=80, file=StringIO())
"""Only asked how wide characters are."""
JITTER_FULL: Nanos = 50_000_000
"""A lateness of this much fills a bar, unless another one is later."""


class Dashboard:
    """Draws snapshots in a thread of its own."""

    def __init__(
        self,
        console: Console | None = None,
        mistakes: Mistakes | None = None,
        zone: Zone | None = None,
    ) -> None:
        """Take the terminal, who counts our mistakes in here, and a zone to tell beside UTC."""
        self._zone = zone
        self._mistakes = mistakes or Mistakes()
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
        while not self._over.is_set():
            with self._mistakes.isolated("dashboard"):
                self._pictures()
            self._over.wait(1)

    def _pictures(self) -> None:
        with Live(console=self._console, screen=True, auto_refresh=False, transient=True) as live:
            while not self._over.is_set():
                self._news.wait(1)
                self._news.clear()
                if self._latest is not None and not self._over.is_set():
                    width, height = self._console.size
                    unicode = (self._console.encoding or "").lower().startswith("utf")
                    lines = picture(self._latest, width, height, unicode=unicode, zone=self._zone)
                    live.update(Group(*lines), refresh=True)


def picture(
    now: Snapshot, width: int, height: int, *, unicode: bool = True, zone: Zone | None = None
) -> list[Text]:
    """Draw a snapshot: exactly `height` lines of at most `width` cells."""
    head = [_header(now, width, zone), Text()]
    foot = _footer(now)
    room = max(height - len(head) - len(foot), 3)
    crowd = sum(len(group.nodes) + len(group.unheard) + 1 for group in now.groups) + 2
    findings = _findings(now, width, max(room // 3, 3, room - crowd - LOG_LEAST - 2), height)
    groups = _groups(now, max(room - len(findings) - LOG_LEAST - 2, 2), width, unicode=unicode)
    left = room - len(findings) - len(groups)
    lines = [*head, *findings, *groups, *_log(now, width, left)]
    lines = lines[: height - len(foot)]
    lines += [Text()] * (height - len(foot) - len(lines))
    lines += foot
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis" if unicode else "crop")
    return lines


LAG_SHOWN: Nanos = SECOND
"""A pipe that is later than this is told in colour: verdicts come as much later."""


def _header(now: Snapshot, width: int, zone: Zone | None) -> Text:
    line = _styled("carpscope ", "bold")
    for interface in now.interfaces:
        up = interface.state == "up"
        line.append(f" {shown(interface.name)} ", style=OK if up else TROUBLE)
        line.append("● " if up else f"✗ {interface.state} ", style=OK if up else TROUBLE)
        if interface.lag is not None:
            style = FAINT if interface.lag < LAG_SHOWN else WARN
            line.append(f"lag {interface.lag / SECOND:.1f} s ", style=style)
    right = f"{clock(now.at, digits=0)} UTC{beside(zone, now.at)}  up {_span(now.at - now.started)}"
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


def _findings(now: Snapshot, width: int, room: int, height: int) -> list[Text]:
    blind = [Text(f"? unknown: {shown(why)}", style=f"bold {WARN}") for why in now.unknown]
    if not now.stories:
        return [*(blind or [Text("✓ nothing wrong", style=f"bold {OK}")]), Text()]
    worst = {
        (f.interface, f.group): max(
            o.severity.rank for o in now.stories if (o.interface, o.group) == (f.interface, f.group)
        )
        for f in now.stories
    }
    order = sorted(
        now.stories,
        key=lambda f: (-worst[f.interface, f.group], f.group, f.is_symptom, f.start),
    )
    lines: list[Text] = []
    room = max(room - len(blind), 2)
    for index, found in enumerate(order):
        told = _wrapped(_situation(found, now), width, 6 if found.is_symptom else 4, 2)
        if not found.is_symptom:
            if height >= TALL and found.explanation:
                why = f"    why: {shown(found.explanation)}"
                told += _wrapped(Text(why, style=FAINT), width, 9, 4)
            most = 4 if len(order) <= 2 else 2
            told += _wrapped(Text(f"    do: {shown(found.remedy)}", style="bold"), width, 8, most)
        if lines and len(lines) + len(told) > room - 1:
            lines.append(Text(f"  … and {len(order) - index} more", style=WARN))
            break
        lines += told
    return [*blind, *lines, Text()]


def _wrapped(text: Text, width: int, indent: int, most: int) -> list[Text]:
    """Break a long line, so that what to do is not cut off on a narrow terminal."""
    lines: list[Text] = []
    while text.cell_len > width and len(lines) < most - 1:
        first = text.wrap(_MEASURE, width)[0]
        rest = text[len(first.plain) :]
        start = len(rest.plain) - len(rest.plain.lstrip())
        lines.append(first)
        text = Text(" " * indent).append_text(rest[start:])
    return [*lines, text]


def _span(length: Nanos) -> str:
    """Give a time that lasts in whole seconds: tenths would only flicker."""
    return span_text(length // 10**9 * 10**9).replace(".0 s", " s")


def _situation(found: SituationView, now: Snapshot) -> Text:
    sign, style = _SIGN[found.severity]
    indent = "  " if found.is_symptom else ""
    line = _styled(f"{indent}{sign} {found.code} ", style)
    line.append(f"{_span(now.at - found.start):>9} ", style="bold")
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
        rows.append([_group_name(group, now, (group.interface, group.id) in troubled)])
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


def _titles(width: int) -> list[str]:
    titles = ["node", "state", "for", "adv", "hmac", "takeover"]
    if width >= 76:
        titles.append("interval, late by" if width >= 100 else "late by")
    if width >= 130:
        titles += ["heard", "system"]
    return titles


def _group_name(group: GroupView, now: Snapshot, wrong: bool) -> Text:
    where = f"{group.interface} " if len(now.interfaces) > 1 else ""
    sign, style = ("✗", TROUBLE) if wrong else ("✓", OK)
    if not group.is_known:
        sign, style = "?", WARN
    line = _styled(f"{sign} ", style)
    line.append(f"{where}{group.id}", style="bold")
    if group.name:
        line.append(f"  {group.name}")
    if not group.is_known:
        line.append("  unknown; before that:", style=WARN)
    elif not group.masters:
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
    held = _span(now.at - node.since)
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
        text = _styled(f"✓ {key}", OK)
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


# What happened


def _log(now: Snapshot, width: int, room: int) -> list[Text]:
    if room < 2:
        return []
    latest = [r for r in now.log if r.action != "updated"][-(room - 1) :]
    called = {}
    if width < 100:  # where it is narrow, the name will do
        nodes = [node for group in now.groups for node in group.nodes]
        called = {f"{node.name} ({node.id})": node.name for node in nodes if node.name}
    return [Text("lately", style=FAINT), *(_event(record, called) for record in latest)]


def _event(record: Record, called: Mapping[str, str]) -> Text:
    sign, style = _SIGN[record.severity]
    if record.action == "closed":
        sign, style = "✓", OK
    if record.action == "closed" and record.body.get("why") == WITHDRAWN:
        sign, style = "·", FAINT
    told = record.text
    for long, short in called.items():
        told = told.replace(long, short)
    line = _styled(f"  {clock(record.at, digits=1)} ", FAINT).append(f"{sign} ", style=style)
    visible = shown(told)
    return line.append(visible, style="" if record.kind in ("finding", "election") else FAINT)
