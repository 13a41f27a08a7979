"""Frames whose every byte is known, and the means to make and cut more of them.

F1 to F9 are worked out by hand from the sources of the implementations; all
checksums and HMACs in them hold.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

from hypothesis import strategies as st

from carpscope.core.frame import Frame
from carpscope.wire import arp, carp, icmp6, ip, link
from carpscope.wire.checksum import internet_checksum

GROUP_MAC = bytes.fromhex("01005e000012")
GROUP = bytes((224, 0, 0, 18))
GROUP6 = bytes.fromhex("ff020000000000000000000000000012")

F1 = bytes.fromhex(
    "01005e00001200005e0001010800"
    "45e0003800004000ff70d8b8c0a80102e0000012"
    "21010007000104bd8aea8d84a16a46eefb7f7879a6498338bee8bdf427c2b3c3a3c23fd0"
)
"""FreeBSD since 12: 192.168.1.2, vhid 1, passphrase randompass, address 192.168.1.50."""
F2 = bytes.fromhex(
    "01005e00001200005e00010a0800"
    "45100038beef4000ff70d2400a000003e0000012"
    "210a640701015b2201020304050607083fe6c79c8c3ccca88509152863ade384ac2e20bc"
)
"""OpenBSD: 10.0.0.3, vhid 10, advskew 100, demoted by 1; 10.0.0.1 and 2001:db8::1."""
F3 = bytes.fromhex(
    "33330000001200005e00010a86dd"
    "60000000002470fffe800000000000000000000000001234ff020000000000000000000000000012"
    "210a640701015b2201020304050607083fe6c79c8c3ccca88509152863ade384ac2e20bc"
)
"""The same node over IPv6: the same cookie and digest."""
F4 = bytes.fromhex(
    "33330000001200005e00010a86dd"
    "6e000000002470fffe800000000000000000000000001234ff020000000000000000000000000012"
    "210a64070001d23e01020304050607093d08e20e1325f58badb5b519e48767c8f66dcb43"
)
"""FreeBSD since 12, second packet of a dual-stack pair: counter one up."""
F5 = bytes.fromhex(
    "01005e00001200005e00002a0800"
    "4510003812344000ff707dfd0a010101e0000012"
    "212a0007000123181111222233334444f9a14aed7672802bfc04cabc045a9dab5df90f1d"
)
"""ucarp: 10.1.1.1, vhid 42, passphrase love, address 10.1.1.252."""
F6 = bytes.fromhex("210aff0700ffc02301020304050607083fe6c79c8c3ccca88509152863ade384ac2e20bc")
"""A bow-out, CARP only."""
F7 = bytes.fromhex("210a00070001c02201020304050607083fe6c79c8c3ccca88509152863ade384ac2e20bc")
"""F2's counter and digest with advskew and demotion forged to 0, CARP only."""
F8 = bytes.fromhex("210164010001b921c0a801320000000000000000")
"""VRRPv2, no authentication, one address, VRRP only."""
F9 = bytes.fromhex("3101640100640685c0a80132")
"""VRRPv3 from 192.168.1.2 to 224.0.0.18, VRRP only."""

VIRTUAL_MAC = carp.virtual_mac(1)
ROUTER = bytes((192, 168, 1, 2))
LINK_LOCAL = bytes.fromhex("fe800000000000000000000000001234")


def over_ipv4(
    payload: bytes,
    *,
    source: bytes = ROUTER,
    tos: int = 0xC0,
    dont_fragment: bool = False,
    options: bytes = b"",
    ttl: int = 255,
    protocol: int = carp.PROTOCOL,
) -> bytes:
    """Return an Ethernet frame with a payload of protocol 112; defaults are a router's."""
    packet = ip.ipv4(
        source,
        GROUP,
        payload,
        protocol=protocol,
        tos=tos,
        identification=7,
        ttl=ttl,
        dont_fragment=dont_fragment,
        options=options,
    )
    return link.ethernet(GROUP_MAC, VIRTUAL_MAC, link.ETHERTYPE_IPV4, packet)


def over_ipv6(payload: bytes, *, next_header: int = carp.PROTOCOL) -> bytes:
    """Return an Ethernet frame with an IPv6 payload for ff02::12."""
    packet = ip.ipv6(LINK_LOCAL, GROUP6, payload, next_header=next_header)
    mac = bytes.fromhex("333300000012")
    return link.ethernet(mac, VIRTUAL_MAC, link.ETHERTYPE_IPV6, packet)


def with_checksum(payload: bytes, *, pseudo: bytes = b"") -> bytes:
    """Return a CARP or VRRP payload with the checksum that belongs at byte 6."""
    bare = payload[:6] + b"\0\0" + payload[8:]
    checksum = internet_checksum(pseudo + bare)
    return bare[:6] + checksum.to_bytes(2, "big") + bare[8:]


GARP = link.ethernet(
    b"\xff" * 6,
    bytes.fromhex("02000a000003"),
    link.ETHERTYPE_ARP,
    arp.announcement(bytes((10, 0, 0, 1)), carp.virtual_mac(10)).encode(),
)
NA = link.ethernet(
    bytes.fromhex("333300000001"),
    carp.virtual_mac(10),
    link.ETHERTYPE_IPV6,
    icmp6.neighbour_advertisement(
        LINK_LOCAL, bytes.fromhex("20010db8000000000000000000000001"), carp.virtual_mac(10)
    ),
)
IGMP_JOIN = over_ipv4(
    bytes.fromhex("160009ed") + GROUP,  # version 2 report for 224.0.0.18
    protocol=2,
    ttl=1,
    options=bytes.fromhex("94040000"),  # router alert, as hosts send it
)
IGMP3_JOIN = over_ipv4(
    bytes.fromhex("2200f9eb0000000104000000") + GROUP,
    protocol=2,
    ttl=1,
    options=bytes.fromhex("94040000"),
)
MLD2_JOIN = over_ipv6(
    bytes.fromhex("3a00050200000100")  # hop-by-hop header with a router alert
    + bytes.fromhex("8f007dfd0000000104000000")
    + GROUP6,
    next_header=0,
)

