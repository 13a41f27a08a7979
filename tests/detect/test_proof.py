"""What two captures prove of a link: made losses, at the limits of what they prove."""

from dataclasses import replace

import pytest

from carpscope.core.units import SECOND, Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.proof import CHANCE, LOST_MIN, proved
from carpscope.protocol.spans import PROOF
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.places import Place
from carpscope.timeline.sightings import Sender
from carpscope.timeline.vantage import Loss, Vantage

ONE, TWO, THREE = (bytes((10, 0, 0, n)) for n in (1, 2, 3))
NAMES = ["left.pcap", "right.pcap"]


def group(vhid: int = 1, *sources: bytes) -> Group:
    """Make a group of nodes a, b, c."""
    made = Group((), vhid)
    for n, source in enumerate(sources or (ONE, TWO)):
        made.nodes[source] = Node(chr(97 + n), n, [source])
    return made


def loss(
    source: bytes = ONE,
    *,
    seen: int = 0,
    missing: int = 1,
    start: Nanos = 10 * SECOND,
    end: Nanos = 20 * SECOND,
    count: int = 10,
    meanwhile: int = 8,
    vhid: int = 1,
    answers: int = 5,
    answered: int = 5,
    likely: float = 0.0,
) -> Loss:
    """Let advertisements be in one capture only."""
    frames = [seen * 100 + 1]
    return Loss(
        Sender(vhid, source),
        seen,
        missing,
        start,
        end,
        count,
        frames,
        meanwhile,
        answers,
        answered,
        likely,
    )


def back(**changes: int) -> Loss:
    """Let the other direction fail as well."""
    return loss(TWO, seen=1, missing=0, **changes)


def vantage(
    *losses: Loss,
    left: tuple[bytes, ...] = (ONE,),
    right: tuple[bytes, ...] = (TWO,),
    related: bool = True,
) -> Vantage:
    """Say whose capture each is."""
    places = [Place(left, because="sooner"), Place(right, because="sooner")]
    return Vantage([], list(losses), places=places, related={(0, 1)} if related else set())


def found(made: Vantage, *findings: Finding, groups: list[Group] | None = None) -> list[Finding]:
    return proved(findings, groups or [group()], made, NAMES)


def inferred(label: str = "one_way_link", **changes: object) -> Finding:
    """Make what behaviour alone let infer."""
    code = {"one_way_link": "CS501", "partition": "CS502"}.get(label, "CS101")
    made = Finding(
        code=code,
        label=label,
        severity=Severity.ERROR,
        confidence=(0.7),
        group=("vhid1"),
        nodes=("a", "b"),
        start=(9 * SECOND),
        end=(15 * SECOND),
        frames=(1, 7),
        frame_count=(4),
        summary="it was so",
        explanation=("because of this."),
        remedy="do that",
        caused_by=["CS000"],
        ongoing=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_loss_proves_a_link_that_works_in_one_direction() -> None:
    (one,) = found(vantage(loss()))
    assert (one.code, one.label, one.severity) == ("CS501", "one_way_link", Severity.ERROR)
    assert (one.nodes, one.confidence, one.group) == (("a", "b"), 0.99, "vhid1")
    assert (one.start, one.end) == (10 * SECOND, 20 * SECOND)
    assert (one.frames, one.frame_count) == ((1,), 10)
    assert one.summary == "b does not receive a, while a receives b"
    assert one.explanation.startswith(
        "Proved by two captures: 10 advertisements of a are in left.pcap and none of them in "
        "right.pcap, captured on b, from "
    )
    assert "while right.pcap recorded 8 other frames." in one.explanation
    assert one.explanation.endswith("What b sent meanwhile is in both.")


def test_two_losses_prove_a_partition() -> None:
    other = back(start=8 * SECOND, end=24 * SECOND, count=5)
    (one,) = found(vantage(loss(), other))
    assert (one.label, one.nodes) == ("partition", ("a", "b"))
    assert (one.start, one.end) == (8 * SECOND, 24 * SECOND)
    assert (one.frames, one.frame_count) == ((1, 101), 15)
    assert (
        "The reverse: 5 of b are in right.pcap and not in left.pcap, captured on a, from"
        in one.explanation
    )
    (same,) = found(vantage(other, loss(start=5 * SECOND, end=30 * SECOND)))
    assert (same.start, same.end) == (5 * SECOND, 30 * SECOND)
    assert same.nodes == ("b", "a")


@pytest.mark.parametrize(
    ("count", "meanwhile", "likely", "told"),
    [
        (LOST_MIN - 1, 9, 0.0, 0),
        (LOST_MIN, 9, 0.0, 1),
        (9, 0, 0.0, 0),
        (9, 1, 0.0, 1),
        (9, 9, CHANCE, 0),
        (9, 9, CHANCE / 2, 1),
    ],
)
def test_how_many_have_to_be_missing(count: int, meanwhile: int, likely: float, told: int) -> None:
    """A way loses some by chance, and a capture that recorded nothing may have been off."""
    made = vantage(loss(count=count, meanwhile=meanwhile, likely=likely))
    assert len(found(made)) == told


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "partition"),
        ({"count": LOST_MIN}, "partition"),
        ({"count": LOST_MIN - 1}, "one_way_link"),
        ({"start": 20 * SECOND, "end": 30 * SECOND}, "partition"),
        ({"start": 20 * SECOND + 1, "end": 30 * SECOND}, "one_way_link"),
        ({"start": 1 * SECOND, "end": 10 * SECOND}, "partition"),
        ({"start": 1 * SECOND, "end": 10 * SECOND - 1}, "one_way_link"),
        ({"vhid": 2}, "one_way_link"),
    ],
)
def test_the_way_back_fails_at_the_same_time(changes: dict[str, int], label: str) -> None:
    assert found(vantage(loss(), back(**changes)))[0].label == label


