"""`carpscope analyze FOLDER`: any number of workers, damage, limits, what a user reads."""

import hashlib
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from carpscope.archive.folder import files, is_capture_name
from carpscope.archive.reading import FolderOptions
from carpscope.core.errors import CarpscopeError
from carpscope.core.units import SECOND
from tests.archive.maker import frames_of, quiet, rotated, steady, write
from tests.program import COMMAND, ROOT, run, start

pytestmark = pytest.mark.slow

MIB = 1024
"""`ru_maxrss` counts in KiB."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of 120 overlapping files whose names say nothing of their order."""
    return rotated(tmp_path_factory.mktemp("archive"), steady(2400), 120, overlap=9)


def analyzed(folder: Path, *options: str) -> dict[str, object]:
    result = start("analyze", "--json", str(folder), *options)
    assert result.status in (0, 1), result.err
    document = json.loads(result.out)
    assert isinstance(document, dict)
    return document


def test_the_number_of_workers_changes_nothing(archive: Path) -> None:
    runs = [start("analyze", "--json", str(archive), "--workers", n) for n in ("1", "2", "4")]
    assert {run.status for run in runs} == {0}
    assert len({run.out for run in runs}) == 1


def test_a_rotated_recording_says_what_the_whole_one_says(archive: Path, tmp_path: Path) -> None:
    """Also where files overlap: what two of them hold is no copy, no replay and no loop."""
    whole = tmp_path / "whole.pcap"
    write(whole, steady(2400))
    one = json.loads(start("analyze", "--json", str(whole)).out)
    many = analyzed(archive)
    for key in ("groups", "findings", "events"):
        assert _without_frames(many[key]) == _without_frames(one[key])
    assert len(many["evidence"]) == 120  # type: ignore[arg-type]
    assert many["folder"]["packets_in_several_captures"] > 400  # type: ignore[index]
    assert many["groups"][0]["copies"] == 0  # type: ignore[index]


LEFT_OUT = {"frame", "frames", "identity", "replay"}


def _without_frames(value: object) -> object:
    """Leave out frame numbers, which differ, and what is made of them.

    So is the replay: how far back it begins depends on how much of a steady master's
    history the hot path has kept, which is more where files end.
    """
    if isinstance(value, dict):
        return {k: _without_frames(v) for k, v in value.items() if k not in LEFT_OUT}
    return [_without_frames(one) for one in value] if isinstance(value, list) else value


def test_digests_are_those_of_the_files_for_who_asks(archive: Path) -> None:
    for options in ((), ("--workers", "1")):
        evidence = analyzed(archive, "--digest", *options)["evidence"]
        assert isinstance(evidence, list)
        for one in evidence[:3]:
            data = Path(one["path"]).read_bytes()
            assert one["sha256"] == hashlib.sha256(data).hexdigest()
    assert {one["sha256"] for one in analyzed(archive)["evidence"]} == {None}  # type: ignore[attr-defined]


def test_findings_name_file_and_frame(tmp_path: Path) -> None:
    frames = steady(200)
    late = [frame._replace(at=frame.at + 3600 * SECOND) for frame in frames[::7]]
    write(tmp_path / "z-first.pcap", frames)
    write(tmp_path / "a-second.pcap", late)
    document = analyzed(tmp_path)
    assert [Path(str(one["path"])).name for one in document["evidence"]] == [  # type: ignore[attr-defined]
        "z-first.pcap",
        "a-second.pcap",
    ]
    named = [frame for event in document["events"] for frame in event["frames"]]  # type: ignore[attr-defined]
    assert named
    assert all(Path(name.rpartition(":")[0]).is_file() for name in named)


def test_damage_is_a_line_each_and_the_rest_is_analyzed(archive: Path, tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(600), 12)
    good = sorted(folder.rglob("*.pcap"))[0].read_bytes()
    (folder / "cut.pcap").write_bytes(good[:200])
    (folder / "noise.pcap3").write_bytes(bytes(range(256)) * 4)
    (folder / "empty.pcapng").touch()
    (folder / "cut.pcap.gz").write_bytes(b"\x1f\x8b\x08\x00half")
    (folder / "notes.txt").write_text("which interface was it?\n")
    (folder / ".hidden.pcap").write_text("not looked at")
    (folder / "gone.pcap").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.pcap")
    result = start("analyze", str(folder), "--workers", "2")
    assert result.status == 0, result.err
    lines = result.out.replace("\n        ", " ").splitlines()
    notes = [line for line in lines if line.startswith("  note: ")]
    assert [note.split(":")[1].strip() for note in notes] == [
        "cut.pcap.gz", "empty.pcapng", "gone.pcap", "noise.pcap3", "cut.pcap",
        "1 other file is no capture, left out",
    ]  # fmt: skip
    assert "13 captures, " in result.out
    assert "1 group" in result.out


def test_one_capture_of_three_packets(tmp_path: Path) -> None:
    write(tmp_path / "three.pcap", [frame for frame in steady(6) if len(frame.data) == 70][:3])
    document = analyzed(tmp_path)
    assert document["groups"][0]["nodes"][0]["advertisements"] == 3  # type: ignore[index]


