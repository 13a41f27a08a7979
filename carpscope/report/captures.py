"""What was read, for a person: captures, folders, and how their clocks stand."""

from rich.text import Text

from carpscope.capture.described import Described, Folder
from carpscope.core.address import ip_text
from carpscope.core.text import plural
from carpscope.core.units import Nanos, clock, day, span_text
from carpscope.core.zone import Zone, beside, beside_both
from carpscope.pipeline import Analysis
from carpscope.report.capture_place import advice, captured_text
from carpscope.report.console import Printer
from carpscope.report.folder import folder_notes
from carpscope.report.roster import BarSpan
from carpscope.report.vantage import offset_text, place_text, way_text
from carpscope.timeline.capture_place import Captured
from carpscope.timeline.vantage import Vantage

LOSSES_SHOWN = 12


def evidence(out: Printer, analysis: Analysis, *, details: bool, zone: Zone | None = None) -> None:
    """Print what was read, what is wrong with it, and what was left out."""
    if analysis.folder is not None:
        _folder(out, analysis, analysis.folder, details=details, zone=zone)
    captured = analysis.captured
    for index, capture in enumerate(analysis.captures):
        if analysis.folder is not None and not details:
            break
        prefix = Text(f"{capture.name}  ", style="bold")
        size = plural(capture.packets, "packet")
        told = (
            f"{size}, "
            f"{plural(analysis.advertisements[index], 'CARP advertisement')}"
            f"{_when(capture.first, capture.last, zone)}"
        )
        if prefix.cell_len + len(told) > out.console.width:
            out.hang(Text(), prefix)
            prefix = Text("  ")
        out.hang(prefix, told)
        if analysis.vantage is None:
            _captured(out, captured[index], capture, analysis)
        for note in (*capture.notes, *(analysis.notes if index == 0 else ())):
            out.note(note)
        if details:
            links = ", ".join(capture.link_types) or "no packet"
            digest = f", sha256 {capture.sha256}" if capture.sha256 else ""
            out.hang(Text("  "), f"{capture.bytes:,} bytes, {links}{digest}")
    if analysis.vantage is not None:
        _clocks(out, analysis, analysis.vantage)
    copies = sum(group.copies for group in analysis.observer.groups.values())
    if copies:
        made = "a mirror port or another capture" if analysis.vantage else "a mirror port"
        out.print(f"  {plural(copies, 'copy', 'copies')} that {made} made left out")
    out.blank()


def _captured(out: Printer, one: Captured, capture: Described, analysis: Analysis) -> None:
    """Print where a capture was taken, where it shows, and what a better one would show."""
    if told := captured_text(one, capture):
        out.hang(Text("  captured: ", style="dim"), told)
    if told := advice(one, analysis.findings):
        out.hang(Text("  better: ", style="dim"), told)


def _folder(
    out: Printer, analysis: Analysis, folder: Folder, *, details: bool, zone: Zone | None
) -> None:
    """Print a folder as the one recording it is."""
    captures = analysis.captures
    starts = [capture.first for capture in captures if capture.first is not None]
    ends = [capture.last for capture in captures if capture.last is not None]
    out.hang(Text(), Text(folder.name, style="bold"))
    out.hang(
        Text("  "),
        f"{plural(len(captures), 'capture')}, "
        f"{plural(sum(capture.packets for capture in captures), 'packet')}, "
        f"{plural(sum(analysis.advertisements), 'CARP advertisement')}"
        f"{_when(min(starts, default=None), max(ends, default=None), zone)}",
    )
    if folder.doubled:
        held = f"{plural(folder.doubled, 'packet')} in more than one capture, taken once"
        out.hang(Text("  "), held)
    if not details:
        for note in analysis.notes:
            out.note(note)
    for note in folder_notes(analysis, folder, details=details):
        out.note(note)


def _clocks(out: Printer, analysis: Analysis, vantage: Vantage) -> None:
    """Print how the captures' clocks stand, and what only one of them has."""
    names = short_names([capture.name for capture in analysis.captures])
    for one in vantage.clocks[1:]:
        if one.known:
            told = "; ".join(filter(None, (offset_text(one), way_text(one))))
            told = f"{names[one.capture]}: {told}"
            out.hang(Text("  clock: ", style="dim"), told)
    for index, place in enumerate(vantage.places):
        out.hang(Text("  place: ", style="dim"), f"{names[index]}: {place_text(place)}")
    for note in vantage.notes:
        out.note(note)
    for loss in vantage.losses[:LOSSES_SHOWN]:
        span = f"{clock(loss.start, digits=3)} – {clock(loss.end, digits=3)}"
        out.hang(
            Text(f"  {span}  ", style="dim"),
            f"{plural(loss.count, 'advertisement')} of {ip_text(loss.sender.source)} in "
            f"{names[loss.seen]}, never seen in {names[loss.missing]}",
        )
    if len(vantage.losses) > LOSSES_SHOWN:
        out.print(f"  … and {len(vantage.losses) - LOSSES_SHOWN:,} more such stretches")


def short_names(names: list[str]) -> list[str]:
    """Leave out the folders that are not needed to tell captures apart."""
    for depth in range(1, 6):
        bare = ["/".join(name.split("/")[-depth:]) for name in names]
        if len(set(bare)) == len(bare):
            return bare
    return names


def span_of(analysis: Analysis) -> BarSpan:
    """Return from when to when anything was captured, on one clock."""
    vantage = analysis.vantage
    ends = []
    for index, capture in enumerate(analysis.captures):
        own = [at for at in (capture.first, capture.last) if at is not None]
        ends += own if vantage is None else [vantage.clocks[index].corrected(at) for at in own]
    return BarSpan(min(ends, default=0), max(ends, default=1))


def _when(first: Nanos | None, last: Nanos | None, zone: Zone | None) -> str:
    if first is None or last is None:
        return ""
    begin = f"{day(first)} {clock(first, digits=0)}"
    if first == last:
        return f", {begin} UTC{beside(zone, first)}"
    end = (
        clock(last, digits=0) if day(first) == day(last) else f"{day(last)} {clock(last, digits=0)}"
    )
    return f", {begin} – {end} UTC{beside_both(zone, first, last)} ({span_text(last - first)})"
