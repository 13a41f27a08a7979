"""A capture that is nearly all CARP: fifty masters, half of them with a constant counter.

Decode, checksum, HMAC, replay and findings against tcpdump and tshark, which print fields.
The capture is made once, in a folder of its own below build/.
"""

import struct
import sys
from pathlib import Path

from carpscope.auth.digest import Signer, message
from carpscope.wire.carp import Advert, virtual_mac
from carpscope.wire.ip import ipv4
from carpscope.wire.link import ethernet
from tests.bench.measure import Command, Subject

ADVERTS = 200_000
GROUPS = 50
_FOLDER = Path(__file__).parents[2] / "build" / "bench"
_PROGRAM = str(Path(sys.executable).with_name("carpscope"))


def made() -> Path:
    """Return the capture; make it where it is not there yet."""
    path = _FOLDER / f"dense-{ADVERTS}.pcap"
    if path.exists():
        return path
    _FOLDER.mkdir(parents=True, exist_ok=True)
    signers = [
        Signer(b"bench passphrase", message(vhid, [_vip(vhid)], []))
        for vhid in range(1, GROUPS + 1)
    ]
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as stream:
        stream.write(header)
        identification = 1
        for index in range(ADVERTS):
            turn, group = divmod(index, GROUPS)
            constant = group % 2 == 1
            identification = identification * 1103515245 + 12345 & 0xFFFF
            counter = (group << 32) + (0 if constant else turn)
            raw = counter.to_bytes(8, "big")
            advert = Advert(group + 1, 1, 0, 0, raw, signers[group].sign(raw)).encode()
            packet = ipv4(
                bytes((10, 0, group + 1, 1)),
                bytes((224, 0, 0, 18)),
                advert,
                protocol=112,
                tos=0x10 if constant else 0xE0,
                identification=identification if constant else 0,
            )
            mac = bytes.fromhex("01005e000012")
            frame = ethernet(mac, virtual_mac(group + 1), 0x0800, packet)
            at = turn * 1_001_000 + group * 20_000
            seconds, micros = divmod(at, 1_000_000)
            size = len(frame)
            stream.write(struct.pack("<IIII", 1767225600 + seconds, micros, size, size) + frame)
    unfinished.rename(path)
    return path


def _vip(vhid: int) -> bytes:
    return bytes((10, 0, vhid, 100))


def _subject() -> Subject:
    path = str(made())
    addresses = ",".join(f"10.0.{vhid}.100" for vhid in range(1, GROUPS + 1))
    fields = [w for f in ("carp.vhid", "carp.advskew", "carp.adver_int") for w in ("-e", f)]
    fields += [
        w for f in ("carp.counter", "ip.src", "ip.ttl", "frame.time_epoch") for w in ("-e", f)
    ]
    tshark = ("tshark", "-n", "-d", "ip.proto==112,carp", "-Y", "carp", "-T", "fields")
    return Subject(
        f"dense: {ADVERTS:,} adverts of {GROUPS} masters",
        (
            Command("tcpdump -T carp -v", ("tcpdump", "-nn", "-T", "carp", "-v", "-r", path)),
            Command(
                "tcpdump -tt -T carp -v", ("tcpdump", "-tt", "-nn", "-T", "carp", "-v", "-r", path)
            ),
            Command(
                "carpscope analyze -q -p -a",
                (_PROGRAM, "analyze", "-q", "-p", "bench passphrase", "-a", addresses, path),
                (0, 1),
            ),
            Command("tshark, 7 fields", (*tshark, *fields, "-r", path)),
        ),
        rounds=3,
    )


SUBJECT = _subject()
