"""Receivers that hang, refuse, are slow or gone: the capture never waits, losses are counted."""

import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from carpscope.core.errors import CarpscopeError
from carpscope.core.units import SECOND
from carpscope.detect.finding import Severity
from carpscope.live.outputs import Outputs, names
from carpscope.report.openmetrics import Metrics
from carpscope.report.outlet import Outlet
from carpscope.report.record import GROUP, EventRecord
from carpscope.report.sink_kind import make_sink, sink_kinds
from carpscope.report.sinks.syslog import message
from tests.live.stage import until

AT = 1_700_000_000 * SECOND + 123_456_000


def record(text: str = "vhid 1: two masters") -> EventRecord:
    return EventRecord(
        AT,
        "finding",
        "opened",
        text,
        Severity.CRITICAL,
        "eth1",
        "vlan10/vhid1",
        1,
        ("192.0.2.1", "192.0.2.2"),
        "MASTER",
        {"identity": "CS101-abc", "code": "CS101"},
    )


@contextmanager
def hung() -> Iterator[int]:
    """A port that takes connections and says nothing, ever."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


class _Taker(http.server.BaseHTTPRequestHandler):
    taken: list[tuple[str | None, bytes]]
    refuse: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = type(self)
        status = 204
        if kind.refuse:
            kind.refuse -= 1
            status = 503
        else:
            kind.taken.append((self.headers["Idempotency-Key"], body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *told: object) -> None:
        """Say nothing."""


@contextmanager
def web(refuse: int = 0) -> Iterator[tuple[int, list[tuple[str | None, bytes]]]]:
    taken: list[tuple[str | None, bytes]] = []
    handler = type("Handler", (_Taker,), {"taken": taken, "refuse": refuse})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port, taken
        finally:
            server.shutdown()
            thread.join()


def test_putting_never_waits_for_a_receiver_that_hangs() -> None:
    with hung() as port:
        outlet = Outlet(make_sink(f"webhook=http://127.0.0.1:{port}/"), limit=10)
        begin = time.monotonic()
        for _ in range(1000):
            outlet.put(record())
        assert time.monotonic() - begin < 0.5
        assert outlet.lost >= 989
        begin = time.monotonic()
        outlet.close(0.2)
        assert time.monotonic() - begin < 2
        assert outlet.lost >= 998


def test_a_receiver_that_refuses_is_tried_again() -> None:
    with web(refuse=2) as (port, taken):
        outlet = Outlet(make_sink(f"webhook=http://127.0.0.1:{port}/carp?token=secret"))
        outlet.put(record())
        until(lambda: outlet.problem == "answered 503", 5, "it is said why")
        assert "secret" not in outlet.view().name
        until(lambda: taken, 10, "taken at last")
        outlet.close(5)
    assert (outlet.sent, outlet.lost, outlet.problem) == (1, 0, None)
    key, body = taken[0]
    assert json.loads(body)["finding"]["code"] == "CS101"
    assert key == "CS101-abc-opened-2023-11-14T22:13:20.123456Z"


def test_a_slow_receiver_gets_what_fits_and_the_rest_is_counted(tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nread line\nexec sleep 0.05\n")
    slow.chmod(0o755)
    outlet = Outlet(make_sink(f"on-finding={slow}"), limit=5)
    for _ in range(100):
        outlet.put(record())
    outlet.close(20)
    assert outlet.sent + outlet.lost == 100
    assert 5 <= outlet.sent <= 10


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sink = make_sink(f"syslog=tcp://127.0.0.1:{port}")
    sink.attempts = 1
    outlet = Outlet(sink)
    outlet.put(record())
    until(lambda: outlet.lost, 5, "it is counted")
    assert outlet.problem is not None
    assert "refused" in outlet.problem
    outlet.close(2)


def test_a_script_made_for_devd_works_unchanged(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = tmp_path / "carp"
    script.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> {out}\ncat >> {out}\n')
    script.chmod(0o755)
    outlet = Outlet(make_sink(f"exec={script} 'two words; $(id)'"))
    outlet.put(record())
    outlet.put(replace(record(), kind=GROUP, action="INIT", state="INIT", body={}))
    outlet.close(5)
    head, _, event = out.read_text().rpartition("|")
    assert head == "two words; $(id)|1@eth1|INIT|state|INIT", "it is about states alone"
    assert json.loads(event)["group"] == "vlan10/vhid1"
    out.unlink()
    outlet = Outlet(make_sink(f"on-finding={script}"))
    outlet.put(replace(record(), kind=GROUP, action="INIT", state="INIT", body={}))
    outlet.put(record())
    outlet.close(5)
    head, _, event = out.read_text().rpartition("|")
    assert head == "CS101|opened|critical|1@eth1"
    assert json.loads(event)["finding"]["code"] == "CS101"


@pytest.mark.parametrize("way", ["udp", "tcp", "local"])
def test_syslog(way: str, tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    with socket.socket(
        socket.AF_UNIX if way == "local" else socket.AF_INET,
        socket.SOCK_STREAM if way == "tcp" else socket.SOCK_DGRAM,
    ) as server:
        server.settimeout(5)
        server.bind(path if way == "local" else ("127.0.0.1", 0))
        if way == "tcp":
            server.listen()
        port = 0 if way == "local" else server.getsockname()[1]
        target = f"local:{path}" if way == "local" else f"{way}://127.0.0.1:{port}"
        outlet = Outlet(make_sink(f"syslog={target}"))
        outlet.put(record("evil \n<0>1 line\x1b[2J"))
        if way == "tcp":
            connection, _ = server.accept()
            with connection:
                connection.settimeout(5)
                data = connection.recv(4096)
            length, _, data = data.partition(b" ")
            assert int(length) == len(data)
        else:
            data = server.recv(4096)
        outlet.close(5)
    assert data.startswith(b"<26>1 2023-11-14T22:13:20.123456Z ")
    assert (
        b' finding [carpscope@32473 action="opened" interface="eth1" group="vlan10/vhid1"' in data
    )
    assert data.endswith("\ufeffevil \\x0a<0>1 line\\x1b[2J".encode())


def test_syslog_escapes_and_stays_short() -> None:
    long = message(record("é" * 3000), "host", 7)
    assert len(long) <= 2000
    assert long.decode()


def test_targets_that_make_no_sense() -> None:
    assert set(sink_kinds()) == {"json", "store", "syslog", "exec", "on-finding", "webhook"}
    for text in (
        "nothing",
        "mail=me",
        "syslog=ftp://x",
        "syslog=udp://h:99999999",
        "webhook=ftp://x",
        "exec=/nonexistent/program",
        "exec='",
        "json=/nonexistent/folder/file",
    ):
        with pytest.raises(CarpscopeError):
            make_sink(text)


def test_a_mistake_in_an_output_starts_none(tmp_path: Path) -> None:
    one, other = (f"json={tmp_path / name}" for name in ("one", "other"))
    outputs = Outputs()
    with pytest.raises(CarpscopeError, match="a:3: syslog 'ftp://x'"):
        outputs.prepare([one, "syslog=ftp://x"], None, {"syslog=ftp://x": "a:3"})
    outputs.start()
    assert outputs.all == []
    outputs.prepare([one, other, one], "127.0.0.1:0")
    assert outputs.exports
    assert outputs.all == []
    outputs.start()
    assert [o.sink.name for o in outputs.all] == [f"json {tmp_path / n}" for n in ("one", "other")]
    for outlet in outputs.all:
        outlet.put(record("later"))
    outputs.close()
    assert "later" in (tmp_path / "one").read_text()
    assert "later" in (tmp_path / "other").read_text()


def test_root_opens_nothing_to_see_whether_a_target_makes_sense(tmp_path: Path) -> None:
    """It would be root's, and closed to who is left after privileges are given up."""
    json, store = tmp_path / "events.json", tmp_path / "events.sqlite"
    told = names([f"json={json}", f"store={store},30d"], "127.0.0.1:9112", {})
    assert told == [f"json {json}", f"store {store}", "metrics at 127.0.0.1:9112"]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CarpscopeError, match="keep 1 to"):
        names([f"store={store},0d"], None, {})


