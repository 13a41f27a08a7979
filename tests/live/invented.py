"""A flood of invented senders at a configured group: `python -m tests.live.invented RATE SECONDS`.

flood.c sends advertisements of vhid 200, each from another source, and amid them its two real
nodes become MASTER beside each other (`tests.live.rivals`). Printed: what was sent and dropped, the
most memory carpscope had, and how long after the split brain could be proved it was told.
"""

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from carpscope.core.units import parse_rfc3339
from tests.live.rivals import VHID
from tests.live.stage import Event, Watcher, wire
from tests.program import ROOT

CONFIG = f"""
[[group]]
vhid = {VHID}
nodes = ["198.51.100.1", "198.51.100.2"]
"""


@dataclass(slots=True)
class Seen:
    """What became of one run."""

    sent: int
    delay_s: float
    nodes: list[str]
    labels: set[str]
    peak_mib: float
    said: list[str]
    """What carpscope prints at its end: captured, dropped."""


def run(folder: Path, rate: int, seconds: int) -> Seen:
    """Flood for so long; the rivals begin two seconds later."""
    sender = str(folder / "flood")
    source = str(Path(__file__).with_name("flood.c"))
    subprocess.run(["gcc", "-O2", "-Wall", "-o", sender, source], check=True)
    config = folder / "carpscope.toml"
    config.write_text(CONFIG)
    with wire() as (within, tx, rx):
        watcher = Watcher(within, "-i", rx, "--user", "root", "--config", str(config))
        watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
        argv = [*within, sender, tx, str(rate), str(seconds), "1", str(VHID)]
        flood = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        argv = [*within, sys.executable, "-m", "tests.live.rivals", tx, str(seconds - 2)]
        rivals = subprocess.Popen(argv, cwd=ROOT)
        try:
            at, event = watcher.finding("split_brain", seconds=seconds + 5)
            watcher.finding("invented_senders", seconds=seconds + 5)
            sent = flood.communicate(timeout=seconds + 20)[0]
        finally:
            for process in (rivals, flood):
                process.kill()
                process.wait()
        peak = _peak_mib(watcher.process.pid)
        watcher.end()
    provable = parse_rfc3339(event["finding"]["start"]) / 1e9 + 1.07 * (1 + 20 / 256) + 0.05
    nodes = event["finding"]["nodes"]
    labels = {_label(e) for _, e in watcher.events} - {""}
    return Seen(int(sent.split()[0]), at - provable, nodes, labels, peak, watcher.errors)


def _label(event: Event) -> str:
    return str(event["finding"]["label"]) if event["event_type"] == "finding" else ""


def _peak_mib(pid: int) -> float:
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def main(rate: int, seconds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        seen = run(Path(folder), rate, seconds)
    print(f"{seen.sent:,} advertisements of as many senders in {seconds} s: {'; '.join(seen.said)}")
    print(f"split brain of {' and '.join(seen.nodes)} told {seen.delay_s:.3f} s after it could be")
    print(f"proved; at most {seen.peak_mib:.0f} MiB; findings: {', '.join(sorted(seen.labels))}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
