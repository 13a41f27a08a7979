"""Folders as rotation leaves them: one recording cut into many files."""

import random
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from carpscope.archive.reading import Archive, FolderOptions
from carpscope.capture.described import Folder
from carpscope.core.frame import Frame
from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND, Nanos
from carpscope.wire.carp import Advert, virtual_mac
from carpscope.wire.ip import ipv4
from carpscope.wire.link import ethernet
from tests.capture.builder import START, Record, pcap

MULTICAST = bytes.fromhex("01005e000012")


def advert(vhid: int, host: int, counter: int, *, skew: int = 0, vlan: int = 0) -> bytes:
    """Build an advertisement that nobody can verify."""
    raw = (counter + (0xC0DE_5EED << 32)).to_bytes(8, "big")
    body = Advert(vhid, 1, skew, 0, raw, blake2b(raw, digest_size=20).digest()).encode()
    packet = ipv4(
        bytes((10, 0, vhid, host)), bytes((224, 0, 0, 18)), body, protocol=112, tos=16,
        identification=counter & 0xFFFF,
    )  # fmt: skip
    tags = [(0x8100, vlan)] if vlan else []
    return ethernet(MULTICAST, virtual_mac(vhid), 0x0800, packet, tags)


def web(number: int) -> bytes:
    """Build a packet that has nothing to do with any of this."""
    packet = ipv4(
        bytes((10, 0, 0, 7)), bytes((10, 0, 0, 8)), bytes(80), protocol=6, tos=0,
        identification=number & 0xFFFF, ttl=64,
    )  # fmt: skip
    return ethernet(bytes(6), bytes(5) + b"\1", 0x0800, packet)


def steady(seconds: int, *, vhid: int = 1, start: Nanos = START * SECOND) -> list[Frame]:
    """Let fw1 be MASTER, with a failover to fw2 for a while in the middle, beside other traffic."""
    frames = []
    for second in range(seconds):
        at = start + second * (SECOND + 2 * MILLISECOND)
        if not seconds // 2 <= second < seconds // 2 + 4:
            host = 2 if seconds // 2 <= second < seconds * 3 // 4 else 1
            data = advert(vhid, host, host * 10**12 + at // SECOND, skew=100 * (host - 1))
            frames.append(Frame(0, at, 1, data, len(data)))
        data = web(second)
        frames.append(Frame(0, at + 300 * MILLISECOND, 1, data, len(data)))
    return frames


def write(path: Path, frames: Iterable[Frame]) -> None:
    """Write a capture with microseconds."""
    records = [
        Record(*divmod(frame.at // MICROSECOND, 1_000_000), frame.data, frame.wire_length)
        for frame in frames
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pcap(records))


def rotated(folder: Path, frames: Sequence[Frame], files: int, *, overlap: int = 0) -> Path:
    """Cut a recording into files whose names say nothing of their order."""
    names = [f"{n % 7}/carp-{n:05d}.pcap" for n in range(files)]
    random.Random(1).shuffle(names)
    for number, name in enumerate(names):
        first, last = len(frames) * number // files, len(frames) * (number + 1) // files
        write(folder / name, frames[max(0, first - overlap) : last])
    return folder


def quiet(done: int, total: int) -> None:
    """Show nothing."""


def frames_of(
    folder: Path, wish: FolderOptions, told: Callable[[int, int], None]
) -> tuple[list[Frame], Folder]:
    """Read a folder; give its frames, and what is known of it."""
    with Archive(str(folder), wish, told) as archive:
        return list(archive.frames()), archive.folder
