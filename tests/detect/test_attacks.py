"""spoofed advertisements, dropped advertisements, foreign routers and events, of made facts."""

import pytest

from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.detect.rules.cs507_vrrp_vrid_conflict import VridConflict
from carpscope.detect.spoofed import ATTACKS_KEPT, Attack, AttackWatch
from carpscope.protocol.spans import QUIET
from carpscope.timeline.facts import (
    Changed,
    FailedCheck,
    Foreign,
    Refused,
    Spoofed,
)
from carpscope.timeline.group import Group
from carpscope.timeline.impostor import SpoofKind
from carpscope.timeline.log import SignedCounter
from carpscope.timeline.node import AdvertisedChange
from tests.detect.stage import VIEW, Stage, spoofed

# ---- CS30x


def test_deceits_that_follow_each_other_are_one_attack() -> None:
    for pause, count in ((QUIET, 1), (QUIET + 1, 2)):
        stage = Stage("replayed_advert", "forged_skew", "looped_advert")
        stage.claim(0, SECOND)
        spoofed(stage, 10 * SECOND, back=5 * SECOND)
        spoofed(stage, 10 * SECOND + pause, back=5 * SECOND)
        found = stage.findings(0)
        assert [f.label for f in found] == ["replayed_advert"] * count
        assert found[0].confidence == (0.95 if count == 1 else 0.8)
        copied = "2 earlier advertisements" if count == 1 else "one earlier advertisement"
        assert found[0].explanation.startswith(f"{copied} came again")
        assert (found[0].start, found[-1].end) == (10 * SECOND, 10 * SECOND + pause)


def test_no_replay_is_told_while_it_may_be_the_beginning_of_a_loop() -> None:
    """Live looks milliseconds after the first frame of a loop came back."""

    def due(at: Nanos) -> list[str]:
        return [one.label for one in stage.findings(at) if one.settles <= at]

    stage = Stage("replayed_advert", "looped_advert")
    stage.claim(0, SECOND)
    for second in range(11, 14):
        assert due(second * SECOND) == []
        spoofed(stage, second * SECOND, back=15 * MILLISECOND)
        labels = due(second * SECOND + 15 * MILLISECOND)
        assert labels == (["looped_advert"] if second == 13 else [])
    for back, label in ((15, "looped_advert"), (400, "replayed_advert")):
        stage = Stage("replayed_advert", "looped_advert")
        stage.claim(0, SECOND)
        spoofed(stage, 11 * SECOND, back=back * MILLISECOND)
        assert due(18 * SECOND) == [], "a loop that returns every seventh"
        assert due(19 * SECOND) == [label]


def test_each_kind_of_deceit_is_another_attack() -> None:
    stage = Stage("replayed_advert", "forged_skew", "looped_advert")
    stage.claim(0, SECOND)
    spoofed(stage, 10 * SECOND, SpoofKind.FORGED)
    for second in range(11, 14):
        spoofed(stage, second * SECOND, back=40 * MILLISECOND)
    forged, looped = stage.findings(0)
    assert (forged.label, looped.label) == ("forged_skew", "looped_advert")
    assert forged.summary.endswith("was forged to say 255/255 (a bow-out)")
    assert "40.0 ms after they were sent" in looped.explanation
    uneven = Stage("looped_advert")
    uneven.claim(0, SECOND)
    for second, late in ((11, 40), (12, 90), (13, 20), (14, 30)):
        spoofed(uneven, second * SECOND, back=late * MILLISECOND)
    assert "20.0 to 90.0 ms after they were sent" in uneven.findings(0)[0].explanation


