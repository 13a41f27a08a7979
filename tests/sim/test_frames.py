"""What a span port sees, byte for byte as the traces' captures, and fit for other tools."""

import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from carpscope.capture.writer import PcapWriter
from carpscope.sim.frames import EPOCH, frames
from carpscope.sim.library import example
from carpscope.sim.scenario import load
from carpscope.sim.world import World
from tests.sim.conform import TRACES


def captured(path: Path) -> Iterator[bytes]:
    """Read a classic pcap without any code of ours."""
    data = path.read_bytes()
    at = 24
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def without_chance(frame: bytes) -> bytes:
    """Blank what is random: IPv4 ID with its checksum, the advertisement's counter and after."""
    if frame[12:14] == b"\x08\x00":
        return frame[:18] + frame[20:24] + frame[26:40]
    if frame[12:14] == b"\x86\xdd" and frame[20] == 112:
        return frame[:60]
    return frame


@pytest.mark.parametrize("path", sorted(TRACES.glob("*.json")), ids=lambda path: path.stem)
def test_the_same_frames_as_the_trace(path: Path) -> None:
    world = World(load(path))
    world.run()
    want = Counter(without_chance(frame) for frame in captured(path.with_suffix(".pcap")))
    got = Counter(without_chance(frame.data) for frame in frames(world))
    assert got == want


def written(name: str) -> bytes:
    world = World(example(name))
    world.run()
    stream = BytesIO()
    writer = PcapWriter(stream)
    for frame in frames(world):
        writer.write(frame)
    return stream.getvalue()


def test_time_begins_with_2026() -> None:
    world = World(example("failover"))
    world.run()
    first = next(iter(frames(world)))
    assert 2_990_000_000 < first.at - EPOCH < 3_010_000_000
    assert EPOCH == 1_767_225_600 * 10**9


@pytest.mark.parametrize("path", [TRACES / "x010-dual.json", TRACES / "x034-replay-live.json"])
def test_tshark_finds_nothing_malformed(path: Path, tmp_path: Path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: nobody else's eyes on these frames")
    world = World(load(path))
    world.run()
    target = tmp_path / "out.pcap"
    with target.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in frames(world):
            writer.write(frame)
    bad = (
        "_ws.malformed || ip.checksum.status == 0 || carp.checksum.status == 0"
        " || icmpv6.checksum.status == 0"
    )
    command = ["tshark", "-r", str(target), "-o", "ip.check_checksum:TRUE"]
    command += ["-d", "ip.proto==112,carp", "-Y"]
    found = subprocess.run([*command, bad], capture_output=True, text=True, check=True)
    assert found.stdout == ""
    good = subprocess.run([*command, "carp || arp || icmpv6"], capture_output=True, check=True)
    assert len(good.stdout.splitlines()) == sum(1 for _ in frames(world))


def test_the_same_capture_every_time() -> None:
    assert written("demotion") == written("demotion")
