"""Advertisements to one address instead of the group: who hears whom then."""

import json

import pytest

from carpscope.core.address import ip_text
from carpscope.core.errors import CarpscopeError
from carpscope.protocol.events import State
from carpscope.sim.document import document
from carpscope.sim.frames import frames
from carpscope.sim.scenario import parse
from carpscope.wire.decode import decode
from tests.sim.stage import Stage

PAIR = """
duration = 30
addresses = ["10.0.0.100"]
passphrase = "mekmitasdigoat"

[[nodes]]
name = "a"
impl = "{impl}"
{a}

[[nodes]]
name = "b"
impl = "{impl}"
advskew = 100
{b}
"""


def pair(impl: str, a: str = "", b: str = "") -> Stage:
    return Stage(PAIR.format(impl=impl, a=a, b=b))


@pytest.mark.parametrize("impl", ["freebsd140", "freebsd14", "freebsd15", "openbsd", "openbsd2025"])
def test_two_that_name_each_other_are_a_pair(impl: str) -> None:
    stage = pair(impl, 'peer = "10.0.0.2"', 'peer = "10.0.0.1"')
    assert (stage.state("a"), stage.state("b")) == (State.MASTER, State.BACKUP)
    assert stage.refused("a") == stage.refused("b") == []


def test_half_a_pair_of_freebsd_works_and_of_openbsd_does_not() -> None:
    for impl in ("freebsd14", "freebsd15"):
        stage = pair(impl, 'peer = "10.0.0.2"')
        assert (stage.state("a"), stage.state("b")) == (State.MASTER, State.BACKUP)
    for impl in ("openbsd", "openbsd2025"):
        stage = pair(impl, 'carppeer = "10.0.0.2"')
        assert (stage.state("a"), stage.state("b")) == (State.MASTER, State.MASTER)
        # each unicast one counts; the others' group a's interface has not joined
        assert set(stage.refused("b")) == {"badvhid"}
        assert len(stage.refused("b")) >= 25


def test_a_node_whose_peer_is_itself_is_master_for_ever_and_on_no_wire() -> None:
    stage = pair("freebsd14", 'peer = "10.0.0.2"', 'peer = "10.0.0.2"')
    assert (stage.state("a"), stage.state("b")) == (State.MASTER, State.BACKUP)
    stage = pair("freebsd14", 'peer = "10.0.0.1"', 'peer = "10.0.0.1"')
    assert (stage.state("a"), stage.state("b")) == (State.MASTER, State.MASTER)
    assert stage.adverts("a") == []
    assert len(stage.announced("a")) == 1
    senders = {decode(frame).ip.source for frame in frames(stage.world) if decode(frame).advert}  # type: ignore[union-attr]
    assert senders == {bytes((10, 0, 0, 2))}


def test_who_is_named_by_nobody_hears_nobody() -> None:
    third = '\n[[nodes]]\nname = "c"\nimpl = "freebsd15"\nadvskew = 50\n'
    text = PAIR.format(impl="freebsd15", a='peer = "10.0.0.2"', b='peer = "10.0.0.1"') + third
    stage = Stage(text)
    assert [stage.state(name) for name in "abc"] == [State.MASTER, State.BACKUP, State.MASTER]


def test_a_ucarp_hears_what_is_sent_where_it_sends_itself() -> None:
    for mcastip, state in (("224.0.0.99", State.BACKUP), ("224.0.0.18", State.MASTER)):
        stage = pair("ucarp", 'mcastip = "224.0.0.99"', f'mcastip = "{mcastip}"')
        assert (stage.state("a"), stage.state("b")) == (State.MASTER, state)


def addressed(impl: str, peer: str) -> set[tuple[str, str, str]]:
    stage = pair(impl, f'peer = "{peer}"', f'ip4 = "{peer}"')
    found = set()
    for frame in frames(stage.world):
        packet = decode(frame)
        if packet.advert is not None and packet.ip is not None and packet.link is not None:
            source, target = packet.link.source, packet.link.destination
            assert source is not None
            assert target is not None
            if packet.ip.source == bytes((10, 0, 0, 1)):
                found.add(
                    (source.hex(":"), target.hex(":"), ".".join(map(str, packet.ip.destination)))
                )
    return found


def test_how_frames_to_a_peer_are_addressed() -> None:
    own, peer, virtual = "02:00:00:00:00:01", "02:00:00:00:00:02", "00:00:5e:00:01:01"
    for impl in ("freebsd140", "freebsd14", "freebsd15"):
        assert addressed(impl, "10.0.0.7") == {(own, peer, "10.0.0.7")}
    assert addressed("openbsd2025", "10.0.0.7") == {(virtual, peer, "10.0.0.7")}
    # PR 284872: the octets are read the wrong way round
    assert addressed("freebsd14", "10.0.0.230") == {(own, peer, "10.0.0.230")}
    assert addressed("freebsd15", "10.0.0.230") == {(own, "01:00:5e:00:00:e6", "10.0.0.230")}


def test_what_cannot_be_configured_is_said() -> None:
    for impl, key, problem in (
        ("freebsd13", 'peer = "10.0.0.2"', "FreeBSD 10 to 13 sends to the group only"),
        ("openbsd", 'peer6 = "fe80::1"', "sends to the group only"),
        ("freebsd14", 'carppeer = "10.0.0.2"', "FreeBSD 14.3 takes peer"),
        ("ucarp", 'peer = "10.0.0.2"', "ucarp 1.5.2 and later takes mcastip"),
        ("freebsd14", 'peer = "fe80::1"', "is not an IPv4 address"),
    ):
        with pytest.raises(CarpscopeError, match=problem):
            parse(PAIR.format(impl=impl, a=key, b=""), "pair.toml")


def test_a_document_gives_the_peers_back() -> None:
    text = PAIR.format(impl="freebsd14", a='peer = "10.0.0.2"\npeer6 = "fe80::2"', b="")
    written = json.dumps(document(Stage(text).world))
    (vhid,) = parse(written, "again.json").nodes[0].vhids
    assert (ip_text(vhid.peer), ip_text(vhid.peer6)) == ("10.0.0.2", "fe80::2")