def test_who_and_what_an_attack_names_is_bounded() -> None:
    stage = Stage("forged_skew", "replayed_advert")
    stage.claim(0, SECOND)
    (forged, _) = stage.watches
    for n in range(300):
        original = SignedCounter(bytes((10, 0, 0, 1)), n, n, (1, 0, n % 2))
        view = VIEW._replace(advskew=n % 20)
        source = bytes((10, 0, 1, n % 20))
        stage.see(
            Spoofed(
                stage.group, stage.nodes[0], n * SECOND, n, SpoofKind.FORGED, original, source, view
            )
        )
    (found,) = stage.findings(0)
    assert found.summary.count("255/") == 16
    assert found.explanation.count("10.0.1.") == 16
    assert "that said 1/0 demote 1, " in found.explanation, "the latest one's"
    assert found.frame_count == 300
    assert isinstance(forged, AttackWatch)
    (attack,) = forged._attacks.values()
    assert len(attack.originals) == 256


def test_a_deceit_of_nobody_known() -> None:
    stage = Stage("replayed_advert")
    original = SignedCounter(bytes((10, 0, 0, 1)), 0, 1, (1, 0, 0))
    fact = Spoofed(
        stage.group, None, 5 * SECOND, 9, SpoofKind.REPLAYED, original, bytes((10, 0, 0, 9)), VIEW
    )
    stage.see(fact)
    (found,) = stage.findings(0)
    assert found.nodes == ("unknown",)
    assert found.explanation.startswith("one earlier advertisement came again")
    assert "were sent again once by" in found.summary


def test_attacks_that_are_over_are_kept_in_bounds() -> None:
    stage = Stage("forged_skew")
    stage.claim(0, SECOND)
    for n in range(ATTACKS_KEPT + 5):
        spoofed(stage, (10 + 31 * n) * SECOND, SpoofKind.FORGED)
    assert len(stage.findings(0)) == ATTACKS_KEPT + 1, "and the one that goes on"


def attacked(start: int, end: int, *, seen: int, left: int | None, by: str = "silent") -> str:
    """Say what an attack from `start` to `end` did to a node MASTER from 5 on (seconds)."""
    stage = Stage("forged_skew")
    stage.claim(0, 5 * SECOND)
    stage.nodes[0].master_periods[-1].seen = seen * SECOND
    if left is not None:
        stage.leave(0, left * SECOND, by)
    spoofed(stage, start * SECOND, SpoofKind.FORGED)
    spoofed(stage, end * SECOND, SpoofKind.FORGED)
    (found,) = stage.findings(0)
    return found.explanation.partition("Effect: ")[2]


@pytest.mark.parametrize(
    ("seen", "left", "by", "told"),
    [
        (30, None, "", "the real nodes did not react."),
        (30, 30, "silent", "the real nodes did not react."),
        (20, 21, "yielded", "a was no longer MASTER after it began."),
        (20, 21, "capture", "the real nodes did not react."),
        (9, 9, "yielded", "a was no longer MASTER after it began; no real master advertised for "),
        (8, 8, "yielded", "no real master advertised for about 10.0 s of it."),
        (17, 40, "silent", "the real nodes did not react."),
        (16, 40, "silent", "no real master advertised for about 4.0 s of it."),
    ],
)
def test_what_an_attack_achieved(seen: int, left: int | None, by: str, told: str) -> None:
    assert attacked(10, 20, seen=seen, left=left, by=by).startswith(told)


# ---- CS504 to CS507


def test_dropped_advertisements_are_counted_by_node_and_reason() -> None:
    stage = Stage("bad_ttl", "bad_checksum", "wrong_destination")
    for node in stage.nodes:
        node.adverts = 0
    for who, check in (
        (0, FailedCheck.TTL),
        (0, FailedCheck.TTL),
        (1, FailedCheck.TTL),
        (0, FailedCheck.CHECKSUM),
    ):
        node, frame = stage.nodes[who], stage.next()
        node.adverts += 1
        stage.see(Refused(stage.group, node, frame * SECOND, frame, check, f"detail {frame}"))
    found = {(f.label, f.nodes): f for f in stage.findings(0)}
    assert set(found) == {("bad_ttl", ("a",)), ("bad_ttl", ("b",)), ("bad_checksum", ("a",))}
    twice = found["bad_ttl", ("a",)]
    assert (twice.start, twice.end, twice.frames) == (SECOND, 2 * SECOND, (1, 2))
    assert twice.summary.startswith("2 of 3 advertisements of a have a TTL other than 255")
    assert twice.explanation.startswith("detail 1 (first of 2), ")
    assert found["bad_ttl", ("b",)].summary.startswith("all advertisements of b have")


