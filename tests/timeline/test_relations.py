"""Who accepts whom, since when, and how sure that is."""

import ipaddress
from pathlib import Path

from carpscope.core.units import SECOND
from carpscope.timeline.relations import Relation, relations
from tests.auth.shipment import START
from tests.timeline.signers import OTHER, WORD, Says, Way, only, run

A, B = "10.0.0.1", "10.0.0.2"
ONE = Way(("10.0.0.50",))
NEW = Way(("10.0.0.50",), OTHER)


def told(folder: Path, talk: list[Says], words: list[bytes]) -> dict[tuple[str, str], Relation]:
    """Return relations by (receiver, sender)."""
    group = only(run(folder, talk, words, ["10.0.0.50"]))
    return {(r.receiver.id, r.sender.id): r for r in relations(group)}


def failover(claim: int) -> list[Says]:
    """A is alone and random, and falls silent at 10; B claims at 13 with a counter."""
    talk = [Says(s, A, 7919 * (s + 1) ** 3, ONE) for s in range(10)]
    return talk + [Says(13.4 + s, B, claim + s, ONE, skew=100) for s in range(10)]


def test_a_counter_that_continues_shows_acceptance(tmp_path: Path) -> None:
    found = told(tmp_path, failover(7919 * 10**3 + 1), [])[B, A]
    assert found.relation == "accepts"
    assert found.confidence > 0.95
    assert found.since == START + 9 * SECOND, "dated when it was heard"
    assert "continues the other's" in found.because


def test_a_counter_of_its_own_shows_none(tmp_path: Path) -> None:
    found = told(tmp_path, failover(5), [])[B, A]
    assert found.relation == "unknown", "refused or not received: nothing tells"
    assert "ignores the other's" in found.because
    assert found.confidence <= 0.5


def test_with_the_passphrase_the_same_is_told_apart(tmp_path: Path) -> None:
    just_started = told(tmp_path, failover(5), [WORD])[B, A]
    assert just_started.relation == "unknown", "who starts after the last one has heard none"
    assert told(tmp_path, cut(ONE), [WORD])[A, B].relation in ("deaf", "unknown")
    other = [says._replace(way=NEW) if says.source == B else says for says in failover(5)]
    assert told(tmp_path, other, [WORD, OTHER])[B, A].relation == "rejects"


def cut(later: Way) -> list[Says]:
    """Both count on from A's counter 109, which both sent or accepted."""
    talk = [Says(s, A, 100 + s, ONE if s < 10 else later) for s in range(40)]
    return talk + [Says(13.4 + s, B, 110 + s, ONE, skew=100) for s in range(25)]


def test_equal_counters_tell_loss_from_refusal(tmp_path: Path) -> None:
    loss = told(tmp_path, cut(ONE), [])[A, B]
    assert loss.relation in ("deaf", "unknown")
    refusal = told(tmp_path, cut(NEW), [])[A, B]
    assert refusal.relation == "rejects"
    assert "different HMACs of one counter" in refusal.because


def test_stepping_down_shows_acceptance(tmp_path: Path) -> None:
    """A constant counter says nothing; giving way does."""
    talk = [Says(s, B, 7, ONE, skew=100, impl="openbsd") for s in range(10)]
    talk += [Says(9.5 + s, A, 9, ONE, impl="openbsd") for s in range(10)]
    found = told(tmp_path, talk, [])[B, A]
    assert found.relation == "accepts"
    assert "stopped being MASTER" in found.because


def test_every_pair_has_a_relation_with_a_reason(tmp_path: Path) -> None:
    talk = [Says(s, f"10.0.0.{n}", s * 7919 + n, ONE) for s in range(5) for n in range(1, 6)]
    found = told(tmp_path, talk, [])
    assert len(found) == 20
    for one in found.values():
        assert one.relation in ("accepts", "rejects", "deaf", "unknown")
        assert one.because
        assert 0 <= one.confidence <= 1


C = "10.0.0.3"
TWO = Way(("10.0.0.50", "10.0.0.51"))


def between(seconds: range, source: str, first: int, way: Way, skew: int = 0) -> list[Says]:
    """Advertise once a second with a counter of one's own."""
    late = {A: 0.0, B: 0.2, C: 0.4}[source]
    return [Says(s + late, source, first * 7919 + s, way, skew) for s in seconds]


def test_who_yields_beside_a_third_master_has_heard(tmp_path: Path) -> None:
    """C refuses everybody and stays; B is deaf to A twice, and steps down for it in between."""
    talk = between(range(120), A, 1, ONE) + between(range(120), C, 500, TWO, 100)
    for first in (20, 60):
        talk += between(range(first, first + 10), B, first, ONE, 150)
    group = only(run(tmp_path, talk, [WORD], ["10.0.0.50", "10.0.0.51"]))
    entries = [r for r in relations(group) if (r.sender.id, r.receiver.id) == (A, B)]
    deaf = [r for r in entries if r.relation == "deaf"]
    assert len(deaf) == 2
    yielded = [r.end for r in group.nodes[ipaddress.ip_address(B).packed].master_periods]
    assert [r.until for r in deaf] == yielded, "each lasts until it steps down for the other"


def test_an_openbsd_that_signs_other_addresses_does_not_yield(tmp_path: Path) -> None:
    """Constant counters, addresses that differ: it fell silent, for whatever reason."""
    talk = [Says(s, A, 77, ONE) for s in range(40)]
    talk += [Says(10.4 + s * 1.391, B, 99, TWO, 100) for s in range(8)]
    group = only(run(tmp_path, talk, [WORD], ["10.0.0.50", "10.0.0.51"]))
    (period,) = group.nodes[ipaddress.ip_address(B).packed].master_periods
    assert period.ended_by == "silent"
    refused = {r.relation for r in relations(group) if r.until is None}
    assert refused == {"rejects"}
