"""VRRP read, and told from CARP: the property tests are the specification of `is_vrrp`."""

import dataclasses
import random
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carpscope.core.fault import Fault
from carpscope.wire import carp, ip, vrrp
from carpscope.wire.decode import Packet, decode
from tests.wire import samples

pytestmark = pytest.mark.slow

PRIVATE_NETWORKS = st.one_of(
    st.tuples(st.just(10), st.integers(0, 255), st.integers(0, 255)),
    st.tuples(st.just(172), st.integers(16, 31), st.integers(0, 255)),
    st.tuples(st.just(192), st.just(168), st.integers(0, 255)),
).map(bytes)
PUBLIC_NETWORKS = st.tuples(
    st.integers(1, 223).filter(lambda octet: octet not in (10, 127, 172, 192)),
    st.integers(0, 255),
    st.integers(0, 255),
).map(bytes)
HOSTS = st.integers(1, 254).map(lambda octet: bytes((octet,)))
PASSWORDS = st.text("abcdefXYZ0189!_-", min_size=1, max_size=8).map(
    lambda text: text.encode().ljust(8, b"\0")
)
DIGESTS = st.binary(min_size=20, max_size=20)
COUNTERS = st.binary(min_size=8, max_size=8)


@dataclasses.dataclass
class Sent:
    """A packet as its sender meant it."""

    frame: bytes
    vrid: int
    priority: int
    addresses: list[bytes]


@st.composite
def lists_of_addresses(
    draw: st.DrawFn, *, most: int = 20, networks: int = 3, exactly: int | None = None
) -> list[bytes]:
    """Draw addresses of one router: in one network or in several."""
    kind = draw(st.sampled_from((PRIVATE_NETWORKS, PUBLIC_NETWORKS)))
    pool = draw(st.lists(kind, min_size=1, max_size=networks, unique=True))
    count = draw(st.integers(0, most)) if exactly is None else exactly
    return [draw(st.sampled_from(pool)) + draw(HOSTS) for _ in range(count)]


@st.composite
def vrrp2(draw: st.DrawFn, addresses: st.SearchStrategy[list[bytes]]) -> Sent:
    """Draw a VRRPv2 packet as RFC 2338 and 3768 have it."""
    listed = draw(addresses)
    kind = draw(st.sampled_from((vrrp.AUTH_NONE, vrrp.AUTH_SIMPLE, vrrp.AUTH_AH)))
    secret = draw(PASSWORDS) if kind == vrrp.AUTH_SIMPLE else bytes(8)
    vrid, priority = draw(st.integers(1, 255)), draw(st.integers(0, 255))
    head = bytes((0x21, vrid, priority, len(listed), kind, draw(st.integers(1, 255)), 0, 0))
    payload = samples.with_checksum(head + b"".join(listed) + secret)
    protocol = carp.PROTOCOL
    if kind == vrrp.AUTH_AH and draw(st.booleans()):
        # next header, length in words less two, reserved, SPI, sequence number, digest
        payload = struct.pack("!BBHII", protocol, 4, 0, 1, 1) + bytes(12) + payload
        protocol = ip.AH
    frame = samples.over_ipv4(
        payload,
        source=(listed[0][:3] if listed else bytes((10, 0, 0))) + draw(HOSTS),
        tos=draw(st.sampled_from((0, 0xC0, 0xE0, 0x10))),
        dont_fragment=draw(st.booleans()),
        protocol=protocol,
    )
    return Sent(frame, vrid, priority, listed)


@st.composite
def vrrp3(draw: st.DrawFn) -> Sent:
    """Draw a VRRPv3 packet over either IP."""
    newer = draw(st.booleans())
    size = 16 if newer else 4
    listed = draw(st.lists(st.binary(min_size=size, max_size=size), max_size=10))
    vrid, priority = draw(st.integers(1, 255)), draw(st.integers(0, 255))
    interval = draw(st.integers(1, 0xFFF))
    head = struct.pack("!BBBBHH", 0x31, vrid, priority, len(listed), interval, 0)
    body = head + b"".join(listed)
    source, target = (
        (samples.LINK_LOCAL, samples.GROUP6) if newer else (samples.ROUTER, samples.GROUP)
    )
    payload = samples.with_checksum(
        body, pseudo=ip.pseudo_header(source, target, carp.PROTOCOL, len(body))
    )
    frame = samples.over_ipv6(payload) if newer else samples.over_ipv4(payload)
    return Sent(frame, vrid, priority, listed)


