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

    if options.code is None:
        for rule in rules():
            print(f"{rule.code}  {rule.severity.value:8}  {rule.label:30}  {rule.title}")
        return 0
    for rule in rules():
        if options.code.upper() == rule.code or options.code == rule.label:
            print(f"{rule.code} {rule.label} ({rule.severity.value})\n")
            print(rule.page.strip())
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
