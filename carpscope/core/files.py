"""Files that somebody else may have put something in the way of.

Who runs as root, or writes for hours into a folder that others may write to, must not follow a
link that one of them laid there, nor take a file that one of them can still change. What is
opened here is checked after it was opened, by its descriptor, so nothing can change in between.
"""

import errno
import os
from pathlib import Path
from stat import S_ISREG, S_ISVTX, S_IWGRP, S_IWOTH
from typing import BinaryIO

MODE = 0o640
"""Of what is made: a capture is somebody's traffic."""
_OTHERS_WRITE = S_IWGRP | S_IWOTH
_OTHERS = 0o007 | S_IWGRP
"""Permissions that let somebody else have a secret; its group may read it."""


def open_to_write(path: Path | str, *, append: bool = False, new: bool = False) -> int:
    """Open a file to write into; return its descriptor. Raises OSError.

    With `append` what is there stays, with `new` nothing may be there; else it is emptied. No
    link is followed but one that lies in a folder of root's, such as /dev/stdout. Root writes
    into files of root's only, and into none that has a second name.
    """
    way = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    way |= (os.O_APPEND if append else 0) | (os.O_EXCL if new else 0)
    try:
        descriptor = os.open(path, way | os.O_NOFOLLOW, MODE)
    except OSError as problem:
        if problem.errno != errno.ELOOP or not _is_roots(Path(path).parent):
            raise _explained(problem, path) from None
        descriptor = os.open(path, way, MODE)
    try:
        _check(descriptor, path)
        if not append and S_ISREG(os.fstat(descriptor).st_mode):
            os.ftruncate(descriptor, 0)
        os.set_blocking(descriptor, True)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check(descriptor: int, path: Path | str) -> None:
    """Refuse what root must not write into."""
    status = os.fstat(descriptor)
    if os.geteuid() != 0 or not S_ISREG(status.st_mode):
        return
    if status.st_uid != 0:
        raise OSError(errno.EPERM, "belongs to another user", str(path))
    if status.st_nlink > 1:
        raise OSError(errno.EPERM, "is a second name of another file", str(path))


def _is_roots(folder: Path) -> bool:
    """Tell whether only root can lay a link into a folder."""
    status = folder.stat()
    return status.st_uid == 0 and not status.st_mode & _OTHERS_WRITE


def _explained(problem: OSError, path: Path | str) -> OSError:
    text = problem.strerror or str(problem)
    if problem.errno == errno.ELOOP:
        text = "is a link; name the file that it leads to"
    elif problem.errno == errno.ENXIO:
        text = "is a pipe that nobody reads"
    return OSError(problem.errno, text, str(path))


def changeable(descriptor: int, path: Path | str) -> str:
    """Say who else can change an open file, or lay another one in its place; empty for nobody.

    It is ours where it belongs to root or to who runs this; who used sudo reads his own as well.
    """
    status = os.fstat(descriptor)
    if not S_ISREG(status.st_mode):
        return ""  # nobody can open a pipe by its mode
    mode = status.st_mode & 0o777
    if status.st_uid not in ours():
        return f"it belongs to another user (uid {status.st_uid})"
    if status.st_mode & S_IWOTH:
        return f"everybody may write it (mode {mode:04o})"
    if status.st_mode & S_IWGRP and status.st_gid not in _own_groups(status.st_uid):
        return f"its group may write it (mode {mode:04o})"
    folder = Path(path).parent.stat()
    if folder.st_mode & S_IWOTH and not folder.st_mode & S_ISVTX:
        return f"everybody may replace it: its folder has mode {folder.st_mode & 0o777:04o}"
    return ""


def is_same(one: Path | str, other: Path | str) -> bool:
    """Tell whether two names are those of one file, which is there."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def ours() -> set[int]:
    """Return whose files are as good as our own: root's, ours, and those of who used sudo."""
    sudo = os.environ.get("SUDO_UID", "")
    return {0, os.geteuid(), *([int(sudo)] if sudo.isdecimal() else [])}


def _own_groups(uid: int) -> set[int]:
    """Return root's group, and the one that a user has for himself where it has his number."""
    return {0, uid}


class Reserve:
    """Descriptors that are kept for what must be opened later, when all others are in use.

    Within `with reserve:` they are free; afterwards as many are taken back as there are.
    """

    def __init__(self, size: int) -> None:
        """Take so many, or as many as there are."""
        self._size = size
        self._held: list[int] = []
        self._fill()

    def _fill(self) -> None:
        while len(self._held) < self._size:
            try:
                self._held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
            except OSError:
                return

    def __enter__(self) -> None:
        """Let go of all."""
        held, self._held = self._held, []
        for descriptor in held:
            os.close(descriptor)

    def __exit__(self, *problem: object) -> None:
        """Take back what there is."""
        self._fill()

    def close(self) -> None:
        """Let go for good."""
        self._size = 0
        self.__enter__()


def exposed(stream: BinaryIO) -> str:
    """Say who else may read or write an open file with secrets; empty where nobody."""
    status = os.fstat(stream.fileno())
    if not S_ISREG(status.st_mode):
        return ""  # nobody can open a pipe by its mode
    if status.st_uid not in ours():
        return f"it belongs to another user (uid {status.st_uid})"
    if not status.st_mode & _OTHERS:
        return ""
    return f"others may read or write it (mode {status.st_mode & 0o777:04o})"