def taken(frame: bytes, wire_length: int | None = None) -> Packet:
    return decode(samples.frame(frame, wire_length=wire_length))


def assert_says_vrrp(sent: Sent) -> None:
    packet = taken(sent.frame)
    seen = packet.body
    assert isinstance(seen, vrrp.VrrpView), packet
    assert (seen.vrid, seen.priority) == (sent.vrid, sent.priority)
    assert list(seen.addresses) == sent.addresses
    assert seen.address_count == len(sent.addresses)
    assert seen.checksum_ok
    assert packet.faults == ()


@settings(max_examples=300)
@given(vrrp2(lists_of_addresses()))
def test_vrrp_2_with_any_count_is_never_carp(sent: Sent) -> None:
    assert_says_vrrp(sent)


@settings(max_examples=300)
@given(vrrp2(st.one_of(lists_of_addresses(exactly=7), lists_of_addresses(exactly=5))))
def test_vrrp_2_of_seven_and_of_36_bytes_is_never_carp(sent: Sent) -> None:
    assert_says_vrrp(sent)


@given(vrrp3())
def test_vrrp_3_is_never_carp(sent: Sent) -> None:
    assert_says_vrrp(sent)


@given(lists_of_addresses(exactly=7), st.integers(0, 255), st.booleans(), st.sampled_from((0, 192)))
def test_seven_addresses_without_authentication_are_not_carp(
    listed: list[bytes], priority: int, dont_fragment: bool, tos: int
) -> None:
    """36 bytes, authlen 7, a checksum that holds: all that tells is where the addresses lie."""
    payload = samples.with_checksum(bytes((0x21, 9, priority, 7, 0, 1, 0, 0)) + b"".join(listed))
    assert len(payload) == carp.HEADER_SIZE
    source = listed[0][:3] + b"\xfe"
    frame = samples.over_ipv4(payload, source=source, tos=tos, dont_fragment=dont_fragment)
    assert_says_vrrp(Sent(frame, 9, priority, listed))


@given(lists_of_addresses(most=9), DIGESTS, st.booleans(), st.booleans())
@example([bytes.fromhex("0a0101fe")], bytes(range(20)), True, True)
def test_ciscos_md5_is_not_carp(
    listed: list[bytes], digest: bytes, sums_all: bool, dont_fragment: bool
) -> None:
    """One address, eight zero bytes and a digest are 36 bytes too."""
    head = bytes((0x21, 1, 200, len(listed), vrrp.AUTH_MD5, 1, 0, 0)) + b"".join(listed) + bytes(8)
    tail = digest[:16]
    payload = samples.with_checksum(head + tail) if sums_all else samples.with_checksum(head) + tail
    source = (listed[0][:3] if listed else bytes((10, 0, 0))) + b"\x09"
    frame = samples.over_ipv4(payload, source=source, dont_fragment=dont_fragment)
    assert_says_vrrp(Sent(frame, 1, 200, listed))


@given(
    st.lists(samples.addresses6, min_size=1, max_size=9),
    st.booleans(),
    st.booleans(),
)
def test_vrrp_2_over_ipv6_is_not_carp(
    listed: list[bytes], with_authentication: bool, with_pseudo_header: bool
) -> None:
    """keepalived and HP did this before version 3 was there."""
    body = bytes((0x21, 5, 100, len(listed), 0, 1, 0, 0)) + b"".join(listed)
    body += bytes(8) if with_authentication else b""
    pseudo = ip.pseudo_header(samples.LINK_LOCAL, samples.GROUP6, carp.PROTOCOL, len(body))
    payload = samples.with_checksum(body, pseudo=pseudo if with_pseudo_header else b"")
    assert_says_vrrp(Sent(samples.over_ipv6(payload), 5, 100, listed))


@given(vrrp2(lists_of_addresses()), st.integers(0, 128))
def test_a_vrrp_packet_with_a_wrong_checksum_is_still_vrrp(sent: Sent, bit: int) -> None:
    at = sent.frame.index(bytes((0x21, sent.vrid, sent.priority))) + 6
    wrong = bytearray(sent.frame)
    wrong[at + bit % 2] ^= 1 << bit % 8
    packet = taken(bytes(wrong))
    assert isinstance(packet.body, vrrp.VrrpView)
    assert packet.body.checksum_ok is False


