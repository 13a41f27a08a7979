"""`make deb`: builds the Debian package of a copy of the tree, and has lintian look at it.

Needs Debian 13: debhelper, dh-python, pybuild-plugin-pyproject, python3-hatchling, python3-dev,
lintian. Prints where the package is. Exit status 1 where lintian has a warning or an error.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.program import ROOT

PACKAGING = ROOT / "docs" / "contrib" / "debian"
UNIT = ROOT / "docs" / "contrib" / "carpscope.service"


def tree(folder: Path) -> Path:
    """Copy what git has to a folder of its own, with `debian/` at its top."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached"], cwd=ROOT, capture_output=True, check=True, timeout=60
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    shutil.copytree(PACKAGING, folder / "debian")
    shutil.copy(UNIT, folder / "debian")
    return folder


def main(target: Path) -> int:
    """Build below a folder, which is made anew; return lintian's exit status."""
    shutil.rmtree(target, ignore_errors=True)
    source = tree(target / "carpscope")
    built = ["dpkg-buildpackage", "--build=binary", "--unsigned-source", "--unsigned-changes"]
    subprocess.run(built, cwd=source, check=True, timeout=1200)
    changes = next(target.glob("*.changes"))
    judged = ["lintian", "--display-info", "--fail-on", "error,warning", "--allow-root"]
    status = subprocess.run([*judged, str(changes)], check=False, timeout=600).returncode
    for package in sorted(target.glob("carpscope_*.deb")):
        print(package)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
