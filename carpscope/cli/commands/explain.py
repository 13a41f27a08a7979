"""`carpscope explain`: the page of a finding, or their list."""

import argparse

from carpscope.cli.command import Command
from carpscope.core.errors import CarpscopeError

EXAMPLES = """\
  carpscope explain            every finding there is
  carpscope explain CS101      what it means, how it is seen, false alarms, what to do"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="CS101, or a label: split_brain")


def run(options: argparse.Namespace) -> int:
    """Print the page or the list."""
    from carpscope.detect.engine import rules
    from carpscope.detect.rule import Rule
    from carpscope.live.pages import PAGES, Page

    if options.code is None:
        for rule in rules():
            print(f"{rule.code}  {rule.severity.value:8}  {rule.label:30}  {rule.title}")
        return 0
    pages: list[Rule | Page] = [*rules(), *PAGES]  # the list above is of what a capture shows
    for page in pages:
        if options.code.upper() == page.code or options.code == page.label:
            print(f"{page.code} {page.label} ({page.severity.value})\n")
            print(page.page.strip())
            return 0
    raise CarpscopeError(
        f"explain {options.code!r}: no such finding; `carpscope explain` lists them"
    )


COMMAND = Command(
    "explain",
    "what a finding means and what to do about it",
    "Prints the page of a finding: what it means, how it is seen, what looks like it, what to do.",
    EXAMPLES,
    configure,
    run,
)
