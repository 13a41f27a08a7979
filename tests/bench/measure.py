"""Runs whole processes in turns and compares them round by round.

A shared machine changes its mind from second to second, so the commands of a subject take
turns, and a ratio is the median of the ratios within each round, not of two medians.
"""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Command(NamedTuple):
    """One line of a table."""

    name: str
    words: tuple[str, ...]
    statuses: tuple[int, ...] = (0,)
    """Exit statuses that are no failure: analyze gives 1 where something is wrong."""
    target: float | None = None
    """The ratio to the first command that must not be exceeded."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A table: commands compared with the first of them."""

    title: str
    commands: tuple[Command, ...]
    rounds: int = 15
    shows: bool = False
    """Whether what the commands say on standard error, in the last round, is part of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one command."""

    command: Command
    milliseconds: float
    ratio: float
    low: float
    high: float
    """The middle half of the ratios lies between these."""


def measured(subject: Subject) -> list[Row]:
    """Run the commands that are installed; the first one is the unit."""
    commands = [c for c in subject.commands if shutil.which(c.words[0]) is not None]
    assert commands[0] is subject.commands[0], f"{commands[0].words[0]} is not installed"
    environment = os.environ | {"TZ": "UTC"}  # tcpdump reads the zone file for every packet
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles at every start
    times: dict[str, list[float]] = {command.name: [] for command in commands}
    for turn in range(subject.rounds + 1):
        for command in commands:
            taken = _seconds(command, environment, shown=subject.shows and turn == subject.rounds)
            if turn:  # the first one fills caches
                times[command.name].append(taken)
    unit = times[commands[0].name]
    rows = []
    for command in commands:
        taken_all = times[command.name]
        ratios = [mine / base for mine, base in zip(taken_all, unit, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        rows.append(Row(command, statistics.median(taken_all) * 1000, middle, low, high))
    return rows


def _seconds(command: Command, environment: dict[str, str], *, shown: bool) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        command.words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    taken = time.perf_counter() - start
    words = " ".join(command.words)
    if shown and done.stderr:
        print(done.stderr.decode().rstrip())
    assert done.returncode in command.statuses, f"{words}: {done.returncode} {done.stderr!r}"
    return taken


def table(subject: Subject, rows: Sequence[Row]) -> str:
    """Lay out what was measured."""
    width = max(len(row.command.name) for row in rows)
    unit = f"x {rows[0].command.name}"
    lines = [
        f"{subject.title} ({subject.rounds} rounds in turns, whole processes)",
        f"  {'':{width}}  {'ms':>8}  {unit:>{max(len(unit), 6)}}  middle half   target",
    ]
    for row in rows:
        target = row.command.target
        verdict = (
            "" if target is None else f"<= {target:g}  {'met' if row.ratio <= target else 'MISSED'}"
        )
        ratio = f"{row.ratio:{max(len(unit), 6)}.2f}  {row.low:5.2f}–{row.high:<5.2f}   {verdict}"
        name = f"{row.command.name:{width}}"
        lines.append(f"  {name}  {row.milliseconds:8.1f}  {ratio}".rstrip())
    return "\n".join(lines)
