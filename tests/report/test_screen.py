"""What a person sees, whole: `expected.txt` beside each `case.toml` in tests/cases.

A case is a command and all it prints. `make bless` writes the expectations anew; a commit
has only those differences that can be explained.
"""

import io
import tomllib
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.recommended import RECOMMENDED
from carpscope.pipeline import analyze
from carpscope.report.console import Paper
from carpscope.report.screen import Screen
from tests.program import CAPTURES, ROOT, capture, run

CASES = ROOT / "tests" / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/case.toml"))
SHIPPED = sorted(path.parent.name for path in CAPTURES.glob("*/about.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, bless: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    case = tomllib.loads((CASES / name / "case.toml").read_text())
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", str(case.get("columns", 100)))
    result = run(*case["command"])
    expected = CASES / name / "expected.txt"
    if bless:
        expected.write_text(result.out)
    assert result.out == expected.read_text()
    assert result.status == case.get("status", 0)
    assert result.err == ""


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("name", SHIPPED)
def test_every_screen_keeps_to_its_width(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", str(columns))
    result = run("analyze", "-V", f"captures/{name}/capture.pcap", "-p", "quiet-harbour-17")
    assert "\x1b" not in result.out
    for line in result.out.splitlines():
        assert line == line.rstrip()
        assert len(line) <= columns
        assert not set("█▄▁") & set(line)
    assert "\n\n\n" not in result.out


def terminal(name: str, columns: int = 100) -> str:
    """Give what a terminal in colour gets."""
    stream = io.StringIO()
    paper = Paper(
        width=columns,
        file=stream,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    paper._environ = {}  # not this shell's NO_COLOR
    with open_capture(capture(name)) as opened:
        Screen(paper, Config()).show(analyze([opened], Config()))
    return stream.getvalue()


def test_a_terminal_gets_colour_and_the_same_words() -> None:
    import re

    coloured = terminal("ucarp-different-passphrases")
    assert "\x1b[1;31m" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    piped = run("analyze", capture("ucarp-different-passphrases")).out
    blocks = str.maketrans("█▄▁", "#+.")
    assert bare.translate(blocks) == piped


def test_trouble_comes_before_anything_well() -> None:
    lines = run("analyze", capture("ucarp-two-vhids"), capture("vrrp-same-id")).out.splitlines()
    first = [line[0] for line in lines if line and line[0] in "✗!✓"]
    assert first == sorted(first, key="✗!✓".index)
    assert first[0] in "✗!"


def test_a_file_without_advertisements_says_what_is_there(tmp_path: Path) -> None:
    result = run("analyze", capture("vrrp-only"))
    assert result.status == 2
    assert "No CARP advertisement in here: nothing could be judged." in result.out
    told = " ".join(result.out.split())
    assert "Advertisements: 147 of VRRP, the other protocol 112, are there instead" in told
    assert "mirror the switch ports" in told
    assert f"give tcpdump '{RECOMMENDED}'" in told
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(Path(capture("ucarp-healthy")).read_bytes()[:24])
    nothing = run("analyze", str(empty))
    assert nothing.status == 2
    assert "0 packets, 0 CARP advertisements" in nothing.out
    assert "Was it captured on the right interface?" in nothing.out


def test_quiet_prints_nothing() -> None:
    assert run("analyze", "-q", capture("ucarp-bad-ttl")) == (1, "", "")
    assert run("analyze", "-q", capture("ucarp-healthy")) == (0, "", "")


@pytest.mark.parametrize("name", ["ucarp-different-addresses", "ucarp-vlan", "ucarp-qinq"])
@pytest.mark.parametrize("more", [(), ("-V",)])
def test_a_narrow_screen_has_no_line_that_is_wider(
    name: str, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in (40, 60, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        for line in run("analyze", capture(name), *more).out.splitlines():
            assert len(line) <= width, line
