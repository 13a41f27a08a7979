"""Captures made of plain bytes, by nothing of carpscope: what the standards and ip_carp.c say.

A `Tape` takes frames with their time and writes a pcap, cut where a snap length says so.
"""

import hashlib
import hmac
import ipaddress
import struct
from pathlib import Path

START = 1_700_000_000.0
CARP_GROUP = "224.0.0.18"
CARP_GROUP6 = "ff02::12"


def ip(text: str) -> bytes:
    """Return an address as bytes."""
    return ipaddress.ip_address(text).packed


def mac(text: str) -> bytes:
    """Return a MAC as bytes."""
    return bytes.fromhex(text.replace(":", ""))


def checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ether(
    source: str, destination: str, kind: int, body: bytes, vlan: tuple[int, ...] = ()
) -> bytes:
    """Return an Ethernet frame."""
    tags = b"".join(struct.pack("!HH", 0x8100, vid) for vid in vlan)
    return mac(destination) + mac(source) + tags + struct.pack("!H", kind) + body


def ipv4(
    source: str,
    destination: str,
    protocol: int,
    body: bytes,
    *,
    number: int = 0,
    tos: int = 0x10,
    ttl: int = 255,
) -> bytes:
    """Return an IPv4 packet with DF."""
    head = struct.pack(
        "!BBHHHBBH", 0x45, tos, 20 + len(body), number, 0x4000, ttl, protocol, 0
    ) + ip(source) + ip(destination)  # fmt: skip
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ipv6(source: str, destination: str, following: int, body: bytes) -> bytes:
    """Return an IPv6 packet."""
    head = struct.pack("!IHBB", 6 << 28, len(body), following, 255)
    return head + ip(source) + ip(destination) + body


def icmp6(source: str, destination: str, body: bytes) -> bytes:
    """Return an IPv6 packet with an ICMPv6 message, its checksum filled in."""
    pseudo = ip(source) + ip(destination) + struct.pack("!II", len(body), 58)
    whole = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return ipv6(source, destination, 58, whole)


def carp(
    vhid: int,
    base: int,
    skew: int,
    counter: int,
    *,
    passphrase: str = "plain bytes",
    vips: tuple[str, ...] = (),
    demote: int = 0,
    digest: bytes | None = None,
) -> bytes:
    """Return an advertisement, signed over IPv4 addresses before IPv6 ones, ascending."""
    signed = bytes((2, 1, vhid))
    addresses = sorted((ip(vip) for vip in vips), key=lambda a: (len(a), a))
    signed += b"".join(addresses)
    signed += struct.pack("!Q", counter)
    made = digest or hmac.new(passphrase.encode()[:19], signed, hashlib.sha1).digest()
    head = struct.pack("!BBBBBBH", 0x21, vhid, skew, 7, demote, base, 0)
    body = head + struct.pack("!Q", counter) + made
    return body[:6] + struct.pack("!H", checksum(body)) + body[8:]


def vrrp(
    vrid: int, priority: int, addresses: tuple[str, ...], *, source: str, version: int
) -> bytes:
    """Return a VRRP advertisement of one second."""
    listed = b"".join(map(ip, addresses))
    if version == 2:
        body = struct.pack("!BBBBBBH", 0x21, vrid, priority, len(addresses), 0, 1, 0) + listed
        body += bytes(8)
        return body[:6] + struct.pack("!H", checksum(body)) + body[8:]
    body = struct.pack("!BBBBHH", 0x31, vrid, priority, len(addresses), 100, 0) + listed
    pseudo = ip(source) + ip(CARP_GROUP) + struct.pack("!HH", 112, len(body))
    return body[:6] + struct.pack("!H", checksum(pseudo + body)) + body[8:]


def arp(operation: int, sender_mac: str, sender: str, target_mac: str, target: str) -> bytes:
    """Return an ARP packet: 1 asks, 2 answers."""
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    return head + mac(sender_mac) + ip(sender) + mac(target_mac) + ip(target)


class Tape:
    """Frames with their times."""

    def __init__(self, snap: int = 65535) -> None:
        """Begin with none; keep so many bytes of each."""
        self.frames: list[tuple[float, bytes]] = []
        self.snap = snap
        self.counters: dict[tuple[str, int], int] = {}

    def put(self, at: float, frame: bytes) -> None:
        """Add a frame, so many seconds after the start."""
        self.frames.append((at, frame))

    def advert(
        self,
        at: float,
        source: str,
        vhid: int,
        skew: int = 0,
        *,
        base: int = 1,
        group: str | None = None,
        vlan: tuple[int, ...] = (),
        ucarp: bool = False,
        **more: object,
    ) -> None:
        """Add an advertisement of a kernel, or of ucarp; its counter goes on."""
        key = (group or "", vhid)
        counter = self.counters[key] = self.counters.get(key, vhid << 40) + 1
        body = carp(vhid, base, skew, counter, **more)  # type: ignore[arg-type]
        from_mac = f"00:00:5e:00:{0 if ucarp else 1:02x}:{vhid:02x}"
        if ":" in source:
            packet = ipv6(source, CARP_GROUP6, 112, body)
            self.put(at, ether(from_mac, "33:33:00:00:00:12", 0x86DD, packet, vlan))
            return
        to_mac = group or "01:00:5e:00:00:12"
        packet = ipv4(source, CARP_GROUP, 112, body, number=len(self.frames) & 0xFFFF)
        self.put(at, ether(from_mac, to_mac, 0x0800, packet, vlan))

    def announce(self, at: float, own: str, address: str, vlan: tuple[int, ...] = ()) -> None:
        """Add a gratuitous ARP."""
        body = arp(1, own, address, "00:00:00:00:00:00", address)
        self.put(at, ether(own, "ff:ff:ff:ff:ff:ff", 0x0806, body, vlan))

    def ask(
        self, at: float, own: str, sender: str, address: str, vlan: tuple[int, ...] = ()
    ) -> None:
        """Add an ARP request."""
        body = arp(1, own, sender, "00:00:00:00:00:00", address)
        self.put(at, ether(own, "ff:ff:ff:ff:ff:ff", 0x0806, body, vlan))

    def answer(
        self, at: float, own: str, address: str, asker_mac: str, asker: str,
        vlan: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        """Add an ARP reply."""
        self.put(at, ether(own, asker_mac, 0x0806, arp(2, own, address, asker_mac, asker), vlan))

    def router(self, at: float, source: str, vrid: int, addresses: tuple[str, ...], *,
               version: int = 2, own: str | None = None, to: str = CARP_GROUP,
               spoil: bool = False) -> None:  # fmt: skip
        """Add a VRRP advertisement."""
        body = vrrp(vrid, 100, addresses, source=source, version=version)
        if spoil:
            body = body[:6] + bytes((body[6] ^ 0x55,)) + body[7:]
        packet = ipv4(source, to, 112, body, tos=0xC0)
        from_mac = own or f"00:00:5e:00:01:{vrid:02x}"
        to_mac = "01:00:5e:00:00:12" if to == CARP_GROUP else "02:00:00:00:00:99"
        self.put(at, ether(from_mac, to_mac, 0x0800, packet))

    def write(self, path: Path) -> str:
        """Write it as pcap, in order of time; return the path."""
        out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, self.snap, 1)]
        for at, frame in sorted(self.frames, key=lambda one: one[0]):
            when = round((START + at) * 1_000_000)
            kept = frame[: self.snap]
            out.append(
                struct.pack("<IIII", when // 1_000_000, when % 1_000_000, len(kept), len(frame))
            )
            out.append(kept)
        path.write_bytes(b"".join(out))
        return str(path)
