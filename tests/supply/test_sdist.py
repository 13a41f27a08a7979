"""The source distribution: all that git knows, so that its tests run; a wheel of it is whole."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.program import ROOT

pytestmark = pytest.mark.slow

SHARED = (
    "share/man/man1/carpscope.1",
    "share/bash-completion/completions/carpscope",
    "share/fish/vendor_completions.d/carpscope.fish",
    "share/zsh/site-functions/_carpscope",
)


def built(kind: str, tree: Path, into: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        kind,
        "--directory",
        str(into),
    ]
    subprocess.run(command, cwd=tree, check=True, capture_output=True, timeout=300)
    (made,) = into.iterdir()
    return made


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built("sdist", ROOT, folder / "dist")) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.glob("carpscope-*")
    return tree


def test_it_has_what_git_has(unpacked: Path) -> None:
    if not (ROOT / ".git").exists():
        return  # the tree that this runs in is one
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert names == {*filter(None, listed.split("\0")), "PKG-INFO"}


def test_its_tests_run(unpacked: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_share.py"],
        cwd=unpacked, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_wheel_of_it_has_manual_and_completions(unpacked: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(built("wheel", unpacked, tmp_path)) as wheel:
        names = {name.partition(".data/data/")[2] for name in wheel.namelist()}
    assert set(SHARED) <= names
