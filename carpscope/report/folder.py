"""What is said of a folder of captures: all of them in one line, and what is wrong with some."""

from collections.abc import Iterator

from carpscope.capture.described import Folder
from carpscope.core.text import plural
from carpscope.pipeline import Analysis
from carpscope.report.line import Json

DAMAGED_SHOWN = 40


def folder_json(folder: Folder) -> dict[str, Json]:
    """Give what programs read; `evidence` has the captures."""
    return {
        "path": folder.name,
        "not_read": list(folder.damaged),
        "other_files": folder.others,
        "packets_in_several_captures": folder.doubled,
    }


def folder_notes(analysis: Analysis, folder: Folder, *, details: bool) -> Iterator[str]:
    """Give a line for each damaged file, whether cut or not readable at all."""
    lines = list(folder.damaged)
    others = 0
    for capture in analysis.captures:
        if capture.problems:
            lines.append(f"{capture.name}: {'; '.join(capture.problems)}")
        elif capture.notes:
            others += 1
    told = lines if details else lines[:DAMAGED_SHOWN]
    yield from (line.removeprefix(folder.name).lstrip("/") for line in told)
    if len(lines) > len(told):
        yield f"{len(lines) - len(told):,} more captures are damaged; -V shows them"
    if others and not details:
        have = plural(others, "capture has", "captures have")
        yield f"{have} packets cut by snaplen, out of order or dropped; -V shows which"
    if folder.others:
        yield f"{plural(folder.others, 'other file is', 'other files are')} no capture, left out"
