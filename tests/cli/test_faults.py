"""What disks, files, readers and clocks do to the commands for files: one line, nothing half.

Promised of each: exit status 2 and one line that names what failed, no half of a report, key
or state under the name of a whole one, and the evidence untouched. What live runs promise is in
tests/live. Each fault is a real one: a small tmpfs, a signal in the middle of writing, a
file cut or exchanged while it is read.
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.core.errors import CarpscopeError
from carpscope.live import memory
from carpscope.live.findings import LiveFindings
from carpscope.report.forensic import exhibit
from tests.program import COMMAND, ROOT, capture, run, start
from tests.wire import samples

pytestmark = pytest.mark.slow

HEALTHY = capture("ucarp-healthy")
TROUBLE = capture("ucarp-different-addresses")


def one_line(text: str, *told: str) -> None:
    assert text.startswith("carpscope: ")
    assert text.count("\n") == 1
    for part in told:
        assert part in text


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 64 KiB and fill most of it."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root and mount: it makes a small tmpfs")
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
        check=False,
        capture_output=True,
        timeout=30,
    )
    if done.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True, timeout=30)


def test_a_report_on_a_full_disk_is_not_there_at_all(small: Path) -> None:
    done = start("report", TROUBLE, "-o", str(small / "case"))
    assert done.status == 2
    one_line(done.err, "case: No space left on device; nothing was written")
    assert list(small.iterdir()) == []


def test_a_key_on_a_full_disk_is_not_half_a_key(small: Path) -> None:
    (small / "filler").write_bytes(bytes(56 * 1024))
    with (small / "more").open("wb", buffering=0) as more:
        while more.write(bytes(4096)) == 4096 and os.statvfs(small).f_bavail:
            pass
    done = start("keygen", str(small / "k.pem"), "--no-passphrase")
    assert done.status == 2
    one_line(done.err, "k.pem: No space left on device")
    (small / "filler").unlink()
    assert start("keygen", str(small / "k.pem"), "--no-passphrase").status == 0


def test_frames_on_a_full_disk_are_readable_as_far_as_they_go(small: Path) -> None:
    (small / "filler").write_bytes(bytes(60 * 1024))
    path = small / "made.pcap"
    done = start("simulate", "--example", "split-brain", "-w", str(path))
    assert done.status == 2
    one_line(done.err, "made.pcap: No space left on device")
    read = run("dissect", str(path))
    assert read.status == 0
    assert read.out.count("\n") > 20


def test_output_to_a_full_disk_is_told() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    for words in (("analyze", HEALTHY), ("analyze", "--json", HEALTHY), ("explain",),
                  ("simulate", "--example", "failover")):  # fmt: skip
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, cwd=ROOT,
                check=False, timeout=60,
            )  # fmt: skip
        assert done.returncode == 2
        one_line(done.stderr.decode(), "No space left on device")


def long_capture(path: Path, count: int) -> None:
    samples.write_pcap(path, [samples.F1] * count)


def test_a_capture_cut_while_it_is_read_ends_there_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    long_capture(path, 20_000)
    with open_capture(str(path)) as opened:
        frames = iter(opened)
        next(frames)
        os.truncate(path, opened.bytes + 100)
        rest = sum(1 for _ in frames)
        assert 0 < rest < 19_999
        assert any("cut in the middle of packet" in note for note in opened.notes)


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_capture_removed_or_replaced_while_it_is_read_is_read_as_it_was(
    how: str, tmp_path: Path
) -> None:
    path = tmp_path / "long.pcap"
    long_capture(path, 20_000)
    with open_capture(str(path)) as opened:
        frames = iter(opened)
        next(frames)
        path.unlink()
        if how == "replaced":
            shutil.copy(HEALTHY, path)
        assert sum(1 for _ in frames) == 19_999
        assert opened.notes == []


@pytest.mark.parametrize("how", ["removed", "replaced", "cut"])
def test_evidence_that_changes_between_two_readings_ends_a_report(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "office.pcap"
    shutil.copy(TROUBLE, path)
    named = exhibit.named

    def changed(*arguments: object) -> object:
        if how == "cut":
            os.truncate(path, 3000)
        else:
            path.unlink()
        if how == "replaced":
            shutil.copy(HEALTHY, path)
        return named(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(exhibit, "named", changed)
    done = run("report", str(path), "-o", str(tmp_path / "case"))
    assert done.status == 2
    one_line(done.err, "no such file" if how == "removed" else "changed while it was being read")
    assert not (tmp_path / "case").exists()


_KILLED = """
import os, signal, sys
real, left = os.fsync, int(sys.argv.pop(1))
def fsync(number):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(number)
os.fsync = fsync
from carpscope.cli.main import entry
entry()
"""


@pytest.mark.parametrize("after", [0, 3, 7])
def test_kill_while_a_report_is_written_leaves_none(after: int, tmp_path: Path) -> None:
    words = ("report", TROUBLE, "-o", str(tmp_path / "case"))
    killed = start(str(after), *words, prefix=(sys.executable, "-c", _KILLED))
    assert killed.status == -9
    assert not (tmp_path / "case").exists()
    again = run(*words)
    assert again.status == 0
    assert run("verify", str(tmp_path / "case")).status == 0


def test_kill_while_state_is_written_leaves_the_old(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    memory.save(path, memory.document({"eth1": LiveFindings()}, 7))
    before = path.read_bytes()
    code = (
        "import os, signal, sys; from pathlib import Path; from carpscope.live import memory\n"
        "os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)\n"
        "memory.save(Path(sys.argv[1]), memory.document({}, 8))"
    )
    killed = start("-c", code, str(path), prefix=(sys.executable,))
    assert killed.status == -9
    assert path.read_bytes() == before
    memory.save(path, memory.document({}, 9))
    assert memory.load(path) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 4096, b"{", b"[]", b"null", b'{"schema": "carpscope.live/2"}', b"\xff\xfe",
     b'{"schema": "carpscope.live/1"}', b'{"schema": "carpscope.live/1", "open": [{}]}',
     b"[" * 100_000],
    ids=range(10),
)  # fmt: skip
def test_a_corrupt_state_file_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(CarpscopeError, match="not a state file") as caught:
        memory.load(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that others may enter: pytest closes its own to them, also while another runs."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it becomes somebody else")
def test_permission_lost_is_one_line(open_path: Path) -> None:
    """A file, a folder and a key that are not ours to read or write."""
    tmp_path = open_path
    mine = tmp_path / "mine.pcap"
    shutil.copy(TROUBLE, mine)
    mine.chmod(0o600)
    trouble = str(tmp_path / "trouble.pcap")
    shutil.copy(TROUBLE, trouble)  # a clone may lie where nobody else can read it
    Path(trouble).chmod(0o644)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o777)
    trials = (
        (("analyze", str(mine)), "mine.pcap: no permission to read it"),
        (("dissect", str(mine)), "mine.pcap: no permission to read it"),
        (("report", trouble, "-o", str(tmp_path / "case")), "Permission denied"),
        (("report", trouble, "-o", str(theirs / "x"), "--sign", str(mine)), "Permission denied"),
        (("report", trouble, "-o", str(theirs / "x"), "--log", str(mine)), "Permission denied"),
        (("analyze", trouble, "--passphrase-file", str(mine)), "Permission denied"),
        (("analyze", trouble, "--config", str(mine)), "Permission denied"),
    )
    code = (  # the interpreter itself may lie where nobody else can read it: load all, use it once
        "import getpass, importlib, os, pkgutil, sys, carpscope, carpscope.cli.main as m\n"
        "for item in pkgutil.walk_packages(carpscope.__path__, 'carpscope.'):\n"
        "    item.name.endswith('__main__') or importlib.import_module(item.name)\n"
        "names = m.names(); m.names = lambda: names; [m._load(name) for name in names]\n"
        f"m.main(['report', {TROUBLE!r}, '-o', {str(tmp_path)!r} + f'/w{{os.getpid()}}', '-q',"
        f" '--log', {str(ROOT / 'Makefile')!r}])\n"
        "os.setgid(65534); os.setuid(65534)\n"
        f"for words in {[words for words, _ in trials]!r}:\n"
        "    child = os.fork()\n"
        "    child or (setattr(sys, 'argv', ['carpscope', *words]), m.entry())\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
    )
    done = start(prefix=(sys.executable, "-c", code))
    assert done.out.split() == ["2"] * len(trials), done
    for line, (_, told) in zip(done.err.splitlines(keepends=True), trials, strict=True):
        one_line(line, told)


def stepped(name: str, seconds: dict[int, int], path: Path) -> None:
    """Copy a capture and set the clock, forward or back, at some of its packets."""
    data = bytearray(Path(capture(name)).read_bytes())
    at, number, step = 24, 0, 0
    while at < len(data):
        number += 1
        step += seconds.get(number, 0)
        when, _, size, _ = struct.unpack_from("<IIII", data, at)
        struct.pack_into("<I", data, at, max(0, when + step))
        at += 16 + size
    path.write_bytes(data)


@pytest.mark.parametrize(
    "seconds", [{20: -3600, 30: 3600}, {20: 86400}, {20: -(1 << 31)}, {n: (-1) ** n * n for n in
                range(2, 60)}], ids=["back and forth", "a day on", "to 1970", "all the time"],
)  # fmt: skip
def test_a_clock_that_steps_is_noted_and_ends_nothing(
    seconds: dict[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "stepped.pcap"
    for name in ("ucarp-healthy", "ucarp-different-addresses", "ucarp-flapping"):
        stepped(name, seconds, path)
        done = run("analyze", str(path))
        assert done.status in (0, 1)
        if any(step < 0 for step in seconds.values()):
            assert "out of time order" in done.out
        assert run("dissect", str(path)).status == 0
        folder = tmp_path / f"case-{name}"
        assert run("report", str(path), "-o", str(folder)).status in (0, 1)
        assert run("verify", str(folder)).status == 0


def test_a_folder_of_a_report_that_is_no_report_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    one_line(run("verify", str(folder)).err, "holds no manifest.json")
    os.mkfifo(folder / "manifest.json")
    one_line(run("verify", str(folder)).err, "is a link or a device")
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").symlink_to("/dev/zero")
    one_line(run("verify", str(folder)).err, "is a link or a device")
