"""Frames of many files by time, each packet once, within a budget of memory."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from carpscope.archive import merge, spool
from carpscope.archive.recording import Piece
from carpscope.core.frame import Frame

Files = list[list[list[tuple[int, bytes]]]]
"""For each file its pieces, each of them time and bytes of frames."""


def spooled(folder: Path, files: Files) -> tuple[list[merge.Run], list[Frame]]:
    """Write files as pieces in time order; give the runs, and every frame."""
    runs, everything = [], []
    store = spool.Spool(str(folder / "spool"))
    for index, pieces in enumerate(files):
        number = 0
        for rows in pieces:
            frames = []
            for at, data in rows:
                number += 1
                frames.append(Frame(number, at, 1, data, len(data), index))
            frames.sort(key=lambda frame: (frame.at, frame.number))
            if frames:
                piece = store.put(frames)
                runs.append(merge.Run(piece.first, index, piece, index))
                everything += frames
    return runs, everything


def merged(folder: Path, runs: list[merge.Run], budget: int) -> tuple[list[Frame], list[Frame]]:
    doubled: list[Frame] = []
    found = list(merge.merged(runs, str(folder), doubled.append, budget=budget))
    return found, doubled


rows = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([b"a", b"b", b""])), max_size=12)
pieces = st.lists(st.lists(rows, max_size=4), max_size=7)


@given(pieces, st.sampled_from([1, 2000, 1 << 30]))
def test_frames_come_in_order_and_each_once(files: Files, budget: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        runs, everything = spooled(Path(name), files)
        found, doubled = merged(Path(name), runs, budget)
    order = [(f.at, f.capture, f.number) for f in found]
    assert order == sorted(order)
    assert sorted(found + doubled) == sorted(everything)
    # of frames that are alike, as many stay as the file holds that has most of them
    most: dict[tuple[int, bytes], int] = {}
    for index in range(len(files)):
        own = [(f.at, f.data) for f in everything if f.capture == index]
        for key in set(own):
            if key[1]:
                most[key] = max(most.get(key, 0), own.count(key))
    assert {key: [(f.at, f.data) for f in found].count(key) for key in most} == most


def test_what_one_file_holds_twice_stays_twice(tmp_path: Path) -> None:
    runs, _ = spooled(tmp_path, [[[(5, b"x"), (5, b"x"), (6, b"y")]], [[(5, b"x"), (7, b"z")]]])
    found, doubled = merged(tmp_path, runs, 1 << 20)
    assert [(f.capture, f.data) for f in found] == [(0, b"x"), (0, b"x"), (0, b"y"), (1, b"z")]
    assert [f.capture for f in doubled] == [1]


def test_another_time_is_another_packet(tmp_path: Path) -> None:
    """A replay is the same bytes later: it must reach the analysis."""
    runs, _ = spooled(tmp_path, [[[(5, b"x")]], [[(6, b"x")]]])
    found, doubled = merged(tmp_path, runs, 1 << 20)
    assert len(found) == 2
    assert doubled == []


def test_pieces_are_read_when_their_time_comes(tmp_path: Path) -> None:
    files: Files = [[[(100 * n + k, b"x") for k in range(50)]] for n in range(30)]
    runs, _ = spooled(tmp_path, files)
    read: list[Piece] = []

    def load(piece: Piece, capture: int | None) -> list[Frame]:
        read.append(piece)
        return spool.load(piece, capture)

    stream = merge.merged(runs, str(tmp_path), lambda _: None, load)
    for _ in range(60):
        next(stream)
    assert len(read) <= 3


def test_files_that_all_run_at_once_keep_to_the_budget(tmp_path: Path) -> None:
    files: Files = [
        [[(n + 200 * (20 * k + j), b"data") for j in range(20)] for k in range(20)]
        for n in range(200)
    ]
    runs, everything = spooled(tmp_path, files)
    budget = 300_000
    narrow = merge._narrowed(runs, str(tmp_path), spool.load, budget)
    assert narrow is not runs
    assert merge._peak(narrow) <= budget < merge._peak(runs)
    found, _ = merged(tmp_path, runs, budget)
    assert found == sorted(everything, key=lambda f: (f.at, f.capture, f.number))
