"""How long the search takes for what a node signs: found, not found, and a thousand strangers.

The captures are made once, in a folder of their own below build/.
"""

import random
import struct
from collections.abc import Iterator

from carpscope.auth.digest import Signer, message, ordinary_order
from carpscope.wire.carp import Advert, virtual_mac
from carpscope.wire.ip import ipv4
from carpscope.wire.link import ethernet
from tests.bench.captures import FOLDER
from tests.bench.measure import Command, Subject
from tests.bench.programs import CARPSCOPE

CANDIDATES = [bytes((10, 1, 0, last)) for last in range(1, 21)]
FOREIGN = [bytes((203, 0, 113, last)) for last in (1, 7, 9)]
WORD = b"bench passphrase"
STRANGERS = 1000


def capture(name: str, frames: Iterator[bytes]) -> str:
    """Return a capture of one frame a second; make it where it is not there yet."""
    path = FOLDER / f"search-{name}.pcap"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        for second, frame in enumerate(frames, 1767225600):
            data += struct.pack("<IIII", second, 0, len(frame), len(frame)) + frame
        path.write_bytes(data)
    return str(path)


def talk(source: bytes, signed: list[bytes], adverts: int, draw: random.Random) -> Iterator[bytes]:
    """Give the advertisements of a lone master."""
    signer = Signer(WORD, message(1, *ordinary_order(signed)))
    for _ in range(adverts):
        counter = draw.randbytes(8)
        advert = Advert(1, 1, 0, 0, counter, signer.sign(counter)).encode()
        group = bytes((224, 0, 0, 18))
        packet = ipv4(source, group, advert, protocol=112, tos=0xE0, identification=0)
        yield ethernet(bytes.fromhex("01005e000012"), virtual_mac(1), 0x0800, packet)


def strangers() -> Iterator[bytes]:
    """Give one advertisement of each of many made-up senders."""
    draw = random.Random(1)
    for _ in range(STRANGERS):
        yield from talk(draw.randbytes(4), FOREIGN, 1, draw)


def analyzing(name: str, frames: Iterator[bytes], candidates: list[bytes]) -> tuple[str, ...]:
    """Return the command that analyzes one of these."""
    listed = ",".join(".".join(map(str, address)) for address in candidates)
    path = capture(name, frames)
    return (CARPSCOPE, "analyze", "--json", "-p", WORD.decode(), "-a", listed, path)


NODE = bytes((10, 1, 0, 254))


def _search() -> Subject:
    return Subject(
        "search",
        (
            Command(
                "all 20 supplied addresses signed",
                analyzing("all", talk(NODE, CANDIDATES, 10, random.Random(2)), CANDIDATES),
            ),
            Command(
                "one nobody supplied, of a /24, beside 3",
                analyzing(
                    "stranger",
                    talk(NODE, [*CANDIDATES[:3], bytes((10, 1, 0, 77))], 10, random.Random(3)),
                    CANDIDATES[:3],
                ),
            ),
            Command(
                "10 signed of 20 supplied",
                analyzing("subset", talk(NODE, CANDIDATES[::2], 10, random.Random(4)), CANDIDATES),
            ),
            Command(
                "none of 20 supplied signed: everything tried",
                analyzing("none", talk(NODE, FOREIGN, 10, random.Random(5)), CANDIDATES),
            ),
            Command(
                f"{STRANGERS:,} made-up senders, 3 supplied",
                analyzing("strangers", strangers(), CANDIDATES[:3]),
                (0, 1),
            ),
        ),
        rounds=3,
    )


SUBJECTS = {"search": _search}
