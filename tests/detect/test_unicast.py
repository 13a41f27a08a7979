"""Advertisements to one address instead of the group: routed, and which system does that."""

from pathlib import Path
from typing import Any

import pytest

from tests.detect.field import analysis, labels, only
from tests.plain import Tape, carp, ether, ipv4
from tests.program import run

CARD = "02:00:00:00:00:01"
PEER_CARD = "02:00:00:00:00:02"
ROUTER = "02:00:00:00:00:fe"
VIRTUAL = "00:00:5e:00:01:07"


def taped(
    *, tos: int, ttl: int, source: str = CARD, group: bool = False, constant: bool = False
) -> Tape:
    """Record one master of vhid 7, as its peer's side of the way sees it."""
    tape = Tape()
    target, to = ("224.0.0.18", "01:00:5e:00:00:12") if group else ("192.0.2.2", PEER_CARD)
    for beat in range(30):
        counter = 4711 if constant else 4711 + beat
        body = carp(7, 1, 0, counter, vips=("192.0.2.10",))
        number = beat * 7919 % 65536 if constant else 0
        packet = ipv4("198.51.100.1", target, 112, body, tos=tos, ttl=ttl, number=number)
        tape.put(beat * 1.001, ether(source, to, 0x0800, packet))
    return tape


def node(found: dict[str, Any]) -> dict[str, Any]:
    implementation: dict[str, Any] = found["groups"][0]["nodes"][0]["implementation"]
    return implementation


def test_routed_unicast_of_freebsd_is_legal_and_tells_the_version(tmp_path: Path) -> None:
    found = analysis(taped(tos=0xE0, ttl=254, source=ROUTER), tmp_path)
    assert (labels(found), found["status"]) == (set(), "healthy")
    assert (node(found)["name"], node(found)["versions"]) == ("freebsd", "14-15")
    near = analysis(taped(tos=0xE0, ttl=255), tmp_path)
    assert (labels(near), node(near)["versions"]) == (set(), "14-15")


def test_what_is_sent_to_the_group_must_have_255_and_tells_no_version(tmp_path: Path) -> None:
    found = analysis(taped(tos=0xE0, ttl=254, source=VIRTUAL, group=True), tmp_path)
    assert labels(found) == {"bad_ttl"}
    assert node(found)["versions"] == "12-15"


def test_a_routed_peer_of_openbsd_is_not_heard(tmp_path: Path) -> None:
    tape = taped(tos=0x10, ttl=254, source=ROUTER, constant=True)
    found = analysis(tape, tmp_path)
    assert node(found)["name"] == "openbsd"
    assert "A receiver tests this first" in only(found, "bad_ttl")["explanation"]
    near = analysis(taped(tos=0x10, ttl=255, source=VIRTUAL, constant=True), tmp_path)
    assert labels(near) == set()


def test_where_the_sender_is_not_known_nothing_is_said(tmp_path: Path) -> None:
    tape = taped(tos=0x00, ttl=254, source=ROUTER)
    found = analysis(tape, tmp_path)
    assert "bad_ttl" not in labels(found)


@pytest.mark.parametrize("group", [True, False])
def test_the_line_of_a_packet_says_what_is_wrong_and_no_more(tmp_path: Path, group: bool) -> None:
    tape = taped(tos=0xE0, ttl=254, source=ROUTER, group=group)
    first = run("dissect", tape.write(tmp_path / "tape.pcap")).out.splitlines()[0]
    assert ("ttl 254, should be 255" in first) == group
    assert ("ttl 254 to one address" in first) != group


def beside(tape: Tape, at: float, source: str, target: str, counter: int, skew: int) -> None:
    """Add an advertisement of FreeBSD (counter moves) or OpenBSD (it stays)."""
    is_bsd = counter < 100
    body = carp(7, 1, skew, counter, vips=("192.0.2.10",))
    number = len(tape.frames) * 7919 % 65536 if is_bsd else 0
    packet = ipv4(source, target, 112, body, tos=0x10 if is_bsd else 0xE0, number=number)
    to = "01:00:5e:00:00:12" if target == "224.0.0.18" else PEER_CARD
    own = CARD if not is_bsd and target != "224.0.0.18" else VIRTUAL
    tape.put(at, ether(own, to, 0x0800, packet))


def test_who_is_not_addressed_is_not_cut_off_by_a_switch(tmp_path: Path) -> None:
    tape = Tape()
    for beat in range(30):
        beside(tape, beat + 0.5, "192.0.2.3", "224.0.0.18", 9000 * beat + 1000, 50)
        beside(tape, beat + 1.0, "192.0.2.1", "192.0.2.2", 9000 * beat + 1001, 0)
    found = analysis(tape, tmp_path, "-p", "plain bytes", "-a", "192.0.2.10")
    link = only(found, "one_way_link")
    assert "192.0.2.1 advertises to 192.0.2.2 and not to the group" in link["explanation"]
    assert "mcast" in link["remedy"]
    assert "storm control" not in link["remedy"]


def test_half_a_pair_of_openbsd_is_told_as_such(tmp_path: Path) -> None:
    tape = Tape()
    for beat in range(30):
        beside(tape, beat, "192.0.2.1", "192.0.2.2", 5, 0)
        beside(tape, beat + 0.3, "192.0.2.2", "224.0.0.18", 7, 100)
    found = analysis(tape, tmp_path, "-p", "plain bytes", "-a", "192.0.2.10")
    (link,) = (f for f in found["findings"] if f["label"] in ("partition", "one_way_link"))
    assert "takes in only what is sent as it sends itself" in link["explanation"]
    assert "carppeer" in link["remedy"]
