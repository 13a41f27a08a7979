"""Pictures of the dashboard, as a terminal shows it: `python -m tests.live.pictures FOLDER`.

Real nodes in namespaces, carpscope in tmux at 40×12, 80×24 and 200×60, what tmux shows as SVG.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from captures.record import intruder
from captures.record.lan import run
from captures.record.plan import Attack, Host
from tests.generate_pictures import svg
from tests.live.stage import ADDRESS, PASSPHRASE, Scene, node, scene, until
from tests.plain import Tape, arp, ether
from tests.program import ROOT

SIZES = ((40, 12), (80, 24), (200, 60))
TOML = f"""\
passphrases = ["{PASSPHRASE}"]
addresses = ["{ADDRESS}"]
[[node]]
name = "fw1"
addresses = ["192.0.2.1"]
[[node]]
name = "fw2"
addresses = ["192.0.2.2"]
[[group]]
vhid = 1
name = "LAN gateway"
nodes = ["fw1", "fw2"]
"""
MALLORY = Host(name="mallory", address="192.0.2.66")
ALPHA, BETA = node("alpha", 1), node("beta", 2, advskew=20)
GAMMA = node("gamma", 3, advskew=100)
"""A node that the configuration does not list."""
CROWD = 200
"""Groups, of which one loses its master and one gets a second."""


def _wait(seconds: float) -> None:
    since = time.monotonic()
    until(lambda: time.monotonic() - since > seconds, seconds + 5, "time")


def healthy(stage: Scene) -> None:
    stage.start("beta")
    _wait(20)


def split_brain(stage: Scene) -> None:
    stage.lan.cut("alpha", "beta")
    stage.start("beta")
    _wait(14)


def gap(stage: Scene) -> None:
    stage.start("beta")
    _wait(5)
    stage.kill("alpha")
    _wait(6)
    stage.kill("beta")
    _wait(11)


def attack(stage: Scene) -> None:
    stage.start("beta")
    _wait(5)
    begin = int(time.time() * 1e6)
    plan = Attack(at=2, until=30, host="mallory", victim="alpha", advskew=0, own_address=True)
    stage.help("mallory", intruder.command(plan, MALLORY, ALPHA, begin))
    _wait(10)


def degraded(stage: Scene) -> None:
    stage.start("gamma")
    _wait(5)
    stage.kill("alpha")
    _wait(12)


def unknown(stage: Scene) -> None:
    stage.start("beta")
    _wait(6)
    run("ip", "-n", stage.lan.switch, "link", "set", "span1", "down")
    _wait(5)


def crowd(stage: Scene) -> None:
    tape = Tape()
    for vhid in range(2, 2 + CROWD):
        who, address = f"192.0.2.{100 + vhid % 2}", f"10.77.{vhid // 100}.{vhid % 100}"
        virtual = f"00:00:5e:00:01:{vhid:02x}"
        told = arp(1, virtual, address, "00:00:00:00:00:00", address)
        tape.put(0.5, ether(virtual, "ff:ff:ff:ff:ff:ff", 0x0806, told))
        for second in range(30):
            if vhid == 11 and second > 6:
                continue
            tape.advert(second + vhid / 1000, who, vhid, vips=(address,), passphrase=PASSPHRASE)
            if vhid == 102 and second > 8:
                tape.advert(
                    second + 0.5, "192.0.2.99", vhid, 100, vips=(address,), passphrase=PASSPHRASE
                )
    path = tape.write(stage.folder / "crowd.pcap")
    stage.help("mallory", [sys.executable, "-m", "tests.live.sender", "1", "eth0", str(path)])
    _wait(25)


STATES: dict[str, tuple[Callable[[Scene], None], tuple[str, ...]]] = {
    "healthy": (healthy, ()),
    "degraded": (degraded, ()),
    "gap": (gap, ()),
    "unknown": (unknown, ()),
    "split-brain": (split_brain, ()),
    "attack": (attack, ()),
    "crowd": (crowd, ("j",) * 25),
    "page": (split_brain, ("Enter",)),
    "help": (split_brain, ("?",)),
}
"""What happens, and which keys are pressed then."""


def tmux(server: str, *words: str) -> str:
    done = subprocess.run(
        ["tmux", "-L", server, "-f", "/dev/null", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"},
    )
    return done.stdout


def picture(state: str, folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as work,
        scene(Path(work), ALPHA, BETA, GAMMA, MALLORY) as stage,
    ):
        settings = Path(work) / "carpscope.toml"
        settings.write_text(TOML)
        command = [*stage.lan.within("switch"), sys.executable, "-m", "carpscope", "live"]
        command += ["-i", "span1", "--config", str(settings)]
        servers = {size: f"carppic-{os.getpid()}-{size[0]}" for size in SIZES}
        try:
            for (width, height), server in servers.items():
                size = ("-x", str(width), "-y", str(height))
                tmux(server, "new-session", "-d", *size, "-s", "it", " ".join(command))
                tmux(server, "set", "-g", "status", "off")
            _wait(2)
            stage.start("alpha")
            _wait(4)
            happens, keys = STATES[state]
            happens(stage)
            for server in servers.values():
                if keys:
                    tmux(server, "send-keys", "-t", "it", *keys)
            _wait(1)
            for (width, height), server in servers.items():
                shown = tmux(server, "capture-pane", "-e", "-p", "-t", "it")
                name = f"dashboard-{state}-{width}x{height}"
                (folder / f"{name}.svg").write_text(svg(shown, width, "carpscope live -i span1"))
                told = tmux(server, "capture-pane", "-p", "-t", "it")
                (folder / f"{name}.txt").write_text(told)
        finally:
            for server in servers.values():
                tmux(server, "kill-server")


def main(folder: str, states: list[str]) -> int:
    if shutil.which("tmux") is None or os.geteuid() != 0:
        print("pictures need tmux, and root for network namespaces", file=sys.stderr)
        return 2
    Path(folder).mkdir(parents=True, exist_ok=True)
    for state in states or list(STATES):
        picture(state, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
