"""Whole reports over the shipped captures: complete, reproducible, harmless, readable by others."""

import csv
import hashlib
import io
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND, parse_rfc3339
from tests.program import CAPTURES, Result, capture, run, start

pytestmark = pytest.mark.slow

NAMES = sorted(path.parent.name for path in CAPTURES.glob("*/capture.pcap"))
FILES = {
    "report.html", "report.md", "findings.json", "events.jsonl", "nodes.csv", "findings.csv",
    "evidence.pcapng", "manifest.json",
}  # fmt: skip
SECRET = "quiet-harbour-17"


def made(folder: Path, *arguments: str) -> dict[str, bytes]:
    """Make a report and give its files."""
    done = run("report", *arguments, "-o", str(folder))
    assert done.status in (0, 1), done.err
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_capture_makes_a_whole_report(name: str, tmp_path: Path) -> None:
    files = made(tmp_path / "r", capture(name), "-p", SECRET, "-a", "192.0.2.10")
    assert set(files) == FILES
    document = json.loads(files["findings.json"])
    page = files["report.html"].decode()
    for finding in document["findings"]:
        assert finding["identity"] in page
        assert finding["identity"] in files["report.md"].decode()
    for data in files.values():
        assert SECRET.encode() not in data
    listed = json.loads(files["manifest.json"])
    for output in listed["outputs"]:
        data = files[output["name"]]
        assert (output["bytes"], output["sha256"]) == (
            len(data),
            hashlib.sha256(data).hexdigest(),
        )
    source = Path(capture(name)).read_bytes()
    assert listed["inputs"][0]["sha256"] == hashlib.sha256(source).hexdigest()
    assert (listed["created"], listed["created_from"]) == (
        "2027-01-15T08:00:00.000000Z",
        "SOURCE_DATE_EPOCH",
    )
    assert run("verify", str(tmp_path / "r"), "--evidence", capture(name)).status == 0


def test_the_same_bytes_on_other_days_in_other_places(tmp_path: Path) -> None:
    evidence = shutil.copy(capture("ucarp-one-way-link"), tmp_path / "office.pcap")
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    moved = shutil.copy(evidence, tmp_path / "elsewhere" / "deep" / "office.pcap")
    log = tmp_path / "beta.log"
    log.write_text("Nov 23 00:31:01 beta ucarp[7]: [WARNING] Switching to state: MASTER\n")
    shutil.copy(log, tmp_path / "elsewhere" / "beta.log")
    key = tmp_path / "k.pem"
    assert run("keygen", str(key), "--no-passphrase").status == 0
    worlds = (
        (str(evidence), str(log), {"TZ": "Pacific/Kiritimati", "LC_ALL": "C"}),
        (
            str(moved),
            str(tmp_path / "elsewhere" / "beta.log"),
            {"TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "1"},
        ),
    )
    found = []
    for number, (path, log_path, environment) in enumerate(worlds):
        folder = tmp_path / f"r{number}"
        done = start(
            "report", path, "-p", SECRET, "-a", "192.0.2.10", "-o", str(folder),
            "--log", f"192.0.2.2={log_path}", "--case", "17", "--sign", str(key),
            environment={**environment, "PYTHONHASHSEED": str(number + 7), "COLUMNS": "60"},
        )  # fmt: skip
        assert done.status == 0, done.err
        found.append({p.name: p.read_bytes() for p in sorted(folder.iterdir())})
    assert set(found[0]) == FILES | {"manifest.sig"}
    assert found[0] == found[1]


def test_on_another_day_the_same_bytes(tmp_path: Path) -> None:
    """The machine's clock is years off, by a library that lies about it."""
    if not shutil.which("faketime"):
        pytest.skip("no faketime here; tests/test_tidy.py holds that no clock is read")
    first = made(tmp_path / "a", capture("ucarp-flapping"))
    done = start(
        "report", capture("ucarp-flapping"), "-o", str(tmp_path / "b"),
        prefix=("faketime", "2031-05-06 07:08:09", *_command()),
    )  # fmt: skip
    assert done.status == 0, done.err
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}


def _command() -> tuple[str, ...]:
    from tests.program import COMMAND

    return COMMAND


