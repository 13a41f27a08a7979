"""Who holds an address and does not advertise: a MASTER, as ARP shows, and no group without one."""

from pathlib import Path

import pytest

from tests.detect.field import FIELD, analysis, labels, only
from tests.detect.tapes import CLIENT, FW1, FW2, VIRTUAL, lone
from tests.plain import Tape, arp, ether

VIP = "192.0.2.10"


def announce(tape: Tape, at: float, card: str, named: str = VIRTUAL) -> None:
    """Announce the shared address as a kernel does: from the card, with the virtual MAC."""
    body = arp(1, named, VIP, "00:00:00:00:00:00", VIP)
    tape.put(at, ether(card, "ff:ff:ff:ff:ff:ff", 0x0806, body))


def asked(
    tape: Tape, start: float, end: float, *cards: str, named: str = VIRTUAL, every: float = 4.0
) -> None:
    """Let a client ask, and each of these answer."""
    at = start
    while at < end:
        tape.ask(at, CLIENT, "192.0.2.50", VIP)
        for index, card in enumerate(cards):
            body = arp(2, named, VIP, CLIENT, "192.0.2.50")
            tape.put(at + 0.001 * (index + 1), ether(card, CLIENT, 0x0806, body))
        at += every


def of_host(tape: Tape, at: float, card: str, address: str) -> None:
    """Let a host answer for its own address."""
    body = arp(2, card, address, CLIENT, "192.0.2.50")
    tape.put(at, ether(card, CLIENT, 0x0806, body))


def fallen(*, ucarp: bool = False, until: int = 20) -> Tape:
    """fw1 is MASTER and falls silent; the client and another host go on."""
    tape = lone(until=until, ucarp=ucarp)
    of_host(tape, 0.2, FW1, "192.0.2.1")
    of_host(tape, 0.3, FW2, "192.0.2.2")
    announce(tape, 0.05, FW1, FW1 if ucarp else VIRTUAL)
    asked(tape, 2.5, until, FW1, named=FW1 if ucarp else VIRTUAL)
    for second in range(0, 78, 2):
        tape.ask(second + 0.7, "02:00:00:00:00:60", "192.0.2.60", "192.0.2.61")
        tape.ask(second + 1.7, "02:00:00:00:00:61", "192.0.2.61", "192.0.2.60")
    return tape


def test_who_announces_and_answers_is_master_without_advertising(tmp_path: Path) -> None:
    tape = fallen()
    announce(tape, 22.9, FW2)
    asked(tape, 24, 80, FW2)
    found = analysis(tape, tmp_path)
    assert labels(found) == {"silent_master"}
    one = only(found, "silent_master")
    assert one["nodes"] == []  # it never advertised: the group has no such node
    assert one["ongoing"]
    assert found["status"] == "degraded"
    assert "announced 192.0.2.10 once and answered for 192.0.2.10 14 times" in one["explanation"]


def test_what_a_host_held_until_it_died_ends_there(tmp_path: Path) -> None:
    tape = fallen()
    announce(tape, 22.9, FW2)
    asked(tape, 24, 44, FW2)
    asked(tape, 44, 80)
    found = analysis(tape, tmp_path)
    assert labels(found) == {"silent_master", "master_gap"}
    gap = only(found, "master_gap")
    assert gap["start"] == only(found, "silent_master")["end"]
    assert gap["explanation"].startswith("The last answer of 192.0.2.2 was followed by no")
    assert gap["ongoing"]


def test_a_late_holder_ends_the_gap_before_it(tmp_path: Path) -> None:
    tape = fallen()
    announce(tape, 45, FW2)
    asked(tape, 21, 45)
    asked(tape, 46, 80, FW2)
    found = analysis(tape, tmp_path)
    assert labels(found) == {"silent_master", "master_gap"}
    assert "until 192.0.2.2 took the address" in only(found, "master_gap")["summary"]


def test_one_announcement_is_enough_where_nobody_asks(tmp_path: Path) -> None:
    tape = fallen()
    announce(tape, 22.9, FW2)
    found = analysis(tape, tmp_path)
    assert labels(found) == {"silent_master"}


def test_a_master_whose_advertisements_stop_goes_on_answering(tmp_path: Path) -> None:
    tape = fallen()
    asked(tape, 24, 80, FW1)
    found = analysis(tape, tmp_path)
    assert labels(found) == {"silent_master"}
    assert only(found, "silent_master")["nodes"] == ["192.0.2.1"]


def test_who_goes_on_answering_beside_its_successor_is_named(tmp_path: Path) -> None:
    tape = fallen()
    asked(tape, 24.5, 80, FW1, FW2)
    announce(tape, 23.25, FW2)
    for beat in range(40):
        tape.advert(23.2 + beat * 1.4, "192.0.2.2", 7, 100, vips=(VIP,))
    found = analysis(tape, tmp_path)
    assert labels(found) == {"silent_master"}
    one = only(found, "silent_master")
    assert one["nodes"] == ["192.0.2.1", "192.0.2.2"]
    assert "while 192.0.2.2 advertised as MASTER" in one["explanation"]


@pytest.mark.parametrize("announces", [True, False])
def test_a_ucarp_that_takes_over_unheard_announces(announces: bool, tmp_path: Path) -> None:
    tape = fallen(ucarp=True)
    if announces:
        announce(tape, 23.8, FW2, FW2)
    asked(tape, 25, 80, FW2 if announces else FW1, named=FW2 if announces else FW1)
    # a ucarp that was killed leaves the address behind and is no MASTER
    assert labels(analysis(tape, tmp_path)) == {"silent_master" if announces else "master_gap"}


def test_a_failover_as_usual_is_none(tmp_path: Path) -> None:
    tape = fallen()
    announce(tape, 23.19, FW2)
    asked(tape, 24.5, 80, FW2)
    for beat in range(40):
        tape.advert(23.2 + beat * 1.4, "192.0.2.2", 7, 100, vips=(VIP,))
    assert labels(analysis(tape, tmp_path)) == set()


def test_a_proxy_beside_a_master_is_none(tmp_path: Path) -> None:
    tape = fallen(until=80)
    asked(tape, 4.5, 80, "02:00:00:00:00:aa")
    assert labels(analysis(tape, tmp_path)) == set()


@pytest.mark.parametrize("words", [(), ("-p", "tidal-basin-8", "-a", "10.81.0.1")])
def test_a_unicast_peer_that_is_the_node_itself(words: tuple[str, ...], tmp_path: Path) -> None:
    found = analysis(FIELD / "unicast-peer-is-self.pcap", tmp_path, *words)
    one = only(found, "silent_master")
    assert labels(found) == {"silent_master"}
    assert one["nodes"] == []  # it never advertised: the group has no such node
    assert "the other node and not 10.81.0.3 itself" in one["remedy"]
