"""Memory over a long run, measured by running the pipeline.

`python -m tests.live.month ADVERTS [UNREST [LOOK]]`: groups advertise each second of simulated
time. With an UNREST of 1 a master dies every 13 seconds somewhere, two are there at once every
26, somebody replays every 20, and every 500 seconds somebody forges a node, a group or a VLAN;
with 0.01 it is a hundred times as calm. LOOK says after how many seconds the detectors are
asked. Printed: simulated days, adverts, MiB, CPU time per advert.
"""

import os
import random
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from carpscope.auth.digest import Signer, message
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND
from carpscope.live.monitor import Monitor
from carpscope.live.searching import Searcher
from carpscope.wire.checksum import internet_checksum

GROUPS = 38
"""With an advertisement a second each they make 100 million in a month."""
PASSPHRASE = b"quiet-harbour-17"
ADDRESS = bytes((192, 0, 2, 10))


def advert(
    vhid: int, source: bytes, skew: int, counter: int, digest: bytes, vlan: int = 0
) -> bytes:
    ip = bytearray(b"\x45\x10\x00\x38\x00\x00\x40\x00\xff\x70\x00\x00\0\0\0\0\xe0\x00\x00\x12")
    ip[4:6] = struct.pack("!H", counter & 0xFFFF)
    ip[12:16] = source
    ip[10:12] = struct.pack("!H", internet_checksum(bytes(ip)))
    body = bytearray(struct.pack("!BBBBBBHQ20s", 0x21, vhid, skew, 7, 0, 1, 0, counter, digest))
    body[6:8] = struct.pack("!H", internet_checksum(bytes(body)))
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    ether = b"\x01\x00\x5e\x00\x00\x12\x00\x00\x5e\x00\x01" + bytes([vhid]) + tag + b"\x08\x00"
    return ether + bytes(ip) + bytes(body)


def frames(count: int, unrest: float) -> Iterator[Frame]:
    chance = random.Random(1)
    at, number = 1_700_000_000 * SECOND, 0
    counters = [chance.getrandbits(63) for _ in range(GROUPS)]
    masters = [1] * GROUPS
    signers = [Signer(PASSPHRASE, message(vhid, [ADDRESS], [])) for vhid in range(1, GROUPS + 1)]
    last = b""
    while number < count:
        at += SECOND
        for group in range(GROUPS):
            if chance.random() < 0.002 * unrest:
                masters[group] = 3 - masters[group]
            both = chance.random() < 0.001 * unrest
            for node in (1, 2) if both else (masters[group],):
                counters[group] += 1
                number += 1
                source = bytes((192, 0, 2, group * 2 + node))
                digest = signers[group].sign(counters[group].to_bytes(8, "big"))
                last = advert(group + 1, source, node * 20, counters[group], digest)
                yield Frame(number, at + group * 1_000_000 + node * 20_000, 1, last, len(last))
        if chance.random() < 0.05 * unrest:
            number += 1
            yield Frame(number, at + SECOND // 2, 1, last, len(last))
        if chance.random() < 0.002 * unrest:
            number += 1
            forged = advert(
                chance.randrange(1, 256), chance.randbytes(4), 0, chance.getrandbits(63),
                chance.randbytes(20), chance.randrange(0, 4095),
            )  # fmt: skip
            yield Frame(number, at + SECOND // 3, 1, forged, len(forged))


def mebibytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def main(count: int, unrest: float = 1, look_every: float = 5) -> None:
    monitor = Monitor(Config((PASSPHRASE,), (ADDRESS,)), "span0", searcher=Searcher())
    begin, looked, first = time.process_time(), 0, 0
    for frame in frames(count, unrest):
        first = first or frame.at
        monitor.see(frame)
        if frame.at - looked > look_every * SECOND:
            looked = frame.at
            monitor.look(frame.at - SECOND)
            list(monitor.taken_news())
        if frame.number % (count // 20) == 0:
            cost = (time.process_time() - begin) / frame.number * 1e6
            days = (frame.at - first) / SECOND / 86400
            groups = len(monitor.observer.groups)
            print(
                f"{days:6.2f} d {frame.number:>11,} adverts {mebibytes():7.1f} MiB "
                f"{cost:5.1f} us/advert {groups} groups "
                f"{len(monitor.live_findings.known)} findings",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(float, sys.argv[2:4]))
