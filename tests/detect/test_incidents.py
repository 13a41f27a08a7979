"""One cut, one story: findings of one cause are one incident, wherever they are told."""

import json
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
    assert screen.count("\n✗ ") == 1
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


def test_a_failover_is_the_headline(tmp_path: Path) -> None:
    screen = run("analyze", capture("ucarp-failover")).out
    (line,) = (row for row in screen.splitlines() if row.startswith("i "))
    assert re.search(r"1 failover, \d\.\d s without a MASTER; 192.0.2.1 silent to the end", line)
    assert line.startswith("i 192.0.2.10 (vhid 1): ")
    assert "Nothing wrong" not in screen


def many(count: int) -> Tape:
    """Groups of one master; nobody in vhid 7 after 20 s, a take-over in vhid 30."""
    tape = Tape()
    for vhid in range(1, count + 1):
        for second in range(60):
            at = second + vhid / 1000
            if second < {7: 20, 30: 15}.get(vhid, 60):
                tape.advert(at, "10.77.0.1", vhid)
            elif vhid == 30 and second > 18:
                tape.advert(at + 0.4, "10.77.0.2", vhid, 100)
        tape.announce(0.5 + vhid / 1000, f"00:00:5e:00:01:{vhid:02x}", f"10.77.1.{vhid}")
    return tape


@pytest.mark.parametrize("count", [30, pytest.param(200, marks=pytest.mark.long)])
def test_many_groups_are_a_screen(count: int, tmp_path: Path) -> None:
    screen = run("analyze", many(count).write(tmp_path / "tape.pcap"))
    assert screen.status == 1
    lines = screen.out.splitlines()
    assert len(lines) < 40
    overview = lines.index(f"{count} groups at the end:")
    assert lines[overview + 1].split() == ["✗", "1", "failed", "10.77.1.7", "(vhid", "7)"]
    healthy = f"{count - 1} healthy   10.77.0.1 MASTER of {count - 2}, 10.77.0.2 MASTER of 1"
    assert f"✓ {healthy}" in re.sub(r"healthy +", "healthy   ", lines[overview + 2])
    (head,) = (line for line in lines if line.startswith("✗ "))
    assert head.startswith(
        "✗ 10.77.1.7 (vhid 7): nobody is MASTER since 22:13:39 UTC; 10.77.0.1 is"
    )
    (over,) = (line for line in lines if line.startswith("i "))
    assert over.startswith("i 10.77.1.30 (vhid 30): 1 failover, ")


def test_of_silence_without_witnesses_nothing_is_called_well(tmp_path: Path) -> None:
    tape = Tape()
    for second in range(60):
        if second < 20:
            tape.advert(second, "10.77.0.1", 1)
        tape.ask(second + 0.5, "02:00:00:00:00:09", "10.77.0.9", "10.77.0.100")
    path = tape.write(tmp_path / "tape.pcap")
    screen = run("analyze", path).out
    assert "? vhid 1: nobody is heard at the end; whether somebody is MASTER cannot" in screen
    assert "Nothing wrong" not in screen
    found = json.loads(run("analyze", "--json", path).out)
    assert found["findings"] == []
    assert [group["status"] for group in found["groups"]] == ["unknown"]


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
