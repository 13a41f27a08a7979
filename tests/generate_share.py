"""`make docs`: the man page and the completions of shells, from the parser itself."""

import argparse
import re
import sys
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

from carpscope.cli.main import whole_parser

ROOT = Path(__file__).parents[1]
SHARE = ROOT / "docs" / "share"
SHELLS = {
    "bash": "bash-completion/completions/carpscope",
    "zsh": "zsh/site-functions/_carpscope",
    "fish": "fish/vendor_completions.d/carpscope.fish",
}
"""Where each shell looks, below share/ of an installation."""
_FILES = frozenset(("captures", "more", "output", "write", "config", "passphrase_file", "capture"))
"""Options whose value is a file."""


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Prints as wide on every machine."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=78)


def _parser() -> argparse.ArgumentParser:
    parser = whole_parser()
    pending = [parser]
    while pending:
        one = pending.pop()
        one.formatter_class = _Plain
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                pending += action.choices.values()
            elif action.dest in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            if isinstance(action, argparse._VersionAction):
                action.version = "carpscope"
    return parser


def manual() -> str:
    """Write the man page."""
    parser = _parser()
    parser.man_short_description = "say what is wrong with CARP"  # type: ignore[attr-defined]
    data = {
        "project_name": "carpscope",
        "version": "",
        "url": "",
        "authors": [],
        "date": "",
        "manual_title": "carpscope",
        "format": "single-commands-section",
        "manual_section": 1,
        "prog": "carpscope",
        "description": "say what is wrong with CARP",
    }
    text = str(Manpage(parser, format="single-commands-section", _data=data))
    return re.sub(r'^(\.TH \S+ "1") "[^"]*"', r'\1 ""', text, count=1)  # the same every day


def documents() -> dict[Path, str]:
    """Give every generated file and what belongs in it."""
    found = {SHARE / "man" / "man1" / "carpscope.1": manual()}
    for shell, path in SHELLS.items():
        found[SHARE / path] = shtab.complete(_parser(), shell) + "\n"
    return found


def main() -> int:
    """Write what changed."""
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
