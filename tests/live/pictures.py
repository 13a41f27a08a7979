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
from captures.record.plan import Attack, Host
from tests.generate_pictures import svg
from tests.live.stage import ADDRESS, PASSPHRASE, Scene, node, scene, until
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


STATES: dict[str, Callable[[Scene], None]] = {
    "healthy": healthy,
    "split-brain": split_brain,
    "gap": gap,
    "attack": attack,
}


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
        scene(Path(work), ALPHA, BETA, MALLORY) as stage,
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
            STATES[state](stage)
            for (width, height), server in servers.items():
                shown = tmux(server, "capture-pane", "-e", "-p", "-t", "it")
                name = f"dashboard-{state}-{width}x{height}"
                (folder / f"{name}.svg").write_text(svg(shown, width, "carpscope live -i span1"))
                print(tmux(server, "capture-pane", "-p", "-t", "it"))
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
