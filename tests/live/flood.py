"""How many advertisements a second are taken without a drop: `python -m tests.live.flood RATE…`.

A sender in C (flood.c) on one end of a cable in a namespace, carpscope on the other.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.live.stage import Watcher, wire

SECONDS = 3
VHIDS = 50


def main(rates: list[int]) -> int:
    if os.geteuid() != 0 or shutil.which("gcc") is None:
        print("needs root for a namespace, and gcc for the sender", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, wire() as (within, tx, rx):
        sender = f"{folder}/flood"
        source = str(Path(__file__).with_name("flood.c"))
        subprocess.run(["gcc", "-O2", "-Wall", "-o", sender, source], check=True)
        for rate in rates:
            watcher = Watcher(within, "-i", rx, "--user", "root")
            watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
            argv = [*within, sender, tx, str(rate), str(SECONDS), str(VHIDS)]
            sent = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            watcher.end()
            since = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = since.ru_utime + since.ru_stime - used.ru_utime - used.ru_stime
            count = int(sent.split()[0])
            print(f"{rate:>9,}/s asked, {count:>9,} sent, {cpu:.2f} s of CPU: {watcher.errors[:3]}")
    return 0


if __name__ == "__main__":
    sys.exit(main([int(rate) for rate in sys.argv[1:]] or [20_000, 50_000, 100_000]))
