"""The dashboard: what an engineer keeps open on the second monitor.

    interface, time, drops
    what is wrong, worst first, with what to do
    groups: a row each, worst first; few ones with their nodes
    what happened lately, and the keys

A group's own page has its nodes, what is wrong with it, what happened, and what `explain` says.

Calm: every number has its column, nothing blinks, two pictures a second. Signs and words
carry all meaning; the colours are blue and orange, which nobody confuses. A terminal that
stands still (Ctrl-S) holds up the drawing thread and nothing else.
"""

import os
import signal
import threading
from collections.abc import Mapping
from io import StringIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from carpscope.core.mistakes import Mistakes
from carpscope.core.text import WORDS, shown
from carpscope.core.units import SECOND, Nanos, clock
from carpscope.core.values import replace
from carpscope.core.zone import Zone, beside
from carpscope.detect.finding import Severity
from carpscope.report import group_rows, nodes
from carpscope.report.keyboard import Keyboard, View
from carpscope.report.nodes import FAINT, OK, TROUBLE, WARN, span, styled
from carpscope.report.record import WITHDRAWN, EventRecord
from carpscope.report.snapshot import GroupView, SituationView, Snapshot

_SIGN = {
    Severity.CRITICAL: ("✗", TROUBLE),
    Severity.ERROR: ("✗", TROUBLE),
    Severity.WARNING: ("!", WARN),
    Severity.INFO: ("·", FAINT),
}
LOG_LEAST = 4
TALL = 40
"""Lines from which on there is room for why something is found."""
_MEASURE = Console(width=80, file=StringIO())
"""Only asked how wide characters are."""
ROOMY = 16
"""Lines from which on there is room for an empty one, and for the keys."""
SUMMARY = 3
WORD_MORE = max(map(len, WORDS.values())) - 1
"""By how much a line grows where a word stands for its sign."""


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
        self._keyboard = Keyboard()
        self._view = View()
        self._over = threading.Event()
        self._stopped = threading.Event()
        """Set while the terminal is the shell's (Ctrl-Z)."""
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="dashboard", daemon=True)

    def start(self) -> None:
        """Begin to draw, and to read keys."""
        self._keyboard.take()
        if self._keyboard.is_there:
            signal.signal(signal.SIGTSTP, self._suspend)
        self._thread.start()

    def show(self, snapshot: Snapshot) -> None:
        """Draw this next; never waits."""
        if not self._view.is_paused:
            self._latest = snapshot
            self._keyboard.wake()

    def stop(self) -> None:
        """Give the terminal back."""
        self._over.set()
        self._keyboard.wake()
        if self._thread.is_alive():
            self._thread.join(2)
        self._keyboard.give_back()

    def _suspend(self, number: int, frame: object) -> None:
        """Leave the terminal to the shell (Ctrl-Z), and take it again when called back (`fg`)."""
        del number, frame
        self._left.clear()
        self._stopped.set()
        self._keyboard.wake()
        self._left.wait(1)
        self._keyboard.give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._suspend)
        self._keyboard.take()
        self._stopped.clear()
        self._keyboard.wake()

    def _draw(self) -> None:
        while not self._over.is_set():
            if not self._stopped.is_set():
                with self._mistakes.isolated("dashboard"):
                    self._pictures()
            self._left.set()
            self._over.wait(0.1)

    def _pictures(self) -> None:
        with Live(console=self._console, screen=True, auto_refresh=False, transient=True) as live:
            while not self._over.is_set() and not self._stopped.is_set():
                for key in self._keyboard.keys(1):
                    self._press(key)
                if self._latest is not None and not self._over.is_set():
                    width, height = self._console.size
                    unicode = (self._console.encoding or "").lower().startswith("utf")
                    lines = picture(
                        self._latest, width, height, unicode=unicode, zone=self._zone,
                        view=self._view,
                    )  # fmt: skip
                    live.update(Group(*lines), refresh=True)

    def _press(self, key: str) -> None:
        ordered = group_rows.order(self._latest, self._view) if self._latest is not None else []
        if self._view.press(key, [group_rows.key_of(group) for group in ordered]):
            os.kill(os.getpid(), signal.SIGTERM)  # as if asked from outside: ends in good order