@given(vrrp2(lists_of_addresses(networks=1)), st.integers(0, 120))
def test_a_cut_vrrp_packet_is_never_an_advertisement(sent: Sent, cut: int) -> None:
    assert taken(sent.frame[:cut], len(sent.frame)).advert is None


# --- CARP, as real receivers accept it


@st.composite
def carp_packets(draw: st.DrawFn) -> tuple[bytes, carp.Advert]:
    """Draw an advertisement in a packet as every implementation sends it."""
    # a counter and an HMAC are random; Hypothesis by itself likes zeros, which VRRP has
    seed = draw(st.integers(0, 2**32))
    rng = random.Random(seed)
    drawn = draw(samples.adverts)
    advert = drawn._replace(counter=rng.randbytes(8), digest=rng.randbytes(20))
    return advert.encode(), advert


def says_carp(frame: bytes, advert: carp.Advert, wire_length: int | None = None) -> carp.AdvertView:
    packet = taken(frame, wire_length)
    seen = packet.advert
    assert seen is not None, packet
    assert seen.vhid == advert.vhid
    assert (seen.advbase, seen.advskew, seen.demote) == (
        advert.advbase,
        advert.advskew,
        advert.demote,
    )
    assert (seen.counter, seen.digest) == (advert.counter, advert.digest)
    return seen


sources = st.one_of(
    st.tuples(PRIVATE_NETWORKS, HOSTS).map(b"".join),
    st.tuples(PUBLIC_NETWORKS, HOSTS).map(b"".join),
    st.just(bytes(4)),
)


@settings(max_examples=300)
@given(
    carp_packets(),
    sources,
    st.sampled_from((0x10, 0xE0, 0, 0x38, 0xC0)),
    st.booleans(),
    st.sampled_from((255, 254, 64, 1)),
    st.booleans(),
)
def test_every_advertisement_is_found(
    sent: tuple[bytes, carp.Advert],
    source: bytes,
    tos: int,
    dont_fragment: bool,
    ttl: int,
    newer: bool,
) -> None:
    payload, advert = sent
    frame = (
        samples.over_ipv6(payload)
        if newer
        else samples.over_ipv4(
            payload, source=source, tos=tos, dont_fragment=dont_fragment, ttl=ttl
        )
    )
    assert says_carp(frame, advert).advert() == advert


