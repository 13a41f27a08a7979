"""Mirrors that come over a network show the frame that was mirrored."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carpscope.core.fault import Fault
from carpscope.wire import carp, segment, vrrp, wrapping
from carpscope.wire.decode import Packet, decode
from tests.wire import samples

TAGGED = samples.SAMPLES["tagged"]
KINDS = sorted(samples.mirrors(samples.F1))


def taken(data: bytes, wire: int | None = None) -> Packet:
    return decode(samples.frame(data, wire_length=wire))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sample", ["freebsd", "openbsd ipv6"])
def test_the_inner_packet_is_shown(kind: str, sample: str) -> None:
    inner = samples.SAMPLES[sample]
    packet, direct = taken(samples.mirrors(inner)[kind]), taken(inner)
    assert packet.faults == ()
    assert packet.ip is not None
    assert direct.ip is not None
    assert packet.advert is not None
    assert direct.advert is not None
    assert packet.advert.advert() == direct.advert.advert()
    assert (packet.ip.ttl, packet.ip.source) == (255, direct.ip.source), "not the mirror's 62"
    (around,) = packet.tunnels
    assert around.kind == " ".join(kind.replace(",", "").split()[: 2 if "erspan" in kind else 1])
    assert (around.source, around.destination) == (samples.ROUTER, samples.GROUP)


def test_nothing_was_taken_off_a_plain_frame() -> None:
    assert taken(samples.F1).tunnels == ()


def test_tags_and_macs_are_those_inside() -> None:
    packet = taken(samples.mirrors(TAGGED)["erspan 2"])
    assert packet.link is not None
    assert segment.vlans(packet.link.vlan) == (100, 101)
    assert packet.link.source == carp.virtual_mac(1)


@pytest.mark.parametrize(
    ("kind", "identifier", "vlan"),
    [
        ("gre", None, None),
        ("gre with everything", 7, None),
        ("gre of ip", 7, None),
        ("erspan 1", None, None),
        ("erspan 2", 5, 100),
        ("erspan 3", 5, 100),
        ("vxlan", 0x7B, None),
        ("tzsp", None, None),
    ],
)
def test_which_mirror_it_was(kind: str, identifier: int | None, vlan: int | None) -> None:
    (around,) = taken(samples.mirrors(samples.F1)[kind]).tunnels
    assert (around.identifier, around.vlan) == (identifier, vlan)


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_says_where(kind: str) -> None:
    whole = samples.mirrors(samples.F1)[kind]
    for cut in range(len(whole)):
        packet = taken(whole[:cut], len(whole))
        assert packet.advert is None or packet.advert.is_cut
        if packet.ip is not None and packet.ip.protocol == wrapping.UDP:
            continue  # whose port it is for is not known yet, and then it is as any UDP
        assert packet.faults, cut
        for fault in packet.faults:
            assert 0 <= fault.offset <= cut
            assert fault.needed > fault.present
            if fault.layer in {"gre", "erspan 2", "erspan 3", "tzsp"}:
                assert fault.offset + fault.present == cut


@pytest.mark.parametrize(
    ("kind", "present", "fault"),
    [
        ("gre", 3, Fault("gre", 34, "truncated", 4, 3)),
        ("gre with everything", 15, Fault("gre", 34, "truncated", 16, 15)),
        ("gre with everything", 4, Fault("gre", 34, "truncated", 16, 4)),
        ("erspan 2", 15, Fault("erspan 2", 42, "truncated", 8, 7)),
        ("erspan 3", 19, Fault("erspan 3", 42, "truncated", 12, 11)),
        ("erspan 3 with platform", 27, Fault("erspan 3", 42, "truncated", 20, 19)),
        ("vxlan", 15, Fault("vxlan", 42, "truncated", 8, 7)),
        ("vxlan", 16, Fault("ethernet", 50, "truncated", 14, 0)),
        ("tzsp", 12, Fault("tzsp", 42, "truncated", 5, 4)),
        ("tzsp", 13, Fault("tzsp", 46, "truncated", 2, 1)),
    ],
)
def test_how_much_a_cut_header_needs(kind: str, present: int, fault: Fault) -> None:
    whole = samples.mirrors(samples.F1)[kind]
    assert taken(whole[: 34 + present], len(whole)).faults == (fault,)


def test_every_bit_of_the_numbers_is_read() -> None:
    vlan, session = 0xABD, 0x2CF
    head = struct.pack("!HHI", 0x1000 | vlan, 0xFC00 | session, 9)
    (around,) = taken(samples.gre(0x1000, 0x88BE, bytes(4) + head + samples.F1)).tunnels
    assert (around.vlan, around.identifier) == (vlan, session)
    (around,) = taken(samples.udp(4789, bytes.fromhex("08000000a1b2c3ff") + samples.F1)).tunnels
    assert around.identifier == 0xA1B2C3
    key = bytes.fromhex("a1b2c3d4")
    (around,) = taken(samples.gre(0x3000, 0x6558, key + bytes(4) + samples.F1)).tunnels
    assert around.identifier == 0xA1B2C3D4


def test_only_one_frame_type_of_erspan_3_is_bare_ip() -> None:
    for kind in (0, 1, 3, 18):
        head = struct.pack("!HHIHH", 0x2000 | 100, 5, 0, 0, kind << 10)
        packet = taken(samples.gre(0x1000, 0x22EB, bytes(4) + head + samples.F1))
        assert packet.advert is not None, "an Ethernet frame"


def test_bare_ip_inside_has_no_link_layer() -> None:
    packet = taken(samples.mirrors(samples.F1)["gre of ip"])
    assert packet.link is not None
    assert (packet.link.kind, packet.link.source, packet.link.tags) == ("raw", None, ())


def test_a_cut_behind_the_port_is_said() -> None:
    for kind, needed in (("vxlan", 8), ("tzsp", 5)):
        whole = samples.mirrors(samples.F1)[kind]
        (fault,) = taken(whole[:44], len(whole)).faults
        assert (fault.layer, fault.needed) == (kind, needed)


def wrapped(times: int) -> bytes:
    data = samples.F1
    for _ in range(times):
        data = samples.mirrors(data)["gre"]
    return data


def test_mirrors_of_mirrors_have_an_end() -> None:
    deep = taken(wrapped(wrapping.MAX_DEPTH))
    assert len(deep.tunnels) == wrapping.MAX_DEPTH
    assert deep.advert is not None
    deeper = taken(wrapped(wrapping.MAX_DEPTH + 1))
    assert len(deeper.tunnels) == wrapping.MAX_DEPTH
    assert deeper.advert is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(samples.gre(1, 0x6558, bytes(40)), id="gre version 1"),
        pytest.param(samples.gre(2, 0x6558, bytes(40)), id="gre version 2"),
        pytest.param(samples.gre(4, 0x6558, bytes(40)), id="gre version 4"),
        pytest.param(samples.gre(0x4000, 0x6558, bytes(40)), id="source routed"),
        pytest.param(samples.udp(53, bytes(40)), id="dns"),
        pytest.param(samples.udp(4789, bytes(40)), id="vxlan without a network"),
        pytest.param(samples.udp(4789, b"\x08\1" + bytes(40)), id="vxlan, reserved 1"),
        pytest.param(samples.udp(4789, b"\x08\0\1" + bytes(40)), id="vxlan, reserved 2"),
        pytest.param(samples.udp(4789, b"\x08\0\0\1" + bytes(40)), id="vxlan, reserved 3"),
        pytest.param(samples.udp(4791, bytes.fromhex("08") + bytes(40)), id="another port"),
        pytest.param(samples.udp(37008, b"\x01\x04\0\x01\x01"), id="tzsp keepalive"),
    ],
)
def test_what_is_no_mirror_is_left_alone(data: bytes) -> None:
    packet = taken(data)
    assert (packet.tunnels, packet.body, packet.faults) == ((), None, ())
    assert packet.ip is not None
    assert packet.ip.ttl == 62


def test_a_fragment_is_left_alone() -> None:
    data = samples.mirrors(samples.F1)["gre"]
    packet = taken(data[:20] + b"\x20\x00" + data[22:])
    assert (packet.tunnels, packet.body) == ((), None)


def test_a_wrong_erspan_version_is_a_fault() -> None:
    data = samples.gre(0x1000, 0x88BE, bytes(4) + b"\x30" + bytes(7) + samples.F1)
    packet = taken(data)
    assert packet.faults == (Fault("erspan 2", 42, "version 3 where 1 must be"),)
    assert packet.ip is not None
    assert packet.ip.protocol == 47


def test_tzsp_tags_are_walked() -> None:
    tags = b"\x00" + b"\x0a\x01\xd8" + b"\x00\x14\x00" + b"\x01"
    packet = taken(samples.udp(37008, bytes.fromhex("01000001") + tags + samples.F1))
    assert packet.advert is not None
    (fault,) = taken(samples.udp(37008, bytes.fromhex("01000001") + b"\x0a\xff")).faults
    beyond = 46 + 2 + 255  # the tag's own two bytes and what it says it has
    assert fault == Fault("tzsp", 42, "truncated", beyond + 1 - 42, 6)
    (fault,) = taken(samples.udp(37008, bytes.fromhex("01000001") + b"\0\x0a")).faults
    assert fault == Fault("tzsp", 47, "truncated", 2, 1)


def test_reserved_bits_of_gre_change_nothing() -> None:
    assert taken(samples.gre(0x0008, 0x6558, samples.F1)).advert is not None


def test_a_cut_right_behind_the_port() -> None:
    for port in (4789, 8472):
        whole = samples.udp(port, bytes.fromhex("0800000000007b00") + samples.F1)
        (fault,) = taken(whole[:38], len(whole)).faults
        assert fault == Fault("udp", 34, "truncated", 8, 4)
        assert taken(whole[:37], len(whole)).faults == (), "nobody knows whose it is"


def test_vrrp_inside_is_vrrp() -> None:
    inner = samples.SAMPLES["vrrp 2"]
    assert isinstance(taken(samples.mirrors(inner)["vxlan"]).body, vrrp.VrrpView)


@settings(max_examples=300)
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.integers(0, 150), st.integers(0, 255)), max_size=6),
    st.integers(0, 160),
)
def test_damaged_mirrors(kind: str, damage: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(samples.mirrors(samples.F1)[kind])
    for at, value in damage:
        data[at % len(data)] = value
    kept = bytes(data[:cut])
    for fault in taken(kept, len(data)).faults:
        assert 0 <= fault.offset <= len(kept)
        assert fault.needed > fault.present or fault.needed == 0
