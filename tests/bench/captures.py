"""The captures that are measured: `python -m tests.bench.captures NAME` makes one in build/bench.

Each is made once and in a process of its own, since what the harness once held would count as
the memory of every program that it starts. Fifty masters announce themselves every 1.001 s,
each with an address of its own: those with odd vhids as FreeBSD does, with a counter for every
advertisement, the others as OpenBSD does, which repeats counter and HMAC.
"""

import gzip
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

from carpscope.auth.digest import Signer, message
from carpscope.wire.carp import Advert, virtual_mac
from carpscope.wire.checksum import internet_checksum
from carpscope.wire.ip import ipv4, ipv6
from tests.bench.shapes import GROUPS, PASSPHRASE, PERIOD_US, SHAPES, Stamped

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "bench"
ADVERTS = 1_000_000
START = 1767225600
"""2026-01-01, 00:00 UTC."""
BLOCK = 8192
"""Records written at once."""

IPV4 = [f"10.0.{vhid}.100" for vhid in range(1, GROUPS + 1)]
IPV6 = [f"2001:db8::{vhid:x}:100" for vhid in range(1, GROUPS + 1)]


def made(name: str) -> str:
    """Return the path of a capture; make it where it is not there yet."""
    path = FOLDER / f"{name}.{CAPTURES[name][0]}"
    if not path.exists():
        words = (sys.executable, "-m", "tests.bench.captures", name)
        subprocess.run(words, cwd=ROOT, check=True)
    return str(path)


def masters(adverts: int, *, version: int = 4, tag: bytes = b"") -> Iterator[Stamped]:
    """Give the announcements of the masters in turns; what changes is put into a prepared frame."""
    voices = [_Voice(vhid, version, tag) for vhid in range(1, GROUPS + 1)]
    draw = random.Random(1)
    identifications = struct.unpack("<65536H", draw.randbytes(131072))
    for index in range(adverts):
        turn, group = divmod(index, GROUPS)
        at = turn * PERIOD_US + group * 20_000
        if group % 2:
            yield at, voices[group].repeated(identifications[index & 0xFFFF])
        else:
            yield at, voices[group].counted((group << 32) + turn)


class _Voice:
    """One master: its frame up to the advertisement, and its key."""

    def __init__(self, vhid: int, version: int, tag: bytes) -> None:
        source = virtual_mac(vhid)
        if version == 4:
            self._signer = Signer(
                PASSPHRASE.encode(), message(vhid, [bytes((10, 0, vhid, 100))], [])
            )
            tos = 0xE0 if vhid % 2 else 0x10
            addresses = bytes((10, 0, vhid, 1)), bytes((224, 0, 0, 18))
            head = ipv4(*addresses, bytes(36), protocol=112, tos=tos, identification=0)[:20]
            link = bytes.fromhex("01005e000012") + source + tag + b"\x08\x00"
        else:
            virtual = bytes.fromhex("20010db8") + bytes(8) + bytes((0, vhid, 1, 0))
            self._signer = Signer(PASSPHRASE.encode(), message(vhid, [], [virtual]))
            node = bytes.fromhex("fe80000000000000020000fffe0000") + bytes((vhid,))
            group = bytes.fromhex("ff0200000000000000000000000000") + b"\x12"
            head = ipv6(node, group, bytes(36), next_header=112, traffic_class=0xE0)[:40]
            link = bytes.fromhex("333300000012") + source + tag + b"\x86\xdd"
        self._vhid = vhid
        self._front = link + head
        self._link, self._head = link, head
        self._numbered = version == 4
        self._rest = self._advert((vhid << 32).to_bytes(8, "big"))
        bare = Advert(vhid, 1, 0, 0, bytes(8), bytes(20)).encode()
        self._start = bare[:6]
        self._sum = int.from_bytes(bare[:6], "big") % 65535
        self._head_sum = int.from_bytes(head[:10] + head[12:], "big") % 65535

    def _advert(self, counter: bytes) -> bytes:
        return Advert(self._vhid, 1, 0, 0, counter, self._signer.sign(counter)).encode()

    def counted(self, value: int) -> bytes:
        """Announce with the next counter; the digest changes with it."""
        counter = value.to_bytes(8, "big")
        tail = counter + self._signer.sign(counter)
        checksum = 65535 - (self._sum + int.from_bytes(tail, "big")) % 65535
        return self._front + self._start + checksum.to_bytes(2, "big") + tail

    def repeated(self, identification: int) -> bytes:
        """Announce what was announced before; only IPv4's identification changes."""
        if not self._numbered:
            return self._front + self._rest
        head = self._head
        checksum = 65535 - (self._head_sum + identification) % 65535
        number = identification.to_bytes(2, "big")
        head = head[:4] + number + head[6:10] + checksum.to_bytes(2, "big") + head[12:]
        return self._link + head + self._rest


