"""What goes wrong is told in one line, with exit status 2, and nothing hostile reaches a screen."""

import contextlib
import errno
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import carpscope.capture.source
from carpscope.capture.source import merged
from carpscope.core.batch import batched
from carpscope.core.frame import Frame
from tests.program import COMMAND, ROOT, capture, run, start

HEALTHY = capture("ucarp-healthy")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("frobnicate",), "'frobnicate': no such command"),
        (("analyze",), "name a capture"),
        (("analyze", "nowhere.pcap"), "nowhere.pcap: no such file"),
        (("analyze", "Makefile"), "not a capture"),
        (("analyze", HEALTHY, "nowhere.pcap"), "nowhere.pcap: no such file"),
        (("analyze", "-", "-"), "standard input can be read once"),
        (("analyze", HEALTHY, "-a", "192.168.1.500"), "-a '192.168.1.500': not an IPv4 or IPv6"),
        (("analyze", HEALTHY, "-f", "proto proto"), "filter 'proto proto'"),
        (("analyze", HEALTHY, "--passphrase-file", "nowhere"), "nowhere: No such file"),
        (("analyze", HEALTHY, "--config", "nowhere.toml"), "nowhere.toml: No such file"),
        (("analyze", HEALTHY, "--frobnicate"), "--frobnicate: no such option"),
        (("analyze", HEALTHY, "-Z"), "-Z: no such option"),
        (("analyze", HEALTHY, "--count", "none"), "'none' is not a number of packets"),
        (("dissect", "-c", "carpscope.toml", HEALTHY), "given with --config"),
        (("dissect", "-c", "0", HEALTHY), "'0' is not a number of packets"),
        (("explain", "CS000"), "no such finding"),
        (("explain", "CS101", "CS102"), "more arguments than explain takes"),
    ],
)
def test_one_line_and_status_2(
    arguments: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    result = run(*arguments)
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("carpscope: ")
    assert result.err.endswith("\n")
    assert result.err.count("\n") == 1
    assert told in result.err


def test_control_characters_of_a_name_are_shown_and_not_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # a long path is not folded
    folder = tmp_path / "a\x1b[31m\n[bold]b"
    folder.mkdir()
    path = folder / "c\x07.pcap"
    missing = run("analyze", str(path))
    assert missing.status == 2
    path.write_bytes(Path(HEALTHY).read_bytes())
    shown = run("analyze", str(path))
    assert shown.status == 0
    listed = run("dissect", str(path), HEALTHY)
    for text in (missing.err, shown.out, listed.out):
        assert "\\x1b[31m\\x0a[bold]b/c\\x07.pcap" in text
        assert "\x1b" not in text
        assert "\x07" not in text


def test_a_name_that_is_no_utf8_is_shown(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.pcap"
    with open(path, "wb") as stream:  # noqa: PTH123 - bytes are no Path
        stream.write(Path(HEALTHY).read_bytes())
    result = start("analyze", os.fsdecode(path))
    assert result.status == 0
    assert "\\xff.pcap" in result.out


def test_a_cut_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(Path(HEALTHY).read_bytes()[:-10])
    analysis = run("analyze", str(path))
    assert analysis.status == 0
    assert "note: cut in the middle of packet 47; the 46 before it were read" in analysis.out
    listed = run("dissect", str(path))
    assert listed.status == 0
    assert listed.err.endswith("cut in the middle of packet 47; the 46 before it were read\n")


@pytest.mark.parametrize("command", [("dissect", HEALTHY), ("analyze", HEALTHY), ("--help",)])
def test_a_reader_that_goes_away_is_no_error(command: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, *command], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
        )
    finally:
        os.close(writing)
    assert done.stderr == b""
    assert done.returncode in (0, 128 + signal.SIGPIPE)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "dissect", HEALTHY],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.decode() == f"carpscope: {os.strerror(errno.ENOSPC)}\n"


def test_closed_output_is_no_error() -> None:
    done = subprocess.run(
        f"{' '.join(COMMAND)} analyze {HEALTHY} >&-",
        shell=True,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_encoding_without_the_signs_gets_words() -> None:
    result = start("analyze", HEALTHY, environment={"PYTHONIOENCODING": "ascii"})
    assert result.status == 0
    assert "ok Nothing wrong" in result.out


def interrupted_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a person press Ctrl-C after so many packets."""

    def frames(captures: list[carpscope.capture.source.Capture]) -> Iterator[Frame]:
        for number, frame in enumerate(merged(captures)):
            if number == count:
                raise KeyboardInterrupt
            yield frame

    monkeypatch.setattr("carpscope.capture.source.merged", frames)
    monkeypatch.setattr("carpscope.pipeline.merged", frames)
    monkeypatch.setattr(
        carpscope.capture.source.Capture,
        "batches",
        property(lambda capture: batched(frames([capture]))),
    )


def test_an_interrupted_dissection_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("dissect", HEALTHY).out.splitlines()
    interrupted_after(30, monkeypatch)
    result = run("dissect", HEALTHY)
    printed = result.out.splitlines()
    assert result.status == 130
    assert printed
    assert printed == whole[: len(printed)]
    told = f"30 packets were read until then, {len(printed)} printed"
    assert result.err == f"carpscope: interrupted; {told}\n"


def test_an_interrupted_analysis_shows_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_after(30, monkeypatch)
    result = run("analyze", HEALTHY)
    assert result.status == 130
    assert "192.0.2.1 MASTER" in result.out
    assert result.err == "carpscope: interrupted; 30 packets were read until then\n"


@contextlib.contextmanager
def _ctrl_c_heeded() -> Iterator[None]:
    """Undo what a shell does to its background jobs: they ignore SIGINT, and so would ours."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _killed_late(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Kill a process that waits for what never comes, so that the test fails instead."""
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def test_ctrl_c_while_waiting_for_a_pipe() -> None:
    master, slave = pty.openpty()
    command = [*COMMAND, "dissect", "-"]
    pipe = subprocess.PIPE
    with (
        _ctrl_c_heeded(),
        os.fdopen(master, "rb", buffering=0) as terminal,
        subprocess.Popen(command, stdin=pipe, stdout=slave, stderr=pipe, cwd=ROOT) as process,
        _killed_late(process),
    ):
        os.close(slave)
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(Path(HEALTHY).read_bytes())
        process.stdin.flush()
        shown = b""
        while shown.count(b"\n") < 28:  # all 28 advertisements; then it waits for more
            shown += terminal.read(65536)
        process.send_signal(signal.SIGINT)
        told = process.stderr.read().decode()
        assert process.wait(timeout=60) == 130
    # the last line may reach us before it is counted
    expected = r"carpscope: interrupted; 4[0-7] packets were read until then, 2[78] printed\n"
    assert re.fullmatch(expected, told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("analyze", "--config=", HEALTHY), "argument --config: is empty"),
        (("dissect", "-f", "", HEALTHY), "argument -f/--filter: is empty"),
        (("report", HEALTHY, "-o", ""), "is empty"),
        (("simulate", "--example", "failover", "-w", ""), "argument -w: is empty"),
        (("simulate", "--example", "failover", "-p", "x"), "-p belongs to --from CAPTURE"),
        (("simulate", "--example", "failover", "--group", "vhid1"), "--group belongs to --from"),
    ],
)
def test_what_is_empty_or_would_be_left_out_is_refused(
    arguments: tuple[str, ...], told: str
) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert told in done.err
    assert done.err.count("\n") == 1
