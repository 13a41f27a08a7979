"""What a live run keeps and `carpscope history` prints: a day that is played, and a real run."""

import json
import os
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from carpscope.config import Config
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND, Nanos, day
from carpscope.live import memory
from carpscope.live.findings import LiveFindings
from carpscope.live.monitor import Monitor
from carpscope.live.records import MonitorRecords
from carpscope.report.record import EventRecord
from carpscope.report.sink_kind import make_sink
from carpscope.report.store import Store
from tests.live.stage import needs_namespaces, wire
from tests.live.test_findings import AT, finding
from tests.live.test_wire import listening, send
from tests.plain import Tape
from tests.program import run
from tests.schemas import mistakes

DAY: Nanos = 86_400 * SECOND


def played(begin: Nanos, store: Store) -> list[EventRecord]:
    """Live through a failover at a time, and keep what is told."""
    tape = Tape()
    for second in range(30):
        tape.advert(second, "192.0.2.1", 1)
    for second in range(20):
        tape.advert(32.5 + second * 1.390625, "192.0.2.2", 1, 100)
    monitor = Monitor(Config(), "eth1")
    teller, records = MonitorRecords(monitor), []
    looked = begin
    for number, (at, data) in enumerate(sorted(tape.frames, key=lambda f: f[0]), 1):
        when = begin + round(at * SECOND)
        while looked + SECOND <= when:
            looked += SECOND
            records += teller.look(looked)[1]
        monitor.see(Frame(number, when, 1, data, len(data)))
    records += teller.look(looked + SECOND)[1]
    for record in records:
        store.send(record)
    return records


def lines(path: Path, *words: str) -> list[dict[str, Any]]:
    done = run("history", "--json", str(path), *words)
    assert (done.status, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def test_last_night(tmp_path: Path) -> None:
    """Events of yesterday and of five days ago, kept by two runs one after the other."""
    path = tmp_path / "events.sqlite"
    midnight = time.time_ns() // DAY * DAY
    earlier = Store(str(path))
    before = played(midnight - 5 * DAY + 3 * 3600 * SECOND, earlier)
    earlier.close()
    later = Store(str(path))
    night = played(midnight - DAY + 3 * 3600 * SECOND, later)
    assert lines(path) == [r.document() for r in (*before, *night)]  # also while it is open
    later.close()
    assert lines(path, "--since", "yesterday") == [r.document() for r in night]
    assert lines(path, "--until", "yesterday") == [r.document() for r in before]
    assert lines(path, "--since", day(midnight - DAY)) == lines(path, "--since", "yesterday")
    assert lines(path, "--since", "6d") == lines(path)
    elections = lines(path, "--since", "yesterday", "--kind", "election")
    assert [event["action"] for event in elections] == ["failover"]
    assert lines(path, "--group", "1") == lines(path, "--group", "vhid1") == lines(path)
    assert lines(path, "--group", "2") == []
    assert len(lines(path, "-c", "2")) == 2
    assert all(e["severity"] != "info" for e in lines(path, "--severity", "warning"))
    assert [m for event in lines(path) for m in mistakes(event, "event")] == []
    text = run("history", str(path), "--since", "yesterday").out
    assert f"{day(midnight - DAY)} 03:00:32.500  info      eth1 vhid 1: " in text
    assert "192.0.2.1 fell silent and 192.0.2.2 took over" in text


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    begin = time.time_ns() - 10 * DAY
    sink = make_sink(f"store={path},7d")
    sink.send(EventRecord(begin, "notice", "clock", "long ago"))
    sink.close()
    again = make_sink(f"store={path},7d")
    again.send(EventRecord(begin + 9 * DAY, "notice", "clock", "yesterday"))
    again.close()
    assert [event["message"] for event in lines(path)] == ["yesterday"]


def test_it_is_a_database_that_anybody_can_ask(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    store = Store(str(path))
    played(time.time_ns() - DAY, store)
    store.close()
    assert stat.S_IMODE(path.stat().st_mode) & 0o027 == 0
    with sqlite3.connect(path) as file:
        states = file.execute(
            'SELECT state, "group", vhid FROM event WHERE event_type = ? ORDER BY at', ("state",)
        ).fetchall()
    assert states[0] == ("MASTER", "vhid1", 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere.sqlite",), "no such file"),
        (("STORE", "--since", "tomorrow-ish"), "--since 'tomorrow-ish': write yesterday"),
        (("STORE", "--kind", "weather"), "invalid choice"),
        (("OTHER",), "another program"),
        (("TEXT",), "not a database"),
        (("LATER",), "later version"),
    ],
)
def test_what_cannot_be_read(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    Store(str(tmp_path / "STORE")).close()
    Store(str(tmp_path / "LATER")).close()
    with sqlite3.connect(tmp_path / "LATER") as file:
        file.execute("PRAGMA user_version = 99")
    with sqlite3.connect(tmp_path / "OTHER") as file:
        file.execute("CREATE TABLE a (b)")
    (tmp_path / "TEXT").write_text("no database, but some text that is long enough\n" * 40)
    first = str(tmp_path / words[0])
    done = run("history", first, *words[1:])
    assert done.status == 2
    assert told in done.err
    assert done.err.count("\n") == 1


def test_a_database_of_others_is_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE a (b)")
    before = path.read_bytes()
    with pytest.raises(CarpscopeError, match="another program"):
        Store(str(path))
    assert path.read_bytes() == before
    (tmp_path / "link").symlink_to(path)
    if os.geteuid() == 0:
        with pytest.raises((CarpscopeError, OSError)):
            Store(str(tmp_path / "link"))


def test_nothing_of_a_packet_reaches_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    store = Store(str(path))
    store.send(EventRecord(time.time_ns(), "notice", "output", "\x1b[2Jcleared"))
    store.close()
    assert "\x1b" not in run("history", str(path)).out


@needs_namespaces
def test_a_real_run_keeps_what_it_tells(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    with wire() as (within, tx, _):
        watcher = listening(within, "--store", str(path))
        assert send(within, tx, "ucarp-failover", speed=60).wait(60) == 0
        assert watcher.end() == 130
    assert any(event["event_type"] == "state" for _, event in watcher.events)
    told = [event for _, event in watcher.events]
    assert lines(path) == told


def test_what_is_open_lies_beside_the_events(tmp_path: Path) -> None:
    """One file has both: nothing is open in a new one, and the latest is kept, not a history."""
    path = tmp_path / "events.sqlite"
    store = Store(str(path))
    assert memory.load(path) == []
    empty = LiveFindings()
    memory.save(path, memory.document({"eth1": empty}, AT))
    kept_one = LiveFindings()
    kept_one.look([finding("flapping", 0, 5)], AT + 5 * SECOND, None)
    for _ in range(3):
        memory.save(path, memory.document({"eth1": kept_one}, AT))
    ((interface, live_finding),) = memory.load(path)
    assert interface == "eth1"
    assert live_finding.identity == kept_one.open[0].identity
    assert [one.name for one in memory.evidence(path)] == []
    store.close()
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM open").fetchone() == (1,)
        assert file.execute("PRAGMA user_version").fetchone() == (1,)
        file.execute("UPDATE open SET document = '{'")
    file.close()
    with pytest.raises(CarpscopeError, match="events"):
        memory.load(path)
