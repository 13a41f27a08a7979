"""One cut, one story: findings of one cause are one incident, wherever they are told."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.detect.field import analysis
from tests.plain import Tape
from tests.program import capture, run

pytestmark = pytest.mark.slow


def cut(groups: int, *, vlans: bool = False, at: float = 10, until: float = 40) -> Tape:
    """fw1 and fw2 in many groups; from `at` on nothing passes between them.

    fw2 counts from fw1's counter until then, and draws its own afterwards.
    """
    tape = Tape()
    for number in range(1, groups + 1):
        vlan = (100 + number,) if vlans else ()
        net = f"10.{number}.0" if vlans else "10.0.0"
        second = number / 1000
        while second < until:
            tape.advert(second, f"{net}.1", number, vlan=vlan)
            second += 1
        second = at + 3.4 + number / 1000
        while second < until:
            tape.advert(second, f"{net}.2", number, 100, vlan=vlan, group=None)
            second += 1 + 100 / 256
    return tape


def serious(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [i for i in found["incidents"] if i["severity"] in ("error", "critical")]


@pytest.mark.parametrize(
    ("groups", "vlans"),
    [(20, False), (20, True), pytest.param(200, False, marks=pytest.mark.long)],
)
def test_many_groups_cut_at_once_are_one_incident(groups: int, vlans: bool, tmp_path: Path) -> None:
    tape = cut(groups, vlans=vlans)
    found = analysis(tape, tmp_path)
    (one,) = serious(found)
    assert len(one["groups"]) == groups
    assert f"{groups} groups" in one["summary"]
    assert one["findings"] == [f for f in one["findings"] if f]
    screen = run("analyze", str(tmp_path / "tape.pcap")).out
    assert screen.count("✗ ") == 1
    assert len(screen.splitlines()) < 50
    assert f"… and {groups - 6} more groups alike" in screen
    folder = tmp_path / "report"
    assert run("report", str(tmp_path / "tape.pcap"), "-o", str(folder), "-q").status == 0
    page = (folder / "report.md").read_text()
    assert "1 incident was found" in re.sub(r"\s+", " ", page)


def test_every_finding_is_in_exactly_one(tmp_path: Path) -> None:
    for name in ("ucarp-different-addresses", "ucarp-one-way-link", "ucarp-flapping"):
        found = analysis(capture(name), tmp_path)
        told = [identity for i in found["incidents"] for identity in i["findings"]]
        assert sorted(told) == sorted(f["identity"] for f in found["findings"])
        for one in found["incidents"]:
            assert one["summary"]
            assert one["start"] <= one["end"]


def test_other_trouble_at_another_time_is_another_incident(tmp_path: Path) -> None:
    tape = cut(2, until=60)
    late = Tape()
    for second in range(60):
        late.advert(second, "10.0.0.1", 9)
    for second in range(25):
        late.advert(33.4 + second, "10.0.0.2", 9, 0)
    tape.frames += late.frames
    found = analysis(tape, tmp_path)
    assert {len(i["groups"]) for i in serious(found)} == {1, 2}


def test_the_worst_that_is_true_now_comes_first(tmp_path: Path) -> None:
    tape = Tape()
    for second in range(90):
        tape.advert(second, "10.0.0.1", 1)
        tape.advert(second, "10.0.0.3", 2, 240 if second > 60 else 0)
    for second in range(20):
        tape.advert(10.3 + second, "10.0.0.2", 1, 100)
    found = analysis(tape, tmp_path)
    assert found["status"] == "degraded"
    assert found["incidents"][0]["severity"] == "warning"
    assert found["incidents"][0]["ongoing"]
    screen = run("analyze", str(tmp_path / "tape.pcap")).out
    assert screen.index("! vhid 2") < screen.index("✗ vhid 1")


def test_a_failover_stands_in_the_headline(tmp_path: Path) -> None:
    screen = run("analyze", capture("ucarp-failover")).out
    (line,) = (row for row in screen.splitlines() if row.startswith("✓ Nothing wrong"))
    assert re.search(r"1 failover after \d\.\d s", line)


def flood(kind: str) -> Tape:
    """A master of vhid 1, and 2,900 made-up senders that advertise in all other groups."""
    tape = Tape()
    for second in range(45):
        tape.advert(second, "10.0.0.1", 1)
    for n in range(2900):
        vhid = 2 + n % 250
        source = {
            "each another": f"10.9.{n // 250}.{n % 250 + 1}",
            "two a group": f"10.9.{n % 2}.{n % 250 + 1}",
            "two in all": f"10.9.0.{n // 250 % 2 + 1}",
        }[kind]
        tape.advert(5 + n * 0.012, source, vhid)
    return tape


@pytest.mark.parametrize(
    "kind",
    [
        "two a group",
        pytest.param("each another", marks=pytest.mark.long),
        pytest.param("two in all", marks=pytest.mark.long),
    ],
)
def test_what_one_sender_makes_up_in_all_groups_is_few_incidents(kind: str, tmp_path: Path) -> None:
    found = analysis(flood(kind), tmp_path)
    assert len(found["incidents"]) <= 8
    invented = [f for f in found["findings"] if f["label"] == "invented_senders"]
    assert not any(f["summary"].startswith("about 0") for f in invented)
    assert not any(f["group"] == "vhid1" for f in found["findings"] if f not in invented)
