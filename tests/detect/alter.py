"""What stories do to the frames of a simulation: damage, copies, strangers."""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator

from carpscope.core.address import ip_text
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.wire.arp import ArpView
from carpscope.wire.carp import Advert, virtual_mac
from carpscope.wire.checksum import internet_checksum
from carpscope.wire.decode import Packet, decode
from carpscope.wire.ip import ipv4
from carpscope.wire.link import ethernet

Value = str | float
Alteration = dict[str, Value]


def altered(frames: Iterable[Frame], alterations: list[Alteration]) -> list[Frame]:
    """Apply alterations one after the other; numbers and order are put right."""
    found = list(frames)
    for alteration in alterations:
        found = list(_apply(found, alteration))
    found.sort(key=lambda frame: frame.at)
    return [frame._replace(number=index) for index, frame in enumerate(found, 1)]


def _apply(frames: list[Frame], alteration: Alteration) -> Iterator[Frame]:
    what = alteration["what"]
    if what == "vrrp":
        yield from frames
        yield from _router(frames[0].at, frames[-1].at, int(alteration["value"]))
        return
    if what == "strangers":
        yield from frames
        yield from _strangers(frames[0].at, int(alteration["value"]))
        return
    begin = frames[0].at
    for frame in frames:
        packet = decode(frame)
        since = (frame.at - begin) / SECOND
        inside = float(alteration.get("start", 0)) <= since < float(alteration.get("end", 1e9))
        if not inside or not _concerns(packet, alteration):
            yield frame
        elif what == "loop":
            yield frame
            delay = int(float(alteration["delay_ms"]) * MILLISECOND)
            yield frame._replace(at=frame.at + delay)
        elif what == "unsigned":
            yield frame
            yield _unsigned(frame, packet, alteration)
        elif what != "silence-arp":
            yield _KINDS[str(what)](frame, packet, int(alteration.get("value", 0)))


def _concerns(packet: Packet, alteration: Alteration) -> bool:
    if alteration["what"] == "silence-arp":
        sender = packet.link.source if packet.link is not None else None
        return isinstance(packet.body, ArpView) and sender == bytes.fromhex(str(alteration["mac"]))
    node = alteration.get("node")
    return packet.advert is not None and packet.ip is not None and ip_text(packet.ip.source) == node


def _with(frame: Frame, data: bytes) -> Frame:
    return frame._replace(data=data, wire_length=len(data))


def _ttl(frame: Frame, packet: Packet, value: int) -> Frame:
    assert packet.ip is not None
    at = packet.ip.header_offset
    header = bytearray(frame.data[at : at + 20])
    header[8] = value
    header[10:12] = b"\0\0"
    header[10:12] = internet_checksum(bytes(header)).to_bytes(2, "big")
    return _with(frame, frame.data[:at] + bytes(header) + frame.data[at + 20 :])


def _checksum(frame: Frame, packet: Packet, value: int) -> Frame:
    assert packet.advert is not None
    data = bytearray(frame.data)
    data[packet.advert.offset + 2] ^= 0x40 | value
    return _with(frame, bytes(data))


def _mac(frame: Frame, packet: Packet, value: int) -> Frame:
    assert packet.link is not None
    return _with(frame, frame.data[:5] + bytes((value,)) + frame.data[6:])


def _trailing(frame: Frame, packet: Packet, value: int) -> Frame:
    assert packet.ip is not None
    at = packet.ip.header_offset
    header = bytearray(frame.data[at : at + 20])
    header[2:4] = struct.pack("!H", packet.ip.total_length + value)
    header[10:12] = b"\0\0"
    header[10:12] = internet_checksum(bytes(header)).to_bytes(2, "big")
    return _with(frame, frame.data[:at] + bytes(header) + frame.data[at + 20 :] + bytes(value))


def _unsigned(frame: Frame, packet: Packet, alteration: Alteration) -> Frame:
    """Make one in the name of the same node, a while later, with an HMAC that fits nothing."""
    view, ip = packet.advert, packet.ip
    assert view is not None
    assert ip is not None
    digest = hashlib.blake2b(view.digest, digest_size=20).digest()
    base = int(alteration.get("advbase", view.advbase))
    skew = int(alteration.get("advskew", view.advskew))
    counter = (view.counter_value ^ 0x5A5A_5A5A_5A5A_5A5A).to_bytes(8, "big")
    advert = Advert(view.vhid, base, skew, 0, counter, digest).encode()
    body = ipv4(ip.source, ip.destination, advert, protocol=112, tos=16, identification=0)
    delay = int(float(alteration["delay_ms"]) * MILLISECOND)
    data = frame.data[: ip.header_offset] + body
    return _with(frame._replace(at=frame.at + delay), data)


_KINDS: dict[str, Callable[[Frame, Packet, int], Frame]] = {
    "ttl": _ttl,
    "checksum": _checksum,
    "mac": _mac,
    "trailing": _trailing,
}


def _strangers(start: Nanos, count: int) -> Iterator[Frame]:
    """Make so many senders that advertise vhid 1 once each, a tenth of a second apart."""
    for index in range(count):
        digest = hashlib.blake2b(bytes((index,)), digest_size=20).digest()
        advert = Advert(1, 1, 200, 0, (1 << 63 | index * 77).to_bytes(8, "big"), digest).encode()
        source = bytes((203, 0, 113, index + 1))
        packet = ipv4(
            source, bytes((224, 0, 0, 18)), advert, protocol=112, tos=16, identification=0
        )
        data = ethernet(bytes.fromhex("01005e000012"), virtual_mac(1), 0x0800, packet)
        at = start + 5 * SECOND + index * 100 * MILLISECOND
        yield Frame(1, at, 1, data, len(data))


def _router(start: Nanos, end: Nanos, vrid: int) -> Iterator[Frame]:
    """Make a VRRPv2 router with one address, a second apart."""
    body = struct.pack("!BBBBBBH", 0x21, vrid, 100, 1, 0, 1, 0) + bytes((10, 0, 0, 50)) + bytes(8)
    body = body[:6] + internet_checksum(body).to_bytes(2, "big") + body[8:]
    source = bytes((10, 0, 0, 9))
    group = bytes((224, 0, 0, 18))
    packet = ipv4(
        source, group, body, protocol=112, tos=0xC0, identification=7, dont_fragment=False
    )
    mac = bytes.fromhex("00005e0001") + bytes((vrid,))
    data = ethernet(bytes.fromhex("01005e000012"), mac, 0x0800, packet)
    for at in range(start, end, SECOND):
        yield Frame(1, at, 1, data, len(data))
