"""JSON lines in the manner of Suricata's EVE: one event object a line (docs/live.md)."""

import os
from contextlib import suppress
from json import JSONEncoder
from pathlib import Path
from typing import TextIO

from carpscope.core.errors import CarpscopeError
from carpscope.core.files import open_to_write
from carpscope.report.record import EventRecord
from carpscope.report.sink_kind import SinkKind

_encode = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class JsonLines:
    """Appends to a stream."""

    attempts = 1

    def __init__(self, stream: TextIO, name: str, *, owned: bool) -> None:
        """Take where to write; close it at the end where it is ours."""
        self.name = name
        self._stream = stream
        self._owned = owned

    def send(self, record: EventRecord) -> None:
        """Write one line, all of it."""
        self._stream.write(_encode(record.document()) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Let go."""
        if self._owned:
            self._stream.close()


def open_lines(target: str) -> JsonLines:
    """Append to a file, of such lines if there is something in it. Raises OSError."""
    descriptor = open_to_write(target, append=True)  # first: it follows no link of another
    if _is_other(Path(target)):
        os.close(descriptor)
        raise CarpscopeError(f"json {target}: is there, and holds no lines of JSON")
    stream = os.fdopen(descriptor, "w", encoding="utf-8")
    return JsonLines(stream, _named(target), owned=True)


def _is_other(path: Path) -> bool:
    """Tell whether something else than JSON lines is in a file; not of one that nobody may read."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as there:
                return there.read(1) not in (b"", b"{")
    return False


def _named(target: str) -> str:
    return f"json {target}"


SINK = SinkKind("json", "FILE", "append JSON lines to a file", open_lines, _named)
