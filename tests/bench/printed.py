"""What was measured as a table, as JSON, and as the part of a page between two marks."""

import re
from pathlib import Path
from typing import Any

from tests.bench.measure import PATIENCE, Result, Spread, Verdict


def table(result: Result) -> str:
    """Lay out what was measured, then what became of the targets."""
    width = max(len(row.command.name) for row in result.rows)
    unit = f"x {result.rows[0].command.name}"
    ratio_width = max(len(unit), 18)
    lines = [
        f"{result.subject.title} ({result.subject.rounds} rounds in turns, whole processes)",
        f"  {'':{width}}  {'ms':>8}  {'CPU ms':>8}  {'peak MiB':>8}  {unit:>{ratio_width}}",
    ]
    for row in result.rows:
        few = row.command.rounds
        note = "" if few is None else f"  ({len(row.runs)} of the rounds)"
        if any(run.ended for run in row.runs.values()):
            note = f"  (ended after {PATIENCE:.0f} s)"
        lines.append(
            f"  {row.command.name:{width}}  {row.seconds().middle * 1000:8.1f}"
            f"  {row.cpu() * 1000:8.1f}  {row.peak_mib():8.1f}"
            f"  {ranged(row.ratio(result.rows[0])):>{ratio_width}}{note}"
        )
    if result.verdicts():
        lines.append("")
    lines += [f"  {verdict_line(verdict)}" for verdict in result.verdicts()]
    return "\n".join(lines)


def ranged(ratio: Spread) -> str:
    """Write a median and the middle half of its rounds."""
    if ratio.low == ratio.high:
        return f"{_short(ratio.middle)}"
    return f"{_short(ratio.middle)} ({_short(ratio.low)}–{_short(ratio.high)})"


def _short(number: float) -> str:
    return f"{number:.3f}" if number < 0.2 else f"{number:.2f}" if number < 100 else f"{number:.0f}"


def verdict_line(verdict: Verdict) -> str:
    """Say what must hold, what holds, and whether that is enough."""
    target, value, cpu = verdict
    unit = "" if cpu is None else f", {_short(cpu)} of CPU time"
    unit = {"memory": " MiB", "growth": " MiB", "each": " us"}.get(target.what, unit)
    asked = {
        "time": f"{target.of} / {target.to}",
        "memory": f"peak memory of {target.of}",
        "growth": f"{target.of} needs beyond {target.to}",
        "each": f"{target.of}, each",
        "linear": f"{target.of}, each against {target.to}",
    }[target.what]
    aim = ""
    if target.aim is not None:
        reached = "met" if value.middle <= target.aim else "not yet"
        aim = f", aim {target.aim:g} {reached}"
    must = f"must {target.must:g} {'met' if verdict.met else 'MISSED'}"
    return f"{asked}: {ranged(value)}{unit} ({must}{aim})"


def document(result: Result) -> dict[str, Any]:
    """Return the same for programs: seconds, MiB and ratios, each as low, middle, high."""
    first = result.rows[0]
    return {
        "name": result.name,
        "title": result.subject.title,
        "rounds": result.subject.rounds,
        "rows": [
            {
                "name": row.command.name,
                "command": list(row.command.words),
                "environment": dict(row.command.environment),
                "rounds": len(row.runs),
                "seconds": list(row.seconds()),
                "cpu_seconds": row.cpu(),
                "peak_mib": row.peak_mib(),
                "ratio": list(row.ratio(first)),
            }
            for row in result.rows
        ],
        "targets": [
            {
                **verdict.target._asdict(),
                "value": list(verdict.value),
                "cpu_value": verdict.cpu,
                "met": verdict.met,
                "aim_met": None
                if verdict.target.aim is None
                else verdict.value.middle <= verdict.target.aim,
            }
            for verdict in result.verdicts()
        ],
    }


def insert(page: Path, machine: str, results: list[Result]) -> None:
    """Replace what a page says of these subjects: what lies between its marks."""
    text = _replaced(page.read_text(), "machine", machine)
    for result in results:
        text = _replaced(text, result.name, f"```text\n{table(result)}\n```")
    page.write_text(text)


def _replaced(text: str, name: str, inner: str) -> str:
    """Fill the marks of that name; a page need not have a place for all."""
    pattern = re.compile(rf"(<!-- bench {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{inner}\n{found[2]}", text)
