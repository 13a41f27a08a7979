"""Text from packets, files and people, made harmless for each place it goes to.

Captured text is hostile: a file name may hold terminal escapes, a log line markup, a node's
name a formula. `core.text` spells out what nobody can see; then each format escapes its own.
"""

import io
import json
import re
from collections.abc import Iterable, Sequence

from carpscope.core.text import is_visible, shown

_MARKDOWN = re.compile(r"([\\`*_\[\]<>&|~@$])")
_AT_START = re.compile(r"^(\s*)([-+#=]+|\d{1,9}[.)])(?=\s|$)")
_LINK = re.compile(r"(?i)(https?|ftp|mailto|xmpp):|\bwww\.")
_UNUSUAL = re.compile(r"[^\x20-\x7e\n]")
_BEGINS = re.compile(r"((?:^|[;,\t|])[\s\"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a cell may begin with a formula's sign, the full-width forms too: some spreadsheets take
`;`, a tab or a bar for the end of a cell, whatever stands in quotes."""


def markdown(text: str) -> str:
    """Give text that Markdown leaves alone: no emphasis, link, markup, table cell or list."""
    text = _MARKDOWN.sub(r"\\\1", shown(text))
    text = _LINK.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)
    return _AT_START.sub(_unlisted, text)


def _unlisted(found: re.Match[str]) -> str:
    space, mark = found.groups()
    return f"{space}{mark[:-1]}\\{mark[-1]}" if mark[0].isdigit() else f"{space}\\{mark}"


def csv_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Give a table as RFC 4180 has it; no cell begins as a spreadsheet's formula does."""
    import csv  # noqa: PLC0415  JSON needs none

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = shown(str(value))
    # the quote is what a spreadsheet itself writes before text that looks like a formula
    return _BEGINS.sub(r"\1'", text)


def json_text(value: object, *, indent: int | None = 1) -> str:
    """Give JSON in UTF-8 in which only printable characters stand for themselves."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _UNUSUAL.sub(_kept_or_escaped, text)


def _kept_or_escaped(found: re.Match[str]) -> str:
    return found[0] if is_visible(found[0]) else _escaped(found[0])


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x1_0000:
        return f"\\u{code:04x}"
    code -= 0x1_0000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
