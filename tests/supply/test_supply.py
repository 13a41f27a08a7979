"""Pins, licences, the audit's answers, and a wheel that comes out alike."""

import importlib.util
import re
import tomllib
import zipfile
from pathlib import Path

import pytest

import carpscope
from tests.program import ROOT
from tests.supply import audit, licenses, wheel

pytestmark = pytest.mark.slow

PINS = sorted((ROOT / "requirements").glob("*.txt"))
_PIN = re.compile(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==[^ ]+( ;[^\\]+)? \\$")


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_every_pin_has_a_version_and_hashes(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and "#" not in line[:6]]
    for number, line in enumerate(lines):
        if line.startswith(" "):
            assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
        else:
            assert _PIN.match(line), line
            assert lines[number + 1].startswith("    --hash=sha256:")


def test_what_the_package_asks_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = list(project["dependencies"])
    for extra in ("live", "report", "metrics", "zstd", "timestamp", "dev", "dask"):
        asked += project["optional-dependencies"][extra]
    asked = [line for line in asked if not line.startswith("carpscope[")]
    lines = (ROOT / "requirements/dev.txt").read_text().splitlines()
    pinned = {found[1] for line in lines if (found := _PIN.match(line))}
    for line in asked:
        name = re.split(r"[\[<>=~;]", line)[0].lower().replace("_", "-")
        assert name in pinned, line
        assert re.search(r"[>~]=\d", line), f"{line}: the package states a range"


def test_an_answer_of_the_audit_is_judged_and_no_answer_is_not_sound() -> None:
    hole = '{"id": "CVE-2026-1", "fix_versions": ["2"]}'
    entries = f'{{"name": "a", "version": "1", "vulns": [{hole}]}}'
    skipped = '{"name": "b", "skip_reason": "not found"}'
    assert audit.judged(f'{{"dependencies": [{entries}, {skipped}]}}') == (
        ["a 1: CVE-2026-1, right in 2"], 1,
    )  # fmt: skip
    assert audit.judged(f'{{"dependencies": [{skipped}]}}') == ([], 0)
    for nothing in ("", "ConnectionError", "{}", "[]"):
        assert audit.judged(nothing) == ([], 0)


def test_an_audit_that_reaches_nobody_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deaf = tmp_path / "pip-audit"
    deaf.write_text("#!/bin/sh\necho ConnectionError >&2; exit 1\n")
    deaf.chmod(0o755)
    assert audit.main(str(deaf), [Path("requirements/run.txt")]) == audit.UNREACHABLE
    told = capsys.readouterr().out
    assert told == (
        "requirements/run.txt: no vulnerability service could be reached; nothing was checked\n"
    )


def test_every_licence_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert licenses.main() == 0
    told = capsys.readouterr().out
    for name in (
        "bcrypt",
        "carpscope",
        "cryptography",
        "dpkt",
        "msgspec",
        "jinja2",
        "pcapy-ng",
        "rich",
        "zstandard",
    ):
        assert re.search(rf"^{name} ", told, re.MULTILINE)
    assert "GPL" not in re.sub("LGPL", "", told), "ISC could not be given on with it"


@pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None or not (ROOT / ".git").exists(),
    reason="needs hatchling and git: it builds a wheel",
)
def test_a_wheel_comes_out_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wheel.main(tmp_path / "dist") == 0
    told = capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "dist").iterdir())
    assert told.count("built twice alike") == len(names)
    assert names[-1] == f"carpscope-{carpscope.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / "dist" / names[-1]) as pure:
        assert not [name for name in pure.namelist() if name.endswith((".so", ".c"))]
        assert any(name.endswith("/share/man/man1/carpscope.1") for name in pure.namelist())
    if len(names) == 1:
        assert "there is no C compiler" in told
        return
    assert re.fullmatch(r"carpscope-[0-9.]+-cp311-abi3-\w+\.whl", names[0])
    with zipfile.ZipFile(tmp_path / "dist" / names[0]) as native:
        assert "carpscope/_native.abi3.so" in native.namelist()