def test_a_year_of_captures(tmp_path: Path) -> None:
    """Fifty-two files of a few seconds each: silence between them is no gap of a master."""
    for week in range(52):
        at = (1_700_000_000 + week * 7 * 86_400) * SECOND
        write(tmp_path / f"week-{week}.pcap", steady(20, start=at)[:16])
    document = analyzed(tmp_path)
    assert len(document["evidence"]) == 52  # type: ignore[arg-type]
    assert document["groups"][0]["nodes"][0]["first"].startswith("2023-11-14")  # type: ignore[index]
    assert document["groups"][0]["nodes"][0]["last"].startswith("2024-11-05")  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("{d}/nothing",), "nothing: no such file"),
        (("{d}/empty",), "empty: a folder without files"),
        (("{d}/text",), "text: no capture in it could be read"),
        (("{d}/empty", "{d}/text"), "a folder is one recording and is analyzed alone"),
        (("{d}/text", "--count", "5"), "--count counts the packets of a file"),
        (("{d}/text", "--tls-key", "k"), "--tls-ca-file, --tls-cert and --tls-key are for --sch"),
        (("{d}/text/a.txt", "--workers", "2"), "--workers is for folders"),
        (("{d}/text/a.txt", "--tls-cert", "x"), "--tls-cert is for folders"),
    ],
)
def test_mistakes_are_one_line(arguments: Sequence[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("no capture")
    result = run("analyze", *(word.format(d=tmp_path) for word in arguments))
    assert result.status == 2
    assert result.err.startswith("carpscope: ")
    assert told.format(d=tmp_path) in result.err
    assert result.err.count("\n") == 1


def test_workers_are_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("analyze", "--workers", "0", "x").status == 2
    assert run("analyze", "--workers", "many", "x").status == 2


@pytest.mark.parametrize(
    "name",
    [
        "a.pcap",
        "a.cap",
        "a.pcapng",
        "a.pcap7",
        "a.pcap.12",
        "a.pcap.gz",
        "a.PCAP.zst",
        "a.pcap.1.gz",
    ],
)
def test_names_of_captures(name: str) -> None:
    assert is_capture_name(f"folder.d/{name}")


@pytest.mark.parametrize("name", ["README", "a.txt", "about.toml", "capture.log", "pcap"])
def test_names_of_others(name: str) -> None:
    assert not is_capture_name(f"x/{name}")


def test_a_folder_is_searched_without_following_it_in_circles(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.pcap").touch()
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "two.pcap").symlink_to(tmp_path / "a" / "one.pcap")
    found = [file.path for file in files(str(tmp_path))]
    assert found == [str(tmp_path / "a" / "one.pcap"), str(tmp_path / "two.pcap")]
    with pytest.raises(CarpscopeError, match="No such file"):
        files(str(tmp_path / "b"))


def limited() -> None:
    """Allow what a run of ten thousand files must do with."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def measured(*arguments: str) -> tuple[dict[str, object], int]:
    """Run with few file handles; give the document, and the peak memory of the whole in KiB."""
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
        "sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *COMMAND, "analyze", "--json", *arguments],
        capture_output=True, text=True, cwd=ROOT, preexec_fn=limited, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode in (0, 1, 2), done.stderr
    return json.loads(done.stdout), int(done.stderr.splitlines()[-1])


def test_thousands_of_files_need_few_handles_and_little_memory(tmp_path: Path) -> None:
    count = 10_000
    folder = rotated(tmp_path / "archive", steady(count * 3 // 2), count, overlap=1)
    document, peak = measured(str(folder), "--workers", "2")
    assert len(document["evidence"]) == count  # type: ignore[arg-type]
    nodes = document["groups"][0]["nodes"]  # type: ignore[index]
    assert sum(node["advertisements"] for node in nodes) == count * 3 // 2 - 4
    assert document["findings"] == []
    assert peak < 100 * MIB


def test_files_that_all_run_at_once_need_little_memory(tmp_path: Path) -> None:
    """Two hundred captures of the same half hour: 400,000 frames that come in turns."""
    frames = [frame for frame in steady(2_100) if len(frame.data) == 70][:2_000]
    for number in range(200):
        own = [frame._replace(at=frame.at + number * 1_000_000) for frame in frames]
        write(tmp_path / f"{number}.pcap", own)
    # the filter leaves nothing to analyze: what is measured is the merge
    _, peak = measured(str(tmp_path), "--workers", "2", "-f", "vlan 9")
    assert peak < 140 * MIB


def workers_of(process: "subprocess.Popen[str]") -> list[int]:
    """Return the processes that read captures for another."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [
        int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_a_killed_process_changes_nothing(tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(900), 600)
    killed: list[BaseProcess] = []

    def told(done: int, total: int) -> None:
        if not killed:
            assert done < total
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()

    found, _ = frames_of(folder, FolderOptions(2), told)
    assert found == frames_of(folder, FolderOptions(1), quiet)[0]
    assert killed


def test_a_terminal_sees_how_far_it_is_and_a_pipe_does_not(tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(400), 200)
    arguments = [*COMMAND, "analyze", str(folder), "--workers", "1"]
    main, other = os.openpty()
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=other, cwd=ROOT)
    os.close(other)
    shown = b""
    with os.fdopen(main, "rb", buffering=0) as screen:
        try:
            while block := screen.read(4096):
                shown += block
        except OSError:  # the other end is closed
            pass
    out = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 0
    assert b"reading" in shown
    assert b"analyzing" in shown
    piped = subprocess.run(arguments, capture_output=True, cwd=ROOT, check=True)
    assert piped.stderr == b""
    assert piped.stdout.decode() == out


def test_ctrl_c_ends_the_processes_too(tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(3_000), 1_500)
    process = subprocess.Popen(
        [*COMMAND, "analyze", "--json", str(folder), "--workers", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True,
    )  # fmt: skip
    tick = threading.Event()
    # the second may begin when the first has read all, on a busy machine
    while process.poll() is None and not workers_of(process):
        tick.wait(0.005)
    process.send_signal(signal.SIGINT)
    workers = workers_of(process)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "carpscope: interrupted"
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
