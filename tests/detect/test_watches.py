"""What each detector makes of facts: where it begins to speak, and where it ends a situation.

Facts are made by hand, so that a limit can be met to the nanosecond.
"""

import pytest

from carpscope.auth.recipes import recipe
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.detect.finding import Finding
from carpscope.timeline.authentication import SigningSpan
from carpscope.timeline.contest import Contest
from carpscope.timeline.facts import (
    Announced,
)
from carpscope.wire.carp import interval_ns
from tests.detect.stage import Stage, spoofed

VIP = bytes((10, 0, 0, 100))
UCARP_MAC = bytes.fromhex("00005e000001")


# ---- CS101


@pytest.mark.parametrize(("advbase", "allowed"), [(1, 1120), (2, 2190), (10, 10_750)])
def test_how_long_an_election_explains_two_masters(advbase: int, allowed: int) -> None:
    for more, found in ((0, 0), (1, 1)):
        stage = Stage("split_brain", advbase=advbase)
        stage.claim(0, SECOND)
        stage.claim(1, 2 * SECOND)
        stage.leave(0, 2 * SECOND + allowed * MILLISECOND + more, "yielded")
        assert len(stage.findings(99 * SECOND)) == found


def test_the_slower_of_two_masters_decides_what_is_allowed() -> None:
    stage = Stage("split_brain")
    stage.nodes[1].advbase, stage.nodes[1].advskew = 2, 128
    stage.claim(0, SECOND)
    stage.claim(1, 2 * SECOND)
    stage.leave(1, 2 * SECOND + 2725 * MILLISECOND)
    assert stage.findings(0) == []


def brains(stage: Stage, who: int, start: Nanos, end: Nanos) -> None:
    stage.claim(who, start)
    stage.sight(0, start + SECOND)
    stage.sight(who, end)
    stage.leave(who, end)


@pytest.mark.parametrize(("more", "count"), [(0, 1), (1, 2)])
def test_two_masters_again_soon_are_the_same_situation(more: Nanos, count: int) -> None:
    """A split brain says until when: two waits of the slowest backup that it may be."""
    stage = Stage("split_brain")
    stage.claim(0, SECOND)
    brains(stage, 1, 10 * SECOND, 20 * SECOND)
    (first,) = stage.findings(20 * SECOND)
    again = first.rests + more
    assert 26 * SECOND < first.rests < 30 * SECOND
    brains(stage, 1, again, again + 10 * SECOND)
    found = stage.findings(60 * SECOND)
    assert len(found) == count
    assert (found[0].start, found[-1].end) == (10 * SECOND, again + 10 * SECOND)
    assert sum(f.frame_count for f in found) == 4
    assert ("in 2 stretches" in found[0].explanation) == (count == 1)


