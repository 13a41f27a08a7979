"""Reading a log file: any size, plain or gzip, any bytes."""

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from carpscope.core.errors import CarpscopeError
from carpscope.core.units import Nanos
from carpscope.report.hostlog.clock import LogClock
from carpscope.report.hostlog.entry import Entry
from carpscope.report.hostlog.lines import entries

SIZE_LIMIT = 256 << 20
ENTRIES_LIMIT = 20_000


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
    notes: list[str] = field(default_factory=list)


def read_log(path: str, owner: str, name: str, clock: LogClock) -> LogFile:
    """Read a log. Raises CarpscopeError where the file cannot be read."""
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        raise CarpscopeError(f"--log {path}: {problem.strerror}") from None
    found = LogFile(name, owner, hashlib.sha256(data).hexdigest(), len(data))
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = stream.read(SIZE_LIMIT)
        except (OSError, EOFError, zlib.error):
            raise CarpscopeError(f"--log {path}: cannot be unpacked") from None
    if len(data) >= SIZE_LIMIT:
        found.notes.append(f"only its first {SIZE_LIMIT >> 20} MiB were read")
    text = data[:SIZE_LIMIT].decode("utf-8", "surrogateescape")
    for at, entry in entries(text.split("\n"), clock):
        found.lines += 1
        if at is not None:
            found.first = at if found.first is None else min(found.first, at)
            found.last = at if found.last is None else max(found.last, at)
        if entry is None:
            continue
        if len(found.entries) < ENTRIES_LIMIT:
            found.entries.append(entry)
        elif len(found.entries) == ENTRIES_LIMIT:
            found.notes.append(f"more than {ENTRIES_LIMIT:,} lines of CARP; the rest is left out")
            break
    if text.endswith("\n") or not text:
        found.lines -= 1
    return found
