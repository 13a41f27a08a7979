"""`make wheel`: builds both wheels twice, from two copies of the tree, and compares every byte.

One is for this platform, with the reader in C, and needs a compiler; the other is for every one.

The time in it is that of the last commit (SOURCE_DATE_EPOCH), the tree what git has.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.program import ROOT


def copied(folder: Path) -> Path:
    """Copy what a wheel is made of to a folder of its own; times of files are today's."""
    folder.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--", "carpscope", ".ci/hatch_build.py",
         "docs/share", "pyproject.toml", "README.md", "LICENSE"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, listed.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    return folder


def epoch() -> str:
    """Return the time of the last commit in seconds."""
    return subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, check=True, timeout=60
    ).stdout.decode().strip()  # fmt: skip


def built(tree: Path, into: Path, when: str, pure: str) -> Path:
    """Build a wheel, `pure` of 1 without the reader in C; return where it is."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(into)],
        cwd=tree,
        env={**os.environ, "SOURCE_DATE_EPOCH": when, "CARPSCOPE_PURE": pure},
        check=True,
        capture_output=True,
        timeout=300,
    )
    (wheel,) = into.glob("*.whl")
    return wheel


def main(target: Path) -> int:
    """Build each twice; keep one where both are alike."""
    for pure in ("1", ""):
        with tempfile.TemporaryDirectory() as made:
            trees = [copied(Path(made) / f"tree-{n}") for n in "ab"]
            wheels = [built(tree, tree.with_name(f"out-{tree.name}"), epoch(), pure)
                      for tree in trees]  # fmt: skip
            digests = {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}
            if len(digests) != 1:
                print(f"{wheels[0].name}: two builds differ: {' '.join(sorted(digests))}")
                return 1
            target.mkdir(parents=True, exist_ok=True)
            if (target / wheels[0].name).exists() and not pure:
                print("no wheel for this platform: there is no C compiler")
                break
            shutil.copyfile(wheels[0], target / wheels[0].name)
            print(f"{target / wheels[0].name}  SHA-256 {digests.pop()}, built twice alike")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
