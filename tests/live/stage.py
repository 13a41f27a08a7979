"""A LAN of namespaces with real nodes, and carpscope on its span port.

Waiting is always for a condition, with a deadline; nothing sleeps for a fixed time.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from captures.record.lan import Lan, run
from captures.record.peers import UcarpPeer, write_scripts
from captures.record.plan import Host, Moment, Ucarp
from tests.program import ROOT

T = TypeVar("T")
Event = dict[str, Any]

needs_namespaces = pytest.mark.namespaces
needs_ucarp = pytest.mark.skipif(shutil.which("ucarp") is None, reason="needs ucarp")

PASSPHRASE = Ucarp().passphrase
ADDRESS = Ucarp().address


def until(what: Callable[[], T], seconds: float, told: str) -> T:
    """Ask again and again until the answer is true; fail with `told` at the deadline."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        if answer := what():
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {told}")
        pause.wait(0.02)


class Watcher:
    """One running `carpscope live`, and the events it gave."""

    def __init__(
        self,
        within: list[str],
        *arguments: str,
        json_lines: bool = True,
        environment: dict[str, str] | None = None,
    ) -> None:
        words = [sys.executable, "-m", "carpscope", "live", *arguments]
        self.process = subprocess.Popen(
            [*within, *words, *(["--json"] if json_lines else [])],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        self.events: list[tuple[float, Event]] = []
        """With the time each arrived."""
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._json = json_lines
        self._readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._complain, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if self._json:
                self.events.append((time.time(), json.loads(line)))

    def _complain(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def find(self, wanted: Callable[[Event], bool]) -> tuple[float, Event] | None:
        return next((pair for pair in list(self.events) if wanted(pair[1])), None)

    def wait_for(
        self, seconds: float, told: str, wanted: Callable[[Event], bool]
    ) -> tuple[float, Event]:
        try:
            found = until(lambda: self.find(wanted), seconds, told)
        except pytest.fail.Exception as problem:
            raise AssertionError(f"{problem}; it said {self.said()}") from None
        assert found is not None
        return found

    def finding(
        self, label: str, action: str = "opened", seconds: float = 15
    ) -> tuple[float, Event]:
        def wanted(event: Event) -> bool:
            return bool(
                event["event_type"] == "finding"
                and event["action"] == action
                and event["finding"]["label"] == label
            )

        return self.wait_for(seconds, f"{action} {label}", wanted)

    def said(self) -> list[str]:
        return [f"{e['event_type']} {e['action']} {e['message']}" for _, e in self.events] or [
            *self.lines,
            *self.errors,
        ]

    def labels(self) -> set[str]:
        return {e["finding"]["label"] for _, e in self.events if e["event_type"] == "finding"}

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        assert self.process.stdout is not None
        if self.process.stdout.closed:
            return self.process.wait(20)
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(20)
        for reader in self._readers:
            reader.join(10)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return status

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.end()


class Scene:
    """The LAN, its nodes, and who watches."""

    def __init__(self, lan: Lan, folder: Path, hosts: dict[str, Host]) -> None:
        self.lan = lan
        self.folder = folder
        self._hosts = hosts
        self._peers: dict[str, UcarpPeer] = {}
        self.logged: list[Moment] = []
        self._watchers: list[Watcher] = []
        self._helpers: list[subprocess.Popen[bytes]] = []

    def start(self, host: str) -> None:
        known = self._hosts[host]
        self._peers[host] = UcarpPeer(
            self.lan, known, known.ucarps[0], self.logged.append, self.folder
        )

    def kill(self, host: str) -> float:
        """End a node without bow-out; return when."""
        _end(self._peers.pop(host))
        return time.time()

    def is_backup(self, host: str) -> bool:
        """Tell whether a node said that it is BACKUP a second ago or longer."""
        latest = time.time() * 1e6 - 1_200_000
        return any(
            m.host == host and "BACKUP" in m.text and m.at < latest for m in list(self.logged)
        )

    def watch(self, *arguments: str, json_lines: bool = True) -> Watcher:
        within = self.lan.within("switch")
        watcher = Watcher(within, *arguments, json_lines=json_lines)
        self._watchers.append(watcher)
        if json_lines:
            watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
        return watcher

    def help(self, host: str, argv: list[str]) -> subprocess.Popen[bytes]:
        helper = subprocess.Popen(
            [*self.lan.within(host), *argv], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        self._helpers.append(helper)
        return helper

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.kill()
        for peer in self._peers.values():
            _end(peer)
        for helper in self._helpers:
            helper.kill()
            helper.wait()


def _end(peer: UcarpPeer) -> None:
    peer.kill()
    output = peer._process.stdout
    assert output is not None
    output.close()


def node(name: str, last: int, **options: Any) -> Host:
    return Host(name=name, address=f"192.0.2.{last}", ucarps=(Ucarp(**options),))


@contextmanager
def scene(folder: Path, *hosts: Host) -> Iterator[Scene]:
    write_scripts(folder)
    with Lan(hosts) as lan:
        made = Scene(lan, folder, {host.name: host for host in hosts})
        try:
            yield made
        finally:
            made.close()


@contextmanager
def wire() -> Iterator[tuple[list[str], str, str]]:
    """Two ends of a cable in a namespace of their own: (within, sending end, span end)."""
    name = f"carplive-{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "add", "tx0", "type", "veth", "peer", "name", "span0")
        within = ["ip", "netns", "exec", name]
        run(
            *within,
            "sh",
            "-c",
            "cd /proc/sys/net/ipv6/conf && echo 1 | tee */disable_ipv6 > /dev/null || true",
        )
        for end in ("tx0", "span0"):
            run("ip", "-n", name, "link", "set", end, "up")
        yield within, "tx0", "span0"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
