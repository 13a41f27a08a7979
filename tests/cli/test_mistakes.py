"""Our own mistakes are no verdict: what fails is left out, counted and said; the rest goes on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from carpscope.core.frame import Frame
from carpscope.core.mistakes import KINDS_KEPT, Mistakes
from carpscope.detect.rules.cs103_equal_skew_tie import RULE
from carpscope.timeline.observe import Observer
from carpscope.wire import decode as decoding
from carpscope.wire.decode import Packet
from tests.program import Result, capture, run

SPLIT = capture("ucarp-one-way-link")
SECRET = "never-to-be-seen-17"


def broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def findings(self: object, at: int) -> Iterator[None]:
        raise IndexError(SECRET)

    assert isinstance(RULE.watch, type)
    monkeypatch.setattr(RULE.watch, "findings", findings)


def broken_packet(monkeypatch: pytest.MonkeyPatch, number: int = 22) -> None:
    decode = decoding.decode

    def failing(frame: Frame) -> Packet:
        if frame.number == number:
            raise KeyError(SECRET)
        return decode(frame)

    monkeypatch.setattr("carpscope.timeline.passage.decode", failing)
    monkeypatch.setattr("carpscope.wire.decode.decode", failing)


def one_line(result: Result) -> str:
    (line,) = result.err.splitlines()
    assert line.startswith("carpscope: this is a mistake of carpscope ")
    assert "--debug" in line
    assert SECRET not in line
    return line


def test_a_rule_that_fails_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.loads(run("analyze", "--json", SPLIT).out)
    assert whole["internal_errors"] == 0
    broken_rule(monkeypatch)
    result = run("analyze", "--json", SPLIT)
    assert result.status == 70
    assert "CS103: IndexError at " in one_line(result)
    told = json.loads(result.out)
    assert told["internal_errors"] == 1
    assert told["status"] == "unknown"
    assert {group["status"] for group in told["groups"]} == {"unknown"}
    own = [found for found in told["findings"] if found["label"] == "internal_error"]
    others = [found for found in told["findings"] if found["label"] != "internal_error"]
    assert [found["code"] for found in own] == ["CS901"]
    assert [f["identity"] for f in others] == [
        f["identity"] for f in whole["findings"] if f["code"] != "CS103"
    ]


def test_a_person_reads_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_rule(monkeypatch)
    result = run("analyze", capture("ucarp-healthy"))
    assert result.status == 70
    assert "this run: a mistake of carpscope itself" in result.out
    one_line(result)


def test_a_frame_that_fails_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_packet(monkeypatch)
    result = run("analyze", "--json", SPLIT)
    assert result.status == 70
    told = json.loads(result.out)
    (own,) = [found for found in told["findings"] if found["label"] == "internal_error"]
    assert own["frames"] == [22]
    assert "split_brain" in [found["label"] for found in told["findings"]]


def test_so_is_a_packet_that_dissect_fails_to_print(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("dissect", SPLIT).out.splitlines()
    broken_packet(monkeypatch)
    result = run("dissect", SPLIT)
    assert result.status == 70
    assert "packet: KeyError" in one_line(result)
    assert len(result.out.splitlines()) == len(whole) - 1


def test_a_report_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken_rule(monkeypatch)
    result = run("report", SPLIT, "-o", str(tmp_path / "report"))
    assert result.status == 70
    one_line(result)
    assert json.loads((tmp_path / "report/findings.json").read_text())["internal_errors"] == 1
    for name in ("report.html", "report.md", "findings.csv"):
        assert "mistake of carpscope itself" in (tmp_path / "report" / name).read_text()


def test_what_fails_at_the_end_costs_nothing_of_what_was_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def finish(self: Observer) -> None:
        raise RuntimeError

    monkeypatch.setattr(Observer, "finish", finish)
    result = run("analyze", "--json", SPLIT)
    assert result.status == 70
    assert json.loads(result.out)["groups"]


def test_a_crash_is_one_line_and_its_own_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def see(*_: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr("carpscope.pipeline.Observer", see)
    result = run("analyze", SPLIT)
    assert result.status == 70
    assert result.out == ""
    assert "ValueError at pipeline.py:" in one_line(result)
    debug = run("analyze", "--debug", SPLIT)
    assert debug.status == 70
    assert "Traceback (most recent call last):" in debug.err


def test_debug_shows_what_was_isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_rule(monkeypatch)
    result = run("analyze", "--debug", SPLIT)
    assert "CS103:\nTraceback" in result.err


def test_many_mistakes_are_counted_in_bounded_memory() -> None:
    found = Mistakes()
    for number in range(10 * KINDS_KEPT):
        for _ in range(2):
            with found.isolated(f"part {number}", frame=number + 1):
                raise ValueError
    assert found.count == 20 * KINDS_KEPT
    assert len(list(found)) == KINDS_KEPT
    with pytest.raises(KeyboardInterrupt), found.isolated("a person"):
        raise KeyboardInterrupt
