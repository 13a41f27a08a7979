"""Becoming nobody after opening: only CAP_NET_RAW stays permitted, and it is not in force.

It is needed again when an interface has to be opened anew; `raised` puts it in force for that
moment. Everything else is given up for good, by whoever starts the program: root becomes
another user, and who was given capabilities (a unit's AmbientCapabilities, setcap) keeps none
that what `--exec` starts would inherit.

    permitted    NET_RAW, where it was there        to open an interface again
    effective    nothing
    inheritable  nothing, ambient neither           what --exec starts has none
    no new privileges                               nor does it get any by set-user-id programs
"""

import ctypes
import errno
import os
import pwd
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from carpscope.core.errors import CarpscopeError

_PR_SET_KEEPCAPS = 8
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_VERSION_3 = 0x20080522
_NET_RAW = 1 << 13


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def drop(user: str = "nobody") -> AbstractContextManager[object]:
    """Give up every privilege but one; return what surrounds a later opening.

    Called before any thread starts: capabilities belong to threads. Raises CarpscopeError
    where the user does not exist or a privilege cannot be given up.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            raise CarpscopeError(f"--user {user}: no such user") from None
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    kept = _permitted(libc) & _NET_RAW
    _set(libc, permitted=kept, effective=0)
    return _Raised(libc) if kept else nullcontext()


@contextmanager
def explained(user: str | None) -> Iterator[None]:
    """Say of what is denied that it is to the user that was become, and how to choose another."""
    try:
        yield
    except CarpscopeError as problem:
        if user is None or os.strerror(errno.EACCES) not in str(problem):
            raise
        told = f"{problem} to {user}, who carpscope became after opening; --user NAME is another"
        raise CarpscopeError(told) from None


class _Raised(AbstractContextManager[object]):
    def __init__(self, libc: ctypes.CDLL) -> None:
        self._libc = libc

    def __enter__(self) -> object:
        _set(self._libc, permitted=_NET_RAW, effective=_NET_RAW)
        return self

    def __exit__(self, *problem: object) -> None:
        _set(self._libc, permitted=_NET_RAW, effective=0)


def _permitted(libc: ctypes.CDLL) -> int:
    """Return the lower half of what is permitted; nothing of the upper half is kept."""
    header = _Header(_VERSION_3, 0)
    data = (_Data * 2)()
    if libc.capget(ctypes.byref(header), data) != 0:
        raise CarpscopeError(f"capabilities cannot be read: {os.strerror(ctypes.get_errno())}")
    return int(data[0].permitted)


def _set(libc: ctypes.CDLL, *, permitted: int, effective: int) -> None:
    header = _Header(_VERSION_3, 0)
    data = (_Data * 2)()
    data[0].effective = effective
    data[0].permitted = permitted
    if libc.capset(ctypes.byref(header), data) != 0:
        raise CarpscopeError(f"capabilities cannot be set: {os.strerror(ctypes.get_errno())}")
