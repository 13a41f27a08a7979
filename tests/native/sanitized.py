"""The extension under AddressSanitizer and UBSan, held to Python: `make fuzz TARGETS=native`.

`python -m tests.native.sanitized SECONDS [SEED]` builds it with them, starts itself in an
environment where they work, and bends inputs until the time is over. The input at work lies in
build/fuzz/native.input; one that breaks it is kept in build/fuzz/broken. Exit status 1 with such
an input, 3 without a compiler that has sanitizers.
"""

import hashlib
import importlib.util
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.program import ROOT

BUILD = ROOT / "build" / "fuzz"
INPUT = BUILD / "native.input"
_FLAGS = "-Wall -Wextra -Werror -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined"
_SANITIZERS = "-fsanitize=address,undefined"
_ABSENT = 3
_LONGEST = 9000


class Outcome(NamedTuple):
    """What became of it."""

    executions: int
    problem: str
    broken: Path | None


def prepared() -> Path | None:
    """Build with sanitizers; None where there is no compiler that has them."""
    from tests.native.hook import NAME, built

    target = BUILD / "sanitized" / NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    before = os.environ.get("CFLAGS")
    os.environ["CFLAGS"] = f"{_FLAGS} {_SANITIZERS}"
    try:
        problem = built(target)
    finally:
        if before is None:
            del os.environ["CFLAGS"]
        else:
            os.environ["CFLAGS"] = before
    return None if problem else target


def fuzzed(seconds: float, seed: int, most: int = sys.maxsize) -> Outcome | None:
    """Bend inputs for so long, at the most so many; None without sanitizers."""
    target, libraries = prepared(), [_library(name) for name in ("asan", "ubsan")]
    if target is None or not all(libraries):
        return None
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps what it has
        "PYTHONMALLOC": "malloc",
        "CARPSCOPE_PURE": "",
    }
    words = [
        sys.executable,
        "-m",
        "tests.native.sanitized",
        str(target),
        str(seconds),
        str(seed),
        str(most),
    ]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    count = int(done.stdout.split()[-1]) if done.stdout.split() else 0
    if done.returncode == 0:
        return Outcome(count, "", None)
    said = [line for line in done.stderr.splitlines() if "rror" in line] or ["ended without a word"]
    broken = BUILD / "broken" / f"native-{hashlib.sha256(INPUT.read_bytes()).hexdigest()[:20]}"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_bytes(INPUT.read_bytes())
    return Outcome(count, said[0].strip(), broken)


def _library(name: str) -> str:
    """Return where the library of a sanitizer lies, empty where there is none."""
    found = subprocess.run(
        ["cc", f"-print-file-name=lib{name}.so"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return found if Path(found).is_absolute() else ""


def _inputs(seed: int) -> Iterator[bytes]:
    from tests.native import files

    chance = random.Random(seed)
    seeds = [*files.made().values()]
    seeds += [path.read_bytes() for path in sorted(ROOT.glob("captures/*/capture.pcap"))]
    while True:
        data = chance.choice(seeds)[: chance.choice((200, 900, _LONGEST))]
        for _ in range(chance.randrange(1, 4)):
            data = files.bent(data, chance) or data
        yield bytes((chance.randrange(256),)) + data


def one(data: bytes) -> None:
    """Take one input; its first byte says in blocks of which size it is read."""
    from tests.native import cuts, files

    size = files.SIZES[data[0] % len(files.SIZES)] if len(data) < 1000 else 700
    native, pure = files.natively(data[1:], size), files.pure(data[1:], size)
    assert native == pure, f"the readers differ in blocks of {size}"
    frames = [one for one in pure.frames if len(one.data) >= 14 and abs(one.at) < 1 << 62]
    frames = cuts.bent(frames, random.Random(len(data)))
    assert cuts.Both().differ(frames, data[0] + 1) is None, "the cutters differ"


def _main(target: str, seconds: float, seed: int, most: int) -> None:
    spec = importlib.util.spec_from_file_location("carpscope._native", target)
    assert spec is not None
    assert spec.loader is not None
    import carpscope

    module = importlib.util.module_from_spec(spec)
    sys.modules["carpscope._native"] = module
    vars(carpscope)["_native"] = module
    spec.loader.exec_module(module)
    end, count = time.monotonic() + seconds, 0
    for data in _inputs(seed):
        if count == most or time.monotonic() > end:
            break
        INPUT.write_bytes(data)
        one(data)
        count += 1
    print(count)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        _main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        outcome = fuzzed(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 1)
        print(outcome or "there is no compiler with sanitizers")
        sys.exit(_ABSENT if outcome is None else 1 if outcome.problem else 0)
