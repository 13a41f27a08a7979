"""docs/promises.md names a test for everything it promises, and each of them exists."""

import ast
import re

from tests.program import ROOT

PAGE = ROOT / "docs" / "promises.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def functions(name: str) -> set[str]:
    tree = ast.parse((ROOT / name).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists() -> None:
    named = _TEST.findall(PAGE.read_text())
    assert len(named) > 50
    absent = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file() or name not in functions(file)
    ]
    assert absent == []


def test_every_promise_names_a_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not re.match(r"\| (promise|fault) \|", row)]
    assert len(promises) > 40
    assert [row for row in promises if not _TEST.search(row)] == []


def test_security_names_the_page_of_promises() -> None:
    assert "docs/promises.md" in (ROOT / "SECURITY.md").read_text()
