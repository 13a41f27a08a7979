"""How long a folder of ten thousand small captures takes, and what processes change.

`python -m tests.bench.archive FOLDER` makes the folder, in a process of its own as the other
captures are made.
"""

import subprocess
import sys
from pathlib import Path

from tests.archive.maker import rotated, steady
from tests.bench.captures import FOLDER, ROOT
from tests.bench.measure import Command, Subject, Target

FILES = 10_000
SECONDS = 30_000
ROUNDS = 3
_PROGRAM = str(Path(sys.executable).with_name("carpscope"))


def _made() -> str:
    path = FOLDER / "archive"
    if not path.exists():
        unfinished = FOLDER / "archive.part"
        subprocess.run([sys.executable, "-m", __name__, str(unfinished)], cwd=ROOT, check=True)
        unfinished.rename(path)
    return str(path)


def _archive() -> Subject:
    analyze = (_PROGRAM, "analyze", "-q", _made(), "--workers")
    return Subject(
        f"archive: {FILES:,} overlapping captures, {SECONDS:,} adverts among other packets",
        (
            Command("one process", (*analyze, "1")),
            Command("two processes", (*analyze, "2")),
        ),
        (Target("two processes", "one process", 0.65, 0.55),),
        rounds=ROUNDS,
    )


SUBJECTS = {"archive": _archive}

if __name__ == "__main__":
    rotated(Path(sys.argv[1]), steady(SECONDS), FILES, overlap=1)
