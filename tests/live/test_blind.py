"""The span goes blind in a run: that is unknown in every output, and nothing is concluded of it."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from captures.record.lan import run as tool
from tests.live.stage import Event, Watcher, needs_namespaces, until, wire
from tests.live.test_triage import advert
from tests.program import ROOT

pytestmark = needs_namespaces

SENDER = """
import random, socket, struct, sys, time
chance = random.Random(str(sys.argv))
interface, vhid, skew, *sources = sys.argv[1:]
def checked(data, at):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return data[:at] + struct.pack(">H", ~total & 0xFFFF) + data[at + 2:]
def advert(source, counter):
    carp = checked(struct.pack(">BBBBBBHQ20s", 0x21, int(vhid), int(skew), 7, 0, 1, 0, counter,
                               chance.randbytes(20)), 6)
    ip = checked(struct.pack(">BBHHHBBH4s4s", 0x45, 16, 56, 0, 0x4000, 255, 112, 0,
                             socket.inet_aton(source), socket.inet_aton("224.0.0.18")), 10)
    return bytes.fromhex("01005e000012 00005e0001") + bytes([int(vhid)]) + b"\\x08\\x00" + ip + carp
counter = chance.getrandbits(63)
way = None
while True:
    counter += 1
    for place, source in enumerate(sources):
        try:
            if way is None:
                way = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
                way.bind((interface, 0))
            way.send(advert(source, counter + place * 0x1_0000_0000_0000 & (1 << 64) - 1))
        except OSError:
            way = None
    time.sleep(1 + int(skew) / 256)