def test_a_loss_in_the_same_direction_is_no_way_back() -> None:
    both = vantage(loss(), loss(TWO))
    assert {f.label for f in found(both)} == {"one_way_link"}


def test_what_the_receiver_sent_is_told_as_far_as_captures_show_it() -> None:
    (one,) = found(vantage(loss(answers=0, answered=0)))
    assert (one.label, one.summary) == ("one_way_link", "b does not receive a")
    assert one.explanation.endswith("Whether a receives b these captures do not show.")


@pytest.mark.parametrize(("answers", "label"), [(2, "one_way_link"), (3, "partition")])
def test_a_backup_that_advertises_nothing_is_cut_off_by_its_other_frames(
    answers: int, label: str
) -> None:
    (one,) = found(vantage(loss(answers=answers, answered=0)))
    assert one.label == label


def test_a_silent_third_behind_the_same_cut_is_not_told_beside_it() -> None:
    lost, third = loss(answers=9, answered=0), loss(missing=2, answers=0, answered=0)
    made = vantage(lost, third)
    made.places.append(Place((THREE,), because="sooner"))
    made.related.add((0, 2))
    assert [f.label for f in found(made, groups=[group(1, ONE, TWO, THREE)])] == ["partition"]


@pytest.mark.parametrize("right", [(), (ONE,), (THREE,), (TWO, ONE)])
def test_nobody_is_accused_but_the_node_whose_capture_it_is(right: tuple[bytes, ...]) -> None:
    """Whose it is may be unknown, or several; a node of its own hears what it sends."""
    assert found(vantage(loss(), right=right)) == []


def test_a_third_node_is_not_taken_for_the_one_that_captured() -> None:
    (one,) = found(vantage(loss()), groups=[group(1, ONE, TWO, THREE)])
    assert one.nodes == ("a", "b")


def test_a_capture_of_a_node_with_two_addresses_is_its_own() -> None:
    both = group()
    both.nodes[THREE] = both.nodes[TWO]
    both.nodes[TWO].addresses.append(THREE)
    (one,) = found(vantage(loss(), right=(TWO, THREE)), groups=[both])
    assert one.nodes == ("a", "b")


def test_captures_that_share_nothing_need_a_common_secret_or_address() -> None:
    made = vantage(loss(), back(), related=False)
    assert found(made) == []
    alike = group()
    for node in alike.members:
        node.announced[bytes((10, 0, 0, 100))] = 0
    (one,) = found(made, groups=[alike])
    assert one.label == "partition"


def test_other_vhids_and_strangers_are_passed_over() -> None:
    made = vantage(loss(THREE), loss(vhid=2), loss())
    groups = [group(7), group(2, TWO), group()]
    (one,) = found(made, groups=groups)
    assert (one.group, one.nodes) == ("vhid1", ("a", "b"))


