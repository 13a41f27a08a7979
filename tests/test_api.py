"""The Python interface, as docs/api.md has it: its examples run, its mistakes are one line."""

import dataclasses
import datetime as dt
import ipaddress
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import carpscope
from tests.program import ROOT, capture, run

SPLIT = capture("ucarp-different-addresses")
PAGE = ROOT / "docs" / "api.md"
WRONG: Any = 3


def test_packets_one_after_the_other() -> None:
    packets = list(carpscope.read(SPLIT))
    assert len(packets) == 72
    adverts = [packet for packet in packets if packet.advertisement is not None]
    lines = [json.loads(line) for line in run("dissect", "--json", SPLIT).out.splitlines()]
    assert [packet.number for packet in adverts] == [line["frame"] for line in lines]
    first = adverts[0]
    assert first.time == dt.datetime(2026, 11, 23, 0, 30, 49, 69113, tzinfo=dt.UTC)
    assert first.time_ns == 1_795_393_849_069_113_000
    told = first.advertisement
    assert told is not None
    assert (told.vhid, told.advbase, told.advskew, told.demotion) == (1, 1, 0, 0)
    assert told.counter == 3917831122414415592
    assert told.source == ipaddress.ip_address("192.0.2.1")
    assert first.fields == lines[0]
    assert carpscope.dissect(first.data, link_type=1).advertisement == told


def test_an_analysis_is_the_document_as_values() -> None:
    analysis = carpscope.analyze(
        [SPLIT], passphrases=["quiet-harbour-17"], addresses=["192.0.2.10", "192.0.2.11"]
    )
    words = ("-p", "quiet-harbour-17", "-a", "192.0.2.10,192.0.2.11")
    document = json.loads(run("analyze", "--json", SPLIT, *words).out)
    assert analysis.to_dict() == document
    assert analysis.status == document["status"] == "failed"
    assert analysis.worst is not None
    assert analysis.worst.identity == document["worst"]
    for finding, listed in zip(analysis.findings, document["findings"], strict=True):
        for key in ("code", "label", "severity", "group", "vhid", "summary", "remedy", "identity"):
            assert getattr(finding, key) == listed[key]
        assert finding.start == dt.datetime.fromisoformat(listed["start"])
        assert finding.duration_s == listed["duration_s"]
        assert list(finding.frames) == listed["frames"]
    assert {f.label for f in analysis.findings} >= {"split_brain", "address_set_mismatch"}
    held = [f for incident in analysis.incidents for f in incident.findings]
    assert sorted(f.identity for f in held) == sorted(f.identity for f in analysis.findings)
    node = analysis.groups[0].nodes[0]
    assert node.addresses == (ipaddress.ip_address("192.0.2.1"),)
    assert node.authentication == "verified"
    assert [(s.state, s.ended_by) for s in node.states] == [("MASTER", "capture")]
    with pytest.raises(dataclasses.FrozenInstanceError):
        analysis.status = "healthy"  # type: ignore[misc]


def test_several_captures_are_compared() -> None:
    pair = [capture("ucarp-bad-ttl"), capture("vrrp-same-id")]
    found = carpscope.analyze(pair)
    assert found.to_dict() == json.loads(run("analyze", "--json", *pair).out)
    assert all(":" in str(frame) for f in found.findings for frame in f.frames)


def test_a_scenario_as_a_file_and_as_a_dict(tmp_path: Path) -> None:
    text = run("simulate", "--example", "failover", "--show").out
    path = tmp_path / "failover.toml"
    path.write_text(text)
    first = carpscope.simulate(path)
    again: Any = first.to_dict()["scenario"]
    second = carpscope.simulate(again)
    assert first.final_state == second.final_state
    assert first.to_dict()["transitions"] == second.to_dict()["transitions"]
    assert {state for vhids in first.final_state.values() for state in vhids.values()} == {
        "MASTER",
        "BACKUP",
    }


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: carpscope.analyze(["nowhere.pcap"]), "nowhere.pcap: no such file"),
        (lambda: carpscope.analyze([]), "a list of paths is needed"),
        (lambda: carpscope.analyze([WRONG]), "3 is no path"),
        (lambda: carpscope.analyze([SPLIT], passphrases="secret"), "a list is needed, not str"),
        (lambda: carpscope.analyze([SPLIT], passphrases=[WRONG]), "bytes is needed, not int"),
        (lambda: carpscope.analyze([SPLIT], addresses="192.0.2.1"), "a list is needed, not str"),
        (lambda: carpscope.analyze([SPLIT], addresses=["x"]), "addresses 'x': not an IPv4"),
        (lambda: carpscope.analyze([SPLIT], config="nowhere.toml"), "nowhere.toml: No such file"),
        (lambda: list(carpscope.read("Makefile")), "Makefile: not a capture"),
        (lambda: carpscope.dissect(WRONG), "bytes is needed, not int"),
        (lambda: carpscope.dissect(b"", link_type=-1), "link_type: -1 is none"),
        (lambda: carpscope.simulate({"nodes": 3}), "scenario"),
        (lambda: carpscope.simulate("nowhere.toml"), "nowhere.toml: No such file"),
        (lambda: carpscope.check([]), "a list of paths is needed"),
    ],
)
def test_a_mistake_is_one_clear_error(
    call: Callable[[], object], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(carpscope.CarpscopeError) as raised:
        call()
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_any_bytes_are_dissected() -> None:
    for link in (0, 1, 101, 113, 228, 276, 65535):
        for size in (0, 1, 13, 14, 40, 70):
            assert carpscope.dissect(bytes(size), link).advertisement is None


def test_importing_it_stays_cheap() -> None:
    code = (
        "import sys, carpscope; print(len([m for m in sys.modules if m.startswith('carpscope')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT)
    assert int(done.stdout) <= 4
    assert not hasattr(carpscope, "nothing_of_this_name")


def test_the_examples_of_the_page_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 5
    space: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), space)
    assert "192.0.2.1" in capsys.readouterr().out
