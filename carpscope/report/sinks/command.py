"""Programs that are called: one when the state of a group changes, one for findings.

    exec         CMD VHID@INTERFACE MASTER|BACKUP|INIT state MASTER|BACKUP|INIT
    on-finding   CMD CODE opened|updated|closed SEVERITY VHID@INTERFACE

The first is called as by devd(8) of FreeBSD, whose rule for CARP hands `$subsystem` and `$type`
to a script, so such scripts work unchanged. It is called once when a state of the group becomes
true: MASTER while somebody is, BACKUP when the last one stepped down and nobody claimed yet, INIT
when nobody is heard any more. No shell; the event as JSON comes on standard input. Variables of
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
from carpscope.report.record import GROUP, EventRecord
from carpscope.report.sink_kind import SinkKind

TIMEOUT_S = 10.0


class Command:
    """Runs one program at a time; one that takes too long is ended with all that it started."""

    kind = "exec"
    attempts = 1
    timeout_s = TIMEOUT_S

    def __init__(self, target: str) -> None:
        """Take the words of a command; the first must be a program."""
        try:
            self._words = shlex.split(target)
        except ValueError as problem:
            raise CarpscopeError(f"{self.kind} {target!r}: {problem}") from None
        if not self._words or shutil.which(self._words[0]) is None:
            raise CarpscopeError(f"{self.kind} {target!r}: no such program")
        self.name = f"{self.kind} {self._words[0]}"
        self._running: subprocess.Popen[bytes] | None = None

    def wants(self, record: EventRecord) -> bool:
        """Tell whether it is called for this: the state of a group."""
        return record.kind == GROUP

    def arguments(self, record: EventRecord) -> list[str]:
        """Give what stands behind the command."""
        return [_where(record), record.action, "state", record.action]

    def send(self, record: EventRecord) -> None:
        """Run it."""
        told = dumps(record.document(), ensure_ascii=False).encode() + b"\n"
        with subprocess.Popen(
            [*self._words, *self.arguments(record)],
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


class OnFinding(Command):
    """The same for findings."""

    kind = "on-finding"

    def wants(self, record: EventRecord) -> bool:
        """Tell whether it is called for this: a finding."""
        return record.kind == "finding"

    def arguments(self, record: EventRecord) -> list[str]:
        """Give what stands behind the command."""
        code = str(record.body.get("code", ""))
        return [shown(code), record.action, record.severity.value, _where(record)]


def _where(record: EventRecord) -> str:
    vhid = "-" if record.vhid is None else record.vhid
    return shown(f"{vhid}@{record.interface or '-'}")


def end(running: "subprocess.Popen[bytes]") -> None:
    """End a program and everything it started that did not leave its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)


SINK = SinkKind("exec", "CMD", "run CMD VHID@INTERFACE MASTER|BACKUP|INIT of a group", Command)
