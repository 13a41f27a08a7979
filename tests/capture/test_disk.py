"""A disk that hangs or is slow: the capture never waits, and what is lost is counted.

A named pipe that nobody empties is the disk that hangs.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carpscope.capture.disk import FRAME_COST, Disk
from carpscope.capture.evidence import EvidenceWriter
from carpscope.capture.rotation import BUFFER_LIMIT, Recorder
from tests.capture.test_rotation import AT, frames, kept
from tests.live.stage import until

BIG = 4000
"""Bytes of a frame, so that few of them fill a buffer."""


@contextmanager
def hanging(folder: Path) -> Iterator[tuple[Path, int]]:
    """A file that takes 4 KiB and no more, and what it took."""
    path = folder / "disk"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        yield path, reader
    finally:
        os.close(reader)


def emptied(reader: int, over: threading.Event) -> None:
    os.set_blocking(reader, True)
    while not over.is_set() and os.read(reader, 1 << 16):
        continue


def told(disk: Disk[Recorder]) -> str | None:
    return disk.problem


def test_a_disk_that_hangs_delays_nothing_and_is_counted(tmp_path: Path) -> None:
    with hanging(tmp_path) as (path, reader):
        disk = Disk(Recorder(str(path), ["eth1"]), "-w", limit=400 * (BIG + FRAME_COST))
        many = frames(1000, BIG)
        for start in range(0, 1000, 20):
            disk.put(many[start : start + 20])
            disk.tick(AT)
        # every put has returned although not one block went through
        assert disk.writer.written == 0
        assert disk.lost >= 1000 - 400 - BUFFER_LIMIT // BIG
        assert disk.lost % 20 == 0
        assert told(disk) == "the disk is too slow, or hangs"
        lost, over = disk.lost, threading.Event()
        helper = threading.Thread(target=emptied, args=(reader, over))
        helper.start()
        until(lambda: disk.waiting == 0, 10, "it goes on when the disk does")
        disk.tick(AT)
        assert told(disk) is None
        disk.close()
        over.set()
        helper.join(5)
        assert disk.writer.written + lost == 1000


def test_what_waits_at_the_end_is_lost_after_some_patience(tmp_path: Path) -> None:
    with hanging(tmp_path) as (path, _):
        disk = Disk(Recorder(str(path), ["eth1"]), "-w")
        disk.put(frames(500, BIG))
        disk.put(frames(10, BIG))
        disk.close(0.1)
        assert disk.lost == disk.waiting > 0
        assert disk.problem is not None


def test_everything_arrives_in_order(tmp_path: Path) -> None:
    disk = Disk(Recorder(str(tmp_path / "a.pcapng"), ["eth1"], size=5000), "-w")
    many = frames(3000)
    for start in range(0, 3000, 7):
        disk.put(many[start : start + 7])
    disk.close()
    assert kept(sorted(tmp_path.iterdir())) == [frame.data for frame in many]
    assert (disk.lost, disk.waiting, disk.problem) == (0, 0, None)
    assert disk.writer.written == 3000


def test_a_finding_lies_between_the_frames_around_it(tmp_path: Path) -> None:
    disk = Disk(EvidenceWriter(str(tmp_path), ["eth1"], around=10**9), "--evidence")
    many = frames(20)
    disk.put(many[:10])
    disk.do(lambda writer: writer.opened("CS101-abc", "both MASTER", AT))
    disk.put(many[10:])
    disk.close()
    assert kept([tmp_path / "CS101-abc.pcapng"]) == [frame.data for frame in many]
