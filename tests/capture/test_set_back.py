"""A capture whose clock was set back is analyzed as one whose clock was not."""

import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture.set_back import FAR, SetBack
from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, Nanos
from tests.detect.field import analysis, labels
from tests.program import CAPTURES, run

HEADER = struct.Struct("<IIII")


def shifted(name: str, by: int, folder: Path) -> Path:
    """Set the clock of a recording by so many seconds in the middle of it."""
    data = (CAPTURES / name / "capture.pcap").read_bytes()
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    records, here = [], 24
    while here < len(data):
        seconds, micros, captured, wire = HEADER.unpack_from(data, here)
        records.append((seconds, micros, captured, wire, data[here + 16 : here + 16 + captured]))
        here += 16 + captured
    path = folder / "shifted.pcap"
    with path.open("wb") as out:
        out.write(data[:24])
        for place, (seconds, micros, captured, wire, packet) in enumerate(records):
            after = place >= len(records) // 2
            out.write(HEADER.pack(seconds + (by if after else 0), micros, captured, wire) + packet)
    return path


@pytest.mark.parametrize("by", [-3, -40, -86_400])
@pytest.mark.parametrize(
    "name", ["ucarp-healthy", "ucarp-two-vhids", "ucarp-failover", "ucarp-different-passphrases"]
)
def test_findings_and_events_stay(name: str, by: int, tmp_path: Path) -> None:
    path = shifted(name, by, tmp_path)
    whole = analysis(CAPTURES / name / "capture.pcap", tmp_path)
    found = analysis(path, tmp_path)
    assert labels(found) == labels(whole)
    assert [one["label"] for one in found["events"]] == [one["label"] for one in whole["events"]]
    assert found["status"] == whole["status"]
    screen = " ".join(run("analyze", str(path)).out.split())
    assert "the clock was set back by" in screen


def test_little_disorder_is_left_alone(tmp_path: Path) -> None:
    """Also where it is in every batch."""
    screen = run("analyze", str(shifted("ucarp-healthy", 0, tmp_path))).out
    assert "set back" not in screen


class Counted:
    """What a capture counts, of these times."""

    def __init__(self) -> None:
        self.late = 0
        self.last: Nanos | None = None

    def see(self, times: list[Nanos]) -> None:
        for at in times:
            if self.last is not None and at < self.last:
                self.late += 1
            self.last = at if self.last is None else max(self.last, at)


TIMES = st.lists(st.lists(st.integers(0, 10 * FAR), min_size=1, max_size=8), max_size=6)


@given(TIMES)
def test_times_never_run_far_back_and_order_stays(batches: list[list[Nanos]]) -> None:
    counted = Counted()
    forward = SetBack(counted)
    given_times: list[Nanos] = []
    number = 0

    def source() -> "list[Batch]":
        nonlocal number
        made = []
        for times in batches:
            frames = []
            for at in times:
                number += 1
                frames.append(Frame(number, at, 1, b"x", 1))
            made.append(Batch.of(frames))
        return made

    for times, batch in zip(batches, source(), strict=True):
        counted.see(times)
        (told,) = forward.batches(iter([batch]))
        assert [row[1:] for row in told.rows] == [row[1:] for row in batch.rows]
        given_times += [row[0] for row in told.rows]
    latest = None
    for at in given_times:
        assert latest is None or at >= latest - FAR
        latest = at if latest is None else max(latest, at)
    flat = [at for times in batches for at in times]
    if all(b >= a - MILLISECOND for a, b in pairwise(flat)):
        assert given_times == flat or forward.count
