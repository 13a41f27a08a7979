"""Incidents as they happen: opened once, updated little, closed once. Frames are the clock."""

from collections import Counter

import pytest

from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.live.monitor import Monitor
from carpscope.live.records import MonitorRecords
from carpscope.live.views import groups, incidents, situations
from carpscope.report.dashboard import picture
from carpscope.report.event_line import event_line
from carpscope.report.nagios import verdict
from carpscope.report.record import EventRecord
from carpscope.report.snapshot import Snapshot
from tests.detect.test_incidents import cut
from tests.plain import START, Tape

LOOK: Nanos = 200 * MILLISECOND


def watched(tape: Tape, rest: float = 0) -> tuple[Monitor, list[EventRecord]]:
    """Watch a tape and the time behind it; return what was told."""
    monitor = Monitor(Config(), "eth1")
    teller, records = MonitorRecords(monitor), []
    begin = round(START * SECOND)
    looked = begin
    end = 0
    for number, (at, data) in enumerate(sorted(tape.frames, key=lambda f: f[0]), 1):
        when = begin + round(at * SECOND)
        while looked + LOOK <= when:
            looked += LOOK
            records += teller.look(looked)[1]
        monitor.see(Frame(number, when, 1, data, len(data)))
        end = when
    while looked < end + round(rest * SECOND):
        looked += LOOK
        records += teller.look(looked)[1]
    return monitor, records


def snapshot(monitor: Monitor, at: Nanos) -> Snapshot:
    return Snapshot(
        at, at, 1, (), tuple(groups(monitor, at)), tuple(situations(monitor)), (),
        incidents=tuple(incidents(monitor)), status=monitor.standing.status.value,
    )  # fmt: skip


class Counted(dict[bytes, str]):
    """Names that count how often somebody asks."""

    asked = 0

    def __contains__(self, address: object) -> bool:
        self.asked += 1
        return super().__contains__(address)


def test_names_are_looked_up_once_a_look_however_much_is_told() -> None:
    """In a flood thousands of nodes change at once: each is not named for each of the others."""
    count = 200
    names = Counted({bytes([192, 0, 2, 1]): "fw1"})
    monitor = Monitor(Config(names=names), "eth1")
    teller = MonitorRecords(monitor)
    at = round(START * SECOND)
    for number, (_, data) in enumerate(cut(count, until=2).frames, 1):
        monitor.see(Frame(number, at + number, 1, data, len(data)))
    nodes = sum(len(group.members) for group in monitor.observer.groups.values())
    teller.look(at + SECOND)
    before = names.asked
    told = teller.look(at + 5 * SECOND)[1]
    assert len(told) >= count, "all fell silent"
    assert names.asked - before <= 8 * nodes


@pytest.mark.slow
@pytest.mark.parametrize("count", [20, 200])
def test_one_cut_of_many_groups_is_one_story(count: int) -> None:
    monitor, records = watched(cut(count, until=30))
    told = [r for r in records if r.kind == "incident"]
    assert Counter(r.action for r in told)["opened"] == 1
    assert len(told) <= 4
    assert len({r.body["identity"] for r in told}) == 1
    now = snapshot(monitor, monitor.observer.now)
    status, line = verdict(now)
    assert (status, line.splitlines()[0].count(f"{count} groups")) == (2, 1)
    assert "more)" not in line
    rows = [row.plain for row in picture(now, 120, 50)]
    assert sum(row.lstrip().startswith("✗ CS") for row in rows) == 1
    lines = [event_line(r) for r in records if not r.is_part and r.kind in ("finding", "incident")]
    assert len(lines) <= count // 2


def test_an_incident_is_closed_once_when_all_of_it_is_over() -> None:
    tape = cut(5, until=20)
    for number in range(1, 6):
        for second in range(20, 90):
            tape.advert(second + number / 1000, "10.0.0.1", number)
    monitor, records = watched(tape)
    told = [(r.action, r.body["identity"]) for r in records if r.kind == "incident"]
    assert [action for action, _ in told if action != "updated"] == ["opened", "closed"]
    assert not monitor.incidents.open


def test_an_incident_of_one_finding_is_told_once_to_a_person() -> None:
    _, records = watched(cut(1, until=25))
    for kind in ("finding", "incident"):
        assert any(r.kind == kind and r.action == "opened" for r in records)
    assert all(r.is_part for r in records if r.kind == "incident")
    assert not any(r.is_part for r in records if r.kind == "finding")
