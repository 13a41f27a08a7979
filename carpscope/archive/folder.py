"""Which files a folder holds, and which of them were meant to be captures."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown

_CAPTURE_NAME = re.compile(
    r"\.(p?cap|pcapng|ntar|dmp|dump|trc|trace)([._-]?\d+)*(\.(gz|zst|zstd))?(\.?\d+)?$",
    re.IGNORECASE,
)
"""As tcpdump -C, -G and -W, dumpcap's ring buffer, pfSense and logrotate name them."""


class Found(NamedTuple):
    """A file as it was when the folder was searched."""

    path: str
    size: int
    state: tuple[int, int, int, int]
    """Size, times of change of content and of inode in nanoseconds, inode: equal says unchanged."""


def is_capture_name(path: str) -> bool:
    """Tell whether a file was meant to be a capture, whatever is in it."""
    return _CAPTURE_NAME.search(path) is not None


def files(
    folder: str, without: str | None = None, failed: Callable[[str], None] | None = None
) -> list[Found]:
    """Return all regular files below a folder, sorted by path.

    Hidden files and folders are left out, and the folder `without` (a cache). Links to files
    are followed, links to folders are not: they may lead back. `failed` hears a line of each
    file or folder that cannot be looked at.
    """
    found: list[Found] = []

    def trouble(error: OSError) -> None:
        if error.filename == folder:
            raise CarpscopeError(f"{shown(folder)}: {error.strerror}") from None
        if failed is not None:
            failed(f"{shown(str(error.filename))}: {error.strerror}")

    for place, folders, names in os.walk(folder, onerror=trouble):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not _is_same(str(Path(place) / name), without)
        )
        for name in names:
            path = str(Path(place) / name)
            if name.startswith("."):
                continue
            try:
                status = Path(path).stat()
            except OSError as error:
                trouble(error)
                continue
            if stat.S_ISREG(status.st_mode):
                found.append(Found(path, status.st_size, state_of(status)))
    found.sort()
    return found


def state_of(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return what changes when a file does."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _is_same(path: str, other: str | None) -> bool:
    return other is not None and Path(path).resolve() == Path(other).resolve()
