"""What detectors keep of nodes and groups that are no longer followed: nothing."""

from carpscope.core.units import SECOND
from carpscope.detect.events import EventWatch
from carpscope.timeline.facts import Announced, FailedCheck, Forgotten, Refused
from tests.detect.stage import Stage, spoofed

VIP, OTHER = bytes((10, 0, 0, 100)), bytes((10, 0, 0, 101))
UCARP_MAC = bytes.fromhex("00005e000001")


def forget(stage: Stage, who: int | None) -> None:
    """Let a node go, or the group."""
    node = None if who is None else stage.nodes[who]
    stage.see(Forgotten(stage.group, node, 50 * SECOND))


def test_after_a_group_was_forgotten_its_election_is_the_first_one() -> None:
    stage = Stage()
    assert isinstance(stage.events, EventWatch)
    for who, events in ((None, 0), (1, 1)):
        stage = Stage()
        stage.claim(0, SECOND)
        stage.leave(0, 5 * SECOND, "silent", seen=4 * SECOND)
        forget(stage, who)
        stage.claim(1, 60 * SECOND)
        assert len(stage.told) == events


def test_a_take_over_is_told_once() -> None:
    stage = Stage(size=3)
    stage.claim(0, SECOND)
    stage.leave(0, 21 * SECOND, "silent", seen=20 * SECOND)
    stage.claim(1, 22 * SECOND)
    stage.claim(2, 23 * SECOND)
    assert [event.nodes for event in stage.told] == [("a", "b")]


def test_two_masters_of_a_forgotten_group_are_over() -> None:
    stage = Stage("split_brain")
    stage.claim(0, SECOND)
    stage.claim(1, 2 * SECOND)
    stage.sight(0, 9 * SECOND)
    stage.sight(1, 9 * SECOND)
    forget(stage, 0)
    assert len(stage.findings(0)) == 1
    forget(stage, None)
    assert stage.findings(0) == []


def test_what_a_forgotten_node_sent_is_counted_for_it_no_more() -> None:
    stage = Stage("bad_ttl")
    for who in (0, 1):
        node = stage.nodes[who]
        node.adverts += 1
        stage.see(Refused(stage.group, node, SECOND, stage.next(), FailedCheck.TTL, "detail"))
    forget(stage, 0)
    assert [found.nodes for found in stage.findings(0)] == [("b",)]


def announced(stage: Stage, who: int, address: bytes, at: int) -> None:
    node = stage.nodes[who]
    node.announced[address] = at
    stage.group.announced[address] = None
    stage.see(
        Announced((), at, stage.next(), address, UCARP_MAC, UCARP_MAC, stage.group, node),
    )


def test_who_announced_last_is_forgotten_with_its_node() -> None:
    for who, frames in ((0, (4,)), (1, ()), (None, ())):
        stage = Stage("stale_arp")
        stage.nodes[0].mac = UCARP_MAC
        stage.claim(0, SECOND)
        stage.claim(1, 2 * SECOND)
        announced(stage, 0, OTHER, 3 * SECOND)
        announced(stage, 1, VIP, 3 * SECOND)
        forget(stage, who)
        stage.leave(1, 60 * SECOND, "yielded")
        assert [found.frames for found in stage.findings(99 * SECOND)] == [frames] * bool(frames)


def test_an_announcement_of_nobody_known_is_nobodys() -> None:
    stage = Stage("stale_arp")
    stage.nodes[0].mac = UCARP_MAC
    stage.claim(0, SECOND)
    stage.claim(1, 2 * SECOND)
    announced(stage, 1, VIP, 3 * SECOND)
    stage.see(Announced((), 4 * SECOND, 9, VIP, UCARP_MAC, None, stage.group, None))
    stage.leave(1, 5 * SECOND, "yielded")
    (found,) = stage.findings(99 * SECOND)
    assert found.frames == (3,)


def test_what_lured_a_forgotten_group_is_told_of_it_no_more() -> None:
    for who, told in ((0, True), (None, False)):
        stage = Stage("master_gap")
        stage.claim(0, SECOND)
        stage.leave(0, 9 * SECOND, "silent", seen=8 * SECOND)
        spoofed(stage, 10 * SECOND)
        forget(stage, who)
        stage.claim(1, 60 * SECOND)
        (found,) = stage.findings(60 * SECOND)
        assert ("Meanwhile" in found.explanation) == told


def test_changes_of_a_forgotten_group_count_no_more() -> None:
    for forgotten, count in ((False, 1), (True, 0)):
        stage = Stage("flapping")
        for change in range(4):
            stage.claim(change % 2, (10 + change) * SECOND)
            stage.leave(change % 2, (11 + change) * SECOND)
        if forgotten:
            forget(stage, None)
        stage.claim(0, 14 * SECOND)
        assert len(stage.findings(20 * SECOND)) == count
