"""Cut advertisements: what is there is used, and nothing is claimed of the rest."""

from pathlib import Path

import pytest

from carpscope.core.frame import Frame
from carpscope.wire.decode import decode
from tests.detect.field import FIELD, analysis, labels
from tests.plain import Tape, carp, ether, ipv4, ipv6
from tests.program import run


def test_a_real_split_brain_of_68_bytes(tmp_path: Path) -> None:
    found = analysis(FIELD / "ipfw-snap68.pcap", tmp_path, "-p", "Brass,Pelican")
    assert labels(found) == {"split_brain", "one_way_link"}
    assert found["evidence"][0]["advertisements"] == 153
    states = {n["authentication"]["status"] for g in found["groups"] for n in g["nodes"]}
    assert states == {"unchecked"}


@pytest.mark.parametrize(
    ("snap", "vlan", "six"),
    [
        (54, (), False),
        (69, (), False),
        (54, (10,), False),  # the counter to its end
        (57, (10, 20), False),  # half of it
        (69, (), True),
        (74, (), True),
        (66, (10,), True),
    ],
)
def test_two_masters_are_two_masters_however_little_is_left(
    tmp_path: Path, snap: int, vlan: tuple[int, ...], six: bool
) -> None:
    tape = Tape(snap)
    one, other = ("fe80::1", "fe80::2") if six else ("192.0.2.1", "192.0.2.2")
    for second in range(40):
        tape.advert(second, one, 7, vlan=vlan)
        tape.advert(second + 0.4, other, 7, 100, vlan=vlan)
    found = analysis(tape, tmp_path, "-p", "plain bytes", "-a", "192.0.2.10")
    assert "split_brain" in labels(found)
    assert not labels(found) & {"replayed_advert", "forged_skew", "bad_checksum", "unverified"}
    assert found["evidence"][0]["advertisements"] == 80
    (group,) = found["groups"]
    assert {n["authentication"]["status"] for n in group["nodes"]} == {"unchecked"}


def test_one_master_of_cut_advertisements_is_well(tmp_path: Path) -> None:
    tape = Tape(60)
    for second in range(40):
        tape.advert(second, "192.0.2.1", 7)
    found = analysis(tape, tmp_path, "-p", "plain bytes")
    assert (labels(found), found["status"]) == (set(), "healthy")


@pytest.mark.parametrize("left", range(37))
def test_every_cut_is_read_or_a_fault(left: int) -> None:
    body = carp(7, 1, 0, 5)
    for packet, before, kind in (
        (ipv4("192.0.2.1", "224.0.0.18", 112, body), 34, 0x0800),
        (ipv6("fe80::1", "ff02::12", 112, body), 54, 0x86DD),
    ):
        frame = ether("00:00:5e:00:01:07", "01:00:5e:00:00:12", kind, packet)
        cut = frame[: before + left]
        packet_read = decode(Frame(1, 0, 1, cut, len(frame)))
        view = packet_read.advert
        if left < 8:
            assert view is None
            assert packet_read.faults
            continue
        assert view is not None
        assert (view.vhid, view.advbase, view.advskew) == (7, 1, 0)
        assert view.counter == body[8:16][: left - 8]
        assert view.digest == body[16:36][: max(0, left - 16)]
        assert view.is_cut is (left < 36)
        assert view.checksum_ok is (True if left == 36 else None)


def test_dissect_says_what_is_cut(tmp_path: Path) -> None:
    tape = Tape(60)
    tape.advert(0, "192.0.2.1", 7)
    path = tape.write(tmp_path / "t.pcap")
    line = run("dissect", path, "-p", "plain bytes").out
    assert "vhid 7 adv 1/0" in line
    assert "truncated" in line
    assert "hmac" not in line
    assert "cut by the capture, not checked" in run("dissect", "-V", path).out
    tape.snap = 46
    path = tape.write(tmp_path / "t.pcap")
    assert '"counter_value":null' in run("dissect", "--json", path).out
