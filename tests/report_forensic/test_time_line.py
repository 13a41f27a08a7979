"""The page folds what is alike in several groups, and says of them what is true of all."""

import re
from pathlib import Path

import pytest

from tests.plain import Tape
from tests.program import run

pytestmark = pytest.mark.slow


def page(tape: Tape, room: Path) -> str:
    done = run("report", tape.write(room / "tape.pcap"), "-o", str(room / "report"))
    assert done.err == "" or done.status == 0
    return (room / "report" / "report.md").read_text()


def test_what_lasted_differently_is_told_from_least_to_most(tmp_path: Path) -> None:
    tape = Tape()
    for vhid, until in ((1, 30), (2, 60), (3, 60)):
        for second in range(until):
            tape.advert(second + vhid / 100, "192.0.2.1", vhid)
    text = page(tape, tmp_path)
    assert "advertises as MASTER, for 29.0 s to 59.0 s (and alike in 2 more groups)" in text
    assert "advertises as MASTER, for 59.0 s (and" not in text


def test_what_lasted_alike_is_told_once(tmp_path: Path) -> None:
    tape = Tape()
    for second in range(30):
        for vhid in (1, 2):
            tape.advert(second + vhid / 100, "192.0.2.1", vhid)
    assert "advertises as MASTER, for 29.0 s (and alike in 1 more group)" in page(tape, tmp_path)


def test_findings_that_end_at_other_times_or_not_at_all(tmp_path: Path) -> None:
    """Two masters in three groups: until 20 s, until 30 s, and still so at the end."""
    tape = Tape()
    for vhid, until in ((1, 20), (2, 30), (3, 60)):
        for second in range(60):
            tape.advert(second + vhid / 100, "192.0.2.1", vhid)
            if 5 <= second < until:
                tape.advert(second + 0.4 + vhid / 100, "192.0.2.2", vhid, 100)
    lines = [line for line in page(tape, tmp_path).splitlines() if " CS101 " in line]
    over = [line for line in lines if ", until " in line]
    still = [line for line in lines if "still so at the end" in line]
    assert any(re.search(r", until 22:13:40\S+ to 22:13:50\S+ \(and alike", line) for line in over)
    assert still
    assert not any("alike" in line for line in still), lines
