"""`make mutants`: change the program in one place after the other, and see whether a test fails.

    make mutants                        all mutants of wire, auth, protocol and detect
    make mutants PACKAGE=wire SAMPLE=400   some of one package, the same ones every time
    make mutants PACKAGE=wire SHOW=1       those that survived so far, without running any

Verdicts are kept in build/mutants/: a run that was stopped goes on.
"""

import argparse
import ast
import importlib
import json
import os
import random
import sys
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mutants import ROOT, cover, judge
from tests.mutants.book import FOLDER, TARGETS, Book, Row, digest, equivalents, table
from tests.mutants.cover import Course
from tests.mutants.judge import Chosen, Outcome, module_of
from tests.mutants.operators import Mutant, mutants, mutated

TESTS = {
    "wire": ["tests/wire"],
    "auth": ["tests/auth", "tests/timeline/test_authentication.py"],
    "protocol": ["tests/protocol", "tests/sim"],
    "detect": ["tests/detect", "tests/report_forensic/test_vantage.py"],
}
"""What is run against the mutants of a package: the tests that are made for it."""
SLOWEST_SECONDS = 3.0
"""Tests that take longer do not count: a mutant should cost a second."""
BUDGET_SECONDS = 5.0
SEED = 9


class Map:
    """Which tests reach which line, the fastest first."""

    def __init__(self, package: str, everything: str, listed: list[Mutant]) -> None:
        """Run every test once, unless that has been done."""
        self.scopes: dict[tuple[str, str], int] = {}
        """The first line of each function that has a mutant."""
        for mutant in listed:
            self.scopes.setdefault((mutant.path, mutant.scope), mutant.first)
        path = FOLDER / f"{package}.map.{everything}.json"
        if not path.exists():
            for old in FOLDER.glob(f"{package}.map.*"):
                old.unlink()
            _in_child(lambda: _map(package, path))
        kept = json.loads(path.read_text())
        if kept["failed"]:
            sys.exit(f"these fail without any mutant: {kept['failed']}")
        self.courses = {test: Course(*course) for test, course in kept["courses"].items()}
        self.at_import = {name: set(lines) for name, lines in kept["at_import"].items()}
        self._tests: dict[tuple[str, int], list[str]] = defaultdict(list)
        self._kills: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for test, course in sorted(self.courses.items(), key=lambda pair: pair[1].seconds):
            if course.seconds < SLOWEST_SECONDS:
                for name, lines in course.lines.items():
                    for line in lines:
                        self._tests[name, line].append(test)

    def is_warm(self, mutant: Mutant) -> bool:
        """Tell whether a mutant can be put in place after everything is imported."""
        span = range(mutant.first, mutant.last + 1)
        return (
            bool(mutant.scope)
            and mutant.scope.endswith("()")
            and not any(line in self.at_import.get(mutant.path, ()) for line in span)
        )

    def chosen(self, mutant: Mutant) -> list[Chosen]:
        """Choose tests: first what killed its neighbours, then the fastest."""
        if mutant.scope.endswith("()"):
            lines = range(mutant.first, mutant.last + 1)
            reach = {test for line in lines for test in self._tests.get((mutant.path, line), ())}
            if not reach:  # behind a long loop lines go unseen: who comes into the function
                reach = set(
                    self._tests.get((mutant.path, self.scopes[mutant.path, mutant.scope]), ())
                )
        else:
            # what a table says may be asked by who runs none of the module's lines
            reach = {t for t, course in self.courses.items() if course.seconds < SLOWEST_SECONDS}
        kills = self._kills[mutant.path, mutant.scope]
        order = sorted(reach, key=lambda test: (-kills[test], self.courses[test].seconds, test))
        found, spent = [], 0.0
        for test in order:
            spent += self.courses[test].seconds
            if spent > BUDGET_SECONDS:
                break
            found.append(Chosen(test, self.courses[test].seconds))
        return found

    def learn(self, mutant: Mutant, outcome: Outcome) -> None:
        """Remember who killed."""
        if outcome.by in self.courses:
            self._kills[mutant.path, mutant.scope][outcome.by] += 1


