"""SARIF, as code review reads it, and what a capture shows beside the files."""

import json
from pathlib import Path

import pytest

import carpscope
from tests.checking.test_proof import text
from tests.detect.configured import written
from tests.program import capture, run


def test_findings_stand_in_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = written(text("freebsd-equal-skew"), tmp_path)
    monkeypatch.chdir(tmp_path)
    found = run("check", "-q", "--sarif", "out.sarif", *[Path(node).name for node in nodes])
    assert found == (1, "", "")
    (only,) = json.loads(Path("out.sarif").read_text())["runs"]
    (tie,) = [one for one in only["results"] if one["ruleId"] == "CS103"]
    places = [one["physicalLocation"] for one in tie["locations"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"fw1/rc.conf", "fw2/rc.conf"}
    assert {place["region"]["startLine"] for place in places} == {3}
    assert {one["ruleId"] for one in only["results"]} <= {
        rule["id"] for rule in only["tool"]["driver"]["rules"]
    }


def test_a_capture_shows_who_else_uses_the_number(tmp_path: Path) -> None:
    nodes = written(text("freebsd-pair"), tmp_path)
    found = carpscope.check(nodes, events=0, capture=capture("ucarp-different-addresses"))
    (one,) = [f for f in found.findings if f.label == "vhid_conflict"]
    assert one.group == "vhid 1 on 192.0.2.0/24"


def test_the_python_interface_gives_findings_groups_and_proof(tmp_path: Path) -> None:
    found = carpscope.check(written(text("freebsd-pair"), tmp_path), events=0)
    assert [group.id for group in found.groups] == list(found.proof)
    assert found.proof["vhid 1 on 192.0.2.0/24"].proof.masters == ("fw1",)
    with pytest.raises(carpscope.CarpscopeError):
        carpscope.check([str(tmp_path / "nothing")])