def test_several_receivers_that_hang_are_left_at_the_same_time() -> None:
    with hung() as port:
        texts = [f"webhook=http://127.0.0.1:{port}/{number}" for number in range(4)]
        outputs = Outputs()
        outputs.prepare(texts, None)
        outputs.start()
        for outlet in outputs.all:
            outlet.put(record())
        outputs.close(patience_s=0.2)
        assert [outlet.lost for outlet in outputs.all] == [1, 1, 1, 1]


@pytest.mark.parametrize("way", ["refuses", "hangs"])
def test_syslog_over_tcp_to_one_that(way: str) -> None:
    """It is tried again, and taken by who comes back; until then nothing waits."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        port = server.getsockname()[1]
        if way == "refuses":
            server.close()
        outlet = Outlet(make_sink(f"syslog=tcp://127.0.0.1:{port}"), limit=3)
        for _ in range(50):
            outlet.put(record())
        assert outlet.lost >= 46
        if way == "refuses":
            until(lambda: outlet.problem, 5, "it is said")
            with socket.create_server(("127.0.0.1", port)) as again:
                again.settimeout(10)
                connection, _ = again.accept()
                with connection:
                    connection.settimeout(5)
                    assert connection.recv(8)
                    until(lambda: outlet.sent >= 3, 10, "what waited is sent")
        outlet.close(1)


def test_a_port_that_is_taken() -> None:
    with hung() as port, pytest.raises(CarpscopeError, match="--metrics"):
        Metrics(f"127.0.0.1:{port}")
