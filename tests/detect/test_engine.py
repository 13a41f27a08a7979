"""Causes linked, findings put in order, evidence kept in bounds."""

import pytest

from carpscope.core.units import MILLISECOND, SECOND
from carpscope.detect.engine import _link, in_order, rules
from carpscope.detect.finding import EVIDENCE_LIMIT, Evidence, Finding, Severity
from carpscope.detect.spoofed import Attack
from carpscope.protocol.spans import CAUSE
from carpscope.timeline.group import Group
from carpscope.timeline.impostor import SpoofKind

BY_LABEL = {rule.label: rule for rule in rules()}


def finding(
    label: str, start: int = 100, end: int = 110, *, group: str = "vhid1", node: str = "a"
) -> Finding:
    """Make a finding; times are seconds."""
    rule = BY_LABEL[label]
    when = (start * SECOND, end * SECOND)
    told = ("summary", "explanation", "remedy")
    return Finding(rule.code, label, rule.severity, 0.9, group, (node,), *when, (1,), 1, *told)


# ---- which severity is worse


def test_severities_have_ranks() -> None:
    ranks = [severity.rank for severity in Severity]
    assert ranks == [0, 1, 2, 3]
    assert max(Severity, key=lambda s: s.rank) is Severity.CRITICAL


def test_an_identity_hangs_on_code_group_nodes_and_start() -> None:
    one = finding("bad_ttl")
    assert one.identity == finding("bad_ttl", end=999).identity
    assert one.identity.startswith("CS504-")
    assert len(one.identity) == len("CS504-") + 12
    others = [
        finding("bad_checksum"),
        finding("bad_ttl", 101),
        finding("bad_ttl", group="vhid2"),
        finding("bad_ttl", node="b"),
    ]
    assert len({one.identity, *(other.identity for other in others)}) == 5
    pair = finding("bad_ttl")
    pair.nodes = ("b", "a")
    turned = finding("bad_ttl")
    turned.nodes = ("a", "b")
    assert pair.identity == turned.identity


# ---- evidence


def test_evidence_keeps_the_first_and_the_last() -> None:
    evidence = Evidence()
    for frame in range(100):
        evidence.add(frame)
    half = EVIDENCE_LIMIT // 2
    assert evidence.frames == (*range(half), *range(100 - half, 100))
    assert evidence.count == 100
    few = Evidence()
    for frame in (7, 7, 9):
        few.add(frame)
    assert (few.frames, few.count) == ((7, 9), 3)


# ---- causes


@pytest.mark.parametrize(
    ("start", "end", "linked"),
    [(100, 110, True), (90, 97, True), (90, 96, False), (113, 120, True), (114, 120, False)],
)
def test_a_cause_overlaps_what_it_causes_give_or_take(
    start: int, end: int, *, linked: bool
) -> None:
    assert CAUSE == 3 * SECOND
    cause, effect = finding("partition", start, end), finding("split_brain")
    _link([effect, cause], BY_LABEL)
    assert effect.caused_by == ([cause.identity] if linked else [])
    assert cause.caused_by == []


def test_a_cause_is_of_the_same_group() -> None:
    effect = finding("split_brain")
    _link([effect, finding("partition", group="vhid2")], BY_LABEL)
    assert effect.caused_by == []


def test_the_likeliest_kind_of_cause_is_named_and_all_of_it() -> None:
    effect = finding("split_brain")
    mismatch = finding("passphrase_mismatch")
    cuts = [finding("partition", node="b"), finding("partition", node="c")]
    _link([*cuts, effect, mismatch], BY_LABEL)
    assert effect.caused_by == [mismatch.identity]
    again = finding("split_brain")
    _link([*cuts, again], BY_LABEL)
    assert again.caused_by == [cut.identity for cut in cuts]


def test_every_label_that_explains_is_one_that_is_found() -> None:
    known = set(BY_LABEL)
    for rule in rules():
        assert set(rule.explained_by) <= known, rule.code
        assert rule.label not in rule.explained_by
        assert len(set(rule.explained_by)) == len(rule.explained_by)