def router(stage: Stage, host: int, *, vrid: int = 1, version: int = 2, mac: bytes | None) -> None:
    frame = stage.next()
    source = bytes((10, 0, 1, host))
    stage.see(
        Foreign(
            (),
            vrid,
            frame * SECOND,
            frame,
            version,
            100,
            source,
            mac,
            True,
            True,
            SECOND,
            (),
        )
    )


def test_routers_of_the_same_number() -> None:
    stage = Stage("vrrp_vrid_conflict", vhid=7)
    router(stage, 1, vrid=7, mac=bytes.fromhex("00005e000107"))
    router(stage, 2, vrid=7, version=3, mac=None)
    router(stage, 3, vrid=8, mac=None)
    (found,) = stage.findings(0)
    assert found.summary == (
        "VRRP v2 and v3 from 10.0.1.1 and 10.0.1.2 uses the number 7 of this CARP group"
    )
    assert "from 00:00:5e:00:01:07, while the CARP nodes send from" in found.explanation
    assert (found.frames, found.start, found.end) == ((1, 2), SECOND, 2 * SECOND)


def test_a_flood_of_routers_is_counted_and_not_kept() -> None:
    stage = Stage("vrrp_vrid_conflict")
    for host in range(1, 31):
        router(stage, host, mac=bytes(5) + bytes((host,)))
    (found,) = stage.findings(0)
    assert (len(found.nodes), found.frame_count) == (16, 30)
    assert "no MAC is shared" in found.explanation
    (watch,) = stage.watches
    assert isinstance(watch, VridConflict)
    assert [len(kept.macs) for kept in watch._routers.values()] == [16]


def test_a_flood_of_numbers_and_vlans_is_not_kept_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carpscope.detect.rules.cs507_vrrp_vrid_conflict.SITUATION_LIMIT", 3)
    stage = Stage("vrrp_vrid_conflict", vhid=4)
    for vrid in (1, 2, 3, 4, 3):
        router(stage, 1, vrid=vrid, mac=None)
    assert stage.findings(0) == []
    (watch,) = stage.watches
    assert isinstance(watch, VridConflict)
    assert [kept.evidence.count for kept in watch._routers.values()] == [1, 1, 2]


# ---- events


def last(stage: Stage) -> tuple[str, tuple[str, ...], Nanos, Nanos]:
    event = stage.told[-1]
    return event.label, event.nodes, event.start, event.end


def test_the_first_election_and_a_return_are_no_events() -> None:
    stage = Stage()
    stage.claim(0, SECOND)
    stage.leave(0, 5 * SECOND)
    stage.claim(0, 20 * SECOND)
    assert stage.told == []


@pytest.mark.parametrize(
    ("by", "label", "start"),
    [
        ("silent", "failover", 4 * SECOND),
        ("capture", "failover", 4 * SECOND),
        ("bow-out", "clean_handover", 5 * SECOND),
    ],
)
def test_who_follows_one_that_left(by: str, label: str, start: Nanos) -> None:
    stage = Stage()
    stage.claim(0, SECOND)
    stage.leave(0, 5 * SECOND, by, seen=4 * SECOND)
    stage.claim(1, 8 * SECOND)
    assert last(stage) == (label, ("a", "b"), start, 8 * SECOND)
    assert stage.told[-1].frames == (1, 2)
    stage.leave(1, 9 * SECOND, "yielded")
    stage.claim(0, 10 * SECOND)
    assert len(stage.told) == 1, "who yielded to nobody is followed without a name"


def beside(by: str, *, at: int = 11, seen: int = 10, won: int = 10) -> Stage:
    """Let b claim at `won` beside a, which leaves at `at`."""
    stage = Stage()
    stage.claim(0, SECOND)
    stage.claim(1, won * SECOND)
    stage.leave(0, at * SECOND, by, seen=seen * SECOND)
    return stage


