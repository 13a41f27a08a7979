"""One opening of a pipe: the bytes of a file, of a named pipe, or of a command."""

import errno
import io
import os
import select
import signal
import stat
import subprocess
import sys
from contextlib import suppress

from carpscope.capture.targets import STANDARD_INPUT, Target
from carpscope.core.text import shown

READ_SIZE = 1 << 16
GROWS_S = 0.1
"""A file has no way to say that it grew: it is asked this often."""
PATIENCE_S = 2.0
"""What a command gets to end before it is killed."""
SAID_KEPT = 400
"""Bytes of what a command complains of."""


class Feed(io.BufferedIOBase):
    """Bytes of one opening; waits for them, and ends at once when the pipe is closed."""

    def __init__(self, number: int, halt: int, *, grows: str = "") -> None:
        super().__init__()
        self._number = number
        self._halt = halt
        self._grows = grows
        """The path of a file that grows: its end is not the end."""

    def fileno(self) -> int:
        """Tell nothing: what is read may have no end, and no size."""
        raise io.UnsupportedOperation("fileno")

    def readable(self) -> bool:
        """Say yes."""
        return True

    def read1(self, size: int = -1, /) -> bytes:
        """Return what there is, at least a byte; nothing at the end."""
        size = READ_SIZE if size < 0 else min(size, READ_SIZE)
        while True:
            if not self._wait():
                return b""
            try:
                data = os.read(self._number, size)
            except BlockingIOError:
                continue
            if data or not self._goes_on():
                return data

    read = read1  # type: ignore[assignment]

    def said(self) -> str:
        """Return what was complained of."""
        return ""

    def _wait(self) -> bool:
        """Wait for bytes; False once nobody wants them any more."""
        ready, _, _ = select.select([self._halt, self._number], (), ())
        return self._halt not in ready

    def _goes_on(self) -> bool:
        """Tell whether the end of a file may not stay its end."""
        if not self._grows:
            return False
        ready, _, _ = select.select([self._halt], (), (), GROWS_S)
        if ready:
            return False
        here = os.fstat(self._number)
        try:
            there = os.stat(self._grows)  # noqa: PTH116 - as capture.origin
        except OSError:
            return True  # turned away; what was written before may still grow
        anew = (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)
        return not anew and here.st_size >= os.lseek(self._number, 0, os.SEEK_CUR)

    def close(self) -> None:
        """Let go of it."""
        if not self.closed and self._number > 2:
            os.close(self._number)
        super().close()


class _Command(Feed):
    """What a command writes; it leads a process group, which ends with it."""

    def __init__(self, words: tuple[str, ...], halt: int) -> None:
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._errors = self._process.stderr.fileno()
        self._told = b""
        os.set_blocking(self._errors, False)
        super().__init__(self._process.stdout.fileno(), halt)

    def said(self) -> str:
        self._listen()
        lines = self._told.decode(errors="replace").strip().splitlines()
        return shown(lines[-1]) if lines else ""

    def _wait(self) -> bool:
        watched = [self._halt, self._number, self._errors]
        while True:
            ready, _, _ = select.select(watched, (), ())
            if self._halt in ready:
                return False
            if self._errors in ready and not self._listen():
                watched.remove(self._errors)
            if self._number in ready:
                return True

    def _listen(self) -> bool:
        """Take what it complains of; False at the end."""
        try:
            data = os.read(self._errors, READ_SIZE)
        except BlockingIOError:
            return True
        self._told = (self._told + data)[-SAID_KEPT:]
        return bool(data)

    def close(self) -> None:
        if self.closed:
            return
        _end(self._process)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.stdout.close()
        self._process.stderr.close()
        io.BufferedIOBase.close(self)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a command and everything it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            continue
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left behind
        return


def opened(target: Target, halt: int) -> Feed:
    """Open a pipe. Raises OSError."""
    if target.command:
        return _Command(target.command, halt)
    if target.path == STANDARD_INPUT:
        if sys.stdin is None:
            raise OSError(errno.EBADF, "standard input is closed")
        return Feed(sys.stdin.fileno(), halt)
    number = os.open(target.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = os.fstat(number).st_mode
    if stat.S_ISDIR(kind):
        os.close(number)
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    return Feed(number, halt, grows=target.path if stat.S_ISREG(kind) else "")
