"""The plugin's line names the shared address, and counts nothing that lies in maintenance."""

import re
from dataclasses import replace

import pytest

from carpscope.detect.finding import Severity
from carpscope.detect.standing import status_of
from carpscope.report.nagios import verdict
from tests.report.test_metrics import snapshot


@pytest.mark.parametrize(
    ("severity", "counts", "state", "status", "word"),
    [
        (Severity.CRITICAL, True, "failed", 2, "CRITICAL - 192.0.2.10 (vhid 1): both MASTER"),
        (Severity.WARNING, True, "degraded", 1, "WARNING - 192.0.2.10 (vhid 1): both MASTER"),
        (Severity.CRITICAL, False, "healthy", 0, "OK - "),
    ],
)
def test_the_address_comes_first(
    severity: Severity, counts: bool, state: str, status: int, word: str
) -> None:
    now = snapshot()
    found = replace(
        now.open[0], severity=severity, counts=counts, place="192.0.2.10 (vhid 1)", is_part=False
    )
    told = verdict(replace(now, open=(found,), incidents=(), status=state))
    assert told[0] == status
    assert told[1].startswith(f"CARP {word}")
    assert ("in maintenance: 192.0.2.10 (vhid 1)" in told[1]) is not counts


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("counts", [True, False])
def test_thresholds_agree_with_the_status(severity: Severity, counts: bool) -> None:
    now = snapshot()
    found = replace(now.open[0], severity=severity, counts=counts, is_part=False)
    standing = status_of([severity] if counts else [])
    status, text = verdict(replace(now, open=(found,), incidents=(), status=standing.value))
    assert status == by_thresholds(text), text


def by_thresholds(text: str) -> int:
    """Return the status as who draws perfdata judges it: above a threshold is worse."""
    worst = 0
    for one in text.partition("\n")[0].partition("|")[2].split():
        value, *limits = one.partition("=")[2].split(";")
        assert re.fullmatch(r"[0-9]+|U", value), "no unit: a check counts from its start"
        for state, limit in enumerate(limits[:2], 1):
            if limit and value != "U" and int(value) > int(limit):
                worst = max(worst, state)
    return worst


def test_long_output_has_everything_and_an_end() -> None:
    now = snapshot(groups=2)
    found = replace(now.open[0], place="192.0.2.100 (vhid 0)", is_part=False, summary="a|b\nc")
    _, text = verdict(replace(now, open=(found,), incidents=()))
    assert text.splitlines()[1:] == [
        "CS101 critical 192.0.2.100 (vhid 0): a?b\\x0ac",
        "  Do: remove the cause",
        "192.0.2.100 (vhid0): failed; 192.0.2.0 MASTER, 192.0.2.1 BACKUP",
        "192.0.2.101 (vhid1): failed; 192.0.2.0 MASTER, 192.0.2.1 BACKUP",
    ]
    _, text = verdict(replace(snapshot(groups=200), open=(found,), incidents=()))
    *_, last = text.splitlines()
    assert re.fullmatch(r"and \d\d+ more lines", last)
    assert len(text) < 5000
    assert text.count("|") == 1


def test_groups_that_fell_silent_unseen_are_unknown() -> None:
    now = snapshot()
    silent = tuple(replace(group, status="unknown", vips=()) for group in now.groups)
    status, line = verdict(replace(now, open=(), incidents=(), groups=silent, status="unknown"))
    assert status == 3
    assert line.startswith("CARP UNKNOWN - nobody is heard of vhid0 |")
    assert "masters=1 critical=U;;0;0 warning=U;0;;0 " in line
