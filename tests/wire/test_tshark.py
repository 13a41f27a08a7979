"""Field by field beside tshark, wherever it is right; and where it is not.

Told with `-d ip.proto==112,carp` that protocol 112 is CARP, tshark knows each
field of an advertisement. Where the two differ on purpose there is a test below
that shows it.
"""

import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from carpscope.core.address import ip_text, mac_text
from carpscope.core.frame import Frame
from carpscope.wire import arp, carp, icmp6, vrrp
from carpscope.wire.decode import Packet, decode
from tests.wire import samples

TSHARK = shutil.which("tshark")
pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")

AS_CARP = ("-d", "ip.proto==112,carp")


def named(layer: str, names: str) -> tuple[str, ...]:
    return tuple(f"{layer}.{name}" for name in names.split())


FIELDS = (
    *named("eth", "src dst"),
    "ieee8021ad.id",
    "vlan.id",
    *named("ip", "src dst ttl dsfield id len flags.df checksum.status"),
    *named("ipv6", "src dst hlim tclass plen flow"),
    *named("carp", "version type vhid advskew authlen demotion adver_int"),
    *named("carp", "checksum checksum.status counter hmac"),
    *named("arp", "opcode src.hw_mac src.proto_ipv4 dst.hw_mac dst.proto_ipv4 isgratuitous"),
    *named("icmpv6", "type checksum.status nd.na.target_address opt.linkaddr"),
    *named("icmpv6", "nd.na.flag.r nd.na.flag.s nd.na.flag.o"),
    *named("vrrp", "version type virt_rtr_id prio addr_count auth_type adver_int"),
    *named("vrrp", "short_adver_int checksum checksum.status ip_addr ipv6_addr"),
)

Row = dict[str, str]


def tshark(path: Path, *options: str, fields: Sequence[str] = FIELDS) -> list[Row]:
    """Let tshark read a capture; several values of a field are joined by commas."""
    command = [TSHARK or "tshark", "-n", "-r", str(path), "-o", "ip.check_checksum:TRUE"]
    command += [*options, "-T", "fields", "-E", "separator=|"]
    for field in fields:
        command += ["-e", field]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [dict(zip(fields, line.split("|"), strict=True)) for line in output.splitlines()]


def shipped() -> list[Frame]:
    """Return the frames of every capture that lies in the repository, and the samples."""
    frames = [samples.frame(data) for data in samples.SAMPLES.values()]
    for path in samples.shipped_captures():
        frames += samples.read_pcap(path)
    return frames


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return shipped()


