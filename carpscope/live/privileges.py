"""Becoming nobody after opening: only CAP_NET_RAW stays, and it is not even in force.

Needed again when an interface that disappeared comes back; `raised` puts it in force for
that moment. Everything else is given up for good.
"""

import ctypes
import os
import pwd
from contextlib import AbstractContextManager, nullcontext

from carpscope.core.errors import CarpscopeError

_PR_SET_KEEPCAPS = 8
_PR_SET_NO_NEW_PRIVS = 38
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
    """Give up being root; return what surrounds a later opening.

    Called before any thread starts: capabilities belong to threads. Who is not root has
    nothing to give up. Raises CarpscopeError where the user does not exist.
    """
    if os.geteuid() != 0:
        return nullcontext()
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise CarpscopeError(f"--user {user}: no such user") from None
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _set(libc, effective=0)
    return _Raised(libc)


class _Raised(AbstractContextManager[object]):
    def __init__(self, libc: ctypes.CDLL) -> None:
        self._libc = libc

    def __enter__(self) -> object:
        _set(self._libc, effective=_NET_RAW)
        return self

    def __exit__(self, *problem: object) -> None:
        _set(self._libc, effective=0)


def _set(libc: ctypes.CDLL, *, effective: int) -> None:
    header = _Header(_VERSION_3, 0)
    data = (_Data * 2)()
    data[0].effective = effective
    data[0].permitted = _NET_RAW
    if libc.capset(ctypes.byref(header), data) != 0:
        raise CarpscopeError(f"capabilities cannot be set: {os.strerror(ctypes.get_errno())}")
