"""Runs whole processes in turns and compares them round by round.

A shared machine changes its mind from second to second, so the commands of a subject take
turns, and a ratio is the median of the ratios within each round, not of two medians.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

MIB = 1 << 20
PATIENCE = 240.0
"""Seconds after which a command is ended; what it took until then is what is told."""


class Command(NamedTuple):
    """One line of a table."""

    name: str
    words: tuple[str, ...]
    statuses: tuple[int, ...] = (0,)
    """Exit statuses that are no failure: analyze gives 1 where something is wrong."""
    environment: Mapping[str, str] = {}
    rounds: int | None = None
    """Where it takes too long to run in each: the first so many, without one to warm up."""


class Target(NamedTuple):
    """What must hold between two commands, by name."""

    of: str
    to: str
    must: float
    aim: float | None = None
    what: Literal["time", "memory", "growth", "each", "linear"] = "time"
    """`time` is a ratio; `memory` the peak of `of` in MiB, `growth` what it has beyond `to`;
    `each` the CPU time of one unit of `of` in microseconds beyond a run that has next to none,
    `linear` how much more one costs than one of `to` does."""
    units: tuple[int, int] = (1, 1)
    """How many `of` and `to` have."""
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A table: commands compared with the first of them."""

    title: str
    commands: tuple[Command, ...]
    targets: tuple[Target, ...] = ()
    rounds: int = 15
    shows: bool = False
    """Whether what the commands say on standard error, in the last round, is part of it."""


class Spread(NamedTuple):
    """A median between the quartiles."""

    low: float
    middle: float
    high: float


class Run(NamedTuple):
    """One process from start to end."""

    seconds: float
    cpu: float
    peak: int
    """Bytes of memory at most; not below what the harness itself holds, which it begins as."""
    ended: bool = False
    """Whether patience ended before it did."""


@dataclass(slots=True)
class Row:
    """What was measured of one command."""

    command: Command
    runs: dict[int, Run] = field(default_factory=dict)
    """By round."""

    def seconds(self) -> Spread:
        """Return how long it took."""
        return spread([run.seconds for run in self.runs.values()])

    def cpu(self) -> float:
        """Return the processor seconds of all its processes."""
        return statistics.median(run.cpu for run in self.runs.values())

    def least_cpu(self) -> float:
        """Return the same of the round that was disturbed least."""
        return min(run.cpu for run in self.runs.values())

    def peak_mib(self) -> float:
        """Return the memory it needed in its worst round."""
        return max(run.peak for run in self.runs.values()) / MIB

    def ratio(self, other: "Row") -> Spread:
        """Compare with another, within the rounds that both ran in."""
        both = sorted(self.runs.keys() & other.runs.keys())
        return spread([self.runs[r].seconds / other.runs[r].seconds for r in both])


class Verdict(NamedTuple):
    """What became of a target."""

    target: Target
    value: Spread
    cpu: float | None = None
    """The ratio of processor time, which suffers less where others use the machine."""

    @property
    def met(self) -> bool:
        """Tell whether what must hold does."""
        return self.value.middle <= self.target.must


@dataclass(frozen=True, slots=True)
class Result:
    """A subject and what was measured of it."""

    name: str
    subject: Subject
    rows: Sequence[Row]

    def row(self, name: str) -> Row | None:
        """Find a command's row; None where the program is not installed."""
        return next((row for row in self.rows if row.command.name == name), None)

    def verdicts(self) -> list[Verdict]:
        """Hold what was measured to the targets."""
        found = []
        for target in self.subject.targets:
            of, to = self.row(target.of), self.row(target.to)
            if of is None or to is None:
                continue
            if target.what == "time":
                found.append(Verdict(target, of.ratio(to), of.cpu() / to.cpu()))
            elif target.what in ("each", "linear"):
                found.append(Verdict(target, spread([self._each(target, of, to)])))
            else:
                base = to.peak_mib() if target.what == "growth" else 0
                found.append(Verdict(target, spread([of.peak_mib() - base])))
        return found

    def _each(self, target: Target, of: Row, to: Row) -> float:
        least = self.row(target.beyond)
        assert least is not None
        mine, other = (
            (row.least_cpu() - least.least_cpu()) / units
            for row, units in zip((of, to), target.units, strict=True)
        )
        return mine * 1e6 if target.what == "each" else mine / max(other, 1e-9)


def spread(values: Sequence[float]) -> Spread:
    """Return the quartiles; one value is all three."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def measured(name: str, subject: Subject) -> Result:
    """Run the commands that are installed; the first of them is the unit."""
    rows = [Row(c) for c in subject.commands if shutil.which(c.words[0]) is not None]
    for turn in range(subject.rounds + 1):
        for row in rows:
            few = row.command.rounds
            if few is not None and not 0 < turn <= few:
                continue
            if any(run.ended for run in row.runs.values()):
                continue  # once is enough
            run = _run(row.command, shown=subject.shows and turn == subject.rounds)
            if turn or run.ended:  # the first one fills caches
                row.runs[turn or 1] = run
    return Result(name, subject, rows)


def _run(command: Command, *, shown: bool) -> Run:
    environment = {**os.environ, **command.environment}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles at every start
    if "TZ" not in command.environment:
        environment.pop("TZ", None)  # tcpdump reads the zone file for every packet without it
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command.words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        patience = threading.Timer(PATIENCE, process.kill)
        patience.start()
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        patience.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode(errors="replace").rstrip()
    if shown and said:
        print(said)
    ended = taken >= PATIENCE
    words = " ".join(command.words)
    assert ended or process.returncode in command.statuses, f"{words}: {said!r}"
    return Run(taken, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, ended)