def test_what_explains_what() -> None:
    """The signing family and broken links make two masters; attacks make silence."""
    signing = {
        "ucarp_kernel_address_incompat",
        "address_set_mismatch",
        "passphrase_mismatch",
        "authentication_mismatch",
    }
    links = {"one_way_link", "partition"}
    dropped = {"bad_ttl", "bad_checksum", "wrong_destination"}
    attacks = {"forged_skew", "replayed_advert"}
    explained = {rule.label: set(rule.explained_by) for rule in rules() if rule.explained_by}
    assert explained["split_brain"] == signing | links | dropped | attacks | {"vhid_conflict"}
    assert explained["master_gap"] == attacks | {"bad_ttl", "bad_checksum"}
    assert explained["flapping"] == signing | links | attacks | {
        "looped_advert",
        "advbase_mismatch",
        "equal_skew_tie",
    }
    assert explained["stale_arp"] == {"split_brain", "equal_skew_tie"}


# ---- the order they are shown in


def test_a_symptom_stands_behind_its_cause_and_lends_it_its_weight() -> None:
    cause, symptom = finding("partition", 200), finding("split_brain", 200)
    symptom.caused_by = [cause.identity]
    error = finding("bad_ttl", 100)
    warning = finding("equal_skew_tie", 50)
    found = in_order([warning, error, symptom, cause])
    assert [f.label for f in found] == ["partition", "split_brain", "bad_ttl", "equal_skew_tie"]


def test_as_bad_the_earlier_first_then_the_lower_code() -> None:
    late, early = finding("bad_ttl", 200), finding("bad_checksum", 100)
    same = finding("bad_ttl", 100)
    assert in_order([late, early, same]) == [same, early, late]


def test_symptoms_of_one_cause_stand_worst_first() -> None:
    cause = finding("equal_skew_tie", 10)
    effects = [finding("stale_arp", 11), finding("flapping", 12), finding("split_brain", 13)]
    for effect in effects:
        effect.caused_by = [cause.identity]
    found = in_order([cause, *effects])
    assert [f.label for f in found] == ["equal_skew_tie", "split_brain", "flapping", "stale_arp"]


def test_a_ring_of_causes_and_a_cause_that_is_gone_lose_nothing() -> None:
    one, other = finding("partition", 1), finding("split_brain", 2)
    one.caused_by, other.caused_by = [other.identity], [one.identity]
    orphan = finding("flapping", 3)
    orphan.caused_by = ["CS999-000000000000"]
    found = in_order([one, other, orphan])
    assert len(found) == 3
    assert found[0] is orphan, "its cause is not shown, so it stands by itself"


# ---- loops


def attack(delays: list[int], copies: int) -> Attack:
    """Make a series of copies; delays are milliseconds."""
    made = Attack(Group((), 1), "a", SpoofKind.REPLAYED, 0, 0, shape=(1, 0, 0))
    made.originals = {n: delay * MILLISECOND for n, delay in enumerate(delays)}
    for frame in range(copies):
        made.evidence.add(frame)
    return made


@pytest.mark.parametrize(
    ("delays", "copies", "is_loop"),
    [
        ([5, 6, 7], 3, True),
        ([5, 250], 2, True),  # networks repeat a frame
        ([5, 251], 2, False),  # two may be chance
        ([5], 2, False),
        ([5, 6, 1000], 3, True),
        ([5, 6, 1001], 3, False),  # the next was sent meanwhile
        ([5, 6, 7], 4, True),  # the same one twice, once
        ([5, 6, 7], 5, False),  # again and again is no loop
        ([5, 6, 7, 5000], 4, False),
    ],
)
def test_a_loop_returns_each_once_and_soon(
    delays: list[int], copies: int, *, is_loop: bool
) -> None:
    assert attack(delays, copies).is_loop == is_loop
