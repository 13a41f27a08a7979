"""Every kind of document is what its JSON Schema says, for shipped captures and cases."""

import json
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.units import SECOND
from carpscope.live.monitor import Monitor
from carpscope.live.records import MonitorRecords
from tests.program import CAPTURES, ROOT, run
from tests.schemas import SCHEMAS, mistakes, validator

NAMES = sorted(path.parent.name for path in CAPTURES.glob("*/capture.pcap*"))
FIELD = sorted((ROOT / "tests/data/field").glob("*.pcap*"))
LOOK = SECOND
LONG = 60 * SECOND
EXAMPLES = ("demotion", "failover", "forged-bow-out", "three-nodes", "ucarp-beside-kernel")


def of(name: str) -> str:
    return str(next(CAPTURES.glob(f"{name}/capture.pcap*")))


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_the_schema_is_one(path: Path) -> None:
    schema = validator(path.stem).schema
    assert schema["title"].startswith(("carpscope.", "What `carpscope"))


@pytest.mark.parametrize("path", FIELD, ids=lambda path: path.stem)
def test_analyses_of_cases(path: Path) -> None:
    assert mistakes(json.loads(run("analyze", "--json", str(path)).out), "analysis") == []


@pytest.mark.parametrize("name", NAMES)
def test_packets(name: str) -> None:
    lines = run("dissect", "--json", "--all", of(name), "-p", "quiet-harbour-17").out.splitlines()
    assert lines
    assert [m for line in lines for m in mistakes(json.loads(line), "packet")] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_simulations(name: str) -> None:
    document = json.loads(run("simulate", "--example", name, "--json").out)
    assert mistakes(document, "simulation") == []


@pytest.mark.parametrize("path", FIELD, ids=lambda path: path.stem)
def test_events_of_live_runs(path: Path) -> None:
    """Told with the frames' time as the clock."""
    with open_capture(str(path)) as capture:
        frames = list(capture)
    monitor = Monitor(Config(), "eth1")
    teller, records = MonitorRecords(monitor), []
    looked = frames[0].at
    for frame in frames:
        looked = max(looked, frame.at - LONG)  # one of them has a silence of a year
        while looked + LOOK <= frame.at:
            looked += LOOK
            records += teller.look(looked)[1]
        monitor.see(frame)
    records += teller.look(monitor.observer.now)[1]
    assert records
    assert [m for record in records for m in mistakes(record.document(), "event")] == []


def test_explanations() -> None:
    assert mistakes(json.loads(run("explain", "--json").out), "explain") == []


def test_a_mistake_is_seen() -> None:
    document = json.loads(run("analyze", "--json", of("ucarp-bad-ttl")).out)
    document["findings"][0]["severity"] = "awful"
    document["findings"][0]["frames"] = ["12"]
    document["groups"][0]["nodes"][0]["advskew"] = True
    del document["evidence"][0]["sha256"]
    assert len(mistakes(document, "analysis")) == 4
