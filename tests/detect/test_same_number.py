"""VRRP on the number of a CARP group: what collides, what does not, and what is no VRRP."""

from pathlib import Path

from carpscope.core.frame import Frame
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import decode
from tests.detect.field import FIELD, analysis, labels, only
from tests.plain import Tape, carp, ether, ipv4
from tests.program import run


def pair(tape: Tape, *, ucarp: bool = False) -> None:
    for second in range(30):
        tape.advert(second, "192.0.2.1", 7, ucarp=ucarp)


def test_keepalived_to_its_peer_alone_is_a_remark(tmp_path: Path) -> None:
    path = FIELD / "keepalived-same-id.pcap"
    found = analysis(path, tmp_path)
    one = only(found, "vrrp_vrid_conflict")
    assert one["severity"] == "info"
    assert "no MAC is shared" in one["explanation"]
    assert run("analyze", str(path)).status == 0


def test_both_from_the_virtual_mac_is_a_conflict_of_macs(tmp_path: Path) -> None:
    tape = Tape()
    pair(tape)
    for second in range(3, 30):
        tape.router(second + 0.5, "192.0.2.9", 7, ("192.0.2.99",))
    one = only(analysis(tape, tmp_path), "vrrp_vrid_conflict")
    assert one["severity"] == "warning"
    assert "same virtual MAC 00:00:5e:00:01:07" in one["explanation"]


def test_to_the_group_from_its_card_is_a_conflict_without_a_shared_mac(tmp_path: Path) -> None:
    tape = Tape()
    pair(tape, ucarp=True)
    for second in range(3, 30):
        tape.router(second + 0.5, "192.0.2.9", 7, ("192.0.2.99",), own="02:00:00:00:00:09")
    one = only(analysis(tape, tmp_path), "vrrp_vrid_conflict")
    assert one["severity"] == "warning"
    assert "no MAC is shared" in one["explanation"]


def test_one_advertisement_or_a_spoilt_one_is_nothing(tmp_path: Path) -> None:
    tape = Tape()
    pair(tape)
    tape.router(5.5, "192.0.2.9", 7, ("192.0.2.99",))
    for second in range(10, 20):
        tape.router(second + 0.5, "192.0.2.9", 7, ("192.0.2.99",), spoil=True)
    assert labels(analysis(tape, tmp_path)) == set()


def test_an_hmac_of_zeros_and_a_small_counter_is_carp() -> None:
    for counter in (0, 1, 5, 0x1_0000):
        body = carp(7, 1, 0, counter, digest=bytes(20))
        for tos in (0x10, 0xC0):
            packet = ipv4("10.0.0.1", "224.0.0.18", 112, body, tos=tos)
            frame = ether("00:00:5e:00:01:07", "01:00:5e:00:00:12", 0x0800, packet)
            read = decode(Frame(1, 0, 1, frame, len(frame)))
            assert isinstance(read.body, AdvertView)
