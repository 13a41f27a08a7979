"""How many advertisements a second are taken without a drop: `python -m tests.live.flood RATE…`.

A sender in C (flood.c) on one end of a cable in a namespace, carpscope on the other, with
everything on but the screen. `signed` before the rates: what the dense capture of `make bench`
holds, whose HMACs verify; `bare`: no outputs beside JSON; `stalled`: carpscope is stopped
for 200 ms every second.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.bench.captures import IPV4, made
from tests.bench.shapes import PASSPHRASE
from tests.live.stage import Watcher, wire

SECONDS = 3
VHIDS = 50


def main(words: list[str]) -> int:
    if os.geteuid() != 0 or shutil.which("gcc") is None:
        print("needs root for a namespace, and gcc for the sender", file=sys.stderr)
        return 2
    rates = [int(word) for word in words if word.isdigit()] or [100_000, 200_000, 300_000]
    what, secrets = str(VHIDS), ["-p", "quiet-harbour-17"]
    if "signed" in words:
        what = made("dense")
        secrets = ["-p", PASSPHRASE, *(word for address in IPV4 for word in ("-a", address))]
    with tempfile.TemporaryDirectory() as folder, wire() as (within, tx, rx):
        sender = f"{folder}/flood"
        source = str(Path(__file__).with_name("flood.c"))
        subprocess.run(["gcc", "-O2", "-Wall", "-o", sender, source], check=True)
        for rate in rates:
            outputs = ["-w", f"{folder}/{rate}.pcapng", "--evidence", f"{folder}/{rate}"]
            outputs += ["--metrics", "127.0.0.1:0", "--state", f"{folder}/{rate}.json"]
            outputs = [] if "bare" in words else outputs
            watcher = Watcher(within, "-i", rx, "--user", "root", *secrets, *outputs)
            watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
            argv = [*within, sender, tx, str(rate), str(SECONDS), what]
            flood = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
            while "stalled" in words and flood.poll() is None:
                for seconds, then in (0.8, signal.SIGSTOP), (0.2, signal.SIGCONT):
                    with suppress(subprocess.TimeoutExpired):
                        flood.wait(seconds)
                    watcher.process.send_signal(then)
            sent = flood.communicate()[0]
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            watcher.end()
            since = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = since.ru_utime + since.ru_stime - used.ru_utime - used.ru_stime
            count, took = sent.split()
            print(f"{rate:>9,}/s asked, {int(count):>9,} sent in {took} s, {cpu:.2f} s of CPU:")
            print("\n".join(f"    {line}" for line in watcher.errors[:4]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