"""


class Stage:
    """A cable, who advertises on one end, and who watches the other."""

    def __init__(self, within: list[str]) -> None:
        self.within = within
        self._started: list[subprocess.Popen[bytes]] = []
        self._watchers: list[Watcher] = []

    def masters(self, *sources: str, skew: int = 0) -> subprocess.Popen[bytes]:
        argv = [*self.within, sys.executable, "-c", SENDER, "tx0", "9", str(skew), *sources]
        sender = subprocess.Popen(argv, cwd=ROOT)
        self._started.append(sender)
        return sender

    def watch(self, *more: str, json_lines: bool = True) -> Watcher:
        watcher = Watcher(
            self.within, "-i", "span0", "--user", "root", *more, json_lines=json_lines
        )
        self._watchers.append(watcher)
        if json_lines:
            watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
        return watcher

    def link(self, *words: str) -> None:
        tool(*self.within, "ip", "link", *words)

    def pair(self) -> None:
        self.link("add", "tx0", "type", "veth", "peer", "name", "span0")
        for end in ("tx0", "span0"):
            self.link("set", end, "up")

    def down(self) -> None:
        self.link("set", "span0", "down")

    def rename(self) -> None:
        self.down()
        self.link("set", "span0", "name", "other0")

    def name_back(self) -> None:
        self.link("set", "other0", "name", "span0")
        self.link("set", "span0", "up")

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.kill()
        for sender in self._started:
            sender.kill()
            sender.wait()


@contextmanager
def stage() -> Iterator[Stage]:
    with wire() as (within, _, _):
        made = Stage(within)
        made.link("set", "lo", "up")
        try:
            yield made
        finally:
            made.close()


def is_master(source: str) -> Callable[[Event], bool]:
    return lambda e: e["event_type"] == "state" and e["nodes"] == [source]


Way = Callable[[Stage], None]
LOSE: dict[str, tuple[str, Way, Way]] = {
    "down": ("interface_down", Stage.down, lambda s: s.link("set", "span0", "up")),
    "no carrier": ("interface_down", lambda s: s.link("set", "tx0", "down"),
                   lambda s: s.link("set", "tx0", "up")),
    "removed": ("interface_gone", lambda s: s.link("del", "span0"), Stage.pair),
    "renamed": ("interface_gone", Stage.rename, Stage.name_back),
}  # fmt: skip


@pytest.mark.parametrize("way", LOSE)
def test_nothing_is_concluded_across_a_blind_time(way: str, tmp_path: Path) -> None:
    """One master that never lapsed: no state, no election, no finding; no hook is called."""
    action, lose, regain = LOSE[way]
    called, hook = tmp_path / "called", tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\necho "$@" >> {called}\n')
    hook.chmod(0o755)
    with stage() as on:
        watcher = on.watch("--exec", str(hook))
        on.masters("192.0.2.1")
        watcher.wait_for(10, "a master", is_master("192.0.2.1"))
        until(called.exists, 10, "the hook is called once")
        lose(on)
        _, lost = watcher.wait_for(10, "it is lost", lambda e: e["action"] == action)
        assert lost["status"] == "unknown"
        begin = time.monotonic()
        until(lambda: time.monotonic() - begin > 5, 10, "longer than any backup waits")
        regain(on)
        watcher.wait_for(10, "it is back", lambda e: e["action"] == "interface_up")
        adverts = time.monotonic()
        until(lambda: time.monotonic() - adverts > 3, 10, "two or three advertisements")
        assert watcher.end(signal.SIGTERM) == 0
    kinds = [(e["event_type"], e["action"]) for _, e in watcher.events]
    assert [k for k in kinds if k[0] in ("election", "finding")] == []
    assert kinds.count(("state", "MASTER")) == 1
    assert kinds.count(("state", "BACKUP")) == 0
    assert called.read_text().splitlines() == ["9@span0 MASTER state MASTER"]
    stop = watcher.events[-1][1]
    assert (stop["event_type"], stop["status"]) == ("stop", "healthy")
    assert any("0 packets dropped by kernel" in line for line in watcher.errors)
    assert not any("dropped by interface" in line for line in watcher.errors)


def test_a_moment_without_carrier_is_blind_too() -> None:
    """Shorter than anybody looks: the kernel counts it."""
    with stage() as on:
        watcher = on.watch()
        on.masters("192.0.2.1")
        watcher.wait_for(10, "a master", is_master("192.0.2.1"))
        on.link("set", "tx0", "down")
        on.link("set", "tx0", "up")
        _, told = watcher.wait_for(10, "it is told", lambda e: e["event_type"] == "notice")
        assert "nothing is known of that time" in told["message"] or told["status"] == "unknown"
        assert watcher.end(signal.SIGTERM) == 0
    assert not [e for _, e in watcher.events if e["event_type"] in ("election", "finding")], (
        "\n".join(watcher.said())
    )


def test_a_split_brain_stays_one_across_a_blind_time() -> None:
    with stage() as on:
        watcher = on.watch()
        on.masters("192.0.2.1", "192.0.2.2")
        _, opened = watcher.finding("split_brain", seconds=15)
        on.link("set", "span0", "down")
        watcher.wait_for(10, "it is lost", lambda e: e["action"] == "interface_down")
        begin = time.monotonic()
        until(lambda: time.monotonic() - begin > 5, 10, "longer than any backup waits")
        on.link("set", "span0", "up")
        watcher.wait_for(10, "it is back", lambda e: e["action"] == "interface_up")
        adverts = time.monotonic()
        until(lambda: time.monotonic() - adverts > 3, 10, "two or three advertisements")
        assert watcher.end(signal.SIGTERM) == 0
    told = [e for _, e in watcher.events
            if e["event_type"] == "finding" and e["finding"]["label"] == "split_brain"]  # fmt: skip
    assert {e["action"] for e in told} <= {"opened", "updated"}, "\n".join(watcher.said())
    assert [e["action"] for e in told].count("opened") == 1
    assert {e["finding"]["identity"] for e in told} == {opened["finding"]["identity"]}
    assert not [e for _, e in watcher.events if e["event_type"] == "election"]
    assert [e["action"] for _, e in watcher.events if e["event_type"] == "state"] == ["MASTER"] * 2


def test_who_became_master_meanwhile_took_nothing_over_that_anybody_saw() -> None:
    with stage() as on:
        watcher = on.watch()
        first = on.masters("192.0.2.1")
        watcher.wait_for(10, "a master", is_master("192.0.2.1"))
        on.link("set", "span0", "down")
        watcher.wait_for(10, "it is lost", lambda e: e["action"] == "interface_down")
        first.kill()
        first.wait()
        on.masters("192.0.2.2", skew=10)
        on.link("set", "span0", "up")
        watcher.wait_for(10, "another master", is_master("192.0.2.2"))
        watcher.wait_for(10, "the first is no longer", lambda e: e["action"] == "BACKUP")
        adverts = time.monotonic()
        until(lambda: time.monotonic() - adverts > 3, 10, "two or three advertisements")
        assert watcher.end(signal.SIGTERM) == 0
    assert not [e for _, e in watcher.events if e["event_type"] in ("election", "finding")], (
        "\n".join(watcher.said())
    )
    left = next(e for _, e in watcher.events if e["action"] == "BACKUP")
    assert (left["nodes"], left["node"]["why"]) == (["192.0.2.1"], "unseen")


def test_silence_after_it_is_back_is_a_gap_from_then_on() -> None:
    """A master that was killed meanwhile: nobody is heard though everything could be."""
    with stage() as on:
        watcher = on.watch()
        only = on.masters("192.0.2.1")
        watcher.wait_for(10, "a master", is_master("192.0.2.1"))
        begin = time.monotonic()
        until(lambda: time.monotonic() - begin > 3, 10, "more than one advertisement of it")
        on.link("set", "span0", "down")
        watcher.wait_for(10, "it is lost", lambda e: e["action"] == "interface_down")
        only.kill()
        only.wait()
        on.link("set", "span0", "up")
        watcher.wait_for(10, "it is back", lambda e: e["action"] == "interface_up")
        _, gap = watcher.finding("master_gap", seconds=15)
        assert watcher.end() == 130
    start = gap["finding"]["start"]
    lost = next(e for _, e in watcher.events if e["action"] == "interface_down")
    assert start > lost["timestamp"]


@pytest.mark.parametrize("when", ["in the run", "from the beginning"])
def test_nagios_says_unknown(when: str) -> None:
    with stage() as on:
        if when == "from the beginning":
            on.link("set", "tx0", "down")
        check = on.watch("--nagios", "--for", "6s", json_lines=False)
        if when == "in the run":
            on.masters("192.0.2.1")
            begin = time.monotonic()
            until(lambda: time.monotonic() - begin > 3, 10, "a master is heard")
            on.link("set", "span0", "down")
        assert check.process.wait(30) == 3
        until(lambda: check.lines, 5, "its line")
    assert check.lines[0].startswith("CARP UNKNOWN - span0 ")
    assert " masters=U " in check.lines[0]


def test_metrics_have_no_value_where_nothing_is_known() -> None:
    scrape = (
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9112/').read().decode())"
    )
    with stage() as on:
        watcher = on.watch("--metrics", "127.0.0.1:9112", "--for", "30s")
        on.masters("192.0.2.1", "192.0.2.2")

        def scraped() -> str:
            argv = [*on.within, sys.executable, "-c", scrape]
            return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

        until(lambda: "carpscope_findings_open{" in scraped(), 15, "a finding")
        masters = r'^carpscope_masters{group="vhid9",interface="span0",vhid="9",vip="[^"]*"} 2.0$'
        assert re.search(masters, scraped(), re.MULTILINE)
        assert 'carpscope_known{interface="span0"} 1.0' in scraped()
        on.link("set", "span0", "down")
        until(lambda: 'carpscope_known{interface="span0"} 0.0' in scraped(), 10, "unknown")
        text = scraped()
        assert watcher.end(signal.SIGTERM) == 0
    for name in ("masters", "node_state", "node_master", "findings_open", "node_advskew"):
        assert f"carpscope_{name}{{" not in text
    assert re.search('^carpscope_group_status{carpscope_group_status="unknown".* 1.0', text, re.M)
    assert 'carpscope_interface_up{interface="span0"} 0.0' in text


def test_a_run_that_ends_blind_could_not_work() -> None:
    with stage() as on:
        watcher = on.watch("--for", "5s")
        on.masters("192.0.2.1")
        watcher.wait_for(10, "a master", is_master("192.0.2.1"))
        on.link("set", "span0", "down")
        assert watcher.process.wait(20) == 2
        until(lambda: watcher.errors and watcher.errors[-1].startswith("carpscope:"), 5, "its line")
    assert watcher.errors[-1] == "carpscope: span0 went down: it is unknown how things stand"
    assert watcher.events[-1][1]["status"] == "unknown"


def test_state_and_counters_are_whole_after_it_was_made_anew(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with stage() as on:
        watcher = on.watch("--state", str(state))
        on.masters("192.0.2.1", "192.0.2.2")
        watcher.finding("split_brain", seconds=15)
        for _ in range(2):
            on.link("del", "span0")
            on.pair()
            watcher.wait_for(10, "it is back", lambda e: e["action"] == "interface_up")
            watcher.events[:] = [p for p in watcher.events if p[1]["action"] != "interface_up"]
        assert watcher.end(signal.SIGTERM) == 0
    assert [e for e in json.loads(state.read_text())["open"] if e["label"] == "split_brain"]
    assert not [e for _, e in watcher.events if e["action"] == "dropped"]


def test_frames_of_a_vlan_that_the_host_does_not_have_are_not_lost() -> None:
    """Linux counts them as dropped, after the capture had them: a span port is full of them."""
    once = (
        "import socket, sys; way = socket.socket(socket.AF_PACKET, socket.SOCK_RAW);"
        "way.bind(('tx0', 0)); [way.send(bytes.fromhex(word)) for word in sys.argv[1:]]"
    )
    frames = [
        advert(bytes((10, 0, 0, node)), 9, (7, 8), counter=count).hex()
        for node in (1, 2)
        for count in range(10)
    ]
    with stage() as on:
        watcher = on.watch("--for", "4s")
        subprocess.run([*on.within, sys.executable, "-c", once, *frames], check=True)
        statistics = "/sys/class/net/span0/statistics/rx_dropped"
        told = subprocess.run([*on.within, "cat", statistics], capture_output=True, check=True)
        watcher.process.wait(20)
        watcher.end()
    assert int(told.stdout) >= len(frames), "as the kernel counts"
    assert f"{len(frames)} packets captured" in watcher.errors[0]
    assert not [e for _, e in watcher.events if e["action"] == "dropped"]
    assert not any("dropped by interface" in line for line in watcher.errors)
