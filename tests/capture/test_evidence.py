"""The minutes around findings: what shares a file, what stays, and what may go."""

import functools
from pathlib import Path

import pytest

from carpscope.capture.evidence import EvidenceWriter, Made
from carpscope.capture.source import open_capture
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND
from tests.capture.test_rotation import AT, frames, kept
from tests.live.stage import until


def test_evidence_has_what_was_before_and_what_came_after(tmp_path: Path) -> None:
    writer = EvidenceWriter(str(tmp_path), ["eth1"], around=2 * SECOND)
    data = bytes(70)
    for tenth in range(100):
        at = AT + tenth * 100 * MILLISECOND
        writer.write(Frame(tenth + 1, at, 1, data, 70))
        if tenth == 50:
            assert writer.opened("CS101-abc", "both MASTER", at) is not None
        if tenth in (60, 80):
            until(functools.partial(_ticked, writer, at), 5, "a flush")
    writer.close()
    (file,) = tmp_path.iterdir()
    with open_capture(str(file)) as source:
        times = [frame.at - AT for frame in source]
    assert times[0] == 3 * SECOND
    assert times == sorted(times)
    assert 7 * SECOND <= times[-1] <= 8 * SECOND


def _ticked(writer: EvidenceWriter, at: int) -> bool:
    """Let a flush be due: it is, once a second."""
    before = writer.flushed
    writer.tick(at)
    return writer.flushed != before


