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


def is_capture_name(path: str) -> bool:
    """Tell whether a file was meant to be a capture, whatever is in it."""
    return _CAPTURE_NAME.search(path) is not None


def files(folder: str, failed: Callable[[str], None] | None = None) -> list[Found]:
    """Return all regular files below a folder, sorted by path.

    Hidden files and folders are left out. Links to files are followed, links to folders are
    not: they may lead back. `failed` hears a line of each file or folder that cannot be
    looked at.
    """
    found: list[Found] = []

    def trouble(error: OSError) -> None:
        if error.filename == folder:
            raise CarpscopeError(f"{shown(folder)}: {error.strerror}") from None
        if failed is not None:
            failed(f"{shown(str(error.filename))}: {error.strerror}")

    for place, folders, names in os.walk(folder, onerror=trouble):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith("."):
                continue
            path = Path(place) / name
            try:
                status = path.stat()
            except OSError as error:
                trouble(error)
                continue
            if stat.S_ISREG(status.st_mode):
                found.append(Found(str(path), status.st_size))
    found.sort()
    return found
