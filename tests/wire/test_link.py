"""Every link layer: read, cut, and anything at all."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.fault import Fault
from carpscope.wire import link
from carpscope.wire.decode import decode
from carpscope.wire.links import cooked, loopback, pflog
from tests.wire import samples

TPIDS = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
IPV6_FAMILIES = {"linux": 10, "windows": 23, "netbsd": 24, "freebsd": 28, "darwin": 30}
MAC = bytes.fromhex("02000a000003")

tags = st.lists(st.tuples(st.sampled_from(TPIDS), st.integers(0, 0xFFFF)), max_size=8)
ethertypes = st.integers(0, 0xFFFF).filter(lambda number: number not in TPIDS)


def view(link_type: int, data: bytes) -> link.LinkView:
    seen = link.read(link_type, data)
    assert isinstance(seen, link.LinkView), seen
    return seen


def sll(ethertype: int, rest: bytes, *, size: int = 6, packet_type: int = 2) -> bytes:
    head = struct.pack("!HHH", packet_type, 1, size) + MAC + b"\0\0"
    return head + struct.pack("!H", ethertype) + rest


def sll2(ethertype: int, rest: bytes, *, size: int = 6) -> bytes:
    return struct.pack("!HHIHBB", ethertype, 0, 3, 1, 4, size) + MAC + b"\0\0" + rest


def test_plain_ethernet() -> None:
    seen = view(link.ETHERNET, samples.F1)
    assert seen == link.LinkView(
        "ethernet", carp_mac(1), samples.GROUP_MAC, (), link.ETHERTYPE_IPV4, 14
    )
    assert seen.vlan == ()


def carp_mac(vhid: int) -> bytes:
    return bytes.fromhex("00005e0001") + bytes((vhid,))


@given(samples.macs, samples.macs, ethertypes, st.binary(max_size=30), tags)
def test_any_stack_of_tags(
    destination: bytes,
    source: bytes,
    ethertype: int,
    payload: bytes,
    stack: list[tuple[int, int]],
) -> None:
    data = link.ethernet(destination, source, ethertype, payload, stack)
    seen = view(link.ETHERNET, data)
    assert (seen.destination, seen.source, seen.ethertype) == (destination, source, ethertype)
    assert [(tag.tpid, tag.tci) for tag in seen.tags] == stack
    assert seen.vlan == tuple(tci & 0xFFF for _, tci in stack if tci & 0xFFF)
    assert [tag.offset for tag in seen.tags] == [12 + 4 * i for i in range(len(stack))]
    assert data[seen.offset :] == payload
    for cut in range(seen.offset):
        short = link.read(link.ETHERNET, data[:cut])
        begin = 0 if cut < 14 else 14 + (cut - 14) // 4 * 4
        layer, needed = ("ethernet", 14) if cut < 14 else ("vlan", 4)
        assert short == Fault(layer, begin, "truncated", needed, cut - begin)


def test_a_priority_tag_is_no_vlan() -> None:
    data = link.ethernet(MAC, MAC, 0x0800, b"", [(0x88A8, 0xE064), (0x8100, 0xA000)])
    seen = view(link.ETHERNET, data)
    assert [tag.vid for tag in seen.tags] == [100, 0]
    assert seen.vlan == (100,)
    inner = link.read_ethernet(b"\1\2\3" + data, 3)
    assert isinstance(inner, link.LinkView)
    assert (inner.source, inner.vlan, inner.offset) == (MAC, (100,), 25)
    cut = link.read_ethernet(b"\1\2\3" + data[:9], 3)
    assert cut == Fault("ethernet", 3, "truncated", 14, 9)


@given(ethertypes, st.binary(max_size=30), tags)
def test_linux_cooked(ethertype: int, payload: bytes, stack: list[tuple[int, int]]) -> None:
    inline = b"".join(struct.pack("!HH", *tag) for tag in stack)
    first, rest = (inline + struct.pack("!H", ethertype))[:2], inline[2:]
    data = sll(int.from_bytes(first, "big"), rest + struct.pack("!H", ethertype) * bool(stack))
    seen = view(cooked.SLL, data + payload)
    assert (seen.kind, seen.source, seen.destination) == ("sll", MAC, None)
    assert (seen.ethertype, seen.packet_type) == (ethertype, 2)
    assert [(tag.tpid, tag.tci) for tag in seen.tags] == stack
    assert (data + payload)[seen.offset :] == payload
    for cut in range(seen.offset):
        short = link.read(cooked.SLL, data[:cut])
        begin = 0 if cut < 16 else 16 + (cut - 16) // 4 * 4
        layer, needed = ("sll", 16) if cut < 16 else ("vlan", 4)
        assert short == Fault(layer, begin, "truncated", needed, cut - begin)


@given(ethertypes, st.binary(max_size=30), tags)
def test_linux_cooked_version_2(
    ethertype: int, payload: bytes, stack: list[tuple[int, int]]
) -> None:
    # the outermost type stands in the header's first two bytes, what it announces behind it
    inline = b"".join(struct.pack("!HH", *tag) for tag in stack) + struct.pack("!H", ethertype)
    data = sll2(int.from_bytes(inline[:2], "big"), inline[2:])
    seen = view(cooked.SLL2, data + payload)
    assert (seen.kind, seen.source, seen.interface_index) == ("sll2", MAC, 3)
    assert (seen.ethertype, seen.packet_type) == (ethertype, 4)
    assert [(tag.tpid, tag.tci) for tag in seen.tags] == stack
    assert [tag.offset for tag in seen.tags] == [20 + max(0, 4 * i - 2) for i in range(len(stack))]
    assert (data + payload)[seen.offset :] == payload
    for cut in range(seen.offset):
        short = link.read(cooked.SLL2, data[:cut])
        begin = 0 if cut < 20 else 20 + (cut - 20) // 4 * 4
        layer, needed = ("sll2", 20) if cut < 20 else ("vlan", 4)
        assert short == Fault(layer, begin, "truncated", needed, cut - begin)


@pytest.mark.parametrize(
    ("size", "source"), [(0, None), (4, MAC[:4]), (6, MAC), (8, MAC + b"\0\0")]
)
def test_cooked_address_sizes(size: int, source: bytes | None) -> None:
    assert view(cooked.SLL, sll(0x0800, b"", size=size)).source == source
    assert view(cooked.SLL2, sll2(0x0800, b"", size=size)).source == source
    assert view(cooked.SLL, sll(0x0800, b"", size=99)).source == MAC + b"\0\0"


@pytest.mark.parametrize("link_type", [loopback.NULL, loopback.LOOP])
@pytest.mark.parametrize("order", ["little", "big"])
def test_bsd_families_in_both_byte_orders(link_type: int, order: str) -> None:
    layout = "<I" if order == "little" else ">I"
    kind = "null" if link_type == loopback.NULL else "loop"
    assert view(link_type, struct.pack(layout, 2) + b"x") == link.LinkView(
        kind, None, None, (), link.ETHERTYPE_IPV4, 4
    )
    for family in IPV6_FAMILIES.values():
        seen = view(link_type, struct.pack(layout, family))
        assert (seen.ethertype, seen.offset) == (link.ETHERTYPE_IPV6, 4)
    other = link.read(link_type, struct.pack(layout, 7))
    assert other == Fault(kind, 0, "address family 7 is neither IPv4 nor IPv6")


@pytest.mark.parametrize("link_type", [12, 14, 101])
def test_raw_goes_by_the_version(link_type: int) -> None:
    assert view(link_type, b"\x45").ethertype == link.ETHERTYPE_IPV4
    assert view(link_type, b"\x60").ethertype == link.ETHERTYPE_IPV6
    problem = "version 5 is neither IPv4 nor IPv6"
    assert link.read(link_type, b"\x50") == Fault("raw", 0, problem)
    for first in (b"\x45", b"\x60"):
        seen = view(link_type, first)
        assert (seen.kind, seen.source, seen.destination, seen.offset) == ("raw", None, None, 0)
    assert link.read(link_type, b"") == Fault("raw", 0, "truncated", 1, 0)


def test_raw_of_one_version_has_that_only() -> None:
    assert view(228, b"\x45").ethertype == link.ETHERTYPE_IPV4
    assert view(229, b"\x60").ethertype == link.ETHERTYPE_IPV6
    assert isinstance(link.read(228, b"\x60"), Fault)
    assert isinstance(link.read(229, b"\x45"), Fault)


@pytest.mark.parametrize(("length", "offset"), [(61, 64), (64, 64), (69, 72), (100, 100)])
def test_pflog_headers_differ_in_length(length: int, offset: int) -> None:
    body = bytes((length, 2)) + bytes(offset - 2)
    seen = view(pflog.PFLOG, body + b"\x45")
    assert (seen.kind, seen.ethertype, seen.offset) == ("pflog", link.ETHERTYPE_IPV4, offset)
    newer = view(pflog.PFLOG, bytes((length, 24)) + body[2:])
    assert newer == link.LinkView("pflog", None, None, (), link.ETHERTYPE_IPV6, offset)
    assert link.read(pflog.PFLOG, body[:-1]) == Fault("pflog", 0, "truncated", offset, offset - 1)


def test_pflog_that_makes_no_sense() -> None:
    below = Fault("pflog", 0, "header length below the minimum", 4, 0)
    assert link.read(pflog.PFLOG, bytes(64)) == below
    family = Fault("pflog", 1, "address family 9 is neither IPv4 nor IPv6")
    assert link.read(pflog.PFLOG, bytes((61, 9)) + bytes(62)) == family


@pytest.mark.parametrize(
    ("link_type", "layer", "size"),
    [
        (link.ETHERNET, "ethernet", 14),
        (cooked.SLL, "sll", 16),
        (cooked.SLL2, "sll2", 20),
        (loopback.NULL, "null", 4),
        (loopback.LOOP, "loop", 4),
        (pflog.PFLOG, "pflog", 4),
    ],
)
def test_headers_cut(link_type: int, layer: str, size: int) -> None:
    for present in range(size):
        assert link.read(link_type, bytes(present)) == Fault(layer, 0, "truncated", size, present)


def test_a_link_type_nobody_wrote() -> None:
    assert link.read(147, samples.F1) == Fault("link", 0, "link type 147 is not decoded")


@given(
    st.sampled_from((0, 1, 12, 14, 101, 108, 113, 117, 228, 229, 276, 999)),
    st.binary(max_size=100),
)
def test_any_bytes(link_type: int, data: bytes) -> None:
    seen = link.read(link_type, data)
    if isinstance(seen, link.LinkView):
        assert 0 <= seen.offset <= len(data)
    else:
        assert 0 <= seen.offset <= len(data)
        assert seen.needed > seen.present or seen.needed == 0


@pytest.mark.parametrize("count", [link.TAGS_MAX, link.TAGS_MAX + 1, 10_000])
def test_tags_upon_tags_have_an_end(count: int) -> None:
    data = samples.F1[:12] + b"\x81\x00\x00\x07" * count + samples.F1[12:]
    packet = decode(samples.frame(data))
    assert packet.link is not None
    assert len(packet.link.tags) == link.TAGS_MAX
    if count == link.TAGS_MAX:
        assert packet.advert is not None
    else:
        assert [fault.problem for fault in packet.faults] == ["more than 8 tags"]
