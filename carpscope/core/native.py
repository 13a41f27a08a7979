"""The extension in C, where this installation has one: see carpscope/native and .ci/hatch_build.py.

Whatever uses it has a counterpart in Python that gives the same. CARPSCOPE_PURE=1 in the
environment leaves it unused, as where there is none.
"""

import os
from types import ModuleType

INTERFACE = 5
"""As in carpscope/native/module.c: what was built of another version is not used."""


def loaded() -> ModuleType | None:
    """Return the extension; None where it is not there, of another version, or not wanted."""
    if os.environ.get("CARPSCOPE_PURE"):
        return None
    try:
        from carpscope import _native  # noqa: PLC0415  it may be absent
    except ImportError:
        return None
    return _native if _native.INTERFACE == INTERFACE else None


def kind() -> str:
    """Say which reader is used, as `--version` does."""
    return "pure Python" if loaded() is None else "native reader"