def picture(
    now: Snapshot,
    width: int,
    height: int,
    *,
    unicode: bool = True,
    zone: Zone | None = None,
    view: View | None = None,
) -> list[Text]:
    """Draw a snapshot: exactly `height` lines of at most `width` cells."""
    view = view or View()
    whole, width = width, width if unicode else max(width - WORD_MORE, 1)
    head = [_header(now, width, zone)]
    if height >= ROOMY:
        head.append(Text())
    foot = [_footer(now), Text(view.legend(width), style=FAINT)]
    if height < ROOMY:
        foot = [foot[1] if view.is_typing else _footer(now, keys="q quit  ? help  ")]
    room = max(height - len(head) - len(foot), 3)
    group = group_rows.chosen(now, view)
    if view.is_helped:
        body = [Text(line) for line in view.help()]
    elif group is not None:
        about = [one for one in now.stories if group.id in (*one.groups, one.group)]
        only = replace(now, open=tuple(about), incidents=())
        told = _findings(only, width, 1 << 10, TALL)
        body = [group_rows.title(group, now), *_hour(group, width, unicode=unicode), Text()]
        body += [*told, *nodes.table([group], now, 1 << 10, width, unicode=unicode)]
        log = [r for r in now.log if r.group == group.id or group.id in _groups_of(r)]
        body += [*_log(replace(now, log=tuple(log)), width, 12), Text()]
        for line in group_rows.pages(about):
            indent = line.cell_len - len(line.plain.lstrip())
            body += _wrapped(line, width, indent, 1 << 10)
        view.offset = max(0, min(view.offset, len(body) - room))
        body = body[view.offset :]
    else:
        crowd = sum(len(g.nodes) + len(g.unheard) + 1 for g in now.groups) + 2
        is_list = view.pattern or crowd > room - SUMMARY or width < group_rows.NARROW
        most = max(room // 3, 3, 0 if is_list else room - crowd - LOG_LEAST - 2)
        if height < ROOMY:
            most = max(room - 3, 3)  # what is wrong before anything else
        body = _findings(now, width, most, height)[: None if height >= ROOMY else -1]
        left = room - len(body)
        if is_list:
            left -= LOG_LEAST if height >= TALL else 0
            body += group_rows.rows(now, view, left, width, unicode=unicode)
        else:
            body += nodes.table(now.groups, now, max(left - LOG_LEAST - 2, 2), width,
                                unicode=unicode)  # fmt: skip
        body += _log(now, width, room - len(body))
    lines = [*head, *body][: height - len(foot)]
    lines += [Text()] * (height - len(foot) - len(lines))
    lines += foot
    if not unicode:
        lines = [_in_words(line) for line in lines]
    for line in lines:
        line.no_wrap = True
        line.truncate(whole, overflow="ellipsis" if unicode else "crop")
    return lines


def _in_words(line: Text) -> Text:
    """Put words for signs that the terminal lacks, before it is seen whether they fit."""
    found = [at for at, sign in enumerate(line.plain) if sign in WORDS]
    out = Text()
    for piece in line.divide(sorted({edge for at in found for edge in (at, at + 1)})):
        word = WORDS.get(piece.plain)
        style = piece.spans[0].style if piece.spans else piece.style
        out.append_text(piece if word is None else Text(word, style=style))
    return out


def _hour(group: GroupView, width: int, *, unicode: bool) -> list[Text]:
    """Draw the time line of a group: a cell a minute, or for three where there is no room."""
    if not group.hour:
        return []
    line = Text("  the last hour, a minute each: ", style=FAINT)
    cells = 60
    if width < line.cell_len + cells:
        line, cells = Text("  the last hour: ", style=FAINT), 20
    return [Text().append_text(line).append_text(nodes.hour(group, unicode=unicode, cells=cells))]


def _groups_of(record: EventRecord) -> tuple[str, ...]:
    """Return the groups that an incident is about."""
    groups = record.body.get("groups")
    return tuple(str(one) for one in groups) if isinstance(groups, list) else ()


LAG_SHOWN: Nanos = SECOND
"""A pipe that is later than this is told in colour: verdicts come as much later."""


def _header(now: Snapshot, width: int, zone: Zone | None) -> Text:
    line = styled("carpscope ", "bold")
    for interface in now.interfaces:
        is_up = interface.state == "up"
        line.append(f" {shown(interface.name)} ", style=OK if is_up else TROUBLE)
        line.append("● " if is_up else f"✗ {interface.state} ", style=OK if is_up else TROUBLE)
        if interface.lag is not None:
            style = FAINT if interface.lag < LAG_SHOWN else WARN
            line.append(f"lag {interface.lag / SECOND:.1f} s ", style=style)
    at = f"{clock(now.at, digits=0)} UTC"
    up = f"{at}{beside(zone, now.at)}  up {span(now.at - now.started)}"
    room = width - line.cell_len - 1
    wanted = (f"{now.adverts:,} adverts  {up}", up, at, clock(now.at, digits=0))
    right = next((text for text in wanted if len(text) <= room), "")
    line.append(" " * max(1, width - line.cell_len - len(right)))
    return line.append(right, style=FAINT)


def _footer(now: Snapshot, *, keys: str = "") -> Text:
    """Count what came and what was lost; on a small screen the keys stand here too."""
    received = sum(i.received for i in now.interfaces)
    dropped = sum(i.dropped + i.interface_dropped for i in now.interfaces)
    line = styled(keys, FAINT).append(f"{received:,} frames, ")
    line.append(f"{dropped:,} dropped", style=TROUBLE if dropped else FAINT)
    if skipped := sum(i.skipped for i in now.interfaces):
        line.append(f", {skipped:,} not looked at (a flood)", style=TROUBLE)
    for reason, count in now.failures:
        line.append(f"  {shown(reason)} {count:,}", style=WARN)
    lost = sum(outlet.lost for outlet in now.outlets)
    if lost:
        line.append(f"  {lost:,} events lost by outputs", style=TROUBLE)
    for note in now.notes:
        line.append(f"  {shown(note)}", style=WARN)
    return line if keys else line.append("  Ctrl-C ends", style=FAINT)


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
    where = ""
    for index, found in enumerate(order):
        line = _situation(found, now, width, below=where)
        told = _wrapped(line, width, 6 if found.is_symptom else 4, 2)
        where = found.where
        if not found.is_symptom:
            if height >= TALL and found.explanation:
                why = f"    why: {shown(found.explanation)}"
                told += _wrapped(Text(why, style=FAINT), width, 9, 4)
            most = 4 if len(order) <= 2 else 2
            told += _wrapped(Text(f"    do: {shown(found.remedy)}", style="bold"), width, 8, most)
        left = len(order) - index
        if not lines:  # room for the first line of what follows: the symptom may be the worst
            told = told[: max(room - 1 - min(left - 1, room // 3), 1)]
        if lines and len(lines) + len(told) + min(left - 1, room // 4) > room - 1:
            told = told[:1]  # what is left has a line each: nothing bad hides below what is less
        if lines and len(lines) + len(told) + (left > 1) > room - 1:
            lines.append(Text(f"  … and {left} more", style=WARN))
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


def _situation(found: SituationView, now: Snapshot, width: int, *, below: str) -> Text:
    """Say what is wrong; on a narrow screen a place once, and not `below` itself again."""
    sign, style = _SIGN[found.severity]
    indent = "  " if found.is_symptom else ""
    line = styled(f"{indent}{sign} {found.code} ", style)
    is_narrow = width < group_rows.NARROW
    since = span(now.at - found.start)
    line.append(f"{since} " if is_narrow else f"{since:>9} ", style="bold")
    where = found.where if len(now.interfaces) == 1 else f"{found.interface} {found.where}"
    if not (is_narrow and found.is_symptom and found.where == below):
        line.append(f"{shown(where)}  ", style="bold")
    line.append(shown(found.summary))
    if found.confidence < 0.9:
        line.append(f"  ({found.confidence:.0%} sure)", style=FAINT)
    return line


# What happened


def _log(now: Snapshot, width: int, room: int) -> list[Text]:
    if room < 2:
        return []
    latest = [r for r in now.log if r.action != "updated" and not r.is_part][-(room - 1) :]
    called = {}
    if width < 100:  # where it is narrow, the name will do
        nodes = [node for group in now.groups for node in group.nodes]
        called = {f"{node.name} ({node.id})": node.name for node in nodes if node.name}
    return [Text("lately", style=FAINT), *(_event(record, called) for record in latest)]


def _event(record: EventRecord, called: Mapping[str, str]) -> Text:
    sign, style = _SIGN[record.severity]
    if record.action == "closed":
        sign, style = "✓", OK
    if record.action == "closed" and record.body.get("why") == WITHDRAWN:
        sign, style = "·", FAINT
    told = record.text
    for long, short in called.items():
        told = told.replace(long, short)
    line = styled(f"  {clock(record.at, digits=1)} ", FAINT).append(f"{sign} ", style=style)
    visible = shown(told)
    return line.append(visible, style="" if record.kind in ("finding", "election") else FAINT)
