"""What becomes of findings: opened again, ignored, doubted, never more than are kept."""

import dataclasses

from carpscope.core.units import SECOND, Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.live.findings import SITUATIONS_KEPT, LiveFindings, Uncertainty
from carpscope.protocol.spans import QUIET
from carpscope.report.record import WITHDRAWN

AT = 1_700_000_000 * SECOND


def finding(label: str, start: int, end: int, group: str = "vhid1", **more: object) -> Finding:
    """Make one, times in seconds."""
    made = Finding(
        code=("CS104"),
        label=label,
        severity=Severity.WARNING,
        confidence=(0.9),
        group=group,
        nodes=("192.0.2.1",),
        start=(AT + start * SECOND),
        end=(AT + end * SECOND),
        frames=(1,),
        frame_count=(end - start + 1),
        summary=("summary"),
        explanation=("explanation"),
        remedy=("remedy"),
    )
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def looked(
    live_findings: LiveFindings, *findings: Finding, at: float, doubts: Uncertainty | None = None
) -> list[tuple[str, str]]:
    changes = live_findings.look(findings, AT + Nanos(at * SECOND), doubts)
    return [(change.action, change.why) for change in changes]


def test_what_repeats_after_it_was_over_is_another() -> None:
    live_findings = LiveFindings()
    assert looked(live_findings, finding("flapping", 0, 5), at=5) == [("opened", "")]
    identity = live_findings.open[0].identity
    assert looked(live_findings, finding("flapping", 0, 5), at=6) == []
    quiet = 6 + QUIET / SECOND
    assert looked(live_findings, finding("flapping", 0, 5), at=quiet) == [("closed", "it is over")]
    assert live_findings.open == []
    assert looked(live_findings, finding("flapping", 0, 50), at=50) == [("opened", "again")]
    (again,) = live_findings.open
    assert again.identity == f"{identity}-2"
    assert again.since == AT + 50 * SECOND
    assert looked(live_findings, finding("flapping", 0, 50), at=51) == []
    over = 51 + QUIET / SECOND
    assert looked(live_findings, finding("flapping", 0, 50), at=over) == [("closed", "it is over")]
    assert looked(live_findings, finding("flapping", 0, 99), at=99) == [("opened", "again")]
    assert live_findings.open[0].identity == f"{identity}-3"


def test_what_may_still_be_explained_is_not_told_before() -> None:
    live_findings = LiveFindings()
    early = finding("partition", 0, 5, code="CS502", settles=AT + 30 * SECOND)
    effect = finding("flapping", 0, 5, caused_by=[early.identity])
    assert looked(live_findings, early, effect, at=5) == [("opened", "")]
    assert live_findings.open[0].finding.caused_by == [], "nobody was told of its cause"
    assert looked(live_findings, early, at=30)[0] == ("opened", "")
    other = LiveFindings()
    changes = other.look([early], AT + 6 * SECOND, is_last=True)
    assert [change.action for change in changes] == ["opened"], "nothing more can come"


def test_what_may_go_on_is_not_called_over() -> None:
    live_findings = LiveFindings()
    looked(live_findings, finding("split_brain", 0, 5, ongoing=True), at=5)
    assert looked(live_findings, finding("split_brain", 0, 5, rests=AT + 13 * SECOND), at=6) == []
    assert looked(live_findings, finding("split_brain", 0, 12, ongoing=True), at=12) == []
    told = looked(live_findings, finding("split_brain", 0, 12, rests=AT + 20 * SECOND), at=20)
    assert told == [("closed", "it is over")]


def test_what_is_known_better_keeps_its_identity() -> None:
    """Its beginning is found to lie elsewhere, or somebody else takes part."""
    live_findings = LiveFindings()
    looked(live_findings, finding("master_gap", 4, 10, ongoing=True), at=10)
    identity = live_findings.open[0].identity
    later = finding("master_gap", 5, 20, nodes=("192.0.2.1", "192.0.2.2"))
    assert looked(live_findings, later, at=20) == [("closed", "it is over")]
    assert [one.identity for one in live_findings.known.values()] == [identity]


def test_what_was_wrong_to_say_is_taken_back() -> None:
    live_findings = LiveFindings()
    looked(live_findings, finding("one_way_link", 0, 5), at=5)
    assert looked(live_findings, at=6) == [("closed", WITHDRAWN)]


def test_an_ignored_code_is_never_opened() -> None:
    live_findings = LiveFindings(ignored=frozenset({"CS104"}))
    assert looked(live_findings, finding("flapping", 0, 5), at=5) == []


def test_lost_frames_cost_confidence_where_absence_is_the_proof() -> None:
    doubts = Uncertainty()
    doubts.dropped(AT + 3 * SECOND, AT + 4 * SECOND, 1200)
    for label, left in (("master_gap", 0.54), ("replayed_advert", 0.9)):
        live_findings = LiveFindings()
        looked(live_findings, finding(label, 2, 6, ongoing=True), at=6, doubts=doubts)
        (found,) = live_findings.open
        assert found.confidence == left
        assert found.doubts == (("1,200 frames were dropped by the capture",) if left < 0.9 else ())
    live_findings = LiveFindings()
    looked(live_findings, finding("master_gap", 20, 30, ongoing=True), at=30, doubts=doubts)
    assert live_findings.open[0].confidence == 0.9, "long after, nothing is doubted"


def test_while_nothing_could_be_heard_there_is_no_gap() -> None:
    doubts = Uncertainty()
    doubts.blind(AT, AT + 8 * SECOND, "eth1 was down")
    live_findings = LiveFindings()
    assert looked(live_findings, finding("master_gap", 0, 10), at=10, doubts=doubts) == []
    told = looked(live_findings, finding("master_gap", 0, 30, ongoing=True), at=30, doubts=doubts)
    assert told == [("opened", "")]
    assert live_findings.open[0].doubts == ("eth1 was down",)


def test_only_so_many_are_remembered_open_ones_longest() -> None:
    live_findings = LiveFindings()
    looked(live_findings, finding("flapping", 0, 5, "vhid0", ongoing=True), at=5)
    many = [finding("flapping", 0, 5, f"vhid{n}") for n in range(1, SITUATIONS_KEPT + 50)]
    first = finding("flapping", 0, 5, "vhid0", ongoing=True)
    looked(live_findings, first, *many[:1500], at=5)
    looked(live_findings, first, at=6)
    looked(live_findings, first, *many[1500:], at=7)
    assert len(live_findings.known) == SITUATIONS_KEPT
    assert "vhid0" in {found.finding.group for found in live_findings.open}
