"""Neighbour discovery and listener reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.fault import Fault
from carpscope.wire import icmp6, igmp, ip
from carpscope.wire.decode import decode
from tests.wire import samples

VIP = bytes.fromhex("20010db8000000000000000000000001")
MAC = bytes.fromhex("00005e00010a")


def view_of(message: bytes) -> tuple[bytes, ip.IpView]:
    data = samples.over_ipv6(message, next_header=icmp6.PROTOCOL)
    view = ip.read_ipv6(data, 14, len(data))
    assert isinstance(view, ip.IpView)
    return data, view


def read(
    message: bytes,
) -> icmp6.NeighbourView | icmp6.RouterView | igmp.MembershipView | Fault | None:
    return icmp6.read(*view_of(message))


def neighbour(message: bytes) -> icmp6.NeighbourView:
    seen = read(message)
    assert isinstance(seen, icmp6.NeighbourView)
    return seen


def test_an_unsolicited_advertisement_byte_for_byte() -> None:
    packet = icmp6.neighbour_advertisement(samples.LINK_LOCAL, VIP, MAC, router=True)
    assert packet.hex() == (
        "6000000000203aff"
        + samples.LINK_LOCAL.hex()
        + "ff020000000000000000000000000001"
        + "88003926a0000000"
        + VIP.hex()
        + "020100005e00010a"
    )


@given(
    samples.addresses6,
    samples.addresses6,
    samples.macs,
    st.booleans(),
    st.sampled_from((0, 0xE0)),
)
def test_what_is_written_reads_back(
    source: bytes, target: bytes, mac: bytes, router: bool, traffic_class: int
) -> None:
    packet = icmp6.neighbour_advertisement(
        source, target, mac, router=router, traffic_class=traffic_class
    )
    view = ip.read_ipv6(packet, 0, len(packet))
    assert isinstance(view, ip.IpView)
    assert (view.source, view.destination, view.ttl) == (source, icmp6.ALL_NODES, 255)
    seen = icmp6.read(packet, view)
    assert isinstance(seen, icmp6.NeighbourView)
    assert seen.is_announcement
    assert seen.checksum_ok is True
    assert (seen.target, seen.mac, seen.router, seen.override) == (target, mac, router, True)
    again = icmp6.neighbour_advertisement(
        view.source, seen.target, mac, router=seen.router, traffic_class=view.tos
    )
    assert again == packet


def test_an_answer_and_a_question_announce_nothing() -> None:
    answer = neighbour(b"\x88\0\0\0\x60\0\0\0" + VIP)
    assert (answer.solicited, answer.override, answer.mac) == (True, True, None)
    assert not answer.is_announcement
    question = neighbour(b"\x87\0\0\0\xff\0\0\0" + VIP + b"\x01\x01" + MAC)
    assert (question.is_advertisement, question.mac) == (False, MAC)
    assert (question.router, question.solicited, question.override) == (False, False, False)
    assert not question.is_announcement


def test_options_are_walked_and_a_zero_length_ends_it() -> None:
    head = b"\x88\0\0\0\x20\0\0\0" + VIP
    target = b"\x02\x01" + MAC
    assert neighbour(head + b"\x0e\x02" + bytes(14) + target).mac == MAC
    assert neighbour(head + b"\x0e\x00" + bytes(6) + target).mac is None
    assert neighbour(head + b"\x01\x01" + MAC).mac is None, "a source option is not the target's"
    assert neighbour(head + b"\x02\x02" + MAC + bytes(8)).mac is None, "not an Ethernet address"
    assert neighbour(head + target[:7]).mac is None, "cut"


def test_the_first_address_counts_and_what_follows_it_is_no_part_of_it() -> None:
    head = b"\x88\0\0\0\x20\0\0\0" + VIP
    other = bytes.fromhex("02000a000003")
    assert neighbour(head + b"\x02\x01" + MAC + b"\x02\x01" + other).mac == MAC


@pytest.mark.parametrize("bit", range(8))
def test_every_flag_has_its_bit(bit: int) -> None:
    seen = neighbour(bytes((0x88, 0, 0, 0, 1 << bit, 0, 0, 0)) + VIP)
    assert (seen.router, seen.solicited, seen.override) == (bit == 7, bit == 6, bit == 5)
    assert seen.is_announcement == (bit != 6)


def test_a_wrong_checksum_is_seen() -> None:
    body = bytearray(samples.NA)
    body[-1] ^= 1
    packet = decode(samples.frame(bytes(body)))
    assert isinstance(packet.body, icmp6.NeighbourView)
    assert packet.body.checksum_ok is False


@pytest.mark.parametrize(("kind", "word"), [(130, "query"), (131, "report"), (132, "leave")])
def test_the_older_listener_messages(kind: int, word: str) -> None:
    seen = read(bytes((kind, 0, 0, 0, 0, 0, 0, 0)) + samples.GROUP6)
    assert seen == igmp.MembershipView(6, word, (samples.GROUP6,), 54)
    assert seen.concerns_carp
    for present in (8, 17, 23):
        cut = read(bytes((kind, 0, 0, 0, 0, 0, 0, 0)) + samples.GROUP6[: present - 8])
        assert cut == Fault("mld", 54, "truncated", 24, present)
    more = read(bytes((kind, 0, 0, 0, 0, 0, 0, 0)) + samples.GROUP6 + b"more")
    assert more == seen, "a version 2 query goes on, its group is at the same place"


def test_a_version_2_report_with_sources_and_auxiliary_data() -> None:
    records = b"\x01\x01\x00\x01" + VIP + bytes(16) + bytes(4)
    records += b"\x04\x00\x00\x00" + samples.GROUP6
    head = b"\x8f\0\0\0\0\0\0"
    seen = read(head + b"\x02" + records)
    assert seen == igmp.MembershipView(6, "report", (VIP, samples.GROUP6), 54)
    assert read(head + b"\x03" + records) == Fault("mld", 54 + 8 + 60, "truncated", 20, 0)


def test_many_records_are_read_up_to_a_limit() -> None:
    record = b"\x04\x00\x00\x00" + samples.GROUP6
    seen = read(b"\x8f\0\0\0\0\0\x01\x00" + 64 * record)
    assert seen == igmp.MembershipView(6, "report", 64 * (samples.GROUP6,), 54)
    cut = read(b"\x8f\0\0\0\0\0\x01\x00" + 63 * record)
    assert cut == Fault("mld", 54 + 8 + 63 * 20, "truncated", 20, 0)


def test_a_record_with_more_sources_than_fit_is_where_it_goes_wrong() -> None:
    message = b"\x8f\0\0\0\0\0\0\x02" + b"\x04\0\x01\x02" + VIP
    assert read(message) == Fault("mld", 54 + 8, "truncated", 20 + 16 * 0x102, 20)


def test_a_report_behind_a_hop_by_hop_header() -> None:
    packet = decode(samples.frame(samples.MLD2_JOIN))
    assert packet.body == igmp.MembershipView(6, "report", (samples.GROUP6,), 62)
    assert packet.ip is not None
    assert packet.ip.extensions == (0,)
    assert packet.faults == ()


@pytest.mark.parametrize("length", range(8))
def test_a_short_message(length: int) -> None:
    assert read(bytes(length)) == Fault("icmpv6", 54, "truncated", 8, length)


@pytest.mark.parametrize("length", range(8, 24))
def test_a_short_neighbour_message(length: int) -> None:
    assert read(b"\x88" + bytes(length - 1)) == Fault("icmpv6", 54, "truncated", 24, length)


def test_other_messages_are_nobodys_business() -> None:
    assert read(b"\x80" + bytes(20)) is None


@given(st.binary(max_size=120), st.sampled_from((130, 131, 132, 135, 136, 143, 128)))
def test_any_bytes(rest: bytes, kind: int) -> None:
    seen = read(bytes((kind,)) + rest)
    assert seen is None or isinstance(seen, icmp6.NeighbourView | igmp.MembershipView | Fault)