def test_the_time_of_making_is_now_and_the_command_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    before = time.time_ns() // SECOND * SECOND
    files = made(tmp_path / "r", capture("ucarp-healthy"))
    listed = json.loads(files["manifest.json"])
    assert listed["created_from"] == "clock"
    assert before <= parse_rfc3339(listed["created"]) <= time.time_ns()
    said = listed["command"].split()
    at = said[said.index("--created") + 1]
    again = made(tmp_path / "s", capture("ucarp-healthy"), "--created", at)
    assert json.loads(again["manifest.json"])["command"] == listed["command"]
    once_more = made(tmp_path / "t", capture("ucarp-healthy"), "--created", at)
    assert again == once_more
    page = files["report.html"].decode()
    assert f"Created {listed['created']} (by the clock of the machine that made it)" in page
    assert "2026-11-23T" in page.split("Created ", 1)[1][:300]  # the evidence's own time, beside it


def test_the_time_of_making_is_an_option_and_said_to_be_one(tmp_path: Path) -> None:
    files = made(tmp_path / "r", capture("ucarp-healthy"), "--created", "2027-01-02T03:04:05+01:00")
    listed = json.loads(files["manifest.json"])
    assert listed["created"] == "2027-01-02T02:04:05.000000Z"
    assert listed["created_from"] == "option"
    done = run("report", capture("ucarp-healthy"), "--created", "soon", "-o", str(tmp_path / "s"))
    assert (done.status, done.err.count("\n")) == (2, 1)


def test_the_folder_must_be_new_and_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    for target in ("full", "nowhere/deep", "full/diary.txt"):
        done = run("report", capture("ucarp-healthy"), "-o", str(tmp_path / target))
        assert (done.status, done.err.count("\n")) == (2, 1), target
    assert (tmp_path / "full" / "diary.txt").read_text() == "mine"
    made(tmp_path / "empty", capture("ucarp-healthy"))
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(b"PK\x03\x04 no capture")
    assert run("report", str(broken), "-o", str(tmp_path / "never")).status == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.pcap", "empty", "full"]


def test_standard_input_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run("report", "-", "-o", str(tmp_path / "r"))
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "save standard input to a file" in done.err


@pytest.mark.skipif(not shutil.which("tshark"), reason="no tshark here")
def test_tshark_shows_the_evidence_with_its_comments(tmp_path: Path) -> None:
    source = capture("ucarp-one-way-link")
    files = made(tmp_path / "r", source, "-p", SECRET, "-a", "192.0.2.10")
    shown = subprocess.run(
        [
            *("tshark", "-r", str(tmp_path / "r" / "evidence.pcapng"), "-T", "fields"),
            *("-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.comment"),
        ],
        capture_output=True,
        check=True,
    ).stdout.decode()
    rows = [row.split("\t") for row in shown.splitlines()]
    document = json.loads(files["findings.json"])
    wanted = {frame for finding in document["findings"] for frame in finding["frames"]}
    assert len(rows) == len(wanted)
    assert all("CS" in comment for _, _, comment in rows)
    assert all("of capture.pcap" in comment for _, _, comment in rows)
    original = {frame.number: frame for frame in open_capture(source)}
    kept = list(open_capture(str(tmp_path / "r" / "evidence.pcapng")))
    for frame, number in zip(kept, sorted(wanted), strict=True):
        assert (frame.at, frame.data, frame.wire_length) == (
            original[number].at,
            original[number].data,
            original[number].wire_length,
        )


HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e|`*[x](http://evil.example)=cmd|' /C calc'!A0"


def hostile(tmp_path: Path) -> tuple[dict[str, bytes], Result]:
    """Make a report whose every string is out to get somebody."""
    evil = tmp_path / "=1+1<img src=x onerror=alert(1)>\u202e`.pcap"
    shutil.copy(capture("ucarp-one-way-link"), evil)
    config = tmp_path / "c.toml"
    config.write_text(
        '[[node]]\nname = "=HYPERLINK(1)<b>x</b>"\naddresses = ["192.0.2.1"]\n', "utf-8"
    )
    log = tmp_path / "<svg onload=alert(1)>.log"
    line = f"2026-11-23T00:31:01Z host kernel: {HOSTILE} Switching to state: MASTER\n"
    log.write_text(line, "utf-8")
    folder = tmp_path / "r"
    done = run(
        "report", str(evil), "-p", SECRET, "-a", "192.0.2.10",
        "--config", str(config), "-o", str(folder),
        "--case", HOSTILE, "--examiner", HOSTILE, "--notes", f"{HOSTILE}\nsecond line",
        "--organisation", HOSTILE, "--acquisition", HOSTILE, "--log", str(log),
    )  # fmt: skip
    return {path.name: path.read_bytes() for path in folder.iterdir()}, done


