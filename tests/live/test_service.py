"""As a service and on a terminal: what systemd is told, what idling costs, tmux."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.pictures import tmux
from tests.live.stage import Watcher, needs_namespaces, until, wire
from tests.live.test_wire import listening, send

pytestmark = needs_namespaces

IDLE_SECONDS = 10
IDLE_WAKEUPS = 100
"""A second, of all threads together: ten turns of the loop, each of which wakes two disks.

Wake-ups hardly depend on how fast or how busy the machine is, as CPU time does.
"""


class Manager:
    """The socket of a service manager, as sd_notify(3) has it."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.told: list[str] = []

    def heard(self, wanted: Callable[[list[str]], bool]) -> bool:
        while True:
            try:
                self.told.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return wanted(self.told)

    def close(self) -> None:
        self._socket.close()


def test_systemd_is_told(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "notify")
    settings = tmp_path / "carpscope.toml"
    settings.write_text("")
    seen = tmp_path / "seen"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\nenv > {seen}.new && mv {seen}.new {seen}\n")
    hook.chmod(0o755)
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"}
    try:
        with wire() as (within, tx, span):
            more = ("--config", str(settings), "--exec", str(hook), "--user", "root")
            watcher = Watcher(within, "-i", span, *more, environment=environment)
            until(lambda: manager.heard(bool), 15, "READY")
            assert manager.told[0].splitlines()[0] == "READY=1"
            until(lambda: manager.heard(lambda t: t.count("WATCHDOG=1") > 4), 10, "signs of life")
            sender = send(within, tx, "ucarp-healthy", speed=5)
            until(seen.exists, 15, "the hook has run")
            assert "NOTIFY_SOCKET" not in seen.read_text(), "no child speaks for carpscope"
            # a loop that stands still gives no sign of life, and is restarted
            watcher.process.send_signal(signal.SIGSTOP)
            until(lambda: manager.heard(lambda _: _is_stopped(watcher)), 5, "it stands still")
            count = manager.told.count("WATCHDOG=1")
            since = time.monotonic()
            until(lambda: time.monotonic() - since > 1, 5, "time")
            manager.heard(bool)
            assert manager.told.count("WATCHDOG=1") == count
            watcher.process.send_signal(signal.SIGCONT)
            assert watcher.end(signal.SIGTERM) == 0
            assert manager.heard(lambda t: "STOPPING=1" in t)
            sender.kill()
            sender.wait()
    finally:
        manager.close()


def _is_stopped(watcher: Watcher) -> bool:
    stat = Path(f"/proc/{watcher.process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"


def _wakeups(watcher: Watcher) -> int:
    tasks = Path(f"/proc/{watcher.process.pid}/task").glob("*/status")
    found = (
        re.search(r"^voluntary_ctxt_switches:\s+(\d+)", task.read_text(), re.M) for task in tasks
    )
    return sum(int(match[1]) for match in found if match is not None)


def test_idling_wakes_up_seldom(tmp_path: Path) -> None:
    """With everything on but the screen."""
    more = ["-w", str(tmp_path / "kept"), "--evidence", str(tmp_path / "evidence")]
    more += ["--state", str(tmp_path / "state"), "--metrics", "127.0.0.1:0"]
    with wire() as (within, _, _span):
        watcher = listening(within, *more, "--out", f"json={tmp_path / 'events'}")

        def passed(seconds: float) -> None:
            since = time.monotonic()
            until(lambda: time.monotonic() - since > seconds, seconds + 5, "time")

        passed(1)  # what is imported late
        before, since = _wakeups(watcher), time.monotonic()
        passed(IDLE_SECONDS)
        rate = (_wakeups(watcher) - before) / (time.monotonic() - since)
        assert 1 < rate < IDLE_WAKEUPS, f"{rate:.1f} wake-ups a second"
        assert watcher.end() == 130


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_the_dashboard_follows_the_terminal() -> None:
    """Resized in tmux, wider and narrower; Ctrl-C gives the terminal back."""
    server = f"carptest-{os.getpid()}"

    def shown(*more: str) -> list[str]:
        return tmux(server, "capture-pane", "-p", "-t", "it", *more).rstrip("\n").split("\n")

    def resized(width: int, height: int) -> None:
        tmux(server, "resize-window", "-t", "it", "-x", str(width), "-y", str(height))

    with wire() as (within, tx, span):
        command = [*within, sys.executable, "-m", "carpscope", "live", "-i", span]
        line = " ".join([*command, "--user", "root"])
        script = f"{line}; echo ended $?; exec cat"
        try:
            tmux(server, "new-session", "-d", "-x", "80", "-y", "24", "-s", "it", script)
            tmux(server, "set", "-g", "status", "off")
            until(lambda: "no CARP advertisement heard" in "\n".join(shown()), 20, "the dashboard")
            sender = send(within, tx, "ucarp-healthy", speed=1)
            until(lambda: "● MASTER" in "\n".join(shown()), 15, "a master")
            assert "interval, late by" not in "\n".join(shown())
            for width, height, wide in ((200, 60, True), (100, 30, True), (80, 24, False)):
                resized(width, height)

                def fits(width: int = width, height: int = height, wide: bool = wide) -> bool:
                    lines = shown()
                    head = lines[0].startswith("carpscope ") and len(lines[0]) > width - 12
                    ends = lines[-2:-1] if lines[-1].startswith("q quit") else lines[-1:]
                    foot = len(lines) == height and ends[0].rstrip().endswith("Ctrl-C ends")
                    return head and foot and ("interval, late by" in "\n".join(lines)) == wide

                until(fits, 10, f"a picture of {width}×{height}, not {shown()}")
                assert sum("carpscope " in text for text in shown()) == 1, "nothing is left over"
            tmux(server, "send-keys", "-t", "it", "C-c")
            until(lambda: "ended 130" in "\n".join(shown()), 15, "it ends")
            assert "packets captured" in "\n".join(shown())
            assert "lately" not in "\n".join(shown()), "the screen is given back"
            sender.kill()
            sender.wait()
        finally:
            subprocess.run(["tmux", "-L", server, "kill-server"], check=False, capture_output=True)
