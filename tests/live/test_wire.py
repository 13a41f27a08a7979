"""The path from a cable to a finding: filter, tags, files, signals, a full disk."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from captures.record.lan import run as tool
from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.live import memory
from carpscope.pipeline import analyze
from carpscope.wire.decode import decode
from carpscope.wire.icmp6 import NeighbourView
from tests.live.secrets import candidates
from tests.live.stage import Watcher, needs_namespaces, until, wire
from tests.program import CAPTURES, ROOT, capture
from tests.simulated import scenario, simulated

pytestmark = needs_namespaces


def send(
    within: list[str], interface: str, name: str, speed: float = 1.0
) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "tests.live.sender", str(speed), interface, capture(name)]
    return subprocess.Popen([*within, *argv], cwd=ROOT)


def received(watcher: Watcher) -> int:
    line = next(line for line in watcher.errors if "received by filter" in line)
    return int(line.split()[0].replace(",", ""))


def listening(within: list[str], *arguments: str) -> Watcher:
    watcher = Watcher(within, "-i", "span0", "--user", "root", *arguments)
    watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
    return watcher


def secrets(name: str) -> list[str]:
    config = candidates(name)
    words = []
    for passphrase in config.passphrases:
        words += ["-p", passphrase.decode()]
    for address in config.addresses:
        words += ["-a", ".".join(map(str, address))]
    return words


@pytest.mark.parametrize("name", ["ucarp-vlan", "ucarp-qinq", "vrrp-only", "ucarp-healthy"])
def test_the_filter_lets_elections_through(name: str) -> None:
    """Tagged once or twice or not: every advertisement passes, whatever the kernel untags."""
    with open_capture(capture(name)) as source:
        expected = analyze([source], candidates(name))
    with wire() as (within, tx, _):
        watcher = listening(within)
        assert send(within, tx, name, speed=60).wait(60) == 0
        assert watcher.end() == 130
    adverts = next(line for line in watcher.errors if "packets captured" in line)
    assert f"{sum(expected.advertisements)} CARP" in adverts
    groups = {e["group"] for _, e in watcher.events if e["group"]}
    assert groups == {group.id for group in expected.observer.groups.values() if group.id}


@pytest.mark.parametrize("tag", [b"", b"\x81\x00\x00\x0a"], ids=["untagged", "vlan"])
def test_ipv6_passes_with_its_neighbour_discovery(tag: bytes, tmp_path: Path) -> None:
    six = 'impl = "freebsd13"\naddresses = ["10.0.0.100", "2001:db8::64"]'
    path = tmp_path / "six.pcap"
    sent = simulated(scenario(six, six + "\nadvskew = 100", duration=10))
    tagged = [f._replace(data=f.data[:12] + tag + f.data[12:]) for f in sent]
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in tagged:
            writer.write(frame._replace(wire_length=len(frame.data)))
    with open_capture(str(path)) as source:
        expected = analyze([source], Config())
    neighbours = sum(isinstance(decode(frame).body, NeighbourView) for frame in tagged)
    assert neighbours
    with wire() as (within, tx, _):
        watcher = listening(within, "-w", str(tmp_path / "kept.pcapng"))
        argv = [*within, sys.executable, "-m", "tests.live.sender", "20", tx, str(path)]
        assert subprocess.run(argv, cwd=ROOT, timeout=60, check=False).returncode == 0
        assert watcher.end() == 130
    told = next(line for line in watcher.errors if "packets captured" in line)
    assert f"{sum(expected.advertisements)} CARP" in told
    assert {e["group"] for _, e in watcher.events if e["group"]} == {
        group.id for group in expected.observer.groups.values()
    }
    with open_capture(str(tmp_path / "kept.pcapng")) as source:
        kept = [decode(frame) for frame in source]
    assert sum(isinstance(packet.body, NeighbourView) for packet in kept) == neighbours
    assert {p.ip.version for p in kept if p.advert is not None and p.ip is not None} == {4, 6}


def test_narrowing_and_a_mistake_in_it() -> None:
    with wire() as (within, tx, _):
        watcher = listening(within, "-f", "host 192.0.2.2")
        assert send(within, tx, "ucarp-healthy", speed=60).wait(60) == 0
        assert watcher.end() == 130
        assert not [e for _, e in watcher.events if e["nodes"] == ["192.0.2.1"]]
        wrong = Watcher(within, "-i", "span0", "-f", "hots 192.0.2.2")
        assert wrong.process.wait(20) == 2
        wrong.end()
        assert wrong.errors[0].startswith("carpscope: span0: -f hots 192.0.2.2: ")
        absent = Watcher(within, "-i", "nowhere0")
        assert absent.process.wait(20) == 2
        absent.end()
        assert absent.errors[0].startswith("carpscope: nowhere0: ")


def test_files_turn_and_the_oldest_goes(tmp_path: Path) -> None:
    with wire() as (within, tx, _):
        watcher = listening(within, "-w", str(tmp_path / "ring.pcapng"), "-G", "1", "-W", "2")
        sender = send(within, tx, "ucarp-healthy", speed=5)
        until(lambda: any("00003" in p.name for p in tmp_path.iterdir()), 15, "a fourth file")
        sender.kill()
        sender.wait()
        assert watcher.end() == 130
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    for path in files:
        with open_capture(str(path)) as source:
            list(source)
            assert source.notes == []


def test_kill_loses_the_last_second_at_most(tmp_path: Path) -> None:
    kept = tmp_path / "kept.pcapng"
    with wire() as (within, tx, _):
        watcher = listening(within, "-w", str(kept))
        sender = send(within, tx, "ucarp-healthy", speed=2)
        until(lambda: kept.exists() and kept.stat().st_size > 2000, 20, "a few frames")
        watcher.kill()
        sender.kill()
        sender.wait()
    with open_capture(str(kept)) as source:
        frames = list(source)
        assert source.notes == []
    assert len(frames) > 5


def test_a_full_disk_ends_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    tool("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(disk))
    try:
        with wire() as (within, tx, _):
            watcher = listening(within, "-w", str(disk / "kept.pcapng"))
            assert send(within, tx, "ucarp-different-addresses", speed=6).wait(60) == 0
            watcher.wait_for(5, "a finding", lambda e: e["event_type"] == "finding")
            watcher.wait_for(
                5, "it is said", lambda e: e["action"] == "output" and "space" in e["message"]
            )
            assert watcher.end() == 130
        assert any(" lost" in line for line in watcher.errors)
        with open_capture(str(disk / "kept.pcapng")) as source:
            assert list(source)
            assert source.notes == []
    finally:
        tool("umount", str(disk))


def test_a_disk_that_hangs_delays_nothing(tmp_path: Path) -> None:
    """A pipe that nobody empties: events are told all the same, and the end does not wait."""
    pipe = tmp_path / "kept.pcapng"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        with wire() as (within, tx, _):
            watcher = listening(within, "-w", str(pipe))
            assert send(within, tx, "ucarp-different-addresses", speed=20).wait(60) == 0
            watcher.wait_for(5, "an event", lambda e: e["nodes"] == ["192.0.2.2"])
            assert watcher.end() == 130
        written = next(line for line in watcher.errors if "packets written" in line)
        assert int(written.split()[0]) < 72
        assert int(written.split()[3]) > 10, "what it could not take is counted as lost"
    finally:
        os.close(reader)


def test_count_is_exact() -> None:
    with wire() as (within, tx, _):
        watcher = listening(within, "--count", "20")
        sender = send(within, tx, "vrrp-only", speed=1000)
        watcher.process.wait(20)
        sender.wait(20)
        watcher.end()
    assert watcher.errors[0].startswith("20 packets captured, ")
    assert received(watcher) > 20, "more had come by then"


def test_nagios(tmp_path: Path) -> None:
    settings = tmp_path / "carpscope.toml"
    settings.write_text("[[group]]\nvhid = 7\n[tolerances]\nmissing_after = 1\n")
    with wire() as (within, tx, _):
        check = Watcher(
            within, "-i", "span0", "--for", "3s", "--nagios", "--user", "root", json_lines=False
        )
        sender = send(within, tx, "ucarp-healthy", speed=1)
        status = check.process.wait(30)
        sender.kill()
        sender.wait()
        check.end()
        assert (status, check.errors) == (0, [])
        assert check.lines[1:] == ["192.0.2.10 (vhid1): healthy; 192.0.2.1 MASTER"]
        assert check.lines[0].startswith(
            "CARP OK - 192.0.2.10 (vhid1) 192.0.2.1 MASTER | groups=1 nodes=1 "
        )
        silent = Watcher(
            within, "-i", "span0", "--for", "0.3s", "--nagios", "--user", "root", json_lines=False
        )
        assert silent.process.wait(30) == 3
        silent.end()
        assert silent.lines[0].startswith("CARP UNKNOWN - no CARP")
        words = (
            "-i",
            "span0",
            "--for",
            "2s",
            "--nagios",
            "--user",
            "root",
            "--config",
            str(settings),
        )
        missing = Watcher(within, *words, json_lines=False)
        assert missing.process.wait(30) == 2
        missing.end()
        assert missing.lines[0].startswith(
            "CARP CRITICAL - vhid 7: this group is expected here, and"
        )
        assert " critical=1;;0;0 warning=0;0;;0 " in missing.lines[0]
        assert missing.lines[1].startswith("CS251 error vhid 7: this group is expected")
        gone = Watcher(within, "-i", "nowhere0", "--nagios", json_lines=False)
        assert gone.process.wait(30) == 3
        gone.end()
        assert gone.lines[0].startswith("CARP UNKNOWN - nowhere0")


@pytest.mark.parametrize("option", ["--state", "--store"])
def test_signals_state_and_a_restart(option: str, tmp_path: Path) -> None:
    """SIGUSR1 prints, SIGHUP ends, and what is open is the same finding after `kill -9`."""
    state = tmp_path / "state"
    settings = tmp_path / "carpscope.toml"
    settings.write_text('addresses = ["192.0.2.10", "192.0.2.11"]\n')
    arguments = (option, str(state), "--config", str(settings))
    with wire() as (within, tx, _):
        first = listening(within, *arguments)
        sender = send(within, tx, "ucarp-different-addresses", speed=1)
        _, opened = first.finding("split_brain", seconds=20)
        first.process.send_signal(signal.SIGUSR1)
        until(lambda: any("both been MASTER" in line for line in first.errors), 5, "the state")
        identity = opened["finding"]["identity"]

        def is_saved() -> bool:
            return identity in {live_finding.identity for _, live_finding in memory.load(state)}

        until(is_saved, 5, "it is saved while it happens")
        first.kill()
        settings.write_text("addresses = []\n[tolerances]\nclose_after = 3\n")
        second = listening(within, *arguments)
        _, again = second.finding("split_brain", "updated", seconds=20)
        assert again["finding"]["identity"] == identity
        assert again["finding"]["start"] == opened["finding"]["start"]
        assert not [
            e
            for _, e in second.events
            if e["action"] == "opened" and e.get("finding", {}).get("label") == "split_brain"
        ]
        sender.kill()
        sender.wait()
        _, closed = second.finding("split_brain", "closed", seconds=15)
        assert closed["finding"]["identity"] == identity
        assert second.end(signal.SIGHUP) == 0


def test_privileges_are_given_up() -> None:
    """By carpscope, and so by what --exec runs: no hook runs as root unless --user says so."""
    with tempfile.TemporaryDirectory() as folder, wire() as (within, tx, _span):
        Path(folder).chmod(0o777)
        out = Path(folder) / "who"
        hook = Path(folder) / "hook"
        hook.write_text(f"#!/bin/sh\nid -u > {out}.new && mv {out}.new {out}\n")
        hook.chmod(0o755)
        watcher = Watcher(within, "-i", "span0", "--exec", str(hook))
        watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
        sender = send(within, tx, "ucarp-healthy", speed=5)
        until(out.exists, 15, "the hook has run")
        assert out.read_text().strip() not in {"0", str(os.geteuid())}
        sender.kill()
        sender.wait()
        status = Path(f"/proc/{watcher.process.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split()[0] not in {"0", str(os.geteuid())}
        assert int(fields["CapEff"], 16) == 0
        assert int(fields["CapPrm"], 16) == 1 << 13
        assert fields["NoNewPrivs"] == "1"
        assert watcher.end() == 130


def test_captures_are_there() -> None:
    assert (CAPTURES / "ucarp-different-addresses").is_dir()


@pytest.mark.parametrize("name", ["ucarp-vlan", "ucarp-healthy"])
def test_any_interface_hears_every_vlan(name: str) -> None:
    """Cooked frames have lost a tag, which no filter of libpcap can ask for there."""
    with open_capture(capture(name)) as source:
        expected = analyze([source], candidates(name))
    with wire() as (within, tx, _):
        watcher = Watcher(within, "-i", "any")
        watcher.wait_for(10, "start", lambda event: event["event_type"] == "start")
        assert send(within, tx, name, speed=60).wait(60) == 0
        assert watcher.end() == 130
    groups = {e["group"] for _, e in watcher.events if e["group"]}
    assert groups == {group.id for group in expected.observer.groups.values() if group.id}
