"""Where the bytes of a capture come from: a file or standard input.

Everything is read once, from the beginning to the end, in blocks. Where the digest of
the bytes as they lie is asked for, it is made in passing, so that it is of what was analyzed;
of a large file it costs more than everything else.
"""

import hashlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown

BLOCK = 262_144
"""Bytes read at once: larger ones are not faster, and many captures may be open."""

ASIDE_FROM = 8 << 20
"""Bytes of a file whose digest is made beside the reading."""
ASIDE_WAITING = 16
"""Blocks that may wait for it."""

_PATIENCE_MS = 1000
ATTENTION_S = 0.5
"""How long a wait for a pipe may hold up Ctrl-C."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes read and the bytes there are; None where nobody knows."""


class Aside:
    """A SHA-256 made in a thread of its own: hashlib lets others run meanwhile."""

    def __init__(self) -> None:
        """Start its thread."""
        import queue  # noqa: PLC0415  small files need neither
        import threading  # noqa: PLC0415

        self._made = hashlib.sha256()
        self._waiting: queue.Queue[bytes | None] = queue.Queue(ASIDE_WAITING)
        self._thread = threading.Thread(target=self._run, name="digest", daemon=True)
        self._thread.start()

    def update(self, block: bytes) -> None:
        """Take a block; waits where too many wait already."""
        self._waiting.put(block)

    def hexdigest(self) -> str:
        """Return the digest of all blocks; there are no more of them."""
        self.stop()
        return self._made.hexdigest()

    def stop(self) -> None:
        """Take no more."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (block := self._waiting.get()) is not None:
            self._made.update(block)


class Origin:
    """The bytes of one file, with their count and, if asked for, their digest."""

    def __init__(self, path: str, stdin: BinaryIO | None = None, *, digest: bool = False) -> None:
        """Open a file; `-` is standard input, or what is given in its place.

        Raises CarpscopeError where it cannot be opened.
        """
        self.name = "standard input" if path == "-" else shown(path)
        self.count = 0
        self.is_finished = False
        self.problem: str | None = None
        """Why reading failed in the middle."""
        self.progress: Progress | None = None
        self._digest: hashlib._Hash | Aside | None = hashlib.sha256() if digest else None
        self._file: io.FileIO | None = None
        if path == "-":
            stream = _standard_input() if stdin is None else stdin
            self.total = _size(stream)
            # read1 gives what a pipe holds instead of waiting until a block is full
            self._read: Callable[[int], bytes | None] = getattr(stream, "read1", stream.read)
            if stdin is None and self.total is None:
                self._read = _attentive(stream.fileno())
        else:
            self._file = self._opened(path)
            self._read = self._file.read
            self.total = _size(self._file)

        if digest and self.total is not None and self.total > ASIDE_FROM:
            self._digest = Aside()

    def _opened(self, path: str) -> io.FileIO:
        try:
            if stat.S_ISFIFO(os.stat(path).st_mode):  # noqa: PTH116 - pathlib is slow to import
                return _piped(path, self.name)
            return io.FileIO(path, "rb")
        except FileNotFoundError:
            raise CarpscopeError(f"{self.name}: no such file") from None
        except IsADirectoryError:
            raise CarpscopeError(f"{self.name}: is a directory, not a capture") from None
        except PermissionError:
            raise CarpscopeError(f"{self.name}: no permission to read it") from None
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            raise CarpscopeError(f"{self.name}: cannot be opened: {words}") from None

    @property
    def sha256(self) -> str | None:
        """The digest of all bytes in hexadecimal; None if not asked for or not read to the end."""
        return self._digest.hexdigest() if self._digest and self.is_finished else None

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes that have not been read yet; none is empty.

        A failing disk ends it, with a problem, as the end of the file does.
        """
        read, digest = self._read, self._digest
        while not self.is_finished and self.problem is None:
            try:
                chunk = read(BLOCK)
            except OSError as error:
                self.problem = f"reading failed after {self.count:,} bytes: {error.strerror}"
                break
            if not chunk:
                self.is_finished = True
                break
            if digest is not None:
                digest.update(chunk)
            self.count += len(chunk)
            if self.progress is not None:
                self.progress(self.count, self.total)
            yield chunk
        self.close()

    def drain(self) -> None:
        """Read what is left, for its size and digest."""
        for _ in self.chunks():
            pass

    def close(self) -> None:
        """Close a file; standard input stays open."""
        if isinstance(self._digest, Aside):
            self._digest.stop()
        if self._file is not None:
            self._file.close()


def _piped(path: str, name: str) -> io.FileIO:
    """Open a named pipe; say so where nobody writes into it yet, and wait for who does."""
    import select  # noqa: PLC0415  files need it not

    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(number, select.POLLIN)
    if not poll.poll(_PATIENCE_MS):
        print(f"carpscope: {name}: waiting for somebody to write into this pipe", file=sys.stderr)
        while not poll.poll(_PATIENCE_MS):
            continue  # a signal is looked at here
    os.set_blocking(number, True)
    return io.FileIO(number, "rb")


def _attentive(number: int) -> Callable[[int], bytes]:
    """Return what reads a pipe and still heeds Ctrl-C.

    A signal that comes between Python's last look and the system call is not seen until the
    call ends, and on a silent pipe it never does; so it waits half a second at a time.
    """
    import select  # noqa: PLC0415  files need it not

    def read(size: int) -> bytes:
        while not select.select((number,), (), (), ATTENTION_S)[0]:
            pass
        return os.read(number, size)

    return read


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # a service, or a shell's `<&-`
        raise CarpscopeError("standard input: is closed")
    return sys.stdin.buffer


def _size(stream: BinaryIO | io.FileIO) -> int | None:
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # not a file at all, such as BytesIO
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
