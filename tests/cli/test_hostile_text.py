"""Text that is out to get somebody, through every way in, to every way out.

What an attacker may choose: names of files and interfaces, comments in captures, lines of
logs, names in configurations, scenarios, manifests and state files. Where it comes out, a
terminal obeys none of it, nothing of it is turned round or hidden, and each format still
says what it is.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from carpscope.core.text import is_visible
from carpscope.detect.finding import Severity
from carpscope.live import memory
from carpscope.report.dashboard import picture
from carpscope.report.event_line import event_line, state_lines, summary_lines
from carpscope.report.nagios import verdict
from carpscope.report.record import EventRecord
from carpscope.report.sinks.command import Command
from carpscope.report.sinks.jsonl import open_lines
from carpscope.report.sinks.syslog import message
from carpscope.report.snapshot import InterfaceView, OutletView, SituationView, Snapshot
from tests.live.stage import Watcher, needs_namespaces, wire
from tests.program import ROOT, capture, run, start

pytestmark = pytest.mark.slow

ATTACKS = (
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "\u202eexe.pcap",
    "\u2066hidden\u2069",
    "zero\u200bwidth\u034f\ufe0f",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "=cmd|' calc'!A0",
    "+1-1@SUM(A1)",
    "line\nfeed\r\nFAKE: all is well",
    "[bold red]markup[/bold red]",
    "**[x](http://evil.example)**",
    "`$(reboot)`; | rm",
    "nul\x00byte",
    "\udcff\udc1b",
    '"quoted", \\ back',
)


def seen(text: str) -> None:
    """Hold that a terminal shows a text as it is, line by line."""
    for line in text.split("\n"):
        assert is_visible(line), line


def file_names() -> Iterator[str]:
    for attack in ATTACKS:
        name = attack.replace("/", "").replace("\x00", "")
        yield name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("name", list(file_names()), ids=range(len(ATTACKS)))
def test_names_of_captures(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.pcap"
    shutil.copy(capture("ucarp-one-way-link"), path)
    for words in (
        ("analyze", "-V"), ("analyze", "--json"), ("dissect",), ("dissect", "-V"),
        ("dissect", "--json"), ("simulate", "--from"), ("simulate", "--crash", "x@1", "--from"),
    ):  # fmt: skip
        done = run(*words, str(path))
        seen(done.out)
        seen(done.err)
        if "--json" in words:
            for line in done.out.splitlines() if words[0] == "dissect" else [done.out]:
                assert json.loads(line)
    several = run("dissect", str(path), capture("ucarp-healthy"))
    seen(several.out)
    lines = several.out.splitlines()
    assert len(lines) == len(run("dissect", str(path)).out.splitlines()) + 28
    secret = tmp_path / f"{name}.pass"
    secret.write_text("a secret\n")
    for words in (
        ("--config", str(path)),
        ("--passphrase-file", str(secret)),
        ("-a", name),
        ("-f", name),
    ):
        done = run("analyze", capture("ucarp-healthy"), *words)
        seen(done.out)
        seen(done.err)
    for words in (("explain", name), ("simulate", str(path)), ("verify", str(path)), (name,)):
        done = run(*words)
        assert done.status == 2
        seen(done.err)
        assert done.err.count("\n") == 1


class _Tags(HTMLParser):
    """What a browser would take for elements, attributes and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.found += [f"{tag}.{name}" for name, _ in attrs if name.startswith("on")]


