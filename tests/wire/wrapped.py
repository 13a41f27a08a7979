"""Frames as other ways of capturing give them: each header written out byte by byte.

Nothing here is made by the program's own code; what the bytes mean is for tshark to say first
(`test_wrapped.py`). A wrapping takes an Ethernet frame that carries IPv4 and gives the frame of
the link type beside it.
"""

import zlib
from collections.abc import Callable
from typing import NamedTuple

SWITCH, COLLECTOR = bytes((198, 51, 100, 1)), bytes((198, 51, 100, 2))
OUTER = bytes.fromhex("020000000001020000000002")
SNAP = bytes.fromhex("aaaa03000000")


class Way(NamedTuple):
    """A way in which an advertisement arrives."""

    link_type: int
    wrap: Callable[[bytes], bytes]
    options: tuple[str, ...] = ()
    """What tshark has to be told."""


def _sum(data: bytes) -> bytes:
    total = sum(int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (0xFFFF - total).to_bytes(2, "big")


def ethernet(ethertype: str, payload: bytes) -> bytes:
    return OUTER + bytes.fromhex(ethertype) + payload


def ipv4(protocol: int, payload: bytes) -> bytes:
    head = bytes.fromhex("4500") + (20 + len(payload)).to_bytes(2, "big")
    head += bytes.fromhex("000100003e") + bytes((protocol, 0, 0)) + SWITCH + COLLECTOR
    return head[:10] + _sum(head) + head[12:] + payload


def over_ip(protocol: int, payload: bytes) -> bytes:
    return ethernet("0800", ipv4(protocol, payload))


def udp(port: int, payload: bytes) -> bytes:
    head = (49152).to_bytes(2, "big") + port.to_bytes(2, "big")
    return over_ip(17, head + (8 + len(payload)).to_bytes(2, "big") + bytes(2) + payload)


def h(text: str) -> bytes:
    return bytes.fromhex(text)


def ip_of(frame: bytes) -> bytes:
    return frame[14:]


def llc(frame: bytes) -> bytes:
    return SNAP + frame[12:]


def macs(frame: bytes) -> bytes:
    return frame[:12]


def wifi(frame: bytes, control: str = "0802", extra: bytes = b"") -> bytes:
    """From the distribution system: destination, BSSID, source."""
    head = h(control) + bytes(2) + frame[:6] + h("020000000009") + frame[6:12] + h("1000")
    return head + extra + llc(frame)


def little(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little")


def big(number: int, size: int) -> bytes:
    return number.to_bytes(size, "big")


def nflog(frame: bytes) -> bytes:
    payload = ip_of(frame)
    prefix = little(8, 2) + little(10, 2) + b"in\0\0"
    return h("02000000") + prefix + little(4 + len(payload), 2) + little(9, 2) + payload


def pktap(frame: bytes) -> bytes:
    head = little(108, 4) + little(1, 4) + little(1, 4) + b"en0".ljust(24, b"\0")
    return head.ljust(108, b"\0") + frame


def erf(kind: int, payload: bytes, extension: bytes = b"") -> bytes:
    size = 16 + len(extension) + len(payload)
    head = little(1_700_000_000 << 32, 8) + bytes((kind,)) + h("04")
    return head + big(size, 2) + bytes(2) + big(len(payload), 2) + extension + payload


def geneve(frame: bytes) -> bytes:
    return h("020065580000ab00") + h("0101800100000000") + frame


def vlan_dsa(frame: bytes) -> bytes:
    """As the chip sends it up: forwarded, tagged, device 1, port 2, VLAN 10."""
    return macs(frame) + h("e110000a") + frame[12:]


WAYS: dict[str, Way] = {
    # link types
    "raw": Way(101, ip_of),
    "ipv4": Way(228, ip_of),
    "null": Way(0, lambda f: h("02000000") + ip_of(f)),
    "loop": Way(108, lambda f: h("00000002") + ip_of(f)),
    "enc": Way(109, lambda f: h("020000000000100000000000") + ip_of(f)),
    "sll": Way(113, lambda f: h("000200010006") + f[6:12] + h("00000800") + ip_of(f)),
    "sll2": Way(
        276,
        lambda f: h("0800000000000003000102 06".replace(" ", "")) + f[6:12] + h("0000") + ip_of(f),
    ),
    "pflog": Way(117, lambda f: h("3d020000") + b"em0".ljust(57, b"\0") + bytes(3) + ip_of(f)),
    "ppp": Way(9, lambda f: h("ff030021") + ip_of(f)),
    "ppp without address": Way(9, lambda f: h("0021") + ip_of(f)),
    "ppp hdlc": Way(50, lambda f: h("ff030021") + ip_of(f)),
    "ppp hdlc, cisco": Way(50, lambda f: h("0f000800") + ip_of(f)),
    "pppoe link": Way(
        51, lambda f: h("11000007") + big(2 + len(ip_of(f)), 2) + h("0021") + ip_of(f)
    ),
    "ppp with direction": Way(204, lambda f: h("01ff030021") + ip_of(f)),
    "ppp bridged": Way(9, lambda f: h("ff0300310001") + f),
    "c-hdlc": Way(104, lambda f: h("0f000800") + ip_of(f)),
    "frame relay": Way(107, lambda f: h("184103cc") + ip_of(f)),
    "frame relay snap": Way(107, lambda f: h("1841030080000000") + f[12:]),
    "frame relay bridged": Way(107, lambda f: h("18410300800080c20007") + f),
    "nflog": Way(239, nflog),
    "pktap": Way(258, pktap),
    "802.11": Way(105, wifi),
    "802.11 qos": Way(105, lambda f: wifi(f, "8802", h("0000"))),
    "802.11 to the access point": Way(
        105,
        lambda f: h("08010000") + h("020000000009") + f[6:12] + f[:6] + h("1000") + llc(f),
    ),
    "802.11 four addresses": Way(
        105,
        lambda f: h("08030000020000000009020000000008") + f[:6] + h("1000") + f[6:12] + llc(f),
    ),
    "802.11 a-msdu": Way(
        105,
        lambda f: (
            h("88020000")
            + f[:6]
            + h("0200000000090200000000091000")
            + h("8000")
            + f[:12]
            + big(len(llc(f)), 2)
            + llc(f)
        ),
    ),
    "radiotap": Way(127, lambda f: h("000008000000000000"[:16]) + wifi(f)),
    "radiotap with fields": Way(
        127, lambda f: h("0000120003000000" + "0011223344556677" + "0002") + wifi(f)
    ),
    "radiotap padded": Way(
        127,
        lambda f: h("0000090002000000" + "20") + wifi(f, "8802", h("0000") + h("0000")),
    ),
    "prism": Way(119, lambda f: h("4400000090000000") + bytes(136) + wifi(f)),
    "avs": Way(163, lambda f: h("8021100100000040") + bytes(56) + wifi(f)),
    "ppi": Way(192, lambda f: h("0000080069000000") + wifi(f)),
    "ppi of ethernet": Way(192, lambda f: h("0000080001000000") + f),
    "fddi": Way(10, lambda f: h("50") + macs(f) + llc(f)),
    "token ring": Way(6, lambda f: h("1040") + macs(f) + llc(f)),
    "token ring, routed": Way(
        6,
        lambda f: (
            h("1040") + f[:6] + bytes((f[6] | 0x80,)) + f[7:12] + h("0630001200a0"[:12]) + llc(f)
        ),
    ),
    "erf ethernet": Way(197, lambda f: erf(2, bytes(2) + f)),
    "erf ethernet with extension": Way(
        197, lambda f: erf(0x82, bytes(2) + f, h("0300000000000000"))
    ),
    "erf ppp": Way(197, lambda f: erf(1, h("ff030021") + ip_of(f))),
    "erf cisco hdlc": Way(197, lambda f: erf(1, h("0f000800") + ip_of(f))),
    "erf ipv4": Way(197, lambda f: erf(22, ip_of(f))),
    "dsa": Way(284, vlan_dsa),
    "dsa untagged": Way(284, lambda f: macs(f) + h("c1100000") + f[12:]),
    "edsa": Way(285, lambda f: macs(f) + h("dada0000c1100000") + f[12:]),
    "broadcom tag": Way(281, lambda f: macs(f) + h("00000002") + f[12:]),
    "broadcom tag before": Way(282, lambda f: h("00000002") + f),
    "atm": Way(100, llc),
    "atm of bsd/os": Way(11, llc),
    "sun atm": Way(123, lambda f: h("02000064") + llc(f)),
    "atm, classical ip": Way(106, ip_of),
    "atm, classical ip, 16": Way(16, ip_of),
    "atm, classical ip, 18": Way(18, ip_of),
    "atm, classical ip, 19": Way(19, ip_of),
    "c-hdlc of bsd/os": Way(112, lambda f: h("0f000800") + ip_of(f)),
    "juniper": Way(178, lambda f: h("4d474301") + f),
    "juniper without magic": Way(178, lambda f: f),
    "juniper with extensions": Way(178, lambda f: h("4d4743810006010102010300") + f),
    "juniper without link layer": Way(
        178, lambda f: h("4d4743820006010102010300" + "02000000") + ip_of(f)
    ),
    "juniper pppoe": Way(167, lambda f: h("4d474300") + f),
    "juniper ppp": Way(179, lambda f: h("4d474300" + "ff030021") + ip_of(f)),
    "juniper frame relay": Way(180, lambda f: h("4d474300" + "184103cc") + ip_of(f)),
    "juniper c-hdlc": Way(181, lambda f: h("4d474300" + "0f000800") + ip_of(f)),
    "juniper virtual port": Way(183, lambda f: h("4d474300" + "00000000") + f),
    "fibre channel": Way(122, lambda f: h("1000") + f[:6] + h("1000") + f[6:12] + llc(f)),
    "infiniband": Way(242, lambda f: bytes(40) + h("08000000") + ip_of(f)),
    "ieee 1394": Way(138, lambda f: bytes(16) + h("0800") + ip_of(f)),
    "docsis": Way(143, lambda f: h("00000046ecdb") + f),
    "docsis with extension": Way(143, lambda f: h("010200480100403c") + f),
    "mpacket": Way(274, lambda f: h("55555555555555d5") + f + little(zlib.crc32(f), 4)),
    # over Ethernet
    "llc": Way(1, lambda f: macs(f) + big(len(llc(f)), 2) + llc(f)),
    "llc of ip": Way(1, lambda f: macs(f) + big(3 + len(ip_of(f)), 2) + h("060603") + ip_of(f)),
    "vlan": Way(1, lambda f: macs(f) + h("8100000a") + f[12:]),
    "llc, tagged behind it": Way(
        1,
        lambda f: macs(f) + big(12 + len(ip_of(f)), 2) + SNAP + h("8100000a" + "0800") + ip_of(f),
    ),
    "vlan, llc": Way(1, lambda f: macs(f) + h("8100000a") + big(len(llc(f)), 2) + llc(f)),
    "qinq": Way(1, lambda f: macs(f) + h("88a800648100000a") + f[12:]),
    "802.1ah": Way(1, lambda f: ethernet("88e7", h("0000abcd") + f)),
    "802.1ah in a backbone vlan": Way(1, lambda f: ethernet("88a8", h("006488e70000abcd") + f)),
    "mpls": Way(1, lambda f: ethernet("8847", h("000643ff") + ip_of(f))),
    "mpls, two labels": Way(1, lambda f: ethernet("8847", h("000642ff000c81ff") + ip_of(f))),
    "pseudowire": Way(
        1,
        lambda f: ethernet("8847", h("000641ff") + h("00000000") + f),
        ("-d", "mpls.label==100,pwethcw"),
    ),
    "pseudowire without control word": Way(
        1, lambda f: ethernet("8847", h("000641ff") + f), ("-d", "mpls.label==100,pwethnocw")
    ),
    "pppoe": Way(
        1,
        lambda f: ethernet(
            "8864", h("11000007") + big(2 + len(ip_of(f)), 2) + h("0021") + ip_of(f)
        ),
    ),
    "nsh of ethernet": Way(1, lambda f: ethernet("894f", h("0fc60103000064ff") + bytes(16) + f)),
    "nsh of ip": Way(1, lambda f: ethernet("894f", h("0fc20201000064ff") + ip_of(f))),
    "cisco metadata": Way(1, lambda f: macs(f) + h("8909" + "0101" + "0001" + "0064") + f[12:]),
    "macsec": Way(
        1,
        lambda f: (
            macs(f) + h("88e5" + "2000" + "00000001" + "0200000000010001") + f[12:] + bytes(16)
        ),
    ),
    "802.1br": Way(1, lambda f: macs(f) + h("893f" + "000000000000") + f[12:]),
    "vn-tag": Way(1, lambda f: macs(f) + h("8926" + "00000000") + f[12:]),
    "802.1cb": Way(1, lambda f: macs(f) + h("f1c1" + "00000001") + f[12:]),
    "hsr": Way(1, lambda f: macs(f) + h("892f") + big(6 + len(ip_of(f)), 2) + h("0001") + f[12:]),
    "trill": Way(1, lambda f: ethernet("22f3", h("083f00010002") + f)),
    # over IP
    "ip in ip": Way(1, lambda f: over_ip(4, ip_of(f))),
    "gre": Way(1, lambda f: over_ip(47, h("00000800") + ip_of(f))),
    "gre with key and sequence": Way(
        1, lambda f: over_ip(47, h("30000800" + "00000007" + "00000001") + ip_of(f))
    ),
    "gretap": Way(1, lambda f: over_ip(47, h("00006558") + f)),
    "gretap with key": Way(1, lambda f: over_ip(47, h("20006558" + "00000007") + f)),
    "gre of mpls": Way(1, lambda f: over_ip(47, h("00008847" + "000643ff"[:8]) + ip_of(f))),
    "pptp": Way(
        1,
        lambda f: over_ip(
            47,
            h("3001880b")
            + big(4 + len(ip_of(f)), 2)
            + h("0007" + "00000001")
            + h("ff030021")
            + ip_of(f),
        ),
    ),
    "erspan 1": Way(1, lambda f: over_ip(47, h("000088be") + f)),
    "erspan 2": Way(
        1, lambda f: over_ip(47, h("100088be" + "00000001") + h("1064000500000009") + f)
    ),
    "erspan 3": Way(
        1, lambda f: over_ip(47, h("100022eb" + "00000001") + h("206400050000000000000000") + f)
    ),
    "etherip": Way(1, lambda f: over_ip(97, h("3000") + f)),
    "mpls in ip": Way(1, lambda f: over_ip(137, h("000643ff") + ip_of(f))),
    "l2tp 3": Way(
        1,
        lambda f: over_ip(115, h("00000007") + f),
        ("-o", "l2tp.cookie_size:None", "-o", "l2tp.l2_specific:None", "-d", "l2tp.pw_type==0,eth"),
    ),
    "l2tp 3 with cookie": Way(
        1,
        lambda f: over_ip(115, h("00000007" + "01020304") + f),
        (
            "-o",
            "l2tp.cookie_size:4 Byte Cookie",
            "-o",
            "l2tp.l2_specific:None",
            "-d",
            "l2tp.pw_type==0,eth",
        ),
    ),
    "l2tp 3 with sublayer": Way(
        1,
        lambda f: over_ip(115, h("00000007" + "0102030405060708" + "40000001") + f),
        (
            "-o",
            "l2tp.cookie_size:8 Byte Cookie",
            "-o",
            "l2tp.l2_specific:Default L2-Specific",
            "-d",
            "l2tp.pw_type==0,eth",
        ),
    ),
    # over UDP
    "vxlan": Way(1, lambda f: udp(4789, h("0800000000007b00") + f)),
    "vxlan with policy": Way(1, lambda f: udp(4789, h("8800000500007b00") + f)),
    "vxlan gpe": Way(1, lambda f: udp(4790, h("0c00000300007b00") + f)),
    "vxlan gpe of ip": Way(1, lambda f: udp(4790, h("0c00000100007b00") + ip_of(f))),
    "geneve": Way(1, lambda f: udp(6081, geneve(f))),
    "geneve of ip": Way(1, lambda f: udp(6081, h("000008000000ab00") + ip_of(f))),
    "tzsp": Way(1, lambda f: udp(37008, h("010000010a01d80001") + f)),
    "tzsp of 802.11": Way(1, lambda f: udp(37008, h("0100001201") + wifi(f))),
    "gtp-u": Way(
        1, lambda f: udp(2152, h("30ff") + big(len(ip_of(f)), 2) + h("00000007") + ip_of(f))
    ),
    "gtp-u with sequence": Way(
        1,
        lambda f: udp(
            2152, h("32ff") + big(4 + len(ip_of(f)), 2) + h("00000007" + "00010000") + ip_of(f)
        ),
    ),
    "mpls in udp": Way(1, lambda f: udp(6635, h("000643ff") + ip_of(f))),
    "l2tp 2": Way(1, lambda f: udp(1701, h("0002" + "00010002") + h("ff030021") + ip_of(f))),
    "l2tp 3 over udp": Way(
        1,
        lambda f: udp(1701, h("00030000" + "00000007") + f),
        ("-o", "l2tp.cookie_size:None", "-o", "l2tp.l2_specific:None", "-d", "l2tp.pw_type==0,eth"),
    ),
    "lisp": Way(1, lambda f: udp(4341, h("0800000000000701") + ip_of(f))),
    "teredo": Way(1, lambda f: udp(3544, _6to4(f))),
    "6in4": Way(1, lambda f: over_ip(41, _6to4(f))),
}


def _6to4(frame: bytes) -> bytes:
    """An IPv6 packet that carries IPv4: what tshark reads behind protocol 41 as well."""
    packet = ip_of(frame)
    head = h("60000000") + big(len(packet), 2) + h("04ff") + h("20010db8") + bytes(11) + b"\1"
    return head + h("20010db8") + bytes(11) + b"\2" + packet
