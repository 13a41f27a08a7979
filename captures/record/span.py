"""tcpdump on the span port: whole frames, microseconds, written as they come."""

import os
import signal
import subprocess
import time
from pathlib import Path

from captures.record.lan import Lan
from captures.record.plan import SECOND, Micros

_DRAIN_S = 0.3
"""Frames sent just before the end still have to pass from the kernel to tcpdump."""


class Span:
    """One running capture."""

    def __init__(self, lan: Lan, path: Path) -> None:
        argv = [
            *["ip", "netns", "exec", lan.switch],
            *["tcpdump", "-i", "span1", "-w", str(path), "-U", "--immediate-mode"],
            # More than an Ethernet frame, but not tcpdump's default of 256 KiB: in immediate mode
            # each slot of the buffer has that size, and a burst of ten frames would overrun it.
            *["-s", "2048"],
            # As root all along: it would otherwise give up its rights and could not write there.
            *["-Z", "root"],
        ]
        self._process = subprocess.Popen(
            argv,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the recorder, which ends it in order
            env={**os.environ, "LC_ALL": "C"},
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if b"listening on" in line:
                break
        else:
            raise RuntimeError("tcpdump did not start")
        self.begin: Micros = time.time_ns() // 1000

    def finish(self) -> Micros:
        """Stop capturing; the time of the last instant that is certainly in the capture."""
        end = time.time_ns() // 1000
        time.sleep(_DRAIN_S)
        self._process.send_signal(signal.SIGINT)
        _, said = self._process.communicate(timeout=10)
        dropped = [line for line in said.decode().splitlines() if "dropped by kernel" in line]
        if dropped and not dropped[0].startswith("0 "):
            raise RuntimeError(f"the capture is not complete: {dropped[0]}")
        return end

    def abandon(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate(timeout=10)


def text_time(at: Micros) -> str:
    """RFC 3339 in UTC with microseconds."""
    seconds, micros = divmod(at, SECOND)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{micros:06d}Z"
