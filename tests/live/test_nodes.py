"""Real ucarp nodes, carpscope on the mirror port: found while it happens, told once.

The delay is counted from the moment at which a finding can be proved (the bound
of it has passed), not from when the trouble began; it is printed (`pytest -s`).
"""

import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from captures.record import intruder
from captures.record.lan import run
from captures.record.plan import Attack, Host
from carpscope.core.units import parse_rfc3339
from tests.live.stage import (
    ADDRESS,
    PASSPHRASE,
    Event,
    needs_namespaces,
    needs_ucarp,
    node,
    scene,
    until,
)

pytestmark = [needs_namespaces, needs_ucarp]

SECRETS = ("-i", "span1", "-p", PASSPHRASE, "-a", ADDRESS)
LATEST_S = 1.5


def seconds(text: str) -> float:
    return parse_rfc3339(text) / 1e9


def told(what: str, delay: float) -> None:
    print(f"{what}: told {delay:.3f} s after it could be proved", file=sys.stderr)
    assert delay <= LATEST_S, what


def is_state(host: str, state: str) -> Callable[[Event], bool]:
    def wanted(event: Event) -> bool:
        return bool(
            event["event_type"] == "state" and event["nodes"] == [host] and event["action"] == state
        )

    return wanted


def test_a_failover_is_an_event_and_a_dead_group_a_finding(tmp_path: Path) -> None:
    called, hook = tmp_path / "called", tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\necho "$2" >> {called}\n')
    hook.chmod(0o755)
    with scene(tmp_path, node("alpha", 1), node("beta", 2, advskew=20)) as stage:
        watcher = stage.watch(*SECRETS, "--exec", str(hook), "--user", "root")
        stage.start("alpha")
        watcher.wait_for(10, "alpha is MASTER", is_state("192.0.2.1", "MASTER"))
        stage.start("beta")
        until(lambda: stage.is_backup("beta"), 10, "beta is BACKUP")
        killed = stage.kill("alpha")
        at, event = watcher.wait_for(12, "failover", lambda e: e["event_type"] == "election")
        assert event["action"] == "failover"
        assert event["nodes"] == ["192.0.2.1", "192.0.2.2"]
        told("failover", at - seconds(event["election"]["end"]))
        assert at > killed
        assert watcher.labels() == set()
        before = time.time()
        stage.kill("beta")
        wait = 3 * (1 + 20 / 256) + 1
        silent, _ = watcher.wait_for(15, "beta fell silent", is_state("192.0.2.2", "BACKUP"))
        told("fell silent", silent - before - 1.25 * wait)
        at, event = watcher.finding("master_gap")
        told("master gap", at - seconds(event["finding"]["start"]) - 1.25 * wait - 0.5)
        identity = event["finding"]["identity"]
        stage.start("alpha")
        _, closed = watcher.finding("master_gap", "closed")
        assert closed["finding"]["identity"] == identity
        until(lambda: called.read_text().count("MASTER") == 2, 10, "the group has a MASTER again")
        assert watcher.end() == 130
        assert called.read_text().split() == ["MASTER", "INIT", "MASTER"]
        assert "0 packets dropped by kernel" in watcher.errors
        assert re.match(r"\d+ packets captured", watcher.errors[0])


def test_a_one_way_link_makes_a_split_brain(tmp_path: Path) -> None:
    with scene(tmp_path, node("alpha", 1), node("beta", 2, advskew=20)) as stage:
        watcher = stage.watch(*SECRETS)
        stage.lan.cut("alpha", "beta")
        stage.start("alpha")
        watcher.wait_for(10, "alpha is MASTER", is_state("192.0.2.1", "MASTER"))
        stage.start("beta")
        at, event = watcher.finding("split_brain")
        provable = seconds(event["finding"]["start"]) + 1.07 * (1 + 20 / 256) + 0.05
        told("split brain, one way", at - provable)
        watcher.finding("one_way_link")
        stage.lan.heal("alpha", "beta")
        _, closed = watcher.finding("split_brain", "closed")
        assert closed["finding"]["identity"] == event["finding"]["identity"]
        opened = [
            e for _, e in watcher.events if e["event_type"] == "finding" and e["action"] == "opened"
        ]
        assert len([e for e in opened if e["finding"]["label"] == "split_brain"]) == 1
        assert watcher.end(signal.SIGTERM) == 0


def test_different_addresses(tmp_path: Path) -> None:
    other = "192.0.2.11"
    with scene(tmp_path, node("alpha", 1), node("beta", 2, advskew=20, address=other)) as stage:
        watcher = stage.watch(*SECRETS, "-a", other)
        stage.start("alpha")
        stage.start("beta")
        at, event = watcher.finding("split_brain")
        provable = seconds(event["finding"]["start"]) + 1.07 * (1 + 20 / 256) + 0.05
        told("split brain, different addresses", at - provable)
        _, event = watcher.finding("address_set_mismatch")
        assert "192.0.2.11" in event["finding"]["explanation"]
        assert watcher.end(signal.SIGTERM) == 0
        assert "capture" not in " ".join(watcher.errors) or watcher.errors


def test_replayed_and_forged_advertisements(tmp_path: Path) -> None:
    mallory = Host(name="mallory", address="192.0.2.66")
    victim = node("alpha", 1, advskew=10)
    with scene(tmp_path, victim, mallory) as stage:
        watcher = stage.watch(*SECRETS)
        stage.start("alpha")
        watcher.wait_for(10, "alpha is MASTER", is_state("192.0.2.1", "MASTER"))
        for number, (label, skew) in enumerate((("replayed_advert", None), ("forged_skew", 0))):
            begin = int(time.time() * 1e6)
            attack = Attack(at=2, until=4, host="mallory", victim="alpha", advskew=skew)
            stage.help("mallory", intruder.command(attack, mallory, victim, begin))
            at, event = watcher.finding(label)
            told(label, at - seconds(event["finding"]["start"]))
            assert event["finding"]["label"] in label, number
        assert watcher.end() == 130


def test_an_interface_goes_down_and_comes_back(tmp_path: Path) -> None:
    with scene(tmp_path, node("alpha", 1)) as stage:
        watcher = stage.watch(*SECRETS)
        stage.start("alpha")
        watcher.wait_for(10, "alpha is MASTER", is_state("192.0.2.1", "MASTER"))
        switch = ["ip", "-n", stage.lan.switch, "link"]
        run(*switch, "set", "span1", "down")
        watcher.wait_for(5, "down", lambda e: e["action"] == "interface_down")
        # longer than a take-over: a silence that is the capture's own is no gap
        since = time.monotonic()
        until(lambda: time.monotonic() - since > 7, 10, "time")
        run(*switch, "set", "span1", "up")
        watcher.wait_for(5, "up", lambda e: e["action"] == "interface_up")
        before = len(watcher.events)
        run(*switch, "del", "span0")
        watcher.wait_for(5, "gone", lambda e: e["action"] == "interface_gone")
        run(*switch, "add", "span0", "type", "veth", "peer", "name", "span1")
        for end in ("span0", "span1"):
            run(*switch, "set", end, "up")
        until(
            lambda: [e for _, e in watcher.events[before:] if e["action"] == "interface_up"],
            5,
            "it is back",
        )
        assert watcher.labels() == set()
        assert watcher.end() == 130
