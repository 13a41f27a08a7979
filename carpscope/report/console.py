"""What an analysis is printed on: a console, and how lines hang on it.

Everything is `rich.Text`: on a terminal in colour, piped the same text. Text from packets and
file names enters as text and never as markup.
"""

from rich.console import Console
from rich.text import Text

from carpscope.report.layout import hanging


class Paper(Console):
    """A console that leaves it to the program what to do when its reader goes away."""

    def on_broken_pipe(self) -> None:
        """Pass it on: rich would end the program with the status that means findings."""
        raise BrokenPipeError


def paper(width: int, color: str = "auto") -> Paper:
    """Return where to print: in colour `always`, `never`, or `auto`, as rich finds the terminal."""
    if color == "never":
        return Paper(width=width, color_system=None)
    if color == "always":
        return Paper(width=width, force_terminal=True, color_system="standard", no_color=False)
    return Paper(width=width)


class Printer:
    """Prints paragraphs that are as wide as the console."""

    def __init__(self, console: Console) -> None:
        """Take where to print."""
        self.console = console

    def hang(self, prefix: Text, body: Text | str) -> None:
        """Print a body behind a prefix, which stands before its first line."""
        told = Text(body) if isinstance(body, str) else body
        self.lines(hanging(self.console, prefix, told))

    def print(self, text: Text | str) -> None:
        """Print a paragraph."""
        self.hang(Text(), text)

    def note(self, told: str) -> None:
        """Print what a person should know."""
        self.hang(Text("  note: ", style="yellow"), told)

    def blank(self) -> None:
        """Print an empty line."""
        self.lines([Text()])

    def lines(self, lines: list[Text]) -> None:
        """Print lines as they are."""
        if self.console.color_system is None:  # rich would print the same in ten times the time
            self.console.file.write("".join([f"{line.plain.rstrip()}\n" for line in lines]))
            return
        for line in lines:
            line.rstrip()
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)
