"""Keys of the dashboard: a terminal that echoes nothing, and what each key does to the view."""

import contextlib
import os
import select
import sys
from collections.abc import Sequence

from carpscope.core.values import dataclass, field

Key = tuple[str, str]
"""Of a group: its interface and its name."""
SORTINGS = ("worst", "vhid", "address")
NAMES = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down", "\x1b[5~": "page up",
    "\x1b[6~": "page down", "\r": "enter", "\n": "enter", "\x7f": "erase", "\x08": "erase",
    "\x1b": "escape", " ": "page down",
}  # fmt: skip
"""What terminals send for what is on no letter."""
STEPS = {"j": 1, "down": 1, "k": -1, "up": -1, "page down": 10, "page up": -10}
PATTERN_MAX = 60


class Keyboard:
    """Standard input, key by key; without a terminal there are none."""

    def __init__(self) -> None:
        """Find out whether there is a terminal."""
        self._before: list[object] | None = None
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        self.is_there = sys.stdin is not None and sys.stdin.isatty()

    def take(self) -> None:
        """Let keys come one by one and unseen; Ctrl-C and Ctrl-Z stay what they are."""
        if not self.is_there:
            return
        import termios  # noqa: PLC0415 - not everywhere, and only with a terminal
        import tty  # noqa: PLC0415

        try:
            self._before = termios.tcgetattr(0)
            tty.setcbreak(0)
        except termios.error:
            self.is_there, self._before = False, None

    def give_back(self) -> None:
        """Let the terminal be as it was; what was typed meanwhile is for nobody."""
        if self._before is None:
            return
        import termios  # noqa: PLC0415

        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSAFLUSH, self._before)  # type: ignore[arg-type]
        self._before = None

    def wake(self) -> None:
        """End a wait for keys."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._writer, b".")

    def keys(self, patience: float) -> list[str]:
        """Wait for keys or to be woken; return what was pressed."""
        watched = [self._reader, *([0] if self._before is not None else [])]
        ready, _, _ = select.select(watched, [], [], patience)
        if self._reader in ready:
            os.read(self._reader, 4096)
        if 0 not in ready:
            return []
        data = os.read(0, 256)
        if not data:
            self.give_back()  # the terminal is gone
        return read(data.decode(errors="replace"))


def read(text: str) -> list[str]:
    """Take apart what a terminal sent."""
    keys = []
    while text:
        known = next((sent for sent in NAMES if len(sent) > 1 and text.startswith(sent)), text[0])
        keys.append(NAMES.get(known, known))
        text = text[len(known) :]
    return keys


@dataclass(slots=True)
class View:
    """What of the groups a person looks at."""

    mark: Key | None = None
    page: Key | None = None
    offset: int = 0
    """Lines of a page that are above the screen."""
    pattern: str = ""
    """What groups must have in their names, addresses or nodes."""
    sorting: str = SORTINGS[0]
    is_typing: bool = False
    is_paused: bool = False
    is_helped: bool = False
    _place: int = field(default=0)

    def marked(self, groups: Sequence[Key]) -> int:
        """Return which of the groups is marked: the same one, wherever it moved to."""
        if self.mark in groups:
            self._place = groups.index(self.mark)
        self._place = max(0, min(self._place, len(groups) - 1))
        return self._place

    def press(self, key: str, groups: Sequence[Key]) -> bool:
        """Take a key; return whether it ends the run. `groups` are those in sight, in order."""
        if self.is_typing:
            self._type(key)
        elif key == "q" and self.page is None and not self.is_helped:
            return True
        elif key in ("q", "escape"):
            self.pattern = self.pattern if self.page or self.is_helped else ""
            self.page, self.is_helped = None, False
        elif key == "?":
            self.is_helped = not self.is_helped
        elif key == "/":
            self.page, self.is_helped, self.is_typing, self.pattern = None, False, True, ""
        elif key == "p":
            self.is_paused = not self.is_paused
        elif key == "s":
            self.sorting = SORTINGS[(SORTINGS.index(self.sorting) + 1) % len(SORTINGS)]
            self.mark, self._place = None, 0
        elif key in STEPS and self.page is not None:
            self.offset = max(0, self.offset + STEPS[key])
        elif key in STEPS and groups:
            at = max(0, min(self.marked(groups) + STEPS[key], len(groups) - 1))
            self.mark = groups[at]
        elif key == "enter" and groups:
            self.page = None if self.page is not None else groups[self.marked(groups)]
            self.offset = 0
        return False

    def _type(self, key: str) -> None:
        if key in ("enter", "escape"):
            self.is_typing = False
            self.pattern = self.pattern if key == "enter" else ""
        elif key == "erase":
            self.pattern = self.pattern[:-1]
        elif len(key) == 1 and key.isprintable() and len(self.pattern) < PATTERN_MAX:
            self.pattern += key

    def legend(self, width: int) -> str:
        """Name the keys, as many as there is room for."""
        if self.is_typing:
            return f"find: {self.pattern}_  (enter keeps it, escape forgets it)"
        paused = "PAUSED  " if self.is_paused else ""
        if self.page is not None:
            return f"{paused}j k scroll  enter or q back  ? help"
        words = ["q quit", "? help", "j k move", "enter page", "/ find", "s sort", "p pause"]
        told = paused + "  ".join(words)
        while len(told) > width and len(words) > 1:
            words = words[:-1]
            told = paused + "  ".join(words)
        signs = "  ✗ failed  ! degraded  ? unknown  ✓ healthy"
        return told + (signs if len(told) + len(signs) <= width else "")

    def help(self) -> list[str]:
        """Say what keys and signs mean."""
        return [
            "j k, arrows   the next group, the one before (on a page: scroll)",
            "space         ten further; page up: ten back",
            "enter         the page of a group: nodes, what is wrong, what happened, explain",
            "/             find: groups with this in address, name, node or state",
            f"s             sort by worst, vhid, address (now: {self.sorting})",
            f"p             pause the picture, or go on{' (paused)' if self.is_paused else ''}",
            "q             back, or end; Ctrl-C ends, Ctrl-Z leaves the screen to the shell",
            "",
            "✗ failed: an open finding of error or critical   ! degraded: an open warning",
            "? unknown: it cannot be seen how it stands       ✓ healthy: none of these",
            "late by: how late the latest advertisements came, a bar each",
            "last hour: █ one MASTER, ▁ nobody for a time, 2 several, ? not seen, · not heard yet",
            "takeover: when a backup would take over if no further advertisement came",
        ]
