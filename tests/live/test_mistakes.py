"""A live run goes on after our own mistakes, and every output says that there was one."""

import json
import threading
from collections.abc import Iterator

import pytest

from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.mistakes import Mistakes
from carpscope.core.units import SECOND
from carpscope.detect.rules.cs103_equal_skew_tie import RULE
from carpscope.live.findings import FindingChange
from carpscope.live.monitor import Monitor
from carpscope.report.outlet import Outlet
from carpscope.report.record import EventRecord
from carpscope.wire.decode import Packet, decode
from tests.fuzz.conversations import frames_of, spoken
from tests.program import CAPTURES

RECORD = EventRecord(1, "notice", "clock", "a text")
SPLIT = CAPTURES / "ucarp-one-way-link/capture.pcap"


class Sink:
    """Fails at its second record, in the way it is told to."""

    name = "sink"
    attempts = 1

    def __init__(self, failure: BaseException) -> None:
        self.taken: list[EventRecord] = []
        self.news = threading.Semaphore(0)
        self._failure = failure

    def send(self, record: EventRecord) -> None:
        self.taken.append(record)
        self.news.release()
        if len(self.taken) == 2:
            raise self._failure

    def close(self) -> None:
        pass


def test_an_output_that_fails_is_counted_and_goes_on() -> None:
    mistakes = Mistakes()
    sink = Sink(KeyError("secret"))
    outlet = Outlet(sink, mistakes=mistakes)
    for _ in range(3):
        outlet.put(RECORD)
    outlet.close(5)
    assert len(sink.taken) == 3
    assert (outlet.sent, outlet.lost, mistakes.count) == (2, 1, 1)
    assert [one.where for one in mistakes] == ["sink"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_started_again() -> None:
    mistakes = Mistakes()
    sink = Sink(SystemExit())  # which ends a thread without a word
    outlet = Outlet(sink, mistakes=mistakes)
    for _ in range(2):
        outlet.put(RECORD)
    outlet._thread.join(5)
    assert not outlet._thread.is_alive()
    outlet.look_after()
    outlet.put(RECORD)
    outlet.close(5)
    assert len(sink.taken) == 3
    assert (outlet.sent, outlet.lost, mistakes.count) == (2, 1, 1)
    outlet.look_after()
    assert mistakes.count == 1, "what was closed stays closed"


def closed(change: FindingChange, code: str) -> bool:
    return change.action == "closed" and change.live_finding.finding.code == code


def told(monitor: Monitor) -> list[tuple[str, str]]:
    """Let it see a split brain; give what was opened and closed."""
    found = []
    last = 0
    for frame in frames_of(spoken(SPLIT)):
        monitor.see(frame)
        last = frame.at
        changes = monitor.look(frame.at)
        found += [(change.action, change.live_finding.finding.code) for change in changes]
    monitor.look(last + SECOND)
    return [one for one in found if one[0] != "updated"]


def test_a_rule_that_fails_keeps_no_other_from_telling(monkeypatch: pytest.MonkeyPatch) -> None:
    def findings(self: object, at: int) -> Iterator[None]:
        raise IndexError

    assert isinstance(RULE.watch, type)
    whole = told(Monitor(Config(), "span0"))
    monkeypatch.setattr(RULE.watch, "findings", findings)
    monitor = Monitor(Config(), "span0")
    assert [one for one in told(monitor) if one != ("opened", "CS901")] == whole
    assert "CS901" in monitor.unknown


def test_what_a_rule_knew_is_not_over_because_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from carpscope.detect.rules.cs101_split_brain import RULE as SPLIT_BRAIN

    monitor = Monitor(Config(), "span0")
    frames = iter(frames_of(spoken(SPLIT)))
    for frame in frames:
        monitor.see(frame)
        if any(c.live_finding.finding.code == "CS101" for c in monitor.look(frame.at)):
            break
    assert isinstance(SPLIT_BRAIN.watch, type)
    monkeypatch.setattr(SPLIT_BRAIN.watch, "findings", lambda *_: 1 / 0)
    for frame in frames:
        monitor.see(frame)
        assert not [c for c in monitor.look(frame.at) if closed(c, "CS101")]
        if monitor.mistakes.count > 20:
            break
    assert "CS101" in [s.finding.code for s in monitor.live_findings.open]


def test_a_frame_that_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(frame: Frame) -> Packet:
        if frame.number == 22:
            raise KeyError
        return decode(frame)

    monkeypatch.setattr("carpscope.timeline.passage.decode", failing)
    monitor = Monitor(Config(), "span0")
    codes = {code for _, code in told(monitor)}
    assert {"CS101", "CS901"} <= codes
    (mistake,) = monitor.mistakes
    assert [number & 0xFFFF for number in mistake.frames] == [22]
    json.dumps(mistake.text)
