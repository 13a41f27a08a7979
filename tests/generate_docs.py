"""`make docs`: a page of docs/findings for every detector, from the docstring of its file.

And one for every event and for what only a run itself tells.
"""

import ast
import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

from carpscope.detect.event_pages import EVENT_PAGES
from carpscope.live.pages import PAGES

ROOT = Path(__file__).parents[1]
RULES = ROOT / "carpscope" / "detect" / "rules"
TARGET = ROOT / "docs" / "findings"
_GENERATED = "<!-- Written by `make docs` from {source}; edit that. -->"


class Page(NamedTuple):
    """One detector, as its file declares it, or an event."""

    source: str
    code: str
    """Of an event its label."""
    label: str
    title: str
    severity: str
    text: str


def pages() -> list[Page]:
    """Read every detector, in the order of codes."""
    found = [_read(path) for path in sorted(RULES.glob("[!_]*.py"))]
    return sorted(found, key=lambda page: page.code) + _others()


def _others() -> list[Page]:
    found = []
    for source, told in (("detect/event_pages.py", EVENT_PAGES), ("live/pages.py", PAGES)):
        for page in told:
            severity = page.severity.value if page.severity else "event"
            code = page.code or page.label
            found.append(
                Page(f"carpscope/{source}", code, page.label, page.title, severity, page.page)
            )
    return sorted(found, key=lambda page: (page.severity == "event", page.code))


def _read(path: Path) -> Page:
    tree = ast.parse(path.read_text(), str(path))
    text = ast.get_docstring(tree)
    assert text is not None, f"{path.name} has no page"
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RULE":
            assert isinstance(node.value, ast.Call)
            given = {word.arg: word.value for word in node.value.keywords}
            names = ("code", "label", "title", "severity")
            given |= dict(zip(names, node.value.args, strict=False))
            code, label, title = (ast.literal_eval(given[name]) for name in names[:3])
            severity = ast.unparse(given["severity"]).rpartition(".")[2].lower()
            source = path.relative_to(ROOT).as_posix()
            return Page(source, code, label, title, severity, text)
    raise AssertionError(f"{path.name} has no RULE")


def markdown(page: Page) -> str:
    """Write one page: headings stand flush in the docstring, their text is indented."""
    name = page.code if page.code != page.label else f"{page.label}:"
    parts = [_GENERATED.format(source=page.source), f"# {name} {page.title}"]
    what = "an event" if page.severity == "event" else f"severity {page.severity}"
    parts.append(f"Label `{page.label}`, {what}.")
    for block in re.split(r"\n\s*\n", page.text):
        head, _, rest = block.partition("\n")
        if rest.startswith("    ") and not head.startswith(" "):
            parts += [f"## {head}", _plain(rest)]
        else:
            parts.append(_plain(block))
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Take the indent away, and keep `<`, `*` and `_` from meaning anything."""
    spans = re.split(r"(`[^`]*`)", textwrap.dedent(text))
    return "".join(s if s.startswith("`") else re.sub(r"([<*_])", r"\\\1", s) for s in spans)


def index(found: list[Page]) -> str:
    """Write the list."""
    rows = [f"| [{p.code}]({p.code}.md) | `{p.label}` | {p.severity} | {p.title} |" for p in found]
    head = ["| code | label | severity | |", "|---|---|---|---|"]
    source = "carpscope/detect/rules and the pages of events"
    intro = (
        "What carpscope can find, and the events it tells. `carpscope explain CODE`, or a label, "
        "prints the\nsame pages."
    )
    lines = [
        _GENERATED.format(source=source),
        "",
        "# Findings and events",
        "",
        intro,
        "",
        *head,
        *rows,
    ]
    return "\n".join(lines) + "\n"


def documents() -> dict[Path, str]:
    """Give every generated file and what belongs in it."""
    found = pages()
    written = {TARGET / f"{page.code}.md": markdown(page) for page in found}
    return written | {TARGET / "README.md": index(found)}


def main() -> int:
    """Write what changed, and take away the pages of detectors that are gone."""
    wanted = documents()
    TARGET.mkdir(parents=True, exist_ok=True)
    for path in TARGET.glob("*.md"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