@settings(max_examples=300)
@given(
    carp_packets(),
    sources,
    st.sampled_from((0x21, 0x20, 0x2F, 0x22)),
    st.sampled_from((7, 7, 0, 1, 6, 8, 255)),
    st.integers(0, 10),
    st.booleans(),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_what_receivers_accept_is_found_as_well(
    sent: tuple[bytes, carp.Advert],
    source: bytes,
    first: int,
    authlen: int,
    trailing: int,
    zeros: bool,
    newer: bool,
    rng: random.Random,
) -> None:
    """Any type nibble, any authlen, any bytes behind the 36."""
    payload, advert = sent
    payload = bytes((first, *payload[1:3], authlen)) + payload[4:]
    payload = samples.with_checksum(payload)
    payload += bytes(trailing) if zeros else rng.randbytes(trailing)
    frame = (
        samples.over_ipv6(payload)
        if newer
        else samples.over_ipv4(payload, source=source, tos=0x10, dont_fragment=True)
    )
    seen = says_carp(frame, advert)
    assert (seen.type, seen.authlen, seen.trailing) == (first & 15, authlen, trailing)
    assert seen.checksum_ok


@given(carp_packets(), sources, st.integers(1, 0xFFFF), st.integers(0, 10))
def test_a_wrong_checksum_makes_no_vrrp_of_it(
    sent: tuple[bytes, carp.Advert], source: bytes, error: int, trailing: int
) -> None:
    payload, advert = sent
    wrong = int.from_bytes(payload[6:8], "big") ^ error
    payload = payload[:6] + wrong.to_bytes(2, "big") + payload[8:] + b"\x5a" * trailing
    frame = samples.over_ipv4(payload, source=source, tos=0xE0, dont_fragment=True)
    seen = says_carp(frame, advert)
    if error != 0xFFFF or seen.checksum not in (0, 0xFFFF):
        assert not seen.checksum_ok


@given(carp_packets(), st.integers(0, 10), st.integers(0, 24), st.integers(0, 60))
def test_a_cut_or_padded_advertisement_is_carp(
    sent: tuple[bytes, carp.Advert], trailing: int, padding: int, cut: int
) -> None:
    payload, advert = sent
    frame = samples.over_ipv4(
        payload + b"\xa5" * trailing, source=samples.ROUTER, tos=0x10, dont_fragment=True
    )
    wire = len(frame) + padding
    kept = (frame + bytes(padding))[: 34 + cut]
    packet = taken(kept, wire)
    if cut >= carp.HEADER_SIZE:
        assert says_carp(kept, advert, wire).trailing == trailing
    else:
        assert packet.body is None or packet.is_cut
        assert packet.is_protocol_112
        assert packet.faults[0].offset == 34
        assert packet.faults[0].present == cut


def test_random_bodies_are_not_addresses() -> None:
    """The points for addresses keep their promise: n points by chance in fewer than 2**-n."""
    rng = random.Random(5)
    rounds = 20_000
    source = bytes((192, 168, 1, 2))
    points = [vrrp._address_bits(rng.randbytes(28), 7, source) for _ in range(rounds)]
    for n in (1, 4, 8):
        assert sum(point >= n for point in points) <= rounds / 2**n


@settings(max_examples=300)
@given(st.lists(st.one_of(samples.addresses, PRIVATE_NETWORKS.map(lambda net: net + b"\1"))))
def test_the_short_way_out_never_contradicts_the_weighing(words: list[bytes]) -> None:
    body = b"".join((words * 7 + [bytes(4)] * 7)[:7])
    payload = bytes((0x21, 1, 100, 7, 0, 1, 0, 0)) + body
    packet = taken(samples.over_ipv4(payload, tos=0x10, dont_fragment=True))
    weighed = vrrp._address_bits(body, 7, samples.ROUTER) >= 32
    assert isinstance(packet.body, vrrp.VrrpView) == weighed


POINTS = [
    ("c0a8014d", 17),  # the sender's own /24
    ("c0a8634d", 10),  # its /16
    ("c0a7014d", -1),
    ("0a000001", 5),
    ("0a000001 0a000002", 5 + 17),
    ("0a000001 0a000102", 5 + 10),
    ("0a000001 0a010001", 5 + 5),
    ("ac100001", 8),
    ("ac1f0001", 8),
    ("ac200001", -1),
    ("ac0f0001", -1),
    ("08080808", -1),
    ("08080808 08080809", -1 + 17),
    ("08080808 0a000001 08080909", -1 + 5 + 10),
    ("01020304", -1),
    ("df000001", -1),
    ("e0000012", -20),
    ("ffffffff", -20),
    ("00000001", -20),
    ("7f000001", -20),
    ("7e000001", -1),
    ("80000001", -1),
    ("0b000001", -1),
    ("", 0),
]
"""Bits by which a word is likelier as an address of a router that sends from 192.168.1.2."""


@pytest.mark.parametrize(("words", "bits"), POINTS)
def test_what_an_address_is_worth(words: str, bits: int) -> None:
    body = bytes.fromhex(words)
    count = len(body) // 4
    assert vrrp._address_bits(body, count, samples.ROUTER) == bits
    assert vrrp._address_bits(body + bytes(4), count, samples.ROUTER) == bits, "those it counts"
    assert vrrp._address_bits(body + bytes(3), count + 1, samples.ROUTER) == bits, "and whole"


def test_private_networks_are_worth_more_elsewhere_too() -> None:
    assert vrrp._address_bits(bytes.fromhex("c0a80501"), 1, bytes((8, 8, 8, 8))) == 11
    assert vrrp._address_bits(bytes.fromhex("c0a90501"), 1, bytes((8, 8, 8, 8))) == -1


@pytest.mark.parametrize(
    ("kind", "secret", "bits"),
    [
        (0, bytes(8), 24),
        (2, bytes(8), 24),
        (254, bytes(8), 24),
        (0, b"\0\0\0\0\0\0\0\1", -16),
        (1, b"sesame\0\0", 8),
        (1, bytes(8), 8),
        (1, b"\x1fesame\0\0", -16),
        (1, b" ~same\0\0", 8),
        (1, b"sesa\x7fe\0\0", -16),
        (1, b"ses\0ame\0", -16),
        (3, bytes(8), -16),
        (0, bytes(7), 0),
    ],
)
def test_what_authentication_data_is_worth(kind: int, secret: bytes, bits: int) -> None:
    payload = bytes((0x21, 1, 100, 2, kind, 1, 0, 0)) + bytes(range(1, 9)) + secret
    assert vrrp._authentication_bits(payload, 2) == bits


def test_lengths_that_a_count_allows() -> None:
    assert vrrp._lengths(3, b"\0") == (28, 20)
    assert vrrp._lengths(3, b"\xfe") == (28, 20, 44)
    assert vrrp._lengths(3, b"") == (28, 20)


@pytest.mark.parametrize("count", [1, 2, 6, 7, 8])
@pytest.mark.parametrize("authentication", [0, 8])
def test_over_ipv6_the_length_tells_where_no_sum_does(count: int, authentication: int) -> None:
    body = bytes((0x21, 5, 100, count, 0, 1, 0xDE, 0xAD)) + samples.LINK_LOCAL * count
    frame = samples.over_ipv6(body + bytes(authentication))
    assert isinstance(taken(frame).body, vrrp.VrrpView)
    assert isinstance(taken(frame[: 54 + 40], len(frame)).body, vrrp.VrrpView | None)
    assert taken(frame[: 54 + 40], len(frame)).advert is None


@pytest.mark.parametrize(
    ("authlen", "length", "is_carp"),
    [(7, 46, True), (0, 36, True), (0, 46, False), (7, 36, True), (7, 120, False), (7, 128, False)],
)
def test_over_ipv6_what_neither_sum_explains(authlen: int, length: int, *, is_carp: bool) -> None:
    payload = (samples.F1[34:37] + bytes((authlen,)) + samples.F1[38:]).ljust(length, b"\x5a")
    payload = payload[:6] + b"\xde\xad" + payload[8:]
    assert (taken(samples.over_ipv6(payload)).advert is not None) == is_carp


# --- what stays undecided


def test_what_cannot_be_told_without_a_key() -> None:
    """Seven unrelated public addresses without authentication bytes have CARP's every field."""
    listed = bytes.fromhex("08080808 01020304 2d4e5f60 5b6c7d8e 67788990 839405a6 c5d6e7f8")
    payload = samples.with_checksum(bytes((0x21, 9, 100, 7, 0, 1, 0, 0)) + listed)
    for tos, dont_fragment in ((0xC0, False), (0xC0, True), (0, False), (0x10, True)):
        frame = samples.over_ipv4(payload, tos=tos, dont_fragment=dont_fragment)
        assert taken(frame).advert is not None, "called CARP, as a CARP receiver would"
    related = bytes.fromhex("08080808 01020304 2d4e5f60 5b6c7d8e 67788990 08080809 c5d6e7f8")
    payload = samples.with_checksum(payload[:8] + related)
    frame = samples.over_ipv4(payload, tos=0xC0, dont_fragment=False)
    assert isinstance(taken(frame).body, vrrp.VrrpView), "two alike, and a router's DF and ToS"
    frame = samples.over_ipv4(payload, tos=0x10, dont_fragment=True)
    assert taken(frame).advert is not None


@pytest.mark.parametrize(
    ("tos", "dont_fragment", "is_carp"), [(0x10, True, True), (0, False, False)]
)
def test_eight_zero_bytes_behind_an_advertisement(
    tos: int, dont_fragment: bool, is_carp: bool
) -> None:
    """44 bytes, both sums hold: CARP by its DF and ToS, else seven scattered addresses."""
    advert = carp.Advert(1, 1, 0, 0, bytes.fromhex("0102030405060708"), b"\x09\x1a\x2b\x3c\x4d" * 4)
    frame = samples.over_ipv4(advert.encode() + bytes(8), tos=tos, dont_fragment=dont_fragment)
    assert (taken(frame).advert is not None) == is_carp


# --- reading


def test_version_2_byte_for_byte() -> None:
    packet = taken(samples.SAMPLES["vrrp 2"])
    assert packet.body == vrrp.VrrpView(
        version=2,
        type=1,
        vrid=1,
        priority=100,
        address_count=1,
        auth_type=0,
        interval_ns=1_000_000_000,
        checksum=0xB921,
        checksum_ok=True,
        addresses=(bytes((192, 168, 1, 50)),),
        offset=34,
    )


def test_version_3_byte_for_byte() -> None:
    packet = taken(samples.SAMPLES["vrrp 3"])
    assert packet.body == vrrp.VrrpView(
        version=3,
        type=1,
        vrid=1,
        priority=100,
        address_count=1,
        auth_type=None,
        interval_ns=1_000_000_000,
        checksum=0x0685,
        checksum_ok=True,
        addresses=(bytes((192, 168, 1, 50)),),
        offset=34,
    )
    plain = samples.with_checksum(samples.F9)
    seen = taken(samples.over_ipv4(plain)).body
    assert isinstance(seen, vrrp.VrrpView)
    assert seen.checksum_ok, "version 3 without a pseudo-header, as some send it over IPv4"
    assert seen.auth_name == "none", "version 3 has no authentication"


@pytest.mark.parametrize(
    ("number", "name"), [(0, "none"), (1, "simple text"), (2, "AH"), (254, "MD5"), (9, "type 9")]
)
def test_authentication_has_names(number: int, name: str) -> None:
    seen = taken(samples.over_ipv4(samples.F8[:4] + bytes((number,)) + samples.F8[5:])).body
    assert isinstance(seen, vrrp.VrrpView)
    assert (seen.auth_type, seen.auth_name) == (number, name)


def test_a_password_is_not_kept() -> None:
    payload = samples.with_checksum(samples.F8[:4] + b"\x01" + samples.F8[5:12] + b"sesame!!")
    assert "sesame" not in repr(taken(samples.over_ipv4(payload)).body)


def test_one_byte_tells_version_3() -> None:
    for data, layer in ((samples.F9, "vrrp"), (samples.F8, "protocol 112")):
        frame = samples.over_ipv4(data)
        (fault,) = taken(frame[:35], len(frame)).faults
        assert (fault.layer, fault.present) == (layer, 1)


def test_a_cut_behind_the_header_leaves_the_checksum_of_carp_to_tell() -> None:
    """Authlen 0 and 40 bytes by IP, 36 of them captured: what sums up is an advertisement."""
    payload = samples.with_checksum(samples.F1[34:37] + b"\0" + samples.F1[38:])
    for make in (samples.over_ipv4, samples.over_ipv6):
        frame = make(payload + b"\x5a" * 4)
        assert taken(frame[:-4], len(frame)).advert is not None
        wrong = bytearray(frame)
        wrong[-5] ^= 1
        assert taken(bytes(wrong[:-4]), len(frame)).advert is None


@pytest.mark.parametrize("present", range(20))
def test_a_cut_says_where(present: int) -> None:
    frame = samples.over_ipv4(samples.F8)
    packet = taken(frame[: 34 + present], len(frame))
    (fault,) = packet.faults
    assert (fault.offset, fault.present) == (34, present)
    assert fault.needed == (4 if present < 4 else 8 if present < 8 else 20)
    seen = packet.body
    if present >= 8:
        assert isinstance(seen, vrrp.VrrpView)
        assert seen.checksum_ok is None
        assert len(seen.addresses) == (1 if present >= 12 else 0)


def test_too_short_by_its_ip_length() -> None:
    packet = taken(samples.over_ipv4(samples.F8[:5]))
    assert packet.faults == (Fault("vrrp", 34, "too short by its IP length", 8, 5),)


def test_a_count_that_lies_gives_what_is_there() -> None:
    payload = samples.with_checksum(samples.F8[:3] + b"\xff" + samples.F8[4:])
    seen = taken(samples.over_ipv4(payload)).body
    assert isinstance(seen, vrrp.VrrpView)
    assert (seen.address_count, len(seen.addresses)) == (255, 3)


@pytest.mark.parametrize("first", range(256))
@pytest.mark.parametrize("count", [0, 7])
def test_any_version_and_type(first: int, count: int) -> None:
    """Version 3 is VRRP; of the rest, 36 bytes with authlen 7 are CARP, well-formed or not."""
    payload = bytes((first,)) + samples.F1[35:37] + bytes((count,)) + samples.F1[38:]
    packet = taken(samples.over_ipv4(payload, tos=0x10, dont_fragment=True))
    version = first >> 4
    is_carp = version == 2 or (version != 3 and count == 7)
    assert (packet.advert is not None) == is_carp


@given(st.binary(max_size=80), st.booleans(), st.integers(0, 100))
def test_any_bytes(payload: bytes, newer: bool, cut: int) -> None:
    frame = samples.over_ipv6(payload) if newer else samples.over_ipv4(payload)
    packet = taken(frame[:cut], len(frame))
    assert packet.body is None or isinstance(packet.body, vrrp.VrrpView | carp.AdvertView)
