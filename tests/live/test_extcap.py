"""Wireshark's own capture by carpscope: tshark lists it, starts it, and shows its comments."""

import contextlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND, Nanos
from carpscope.live.commented import Commented
from carpscope.live.monitor import Monitor
from carpscope.live.records import MonitorRecords
from tests.cli.test_annotate import commented
from tests.live.stage import needs_namespaces, until, wire
from tests.live.test_wire import send
from tests.plain import START, Tape
from tests.program import run

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")


def test_what_wireshark_asks() -> None:
    told = run("extcap", "--extcap-interfaces", "--extcap-version=4.0").out
    assert "\ninterface {value=carpscope}{display=" in told
    of = ("extcap", "--extcap-interface", "carpscope")
    assert run(*of, "--extcap-dlts").out.startswith("dlt {number=1}{name=EN10MB}")
    config = run(*of, "--extcap-config").out.splitlines()
    assert [line.split("}")[0] for line in config] == [f"arg {{number={n}" for n in range(4)]
    for words, problem in (
        ((), "--install"),
        (("--extcap-interface", "eth0", "--extcap-dlts"), "there is only carpscope"),
        (("--capture", "--extcap-interface", "carpscope"), "--fifo"),
    ):
        done = run("extcap", *words)
        assert (done.status, done.err.count("\n")) == (2, 1)
        assert problem in done.err


def test_it_installs_a_program(tmp_path: Path) -> None:
    folder = tmp_path / "of wireshark"
    done = run("extcap", "--install", str(folder))
    assert done.status == 0
    program = folder / "carpscope"
    assert program.stat().st_mode & stat.S_IXUSR
    told = subprocess.run(
        [program, "--extcap-interfaces"], capture_output=True, text=True, check=True
    )
    assert told.stdout == run("extcap", "--extcap-interfaces").out
    (tmp_path / "file").touch()
    assert run("extcap", "--install", str(tmp_path / "file")).status == 2


@needs_tshark
def test_comments_come_while_it_goes_on(tmp_path: Path) -> None:
    """Two masters, a second between looks: what is found stands on their advertisements."""
    tape = Tape()
    for second in range(12):
        tape.advert(second, "192.0.2.1", 1)
        if second >= 3:
            tape.advert(second + 0.4, "192.0.2.2", 1, 100)
    monitor = Monitor(Config(), "eth1")
    teller = MonitorRecords(monitor)
    path = tmp_path / "out.pcapng"
    with path.open("wb") as stream:
        companion = Commented(stream, "carpscope")
        looked: Nanos = round(round(START) * SECOND)
        begin = looked
        for number, (at, data) in enumerate(sorted(tape.frames, key=lambda f: f[0]), 1):
            frame = Frame(number, begin + round(at * SECOND), 1, data, len(data))
            while looked + SECOND <= frame.at:
                looked += SECOND
                for record in teller.look(looked)[1]:
                    companion.told(record)
                companion.release([monitor])
            monitor.see(frame)
            companion.put([frame])
        companion.release([monitor])
    shown = commented(path)
    assert all("CARPv2 vhid 1" in text for text in shown.values())
    assert "vhid 1: 192.0.2.1 is MASTER" in shown[1]
    assert shown[1].count("is MASTER") == 1
    assert "vhid 1: 192.0.2.2 is MASTER" in shown[5]
    assert "CS101" not in shown[5]
    assert "CS101 split_brain: 192.0.2.1 and 192.0.2.2 have both been MASTER" in shown[21]
    opened = {number: text for number, text in shown.items() if "opened: " in text}
    assert list(opened) == [9]  # the last one before the look that found it
    assert opened[9].count("opened: CS101 vhid 1: 192.0.2.1 and 192.0.2.2 have both") == 1
    assert opened[9].count("opened: CS501 vhid 1: 192.0.2.2 does not receive 192.0.2.1") == 1


def test_who_stops_reading_ends_it() -> None:
    """Wireshark closes what it reads: the run is over, and its end says nothing."""
    read, write = os.pipe()
    with contextlib.suppress(BrokenPipeError), os.fdopen(write, "wb") as stream:
        companion = Commented(stream, "carpscope")
        os.close(read)
        companion.put([Frame(1, round(START) * SECOND, 1, bytes(60), 60)])
        companion.release([Monitor(Config(), "eth1")])
        assert companion.is_over
        companion.put([Frame(2, round(START) * SECOND, 1, bytes(60), 60)])
        companion.release([Monitor(Config(), "eth1")])


@needs_tshark
def test_a_flood_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carpscope.live.commented.HELD_MAX", 3)
    path = tmp_path / "out.pcapng"
    with path.open("wb") as stream:
        companion = Commented(stream, "carpscope")
        frames = [Frame(n, round(START) * SECOND + n, 1, bytes(60), 60) for n in range(1, 6)]
        for _ in range(2):
            companion.put(frames)
            companion.release([Monitor(Config(), "eth1")])
    shown = commented(path)
    assert len(shown) == 6
    assert [n for n, text in shown.items() if text == "2 frames left out: a flood"] == [3, 6]


@needs_namespaces
@needs_tshark
def test_tshark_captures_by_it(tmp_path: Path) -> None:
    """tshark finds it in its folder, is given the interface, and shows what was found."""
    folder = tmp_path / "extcap"
    assert run("extcap", "--install", str(folder)).status == 0
    names = subprocess.run(["tshark", "-G", "folders"], capture_output=True, text=True, check=True)
    (place,) = (
        line.split("\t")[-1].strip()
        for line in names.stdout.splitlines()
        if line.startswith(("Extcap path", "Global Extcap path"))
    )
    out = tmp_path / "out.pcapng"
    key = tmp_path / "key"
    key.write_text("quiet-harbour-17\n")
    key.chmod(0o600)
    settings = [
        "-o", "extcap.carpscope.interface:span0",
        "-o", f"extcap.carpscope.passphrasefile:{key}",
        "-o", "extcap.carpscope.address:192.0.2.10,192.0.2.11",
    ]  # fmt: skip
    with wire() as (within, tx, _):
        mounted = [*within, "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"']
        argv = [*mounted, str(folder), place, "tshark", "-i", "carpscope", *settings]
        capturing = subprocess.Popen(
            [*argv, "-w", str(out), "-c", "50"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "HOME": str(tmp_path)},
        )
        try:
            until(lambda: out.exists() and out.stat().st_size > 0, 30, "a capture")
            sender = send(within, tx, "ucarp-different-addresses", speed=4)
            assert capturing.wait(60) == 0
            assert sender.wait(60) == 0
        finally:
            capturing.kill()
            capturing.communicate()
    shown = commented(out)
    adverts = [text for text in shown.values() if "CARPv2 vhid 1" in text]
    assert len(adverts) > 30
    assert sum("hmac ✓ #1" in text for text in adverts) > 20
    assert not any("hmac ✗" in text for text in adverts)
    assert any("CS101 split_brain: 192.0.2.1 and 192.0.2.2" in text for text in adverts)
    assert "CS201 address_set_mismatch: 192.0.2.1 signs 192.0.2.10" in adverts[-1]
