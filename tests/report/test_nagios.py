"""The plugin's line names the shared address, and counts nothing that lies in maintenance."""

from dataclasses import replace

import pytest

from carpscope.detect.finding import Severity
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


def test_groups_that_fell_silent_unseen_are_unknown() -> None:
    now = snapshot()
    silent = tuple(replace(group, status="unknown", vips=()) for group in now.groups)
    status, line = verdict(replace(now, open=(), incidents=(), groups=silent, status="unknown"))
    assert status == 3
    assert line.startswith("CARP UNKNOWN - nobody is heard of vhid0 |")
