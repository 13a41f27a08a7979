"""The nodes of a group as rows: who, which system, what it advertises and signs, and since when.

A bar shows the whole capture from left to right. On a terminal it is drawn with blocks,
elsewhere with `#`, and beside it stands in words what it ends with.
"""

from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.core.units import Nanos, clock
from carpscope.detect.words import priority
from carpscope.report.layout import columns, folded
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import is_master
from carpscope.timeline.node import Node

BAR_MIN = 17
"""Room for two times of day."""
BAR_MAX = 64
BELOW = 4
"""Where there is no room beside a row, its bar stands below, so far indented."""
SHOWN_MIN = 4
_SIGNS_WIDTH = 36
_SIGNS_NARROW = 18


class BarSpan(NamedTuple):
    """What the bars show."""

    first: Nanos
    last: Nanos


def roster(
    console: Console, config: Config, group: Group, span: BarSpan, *, blocks: bool
) -> list[Text]:
    """Give the table of a group, as wide as it may be."""
    states = [_state(node, group) for node in shown(group)]
    # Narrow terminals lose columns, not facts: what would stand beside moves below.
    rows = _rows(group, config, stacked=False, signs_width=_SIGNS_WIDTH)
    beside = 2 + 2 + max(len(state) for state in states)
    stacked = console.width - _width(rows) - beside < BAR_MIN
    if stacked:
        rows = _rows(group, config, stacked=True, signs_width=_SIGNS_NARROW)
        beside = 2
    room = console.width - _width(rows) - beside
    is_below = stacked and room < max(BAR_MIN, *(len(state) for state in states))
    width = min(console.width - BELOW if is_below else max(room, BAR_MIN), BAR_MAX)
    drawn: list[list[Text]] = [[_axis(span, width)]]
    for node, state in zip(shown(group), states, strict=True):
        line = bar(node, span, width, blocks=blocks)
        said = Text(state, style="bold green" if state.startswith("MASTER") else "dim")
        drawn.append([line.append("\n").append_text(said)] if stacked else [line, said])
    if not is_below:
        return columns([[*row, *cells] for row, cells in zip(rows, drawn, strict=True)])
    lines = columns(rows)
    heights = [max(cell.plain.count("\n") + 1 for cell in row) for row in rows]
    whole: list[Text] = []
    for height, cells in zip(heights, drawn, strict=True):
        whole += [*lines[:height], *columns([cells], indent=BELOW)]
        lines = lines[height:]
    return whole


def shown(group: Group) -> list[Node]:
    """Give the nodes to show: without those that somebody made up, unless nobody else is there."""
    return group.known or group.members[:SHOWN_MIN]


def _rows(group: Group, config: Config, *, stacked: bool, signs_width: int) -> list[list[Text]]:
    head = [Text(group.id, style="bold")]
    head += [] if stacked else [Text("system", style="dim")]
    head += [Text("adv", style="dim"), Text("signs", style="dim")]
    rows = [head]
    for node in shown(group):
        system = identify(node).text
        who = Text(name(node, config))
        row = [who.append(f"\n  {system}", style="dim")] if stacked else [who, Text(system)]
        rows.append([*row, Text(priority(node)), signs(node, config, width=signs_width)])
    return rows


def _width(rows: list[list[Text]]) -> int:
    """Return how wide a table is up to the bar."""
    return sum(max(_cells(row[column]) for row in rows) + 2 for column in range(len(rows[0])))


def _cells(cell: Text) -> int:
    return max(line.cell_len for line in cell.split(allow_blank=True))


def name(node: Node, config: Config) -> str:
    """Give what people call a node, with its address."""
    called = config.name_of(node.addresses)
    return f"{called}  {node.id}" if called else node.id


def signs(node: Node, config: Config, *, width: int = 10_000) -> Text:
    """Say what a node signs and with which candidate."""
    track = node.authentication
    recipe = track.recipe
    if recipe is None:
        if track.status(supplied=config.has_secrets) == "failed":
            return Text(folded(["fits", "nothing", "supplied", "✗"], width), style="red")
        return Text("unchecked")
    words = [ip_text(address) for address in recipe.addresses] or ["no address"]
    key = f"#{recipe.key.number}" if recipe.key.number else "empty passphrase"
    good = track.failed == 0
    words.append(f"{key} ✓" if good else f"{key} ✗ {track.failed} fail")
    words += [f"{track.strangers} beside it"] if track.strangers else []
    return Text(folded(words, width), style="" if good else "red")


def bar(node: Node, span: BarSpan, width: int, *, blocks: bool) -> Text:
    """Draw when a node was MASTER."""
    full, part, none = ("█", "▄", "▁") if blocks else ("#", "+", ".")
    step = max((span.last - span.first) / width, 1)
    cells = []
    for index in range(width):
        start = span.first + index * step
        held: float = 0
        touched = False
        for period in node.master_periods:
            end = period.until
            held += max(0, min(end, start + step) - max(period.start, start))
            touched |= start <= period.start < start + step
        cells.append(full if held * 2 >= step else part if held or touched else none)
    return Text().append("".join(cells), style="green")


def _axis(span: BarSpan, width: int) -> Text:
    first, last = clock(span.first, digits=0), clock(span.last, digits=0)
    if width < 40:
        return Text(f"{first}{last:>{width - 8}}", style="dim")
    middle = clock((span.first + span.last) // 2, digits=0)
    half = (width - 8) // 2
    return Text(f"{first}{middle:>{half}}{last:>{width - 8 - half}}", style="dim")


def _state(node: Node, group: Group) -> str:
    """Say what a bar ends with."""
    if not node.master_periods:
        return ""
    last = node.master_periods[-1]
    end = clock(last.until, digits=0)
    if is_master(node):
        rivals = [n for n in group.members if n is not node and is_master(n)]
        mine = (node.advbase, node.advskew)
        worse = any((n.advbase, n.advskew) < mine for n in rivals)
        return "MASTER, should be BACKUP" if worse else "MASTER"
    words = {"bow-out": "left with a bow-out", "yielded": "BACKUP since", "silent": "silent since"}
    return f"{words.get(last.ended_by, 'ended')} {end}"
