"""ARP: who announces which address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.fault import Fault
from carpscope.wire import arp
from tests.wire import samples

claims = st.builds(
    arp.ArpView,
    operation=st.integers(0, 0xFFFF),
    sender_mac=samples.macs,
    sender_ip=samples.addresses,
    target_mac=samples.macs,
    target_ip=samples.addresses,
    offset=st.just(0),
)


@given(claims, st.integers(0, 18))
def test_what_is_written_reads_back(claim: arp.ArpView, padding: int) -> None:
    written = claim.encode()
    assert len(written) == arp.SIZE
    assert arp.read(written + bytes(padding), 0) == claim


def test_an_announcement_byte_for_byte() -> None:
    claim = arp.announcement(bytes((10, 0, 0, 1)), bytes.fromhex("00005e00010a"))
    assert claim.encode().hex() == (
        "0001080006040001" + "00005e00010a" + "0a000001" + "000000000000" + "0a000001"
    )
    assert claim.is_announcement
    assert not claim.is_probe


def test_ucarp_puts_its_own_mac_into_both() -> None:
    mac = bytes.fromhex("02000a000003")
    claim = arp.announcement(bytes((10, 0, 0, 1)), mac, mac)
    assert (claim.sender_mac, claim.target_mac) == (mac, mac)


def test_a_probe_and_a_question_announce_nothing() -> None:
    mac = bytes(6)
    probe = arp.ArpView(arp.REQUEST, mac, bytes(4), mac, bytes((10, 0, 0, 1)), 0)
    assert probe.is_probe
    assert not probe.is_announcement
    assert not arp.ArpView(arp.REQUEST, mac, bytes(4), mac, bytes(4), 0).is_announcement
    question = probe._replace(sender_ip=bytes((10, 0, 0, 9)))
    assert not question.is_announcement
    assert not question.is_probe


@pytest.mark.parametrize("present", range(arp.SIZE))
def test_a_cut_says_where(present: int) -> None:
    assert arp.read(samples.GARP[: 14 + present], 14) == Fault(
        "arp", 14, "truncated", arp.SIZE, present
    )


@pytest.mark.parametrize(
    ("at", "value"), [(1, 6), (2, 0x86), (4, 8), (5, 16)], ids=["htype", "ptype", "hlen", "plen"]
)
def test_other_hardware_and_protocols_are_a_fault(at: int, value: int) -> None:
    body = bytearray(samples.GARP[14:])
    body[at] = value
    read = arp.read(bytes(body), 0)
    assert isinstance(read, Fault)
    assert (read.layer, read.offset) == ("arp", 0)
    assert "not Ethernet and IPv4" in read.problem


@given(st.binary(max_size=60), st.integers(0, 20))
def test_any_bytes(data: bytes, at: int) -> None:
    assert isinstance(arp.read(data, min(at, len(data))), arp.ArpView | Fault)
