"""IPv4 and IPv6: what the header says, what was carried, what was captured."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.fault import Fault
from carpscope.wire import ip
from carpscope.wire.checksum import internet_checksum
from tests.wire import samples

SOURCE, TARGET = samples.ROUTER, samples.GROUP
SOURCE6, TARGET6 = samples.LINK_LOCAL, samples.GROUP6
payloads = st.binary(max_size=60)


def view4(data: bytes, wire_length: int | None = None, at: int = 0) -> ip.IpView:
    seen = ip.read_ipv4(data, at, len(data) if wire_length is None else wire_length)
    assert isinstance(seen, ip.IpView), seen
    return seen


def view6(data: bytes, wire_length: int | None = None, at: int = 0) -> ip.IpView:
    seen = ip.read_ipv6(data, at, len(data) if wire_length is None else wire_length)
    assert isinstance(seen, ip.IpView), seen
    return seen


def packet6(next_header: int, payload: bytes) -> bytes:
    return ip.ipv6(SOURCE6, TARGET6, payload, next_header=next_header)


def extension(following: int, units: int = 0) -> bytes:
    return bytes((following, units)) + bytes(6 + 8 * units)


@given(
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
    st.integers(0, 255).filter(lambda number: number != ip.AH),
    st.booleans(),
    st.integers(0, 10).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words)),
    payloads,
    st.integers(0, 20),
)
def test_ipv4_is_written_as_it_was_read(
    tos: int,
    identification: int,
    ttl: int,
    protocol: int,
    dont_fragment: bool,
    options: bytes,
    payload: bytes,
    padding: int,
) -> None:
    data = ip.ipv4(
        SOURCE,
        TARGET,
        payload,
        protocol=protocol,
        tos=tos,
        identification=identification,
        ttl=ttl,
        dont_fragment=dont_fragment,
        options=options,
    )
    seen = view4(data + bytes(padding))
    assert seen.checksum_ok
    assert (seen.offset, seen.length) == (20 + len(options), len(payload))
    again = ip.ipv4(
        seen.source,
        seen.destination,
        data[seen.offset : seen.offset + seen.length],
        protocol=seen.protocol,
        tos=seen.tos,
        identification=seen.identification or 0,
        ttl=seen.ttl,
        dont_fragment=seen.dont_fragment,
        options=seen.options,
    )
    assert again == data
    for cut in range(seen.offset):
        short = ip.read_ipv4(data[:cut], 0, len(data))
        needed = 20 if cut < 20 else seen.offset
        assert short == Fault("ipv4", 0, "truncated", needed, cut)


@given(
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 0xFFFFF),
    st.sampled_from((58, 59, 112)),
    st.binary(min_size=1, max_size=60),
    st.integers(0, 20),
)
def test_ipv6_is_written_as_it_was_read(
    traffic_class: int, hops: int, flow: int, following: int, payload: bytes, padding: int
) -> None:
    data = ip.ipv6(
        SOURCE6,
        TARGET6,
        payload,
        next_header=following,
        traffic_class=traffic_class,
        hop_limit=hops,
        flow_label=flow,
    )
    seen = view6(data + bytes(padding))
    assert (seen.offset, seen.length, seen.checksum_ok) == (40, len(payload), None)
    again = ip.ipv6(
        seen.source,
        seen.destination,
        data[seen.offset : seen.offset + seen.length],
        next_header=seen.protocol,
        traffic_class=seen.tos,
        hop_limit=seen.ttl,
        flow_label=seen.flow_label,
    )
    assert again == data
    for cut in range(40):
        short = ip.read_ipv6(data[:cut], 0, len(data))
        assert short == Fault("ipv6", 0, "truncated", 40, cut)


def test_the_header_that_freebsd_sends() -> None:
    seen = view4(samples.F1, at=14)
    assert seen == ip.IpView(
        version=4,
        source=bytes((192, 168, 1, 2)),
        destination=samples.GROUP,
        protocol=112,
        ttl=255,
        tos=0xE0,
        header_offset=14,
        offset=34,
        length=36,
        identification=0,
        flags=2,
        fragment_offset=0,
        more_fragments=False,
        checksum=0xD8B8,
        checksum_ok=True,
        options=b"",
        extensions=(),
        flow_label=0,
        total_length=56,
    )


def test_the_header_that_freebsd_sends_over_ipv6() -> None:
    seen = view6(samples.F4, at=14)
    assert (seen.version, seen.protocol, seen.ttl, seen.tos) == (6, 112, 255, 0xE0)
    assert (seen.source, seen.destination) == (samples.LINK_LOCAL, samples.GROUP6)
    assert (seen.offset, seen.length, seen.total_length) == (54, 36, 36)
    assert (seen.checksum, seen.checksum_ok, seen.identification) == (None, None, None)
    assert (seen.flags, seen.fragment_offset, seen.is_fragment) == (0, 0, False)
    assert (seen.options, seen.extensions, seen.flow_label, seen.fault) == (b"", (), 0, None)


def test_a_wrong_header_checksum_is_seen() -> None:
    data = samples.F1[:24] + b"\0\0" + samples.F1[26:]
    seen = view4(data, at=14)
    assert (seen.checksum, seen.checksum_ok) == (0, False)


@pytest.mark.parametrize(
    ("first", "problem"),
    [(0x65, "version 6 where 4 must be"), (0x44, "header length below the minimum")],
)
def test_headers_that_make_no_sense(first: int, problem: str) -> None:
    seen = ip.read_ipv4(bytes((first,)) + samples.F1[15:], 0, 56)
    assert isinstance(seen, Fault)
    assert (seen.layer, seen.offset, seen.problem) == ("ipv4", 0, problem)
    assert (seen.needed, seen.present) == ((20, 16) if first == 0x44 else (0, 0))
    assert ip.read_ipv6(samples.F1[14:], 0, 56) == Fault("ipv6", 0, "version 4 where 6 must be")


def test_a_total_length_below_its_own_header() -> None:
    data = b"\x45\0\0\x13" + samples.F1[18:]
    problem = "total length below its own header"
    assert ip.read_ipv4(data, 0, 56) == Fault("ipv4", 0, problem, 20, 19)


def test_three_lengths_are_kept_apart() -> None:
    padded = view4(samples.F1 + bytes(6), at=14)
    assert padded.length == 36, "padding is the frame's"
    cut = view4(samples.F1[:48], 70, at=14)
    assert cut.length == 36, "a snap length takes nothing from what IP says"
    longer = view4(samples.F1[:16] + b"\x01\x00" + samples.F1[18:], at=14)
    assert longer.length == 236, "what IP says stands, though the frame is shorter"


def test_a_length_left_to_the_card() -> None:
    seen = view4(b"\x45\xe0\0\0" + samples.F1[18:])
    assert (seen.length, seen.total_length) == (36, 0)
    tapped = samples.F1[:14] + b"\x45\xe0\0\0" + samples.F1[18:]
    assert view4(tapped, at=14).length == 36, "what precedes the header does not count"
    assert view4(tapped[:40], len(tapped), at=14).length == 36, "nor does a cut"
    seen6 = view6(samples.F3[14:18] + b"\0\0" + samples.F3[20:])
    assert (seen6.length, seen6.total_length) == (36, 0)
    tapped = samples.F3[:18] + b"\0\0" + samples.F3[20:]
    assert view6(tapped, at=14).length == 36
    assert view6(tapped[:60], len(tapped), at=14).length == 36


@pytest.mark.parametrize("stated", [b"\x24\x00", b"\x38\x00"], ids=["less header", "whole"])
def test_a_length_in_host_order_as_old_freebsd_taps_it(stated: bytes) -> None:
    seen = view4(b"\x45\x10" + stated + samples.F1[18:])
    assert seen.length == 36
    assert seen.total_length == int.from_bytes(stated, "big")


@pytest.mark.parametrize("header", [0, 20], ids=["whole", "less header"])
def test_both_octets_of_a_length_in_host_order(header: int) -> None:
    size = 0x01FB
    stated = (size - header).to_bytes(2, "little")
    seen = view4(b"\x45\x10" + stated + samples.F1[18:34] + bytes(size - 20))
    assert seen.length == size - 20


def test_a_length_that_only_looks_swapped_stands() -> None:
    """0x3800 is 0x38 swapped, but here the frame has those 14,336 bytes."""
    assert view4(b"\x45\x10\x38\x00" + samples.F1[18:], 0x3800).length == 0x3800 - 20


@pytest.mark.parametrize(
    ("word", "offset", "more", "dont"),
    [
        (0x2000, 0, True, False),
        (0x2001, 8, True, False),
        (0x1FFF, 0xFFF8, False, False),
        (0x4000, 0, False, True),
        (0x8000, 0, False, False),
    ],
)
def test_ipv4_fragments(word: int, offset: int, more: bool, dont: bool) -> None:
    seen = view4(samples.F1[14:20] + word.to_bytes(2, "big") + samples.F1[22:])
    assert (seen.fragment_offset, seen.more_fragments) == (offset, more)
    assert (seen.dont_fragment, seen.flags) == (dont, word >> 13)
    assert seen.is_fragment == (offset > 0 or more)


@given(
    st.lists(st.tuples(st.sampled_from((0, 43, 60, 135, 139, 140)), st.integers(0, 3)), max_size=5)
)
def test_ipv6_extension_headers_are_followed(chain: list[tuple[int, int]]) -> None:
    body, following = samples.F6, 112
    for number, units in reversed(chain):
        body, following = extension(following, units) + body, number
    data = packet6(following, body)
    seen = view6(data)
    assert seen.fault is None
    assert (seen.protocol, seen.length) == (112, 36)
    assert seen.extensions == tuple(number for number, _ in chain)
    assert data[seen.offset :] == samples.F6
    for cut in range(40, seen.offset):
        short = view6(data[:cut], len(data))
        assert short.fault is not None
        assert short.fault.layer.startswith("ip extension ")
        assert short.fault.needed == (8 if short.fault.present < 8 else 8 + 8 * _units(data, short))
        assert short.fault.offset + short.fault.present == cut
        assert short.fault.needed > short.fault.present
        assert short.protocol == int(short.fault.layer.split()[-1])
        assert short.source == SOURCE6, "what could be read is there"


def _units(data: bytes, view: ip.IpView) -> int:
    assert view.fault is not None
    return data[view.fault.offset + 1]


@pytest.mark.parametrize("words", [0, 1, 3, 5])
def test_ah_is_followed_in_both_versions(words: int) -> None:
    size = 12 + 4 * words
    header = bytes((112, size // 4 - 2)) + bytes(size - 2)
    four = view4(
        ip.ipv4(SOURCE, TARGET, header + samples.F8, protocol=ip.AH, tos=0xC0, identification=1)
    )
    six = view6(packet6(ip.AH, header + samples.F8))
    for seen, base in ((four, 20), (six, 40)):
        assert (seen.protocol, seen.extensions) == (112, (ip.AH,))
        assert (seen.offset, seen.length) == (base + size, len(samples.F8))


def test_ah_of_a_fragment_is_not_followed() -> None:
    data = ip.ipv4(SOURCE, TARGET, bytes(40), protocol=ip.AH, tos=0, identification=1)
    seen = view4(data[:6] + b"\x00\x01" + data[8:])
    assert (seen.protocol, seen.extensions, seen.is_fragment) == (ip.AH, (), True)


@pytest.mark.parametrize(
    ("word", "offset", "more"), [(0, 0, False), (1, 0, True), (8, 8, False), (0xFFF9, 0xFFF8, True)]
)
def test_ipv6_fragments(word: int, offset: int, more: bool) -> None:
    fragment = struct.pack("!BBHI", 112, 0, word, 0xDEADBEEF)
    seen = view6(packet6(ip.FRAGMENT, fragment + samples.F6))
    assert (seen.protocol, seen.identification) == (112, 0xDEADBEEF)
    assert (seen.fragment_offset, seen.more_fragments) == (offset, more)
    assert seen.is_fragment == (offset > 0 or more), "an atomic fragment is whole"
    assert (seen.offset, seen.length) == (48, 36)


def test_behind_a_later_fragment_is_no_header() -> None:
    fragment = struct.pack("!BBHI", 60, 0, 8, 1)
    seen = view6(packet6(ip.FRAGMENT, fragment + b"\x70\xff" + bytes(38)))
    assert (seen.protocol, seen.offset, seen.fault) == (60, 48, None)


def test_an_extension_longer_than_the_packet() -> None:
    data = packet6(60, bytes((112, 9)) + bytes(38))
    fault = view6(data + bytes(99)).fault
    assert fault == Fault("ip extension 60", 40, "longer than the packet", 80, 40)
    tiny = view6(packet6(0, b"\x70\0\0") + bytes(60)).fault
    assert tiny == Fault("ip extension 0", 40, "longer than the packet", 8, 3)


def test_the_pseudo_headers() -> None:
    assert ip.pseudo_header(SOURCE, TARGET, 112, 12).hex() == "c0a80102e00000120070000c"
    six = ip.pseudo_header(SOURCE6, TARGET6, 58, 32)
    assert six == SOURCE6 + TARGET6 + bytes.fromhex("000000200000003a")
    assert ip.pseudo_header(SOURCE, TARGET, 112, 13)[-2:].hex() == "000d"
    assert ip.pseudo_header(SOURCE, TARGET, 112, 0x1ABCD)[-2:].hex() == "abcd"


@given(st.booleans(), payloads.filter(lambda payload: len(payload) % 2 == 0 and len(payload) > 7))
def test_a_sum_under_the_pseudo_header(newer: bool, payload: bytes) -> None:
    source, target = (SOURCE6, TARGET6) if newer else (SOURCE, TARGET)
    pseudo = ip.pseudo_header(source, target, 112, len(payload))
    body = payload[:6] + b"\0\0" + payload[8:]
    body = body[:6] + internet_checksum(pseudo + body).to_bytes(2, "big") + body[8:]
    seen = (
        view6(packet6(112, body))
        if newer
        else view4(ip.ipv4(source, target, body, protocol=112, tos=0, identification=0))
    )
    assert ip.pseudo_checksum_holds(seen, body)
    wrong = bytes((body[0] ^ 1,)) + body[1:]
    assert not ip.pseudo_checksum_holds(seen, wrong)


@given(st.binary(max_size=120), st.integers(0, 200), st.sampled_from((None, 4, 6)))
def test_any_bytes(data: bytes, wire_length: int, version: int | None) -> None:
    if version and data:
        data = bytes((version << 4 | data[0] & 15,)) + data[1:]
    for seen in (ip.read_ipv4(data, 0, wire_length), ip.read_ipv6(data, 0, wire_length)):
        fault = seen if isinstance(seen, Fault) else seen.fault
        if fault is not None:
            assert 0 <= fault.offset <= len(data)
            assert fault.needed > fault.present or fault.needed == 0
        if isinstance(seen, ip.IpView):
            assert seen.length >= 0
            assert seen.offset <= len(data)