def test_findings_of_one_moment_share_a_file(tmp_path: Path) -> None:
    """A flood brings many findings at once: their minutes are the same, and are written once."""
    writer = EvidenceWriter(str(tmp_path), ["eth1"], around=30 * SECOND)
    data = bytes(70)
    for second in range(100):
        at = AT + second * SECOND
        writer.write(Frame(second + 1, at, 1, data, 70))
        if second in (40, 45, 60):
            assert writer.opened(f"CS101-{second}", "both MASTER", at) is not None
        writer.flushed = 0
        writer.tick(at)
    writer.close()
    times = {}
    for path in tmp_path.iterdir():
        with open_capture(str(path)) as source:
            times[path.stem] = [(frame.at - AT) // SECOND for frame in source]
    assert times["CS101-40"] == times["CS101-45"] == list(range(10, 77))
    assert times["CS101-60"] == list(range(30, 92))
    assert len({path.stat().st_ino for path in tmp_path.iterdir()}) == 2


def test_what_comes_back_has_a_file_of_its_own(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        writer = EvidenceWriter(str(tmp_path), ["eth1"], around=SECOND)
        for frame in frames(5):
            writer.write(frame)
        path = writer.opened("CS101-abc", "both MASTER", AT)
        assert path is not None
        names.append(path.name)
        writer.close()
    assert names == ["CS101-abc.pcapng", "CS101-abc-2.pcapng", "CS101-abc-3.pcapng"]
    assert kept([tmp_path / name for name in names]) == [f.data for f in frames(5)] * 3


def names(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def at(second: int) -> int:
    """Give a time that shares no file with the one before."""
    return AT + second * 60 * SECOND


def test_of_one_cause_the_first_stay_and_the_rest_is_a_ring(tmp_path: Path) -> None:
    writer = EvidenceWriter(str(tmp_path), ["eth1"], around=SECOND, keep=32)
    for number in range(20):
        writer.opened(f"CS101-{number}", "both MASTER", at(number))
        writer.tick(at(number + 1))
    writer.close()
    assert names(tmp_path) == {"CS101-0", "CS101-1", "CS101-18", "CS101-19"}


@pytest.mark.slow
def test_a_flood_of_findings_costs_no_earlier_evidence(tmp_path: Path) -> None:
    """600 groups at once, each with findings of three codes: the first and the configured stay."""
    writer = EvidenceWriter(str(tmp_path), ["eth1"], around=SECOND, keep=64)
    writer.opened("CS101-first", "both MASTER", at(0))
    writer.opened("CS102-mine", "nobody", at(1), configured="vhid9")
    for number in range(600):
        for code in ("CS101", "CS203", "CS501"):
            writer.opened(f"{code}-x{number}", "invented", at(2) + number * MILLISECOND)
    writer.opened("CS101-mine", "both MASTER", at(3), configured="vhid9")
    writer.close()
    assert {"CS101-first", "CS102-mine", "CS101-mine"} <= names(tmp_path)
    assert len(names(tmp_path)) <= 3 + 3 * 8


def test_many_causes_share_what_there_is(tmp_path: Path) -> None:
    writer = EvidenceWriter(str(tmp_path), ["eth1"], around=SECOND, keep=8)
    for number in range(40):
        writer.opened(f"CS1{number:02}-a", "strange", at(number))
    for number in range(3):
        writer.opened(f"CS101-mine{number}", "both MASTER", at(50 + number), configured="vhid9")
    writer.close()
    here = names(tmp_path)
    assert len(here) == 8
    assert {"CS100-a", "CS101-a", "CS101-mine0", "CS101-mine2"} <= here
    assert writer.lost == 32


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    theirs = [tmp_path / name for name in ("CS101-theirs.pcapng", "CS999.pcapng", "notes.txt")]
    for path in theirs:
        path.write_text("theirs")
    writer = EvidenceWriter(str(tmp_path), ["eth1"], around=SECOND, keep=4)
    for number in range(30):
        writer.opened(f"CS{101 + number % 7}-{number}", "both MASTER", at(number))
    writer.close()
    assert [path.read_text() for path in theirs] == ["theirs"] * 3
    assert len(names(tmp_path)) == 4 + 3


def test_what_an_earlier_run_made_counts_where_its_state_file_says_so(tmp_path: Path) -> None:
    outside = tmp_path / "CS101-outside.pcapng"
    outside.write_text("theirs")
    folder = tmp_path / "evidence"
    first = EvidenceWriter(str(folder), ["eth1"], around=SECOND, keep=16)
    for number in range(2):
        first.opened(f"CS101-{number}", "both MASTER", at(number))
    first.close()
    (folder / "link.pcapng").symlink_to(outside)
    second = EvidenceWriter(str(folder), ["eth1"], around=SECOND, keep=16)
    others = ("../CS101-outside.pcapng", "link.pcapng", "/etc/passwd")
    claimed = [Made(name, "CS101") for name in others]
    second.take_over([*claimed, *first.made, Made("CS101-gone.pcapng", "CS101")])
    assert second.made == first.made
    for number in range(2, 6):
        second.opened(f"CS101-{number}", "both MASTER", at(number))
    second.close()
    assert names(folder) == {"CS101-0", "CS101-5", "link"}
    assert outside.read_text() == "theirs"


def test_a_folder_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    writer = EvidenceWriter(str(folder), ["eth1"], around=SECOND)
    folder.rmdir()
    assert writer.opened("CS101-a", "both MASTER", at(0)) is not None
    assert writer.problem is None
    writer.close()
    assert names(folder) == {"CS101-a"}


def test_no_link_that_lies_there_is_followed(tmp_path: Path) -> None:
    folder, target = tmp_path / "evidence", tmp_path / "target"
    writer = EvidenceWriter(str(folder), ["eth1"], around=SECOND)
    (folder / "CS101-a.pcapng").symlink_to(target)
    path = writer.opened("CS101-a", "both MASTER", at(0))
    writer.close()
    assert path == folder / "CS101-a-2.pcapng"
    assert not target.exists()


def test_a_problem_is_over_when_something_is_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    writer = EvidenceWriter(str(folder), ["eth1"], around=SECOND)
    folder.rmdir()
    folder.write_text("in the way")
    assert writer.opened("CS101-a", "both MASTER", at(0)) is None
    before = str(writer.problem)
    folder.unlink()
    assert writer.opened("CS101-b", "both MASTER", at(1)) is not None
    assert (before, writer.problem) == (f"{folder}: File exists", None)
    writer.close()
