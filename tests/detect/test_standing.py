"""How things stand: what is open, what counts, and what was never judged."""

import json
from pathlib import Path
from typing import Any

import pytest

from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND, parse_rfc3339
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.standing import Places, Standing, Status, at_end, is_wrong
from carpscope.live.monitor import Monitor
from carpscope.settings.carpscope_toml import read_config
from tests.plain import Tape
from tests.program import capture, run

START = parse_rfc3339("2026-11-23T00:00:00Z")


def finding(severity: Severity, start: int = 0, end: int = 1, **more: Any) -> Finding:
    at = START + start * SECOND
    return Finding(
        code="CS101",
        label="split_brain",
        severity=severity,
        confidence=0.9,
        group="vhid1",
        nodes=("192.0.2.1",),
        start=at,
        end=START + end * SECOND,
        frames=(1,),
        frame_count=1,
        summary="s",
        explanation="e",
        remedy="r",
        **more,
    )


def configured(tmp_path: Path, window: str) -> Config:
    path = tmp_path / "carpscope.toml"
    path.write_text(f'[[group]]\nvhid = 1\nmaintenance = ["{window}"]\n')
    return read_config(str(path))


def test_the_worst_open_finding_decides() -> None:
    warning, critical = finding(Severity.WARNING), finding(Severity.CRITICAL)
    assert Standing((), Config()).status is Status.HEALTHY
    assert Standing((finding(Severity.INFO),), Config()).status is Status.HEALTHY
    assert Standing((warning,), Config()).status is Status.DEGRADED
    both = Standing((warning, critical), Config())
    assert (both.status, both.worst) == (Status.FAILED, critical)
    assert (both.of("vhid1"), both.of("vhid2")) == (Status.FAILED, Status.HEALTHY)
    assert Standing((critical,), Config(), is_judged=False).status is Status.UNKNOWN


def test_a_finding_of_two_groups_is_of_both() -> None:
    torn = finding(Severity.ERROR, others=("vlan5/vhid1",))
    assert Standing((torn,), Config()).of("vlan5/vhid1") is Status.FAILED


def test_what_is_over_is_not_the_state_at_the_end() -> None:
    over, going = finding(Severity.CRITICAL), finding(Severity.CRITICAL, ongoing=True)
    at = START + 5 * SECOND
    assert at_end([over], Config(), at, (), is_judged=True).status is Status.HEALTHY
    assert at_end([going], Config(), at, (), is_judged=True).status is Status.FAILED
    assert is_wrong([over], Config())


@pytest.mark.parametrize(
    ("window", "left_out"),
    [
        ("2026-11-22T23:00Z/2026-11-23T00:01Z", True),
        ("2026-11-23T01:00:00+01:00/2026-11-23T00:00:01Z", True),
        ("2026-11-22T23:00Z/2026-11-23T00:00:00.5Z", False),  # it outlives the window
        ("2026-11-23T00:00:00.5Z/2026-11-23T02:00Z", False),  # it began before
    ],
)
def test_maintenance_leaves_out_what_lies_within(
    tmp_path: Path, window: str, left_out: bool
) -> None:
    config = configured(tmp_path, window)
    one = finding(Severity.CRITICAL, ongoing=True)
    assert is_wrong([one], config) is not left_out
    expected = Status.HEALTHY if left_out else Status.FAILED
    assert Standing((one,), config).status is expected


def test_a_window_that_is_none_is_told(tmp_path: Path) -> None:
    for window in ("tonight", "2026-11-23T02:00Z/2026-11-23T01:00Z", "2026-11-23T02:00Z", "a/b/c"):
        with pytest.raises(CarpscopeError, match=r"toml:3: group.maintenance: must be FROM/TO"):
            configured(tmp_path, window)


def test_maintenance_of_a_real_split_brain(tmp_path: Path) -> None:
    config = tmp_path / "carpscope.toml"
    path = capture("ucarp-different-passphrases")
    config.write_text(
        '[[group]]\nvhid = 1\nmaintenance = ["2020-01-01T00:00Z/2030-01-01T00:00Z"]\n'
    )
    plain = run("analyze", "--json", path)
    during = run("analyze", "--json", path, "--config", str(config))
    assert (plain.status, during.status) == (1, 0)
    before, after = json.loads(plain.out), json.loads(during.out)
    assert before["findings"] == after["findings"]
    assert (before["status"], after["status"]) == ("failed", "healthy")
    assert before["worst"] in {f["identity"] for f in before["findings"]}
    assert after["worst"] is None
    assert run("analyze", "-q", path, "--exit-zero").status == 0


def test_a_healthy_group_has_its_master_and_its_addresses() -> None:
    data = json.loads(run("analyze", "--json", capture("ucarp-healthy")).out)
    (group,) = data["groups"]
    assert (data["status"], data["worst"], group["status"]) == ("healthy", None, "healthy")
    assert group["master"] == "192.0.2.1"
    assert group["vips"] == ["192.0.2.10"]


@pytest.mark.parametrize("secrets", [(), ("-p", "quiet-harbour-17")])
def test_a_group_of_ucarps_has_its_own_address_and_not_that_of_another(
    secrets: tuple[str, ...], tmp_path: Path
) -> None:
    """A ucarp announces with the MAC of its card, which does not say for which of its groups."""
    path = capture("ucarp-two-vhids")
    groups = json.loads(run("analyze", "--json", path, *secrets).out)["groups"]
    assert [one["vips"] for one in groups] == [["192.0.2.10"], ["192.0.2.20"]]
    run("report", path, "-o", str(tmp_path / "r"), *secrets)
    told = json.loads((tmp_path / "r" / "findings.json").read_text())["groups"]
    assert [one["vips"] for one in told] == [["192.0.2.10"], ["192.0.2.20"]]


def test_what_is_signed_stays_whoever_announces_it() -> None:
    tape = Tape()
    for second in range(12):
        tape.advert(second, "10.0.0.1", 1, vips=("10.0.0.100", "10.0.0.101"))
        tape.advert(second + 0.1, "10.0.0.2", 2, vips=("10.0.0.102",))
    for address in ("10.0.0.100", "10.0.0.101", "10.0.0.102", "10.0.0.103"):
        tape.announce(0.5, "00:00:5e:00:01:02", address)
    config = Config(passphrases=(b"plain bytes",))
    monitor = Monitor(config, "eth1")
    for number, (at, data) in enumerate(sorted(tape.frames), 1):
        monitor.see(Frame(number, START + round(at * SECOND), 1, data, len(data)))
    monitor.look(START + 13 * SECOND)
    places = Places(monitor.observer.groups.values(), config)
    assert [ip_text(a) for a in places.held("vhid1")] == ["10.0.0.100", "10.0.0.101"]
    assert [ip_text(a) for a in places.held("vhid2")] == ["10.0.0.102", "10.0.0.103"]
