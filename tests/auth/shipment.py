"""Captures around given CARP headers, and what `carpscope analyze --json` says of them."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from carpscope.capture.writer import PcapWriter
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND
from carpscope.wire.ip import ipv4, ipv6
from carpscope.wire.link import ETHERNET, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ethernet
from tests.program import run

GROUP4, GROUP4_MAC = bytes((224, 0, 0, 18)), bytes.fromhex("01005e000012")
GROUP6 = bytes.fromhex("ff02") + bytes(13) + b"\x12"
GROUP6_MAC = bytes.fromhex("333300000012")
START = 1_780_000_000 * SECOND
SOURCE = bytes((10, 250, 0, 7))
TOS = {"freebsd13": 0xE0}

Json = dict[str, Any]


class Sent(NamedTuple):
    """One advertisement to put into a capture."""

    packet: bytes
    impl: str = "freebsd13"
    mac: bytes | None = None
    source: bytes = SOURCE
    vlan: int = 0
    at: int = 0
    """Nanoseconds after the start."""


def frame(sent: Sent) -> bytes:
    """Put a CARP header into the frame that its implementation sends it in."""
    vhid = sent.packet[1:2]
    group = b"\0" if sent.impl == "ucarp" else b"\1"
    mac = sent.mac or b"\0\0\x5e\0" + group + vhid
    tags = [(0x8100, sent.vlan)] if sent.vlan else []
    tos = TOS.get(sent.impl, 0x10)
    if len(sent.source) == 16:
        body = ipv6(sent.source, GROUP6, sent.packet, next_header=112, traffic_class=tos & 0xE0)
        return ethernet(GROUP6_MAC, mac, ETHERTYPE_IPV6, body, tags)
    body = ipv4(sent.source, GROUP4, sent.packet, protocol=112, tos=tos, identification=0)
    return ethernet(GROUP4_MAC, mac, ETHERTYPE_IPV4, body, tags)


def write(path: Path, frames: Iterable[tuple[int, bytes]]) -> str:
    """Write (nanoseconds after the start, frame) as a capture."""
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for number, (at, data) in enumerate(sorted(frames), 1):
            writer.write(Frame(number, START + at, ETHERNET, data, len(data)))
    return str(path)


def ship(path: Path, sent: Iterable[Sent]) -> str:
    """Write advertisements as a capture."""
    return write(path, [(one.at, frame(one)) for one in sent])


def analyzed(capture: str, arguments: Sequence[str] = ()) -> Json:
    """Run the command and read its document."""
    result = run("analyze", "--json", *arguments, capture)
    assert result.status in (0, 1), result.err
    document: Json = json.loads(result.out)
    return document


def nodes(document: Json) -> list[Json]:
    """Return every node of every group."""
    return [node for group in document["groups"] for node in group["nodes"]]
