"""Local time beside UTC on every screen, where it is asked for; UTC stays where it was."""

import io
from pathlib import Path

import pytest

from carpscope.core.units import SECOND, parse_rfc3339
from carpscope.core.zone import Zone, beside_both, parse_zone
from carpscope.report.dashboard import picture
from carpscope.report.event_line import EventLines
from carpscope.report.record import EventRecord
from carpscope.report.snapshot import Snapshot
from tests.program import capture, run

BERLIN = Zone("Europe/Berlin", parse_zone("Europe/Berlin", "--timezone"))
SUMMER_ENDS = parse_rfc3339("2026-10-25T01:00:00Z")


def test_summer_time_ends_between_two_times() -> None:
    assert BERLIN.clock(SUMMER_ENDS - 1, digits=3) == "02:59:59.999+02:00"
    assert BERLIN.clock(SUMMER_ENDS) == "02:00:00+01:00"
    told = beside_both(BERLIN, SUMMER_ENDS - SECOND, SUMMER_ENDS)
    assert told == " (02:59:59+02:00 – 02:00:00+01:00)"
    assert BERLIN.clock(400_000 * 365 * 86_400 * SECOND) == ""  # no year that a calendar has


@pytest.mark.parametrize(
    ("command", "local"),
    [
        ("analyze", ["00:30:46 – 00:31:16 UTC (01:30:46 – 01:31:16+01:00)",
                     "00:31:03.350 (01:31:03.350+01:00) failover"]),
        ("dissect", ["00:30:49.133613 (01:30:49+01:00) 192.0.2.1 > 224.0.0.18"]),
    ],
)  # fmt: skip
def test_files(command: str, local: list[str]) -> None:
    plain = run(command, capture("ucarp-failover"))
    done = run(command, capture("ucarp-failover"), "--timezone", "Europe/Berlin")
    for text in local:
        assert text in " ".join(done.out.split())
    assert "+01:00" not in plain.out


def test_an_incident_tells_its_local_time_too() -> None:
    done = run("analyze", capture("ucarp-one-way-link"), "--timezone=-03:30")
    assert "00:31:01 – 00:31:19 UTC (21:01:01 – 21:01:19-03:30)" in " ".join(done.out.split())


def test_live() -> None:
    out = io.StringIO()
    record = EventRecord(SUMMER_ENDS, "state", "MASTER", "vhid 1: x is MASTER")
    EventLines(out, BERLIN).send(record)
    assert out.getvalue().startswith("01:00:00.000 (02:00:00+01:00) ")
    drawn = picture(Snapshot(SUMMER_ENDS, SUMMER_ENDS, 0, (), (), (), ()), 100, 24, zone=BERLIN)
    assert "01:00:00 UTC (02:00:00+01:00)" in drawn[0].plain


@pytest.mark.parametrize("command", ["analyze", "dissect", "history", "report", "live"])
def test_nobody_knows_such_a_zone(command: str, tmp_path: Path) -> None:
    more = {"report": ["-o", str(tmp_path / "r")], "live": ["-i", "lo"]}.get(command, [])
    what = [] if command == "live" else [capture("ucarp-failover")]
    done = run(command, *what, *more, "--timezone", "Mars/Olympus")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "carpscope: --timezone 'Mars/Olympus': neither UTC, an offset as +01:00, nor a zone known "
        "here\n"
    )
