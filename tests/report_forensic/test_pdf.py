"""The page printed by a real Chromium, and read again with pdftotext."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from carpscope.report.forensic.pdf import PROGRAMS
from tests.program import capture, run

EVIDENCE = capture("ucarp-one-way-link")
needs_browser = pytest.mark.skipif(
    not any(map(shutil.which, PROGRAMS)) or shutil.which("pdftotext") is None,
    reason="needs chromium and poppler-utils",
)


@needs_browser
def test_it_holds_what_the_page_says(tmp_path: Path) -> None:
    done = run("report", EVIDENCE, "-o", str(tmp_path / "case"), "--format", "pdf")
    assert (done.status, done.err) == (0, "")
    text = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "case" / "report.pdf"), "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    findings = json.loads((tmp_path / "case" / "findings.json").read_text())["findings"]
    assert findings
    assert "CARP forensic report" in text
    for finding in findings:
        assert finding["code"] in text
    listed = json.loads((tmp_path / "case" / "manifest.json").read_text())
    assert "report.pdf" in {output["name"] for output in listed["outputs"]}
    assert run("verify", "-q", str(tmp_path / "case")).status == 0
    with (tmp_path / "case" / "report.pdf").open("ab") as file:
        file.write(b"%")
    assert run("verify", "-q", str(tmp_path / "case")).status == 1


def test_without_a_browser_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("report", EVIDENCE, "-o", str(tmp_path / "case"), "--format", "pdf")
    assert done.status == 2
    assert (
        done.err
        == "carpscope: --format pdf: needs a Chromium: chromium, chromium-browser, google-chrome\n"
    )
    assert not (tmp_path / "case").exists()


def test_a_browser_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\necho 'no display' >&2; exit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = run("report", EVIDENCE, "-o", str(tmp_path / "case"), "--format", "pdf")
    assert done.status == 2
    assert done.err == "carpscope: --format pdf: chromium printed nothing (no display)\n"
    assert not (tmp_path / "case").exists()