class _WarmLoop(judge.Settings):
    """A pytest plugin that judges mutants instead of running the tests once."""

    def __init__(self, package: str, todo: list[Mutant], known: Map, book: Book) -> None:
        self._package = package
        self._todo, self._known, self._book = todo, known, book

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for name in cover.files_of(self._package):
            importlib.import_module(module_of(name))  # what is found in folders comes late
        warm = judge.Warm(session.items)
        for count, mutant in enumerate(self._todo, 1):
            chosen = self._known.chosen(mutant)
            outcome: Outcome | None = Outcome("uncovered", "", 0.0)
            if chosen:
                outcome = warm.judge(mutant, _tree(mutant), chosen)
            if outcome is None:
                outcome = Outcome("cold", "", 0.0)
            _settle(mutant, outcome, self._known, self._book, f"{count}/{len(self._todo)}")
        return True


def _settle(mutant: Mutant, outcome: Outcome, known: Map, book: Book, count: str) -> None:
    known.learn(mutant, outcome)
    book.write(mutant, outcome)
    if outcome.verdict in {"survived", "uncovered"}:
        print(f"{count} {outcome.verdict:9} {mutant.first:4} {mutant.name}", flush=True)


def _tree(mutant: Mutant) -> ast.Module:
    return mutated((ROOT / mutant.path).read_text(), mutant)


def _map(package: str, path: Path) -> None:
    mapper = cover.Mapper(set(cover.files_of(package)))
    pytest.main([*judge.PYTEST, *TESTS[package]], plugins=[mapper, judge.Settings()])
    kept = {"courses": mapper.courses, "at_import": mapper.at_import, "failed": mapper.failed}
    path.write_text(json.dumps(kept))


def _in_child(work: Callable[[], object]) -> None:
    """Do work in a process of its own, so that this one imports no carpscope."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit("the process that runs the tests failed")


def run(package: str, sample: int, *, show: bool) -> Row:
    """Judge the mutants of one package that have no verdict yet."""
    folders = [ROOT / "carpscope", *(ROOT / name for name in TESTS[package])]
    files = sorted(
        path
        for folder in folders
        for path in (folder.rglob("*") if folder.is_dir() else [folder])
        if path.is_file() and path.suffix != ".pyc"
    )
    everything = digest(files)
    listed = [
        m for name in cover.files_of(package) for m in mutants(name, (ROOT / name).read_text())
    ]
    equivalent = equivalents()
    drawn = list(range(len(listed)))
    random.Random(SEED).shuffle(drawn)
    chosen = [listed[index] for index in sorted(drawn[: sample or None])]
    book = Book(package, everything)
    if not show:
        known = Map(package, everything, listed)
        for name, outcome in book.outcomes.items():
            for mutant in (m for m in chosen if m.name == name):
                known.learn(mutant, outcome)
        todo = [m for m in chosen if m.name not in {*book.outcomes, *equivalent}]
        warm = [m for m in todo if known.is_warm(m)]
        if warm:
            plugin = _WarmLoop(package, warm, known, book)
            arguments = [*judge.PYTEST, *TESTS[package]]
            _in_child(lambda: pytest.main(arguments, plugins=[plugin]))
            book.read()
        cold = [m for m in todo if m.name not in book.outcomes]
        tests = set(known.courses)
        for count, mutant in enumerate(cold, 1):
            picked = known.chosen(mutant)
            outcome = Outcome("uncovered", "", 0.0)
            if picked:
                outcome = judge.judge_cold(mutant, _tree(mutant), picked, tests)
            _settle(mutant, outcome, known, book, f"cold {count}/{len(cold)}")
    verdicts = Counter[str]()
    for mutant in chosen:
        outcome = book.outcomes.get(mutant.name, Outcome("not run", "", 0.0))
        verdict = "equivalent" if mutant.name in equivalent else outcome.verdict
        verdicts[verdict] += 1
        if show and verdict in {"survived", "uncovered"}:
            print(f"{verdict:9} {mutant.path}:{mutant.first} {mutant.name.partition(' ')[2]}")
    stale = [n for n in equivalent if f"carpscope/{package}/" in n]
    stale = [n for n in stale if n not in {m.name for m in listed}]
    if stale:
        sys.exit(f"equivalent.toml names what is no mutant (any more): {stale}")
    words = str(len(listed)) if not sample else f"{len(chosen)} of {len(listed)}"
    return Row(package, verdicts, words)


def main() -> int:
    """Judge and print the table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", default=[])
    parser.add_argument("--sample", type=int, default=0, help="how many, drawn by a fixed seed")
    parser.add_argument("--show", action="store_true", help="list what survived, run nothing")
    options = parser.parse_args()
    rows = [run(p, options.sample, show=options.show) for p in options.packages or TARGETS]
    print(table(rows))
    return int(any(row.score < TARGETS[row.package] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
