"""Other programs read the same out of a file, and read what we write."""

import io
import shutil
import subprocess
from pathlib import Path

import pcapy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapngWriter, PcapWriter
from carpscope.core.frame import Frame
from tests.capture.builder import (
    MICRO,
    MODIFIED,
    NANO,
    Record,
    enhanced,
    interface,
    obsolete,
    orders,
    pcap,
    read,
    section,
    simple,
)

Seen = list[tuple[int, bytes, int]]
"""Microseconds, captured bytes, length on the wire."""

seconds = st.integers(0, 0x7FFF_FFFF)  # libpcap hands seconds over as a signed number
records = st.lists(
    st.builds(
        Record, seconds, st.integers(0, 999_999), st.binary(max_size=60), st.integers(60, 65535)
    ),
    max_size=8,
)


def by_libpcap(path: Path) -> Seen:
    reader, seen = pcapy.open_offline(str(path)), Seen()
    while True:
        head, data = reader.next()
        if head is None:
            return seen
        whole, micros = head.getts()
        seen.append((whole * 10**6 + micros, data, head.getlen()))


def by_carpscope(path: Path) -> Seen:
    return [(frame.at // 1000, frame.data, frame.wire_length) for frame in open_capture(str(path))]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peers") / "capture"


same_place = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@same_place
@given(records, orders, st.sampled_from([MICRO, NANO, MODIFIED]))
def test_libpcap_reads_the_same_from_pcap(
    place: Path, written: list[Record], order: str, magic: int
) -> None:
    place.write_bytes(pcap(written, order=order, magic=magic))
    assert by_libpcap(place) == by_carpscope(place)


@same_place
@given(records, orders, st.sampled_from([None, 3, 6, 9, 0x8A, 0x94]))
def test_libpcap_reads_the_same_from_pcapng(
    place: Path, written: list[Record], order: str, resolution: int | None
) -> None:
    data = section(order) + interface(1, order, resolution=resolution, snaplen=65535)
    for number, record in enumerate(written):
        ticks = record.seconds * 1000 + record.fraction
        if number % 2:
            data += enhanced(record.data, ticks, order, length=record.length)
        else:
            data += obsolete(record.data, ticks, order)
    place.write_bytes(data)
    assert by_libpcap(place) == by_carpscope(place)


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def told_by_tshark(path: Path) -> list[tuple[int, int, int, int]]:
    fields = ("frame.time_epoch", "frame.cap_len", "frame.len", "frame.interface_id")
    command = [tool("tshark"), "-n", "-r", str(path), "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = []
    for line in done.stdout.splitlines():
        at, captured, length, which = line.split("\t")
        whole, _, fraction = at.partition(".")
        nanos = int(whole) * 10**9 + int(fraction.ljust(9, "0"))
        lines.append((nanos, int(captured), int(length), int(which or 0)))
    return lines


FRAMES = [
    Frame(1, 1_700_000_000_123_456_789, 1, bytes(60), 60),
    Frame(2, 1_700_000_000_123_456_000, 276, bytes(70), 90, 0, 1),
    Frame(3, 1_700_000_001_000_000_001, 1, bytes(61), 1500),
]


def test_tshark_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "ours.pcapng"
    with path.open("wb") as stream:
        writer = PcapngWriter(stream, comment="why")
        for frame in FRAMES:
            writer.write(frame, "a comment")
    expected = [(f.at, len(f.data), f.wire_length, f.interface) for f in FRAMES]
    assert told_by_tshark(path) == expected
    classic = tmp_path / "ours.pcap"
    with classic.open("wb") as stream:
        pcap_writer = PcapWriter(stream, nanoseconds=True)
        for frame in (FRAMES[0], FRAMES[2]):
            pcap_writer.write(frame)
    assert told_by_tshark(classic) == [expected[0], expected[2]]


def test_tshark_reads_the_same_from_several_interfaces(tmp_path: Path) -> None:
    path = tmp_path / "made.pcapng"
    data = section(">") + interface(1, ">", resolution=6) + interface(113, ">", resolution=9)
    data += enhanced(bytes(60), 10**15, ">", which=0) + enhanced(bytes(60), 10**18, ">", which=1)
    data += interface(1, ">", resolution=0x80 | 20, offset=77)
    path.write_bytes(data + enhanced(bytes(60), (5 << 20) + 3, ">", which=2, length=99))
    frames = list(open_capture(str(path)))
    ours = [(f.at, len(f.data), f.wire_length, f.interface) for f in frames]
    assert told_by_tshark(path) == ours


def told_by_capinfos(path: Path) -> dict[str, str]:
    command = [tool("capinfos"), "-M", "-c", "-H", "-S", "-a", "-e", "-o", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = (line.partition(":") for line in done.stdout.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def test_capinfos_says_the_same_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "late.pcap"
    stamps = [(1_700_000_005, 1), (1_700_000_001, 2), (1_700_000_009, 3)]
    path.write_bytes(pcap([Record(at, micros, bytes(60), 60) for at, micros in stamps]))
    told = told_by_capinfos(path)
    capture = open_capture(str(path), digest=True)
    assert len(list(capture)) == int(told["Number of packets"])
    assert told["SHA256"] == capture.sha256
    assert told["Strict time order"] == "False"
    assert capture.notes == ["1 packet out of time order"]
    assert (capture.first, capture.last) == (1_700_000_001_000_002_000, 1_700_000_009_000_003_000)
    assert told["First packet time"] == "1700000001.000002"
    assert told["Last packet time"] == "1700000009.000003"


def test_gzip_and_zstd_programs_make_what_we_read(tmp_path: Path) -> None:
    stream = io.BytesIO()
    writer = PcapWriter(stream)
    for number in range(1, 3000):
        writer.write(Frame(number, number * 1000, 1, number.to_bytes(4, "big") * 20, 80))
    expected, _ = read(stream.getvalue())
    for command in (["gzip", "-c", "-9"], ["zstd", "-q", "-c", "-19", "--long=27"]):
        squeezed = subprocess.run(
            [tool(command[0]), *command[1:]],
            input=stream.getvalue(),
            capture_output=True,
            check=True,
        )
        frames, capture = read(squeezed.stdout)
        assert frames == expected
        assert (capture.compression, capture.notes) == (command[0], [])


def test_libpcap_refuses_where_we_note(tmp_path: Path) -> None:
    """A simple packet is where libpcap and we differ: it gives time 0, we the time before."""
    path = tmp_path / "simple.pcapng"
    path.write_bytes(section() + interface() + enhanced(b"x", 10**15) + simple(b"y"))
    assert [at for at, _, _ in by_libpcap(path)] == [10**15, 0]
    assert [at for at, _, _ in by_carpscope(path)] == [10**15, 10**15]
