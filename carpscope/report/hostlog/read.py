"""Reading a log file: any size, plain or gzip, any bytes."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from carpscope.capture.blocks import is_pcapng
from carpscope.capture.pcap import HEADER_SIZE, is_pcap
from carpscope.core.errors import CarpscopeError
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.report.hostlog.clock import LogClock
from carpscope.report.hostlog.entry import Entry
from carpscope.report.hostlog.lines import LINE_LIMIT, Unread, entries

SIZE_LIMIT = 256 << 20
ENTRIES_LIMIT = 20_000
BLOCK = 1 << 20
_LONGEST = 4 * LINE_LIMIT
"""Bytes of a line that are kept: as many as the characters looked at can have."""


@dataclass(slots=True)
class LogFile:
    """What a log says of CARP."""

    name: str
    owner: str
    """Whose it is as somebody said: a node's id, address or name; empty where nobody did."""
    sha256: str
    size: int
    lines: int = 0
    first: Nanos | None = None
    last: Nanos | None = None
    entries: list[Entry] = field(default_factory=list)
    unread: Unread = field(default_factory=Unread)
    notes: list[str] = field(default_factory=list)


def read_log(path: str, owner: str, name: str, clock: LogClock) -> LogFile:
    """Read a log. Raises CarpscopeError where the file cannot be read.

    A block of it is in memory at a time, so its size costs time only; the digest is of the bytes
    that were read, made in passing.
    """
    try:
        with Path(path).open("rb") as file:
            digested = _Digested(file)
            found = LogFile(name, owner, "", 0)
            _take(found, digested, clock)
            while digested.read(BLOCK):  # what was not looked at belongs to the digest too
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise CarpscopeError(f"--log {path}: cannot be unpacked") from None
    except OSError as problem:
        raise CarpscopeError(f"--log {path}: {problem.strerror}") from None
    found.sha256, found.size = digested.sha256.hexdigest(), digested.size
    return found


def _take(found: LogFile, digested: "_Digested", clock: LogClock) -> None:
    head = digested.read(HEADER_SIZE)
    digested.put_back(head)
    if is_pcap(head) or is_pcapng(head):
        raise CarpscopeError(f"--log {found.name}: is a capture; name it as CAPTURE")
    stream: _Readable = digested
    if head[:2] == b"\x1f\x8b":
        # its own type asks for all that a file can do, and uses `read`
        stream = gzip.GzipFile(fileobj=cast("BinaryIO", digested))
    for at, entry in entries(_counted(found, stream), clock, found.unread):
        if at is not None:
            found.first = at if found.first is None else min(found.first, at)
            found.last = at if found.last is None else max(found.last, at)
        if entry is None:
            continue
        if len(found.entries) < ENTRIES_LIMIT:
            found.entries.append(entry)
        else:
            found.notes.append(f"more than {ENTRIES_LIMIT:,} lines of CARP; the rest is left out")
            break


class _Readable(Protocol):
    """What gives bytes."""

    def read(self, size: int = -1, /) -> bytes: ...


class _Digested:
    """A file whose digest is made while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held = b""
        self.sha256 = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        """Read as a file does."""
        if self._held:
            end = len(self._held) if size < 0 else size
            data, self._held = self._held[:end], self._held[end:]
            return data + self.read() if size < 0 else data
        data = self._file.read(size)
        self.sha256.update(data)
        self.size += len(data)
        return data

    def put_back(self, data: bytes) -> None:
        """Let the next reading begin with bytes that were looked at."""
        self._held = data


def _counted(found: LogFile, stream: _Readable) -> Iterator[str]:
    for line in _lines(stream, found.notes):
        found.lines += 1
        yield line


def _lines(stream: _Readable, notes: list[str]) -> Iterator[str]:
    """Give lines, of a long one the beginning; none of a megabyte is ever held."""
    size, begun, cut = 0, b"", False
    while block := stream.read(min(BLOCK, SIZE_LIMIT - size)):
        size += len(block)
        first, *others = block.split(b"\n")
        begun = (begun + first)[:_LONGEST]
        for other in others:
            yield begun.decode("utf-8", "surrogateescape")
            begun = other[:_LONGEST]
        if size >= SIZE_LIMIT:
            cut = True
            break
    if begun:
        yield begun.decode("utf-8", "surrogateescape")
    if cut:
        notes.append(f"only its first {SIZE_LIMIT >> 20} MiB were read")
