"""`make fuzz SECONDS=600`: every parser in turn, led by what its inputs reach in the code.

Each target begins with the captures and texts of tests/fuzz/targets.py and, where there is
one, with what an earlier run found worth keeping (build/fuzz/TARGET). An input that breaks
it is kept in build/fuzz/broken; copied to tests/fuzz/found/TARGET it is a test from then on.
Exit status 1 with such an input, 3 without atheris.
"""

import hashlib
import importlib.util
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.targets import TARGETS, corpus
from tests.native import sanitized
from tests.program import ROOT

BUILD = ROOT / "build" / "fuzz"
BROKEN = BUILD / "broken"
MEMORY_MIB = 1024
"""What a target may take, the fuzzer and all modules included."""
INPUT_S = 20
"""An input of 64 KiB that takes so long is a find."""
INPUT_MAX = 65_536
START_S = 30
"""Importing and reading the corpus, before the time begins to count."""
NATIVE = "native"
"""The extension in C, under sanitizers instead of atheris."""
_ABSENT = 3
_TELLING = re.compile(r"\s*(\w+(\.\w+)*(Error|Exception)\b|==\d+== ?ERROR)")


class Outcome(NamedTuple):
    """What became of one target."""

    name: str
    executions: int
    edges: int
    kept: int
    """Inputs that reached something no other did."""
    broken: list[Path]
    problem: str


def prepared(name: str) -> Path:
    """Write the inputs to begin with; return their folder."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    for data in corpus(name):
        (folder / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)
    return folder


def fuzzed(name: str, seconds: int) -> Outcome:
    """Fuzz one target for so long."""
    if name == NATIVE:
        seed = random.randrange(1 << 30)
        taken = sanitized.fuzzed(seconds, seed)
        if taken is None:
            return Outcome(name, 0, 0, 0, [], "there is no compiler with sanitizers")
        broken = [taken.broken] if taken.broken else []
        return Outcome(name, taken.executions, 0, 0, broken, taken.problem)
    folder = prepared(name)
    BROKEN.mkdir(parents=True, exist_ok=True)
    prefix = f"{BROKEN}/{name}-"
    before = set(BROKEN.glob(f"{name}-*"))
    command = [
        sys.executable, "-m", "tests.fuzz.one", name, str(folder),
        f"-max_total_time={seconds}", f"-artifact_prefix={prefix}", f"-max_len={INPUT_MAX}",
        f"-timeout={INPUT_S}", f"-rss_limit_mb={MEMORY_MIB}", "-print_final_stats=1",
    ]  # fmt: skip
    done = subprocess.run(
        command,
        capture_output=True,
        cwd=ROOT,
        check=False,
        timeout=seconds + START_S + 2 * INPUT_S + 60,
    )
    text = done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
    broken = sorted(set(BROKEN.glob(f"{name}-*")) - before)
    problem = "" if done.returncode == 0 else _problem(text)
    return Outcome(
        name,
        _last(r"stat::number_of_executed_units:\s*(\d+)", text) or _last(r"#(\d+)\s", text),
        _last(r"\bcov: (\d+)", text),
        sum(1 for _ in folder.iterdir()),
        broken,
        problem or ("an input broke it" if broken else ""),
    )


def _last(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def _problem(text: str) -> str:
    lines = text.splitlines()
    told = [
        line
        for line in lines
        if re.match(r"\s*(\w+(\.\w+)*(Error|Exception)\b|==\d+== ?ERROR)", line)
    ]
    return (told or lines or ["ended without a word"])[0].strip()


def main(seconds: int, names: list[str]) -> int:
    """Share the time among the targets; print what they reached; return the exit status."""
    if importlib.util.find_spec("atheris") is None:
        print("make fuzz needs atheris: pip install '.[fuzz]'", file=sys.stderr)
        return _ABSENT
    share = max(1, seconds // len(names))
    print(
        f"{'target':10} {'executions':>12} {'edges':>7} {'inputs':>7}   {share} s each", flush=True
    )
    outcomes = []
    for name in names:
        outcome = fuzzed(name, share)
        outcomes.append(outcome)
        print(
            f"{name:10} {outcome.executions:>12,} {outcome.edges:>7,} {outcome.kept:>7,}   "
            f"{outcome.problem or 'nothing found'}",
            flush=True,
        )
        for path in outcome.broken:
            print(f"{'':10} {path.relative_to(ROOT)} -> tests/fuzz/found/{name}/", flush=True)
    total = sum(outcome.executions for outcome in outcomes)
    edges = sum(outcome.edges for outcome in outcomes)
    finds = sum(bool(outcome.problem) for outcome in outcomes)
    print(f"{'all':10} {total:>12,} {edges:>7,}           {finds or 'no'} targets with a find")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:] or [*TARGETS, NATIVE]))
