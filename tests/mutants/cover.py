"""Which test runs which lines: every test is run once with a trace on the files in question."""

import sys
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import pytest

from tests.mutants import ROOT

Lines = dict[str, list[int]]
"""Line numbers by file, as seen from the root of the tree."""


_ENOUGH = 2000
"""Lines of a loop, one after the other, that were all seen before: it says no more."""


class Course(NamedTuple):
    """What one test did."""

    seconds: float
    """Of processor time."""
    lines: Lines


class Trace:
    """Lines of some files that are run."""

    def __init__(self, files: set[str]) -> None:
        """Take the files, by their paths from the root."""
        self._files = {str(ROOT / name): name for name in files}
        self._seen: dict[str, set[int]] = defaultdict(set)
        self._modules: set[CodeType] = set()

    def start(self) -> None:
        """Begin with nothing seen."""
        self._seen.clear()
        sys.settrace(self._enter)

    def stop(self) -> Lines:
        """End; give the lines."""
        sys.settrace(None)
        return {name: sorted(lines) for name, lines in self._seen.items()}

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        name = self._files.get(frame.f_code.co_filename)
        if name is None or not frame.f_code.co_flags & 2:  # no module and no class body
            return None
        seen = self._seen[name]
        seen.add(frame.f_lineno)
        nothing_new = 0

        def step(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal nothing_new
            nothing_new += 1
            if frame.f_lineno not in seen:
                seen.add(frame.f_lineno)
                nothing_new = 0
            elif nothing_new > _ENOUGH:
                frame.f_trace_lines = False  # a search goes round a million times
            return step

        return step


class Mapper:
    """A pytest plugin that runs every test with the trace on."""

    def __init__(self, files: set[str]) -> None:
        """Take the files to trace."""
        self.courses: dict[str, Course] = {}
        self.at_import: Lines = {}
        self.failed: list[str] = []
        self._trace = Trace(files)

    def pytest_collection(self) -> None:
        """Trace what is called while modules are imported."""
        self._trace.start()

    def pytest_collection_finish(self) -> None:
        """Keep that apart: what was made then, no later change can reach."""
        self.at_import = self._trace.stop()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails without any mutant."""
        if report.failed:
            self.failed.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests."""
        from tests.mutants.judge import caches, forget

        kept = caches()
        for item, after in zip(session.items, [*session.items[1:], None], strict=True):
            forget(kept)
            begin = time.process_time()
            self._trace.start()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            lines = self._trace.stop()
            self.courses[item.nodeid] = Course(time.process_time() - begin, lines)
        return True


def files_of(package: str) -> list[str]:
    """Name the files of a package that are mutated."""
    found = sorted((ROOT / "carpscope" / package).rglob("*.py"))
    return [Path(path).relative_to(ROOT).as_posix() for path in found]
