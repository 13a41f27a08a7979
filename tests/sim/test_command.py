"""`carpscope simulate` as a person and a script use it."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from carpscope.cli.main import main
from tests.sim.conform import TRACES, differences, trace


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["simulate", *arguments]) == 0
    return capsys.readouterr().out


def test_a_trace_gives_its_own_document(capsys: pytest.CaptureFixture[str]) -> None:
    path = TRACES / "x001-failover-crash.json"
    found = json.loads(said(capsys, "--json", str(path)))
    assert found["schema"] == "carpscope.simulation/1"
    assert differences(trace(path), found) == []


def test_the_timeline_answers_who_when_and_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "--example", "failover")
    assert "17.402 s  fw2  MASTER   master timed out; nobody was for 2.4 s" in text
    assert "vhid 1: at the end fw1 is MASTER" in text


def test_examples_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "  livelock " in said(capsys, "--example")


def test_an_example_can_be_taken_home(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(said(capsys, "--example", "failover", "--show"))
    assert said(capsys, str(mine)) == said(capsys, "--example", "failover")


def test_a_seed_is_another_course(capsys: pytest.CaptureFixture[str]) -> None:
    one = said(capsys, "--example", "failover", "--json", "--seed", "1")
    assert one == said(capsys, "--example", "failover", "--json", "--seed", "1")
    assert one != said(capsys, "--example", "failover", "--json", "--seed", "2")


def test_what_if(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "--example", "split-brain", "--crash", "fw1@10-20")
    assert "10.000 s  fw1  crash" in text
    assert "20.000 s  fw1  restart" in text


def test_a_simulated_capture_gives_its_scenario_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    capture = str(tmp_path / "out.pcap")
    said(capsys, "--example", "failover", "-w", capture)
    text = said(capsys, "--from", capture, "-p", "mekmitasdigoat")
    assert "advskew = 100" in text
    assert "preempt = true" in text
    assert 'addresses = ["10.0.0.100"]' in text
    assert "mekmitasdigoat" not in text
    asked = said(capsys, "--from", capture, "-p", "mekmitasdigoat", "--crash", "10.0.0.1@10")
    assert "10.0.0.2 is MASTER" in asked


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "name one scenario file, --example NAME"),
        (["nowhere.toml"], "nowhere.toml: No such file"),
        (["--example", "nothing"], "no example 'nothing'; known are"),
        (["--example", "failover", "also.toml"], "name one scenario file"),
        (["--example", "failover", "--crash", "x@1"], "there is no node 'x'"),
    ],
)
def test_trouble_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert main(["simulate", *arguments]) == 2
    captured = capsys.readouterr()
    assert problem in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(SystemExit):
        main(["simulate", "--help"])
    text = capsys.readouterr().out
    for option in ("--json", "-w", "--seed", "--speed", "--example", "--from", "--crash"):
        assert option in text
