"""A quick look at a long file gives what a proper reading gives, or says that it cannot."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture import ends
from carpscope.capture import scan as module
from carpscope.capture.filter import FrameFilter
from carpscope.capture.scan import Scan
from carpscope.capture.sieve import SIEVED_SIZE, Sieve, UnfitError
from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND
from carpscope.pipeline import analyze, glimpse
from tests.capture.test_sieve import heads, ports, protocols, tcp
from tests.program import run, start
from tests.simulated import PASSPHRASE, scenario, simulated

CONFIG = Config((PASSPHRASE.encode(),), (bytes((10, 0, 0, 100)),))
CALM = simulated(scenario('impl = "freebsd13"', 'impl = "freebsd13"\nadvskew = 100', duration=60))
SPLIT = simulated(scenario('impl = "openbsd"', 'impl = "netbsd"\npassphrase = "x"', duration=60))


@pytest.fixture(autouse=True)
def short_files_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "SCANNED_FROM", 100)
    monkeypatch.setattr(ends, "_TAIL", 4000)


def written(path: Path, frames: list[Frame], noise: int = 30) -> Path:
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in frames:
            writer.write(frame)
            for number in range(noise):
                data = tcp(number)
                at = frame.at + number * 50_000
                writer.write(Frame(0, at, 1, data, len(data)))
        writer.write(Frame(0, frames[-1].at + 2 * SECOND, 1, tcp(1), len(tcp(1))))
    return path


@given(heads, protocols, ports, st.binary(min_size=23, max_size=140))
def test_libpcap_leaves_out_what_a_sieve_drops(
    head: bytes, protocol: int, port: int, rest: bytes
) -> None:
    data = bytearray((head + rest)[:140])
    data[20 if head[12:14] == b"\x86\xdd" else 23] = protocol
    for place in (36, 56) if len(data) >= 58 else (36,):
        data[place : place + 2] = port.to_bytes(2, "big")
    frame = Frame(1, 0, 1, bytes(data), len(data))
    dropped = len(data) >= SIEVED_SIZE and Sieve().drops(frame.data, 0, len(data))
    assert FILTER.matches(frame) is not dropped


FILTER = FrameFilter(module._FILTER)


def test_a_glimpse_gives_what_reading_gives(tmp_path: Path) -> None:
    path = written(tmp_path / "calm.pcap", CALM)
    properly = analyze([open_capture(str(path))], CONFIG)
    scan = Scan(str(path))
    seen = glimpse(scan, CONFIG)
    scan.close()
    assert seen is not None
    assert seen.advertisements == properly.advertisements
    assert seen.captures[0].last == properly.captures[0].last
    assert seen.captures[0].first == properly.captures[0].first
    (one,), (other,) = seen.observer.groups.values(), properly.observer.groups.values()
    assert [node.adverts for node in one.members] == [node.adverts for node in other.members]
    assert [node.authentication.verified for node in one.members] == [
        node.authentication.verified for node in other.members
    ]


def test_where_there_is_something_to_tell_it_is_read_properly(tmp_path: Path) -> None:
    scan = Scan(str(written(tmp_path / "split.pcap", SPLIT)))
    assert glimpse(scan, CONFIG) is None
    scan.close()


def test_a_silence_at_the_end_is_no_calm(tmp_path: Path) -> None:
    path = written(tmp_path / "gone.pcap", CALM)
    with path.open("ab") as stream:
        data = tcp(1)
        at = CALM[-1].at // SECOND + 60
        stream.write(struct.pack("<IIII", at, 0, len(data), len(data)) + data)
    scan = Scan(str(path))
    assert scan.last == at * SECOND
    assert glimpse(scan, CONFIG) is None
    scan.close()


@pytest.mark.parametrize(
    "damage", ["cut", "nanoseconds", "too much", "not there", "short", "all of interest"]
)
def test_what_a_scan_cannot_do_it_refuses(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "calm.pcap", CALM)
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-7])
        case "nanoseconds":
            path.write_bytes(struct.pack("<I", 0xA1B23C4D) + path.read_bytes()[4:])
        case "too much":
            monkeypatch.setattr(module, "CROWDED", 10)
        case "all of interest":
            written(path, CALM, noise=1)
        case "not there":
            path.unlink()
        case "short":
            monkeypatch.setattr(ends, "SCANNED_FROM", 1 << 30)
    try:
        scan = Scan(str(path))
    except UnfitError:
        assert damage != "too much"
        return
    assert damage == "too much"
    assert glimpse(scan, CONFIG) is None
    scan.close()


def test_a_packet_that_holds_a_record_makes_the_end_uncertain(tmp_path: Path) -> None:
    """Whoever sends the last packet cannot choose when the capture ended."""
    path = written(tmp_path / "calm.pcap", CALM)
    inside = struct.pack("<IIII", CALM[-1].at // SECOND + 999, 0, 60, 60) + bytes(60)
    data = tcp(1)[:54] + inside
    with path.open("ab") as stream:
        at = CALM[-1].at // SECOND + 3
        stream.write(struct.pack("<IIII", at, 0, len(data), len(data)) + data)
    with pytest.raises(UnfitError):
        Scan(str(path))


def test_the_program_says_the_same_either_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file as long as the program asks for, against the same file behind a pipe."""
    monkeypatch.undo()
    path = written(tmp_path / "long.pcap", CALM, noise=13_000)
    assert path.stat().st_size > ends.SCANNED_FROM
    quick = run("analyze", str(path), "-p", PASSPHRASE, "-a", "10.0.0.100")
    proper = start("analyze", "-", "-p", PASSPHRASE, "-a", "10.0.0.100", stdin=path.read_bytes())
    assert quick.status == proper.status == 0
    assert quick.out.splitlines()[2:] == [
        line for line in proper.out.splitlines()[2:] if "out of time order" not in line
    ]
