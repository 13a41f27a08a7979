"""Verdicts that are kept, so that a run goes on where the last one stopped, and their table.

A kill holds until the mutated file changes, a survival until any file or test does.
"""

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.mutants import ROOT
from tests.mutants.judge import Outcome
from tests.mutants.operators import Mutant

FOLDER = ROOT / "build" / "mutants"
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
TARGETS = {"wire": 0.90, "auth": 0.90, "protocol": 0.90, "detect": 0.85}


class Book:
    """The verdicts of one package."""

    def __init__(self, package: str, everything: str) -> None:
        """Read what is known; `everything` stands for all sources and tests as they are now."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._path = FOLDER / f"{package}.jsonl"
        self._everything = everything
        self.outcomes: dict[str, Outcome] = {}
        self.read()

    def read(self) -> None:
        """Take what still holds from the file."""
        self.outcomes.clear()
        sources: dict[str, str] = {}
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            entry = json.loads(line)
            if entry["verdict"] == "cold":
                continue  # it was put off only
            path = entry["name"].partition(" ")[0]
            if path not in sources:
                sources[path] = digest([ROOT / path])
            kept = entry["verdict"] in {"killed", "timeout"} and entry["source"] == sources[path]
            if kept or entry["everything"] == self._everything:
                outcome = Outcome(entry["verdict"], entry["by"], entry["seconds"])
                self.outcomes[entry["name"]] = outcome
            else:
                self.outcomes.pop(entry["name"], None)

    def write(self, mutant: Mutant, outcome: Outcome) -> None:
        """Keep a verdict."""
        self.outcomes[mutant.name] = outcome
        entry = {
            "name": mutant.name,
            "line": mutant.first,
            **outcome._asdict(),
            "source": digest([ROOT / mutant.path]),
            "everything": self._everything,
        }
        with self._path.open("a") as stream:
            stream.write(f"{json.dumps(entry)}\n")


class Row(NamedTuple):
    """The count of one package."""

    package: str
    verdicts: Counter[str]
    drawn: str
    """`all`, or how many of how many."""

    @property
    def score(self) -> float:
        """Return which part of the mutants that differ is found."""
        found = self.verdicts["killed"] + self.verdicts["timeout"]
        rest = self.verdicts["survived"] + self.verdicts["uncovered"]
        return found / max(found + rest, 1)


def table(rows: Iterable[Row]) -> str:
    """Print counts as a table of Markdown."""
    lines = [
        "| package | mutants | killed | timeout | survived | not reached | equivalent | score |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        counts = [row.verdicts[v] for v in ("killed", "timeout", "survived", "uncovered")]
        cells = [row.package, row.drawn, *counts, row.verdicts["equivalent"], f"{row.score:.1%}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def equivalents() -> dict[str, str]:
    """Read which mutants change nothing that can be seen, and why."""
    listed = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    return {name: entry["reason"] for entry in listed for name in entry["mutants"]}


def digest(paths: Iterable[Path]) -> str:
    """Give a short name for what is in files."""
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