def test_who_claims_beside_a_master_that_gives_way() -> None:
    assert last(beside("yielded")) == ("preemption", ("a", "b"), 10 * SECOND, 11 * SECOND)
    assert last(beside("bow-out")) == ("clean_handover", ("a", "b"), 10 * SECOND, 11 * SECOND)
    assert last(beside("silent", seen=9)) == ("failover", ("a", "b"), 10 * SECOND, 11 * SECOND)
    assert last(beside("silent", seen=10))[0] == "preemption"
    assert beside("silent", seen=13, at=14).told == [], "they ignored each other"
    assert beside("capture").told == []
    late = Stage()
    late.claim(1, SECOND)
    late.claim(0, 2 * SECOND)
    late.leave(0, 3 * SECOND, "yielded")
    assert late.told == [], "it came later and lost"


def test_of_several_the_latest_took_over() -> None:
    stage = Stage(size=3)
    for who in range(3):
        stage.claim(who, (1 + 5 * who) * SECOND)
    stage.leave(0, 12 * SECOND, "yielded")
    assert last(stage) == ("preemption", ("a", "c"), 11 * SECOND, 12 * SECOND)


def test_after_two_that_ignored_each_other_one_is_followed() -> None:
    for waits, count in ((4528 * MILLISECOND, 1), (4529 * MILLISECOND, 0)):
        stage = Stage(size=3)
        stage.claim(0, SECOND)
        stage.claim(1, 2 * SECOND)
        stage.leave(0, 21 * SECOND, "silent", seen=20 * SECOND)
        assert stage.told == []
        stage.claim(2, 21 * SECOND + waits)
        assert [e.nodes for e in stage.told] == [("a", "c")] * count


@pytest.mark.parametrize(
    ("what", "before", "after", "early", "when", "label"),
    [
        ("demote", 0, 1, False, 10, "clean_handover"),
        ("demote", 0, 1, False, 7, "clean_handover"),
        ("demote", 0, 1, False, 6, "clean_handover"),
        ("demote", 0, 1, False, 11, "preemption"),
        ("demote", 1, 0, False, 9, "preemption"),
        ("advskew", 0, 240, False, 9, "clean_handover"),
        ("advskew", 0, 100, True, 9, "clean_handover"),
        ("advskew", 0, 100, False, 9, "preemption"),
        ("advbase", 1, 2, True, 9, "preemption"),
    ],
)
def test_what_counts_as_giving_way_to_a_demotion(
    what: str, before: int, after: int, early: bool, when: int, label: str
) -> None:
    stage = Stage()
    stage.claim(0, SECOND)
    stage.nodes[0].changes.append(AdvertisedChange(when * SECOND, 5, what, before, after, early))
    stage.claim(1, 10 * SECOND)
    stage.leave(0, 11 * SECOND, "yielded")
    assert last(stage)[0] == label


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (AdvertisedChange(SECOND, 3, "advskew", 0, 9), ["advskew of a rose from 0 to 9"]),
        (AdvertisedChange(SECOND, 3, "demote", 9, 1), ["demotion count of a fell from 9 to 1"]),
        (AdvertisedChange(SECOND, 3, "advbase", 1, 9), []),
    ],
)
def test_changes_of_demotion_are_told(change: AdvertisedChange, told: list[str]) -> None:
    stage = Stage()
    stage.see(Changed(stage.group, stage.nodes[0], change))
    assert [e.summary for e in stage.told] == told
    for event in stage.told:
        assert (event.label, event.nodes, event.frames) == ("demotion", ("a",), (3,))
        assert (event.start, event.end, event.group) == (SECOND, SECOND, "vhid1")


def test_the_port_is_named_by_a_mac_that_is_no_nodes() -> None:
    attack = Attack(Group((), 1), "a", SpoofKind.FORGED, 0, 1)
    attack.sources[bytes(4)] = None
    assert attack.port.endswith("come from")
    attack.sources[bytes(4)] = bytes((2, 0, 0, 0, 0, 7))
    assert attack.port.endswith("come from (MAC 02:00:00:00:00:07)")
