"""Every event in an SQLite file that `carpscope history` reads: `--store FILE[,DAYSd]`."""

import re

from carpscope.core.errors import CarpscopeError
from carpscope.report.sink_kind import SinkKind
from carpscope.report.store import DAYS, DAYS_MAX, Store


def make(target: str) -> Store:
    """Open the file of `FILE` or `FILE,30d`. Raises CarpscopeError or OSError."""
    return Store(*_understood(target))


def _understood(target: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.+),([0-9]+)d", target, re.DOTALL)
    path, days = (found[1], int(found[2])) if found else (target, DAYS)
    if not 1 <= days <= DAYS_MAX:
        raise CarpscopeError(f"store {target}: keep 1 to {DAYS_MAX} days")
    return path, days


def _named(target: str) -> str:
    return f"store {_understood(target)[0]}"


SINK = SinkKind("store", "FILE[,DAYSd]", f"keep events for {DAYS} days, for history", make, _named)
