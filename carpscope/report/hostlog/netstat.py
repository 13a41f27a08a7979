"""`netstat -s -p carp` pasted twice: what its counters of drops gained between two times.

Mon Nov 23 00:31:05 UTC 2026
carp:
        120 packets received (IPv4)
                34 discarded for bad authentication
"""

import re
from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.report.hostlog.entry import Entry, EntryKind

_HEAD = re.compile(r"carp6?:\s*")
_COUNTER = re.compile(r"\s+(?P<count>\d{1,19}) (?P<name>\S.{0,200}?)\s*")
_DROP = re.compile(r"discarded|dropped|shorter|short|wrong TTL|\bbad\b")


class Netstat:
    """Follows the lines of a file; gives what rose when an output of it ends."""

    def __init__(self) -> None:
        """Begin outside of one."""
        self._is_inside = False
        self._now: dict[str, tuple[int, int, str]] = {}
        """Count, line and text by name."""
        self._at: Nanos | None = None
        self._before: tuple[dict[str, tuple[int, int, str]], Nanos | None] | None = None

    def takes(self, text: str, number: int, at: Nanos | None) -> bool:
        """Take a line if it is part of an output; `at` is the time shown before it."""
        if _HEAD.fullmatch(text):
            self._is_inside, self._now, self._at = True, {}, at
            return True
        if not self._is_inside:
            return False
        found = _COUNTER.fullmatch(text)
        if found is None:
            return False
        name = re.sub(r"\bpackets\b", "packet", found["name"])
        self._now[name] = (int(found["count"]), number, text)
        return True

    @property
    def is_inside(self) -> bool:
        """Tell whether an output is being read."""
        return self._is_inside

    def ended(self) -> Iterator[Entry]:
        """End an output: give every counter of drops that rose since the one before it."""
        self._is_inside = False
        before, self._before = self._before, (self._now, self._at)
        if before is None:
            return
        counts, since = before
        for name, (count, number, text) in self._now.items():
            gained = count - counts.get(name, (count, 0, ""))[0]
            if gained > 0 and _DROP.search(name):
                yield Entry(
                    number,
                    text,
                    EntryKind.COUNTER,
                    self._at,
                    coarse=True,
                    reason=name,
                    by=gained,
                    since=since,
                )
