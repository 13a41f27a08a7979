"""What is there to print on: how wide it is, what it can show, and a bar for long files."""

import os
import sys

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from carpscope.capture.source import Capture

PIPE_WIDTH = 100
"""Where nobody says: a pipe has no width, and 80 columns are narrow for a log."""
LONG_FILE = 20_000_000
"""Bytes that take long enough to read for a person to wonder."""


def width() -> int:
    """Return how wide to print: what COLUMNS says, or the terminal, or 100."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and 20 <= int(columns) <= 1000:
        return int(columns)
    try:
        # a pseudo-terminal that nobody sized says 0
        return os.get_terminal_size(1).columns or PIPE_WIDTH
    except OSError:  # no terminal, or closed
        return PIPE_WIDTH


def make_printable() -> None:
    """Let a sign that the encoding lacks become `?` instead of an error in mid-report."""
    if sys.stdout is None:  # a shell's `>&-`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the program runs
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


class Progress:
    """A progress bar on standard error, for long files and on a terminal only."""

    def __init__(self, captures: "Sequence[Capture]", *, quiet: bool) -> None:
        """Decide whether anybody would want to see one."""
        sizes = [capture.size for capture in captures]
        self._total = sum(size for size in sizes if size is not None)
        self._known = None not in sizes
        self._captures = captures
        long = self._total > LONG_FILE or not self._known
        self._shown = long and not quiet and sys.stderr.isatty()
        self._read: dict[int, int] = {}

    def __enter__(self) -> None:
        """Show it."""
        if not self._shown:
            return
        from rich.console import Console
        from rich.progress import Progress as Bar

        self._bar = Bar(console=Console(stderr=True), transient=True)
        task = self._bar.add_task("reading", total=self._total if self._known else None)
        for capture in self._captures:
            index = capture.index

            def hook(read: int, total: int | None, index: int = index) -> None:
                del total
                self._read[index] = read
                self._bar.update(task, completed=sum(self._read.values()))

            capture.progress = hook
        self._bar.start()

    def __exit__(self, *problem: object) -> None:
        """Take it away, so that only the result stays."""
        if self._shown:
            self._bar.stop()
