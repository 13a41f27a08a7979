"""`carpscope explain`: the page of a finding or an event, or their list."""

import argparse
import sys

from carpscope.cli.command import Command
from carpscope.core.errors import CarpscopeError
from carpscope.core.nearest import nearest

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from carpscope.detect.page import Page
    from carpscope.detect.rule import Rule
    from carpscope.report.line import Json

EXAMPLES = """\
  carpscope explain                  every finding and every event there is
  carpscope explain CS101            what it means, how it is seen, false alarms, what to do
  carpscope explain split_brain      the same, by its label
  carpscope explain --json failover"""
SCHEMA = "carpscope.explain/1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "code", nargs="?", metavar="CODE", help="CS101, or a label: split_brain, failover"
    )
    parser.add_argument("--json", action="store_true", help="one document: the page, or the list")


def run(options: argparse.Namespace) -> int:
    """Print the page or the list."""
    from carpscope.detect.engine import rules
    from carpscope.detect.event_pages import EVENT_PAGES
    from carpscope.live.pages import PAGES

    pages: list[Rule | Page] = [*rules(), *PAGES, *EVENT_PAGES]
    if options.code is not None:
        pages = [_named(options.code, pages)]
    if options.json:
        from carpscope.report.forensic.text import json_text

        entries: list[Json] = [_entry(page) for page in pages]
        document: dict[str, Json] = {"schema": SCHEMA, "pages": entries}
        sys.stdout.write(json_text(document) + "\n")
    elif options.code is not None:
        (page,) = pages
        title = f"{page.code} {page.label}" if page.code else page.label
        print(f"{title} ({_kind(page)})\n\n{page.page.strip()}")
    else:
        for page in sorted(pages, key=lambda page: (page.code is None, page.code or page.label)):
            print(f"{page.code or '':5}  {_kind(page):8}  {page.label:30}  {page.title}")
    return 0


def _named(text: str, pages: "list[Rule | Page]") -> "Rule | Page":
    for page in pages:
        if text.upper() == page.code or text.lower().replace("-", "_") == page.label:
            return page
    meant = nearest(text.lower(), [page.label for page in pages])
    raise CarpscopeError(
        f"explain {text!r}: no such finding or event{meant} (`carpscope explain` lists them)"
    )


def _kind(page: "Rule | Page") -> str:
    return page.severity.value if page.severity else "event"


def _entry(page: "Rule | Page") -> "dict[str, Json]":
    return {
        "code": page.code,
        "label": page.label,
        "kind": "finding" if page.severity else "event",
        "severity": page.severity.value if page.severity else None,
        "title": page.title,
        "page": page.page.strip(),
    }


COMMAND = Command(
    "explain",
    "what a finding or an event means, and what to do about it",
    "Prints the page of a finding or an event: what it means, how it is seen, what looks like\n"
    "it, what to do.",
    EXAMPLES,
    configure,
    run,
)
