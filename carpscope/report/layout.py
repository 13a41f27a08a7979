"""Lines of text for a screen of a given width: hanging indents and columns.

Not rich's tables: those fill every line with spaces to the full width, which a log file
or a mail then carries. Everything here is `rich.Text` in, `rich.Text` out, and no line
ends in white space.
"""

import re
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

SHALLOW = 4
NARROWEST = 20
"""Columns that a paragraph gets at least, however deep its indent."""
WIDEST = 120
"""Longer lines are hard to read on, however wide the terminal is."""

_TOGETHER = re.compile(r"(?<=\d) (?=(?:d|h|m|s|ms)\b)|(?<= [–…]) (?=\d)|(?<=\d) (?=[–…] \d)")
"""Spaces at which a line must not break: `6 m 39 s`, `09:58 – 10:04`."""
_NO_BREAK = "\ue000"


def hanging(console: Console, prefix: Text, body: Text) -> list[Text]:
    """Wrap `body` behind `prefix`; further lines are indented as far as the prefix is wide.

    Where that leaves no room beside it, the body stands below it.
    """
    indent = prefix.cell_len
    if indent > SHALLOW and console.width - indent < NARROWEST:
        above = [_bare(prefix.copy())] if prefix.plain.strip() else []
        return [*above, *hanging(console, Text(" " * SHALLOW), body)]
    body = body.copy()
    room = max(min(console.width, WIDEST) - indent, NARROWEST)
    if body.cell_len <= room and body.plain.isprintable():
        wrapped: Iterable[Text] = [body]
    else:
        body.plain = _TOGETHER.sub(_NO_BREAK, body.plain)
        wrapped = body.wrap(console, room)
    lines = []
    for number, line in enumerate(wrapped):
        line.plain = line.plain.replace(_NO_BREAK, " ")
        # joined to an empty text: joined to the prefix, the body would take on its style
        whole = Text().append_text(prefix) if number == 0 else Text(" " * indent)
        lines.append(_bare(whole.append_text(line)))
    return lines or [_bare(prefix.copy())]


def columns(rows: Sequence[Sequence[Text]], *, indent: int = 2, gap: int = 2) -> list[Text]:
    """Align cells; a cell may have several lines, a row is as high as its highest cell."""
    split = [[cell.split(allow_blank=True) for cell in row] for row in rows]
    count = max((len(row) for row in rows), default=0)
    widths = [
        max(
            (line.cell_len for row in split if column < len(row) for line in row[column]), default=0
        )
        for column in range(count)
    ]
    lines = []
    for row in split:
        for number in range(max(len(cell) for cell in row)):
            line = Text(" " * indent)
            for column, cell in enumerate(row):
                part = cell[number] if number < len(cell) else Text()
                padding = widths[column] - part.cell_len + gap
                line.append_text(part).append(" " * padding)
            lines.append(_bare(line))
    return lines


def fitted(console: Console, rows: Sequence[Sequence[Text]], *, below: int = 9) -> list[Text]:
    """Align cells of one line each; what does not fit beside stands below its row, indented."""
    kept = max((len(row) for row in rows), default=0)
    lines = columns(rows)
    while kept > 1 and max(line.cell_len for line in lines) > console.width:
        kept -= 1
        lines = columns([row[:kept] for row in rows])
    whole: list[Text] = []
    for line, row in zip(lines, rows, strict=True):
        whole.append(line)
        for cell in row[kept:]:
            whole += hanging(console, Text(" " * below), cell)
    return whole


def folded(words: Iterable[str], width: int) -> str:
    """Put words on lines of at most `width` cells; a longer word has its own line."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def _bare(line: Text) -> Text:
    line.rstrip()
    return line