def test_one_trouble_is_told_once() -> None:
    again = loss(start=20 * SECOND, end=30 * SECOND)
    later = loss(start=31 * SECOND, end=40 * SECOND)
    assert len(found(vantage(loss(), again))) == 1
    assert [f.start for f in found(vantage(loss(), later))] == [10 * SECOND, 31 * SECOND]


def test_an_inferred_finding_is_proved_in_its_place() -> None:
    before = inferred()
    effect = inferred("split_brain", caused_by=[before.identity, "CS999"])
    bystander = inferred("one_way_link", nodes=("a", "c"))
    now, brain, other = found(vantage(loss()), before, effect, bystander)
    assert (now.start, now.end) == (10 * SECOND, 20 * SECOND)
    assert (now.frames, now.frame_count) == ((1, 7), 14)
    assert (now.caused_by, now.ongoing, now.confidence) == (["CS000"], True, 0.99)
    assert now.explanation.endswith(" How they behaved says the same: because of this.")
    assert brain.caused_by == [now.identity, "CS999"]
    assert other == bystander


def test_what_does_not_arrive_is_not_refused() -> None:
    undecided = inferred("authentication_mismatch", start=10 * SECOND, end=20 * SECOND)
    (now,) = found(vantage(loss()), undecided)
    assert now.label == "one_way_link"
    refused = inferred("authentication_mismatch", start=1 * SECOND, end=60 * SECOND)
    assert [f.label for f in found(vantage(loss()), refused)] == [refused.label, now.label]


def test_what_looked_different_is_told_too_and_causes_follow_the_new_name() -> None:
    before = inferred("partition", end=29 * SECOND)
    effect = inferred("split_brain", caused_by=[before.identity, "CS999"])
    now, brain = found(vantage(loss()), before, effect)
    assert (now.label, now.end) == ("one_way_link", 29 * SECOND)
    assert now.explanation.endswith(" From behaviour alone it looked different: it was so.")
    assert brain.caused_by == [now.identity, "CS999"] != [before.identity, "CS999"]


@pytest.mark.parametrize(
    ("changes", "joined"),
    [
        ({}, True),
        ({"group": "vhid2"}, False),
        ({"nodes": ("a", "c")}, False),
        ({"nodes": ("b", "a")}, True),
        ({"start": 20 * SECOND + PROOF, "end": 99 * SECOND}, True),
        ({"start": 20 * SECOND + PROOF + 1, "end": 99 * SECOND}, False),
        ({"start": SECOND, "end": 10 * SECOND - PROOF - 1}, False),
        ({"start": -SECOND, "end": 10 * SECOND - PROOF}, True),
    ],
)
def test_which_finding_is_of_the_same_trouble(changes: dict[str, object], *, joined: bool) -> None:
    before = replace(inferred(), **changes)  # type: ignore[arg-type]
    assert len(found(vantage(loss()), before)) == (1 if joined else 2)


def test_a_proof_stays_the_first_one() -> None:
    before = inferred(explanation="Proved by two captures: before")
    assert found(vantage(loss()), before) == [before]
    far = inferred(nodes=("a", "c"), explanation="Proved by two captures: before")
    assert len(found(vantage(loss()), before, far)) == 2


@pytest.mark.parametrize(
    ("changes", "explained"),
    [
        ({}, True),
        ({"nodes": ("a", "b", "c")}, True),
        ({"nodes": ("a", "c")}, False),
        ({"group": "vhid2"}, False),
        ({"caused_by": ["CS201"]}, False),
        ({"label": "master_gap"}, False),
        ({"start": 20 * SECOND + PROOF, "end": 99 * SECOND}, True),
        ({"start": 20 * SECOND + PROOF + 1, "end": 99 * SECOND}, False),
        ({"start": -SECOND, "end": 10 * SECOND - PROOF}, True),
        ({"start": -SECOND, "end": 10 * SECOND - PROOF - 1}, False),
    ],
)
def test_a_new_proof_explains_two_masters(changes: dict[str, object], *, explained: bool) -> None:
    brain = replace(inferred("split_brain", caused_by=[]), **changes)  # type: ignore[arg-type]
    told, proof = found(vantage(loss()), brain)
    assert (told.caused_by == [proof.identity]) == explained
