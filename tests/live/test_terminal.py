"""The dashboard in a real terminal (tmux) under a real shell: keys, Ctrl-Z, and the end."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.stage import until
from tests.program import ROOT, capture


class Terminal:
    """A shell in tmux."""

    def __init__(self, width: int, height: int, folder: Path) -> None:
        self.server = str(folder / "tmux")
        size = ("-x", str(width), "-y", str(height))
        self.tmux("-f", "/dev/null", "new-session", "-d", *size, "-s", "it", "PS1='ready> ' sh")
        self.tmux("set", "-g", "status", "off")

    def tmux(self, *words: str) -> str:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        done = subprocess.run(
            ["tmux", "-S", self.server, *words],
            capture_output=True, text=True, check=True, cwd=ROOT, env=environment,
        )  # fmt: skip
        return done.stdout

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "it", *keys)

    def shows(self, words: str) -> None:
        until(lambda: words in self.text, 30, words)

    @property
    def text(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "it")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    one = Terminal(80, 24, tmp_path)
    try:
        yield one
    finally:
        one.tmux("kill-server")


def test_keys_stay_off_the_shell_and_the_screen_comes_back(terminal: Terminal) -> None:
    pipe = f"w=!sh -c 'cat {capture('ucarp-different-addresses')}; sleep 300'"
    terminal.shows("ready>")
    terminal.press(f'{sys.executable} -m carpscope live --pipe "{pipe}"', "Enter")
    terminal.shows("✗ CS101")
    terminal.press("?")
    terminal.shows("the next group, the one before")
    terminal.press("?")
    terminal.shows("q quit")
    terminal.press("C-z")
    terminal.shows("Stopped")
    assert "✗ CS101" not in terminal.text
    terminal.press("fg", "Enter")
    terminal.shows("q quit")
    terminal.press("zzuvw")
    terminal.press("q")
    terminal.shows("packets captured")
    terminal.press("echo status=$?", "Enter")
    terminal.shows("status=0")
    assert "zzuvw" not in terminal.text


def test_the_dashboard_imports_nothing_once_the_program_may_be_out_of_reach() -> None:
    code = (
        "import sys; from carpscope.cli.loading import load; load(); sys.meta_path.clear();"
        "from carpscope.report.dashboard import Dashboard; one = Dashboard(); one.start();"
        "one.stop(); print('given back')"
    )
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdin=theirs, capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    assert "given back" in done.stdout, done.stderr