def mixed(packets: int = 2_000_000) -> Iterator[Stamped]:
    """Give other people's traffic, and an advertisement every thousand packets."""
    draw = random.Random(2)
    yield from _between(masters(packets // 1000), packets, [_Flow(draw) for _ in range(2000)], draw)


def trunk(packets: int = 1_000_000, *, short: bool = False) -> Iterator[Stamped]:
    """Give what a trunk is full of, in eight VLANs, and an advertisement every hundred packets."""
    draw = random.Random(4)
    tags = [bytes((0x81, 0, 0, 100 + vlan)) for vlan in range(8)]
    flows = [_Flow(draw, tags[number % 8], short=short) for number in range(2000)]
    yield from _between(masters(packets // 100, tag=_VLAN), packets, flows, draw, 100)


def _between(
    adverts: Iterator[Stamped],
    packets: int,
    flows: list["_Flow"],
    draw: random.Random,
    every: int = 1000,
) -> Iterator[Stamped]:
    """Give packets of flows, and in their midst advertisements, one in so many packets."""
    pool = draw.randbytes(32 << 20)
    for index in range(packets):
        if index % every == 0:
            yield next(adverts)
            continue
        chance = draw.random()
        size = 0 if chance < 0.42 else draw.randrange(100, 1000) if chance < 0.57 else 1448
        at = draw.randrange(len(pool) - size)
        # As the advertisements: fifty in 1.001 s, so many packets between two of them.
        moment = index * PERIOD_US // (GROUPS * every)
        yield moment, flows[draw.randrange(len(flows))].packet(pool[at : at + size])


class _Flow:
    """One direction of a connection, or of a conversation over UDP."""

    def __init__(self, draw: random.Random, tag: bytes = b"", *, short: bool = False) -> None:
        ends = b"\x02" + draw.randbytes(5) + b"\x02" + draw.randbytes(5)
        self._link = ends + tag + b"\x08\x00"
        self._short = short
        self._protocol = 17 if draw.random() < 0.25 and not short else 6
        self._ends = bytes((10, 9)) + draw.randbytes(2) + bytes((100,)) + draw.randbytes(3)
        far = draw.choice((443, 443, 443, 80, 53, 22, 8080, 51820))
        self._ports = struct.pack("!HH", draw.randrange(32768, 61000), far)
        self._sequence = draw.randrange(1 << 32)

    def packet(self, payload: bytes) -> bytes:
        """Frame a payload, checksums included; none where packets are short (70 bytes of TCP)."""
        payload = b"" if self._short else payload
        ends, size = self._ends, len(payload)
        if self._protocol == 17:
            head = self._ports + struct.pack("!HH", 8 + size, 0)
            at = 6
        else:
            timestamps = b"\x01\x01\x08\x0a" + self._sequence.to_bytes(4, "big") * 2
            words = struct.pack("!IIBBHHH", self._sequence, 1, 0x80, 0x10, 501, 0, 0)
            head = self._ports + words + timestamps
            at = 16
            self._sequence = self._sequence + size & 0xFFFFFFFF
        pseudo = ends + struct.pack("!HH", self._protocol, len(head) + size)
        checksum = internet_checksum(pseudo + head + payload) or 0xFFFF
        head = head[:at] + checksum.to_bytes(2, "big") + head[at + 2 :]
        packet = ipv4(
            ends[:4],
            ends[4:],
            head + payload,
            protocol=self._protocol,
            tos=0,
            identification=self._sequence & 0xFFFF,
            ttl=64,
        )
        return self._link + packet


def attack(adverts: int = ADVERTS) -> Iterator[Stamped]:
    """Give advertisements of as many made-up sources, 10,000 a second beside the true masters."""
    draw = random.Random(3)
    truth = masters(adverts + GROUPS)
    due = next(truth)
    for index in range(adverts):
        at = index * 100
        while due[0] <= at:
            yield due
            due = next(truth)
        vhid = index % GROUPS + 1
        advert = Advert(vhid, 1, 0, 0, draw.randbytes(8), draw.randbytes(20)).encode()
        source = (0x0B000000 + index).to_bytes(4, "big")
        group = bytes((224, 0, 0, 18))
        packet = ipv4(source, group, advert, protocol=112, tos=0xE0, identification=0)
        yield at, bytes.fromhex("01005e000012") + virtual_mac(vhid) + b"\x08\x00" + packet


def write_pcap(frames: Iterator[Stamped], stream: IO[bytes], link: int = 1) -> None:
    """Write with stamps in microseconds."""
    stream.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link))
    record = struct.Struct("<IIII").pack
    block: list[bytes] = []
    for at, frame in frames:
        seconds, micros = divmod(at, 1_000_000)
        size = len(frame)
        block += (record(START + seconds, micros, size, size), frame)
        if len(block) >= BLOCK:
            stream.write(b"".join(block))
            block.clear()
    stream.write(b"".join(block))


def write_pcapng(frames: Iterator[Stamped], stream: IO[bytes]) -> None:
    """Write enhanced packet blocks of one interface, with stamps in microseconds."""
    stream.write(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
    stream.write(struct.pack("<IIHHII", 1, 20, 1, 0, 65535, 20))
    head = struct.Struct("<IIIIIII").pack
    block: list[bytes] = []
    for at, frame in frames:
        stamp, size = START * 1_000_000 + at, len(frame)
        padding = bytes(-size % 4)
        whole = 32 + size + len(padding)
        first = head(6, whole, 0, stamp >> 32, stamp & 0xFFFFFFFF, size, size)
        block += (first, frame, padding, whole.to_bytes(4, "little"))
        if len(block) >= BLOCK:
            stream.write(b"".join(block))
            block.clear()
    stream.write(b"".join(block))


def write_gzip(frames: Iterator[Stamped], stream: IO[bytes]) -> None:
    """Write a compressed pcap."""
    with gzip.GzipFile("", "wb", 1, stream, mtime=0) as packed:
        write_pcap(frames, packed)  # type: ignore[arg-type]  # a stream in all that is used


_VLAN = bytes.fromhex("81000064")
_QINQ = bytes.fromhex("88a800c881000064")

CAPTURES: dict[
    str, tuple[str, Callable[[Iterator[Stamped], IO[bytes]], None], Callable[[], Iterator[Stamped]]]
] = {
    "dense": ("pcap", write_pcap, lambda: masters(ADVERTS)),
    "dense8": ("pcap", write_pcap, lambda: masters(8 * ADVERTS)),
    "vlan": ("pcap", write_pcap, lambda: masters(ADVERTS, tag=_VLAN)),
    "ipv6": ("pcap", write_pcap, lambda: masters(ADVERTS, version=6)),
    "pcapng": ("pcapng", write_pcapng, lambda: masters(ADVERTS)),
    "gzip": ("pcap.gz", write_gzip, lambda: masters(ADVERTS)),
    "mixed": ("pcap", write_pcap, mixed),
    "mixed-half": ("pcap", write_pcap, lambda: mixed(1_000_000)),
    "trunk": ("pcap", write_pcap, trunk),
    "trunk-half": ("pcap", write_pcap, lambda: trunk(500_000)),
    "trunk70": ("pcap", write_pcap, lambda: trunk(short=True)),
    "trunk70-half": ("pcap", write_pcap, lambda: trunk(500_000, short=True)),
    "qinq": ("pcap", write_pcap, lambda: masters(ADVERTS, tag=_QINQ)),
    "attack": ("pcap", write_pcap, attack),
    "nothing": ("pcap", write_pcap, lambda: masters(GROUPS)),
}
"""By name: how the file ends, who writes it, and its frames."""
for _name, _shape in SHAPES.items():
    for _size in (_shape.small, _shape.large):
        CAPTURES[f"{_name}-{_size}"] = (
            "pcap",
            partial(write_pcap, link=_shape.link),
            partial(_shape.make, _size),
        )


def make(name: str) -> None:
    """Write one capture; its name appears when it is whole."""
    ending, write, frames = CAPTURES[name]
    FOLDER.mkdir(parents=True, exist_ok=True)
    unfinished = FOLDER / f"{name}.part"
    with unfinished.open("wb") as stream:
        write(frames(), stream)
    unfinished.rename(FOLDER / f"{name}.{ending}")


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        make(wanted)