def elements(page: bytes) -> list[str]:
    parser = _Tags()
    parser.feed(page.decode())
    return parser.found


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_every_string_of_a_report(attack: str, tmp_path: Path) -> None:
    safe = attack.replace("\x00", "").encode("utf-8", "surrogatepass")
    text = safe.decode("utf-8", "surrogateescape")
    name = text.replace("/", "")
    path = tmp_path / f"{name}.pcap"
    shutil.copy(capture("ucarp-one-way-link"), path)
    log = tmp_path / f"{name}.log"
    log.write_bytes(
        b"2026-11-23T00:31:01Z host kernel: " + attack.encode("utf-8", "surrogatepass")
        + b" Switching to state: MASTER\n"
        + b"2026-11-23T00:31:02Z " + safe.split(b"\n")[0].replace(b" ", b"_")
        + b" kernel: carp: 1@x" + safe.split()[0] + b": BACKUP -> MASTER ("
        + safe.split(b"\n")[0] + b")\n"
    )  # fmt: skip
    folder = tmp_path / f"out-{name}"
    done = run(
        "report", str(path), "-o", str(folder), "--case", text, "--examiner", text,
        "--notes", text, "--organisation", text, "--acquisition", text, "--log", str(log),
    )  # fmt: skip
    assert done.status == 0, done.err
    seen(done.out)
    seen(done.err)
    files = {found.name: found.read_bytes() for found in folder.iterdir()}
    for found, data in files.items():
        if found != "evidence.pcapng":
            seen(data.decode().replace("\r\n", "\n"))
    plain = tmp_path / "plain"
    assert run("report", capture("ucarp-one-way-link"), "-o", str(plain)).status == 0
    allowed = set(elements((plain / "report.html").read_bytes())) | {"dl", "dt", "dd", "code"}
    extra = set(elements(files["report.html"])) - allowed
    assert extra <= {"table", "tr", "td", "th", "thead", "tbody", "h3", "h4", "p", "mark"}
    for found in ("nodes.csv", "findings.csv"):
        rows = list(csv.reader(io.StringIO(files[found].decode(), newline="")))
        assert len({len(row) for row in rows}) == 1
        for row in rows:
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
    for found in ("manifest.json", "findings.json"):
        assert json.loads(files[found])
    for line in files["events.jsonl"].splitlines():
        assert json.loads(line)
    checked = run("verify", str(folder), "--evidence", str(path), str(log))
    assert checked.status == 0
    seen(checked.out)


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_names_in_configurations_and_scenarios(attack: str, tmp_path: Path) -> None:
    """What cannot be seen is refused; what is markup elsewhere is a name here."""
    quoted = json.dumps(attack.encode("utf-8", "replace").decode())
    config = tmp_path / "carpscope.toml"
    config.write_text(f'[[node]]\nname = {quoted}\naddresses = ["192.0.2.1"]\n')
    story = tmp_path / "story.toml"
    story.write_text(
        f'duration = 9\nname = {quoted}\ndescription = {quoted}\naddresses = ["10.0.0.9"]\n'
        f"[[nodes]]\nname = {quoted}\n"
    )
    name_is_visible = is_visible(json.loads(quoted))
    for words in (
        ("analyze", capture("ucarp-one-way-link"), "--config", str(config)),
        ("analyze", "--json", capture("ucarp-one-way-link"), "--config", str(config)),
        ("simulate", str(story)),
        ("simulate", "--json", str(story)),
    ):
        done = run(*words)
        seen(done.out)
        seen(done.err)
        assert (done.status != 2) == name_is_visible
        if "--json" in words and name_is_visible:
            assert json.dumps(json.loads(done.out), ensure_ascii=False).count(quoted[1:-1])


def record(attack: str) -> EventRecord:
    return EventRecord(
        1_700_000_000 * 10**9, "finding", "opened", f"said {attack}", Severity.ERROR, attack,
        attack, 1, (attack, "b"), "MASTER", {"identity": attack, "remedy": attack},
    )  # fmt: skip