def test_stretches_that_are_less_than_half_of_the_time_are_situations_of_their_own() -> None:
    stage = Stage("split_brain")
    stage.claim(0, SECOND)
    for start in (10, 24, 38):
        brains(stage, 1, start * SECOND, (start + 4) * SECOND)
    found = stage.findings(60 * SECOND)
    assert [(f.start // SECOND, f.end // SECOND) for f in found] == [(10, 14), (24, 28), (38, 42)]


def test_of_several_situations_the_latest_goes_on() -> None:
    stage = Stage("split_brain")
    stage.claim(0, SECOND)
    for start in (10, 100, 110, 200):
        brains(stage, 1, start * SECOND, (start + 5) * SECOND)
    found = stage.findings(0)
    assert [(f.start // SECOND, f.end // SECOND) for f in found] == [
        (10, 15),
        (100, 115),
        (200, 205),
    ]


def test_other_nodes_are_another_situation() -> None:
    stage = Stage("split_brain", size=3)
    stage.claim(0, SECOND)
    brains(stage, 1, 10 * SECOND, 15 * SECOND)
    brains(stage, 2, 20 * SECOND, 25 * SECOND)
    assert [f.nodes for f in stage.findings(0)] == [("a", "b"), ("a", "c")]


def test_who_joins_two_masters_belongs_to_them_until_one_is_left() -> None:
    stage = Stage("split_brain", size=3)
    for who in range(3):
        stage.claim(who, (1 + who) * SECOND)
    stage.leave(0, 10 * SECOND)
    stage.sight(1, 12 * SECOND)
    stage.sight(2, 12 * SECOND)
    (going,) = stage.findings(0)
    assert (going.nodes, going.ongoing, going.end) == (("a", "b", "c"), True, 12 * SECOND)
    # two or more at once from 2 to 12 s: a until 10 s, b all the time, c from 3 s on
    assert going.summary == (
        "a, b and c have all been MASTER, two or more of them at once for 10.0 s"
    )
    assert "a (1/0) was MASTER for 8.0 s" in going.explanation
    assert "c (1/0) was MASTER for 9.0 s" in going.explanation
    stage.leave(2, 14 * SECOND)
    (over,) = stage.findings(0)
    assert (over.ongoing, over.start, over.end) == (False, 2 * SECOND, 14 * SECOND)
    assert over.identity == going.identity
    assert over.explanation.startswith("More than one advertised")


def test_a_capture_that_ends_leaves_two_masters_as_they_are() -> None:
    stage = Stage("split_brain")
    stage.claim(0, SECOND)
    stage.claim(1, 2 * SECOND)
    stage.leave(0, 9 * SECOND, "capture")
    (found,) = stage.findings(0)
    assert (found.ongoing, found.summary) == (True, "a and b have both been MASTER for 7.0 s")


# ---- CS102


def gap(length: Nanos, **shape: int) -> list[Finding]:
    stage = Stage("master_gap", **shape)  # type: ignore[arg-type]
    stage.claim(0, SECOND)
    stage.leave(0, 9 * SECOND, "silent", seen=8 * SECOND)
    stage.claim(1, 8 * SECOND + length)
    return stage.findings(8 * SECOND + length)


@pytest.mark.parametrize(
    ("shape", "limit"),
    [({}, 4528), ({"advbase": 2}, 8513), ({"advskew": 128}, 6168)],
)
def test_how_long_a_take_over_may_take(shape: dict[str, int], limit: int) -> None:
    """A quarter longer than the slowest system waits, its lateness included, and half a second."""
    assert gap(limit * MILLISECOND, **shape) == []
    (found,) = gap((limit + 1) * MILLISECOND, **shape)
    assert (found.start, found.end) == (8 * SECOND, 8 * SECOND + (limit + 1) * MILLISECOND)
    assert (found.nodes, found.ongoing, found.frames) == (("a", "b"), False, (1, 2))


def test_freebsd_is_known_to_wait_less() -> None:
    stage = Stage("master_gap", advskew=128)
    for node in stage.nodes:
        node.tos[0xE0] += 1
    stage.claim(0, SECOND)
    stage.leave(0, 9 * SECOND, "silent", seen=8 * SECOND)
    stage.claim(1, 8 * SECOND + 5700 * MILLISECOND)
    assert len(stage.findings(0)) == 1


def test_nobody_until_now_is_a_gap_that_goes_on() -> None:
    stage = Stage("master_gap")
    assert stage.findings(99 * SECOND) == []
    stage.claim(0, SECOND)
    stage.nodes[0].due = 3 * SECOND
    assert stage.findings(3 * SECOND) == []
    assert stage.findings(9 * SECOND) == [], "nobody else was heard: what is silent is the vantage"
    assert "cannot be seen from here" in next(iter(stage.observer.alive.remarks))
    for last in (7, 8):
        stage.observer.alive.note((), bytes((2, 0, 0, 0, 0, last)), 4250 * MILLISECOND, 0)
    assert stage.findings(5 * SECOND + 528 * MILLISECOND) == []
    (found,) = stage.findings(5 * SECOND + 529 * MILLISECOND)
    assert (found.ongoing, found.nodes, found.start) == (True, ("a",), SECOND)
    assert found.summary == "nobody is MASTER since 00:00:01 UTC; a is silent"
    stage.nodes[0].due = 99 * SECOND
    assert stage.findings(98 * SECOND) == [], "its next advertisement is not due yet"


def test_what_lured_the_others_is_told_with_the_gap_it_made() -> None:
    stage = Stage("master_gap")
    stage.claim(0, SECOND)
    stage.leave(0, 9 * SECOND, "silent", seen=8 * SECOND)
    for second in range(9, 39):
        spoofed(stage, second * SECOND)
    stage.claim(1, 60 * SECOND)
    (found,) = stage.findings(60 * SECOND)
    assert "Meanwhile 30 advertisements that no node sent kept the others silent" in (
        found.explanation
    )
    assert len(found.frames) == found.frame_count == 1 + 13 + 1
    stage.leave(1, 62 * SECOND, "silent", seen=61 * SECOND)
    stage.claim(0, 80 * SECOND)
    assert "Meanwhile" not in stage.findings(80 * SECOND)[1].explanation


def test_beside_another_master_there_is_no_gap() -> None:
    stage = Stage("master_gap", size=3)
    stage.claim(0, SECOND)
    stage.leave(0, 9 * SECOND, "silent", seen=8 * SECOND)
    stage.claim(1, 10 * SECOND)
    stage.claim(2, 60 * SECOND)
    assert stage.findings(61 * SECOND) == []


# ---- CS103


@pytest.mark.parametrize(("advskew", "count"), [(0, 1), (239, 1), (240, 0), (254, 0)])
def test_equal_values_below_what_a_demoted_freebsd_says(advskew: int, count: int) -> None:
    stage = Stage("equal_skew_tie", advskew=advskew)
    stage.claim(0, SECOND)
    assert stage.findings(0) == []
    stage.leave(0, 3 * SECOND)
    stage.claim(1, 4 * SECOND)
    assert len(stage.findings(0)) == count


def test_who_shares_which_values() -> None:
    stage = Stage("equal_skew_tie", size=5, advskew=50)
    stage.nodes[2].advskew = stage.nodes[3].advskew = 60
    stage.nodes[4].advbase = 2
    for who in range(5):
        stage.claim(who, (1 + who) * SECOND)
    found = stage.findings(0)
    assert [f.nodes for f in found] == [("a", "b"), ("c", "d")]
    assert (found[0].start, found[0].end, found[0].frame_count) == (
        SECOND,
        SECOND + interval_ns(1, 50),
        4,
    )
    pair = {n.id: n for n in stage.nodes[:2]}
    other = {n.id: n for n in (stage.nodes[0], stage.nodes[2])}
    stage.group.contests += [Contest(0, 1, pair), Contest(2, 3, pair), Contest(4, 5, other)]
    told = [f.explanation for f in stage.findings(0)]
    assert "Both became MASTER at once (twice)." in told[0]
    assert "They claimed" not in told[1]


def test_two_that_claimed_at_once_have_a_second_to_be_seen() -> None:
    stage = Stage("equal_skew_tie")
    for who in range(2):
        stage.claim(who, 5 * SECOND)
    (found,) = stage.findings(0)
    assert (found.start, found.end) == (5 * SECOND, 6 * SECOND)


# ---- CS104


def changes(stage: Stage, times: list[Nanos]) -> None:
    """Change the master at each of these."""
    for count, at in enumerate(times):
        if count:
            stage.leave((count - 1) % 2, at)
        stage.claim(count % 2, at)


@pytest.mark.parametrize(
    ("advbase", "span", "count"),
    [
        (1, 30 * SECOND, 1),
        (1, 30 * SECOND + 1, 0),
        (2, 60 * SECOND, 1),
        (2, 60 * SECOND + 1, 0),
        (0, 30 * SECOND, 1),
    ],
)
def test_four_changes_within_thirty_advbase(advbase: int, span: Nanos, count: int) -> None:
    stage = Stage("flapping", advbase=advbase)
    # the first election counts for nothing
    changes(stage, [SECOND, 10 * SECOND, 12 * SECOND, 13 * SECOND, 10 * SECOND + span])
    found = stage.findings(0)
    assert len(found) == count
    if found:
        assert (found[0].start, found[0].end) == (10 * SECOND, 10 * SECOND + span)
        assert found[0].frame_count == 4
        assert found[0].summary.startswith("the master changed 4 times within ")


def test_three_changes_are_not_enough() -> None:
    stage = Stage("flapping")
    changes(stage, [n * SECOND for n in range(1, 5)])
    assert stage.findings(0) == []


def test_a_claim_that_comes_to_nothing_at_once_is_none() -> None:
    for lasting, count in ((250, 0), (251, 1)):
        stage = Stage("flapping")
        stage.claim(0, SECOND)
        for second in range(10, 14):
            stage.claim(1, second * SECOND)
            stage.leave(1, second * SECOND + lasting * MILLISECOND, "yielded")
        assert len(stage.findings(0)) == count


def test_what_follows_after_a_pause_is_another_situation() -> None:
    # as long as the next change makes four within thirty seconds it goes on
    for pause, count in ((28 * SECOND, 1), (28 * SECOND + 1, 2)):
        stage = Stage("flapping")
        first = [n * SECOND for n in (1, 10, 11, 12, 13)]
        again = [13 * SECOND + pause + n * SECOND for n in range(4)]
        changes(stage, first + again)
        found = stage.findings(0)
        assert len(found) == count
        assert sum(f.frame_count for f in found) == 8
        assert {f.nodes for f in found} == {("b", "a")}
        assert found[0].identity == stage.findings(999 * SECOND)[0].identity, "asking changes none"


def test_a_claim_counts_once_one_alone_is_left() -> None:
    """While two advertise nothing is decided; what was told before stays told."""
    stage = Stage("flapping", size=3)
    changes(stage, [n * SECOND for n in (1, 10, 11, 12, 13)])
    stage.claim(2, 14 * SECOND)
    assert stage.findings(0)[0].frame_count == 4
    stage.leave(2, 14 * SECOND + 100 * MILLISECOND, "yielded")
    (found,) = stage.findings(0)
    assert (found.frame_count, found.end) == (4, 13 * SECOND)


def test_flapping_goes_on_until_ten_seconds_of_peace() -> None:
    stage = Stage("flapping")
    changes(stage, [n * SECOND for n in (1, 10, 11, 12, 13)])
    assert stage.findings(23 * SECOND - 1)[0].ongoing
    assert not stage.findings(23 * SECOND)[0].ongoing


def test_what_is_over_is_kept_in_bounds() -> None:
    stage = Stage("split_brain", "master_gap", "flapping")
    stage.claim(0, 0)
    at = 0
    for _ in range(520):
        at += 100 * SECOND
        brains(stage, 1, at, at + 5 * SECOND)
    found = stage.findings(at)
    assert len(found) == 500
    assert found[-1].end == at + 5 * SECOND, "the latest are"
    gaps = Stage("master_gap")
    for n in range(230):
        gaps.claim(0, n * 100 * SECOND)
        gaps.leave(0, (n * 100 + 2) * SECOND, "silent", seen=(n * 100 + 1) * SECOND)
    gaps.nodes[0].due = 1 << 60
    assert len(gaps.findings(0)) == 200
    flaps = Stage("flapping")
    for n in range(230):
        base = n * 100 * SECOND
        for change in range(5):
            if n or change:
                flaps.leave((change + 1) % 2, base + change * SECOND)
            flaps.claim(change % 2, base + change * SECOND)
        flaps.leave(0, base + 5 * SECOND)
        flaps.claim(1, base + 5 * SECOND)
    # the last one goes on
    assert len(flaps.findings(1 << 60)) == 200 + 1


# ---- CS105


def stale(winner_mac: bytes = UCARP_MAC) -> Stage:
    stage = Stage("stale_arp")
    stage.nodes[0].mac = winner_mac
    stage.claim(0, SECOND)
    stage.claim(1, 2 * SECOND)
    stage.group.announced[VIP] = None
    announce(stage, 0, 2 * SECOND)
    announce(stage, 1, 3 * SECOND)
    stage.leave(1, 4 * SECOND, "yielded")
    return stage


def announce(stage: Stage, who: int, at: Nanos) -> None:
    node = stage.nodes[who]
    node.announced[VIP] = at
    stage.see(
        Announced((), at, stage.next(), VIP, UCARP_MAC, UCARP_MAC, stage.group, node),
    )


def test_a_loser_that_announced_last() -> None:
    stage = stale()
    assert stage.findings(7 * SECOND - 1) == []
    (found,) = stage.findings(7 * SECOND)
    assert (found.nodes, found.ongoing) == (("b", "a"), True)
    assert (found.start, found.end, found.frames) == (4 * SECOND, 7 * SECOND, (4,))


@pytest.mark.parametrize(("at", "count"), [(7 * SECOND - 1, 0), (7 * SECOND, 1)])
def test_a_winner_that_announces_again_soon_heals_it(at: Nanos, count: int) -> None:
    stage = stale()
    announce(stage, 0, at)
    announce(stage, 0, 50 * SECOND)
    found = stage.findings(99 * SECOND)
    assert len(found) == count
    if found:
        assert (found[0].end, found[0].ongoing) == (at, False)


def test_losers_are_kept_in_bounds() -> None:
    stage = stale()
    for n in range(5, 250):
        stage.claim(1, n * SECOND)
        announce(stage, 1, n * SECOND)
        stage.leave(1, n * SECOND + 1, "yielded")
    assert len(stage.findings(9999 * SECOND)) == 200


def test_between_two_that_are_left_nobody_has_won_yet() -> None:
    stage = Stage("stale_arp", size=3)
    stage.nodes[0].mac = UCARP_MAC
    for who in range(3):
        stage.claim(who, SECOND)
    stage.group.announced[VIP] = None
    announce(stage, 1, 2 * SECOND)
    stage.leave(1, 4 * SECOND, "yielded")
    assert stage.findings(99 * SECOND) == []


def test_another_address_or_node_heals_nothing() -> None:
    stage = stale()
    other = bytes((10, 0, 0, 101))
    stage.see(Announced((), 5 * SECOND, 9, other, UCARP_MAC, None, stage.group, stage.nodes[0]))
    announce(stage, 1, 5 * SECOND)
    stage.see(Announced((), 5 * SECOND, 9, VIP, UCARP_MAC, None, None, None))
    (found,) = stage.findings(99 * SECOND)
    assert found.ongoing


def test_between_kernels_the_next_advertisement_heals_it() -> None:
    assert stale(bytes.fromhex("00005e000101")).findings(99 * SECOND) == []


def test_who_announced_last_is_not_stale_if_it_won() -> None:
    stage = Stage("stale_arp")
    stage.nodes[1].mac = UCARP_MAC
    stage.group.announced[VIP] = None
    stage.claim(0, SECOND)
    stage.claim(1, 2 * SECOND)
    announce(stage, 1, 3 * SECOND)
    announce(stage, 0, 3 * SECOND)
    stage.leave(1, 4 * SECOND, "yielded")
    assert stage.findings(99 * SECOND) == []
    again = Stage("stale_arp")
    again.nodes[1].mac = UCARP_MAC
    again.group.announced[VIP] = None
    again.claim(0, SECOND)
    again.claim(1, 2 * SECOND)
    announce(again, 1, 3 * SECOND)
    again.leave(1, 4 * SECOND, "silent")
    assert again.findings(99 * SECOND) == [], "it fell silent: nobody said who won"


# ---- CS204


@pytest.mark.parametrize(("low", "high", "threefold"), [(1, 3, False), (1, 4, True), (2, 6, False)])
def test_how_different_advbases_may_be(low: int, high: int, *, threefold: bool) -> None:
    stage = Stage("advbase_mismatch")
    stage.nodes[0].advbase, stage.nodes[1].advbase = low, high
    for who in range(2):
        for at in range(1, 8):
            stage.claim(who, (at + who) * SECOND)
            if at < 7:
                stage.leave(who, (at + who) * SECOND)
    assert stage.findings(0) == [], "they were never beside each other"
    stage.group.contests.append(Contest(0, 1, {n.id: n for n in stage.nodes}))
    (found,) = stage.findings(0)
    assert ("threefold" in found.explanation) == threefold
    assert f"waits {3 * high} s" in found.explanation
    assert (found.start, found.end, found.frame_count) == (2 * SECOND, 8 * SECOND, 16)
    assert found.frames == (*range(1, 7), *range(8, 14)), "six MASTER periods of each"
    stage.nodes[1].advbase = low
    assert stage.findings(0) == []


def test_advbases_of_nodes_that_never_met_beside_one_that_did() -> None:
    stage = Stage("advbase_mismatch", size=3)
    stage.nodes[2].advbase = 3
    for who in range(3):
        stage.claim(who, (1 + who) * SECOND)
    stage.group.contests.append(Contest(0, 1, {n.id: n for n in stage.nodes[:2]}))
    assert stage.findings(0) == []
    stage.group.contests.append(Contest(2, 3, {n.id: n for n in stage.nodes[1:]}))
    assert len(stage.findings(0)) == 1


# ---- CS303


@pytest.mark.parametrize(
    ("number", "count", "summary", "explanation"),
    [
        (0, 1, "a signs with the empty passphrase, which is no secret", "1 advertisement verifies"),
        (0, 2, "a signs with the empty passphrase, which is no secret", "2 advertisements verify"),
        (1, 2, "a signs with passphrase #1, a word that manuals print", "2 advertisements verify"),
        (2, 2, "", ""),
    ],
)
def test_a_passphrase_that_everybody_knows(
    number: int, count: int, summary: str, explanation: str
) -> None:
    stage = Stage("weak_passphrase", words=(b"pass", b"R4nd0m-but-long-x"))
    key = next(k for k in stage.observer.keyring.keys if k.number == number)
    signs = recipe(1, key, (VIP,))
    stage.nodes[0].authentication.spans = [SigningSpan(signs, SECOND, 3, 4 * SECOND, 9, count)]
    found = stage.findings(0)
    assert [f.summary for f in found] == [summary] * bool(summary)
    if summary:
        assert found[0].explanation.startswith(f"{explanation} with ")
        assert (found[0].start, found[0].end, found[0].frames) == (SECOND, 4 * SECOND, (3, 9))
        assert (found[0].frame_count, found[0].nodes) == (count, ("a",))


def test_evidence_of_a_weak_passphrase_is_bounded() -> None:
    stage = Stage("weak_passphrase", words=(b"pass",))
    signs = recipe(1, stage.observer.keyring.keys[0], (VIP,))
    spans = [SigningSpan(signs, n * SECOND, 2 * n, n * SECOND, 2 * n + 1, 5) for n in range(30)]
    stage.nodes[0].authentication.spans = spans
    (found,) = stage.findings(0)
    assert found.frames == tuple(range(24))
    assert found.frame_count == 150
