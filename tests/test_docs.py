"""What is generated is current, and the front page shows what the program prints."""

import re
import shlex

import pytest

from tests import generate_implementations, generate_metrics
from tests.generate_docs import TARGET, documents
from tests.program import ROOT, run

README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n\$ carpscope (?P<command>[^\n]+)\n(?P<output>.*?)```", re.DOTALL)


def test_pages_of_findings_are_current() -> None:
    wanted = documents()
    assert set(TARGET.glob("*.md")) == set(wanted), "make docs"
    stale = [path.name for path, text in wanted.items() if path.read_text() != text]
    assert stale == [], "make docs"


def test_the_page_of_implementations_is_current() -> None:
    page = generate_implementations
    assert page.TARGET.read_text() == page.text(), "make docs"


def test_the_page_of_metrics_is_current() -> None:
    assert generate_metrics.TARGET.read_text() == generate_metrics.text(), "make docs"


def test_explain_lists_the_same_findings_as_the_pages() -> None:
    lines = [line.split() for line in run("explain").out.splitlines()]
    names = {words[1] if words[0] == "event" else words[0] for words in lines}
    assert names == {path.stem for path in documents()} - {"README"}
    for name in names:
        assert run("explain", name).out.startswith(f"{name} ")


def test_the_front_page_shows_what_is_printed(bless: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    text = README.read_text()

    def printed(block: re.Match[str]) -> str:
        output = run(*shlex.split(block["command"])).out
        return f"```console\n$ carpscope {block['command']}\n{output}```"

    current, blocks = BLOCK.subn(printed, text)
    assert blocks >= 3
    if bless:
        README.write_text(current)
    assert README.read_text() == current, "make bless"


def test_the_demo_of_the_front_page_is_that_of_make() -> None:
    demo = re.search(r"^DEMO +:= (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert demo is not None
    first = BLOCK.search(README.read_text())
    assert first is not None
    assert f"{demo[1]}/capture.pcap" in first["command"]
