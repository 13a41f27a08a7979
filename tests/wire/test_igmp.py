"""IGMP: who joins and leaves the group."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.fault import Fault
from carpscope.wire import igmp, ip
from carpscope.wire.decode import decode
from tests.wire import samples


def view_of(message: bytes) -> tuple[bytes, ip.IpView]:
    data = samples.over_ipv4(message, protocol=igmp.PROTOCOL, ttl=1)
    view = ip.read_ipv4(data, 14, len(data))
    assert isinstance(view, ip.IpView)
    return data, view


def read(message: bytes) -> igmp.MembershipView | Fault | None:
    return igmp.read(*view_of(message))


@pytest.mark.parametrize(
    ("kind", "word"),
    [(0x11, "query"), (0x12, "report"), (0x16, "report"), (0x17, "leave")],
)
def test_the_older_messages(kind: int, word: str) -> None:
    seen = read(bytes((kind, 0, 0, 0)) + samples.GROUP)
    assert seen == igmp.MembershipView(4, word, (samples.GROUP,), 34)
    assert seen.concerns_carp
    assert read(bytes((kind, 0, 0, 0)) + samples.GROUP + b"more") == seen


def test_many_records_are_read_up_to_a_limit() -> None:
    record = b"\x04\x00\x00\x00" + samples.GROUP
    seen = read(b"\x22\0\0\0\0\0\x01\x00" + 128 * record)
    assert seen == igmp.MembershipView(4, "report", 128 * (samples.GROUP,), 34)
    cut = read(b"\x22\0\0\0\0\0\x01\x00" + 127 * record)
    assert cut == Fault("igmp", 34 + 8 + 127 * 8, "truncated", 8, 0)


def test_padding_behind_the_ip_length_is_no_record() -> None:
    message = b"\x22\0\0\0\0\0\0\x02" + b"\x04\0\0\0" + samples.GROUP
    data, view = view_of(message)
    assert igmp.read(data + bytes(20), view) == Fault("igmp", 34 + 16, "truncated", 8, 0)


def test_a_version_3_report_with_sources_and_auxiliary_data() -> None:
    other = bytes((239, 1, 1, 1))
    records = b"\x01\x01\x00\x02" + other + bytes(8) + bytes(4)
    records += b"\x04\x00\x00\x00" + samples.GROUP
    seen = read(b"\x22\0\0\0\0\0\0\x02" + records)
    assert seen == igmp.MembershipView(4, "report", (other, samples.GROUP), 34)
    assert seen.concerns_carp
    assert not seen._replace(groups=(other,)).concerns_carp


def test_records_that_are_not_there() -> None:
    message = b"\x22\0\0\0\0\0\0\x02" + b"\x04\0\0\0" + samples.GROUP
    assert read(message) == Fault("igmp", 34 + 16, "truncated", 8, 0)
    # A record that claims more sources than fit is where it goes wrong, not far behind the frame.
    message = b"\x22\0\0\0\0\0\0\x02" + b"\x04\0\xff\xff" + samples.GROUP
    assert read(message) == Fault("igmp", 34 + 8, "truncated", 8 + 4 * 0xFFFF, 8)


def test_other_kinds_say_nothing_of_groups() -> None:
    assert read(b"\x13" + bytes(11)) is None


@pytest.mark.parametrize("length", range(8))
def test_a_short_message(length: int) -> None:
    assert read(bytes(length)) == Fault("igmp", 34, "truncated", 8, length)


def test_a_join_with_router_alert() -> None:
    for sample in (samples.IGMP_JOIN, samples.IGMP3_JOIN):
        packet = decode(samples.frame(sample))
        assert isinstance(packet.body, igmp.MembershipView)
        assert (packet.body.kind, packet.body.groups) == ("report", (samples.GROUP,))
        assert packet.ip is not None
        assert packet.ip.options == bytes.fromhex("94040000")
        assert packet.faults == ()


@given(st.binary(max_size=80), st.sampled_from((0x11, 0x12, 0x16, 0x17, 0x22, 0x13)))
def test_any_bytes(rest: bytes, kind: int) -> None:
    seen = read(bytes((kind,)) + rest)
    assert seen is None or isinstance(seen, igmp.MembershipView | Fault)
