"""The one advertisement that the FreeBSD article on CARP prints, as a capture of one frame.

The article shows the decoded packet: 36 bytes of CARP with a known passphrase and address, so
anyone can check the HMAC. Ethernet and IP headers are not in it; they are rebuilt here as FreeBSD
12 and later send them. The time of the packet is unknown and set to the year 2000.
"""

import struct
from pathlib import Path

from captures.record import about
from captures.record.plan import SECOND, Micros, Plain, Story
from captures.record.span import text_time

NAME = "freebsd-article"

_ETHERNET = bytes.fromhex("01005e000012 00005e000101 0800")
_IP = bytes.fromhex("45e00038 00004000 ff70d8b8 c0a80102 e0000012")
_CARP = bytes.fromhex("21010007 000104bd 8aea8d84a16a46ee fb7f7879a6498338bee8bdf427c2b3c3a3c23fd0")
_AT: Micros = 946_684_800 * SECOND
_PASSPHRASE = "randompass"  # noqa: S105 - printed in the article
_ADDRESS = "192.168.1.50"

_HAPPENS = """One advertisement of FreeBSD: vhid 1, advbase 1, advskew 0, passphrase randompass,
address 192.168.1.50. The 36 bytes of CARP are those that the FreeBSD article prints; the Ethernet
and IP headers are reconstructed as FreeBSD 12 and later send them, and the time is made up."""


def write(folder: Path) -> None:
    """The capture and what is known of it; the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = _ETHERNET + _IP + _CARP
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    record = struct.pack("<IIII", *divmod(_AT, SECOND), len(frame), len(frame))
    (folder / "capture.pcap").write_bytes(header + record + frame)

    nobody = Story(name=NAME, happens=_HAPPENS, hosts=(), actions=(), seconds=0, expects=())
    facts = about.facts(folder / "capture.pcap", nobody)
    node: dict[str, Plain] = {
        "name": "freebsd",
        "address": "192.168.1.2",
        "implementation": "freebsd",
        "vhid": 1,
        "advbase": 1,
        "advskew": 0,
        "addresses": [_ADDRESS],
        "passphrase": 1,
    }
    label: dict[str, Plain] = {
        "label": "weak_passphrase",
        "class": "config",
        "start": 0.0,
        "end": 0.0,
        "start_epoch": about.seconds(_AT),
        "end_epoch": about.seconds(_AT),
        "nodes": ["freebsd"],
        "cause": "the passphrase is one that a manual prints",
        "vhid": 1,
        "observable": True,
    }
    document: dict[str, Plain] = {
        "name": NAME,
        "happens": " ".join(_HAPPENS.split()),
        "licence": about.LICENCE,
        "start": text_time(_AT),
        "duration": 0.0,
        "passphrases": [_PASSPHRASE],
        "addresses": [_ADDRESS],
        "origin": {
            "command": f"python -m captures.record --only {NAME}",
            "how": "the printed CARP bytes behind reconstructed Ethernet and IP headers",
        },
        "capture": facts | {"advertisements": 1, "vrrp_advertisements": 0},
        "node": [node],
        "label": [label],
    }
    scored: dict[str, Plain] = {
        "name": "freebsd",
        "ip": "192.168.1.2",
        "implementation": "freebsd",
        "passphrase": _PASSPHRASE,
        "addresses": [_ADDRESS],
    }
    about.write_both(folder, document, [scored])
