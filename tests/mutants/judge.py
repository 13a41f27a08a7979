"""Run the tests that reach a mutant, in a process of its own, until one of them fails.

Processes are forked where everything is imported already, so a mutant costs its tests and little
more. A changed function gets its new code in place, wherever it has been imported to. What is
done at import (tables, defaults, profiles) cannot be put in later: for that the fork is made
before carpscope is imported, and takes the changed module in its stead.
"""

import ast
import functools
import gc
import importlib.abc
import importlib.machinery
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, TypeAlias

import pytest

from tests.mutants import ROOT
from tests.mutants.operators import Mutant

PYTEST = (
    "-p",
    "no:cacheprovider",
    "-p",
    "no:terminal",
    "-p",
    "no:faulthandler",
    "-s",
    "-o",
    "addopts=",
)
WALL_SECONDS = 120
"""For one mutant: only what waits for something that never comes needs so long."""
MEMORY = 1 << 30
"""Bytes that a mutant may take on top of what there is."""


class Chosen(NamedTuple):
    """A test to run and the processor time it takes as a rule."""

    test: str
    seconds: float

    @property
    def limit(self) -> float:
        """Return the time after which it is seen as never ending."""
        return max(2.0, 10 * self.seconds)


class Outcome(NamedTuple):
    """What became of a mutant."""

    verdict: str
    """`killed`, `timeout`, `survived`, or `uncovered` where no test reaches it."""
    by: str
    seconds: float


Work: TypeAlias = Callable[[Callable[[str], None]], None]


def forked(work: Work) -> Outcome:
    """Let a child do work that tells its course in lines; judge by the last one and its end."""
    begin = time.monotonic()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(work, writing)
    os.close(writing)
    text, waits = b"", True
    with select.epoll() as poll:
        poll.register(reading, select.EPOLLIN)
        while waits:
            left = begin + WALL_SECONDS - time.monotonic()
            if left <= 0 or not poll.poll(left):
                break
            piece = os.read(reading, 65536)
            text += piece
            waits = bool(piece)
    os.close(reading)
    if waits:
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    last = text.decode().rstrip("\n").rpartition("\n")[2]
    word, _, test = last.partition(" ")
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGPROF, signal.SIGKILL}:
        word = "timeout"
    elif word != "survived":
        word = "killed"  # a test failed, or the process died of it
    return Outcome(word, test, time.monotonic() - begin)


def _child(work: Work, writing: int) -> None:
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(null, handle)
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  the pages there are now
            taken = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))

        def tell(line: str) -> None:
            os.write(writing, f"{line}\n".encode())

        work(tell)
    except BaseException:  # noqa: BLE001  whatever it is: the mutant did it
        os.write(writing, b"killed while starting\n")
    finally:
        os._exit(0)


def watched(chosen: Sequence[Chosen], items: dict[str, pytest.Item], tell: Any) -> None:
    """Run chosen tests one by one; tell which runs, and which fails."""
    failed = []

    class Reports:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                failed.append(report.nodeid)

    run = [items[each.test] for each in chosen]
    if not run:
        tell("survived")
        return
    run[0].config.pluginmanager.register(Reports())
    for each, item, after in zip(chosen, run, [*run[1:], None], strict=True):
        tell(f"running {each.test}")
        signal.setitimer(signal.ITIMER_PROF, each.limit)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if failed:
            tell(f"killed {each.test}")
            return
    tell("survived")


class Warm:
    """Changes functions of a process in which every test has been collected."""

    def __init__(self, items: Sequence[pytest.Item]) -> None:
        """Find all functions of carpscope, and all caches."""
        self._items = {item.nodeid: item for item in items}
        self._caches = caches()
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = {}
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and "/carpscope/" in each.__code__.co_filename:
                self._functions.setdefault(_key(each.__code__), []).append(each)
        gc.collect()
        gc.freeze()

    def judge(self, mutant: Mutant, tree: ast.Module, chosen: Sequence[Chosen]) -> Outcome | None:
        """Run the tests against the mutant; None where it cannot be put in place here."""
        module = compile(tree, str(ROOT / mutant.path), "exec")
        qualified = mutant.scope.removesuffix("()")
        new = [code for code in _nested(module) if code.co_qualname == qualified]
        line = {code.co_firstlineno for code in new}
        new = [c for c in new if c.co_firstlineno == max(n for n in line if n <= mutant.first)]
        old = [function for code in new for function in self._functions.get(_key(code), [])]
        if len(new) != 1 or not old:
            return None
        if any(len(f.__code__.co_freevars) != len(new[0].co_freevars) for f in old):
            return None

        def work(tell: Callable[[str], None]) -> None:
            for function in old:
                function.__code__ = new[0]
            forget(self._caches)
            watched(chosen, self._items, tell)

        return forked(work)


def judge_cold(
    mutant: Mutant, tree: ast.Module, chosen: Sequence[Chosen], known: set[str]
) -> Outcome:
    """Run the tests in a process that imports carpscope with the mutant in it."""
    module = module_of(mutant.path)
    files = dict.fromkeys(each.test.partition("::")[0] for each in chosen)

    class Plugin(Settings):
        def __init__(self, tell: Callable[[str], None]) -> None:
            self.tell = tell

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed:
                self.tell("killed while collecting")
                os._exit(0)

        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            items = {item.nodeid: item for item in session.items}
            run = [each for each in chosen if each.test in items]
            # A changed table may give tests that nobody knows: they are run as well.
            run += [Chosen(test, 1.0) for test in items if test not in known]
            watched(run, items, self.tell)
            return True

    def work(tell: Callable[[str], None]) -> None:
        sys.meta_path.insert(0, _Instead(module, tree, str(ROOT / mutant.path)))
        signal.setitimer(signal.ITIMER_PROF, 30)
        pytest.main([*PYTEST, *files], plugins=[Plugin(tell)])

    return forked(work)


def module_of(path: str) -> str:
    """Name the module of a file."""
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


class Settings:
    """A pytest plugin: a failure is enough, nobody needs its smallest example."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Let Hypothesis only look, after conftest.py has chosen its profile."""
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile(
            "mutants", settings.default, phases=phases, report_multiple_bugs=False
        )
        settings.load_profile("mutants")


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed module where the module is imported."""

    def __init__(self, module: str, tree: ast.Module, path: str) -> None:
        self._module, self._tree, self._path = module, tree, path

    def find_spec(
        self, name: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._module:
            return None
        package = [os.path.dirname(self._path)] if self._path.endswith("__init__.py") else None  # noqa: PTH120
        spec = importlib.machinery.ModuleSpec(name, self, origin=self._path)
        spec.submodule_search_locations = package
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        code = compile(self._tree, self._path, "exec")
        exec(code, module.__dict__)


def caches() -> list[Any]:
    """Find every `lru_cache` of carpscope there is."""
    kind = type(functools.lru_cache(lambda: None))
    return [
        each
        for each in gc.get_objects()
        if isinstance(each, kind) and str(getattr(each, "__module__", "")).startswith("carpscope")
    ]


def forget(found: list[Any]) -> None:
    """Empty caches, so that what is asked is computed."""
    for each in found:
        each.cache_clear()


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _nested(code: CodeType) -> list[CodeType]:
    found = [code]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += _nested(constant)
    return found