def test_hostile_strings_are_text_everywhere(tmp_path: Path) -> None:
    files, done = hostile(tmp_path)
    assert done.status == 0, done.err
    for name, data in files.items():
        if name == "evidence.pcapng":
            continue
        text = data.decode()
        assert "\x1b" not in text, name
        assert "\u202e" not in text, name
    page = files["report.html"].decode()
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "<svg onload" not in page
    assert "<b>x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\u202e" in page
    # an indented line is code, where nothing is markup
    lines = files["report.md"].decode().splitlines()
    report = "\n".join(line for line in lines if not line.startswith("    "))
    assert "<script" not in report.replace("\\<", "")
    assert "](http://evil" not in report
    assert "http://" not in report.replace("http\\:", "")
    for name in ("nodes.csv", "findings.csv"):
        for row in csv.reader(io.StringIO(files[name].decode(), newline="")):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row), row
    listed = json.loads(files["manifest.json"])
    assert listed["case"]["case"] == HOSTILE  # JSON keeps it, spelt out in its own way
    assert run("verify", str(tmp_path / "r")).status == 0


def test_a_capture_of_a_hundred_thousand_packets_stays_small(tmp_path: Path) -> None:
    """A month of one group, shortened to what a test may take; the page says what it left out."""
    from carpscope.capture.linktypes import ETHERNET
    from carpscope.protocol.profile import profiles
    from carpscope.sim.frames import EPOCH, advert_frame
    from tests.report_forensic.vantages import GROUP, world

    small = world(GROUP.replace("duration = 90", "duration = 20"))
    packet = small.record.sent[-1].packet
    profile = profiles()["freebsd13"]
    path = tmp_path / "long.pcap"
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for number in range(100_000):
            # every second advertisement of one node is followed by a gap now and then
            at = EPOCH + (number + number // 2000 * 12) * 1_003_000_000
            sent = packet._replace(counter=(number + 77).to_bytes(8, "big"))
            data = advert_frame(profile, sent)
            writer.write(Frame(number + 1, at, ETHERNET, data, len(data)))
    files = made(tmp_path / "r", str(path))
    assert len(files["report.html"]) < 2_000_000
    assert b"drawn as a curve" in files["report.html"]
    assert json.loads(files["manifest.json"])["inputs"][0]["packets"] == 100_000


def written(path: Path, frames: list[Frame]) -> str:
    """Write a capture."""
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in frames:
            writer.write(frame)
    return str(path)


def test_a_capture_of_nothing_and_a_cut_one_are_reported_as_such(tmp_path: Path) -> None:
    empty = written(tmp_path / "empty.pcap", [])
    files = made(tmp_path / "a", empty)
    assert b"No CARP advertisement is in these captures" in files["report.html"]
    whole = Path(capture("ucarp-flapping")).read_bytes()
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(whole[:-11])
    files = made(tmp_path / "b", str(cut))
    assert b"cut in the middle of packet" in files["report.html"]
    assert json.loads(files["manifest.json"])["inputs"][0]["notes"]


def test_thousands_of_invented_senders_do_not_swell_the_page(tmp_path: Path) -> None:
    from carpscope.capture.linktypes import ETHERNET
    from carpscope.protocol.profile import profiles
    from carpscope.sim.frames import EPOCH, advert_frame
    from tests.report_forensic.vantages import GROUP, world

    sent = world(GROUP.replace("duration = 90", "duration = 20")).record.sent[-1].packet
    profile = profiles()["freebsd13"]
    frames = []
    for number in range(2_000):
        packet = sent._replace(
            source=bytes((10, 1, number >> 8, number & 255)),
            vhid=number % 25 + 1,
            counter=number.to_bytes(8, "big"),
        )
        data = advert_frame(profile, packet)
        frames.append(Frame(number + 1, EPOCH + number * 7_000_000, ETHERNET, data, len(data)))
    files = made(tmp_path / "r", written(tmp_path / "flood.pcap", frames))
    assert len(files["report.html"]) < 2_000_000
    assert b"Left out of this page" in files["report.html"]
