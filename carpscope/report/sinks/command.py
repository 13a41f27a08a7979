"""A program called per event, in the manner of FreeBSD's devd(8).

    CMD VHID@INTERFACE MASTER|BACKUP KIND ACTION

No shell. The first two arguments are what devd's rule for CARP hands to a script
(`$subsystem` and `$type`), so such scripts work unchanged; the event as JSON comes on
standard input. What is about a finding says whether its group has a MASTER. Variables of
ours, which may be passphrases, are not handed on.
"""

import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from json import dumps

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.report.kind import SinkKind
from carpscope.report.record import Record

TIMEOUT_S = 10.0


class Command:
    """Runs one program at a time; one that takes too long is ended with all that it started."""

    attempts = 1
    timeout_s = TIMEOUT_S

    def __init__(self, target: str) -> None:
        """Take the words of a command; the first must be a program."""
        try:
            self._words = shlex.split(target)
        except ValueError as problem:
            raise CarpscopeError(f"exec {target!r}: {problem}") from None
        if not self._words or shutil.which(self._words[0]) is None:
            raise CarpscopeError(f"exec {target!r}: no such program")
        self.name = f"exec {self._words[0]}"
        self._running: subprocess.Popen[bytes] | None = None

    def send(self, record: Record) -> None:
        """Run it for what concerns a group."""
        if record.vhid is None:
            return
        where = shown(f"{record.vhid}@{record.interface or '-'}")
        told = dumps(record.document(), ensure_ascii=False).encode() + b"\n"
        with subprocess.Popen(
            [*self._words, where, record.state or "BACKUP", record.kind, record.action],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if not k.startswith("CARPSCOPE_")},
            start_new_session=True,  # a group of its own: what it starts can be ended with it
        ) as running:
            self._running = running
            try:
                running.communicate(told, timeout=self.timeout_s)
            except subprocess.TimeoutExpired:
                end(running)
                raise TimeoutError(0, f"took longer than {self.timeout_s:g} s; ended") from None
            finally:
                self._running = None
        if running.returncode:
            raise ChildProcessError(0, f"ended with status {running.returncode}")

    def stop(self) -> None:
        """End what still runs, from another thread: nobody will wait for it."""
        running = self._running
        if running is not None:
            end(running)

    def close(self) -> None:
        """Nothing is held."""


def end(running: "subprocess.Popen[bytes]") -> None:
    """End a program and everything it started that did not leave its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)


SINK = SinkKind("exec", "CMD", "run CMD VHID@INTERFACE MASTER|BACKUP, event on stdin", Command)
