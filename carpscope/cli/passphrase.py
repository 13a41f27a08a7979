"""Passphrases from a variable, or typed where nobody can see it."""

import getpass
import os
import sys
import warnings

from carpscope.core.errors import CarpscopeError

VARIABLE = "CARPSCOPE_KEY_PASSPHRASE"


def key_passphrase(name: str) -> bytes:
    """Return the passphrase of an encrypted key. Raises CarpscopeError where nobody says it."""
    found = os.environb.get(VARIABLE.encode())
    if found is not None:
        return found
    return _typed(f"passphrase of {name}: ", f"{name}: is encrypted")


def new_passphrase() -> bytes | None:
    """Return the passphrase for a new key, asked for twice; None where it is left empty."""
    found = os.environb.get(VARIABLE.encode())
    if found is not None:
        return found or None
    first = _typed("passphrase for the new key (empty: none): ", "a key wants a passphrase")
    if first != _typed("the same again: ", "a key wants a passphrase"):
        raise CarpscopeError("the two passphrases differ; nothing was written")
    return first or None


def candidate(variable: str) -> bytes:
    """Return a passphrase that a group may use; empty where nothing is typed."""
    return _typed("passphrase: ", "a passphrase is to be asked for", variable)


def _typed(prompt: str, why: str, variable: str = VARIABLE) -> bytes:
    with warnings.catch_warnings():
        # getpass would go on with an echo where it cannot switch it off
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return os.fsencode(getpass.getpass(prompt, sys.stderr))
        except (getpass.GetPassWarning, EOFError, OSError):
            raise CarpscopeError(
                f"{why}, and there is no terminal to ask on: set {variable}"
            ) from None