SAMPLES = {
    "freebsd": F1,
    "openbsd": F2,
    "openbsd ipv6": F3,
    "freebsd ipv6": F4,
    "ucarp": F5,
    "bow-out": over_ipv4(F6, tos=0x10, dont_fragment=True),
    "forged": over_ipv4(F7, tos=0x10, dont_fragment=True),
    "vrrp 2": over_ipv4(F8),
    "vrrp 3": over_ipv4(F9),
    "garp": GARP,
    "na": NA,
    "igmp join": IGMP_JOIN,
    "igmp 3 join": IGMP3_JOIN,
    "mld 2 join": MLD2_JOIN,
    "tagged": F1[:12] + bytes.fromhex("88a8006481000065") + F1[12:],
    "with options": over_ipv4(F7, options=bytes.fromhex("94040000")),
}
"""One frame of every kind, none of them padded: every byte counts."""


def gre(flags: int, kind: int, rest: bytes) -> bytes:
    """Return a mirror's packet of GRE, over IPv4 with a TTL that has been routed."""
    return over_ipv4(struct.pack("!HH", flags, kind) + rest, protocol=47, ttl=62)


def udp(port: int, rest: bytes) -> bytes:
    """Return a mirror's packet of UDP, without a checksum as VXLAN has it."""
    return over_ipv4(
        struct.pack("!HHHH", 49152, port, 8 + len(rest), 0) + rest, protocol=17, ttl=62
    )


def mirrors(inner: bytes) -> dict[str, bytes]:
    """Return a frame inside every wrapping that is known."""
    type_2 = struct.pack("!HHI", 0x1000 | 100, 0x1800 | 5, 9)
    type_3 = struct.pack("!HHIHH", 0x2000 | 100, 5, 0, 0, 0)
    platform = struct.pack("!HHIHHQ", 0x2000 | 100, 5, 0, 0, 1, 0)
    bare = struct.pack("!HHIHH", 0x2000 | 100, 5, 0, 0, 2 << 10)
    packet, ethertype = inner[14:], int.from_bytes(inner[12:14], "big")
    return {
        "gre": gre(0, 0x6558, inner),
        "gre with everything": gre(0xB000, 0x6558, bytes(4) + b"\0\0\0\x07" + bytes(4) + inner),
        "gre of ip": gre(0x2000, ethertype, b"\0\0\0\x07" + packet),
        "erspan 1": gre(0, 0x88BE, inner),
        "erspan 2": gre(0x1000, 0x88BE, bytes(4) + type_2 + inner),
        "erspan 3": gre(0x1000, 0x22EB, bytes(4) + type_3 + inner),
        "erspan 3 with platform": gre(0x1000, 0x22EB, bytes(4) + platform + inner),
        "erspan 3 of ip": gre(0x1000, 0x22EB, bytes(4) + bare + packet),
        "vxlan": udp(4789, bytes.fromhex("0800000000007b00") + inner),
        "vxlan, linux": udp(8472, bytes.fromhex("0800000000007b00") + inner),
        "tzsp": udp(37008, bytes.fromhex("010000010a01d80001") + inner),
    }


macs = st.binary(min_size=6, max_size=6)
addresses = st.binary(min_size=4, max_size=4)
addresses6 = st.binary(min_size=16, max_size=16)
adverts = st.builds(
    carp.Advert,
    vhid=st.integers(1, 255),
    advbase=st.integers(0, 255),
    advskew=st.integers(0, 255),
    demote=st.integers(0, 255),
    counter=st.binary(min_size=8, max_size=8),
    digest=st.binary(min_size=20, max_size=20),
)


def frame(data: bytes, link_type: int = link.ETHERNET, wire_length: int | None = None) -> Frame:
    """Return bytes as a captured frame."""
    return Frame(1, 0, link_type, data, len(data) if wire_length is None else wire_length)


def read_pcap(path: Path) -> list[Frame]:
    """Read a little-endian pcap; a dozen lines that share nothing with the package."""
    data = path.read_bytes()
    unit = {"d4c3b2a1": 1000, "4d3cb2a1": 1}[data[:4].hex()]
    link_type = struct.unpack_from("<I", data, 20)[0]
    frames: list[Frame] = []
    at = 24
    while at < len(data):
        seconds, fraction, size, wire = struct.unpack_from("<IIII", data, at)
        body = data[at + 16 : at + 16 + size]
        instant = seconds * 1_000_000_000 + fraction * unit
        frames.append(Frame(len(frames) + 1, instant, link_type, body, wire))
        at += 16 + size
    return frames


def shipped_captures() -> list[Path]:
    """Return every Ethernet pcap that lies in the repository, traces and recorded ones."""
    root = Path(__file__).parents[2]
    found = [
        *(root / "tests" / "data" / "traces").rglob("*.pcap"),
        *root.glob("captures/*/capture.pcap"),
    ]
    return [path for path in sorted(found) if path.read_bytes()[20:24] == b"\1\0\0\0"]


def write_pcap(path: Path, frames: Iterable[Frame | bytes], link_type: int = link.ETHERNET) -> None:
    """Write frames into a pcap, a microsecond apart."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type))
        for number, item in enumerate(frames):
            one = item if isinstance(item, Frame) else frame(item)
            file.write(struct.pack("<IIII", 1_700_000_000, number, len(one.data), one.wire_length))
            file.write(one.data)
