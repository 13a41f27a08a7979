"""Frames of many files by time, within a budget of memory."""

import random
from pathlib import Path

import pytest

from carpscope.archive import reading
from carpscope.archive.extract import PIECE_FRAMES, extract_all, unpacked
from carpscope.archive.reading import Archive, FolderOptions
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND
from tests.archive.maker import quiet, rotated, steady, write

pytestmark = pytest.mark.slow


def read(folder: Path) -> tuple[list[Frame], list[str]]:
    """Read a folder in this process; give its frames, and what is said of their order."""
    with Archive(str(folder), FolderOptions(1), quiet) as archive:
        return list(archive.frames()), archive.notes


def order(frame: Frame) -> tuple[int, int, int]:
    return frame.at, frame.capture, frame.number


def many(folder: Path) -> None:
    """Write nine captures that all run at once, one of them in no order."""
    frames = [frame for frame in steady(2 * PIECE_FRAMES) if len(frame.data) == 70]
    for number in range(9):
        own = [frame._replace(at=frame.at + number * MILLISECOND) for frame in frames]
        if number == 4:
            random.Random(1).shuffle(own)
        write(folder / f"{number}.pcap", own)


def test_frames_come_in_order_of_time(tmp_path: Path) -> None:
    many(tmp_path)
    found, notes = read(tmp_path)
    assert found == sorted(found, key=order)
    assert len([frame for frame in found if frame.data]) == 9 * (2 * PIECE_FRAMES - 4)
    assert {frame.capture for frame in found} == set(range(9))
    assert notes == []


def test_more_than_memory_should_hold_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(tmp_path)
    expected, _ = read(tmp_path)
    monkeypatch.setattr(reading, "WAITING_MAX", 200)
    found, notes = read(tmp_path)
    assert sorted(found, key=order) == expected
    (note,) = notes
    assert note.startswith("more than 200 packets of its captures run at the same time, or out")


def test_a_file_with_too_much_for_a_message_is_left_to_who_asked(tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(40), 2)
    paths = sorted(str(path) for path in folder.rglob("*.pcap"))
    small = extract_all(paths)
    assert [one.is_too_large for one in small] == [False, False]
    size = sum(len(piece.frames) for piece in small[0].pieces)
    cut = extract_all(paths, size)
    assert [one.is_too_large for one in cut] == [False, True]
    assert cut[1].pieces == ()


def test_what_others_leave_is_read_here(tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(40), 2)
    expected, _ = read(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extract_all, "__defaults__", (1,))
        found, _ = read(folder)
    assert found == expected


def test_a_file_that_is_not_there_is_a_line(tmp_path: Path) -> None:
    (done,) = extract_all([str(tmp_path / "none.pcap")])
    assert done.recording is None
    assert done.problem == f"{tmp_path}/none.pcap: no such file"


def test_what_is_packed_comes_out_again(tmp_path: Path) -> None:
    write(tmp_path / "one.pcap", steady(9))
    (done,) = extract_all([str(tmp_path / "one.pcap")])
    frames = [frame for piece in done.pieces for frame in unpacked(piece.frames)]
    assert all(isinstance(frame, Frame) for frame in frames)
    assert done.recording is not None
    assert len(frames) == done.recording.frames