@pytest.fixture(scope="module")
def as_carp(frames: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """What tshark says when it is told that protocol 112 is CARP."""
    path = tmp_path_factory.mktemp("tshark") / "all.pcap"
    samples.write_pcap(path, frames)
    return tshark(path, *AS_CARP)


@pytest.fixture(scope="module")
def by_default(frames: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """What it says by itself: everything of protocol 112 is VRRP."""
    path = tmp_path_factory.mktemp("tshark") / "all.pcap"
    samples.write_pcap(path, frames)
    return tshark(path)


def flag(value: bool) -> str:
    return "1" if value else "0"


def lower(packet: Packet) -> Row:
    """Render link and IP as tshark does."""
    row: Row = {}
    if packet.link is not None:
        row["eth.src"] = mac_text(packet.link.source or b"")
        row["eth.dst"] = mac_text(packet.link.destination or b"")
        for field, is_service in (("ieee8021ad.id", True), ("vlan.id", False)):
            vids = [tag.vid for tag in packet.link.tags if (tag.tpid == 0x88A8) == is_service]
            row[field] = ",".join(map(str, vids))
    view = packet.ip
    if view is None:
        return row
    source, destination = ip_text(view.source), ip_text(view.destination)
    if view.version == 6:
        row |= {"ipv6.src": source, "ipv6.dst": destination, "ipv6.hlim": str(view.ttl)}
        row |= {"ipv6.tclass": f"0x{view.tos:08x}", "ipv6.plen": str(view.total_length)}
        row["ipv6.flow"] = f"0x{view.flow_label:06x}"
        return row
    row |= {"ip.src": source, "ip.dst": destination, "ip.ttl": str(view.ttl)}
    row |= {"ip.dsfield": f"0x{view.tos:02x}", "ip.id": f"0x{view.identification:04x}"}
    row |= {"ip.len": str(view.total_length), "ip.flags.df": flag(view.dont_fragment)}
    row["ip.checksum.status"] = flag(bool(view.checksum_ok))
    return row


def advertisement(view: carp.AdvertView) -> Row:
    """Render an advertisement as tshark does."""
    return {
        "carp.version": str(view.version),
        "carp.type": str(view.type),
        "carp.vhid": str(view.vhid),
        "carp.advskew": str(view.advskew),
        "carp.authlen": str(view.authlen),
        "carp.demotion": str(view.demote),
        "carp.adver_int": str(view.advbase),
        "carp.checksum": f"0x{view.checksum:04x}",
        "carp.checksum.status": flag(bool(view.checksum_ok)),
        "carp.counter": str(view.counter_value),
        "carp.hmac": view.digest.hex(),
    }


def router(packet: Packet, view: vrrp.VrrpView) -> Row:
    """Render a VRRP packet as tshark does."""
    row = {
        "vrrp.version": str(view.version),
        "vrrp.type": str(view.type),
        "vrrp.virt_rtr_id": str(view.vrid),
        "vrrp.prio": str(view.priority),
        "vrrp.addr_count": str(view.address_count),
        "vrrp.checksum": f"0x{view.checksum:04x}",
        "vrrp.checksum.status": flag(bool(view.checksum_ok)),
    }
    newer = packet.ip is not None and packet.ip.version == 6
    row["vrrp.ipv6_addr" if newer else "vrrp.ip_addr"] = ",".join(map(ip_text, view.addresses))
    if view.version == 3:
        row["vrrp.short_adver_int"] = str(view.interval_ns // 10_000_000)
    else:
        row["vrrp.auth_type"] = str(view.auth_type)
        row["vrrp.adver_int"] = str(view.interval_ns // 1_000_000_000)
    return row


def claim(view: arp.ArpView) -> Row:
    """Render an ARP packet as tshark does."""
    return {
        "arp.opcode": str(view.operation),
        "arp.src.hw_mac": mac_text(view.sender_mac),
        "arp.src.proto_ipv4": ip_text(view.sender_ip),
        "arp.dst.hw_mac": mac_text(view.target_mac),
        "arp.dst.proto_ipv4": ip_text(view.target_ip),
        "arp.isgratuitous": "1" if view.is_announcement else "",
    }


def neighbour(view: icmp6.NeighbourView) -> Row:
    """Render a neighbour advertisement as tshark does."""
    return {
        "icmpv6.type": str(icmp6.ADVERTISEMENT),
        "icmpv6.checksum.status": flag(bool(view.checksum_ok)),
        "icmpv6.nd.na.target_address": ip_text(view.target),
        "icmpv6.nd.na.flag.r": flag(view.router),
        "icmpv6.nd.na.flag.s": flag(view.solicited),
        "icmpv6.nd.na.flag.o": flag(view.override),
        "icmpv6.opt.linkaddr": mac_text(view.mac or b""),
    }


def agree(ours: Row, row: Row, number: int) -> None:
    assert ours == {field: row[field] for field in ours}, f"frame {number}"


def test_link_and_ip_agree(frames: list[Frame], as_carp: list[Row]) -> None:
    assert len(frames) == len(as_carp)
    for number, (one, row) in enumerate(zip(frames, as_carp, strict=True), 1):
        agree(lower(decode(one)), row, number)


def test_every_advertisement_agrees(frames: list[Frame], as_carp: list[Row]) -> None:
    found = 0
    for number, (one, row) in enumerate(zip(frames, as_carp, strict=True), 1):
        packet = decode(one)
        if packet.advert is not None:
            found += 1
            agree(advertisement(packet.advert), row, number)
        elif row["carp.vhid"]:  # wrong: see seven addresses, below
            assert isinstance(packet.body, vrrp.VrrpView), f"frame {number}"
            assert packet.body.address_count == len(packet.body.addresses) == carp.AUTHLEN_WORDS
    assert found > 100


def test_arp_and_neighbours_agree(frames: list[Frame], as_carp: list[Row]) -> None:
    kinds = set()
    for number, (one, row) in enumerate(zip(frames, as_carp, strict=True), 1):
        body = decode(one).body
        if isinstance(body, arp.ArpView):
            kinds.add("arp")
            agree(claim(body), row, number)
        elif isinstance(body, icmp6.NeighbourView) and body.is_advertisement:
            kinds.add("na")
            agree(neighbour(body), row, number)
    assert kinds == {"arp", "na"}


def test_every_vrrp_packet_agrees(frames: list[Frame], by_default: list[Row]) -> None:
    versions = set()
    for number, (one, row) in enumerate(zip(frames, by_default, strict=True), 1):
        packet = decode(one)
        if isinstance(packet.body, vrrp.VrrpView):
            versions.add(packet.body.version)
            agree(router(packet, packet.body), row, number)
    assert versions == {2, 3}


def test_mirrored_advertisements_agree(tmp_path: Path) -> None:
    """tshark gives the fields of every layer; the last is the one inside."""
    wrapped = samples.mirrors(samples.F1)
    for unknown in ("vxlan, linux", "erspan 3 of ip"):  # IANA's port and Ethernet alone
        del wrapped[unknown]
    path = tmp_path / "mirrors.pcap"
    samples.write_pcap(path, wrapped.values())
    for kind, row in zip(wrapped, tshark(path, *AS_CARP), strict=True):
        packet = decode(samples.frame(wrapped[kind]))
        assert packet.advert is not None
        assert packet.ip is not None
        agree(advertisement(packet.advert), row, 0)
        assert row["ip.ttl"].split(",")[-1] == str(packet.ip.ttl), kind


# --- where tshark is wrong


def one(tmp_path: Path, data: bytes, *options: str, wire: int | None = None) -> tuple[Row, Packet]:
    """Let both read one frame."""
    path = tmp_path / "one.pcap"
    kept = samples.frame(data, wire_length=wire)
    samples.write_pcap(path, [kept])
    (row,) = tshark(path, *options)
    return row, decode(kept)


def seven_addresses() -> bytes:
    listed = b"".join(bytes((192, 168, 1, 50 + i)) for i in range(7))
    head = bytes((0x21, 9, 100, 7, 0, 1, 0, 0))
    return samples.over_ipv4(samples.with_checksum(head + listed + bytes(8)))


def test_wrong_by_itself_it_takes_carp_for_vrrp(tmp_path: Path) -> None:
    """vhid as router, advskew as priority, counter and digest as seven addresses."""
    row, packet = one(tmp_path, samples.F1)
    assert row["carp.vhid"] == ""
    assert (row["vrrp.virt_rtr_id"], row["vrrp.prio"], row["vrrp.addr_count"]) == ("1", "0", "7")
    assert row["vrrp.ip_addr"].split(",")[0] == ip_text(bytes.fromhex("8aea8d84"))
    assert packet.advert is not None


def test_wrong_it_takes_vrrp_with_seven_addresses_for_carp(tmp_path: Path) -> None:
    """It asks for 36 bytes or more and the octet 7, which 44 bytes of VRRP have as well."""
    row, packet = one(tmp_path, seven_addresses(), *AS_CARP)
    assert row["carp.vhid"] == "9"
    assert row["carp.hmac"].startswith(samples.ROUTER[:3].hex())
    assert isinstance(packet.body, vrrp.VrrpView)
    assert len(packet.body.addresses) == 7


def test_wrong_it_sums_what_lies_behind_an_advertisement(tmp_path: Path) -> None:
    """Receivers sum 36 bytes and ignore the rest; ucarp was seen to accept ten."""
    advert = samples.F1[34:] + b"\x5a" * 10
    data = samples.over_ipv4(advert, tos=0x10, dont_fragment=True)
    row, packet = one(tmp_path, data, *AS_CARP)
    assert row["carp.checksum.status"] == "0"
    assert packet.advert is not None
    assert (packet.advert.checksum_ok, packet.advert.trailing) == (True, 10)


@pytest.mark.parametrize(
    ("at", "value"),
    [pytest.param(0, 0x20, id="type 0"), pytest.param(3, 6, id="authlen 6")],
)
def test_wrong_it_refuses_what_receivers_accept(tmp_path: Path, at: int, value: int) -> None:
    """No implementation tests the type or authlen; tshark then shows bare data."""
    payload = samples.F1[34:]
    changed = samples.with_checksum(payload[:at] + bytes((value,)) + payload[at + 1 :])
    data = samples.over_ipv4(changed, tos=0x10, dont_fragment=True)
    row, packet = one(tmp_path, data, *AS_CARP)
    assert row["carp.vhid"] == ""
    assert packet.advert is not None
    assert (packet.advert.vhid, packet.advert.checksum_ok) == (1, True)


def test_wrong_by_itself_it_reads_addresses_out_of_an_ipv6_advertisement(tmp_path: Path) -> None:
    """VRRPv2 over IPv6 cannot have 36 bytes; counter and half of the digest become an address."""
    row, packet = one(tmp_path, samples.F3)
    assert row["vrrp.virt_rtr_id"] == "10"
    assert row["vrrp.ipv6_addr"].split(",")[0] == socket.inet_ntop(
        socket.AF_INET6, samples.F3[62:78]
    )
    assert packet.advert is not None


def test_wrong_a_cut_advertisement_is_nothing_to_it(tmp_path: Path) -> None:
    """At a snap length of 48 it shows bare data; we say what is missing."""
    row, packet = one(tmp_path, samples.F1[:48], *AS_CARP, wire=70)
    assert row["carp.vhid"] == ""
    (fault,) = packet.faults
    assert str(fault) == "carp: truncated at byte 34 (needs 36 bytes, has 14)"
