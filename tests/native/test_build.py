"""The extension is built where it can be, and its absence stops nothing and is said."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

import carpscope
from carpscope.core import native
from tests.native.hook import NAME, built
from tests.program import ROOT, start

pytestmark = pytest.mark.slow

pytest.importorskip("hatchling", reason="it builds the extension")
CAN_BUILD = (
    shutil.which("cc") is not None
    and Path(sysconfig.get_path("include"), "Python.h").exists()
    and sys.implementation.name == "cpython"
)


@pytest.fixture
def build(tmp_path: Path) -> Callable[[], str]:
    """Return what builds into a folder of the test."""
    return lambda: built(tmp_path / NAME)


@pytest.mark.skipif(not CAN_BUILD, reason="there is no C compiler")
def test_it_is_built_without_a_warning(
    build: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("CFLAGS", "-Wall -Wextra -Wconversion -Wshadow -Werror")
    assert build() == ""
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CC", "false", "false failed: exit status 1"),
        ("CC", "no-such-compiler -m32", "no C compiler (no-such-compiler)"),
        ("CARPSCOPE_PURE", "1", "CARPSCOPE_PURE is set"),
        ("CFLAGS", "-include no-such-file.h", "no-such-file.h"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    name: str,
    value: str,
    said: str,
    build: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "CFLAGS" and not CAN_BUILD:
        pytest.skip("there is no C compiler")
    (tmp_path / NAME).write_bytes(b"built before")
    monkeypatch.setenv(name, value)
    problem = build()
    assert said in problem
    assert "\n" not in problem
    assert list(tmp_path.iterdir()) == [], "what was built before is of another source"


def test_an_installation_goes_on_without_a_compiler(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--wheel-dir", str(tmp_path), str(ROOT)],
        env={**os.environ, "CC": "false"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )  # fmt: skip
    assert "carpscope is built in pure Python: false failed" in done.stdout + done.stderr
    (made,) = tmp_path.iterdir()
    assert made.name == f"carpscope-{carpscope.__version__}-py3-none-any.whl"


def test_an_extension_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "INTERFACE", 0)
    assert native.loaded() is None
    assert native.kind() == "pure Python"


def test_the_version_says_which_reader_is_used() -> None:
    said = start("--version", environment={"CARPSCOPE_PURE": "1"}).out
    assert said == f"carpscope {carpscope.__version__} (pure Python)\n"
    assert start("--version", environment={"CARPSCOPE_PURE": ""}).out == (
        f"carpscope {carpscope.__version__} ({native.kind()})\n"
    )
