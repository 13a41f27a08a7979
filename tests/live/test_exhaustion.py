"""What others can use up: connections, descriptors, processes. The capture has its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from carpscope.core.errors import CarpscopeError
from carpscope.live.outputs import OUTPUTS_MAX, Outputs
from carpscope.report.openmetrics import Metrics
from carpscope.report.outlet import Outlet
from carpscope.report.scrapes import CONNECTIONS_MAX
from carpscope.report.sink_kind import make_sink
from carpscope.report.sinks.command import Command
from tests.live.stage import Watcher, needs_namespaces, until, wire
from tests.live.test_sinks import record
from tests.live.test_wire import send
from tests.program import ROOT
from tests.report.test_metrics import snapshot

pytestmark = pytest.mark.slow


@contextmanager
def exporter() -> Iterator[Metrics]:
    metrics = Metrics("127.0.0.1:0")
    metrics.start()
    metrics.show(snapshot(groups=200, nodes=16))
    try:
        yield metrics
    finally:
        metrics.close()


def scraped(metrics: Metrics) -> str:
    with urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("way", ["silent", "begun", "unread"])
def test_connections_that_stay_are_bounded_and_who_asks_is_answered(way: str) -> None:
    """Silent ones, ones that never end their request, and ones that never read the answer."""
    said = {
        "silent": b"",
        "begun": b"GET /metrics HTTP/1.1\r\nX: ",
        "unread": b"GET / HTTP/1.1\r\n\r\n",
    }
    with exporter() as metrics, ExitStack() as held:
        before = descriptors()
        for _ in range(4 * CONNECTIONS_MAX):
            one = held.enter_context(socket.create_connection(("127.0.0.1", metrics.port)))
            one.sendall(said[way])
        assert "carpscope_node_master{" in scraped(metrics)
        ours = descriptors() - before - 4 * CONNECTIONS_MAX
        assert ours <= CONNECTIONS_MAX + 1
        metrics.show(snapshot())
        lines = scraped(metrics).splitlines()
        cut = next(line for line in lines if line.startswith("carpscope_scrapes_cut_total "))
        assert float(cut.split()[1]) >= 2 * CONNECTIONS_MAX


def test_a_connection_has_a_deadline_whatever_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carpscope.report.scrapes.DEADLINE_S", 0.2)
    with exporter() as metrics, socket.create_connection(("127.0.0.1", metrics.port)) as one:
        one.settimeout(0.05)
        one.sendall(b"GET /metrics HTTP/1.1\r\n")

        def is_over() -> bool:
            try:
                one.sendall(b"X: y\r\n")
                return one.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        until(is_over, 10, "it is ended though it goes on to send")


def test_an_answer_is_made_once_for_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    with exporter() as metrics:
        asked: list[int] = []
        families = metrics.families

        def counted() -> Iterable[object]:
            asked.append(1)
            return families()

        monkeypatch.setattr(metrics, "families", counted)
        assert len({scraped(metrics) for _ in range(5)}) == 1
        assert len(asked) == 1
        metrics.show(snapshot())
        scraped(metrics)
        assert len(asked) == 2


def alive(mark: str) -> list[str]:
    """Give the processes whose command line has this."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_a_hook_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    seconds = f"6{os.getpid()}"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\nsleep {seconds} & sleep {seconds} & wait\n")
    hook.chmod(0o755)
    sink = make_sink(f"on-finding={hook}")
    assert isinstance(sink, Command)
    sink.timeout_s = 0.3
    outlet = Outlet(sink)
    outlet.put(record())
    until(lambda: outlet.lost, 10, "it is counted as lost")
    assert outlet.problem == "took longer than 0.3 s; ended"
    until(lambda: not alive(seconds), 5, "none of it is left")
    outlet.close(2)


def test_a_hook_that_still_runs_at_the_end_is_ended(tmp_path: Path) -> None:
    seconds = f"7{os.getpid()}"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\nsleep {seconds}\n")
    hook.chmod(0o755)
    outlet = Outlet(make_sink(f"on-finding={hook}"))
    outlet.put(record())
    until(lambda: alive(seconds), 10, "it runs")
    outlet.close(0.2)
    until(lambda: not alive(seconds), 5, "none of it is left")
    assert outlet.lost == 1


def test_outputs_are_bounded(tmp_path: Path) -> None:
    outputs = Outputs()
    with pytest.raises(CarpscopeError, match="more than 32 outputs"):
        outputs.prepare([f"webhook=http://127.0.0.1/{i}" for i in range(OUTPUTS_MAX + 1)], None)
    outputs.start()
    assert outputs.all == []


IDLE = """
import socket, sys, time
held = []
for _ in range(int(sys.argv[1])):
    one = socket.create_connection(("127.0.0.1", 9112))
    one.sendall(b"GET /metrics HTTP/1.1\\r\\nX: ")
    held.append(one)
print("open", flush=True)
sys.stdin.read()
"""


@needs_namespaces
def test_idle_scrapers_blind_nobody(tmp_path: Path) -> None:
    """1,020 connections that ask for nothing, to a run that may have 1,024 descriptors."""
    few = ["sh", "-c", 'ulimit -n 1024; exec "$@"', "sh"]
    files = ["--state", str(tmp_path / "state"), "--evidence", str(tmp_path / "evidence")]
    with wire() as (within, tx, _):
        subprocess.run([*within, "ip", "link", "set", "lo", "up"], check=True)
        more = ["--user", "root", "--metrics", "127.0.0.1:9112", *files]
        watcher = Watcher([*within, *few], "-i", "span0", *more)
        watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
        many = ["sh", "-c", 'ulimit -n 2048; exec "$@"', "sh", sys.executable, "-c", IDLE]
        idle = subprocess.Popen(
            [*within, *many, "1020"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        assert idle.stdout is not None
        assert idle.stdout.readline() == b"open\n"
        sender = send(within, tx, "ucarp-different-addresses", speed=1)
        watcher.finding("split_brain", seconds=20)
        for process in (sender, idle):
            process.kill()
            process.communicate()
        assert watcher.end() == 130
    assert not [e for _, e in watcher.events if e["event_type"] == "notice"]
    assert list((tmp_path / "evidence").glob("CS101*"))
    assert time.time() - (tmp_path / "state").stat().st_mtime < 60
