"""The man page and the completions, as the programs that read them understand them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from carpscope.cli.main import names
from tests.generate_share import SHARE, SHELLS, documents
from tests.program import run


def said(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_they_are_current() -> None:
    stale = [str(path) for path, text in documents().items() if path.read_text() != text]
    assert stale == [], "make docs"


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man")
def test_man_shows_every_option_of_every_command() -> None:
    page = subprocess.run(
        ["man", "--warnings", "-l", str(SHARE / "man" / "man1" / "carpscope.1")],
        env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert page.stderr == ""
    for name in names():
        assert f"carpscope {name}" in page.stdout
        for word in run("help", name).out.split():
            option = word.rstrip(",")
            if re.fullmatch(r"--[a-z-]+", option) and option != "--help":
                assert option in page.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["an"], {"analyze", "annotate"}),
        (["analyze", "--fail"], {"--fail-on"}),
        (["explain", "--j"], {"--json"}),
    ],
)
def test_bash_completes(typed: list[str], offered: set[str]) -> None:
    script = (
        f"source {SHARE / SHELLS['bash']}; COMP_WORDS=(carpscope {' '.join(typed)});"
        f" COMP_CWORD={len(typed)}; _shtab_carpscope; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    assert offered <= set(said("bash", "-c", script).stdout.split())


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_completes() -> None:
    script = f"source {SHARE / SHELLS['fish']}; complete -C 'carpscope an'"
    offered = [line.split("\t")[0] for line in said("fish", "-c", script).stdout.splitlines()]
    assert {"analyze", "annotate"} <= set(offered)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_reads_it(tmp_path: Path) -> None:
    folder = (SHARE / SHELLS["zsh"]).parent
    script = (
        f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -D -u;"
        " print ${_comps[carpscope]}; autoload +X _carpscope && print loaded"
    )
    done = subprocess.run(
        ["zsh", "-f", "-c", script],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["_carpscope", "loaded"], done.stderr
