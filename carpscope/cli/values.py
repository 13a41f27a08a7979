"""Values of options: each reader says in one line what it would have taken."""

import argparse
from collections.abc import Callable

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def span(text: str) -> int:
    """Read `10s`, `5m`, `2h`, `1d` or plain seconds into nanoseconds."""
    unit = _UNITS.get(text[-1:].lower())
    try:
        seconds = float(text[:-1] if unit else text) * (unit or 1.0)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 366 * 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a span as 10s, 5m or 2h")
    return int(seconds * 1_000_000_000)


def named(name: str) -> Callable[[str], str]:
    """Make a reader of what `--out name=…` would be given."""

    def read(target: str) -> str:
        if not target:
            raise argparse.ArgumentTypeError("is empty")
        return f"{name}={target}"

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of whole numbers."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return read
