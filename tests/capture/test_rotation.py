"""Evidence on disk: every frame once and in order, whatever turns the page."""

from pathlib import Path

from carpscope.capture.rotation import Recorder
from carpscope.capture.source import open_capture
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND
from tests.live.stage import until

AT = 1_700_000_000 * SECOND


def frames(count: int, size: int = 70) -> list[Frame]:
    made = []
    for number in range(1, count + 1):
        data = number.to_bytes(4, "big") * (size // 4)
        made.append(Frame(number, AT + number * 1000, 1, data, len(data)))
    return made


def kept(paths: list[Path]) -> list[bytes]:
    found = []
    for path in paths:
        with open_capture(str(path)) as source:
            found += [frame.data for frame in source]
            assert source.notes == []
    return found


def test_a_file_is_never_longer_than_asked_by_more_than_a_frame(tmp_path: Path) -> None:
    wanted = frames(1000)
    recorder = Recorder(str(tmp_path / "a.pcapng"), ["eth1"], size=10_000)
    for frame in wanted:
        recorder.write(frame)
    recorder.close()
    files = sorted(tmp_path.iterdir())
    assert kept(files) == [frame.data for frame in wanted]
    assert all(10_000 <= path.stat().st_size < 10_200 for path in files[:-1])
    assert (recorder.written, recorder.lost) == (1000, 0)


def test_a_ring_keeps_the_last_files(tmp_path: Path) -> None:
    wanted = frames(1000)
    recorder = Recorder(str(tmp_path / "a.pcapng"), ["eth1"], size=10_000, ring=3)
    most = 0
    for frame in wanted:
        recorder.write(frame)
        most = max(most, len(list(tmp_path.iterdir())))
    recorder.close()
    files = sorted(tmp_path.iterdir())
    assert (most, len(files)) == (3, 3)
    last = kept(files)
    assert last == [frame.data for frame in wanted[-len(last) :]]
    assert len(last) > 150


def test_time_turns_the_page_too(tmp_path: Path) -> None:
    wanted = frames(40)
    recorder = Recorder(str(tmp_path / "a.pcapng"), ["eth1"], period=20 * MILLISECOND)
    waiting = list(wanted)

    def go_on() -> bool:
        if waiting:
            recorder.write(waiting.pop(0))
        recorder.tick(0)
        return not waiting and len(list(tmp_path.iterdir())) > 3

    until(go_on, 20, "a fourth file")
    recorder.close()
    assert kept(sorted(tmp_path.iterdir())) == [frame.data for frame in wanted]


def test_a_file_of_the_ring_that_somebody_took_away(tmp_path: Path) -> None:
    recorder = Recorder(str(tmp_path / "a.pcapng"), ["eth1"], size=1000, ring=2)
    for frame in frames(100):
        recorder.write(frame)
        for path in tmp_path.iterdir():
            if path != recorder.path:
                path.unlink()
    recorder.close()
    assert (recorder.written, recorder.lost, recorder.problem) == (100, 0, None)


def test_several_interfaces_are_put_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    recorder = Recorder(str(path), ["eth1", "eth2"])
    wanted = frames(100)
    for number, frame in enumerate(wanted):
        recorder.write(wanted[number ^ 1]._replace(interface=number % 2))
        recorder.tick(frame.at)
    recorder.tick(wanted[-1].at + SECOND)
    recorder.close()
    assert kept([path]) == [frame.data for frame in wanted]
    with open_capture(str(path)) as source:
        assert {frame.interface for frame in source} == {0, 1}
