"""What is there to print on: how wide it is, what it can show, and a bar for long files."""

import os
import sys

from carpscope.core.text import WORDS

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from carpscope.capture.source import Capture

PIPE_WIDTH = 100
"""Where nobody says: a pipe has no width, and 80 columns are narrow for a log."""
LONG_SEARCH = 400_000
"""Digests: a third of a second."""
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


def _in_words(problem: UnicodeError) -> tuple[str, int]:
    """Replace what cannot be encoded: codecs calls it by name."""
    assert isinstance(problem, UnicodeEncodeError)
    signs = problem.object[problem.start : problem.end]
    return "".join(WORDS.get(sign, "?") for sign in signs), problem.end


def make_printable() -> None:
    """Let a sign that the encoding lacks become a word instead of an error in mid-report."""
    import codecs
    import io

    codecs.register_error("carpscope", _in_words)
    if sys.stdout is None:  # a shell's `>&-`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the program runs
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="carpscope")


class Progress:
    """A progress bar on standard error, for long work and on a terminal only."""

    def __init__(self, captures: "Sequence[Capture]", *, quiet: bool) -> None:
        """Decide whether anybody would want to see one."""
        sizes = [capture.size for capture in captures]
        self._total = sum(size for size in sizes if size is not None)
        self._known = None not in sizes
        self._captures = captures
        self._watched = not quiet and sys.stderr.isatty()
        self._long = self._total > LONG_FILE or not self._known
        self._read: dict[int, int] = {}
        self._bar: Bar | None = None
        self._searching: TaskID | None = None

    def __enter__(self) -> "Progress":
        """Show it where reading takes long."""
        if not self._watched or not self._long:
            return self
        bar = self._started()
        task = bar.add_task("reading", total=self._total if self._known else None)
        for capture in self._captures:
            index = capture.index

            def hook(read: int, total: int | None, index: int = index) -> None:
                del total
                self._read[index] = read
                bar.update(task, completed=sum(self._read.values()))

            capture.progress = hook
        return self

    def searched(self, done: int, most: int) -> None:
        """Show how far the search for what nodes sign is, once it takes long."""
        if not self._watched or done < LONG_SEARCH:
            return
        bar = self._started()
        if self._searching is None:
            self._searching = bar.add_task("searching passphrases and addresses", total=most)
        bar.update(self._searching, completed=done, total=most)

    def _started(self) -> "Bar":
        from rich.console import Console
        from rich.progress import Progress as RichProgress

        if self._bar is None:
            self._bar = RichProgress(console=Console(stderr=True), transient=True)
            self._bar.start()
        return self._bar

    def __exit__(self, *problem: object) -> None:
        """Take it away, so that only the result stays."""
        if self._bar is not None:
            self._bar.stop()


class Steps:
    """A bar on standard error for work of several steps, on a terminal only."""

    def __init__(self, *, quiet: bool) -> None:
        """Decide whether anybody would want to see one."""
        self._watched = not quiet and sys.stderr.isatty()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._step = ""

    def show(self, step: str, done: int, total: int) -> None:
        """Show how far a step is; another one takes the place of the one before."""
        if not self._watched:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(console=Console(stderr=True), transient=True)
            self._bar.start()
        if self._task is None or step != self._step:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task, self._step = self._bar.add_task(step, total=total), step
        self._bar.update(self._task, completed=done, total=total)

    def __enter__(self) -> "Steps":
        """Show nothing yet."""
        return self

    def __exit__(self, *problem: object) -> None:
        """Take it away, so that only the result stays."""
        if self._bar is not None:
            self._bar.stop()
