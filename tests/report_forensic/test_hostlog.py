"""Logs of hosts: every system's own lines, their times, and what the wire says to them."""

import json
import tomllib
from pathlib import Path

import pytest

from carpscope.core.errors import CarpscopeError
from carpscope.core.units import SECOND, parse_rfc3339, rfc3339
from carpscope.core.zone import parse_zone
from carpscope.report.hostlog.clock import LogClock
from carpscope.report.hostlog.entry import Entry, EntryKind
from carpscope.report.hostlog.lines import entries
from carpscope.report.hostlog.read import read_log
from tests.program import CAPTURES, capture, run

NEAR = parse_rfc3339("2026-11-23T00:31:00Z")
CLOCK = LogClock(near=NEAR)


def read(*lines: str, clock: LogClock = CLOCK) -> list[Entry]:
    return [entry for _, entry in entries(lines, clock) if entry is not None]


LINES = {
    "Nov 23 00:31:01 fw1 kernel: carp: 1@em0: BACKUP -> MASTER (master timed out)": (
        EntryKind.STATE, "FreeBSD", "em0", 1, "MASTER",
    ),
    "Nov 23 00:31:01 fw1 kernel: carp: 255@igb1.10: INIT -> BACKUP (initialization complete)": (
        EntryKind.STATE, "FreeBSD", "igb1.10", 255, "BACKUP",
    ),
    "<2>1 2026-11-23T00:31:01.5+01:00 fw1 kernel - - - carp: 7@em0: MASTER -> INIT (hardware)": (
        EntryKind.STATE, "FreeBSD", "em0", 7, "INIT",
    ),
    "Nov 23 00:31:01 fw1 kernel: carp0: BACKUP -> MASTER (preempting)": (
        EntryKind.STATE, "FreeBSD to 9 or DragonFly", "carp0", None, "MASTER",
    ),
    "Nov 23 00:31:01 fw1 kernel: carp3: link state changed to DOWN": (
        EntryKind.STATE, "FreeBSD", "carp3", None, "BACKUP",
    ),
    "Nov 23 00:31:01 gw /bsd: carp0: state transition: BACKUP -> MASTER": (
        EntryKind.STATE, "OpenBSD or NetBSD", "carp0", None, "MASTER",
    ),
    "Nov 23 00:31:01 gw /netbsd: carp1: state transition from: INIT -> to: BACKUP": (
        EntryKind.STATE, "NetBSD", "carp1", None, "BACKUP",
    ),
    "Nov 23 00:31:01 fw1 kernel: carp: demoted by 240 to 240 (interface down)": (
        EntryKind.DEMOTION, "FreeBSD", "", None, "",
    ),
    "Nov 23 00:31:01 gw /bsd: carp: em0 demoted group carp by 1 to 129 (carpdev)": (
        EntryKind.DEMOTION, "OpenBSD", "em0", None, "",
    ),
    "Nov 23 00:31:01 alpha ucarp[812]: [WARNING] Switching to state: MASTER": (
        EntryKind.STATE, "ucarp", "", None, "MASTER",
    ),
    "[WARNING] Switching to state: BACKUP": (EntryKind.STATE, "ucarp", "", None, "BACKUP"),
    "\tcarp: MASTER vhid 1 advbase 1 advskew 0": (EntryKind.STATUS, "", "", 1, "MASTER"),
    "\tcarp: BACKUP carpdev em0 vhid 12 advbase 2 advskew 100": (
        EntryKind.STATUS, "", "em0", 12, "BACKUP",
    ),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_every_system_is_read_in_its_own_words(line: str) -> None:
    (entry,) = read(line)
    found = (entry.kind, entry.system, entry.interface, entry.vhid, entry.after)
    assert found == LINES[line]
    assert entry.text == line


@pytest.mark.parametrize(
    "line",
    [
        "Nov 23 00:31:01 fw1 sshd[1]: Accepted publickey for master from 192.0.2.9",
        "Nov 23 00:31:01 fw1 kernel: em0: link state changed to UP",
        "carp",
        "",
        "\0" * 100,
        "Nov 99 99:99:99 x kernel: nothing",
    ],
)
def test_other_lines_say_nothing(line: str) -> None:
    assert read(line) == []


def test_what_a_demotion_and_ifconfig_tell() -> None:
    demoted, status = read(
        "Nov 23 00:31:01 fw1 kernel: carp: demoted by -240 to 0 (interface up)",
        "carp: MASTER vhid 1 advbase 1 advskew 0",
    )
    assert (demoted.demotion, demoted.reason) == (0, "interface up")
    assert (status.advbase, status.advskew, status.at) == (1, 0, None)


def test_ifconfig_is_dated_by_date_and_named_by_its_interface() -> None:
    (status,) = read(
        "Mon Nov 23 00:31:05 UTC 2026",
        "em0: flags=8943<UP,BROADCAST,RUNNING> metric 0 mtu 1500",
        "\tinet 192.168.1.50 netmask 0xffffff00 broadcast 192.168.1.255 vhid 1",
        "\tcarp: MASTER vhid 1 advbase 1 advskew 0",
    )
    assert status.interface == "em0"
    assert status.at is not None
    assert rfc3339(status.at) == "2026-11-23T00:31:05.000000Z"


def at(line: str, clock: LogClock) -> str:
    (entry,) = read(f"{line} fw1 kernel: carp0: BACKUP -> MASTER", clock=clock)
    assert entry.at is not None
    return rfc3339(entry.at)


@pytest.mark.parametrize(
    ("line", "clock", "expected"),
    [
        ("Nov 23 00:31:01", CLOCK, "2026-11-23T00:31:01.000000Z"),
        ("Dec 31 23:59:58", LogClock(near=parse_rfc3339("2027-01-01T00:00:01Z")),
         "2026-12-31T23:59:58.000000Z"),
        ("Jan  1 00:00:02", LogClock(near=parse_rfc3339("2026-12-31T23:59:59Z")),
         "2027-01-01T00:00:02.000000Z"),
        ("Nov 23 00:31:01", LogClock(near=NEAR, year=2019), "2019-11-23T00:31:01.000000Z"),
        ("Feb 29 12:00:00", LogClock(near=parse_rfc3339("2027-03-01T00:00:00Z"), year=2028),
         "2028-02-29T12:00:00.000000Z"),
        ("Nov 23 01:31:01", LogClock(parse_zone("+01:00", "--log-zone"), near=NEAR),
         "2026-11-23T00:31:01.000000Z"),
        ("2026-11-23T00:31:01.123456Z", CLOCK, "2026-11-23T00:31:01.123456Z"),
        ("2026-11-23T02:01:01.5+01:30", CLOCK, "2026-11-23T00:31:01.500000Z"),
        ("2026-11-23 00:31:01,25", CLOCK, "2026-11-23T00:31:01.250000Z"),
    ],
)  # fmt: skip
def test_times_get_the_year_and_the_zone_they_lack(
    line: str, clock: LogClock, expected: str
) -> None:
    assert at(line, clock) == expected


def test_a_zone_by_name_follows_its_summer_time() -> None:
    try:
        zone = parse_zone("Europe/Berlin", "--log-zone")
    except CarpscopeError:
        pytest.skip("no time zone data here")
    winter = LogClock(zone, near=NEAR)
    assert at("Nov 23 01:31:01", winter) == "2026-11-23T00:31:01.000000Z"
    summer = LogClock(zone, near=parse_rfc3339("2026-07-01T00:00:00Z"))
    assert at("Jul  1 02:00:00", summer) == "2026-07-01T00:00:00.000000Z"


@pytest.mark.parametrize("text", ["Mars/Olympus", "+99:00", "../../etc/passwd", ""])
def test_a_zone_nobody_knows_is_one_line(text: str) -> None:
    with pytest.raises(CarpscopeError, match="--log-zone"):
        parse_zone(text, "--log-zone")


def test_a_file_of_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(bytes(range(256)) * 50 + b"\ncarp0: BACKUP -> MASTER\n" + b"\xff" * 9999)
    log = read_log(str(path), "", "x.log", CLOCK)
    assert [entry.after for entry in log.entries] == ["MASTER"]


# Beside the wire: the recorded nodes' own logs


def recorded(name: str, folder: Path) -> dict[str, Path]:
    """Write the log lines that a recording kept, one file a node, as syslog would."""
    about = tomllib.loads((CAPTURES / name / "about.toml").read_text())
    lines: dict[str, list[str]] = {}
    for event in about["event"]:
        if event["by"] == "log":
            text = f"{event['time']} {event['node']} ucarp[1]: {event['text']}\n"
            lines.setdefault(event["node"], []).append(text)
    paths = {}
    for node, found in lines.items():
        paths[node] = folder / f"{node}.log"
        paths[node].write_text("".join(found))
    return paths


def logs(name: str, folder: Path, *arguments: str) -> list[dict[str, object]]:
    """Make a report with logs; return its log lines."""
    target = folder / "r"
    done = run("report", capture(name), "-o", str(target), *arguments)
    assert done.status in (0, 1), done.err
    happened = [json.loads(line) for line in (target / "events.jsonl").read_text().splitlines()]
    return [line for line in happened if line["kind"] == "log"]


@pytest.mark.parametrize(
    "name",
    ["ucarp-one-way-link", "ucarp-failover", "ucarp-flapping", "ucarp-preemption",
     "ucarp-partition-heal"],
)  # fmt: skip
def test_recorded_logs_agree_with_recorded_frames(name: str, tmp_path: Path) -> None:
    paths = recorded(name, tmp_path)
    found = logs(name, tmp_path, *(word for p in paths.values() for word in ("--log", str(p))))
    assert {line["wire"] for line in found} <= {"agrees", "not decidable"}
    masters = [line for line in found if "state: MASTER" in str(line["text"])]
    assert masters
    assert all(line["wire"] == "agrees" for line in masters)
    owner = {"alpha.log": "192.0.2.1", "beta.log": "192.0.2.2"}
    assert all(line["node"] == owner[str(line["file"])] for line in masters)


def test_a_clock_that_is_off_is_told_and_taken_out(tmp_path: Path) -> None:
    paths = recorded("ucarp-one-way-link", tmp_path)
    text = paths["beta"].read_text()
    late = "".join(
        f"{rfc3339(parse_rfc3339(line.split()[0]) + 4 * SECOND)} {line.split(' ', 1)[1]}\n"
        for line in text.splitlines()
    )
    paths["beta"].write_text(late)
    found = logs("ucarp-one-way-link", tmp_path, "--log", f"192.0.2.2={paths['beta']}")
    assert {line["wire"] for line in found} <= {"agrees", "not decidable"}
    assert "about +3.99" in (tmp_path / "r" / "report.html").read_text()


def test_lies_are_contradicted(tmp_path: Path) -> None:
    log = tmp_path / "beta.log"
    log.write_text(
        "2026-11-23T00:30:48.0Z beta ucarp[1]: [WARNING] Switching to state: BACKUP\n"
        "2026-11-23T00:30:53.0Z beta ucarp[1]: [WARNING] Switching to state: MASTER\n"
        "2026-11-23T00:31:09.0Z beta ucarp[1]: [WARNING] Switching to state: BACKUP\n"
        "2026-11-23T00:31:25.0Z beta cron[1]: nothing\n"
    )
    claimed, stepped = logs("ucarp-one-way-link", tmp_path, "--log", f"192.0.2.2={log}")[1:]
    assert stepped["wire"] == "contradicts" or claimed["wire"] == "contradicts"
    page = (tmp_path / "r" / "report.html").read_text()
    assert "contradicts" in page


def test_what_a_log_leaves_out_is_named_with_its_frame(tmp_path: Path) -> None:
    paths = recorded("ucarp-flapping", tmp_path)
    lines = paths["beta"].read_text().splitlines(keepends=True)
    masters = [n for n, line in enumerate(lines) if "state: MASTER" in line]
    del lines[masters[1]]
    paths["beta"].write_text("".join(lines))
    logs("ucarp-flapping", tmp_path, "--log", f"192.0.2.2={paths['beta']}")
    page = (tmp_path / "r" / "report.html").read_text()
    assert "the log covers the time and does not say so" in page


def test_ifconfig_is_held_against_what_is_advertised(tmp_path: Path) -> None:
    status = tmp_path / "status.txt"
    status.write_text(
        "Mon Nov 23 00:31:10 UTC 2026\nem0: flags=8943<UP>\n"
        "\tcarp: MASTER vhid 1 advbase 1 advskew 20\n"
    )
    (line,) = logs("ucarp-one-way-link", tmp_path, "--log", f"192.0.2.2={status}")
    assert line["wire"] == "agrees"
    status.write_text(status.read_text().replace("advskew 20", "advskew 200"))
    (tmp_path / "other").mkdir()
    (line,) = logs("ucarp-one-way-link", tmp_path / "other", "--log", f"192.0.2.2={status}")
    assert (line["wire"], line["because"]) == ("contradicts", "it advertises 1/20")


def test_a_log_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = run("report", capture("ucarp-healthy"), "-o", str(tmp_path / "r"), "--log", "none.log")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert not (tmp_path / "r").exists()
