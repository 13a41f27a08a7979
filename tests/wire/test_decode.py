"""One frame to what is in it: every sample, every cut of it, and anything at all."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carpscope.core.fault import Fault
from carpscope.wire import arp, carp, icmp6, igmp, ip, link, vrrp
from carpscope.wire.decode import Packet, decode
from carpscope.wire.links import cooked, loopback, pflog, raw
from tests.wire import samples

BODIES = {
    "freebsd": carp.AdvertView,
    "openbsd": carp.AdvertView,
    "openbsd ipv6": carp.AdvertView,
    "freebsd ipv6": carp.AdvertView,
    "ucarp": carp.AdvertView,
    "bow-out": carp.AdvertView,
    "forged": carp.AdvertView,
    "vrrp 2": vrrp.VrrpView,
    "vrrp 3": vrrp.VrrpView,
    "garp": arp.ArpView,
    "na": icmp6.NeighbourView,
    "igmp join": igmp.MembershipView,
    "igmp 3 join": igmp.MembershipView,
    "mld 2 join": igmp.MembershipView,
    "tagged": carp.AdvertView,
    "with options": carp.AdvertView,
}
LINK_TYPES = (0, 1, 12, 14, 101, 108, 113, 117, 228, 229, 276)
EXTENSIONS = (0, 43, 44, 51, 60, 135, 139, 140)


def taken(data: bytes, link_type: int = link.ETHERNET, wire: int | None = None) -> Packet:
    return decode(samples.frame(data, link_type, wire))


def dressed(packet: bytes, link_type: int) -> bytes:
    """Put an IP packet behind the header of a link type."""
    newer = packet[0] >> 4 == 6
    ethertype = 0x86DD if newer else 0x0800
    if link_type == link.ETHERNET:
        return link.ethernet(bytes(6), bytes(6), ethertype, packet)
    if link_type == loopback.NULL:
        return struct.pack("<I", 28 if newer else 2) + packet
    if link_type == loopback.LOOP:
        return struct.pack(">I", 24 if newer else 2) + packet
    if link_type == cooked.SLL:
        return struct.pack("!HHH8sH", 2, 1, 6, bytes(8), ethertype) + packet
    if link_type == cooked.SLL2:
        return struct.pack("!HHIHBB8s", ethertype, 0, 1, 1, 2, 6, bytes(8)) + packet
    if link_type == pflog.PFLOG:
        return bytes((61, 24 if newer else 2)) + bytes(62) + packet
    return packet


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_sample_is_what_it_is(name: str) -> None:
    packet = taken(samples.SAMPLES[name])
    assert isinstance(packet.body, BODIES[name])
    assert packet.faults == ()
    assert (packet.advert is not None) == (BODIES[name] is carp.AdvertView)
    if packet.ip is not None and packet.ip.version == 4:
        assert packet.ip.checksum_ok


@pytest.mark.parametrize("name", samples.SAMPLES)
@pytest.mark.parametrize("by", ["capture", "sender"])
def test_every_cut_of_every_sample_says_where(name: str, by: str) -> None:
    """Whether a snap length cut it or the wire carried no more."""
    whole = samples.SAMPLES[name]
    for cut in range(len(whole)):
        packet = taken(whole[:cut], wire=len(whole) if by == "capture" else cut)
        assert packet.faults, (name, cut)
        for fault in packet.faults:
            assert fault.layer
            assert fault.problem
            assert 0 <= fault.offset <= cut
            assert fault.needed > fault.present, (name, cut, fault)
            if "IP length" not in fault.problem:
                assert fault.offset + fault.present == cut


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_what_a_cut_takes_is_not_made_up(name: str) -> None:
    """Before its 36 bytes are there, an advertisement is a cut one; no other body is too early."""
    whole = samples.SAMPLES[name]
    for cut in range(len(whole)):
        body = taken(whole[:cut], wire=len(whole)).body
        assert not isinstance(body, arp.ArpView | igmp.MembershipView)
        if isinstance(body, carp.AdvertView):
            assert body.is_cut
            assert body.advert() is None


@pytest.mark.parametrize(
    ("link_type", "name"),
    [(number, "freebsd") for number in LINK_TYPES if number != raw.IPV6]
    + [(number, "openbsd ipv6") for number in LINK_TYPES if number != raw.IPV4],
)
def test_an_advertisement_under_every_link_type(link_type: int, name: str) -> None:
    whole = samples.SAMPLES[name]
    data = dressed(whole[14:], link_type)
    packet = taken(data, link_type)
    assert packet.advert is not None
    assert packet.advert.advert() == _advert(whole)
    assert packet.faults == ()
    for cut in range(len(data)):
        assert taken(data[:cut], link_type, len(data)).faults


def _advert(data: bytes) -> carp.Advert | None:
    packet = taken(data)
    return packet.advert.advert() if packet.advert else None


@settings(max_examples=400)
@given(st.sampled_from((*LINK_TYPES, 147)), st.binary(max_size=150), st.integers(0, 200))
def test_any_bytes_under_any_link_type(link_type: int, data: bytes, wire: int) -> None:
    check(taken(data, link_type, wire), data)


@settings(max_examples=600)
@given(
    st.sampled_from(sorted(samples.SAMPLES)),
    st.sampled_from(LINK_TYPES),
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6),
    st.integers(0, 130),
    st.integers(-40, 40),
)
def test_damaged_samples(
    name: str, link_type: int, damage: list[tuple[int, int]], cut: int, wire: int
) -> None:
    """Bytes that nearly make sense go further in than random ones."""
    sample = samples.SAMPLES[name]
    data = bytearray(sample if link_type == link.ETHERNET else dressed(sample[14:], link_type))
    for at, value in damage:
        data[at % len(data)] = value
    kept = bytes(data[:cut])
    check(taken(kept, link_type, max(len(kept) + wire, 0)), kept)


@given(
    st.lists(st.tuples(st.sampled_from(EXTENSIONS), st.integers(0, 255)), max_size=12),
    st.binary(max_size=60),
)
def test_any_chain_of_extension_headers(chain: list[tuple[int, int]], rest: bytes) -> None:
    body, following = rest, carp.PROTOCOL
    for number, units in reversed(chain):
        body, following = bytes((following, units)) + bytes(6) + body, number
    data = samples.over_ipv6(body, next_header=following)
    check(taken(data), data)


def check(packet: Packet, data: bytes) -> None:
    """Whatever came, what is said of it stays inside of it."""
    for fault in packet.faults:
        assert 0 <= fault.offset <= len(data)
        assert fault.needed > fault.present or fault.needed == 0
        assert str(fault)
    if packet.advert is not None:
        there = carp.FIELDS_SIZE + len(packet.advert.counter + packet.advert.digest)
        assert packet.advert.offset + there <= len(data)
        assert packet.advert.is_cut is (there < carp.HEADER_SIZE)
        assert packet.advert.trailing >= 0
    assert packet.body is not None or packet.faults or not packet.is_protocol_112


@given(samples.adverts, st.integers(0, 40))
def test_padding_changes_nothing(advert: carp.Advert, padding: int) -> None:
    frame = samples.over_ipv4(advert.encode(), tos=0x10, dont_fragment=True)
    bare, padded = taken(frame), taken(frame + bytes(padding))
    assert (padded.ip, padded.body, padded.faults) == (bare.ip, bare.body, bare.faults)


def test_a_short_packet_padded_to_60_bytes_reads_no_padding() -> None:
    frame = samples.over_ipv4(samples.F8)
    assert len(frame) < 60
    assert taken(frame.ljust(60, b"\0")).body == taken(frame).body
    short = samples.over_ipv4(samples.F1[34:54]).ljust(60, b"\0")
    assert taken(short).body is None
    problem = "too short for CARP by its IP length"
    assert taken(short).faults == (Fault("carp", 34, problem, 36, 20),)


def test_faults_of_the_outer_packet_stay_and_come_first() -> None:
    mirror = samples.mirrors(samples.F1[:16] + b"\x00\x40" + samples.F1[18:])["gre"]
    longer = mirror[:16] + (len(mirror) - 14 + 5).to_bytes(2, "big") + mirror[18:]
    packet = taken(longer)
    assert [(fault.layer, fault.offset) for fault in packet.faults] == [("ipv4", 14), ("ipv4", 52)]
    assert packet.advert is not None


def test_a_cut_right_behind_the_ip_header() -> None:
    whole = samples.F1
    assert taken(whole[:34], wire=len(whole)).faults == (
        Fault("protocol 112", 34, "too little to tell CARP from VRRP", 4, 0),
    )
    # a header that says it has options, none of which were captured
    options = samples.SAMPLES["with options"]
    assert taken(options[:36], wire=len(options)).faults == (
        Fault("ipv4", 14, "truncated", 24, 22),
    )


def test_an_ip_length_that_the_wire_did_not_carry() -> None:
    data = samples.F1[:16] + b"\x00\x40" + samples.F1[18:]
    packet = taken(data)
    assert packet.faults == (Fault("ipv4", 14, "IP length exceeds the frame", 64, 56),)
    assert packet.advert is not None
    assert packet.advert.trailing == 8
    cut = taken(data, wire=78)
    assert cut.faults == (Fault("protocol 112", 34, "truncated", 44, 36),), "the capture cut it"
    six = samples.F3[:18] + b"\x00\x30" + samples.F3[20:]
    assert taken(six).faults == (Fault("ipv6", 14, "IP length exceeds the frame", 88, 76),)


def test_a_record_that_claims_less_than_it_holds() -> None:
    """A damaged capture file: the bytes that are there count."""
    packet = taken(samples.F1, wire=3)
    assert packet.advert is not None
    assert packet.faults == ()


@pytest.mark.parametrize("word", [0x2000, 0x0001, 0x2005])
def test_fragments_are_recognised_and_not_parsed(word: int) -> None:
    data = samples.F1[:20] + word.to_bytes(2, "big") + samples.F1[22:]
    packet = taken(data)
    assert packet.is_protocol_112
    assert packet.body is None
    assert packet.faults == (Fault("protocol 112", 34, "fragment, not parsed"),)
    six = samples.over_ipv6(struct.pack("!BBHI", 112, 0, 9, 1) + samples.F6, next_header=44)
    assert taken(six).faults == (Fault("protocol 112", 62, "fragment, not parsed"),)


def test_a_fragment_of_something_else_is_no_fault() -> None:
    data = samples.IGMP_JOIN[:20] + b"\x20\x00" + samples.IGMP_JOIN[22:]
    assert (taken(data).body, taken(data).faults) == (None, ())


@pytest.mark.parametrize("first", [136, 143, 0x11, 0x16, 0x22])
def test_what_a_protocol_is_called_decides_not_its_first_byte(first: int) -> None:
    """Neighbour discovery belongs to IPv6 and its protocol, IGMP to IPv4 and its own."""
    body = bytes((first,)) + bytes(39)
    for frame in (
        samples.over_ipv6(body, next_header=6),
        samples.over_ipv6(body, next_header=igmp.PROTOCOL),
        samples.over_ipv4(body, protocol=6),
        samples.over_ipv4(body, protocol=icmp6.PROTOCOL),
    ):
        packet = taken(frame)
        assert packet.ip is not None
        assert (packet.body, packet.faults) == (None, ())


def test_an_advertisement_in_ah_over_both() -> None:
    header = struct.pack("!BBHII", 112, 4, 0, 1, 1) + bytes(12)
    for data in (
        samples.over_ipv4(header + samples.F6, protocol=ip.AH),
        samples.over_ipv6(header + samples.F6, next_header=ip.AH),
    ):
        packet = taken(data)
        assert packet.advert is not None
        assert packet.advert.is_bow_out
        assert packet.ip is not None
        assert packet.ip.extensions == (ip.AH,)


def test_esp_is_opaque() -> None:
    packet = taken(samples.over_ipv4(samples.F6, protocol=50))
    (fault,) = packet.faults
    assert (packet.body, fault.problem, packet.is_protocol_112) == (None, link.ENCRYPTED, False)


def test_what_is_left_of_a_broken_extension_chain() -> None:
    packet = taken(samples.over_ipv6(b"\x70\x09" + bytes(38), next_header=60))
    assert packet.ip is not None
    assert packet.ip.source == samples.LINK_LOCAL
    assert packet.faults == (Fault("ip extension 60", 54, "longer than the packet", 80, 40),)


def test_other_traffic_is_no_fault() -> None:
    data = link.ethernet(bytes(6), bytes(6), 0x88CC, bytes(40))
    packet = taken(data)
    assert (packet.ip, packet.body, packet.faults) == (None, None, ())
    assert not packet.is_protocol_112
    udp = samples.over_ipv4(bytes(30), protocol=17)
    assert (taken(udp).body, taken(udp).faults) == (None, ())
    assert (taken(udp[:40], wire=len(udp)).faults) == (), "nobody asked for the rest"
