"""What is generated is current, and the front page shows what the program prints."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from carpscope.settings.carpscope_toml import KEYS, TABLES, read_config
from tests import (
    generate_configuration,
    generate_implementations,
    generate_metrics,
    generate_pictures,
)
from tests.generate_docs import TARGET, documents
from tests.plain import Tape
from tests.program import ROOT, run, start

README = ROOT / "README.md"


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


def test_the_page_of_the_configuration_is_current() -> None:
    page = generate_configuration
    assert page.TARGET.read_text() == page.text(), "make docs"


def test_every_key_of_the_configuration_has_an_example_that_is_read(tmp_path: Path) -> None:
    page = generate_configuration
    wanted = {f"{t}.{k}" if t else k for t in TABLES for k, _ in page.keys(t)}
    assert set(KEYS) == wanted
    lines = []
    for table in TABLES:
        header = f"[[{table}]]" if table in ("node", "group") else f"[{table}]"
        lines += [header] if table else []
        for key, _ in page.keys(table):
            lines.append(f"{key} = {KEYS[f'{table}.{key}' if table else key].example}")
    (tmp_path / "carp.pass").write_text("s3cret\n")
    (tmp_path / "carp.pass").chmod(0o600)
    file = tmp_path / "carpscope.toml"
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    config = read_config(str(file))
    assert config.groups[0].maintenance
    assert config.groups[0].master == config.groups[0].nodes
    assert len(config.live) == 10


QUESTIONS = re.compile(r"^(jq .*) < analysis\.json$", re.MULTILINE)


def test_three_questions_for_jq(tmp_path: Path) -> None:
    tape = Tape()
    for second in range(70):
        if second < 20:
            tape.advert(second, "10.77.0.1", 1)
        elif 23 < second < 34:
            tape.advert(second + 0.4, "10.77.0.2", 1, 100)
        for host in (8, 9):
            own = f"02:00:00:00:00:0{host}"
            tape.ask(second + host / 20, own, f"10.77.0.{host}", "10.77.0.100")
    tape.announce(0.1, "00:00:5e:00:01:01", "10.77.0.100")
    document = run("analyze", "--json", tape.write(tmp_path / "tape.pcap")).out
    asked = QUESTIONS.findall((ROOT / "docs" / "formats.md").read_text())
    answers = [
        subprocess.run(
            shlex.split(one), input=document, capture_output=True, text=True, check=True
        ).stdout
        for one in asked
    ]
    causes, masters, seconds = answers
    assert "nobody is MASTER since 22:13:53 UTC; 10.77.0.1 and 10.77.0.2 are silent" in causes
    assert masters == "10.77.0.100 vhid1: nobody, or more than one\n"
    assert float(seconds) == pytest.approx(5.4 + 36.15, abs=0.2)


def test_the_lines_of_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code = Path("docs/examples/notebook.py").read_text()
    lines = [line for line in code.splitlines() if line and not line.startswith(("#", '"""'))]
    assert len(lines) == 3
    done = subprocess.run(
        [sys.executable, "docs/examples/notebook.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("healthy\nfailover 4.")


def test_explain_lists_the_same_findings_as_the_pages() -> None:
    lines = [line.split() for line in run("explain").out.splitlines()]
    names = {words[1] if words[0] == "event" else words[0] for words in lines}
    assert names == {path.stem for path in documents()} - {"README"}
    for name in names:
        assert run("explain", name).out.startswith(f"{name} ")


def printed(command: str, before: str) -> str:
    """Run a line of the front page; without its program, or where it told the time, as before."""
    program, *words = shlex.split(command)
    if program != "carpscope":
        if shutil.which(program) is None:
            return before
        done = subprocess.run(
            [program, *words],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "TZ": "UTC"},
        )
        return done.stdout
    if "<" not in words:
        return run(*words).out
    *words, _, path = words
    out = start(*words, stdin=Path(path).read_bytes()).out
    return before if _timeless(before) == _timeless(out) else out


def _timeless(text: str) -> str:
    """Leave out when live told something: it is read faster than it was captured."""
    return re.sub(
        r"^[0-9:.]{12}|(?<=packets in )[0-9.]+ m?s|(?<=MASTER for )[0-9.]+ s",
        "",
        text,
        flags=re.MULTILINE,
    )


def test_the_front_page_shows_what_is_printed(
    bless: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "captures").symlink_to(ROOT / "captures")
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    for path in (tmp_path / "docs").rglob("rc.conf"):
        path.chmod(0o644)  # as most people's git leaves them; what is open is told
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    text = README.read_text()
    blocks = 0

    def shown(block: re.Match[str]) -> str:
        nonlocal blocks
        found = ""
        for part in re.split(r"^\$ ", block[1], flags=re.M)[1:]:
            blocks += 1
            command, _, before = part.partition("\n")
            found += f"$ {command}\n{printed(command, before)}"
        return f"```console\n{found}```"

    current = re.sub(r"```console\n(.*?)```", shown, text, flags=re.DOTALL)
    assert blocks >= 5
    if bless:
        README.write_text(current)
    assert README.read_text() == current, "make bless"


def test_the_picture_of_the_front_page_shows_what_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    assert _texts(generate_pictures.TARGET.read_text()) == _texts(generate_pictures.drawn())
    assert f"docs/pictures/{generate_pictures.TARGET.name}" in README.read_text()


def _texts(svg: str) -> list[str]:
    """Give the text of a picture; how it is drawn is the library's business."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_demo_of_the_front_page_is_that_of_make() -> None:
    demo = re.search(r"^DEMO +:= (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert demo is not None
    assert f"$ carpscope {' '.join(generate_pictures.COMMAND)}\n" in README.read_text()
    assert f"{demo[1]}/capture.pcap" == generate_pictures.COMMAND[1]


def test_every_page_is_in_the_index() -> None:
    """From docs/README.md and the indexes that it names every page of docs is reached."""
    docs = ROOT / "docs"
    indexes = [docs / "README.md", docs / "findings" / "README.md", docs / "protocol" / "README.md"]
    named = {
        (index.parent / target).resolve()
        for index in indexes
        for target in re.findall(r"\]\(([^)#:]+)\)", index.read_text())
    }
    pages = {page.resolve() for page in docs.rglob("*.md")} - {docs.resolve() / "README.md"}
    assert pages <= named
