"""`make docs`: the picture of the front page, as a terminal shows what is printed."""

import os
import sys
from io import StringIO
from unittest import mock

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.program import ROOT, run

TARGET = ROOT / "docs" / "pictures" / "analyze.svg"
COMMAND = (
    "analyze",
    "captures/ucarp-different-addresses/capture.pcap",
    "-p",
    "quiet-harbour-17",
    "-a",
    "192.0.2.10",
)
WIDTH = 100


def svg(ansi: str, width: int, title: str) -> str:
    """Draw what a terminal shows."""
    console = Console(record=True, width=width, file=StringIO(), force_terminal=True)
    for line in ansi.rstrip("\n").split("\n"):
        console.print(Text.from_ansi(line), soft_wrap=True, highlight=False)
    return console.export_svg(title=title, theme=MONOKAI, unique_id="carpscope")


def drawn() -> str:
    """Draw the picture; the folder has to be that of the repository."""
    with mock.patch.dict(os.environ, {"COLUMNS": str(WIDTH)}):
        said = run(*COMMAND, "--color", "always").out
    return svg(said, WIDTH, "carpscope analyze capture.pcap -p PASSPHRASE -a 192.0.2.10") + "\n"


def main() -> int:
    """Write it where it changed."""
    os.chdir(ROOT)
    if not TARGET.exists() or TARGET.read_text() != drawn():
        TARGET.write_text(drawn())
        print(TARGET.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