def snapshot(attack: str) -> Snapshot:
    return Snapshot(
        7, 0, 1,
        (InterfaceView(attack, "up", 0, 1, 1, 1), InterfaceView("b", "up", 0, 1, 1, 1)), (),
        (SituationView(attack, "CS101", attack, Severity.ERROR, 1.0, attack, attack, (attack,), 1,
                       f"said {attack}", attack, False),),
        ((attack, 1),), (record(attack),), (OutletView(attack, 1, 1, 0, attack),), (attack,),
    )  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_outputs_of_a_live_run(attack: str, tmp_path: Path) -> None:
    """Should something hostile ever reach a record, no output hands it on as it is."""
    one = record(attack)
    seen(event_line(one))
    sent = message(one, "host", 1).decode()
    seen(sent.replace("\ufeff", "", 1))
    head, _, rest = sent.partition('[carpscope@32473 action="opened"')
    assert head.count(" ") == 6
    assert rest
    target = tmp_path / "events.json"
    lines = open_lines(str(target))
    lines.send(one)
    lines.send(one)
    lines.close()
    first, second = target.read_text().splitlines()
    seen(first)
    assert json.loads(first) == json.loads(second)
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\nfor a in "$@"; do echo "$a"; done >{tmp_path}/args\n'
                    f"cat >{tmp_path}/stdin\n")  # fmt: skip
    hook.chmod(0o755)
    Command(str(hook)).send(one)
    seen((tmp_path / "args").read_text())
    assert (tmp_path / "args").read_text().count("\n") == 4
    assert json.loads((tmp_path / "stdin").read_text())["message"] == json.loads(first)["message"]
    for line in (*state_lines(snapshot(attack)), *summary_lines(snapshot(attack), 1, None)):
        seen(line)
        assert "\n" not in line
    for row in picture(snapshot(attack), 120, 24):
        seen(row.plain)
    _, told = verdict(snapshot(attack))
    seen(told)
    assert told.count("|") == 1, "what follows it is numbers for a program"


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_metrics_stay_what_they_are(attack: str) -> None:
    from urllib.request import urlopen

    from prometheus_client.parser import text_string_to_metric_families

    from carpscope.report.openmetrics import Metrics

    metrics = Metrics("127.0.0.1:0")
    metrics.start()
    try:
        metrics.show(snapshot(attack))
        with urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=20) as answer:
            text = answer.read().decode()
    finally:
        metrics.close()
    seen(text)
    parse: Callable[[str], Iterable[object]] = text_string_to_metric_families
    assert len(list(parse(text))) > 5


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_a_state_file_that_somebody_else_wrote(attack: str, tmp_path: Path) -> None:
    from tests.fuzz.targets import _STATE_TEXT

    document = json.loads(_STATE_TEXT)
    for key in ("identity", "label", "group", "summary", "remedy", "explanation", "code"):
        document["open"][0][key] = attack
    path = tmp_path / "state.json"
    path.write_text(json.dumps(document))
    ((_, situation),) = memory.load(path)
    for text in (situation.identity, situation.finding.summary, situation.finding.remedy):
        seen(text)
        assert "\n" not in text


@needs_namespaces
@pytest.mark.parametrize("name", [b"e\x1b[2J<b>", b"e\xe2\x80\xae=1", b"e'\"|`"])
def test_names_of_interfaces(name: bytes) -> None:
    with wire() as (within, _, span):
        subprocess.run(
            [*within, "ip", "link", "set", span, "down", "name", name], check=True, timeout=30
        )
        subprocess.run([*within, "ip", "link", "set", name, "up"], check=True, timeout=30)
        listed = start("live", "-D", prefix=[*within, sys.executable, "-m", "carpscope"])
        seen(listed.out)
        watcher = Watcher(within, "-i", os.fsdecode(name), "--user", "root", "--for", "2s")
        watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
        subprocess.run([*within, "ip", "link", "set", name, "down"], check=True, timeout=30)
        watcher.wait_for(15, "it is down", lambda e: e["action"] == "interface_down")
        watcher.end()
    for line in (*watcher.lines, *watcher.errors):
        seen(line)


def test_a_name_of_an_interface_that_is_no_text_is_one_line() -> None:
    done = start("live", "-i", os.fsdecode(b"e\xff\x1b["), "--for", "1s")
    assert done.status == 2
    seen(done.err)
    assert done.err.count("\n") == 1


def test_what_is_searched_for_is_there() -> None:
    for attack in ATTACKS[:5]:
        assert not is_visible(attack)
    assert ROOT.is_dir()
