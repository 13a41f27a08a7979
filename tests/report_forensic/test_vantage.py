"""Two captures of one network: clocks within their bound, lost advertisements named, proofs."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from carpscope.capture.source import Capture, open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.units import MILLISECOND, SECOND
from carpscope.pipeline import Analysis, analyze, survey
from carpscope.report.vantage import offset_text
from carpscope.sim.frames import EPOCH
from carpscope.sim.world import World
from carpscope.timeline.vantage import Vantage
from tests.program import ROOT, run
from tests.report_forensic.vantages import GROUP, ONE_WAY, PARTITION, WAY, Skew, world, write

SKEWS = [
    Skew(3 * SECOND, 40.0),
    Skew(-3 * SECOND, -80.0),
    Skew(3 * SECOND, 200.0),
    Skew(0, 0.0),
    Skew(-86_400 * SECOND, 12.5),
]
IDS = ["ahead", "behind", "fast", "right", "yesterday"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides of a link, and what is known of them."""

    made: World
    paths: tuple[str, str]
    skew: Skew

    def opened(self) -> list[Capture]:
        return [open_capture(path, index) for index, path in enumerate(self.paths)]

    def survey(self) -> Vantage:
        return survey(self.opened())

    def analysis(self) -> Analysis:
        config = Config((b"mekmitasdigoat",))
        return analyze(self.opened(), config, vantage=self.survey())


def pair(tmp_path: Path, trouble: str, skew: Skew) -> Pair:
    """Capture at fw1 with a right clock and at fw2 with another one."""
    made = world(GROUP + trouble)
    paths = (tmp_path / "fw1.pcap", tmp_path / "fw2.pcap")
    write(made, "fw1", paths[0])
    write(made, "fw2", paths[1], skew)
    return Pair(made, (str(paths[0]), str(paths[1])), skew)


def lost(made: World, sender: str, receiver: str, *, margin: int = SECOND) -> int:
    """Count what the made world did not deliver, away from the ends of the run."""
    return sum(
        1
        for item in made.record.lost
        if (item.source, item.destination) == (sender, receiver)
        and margin <= item.at <= made.scenario.duration - margin
    )


@pytest.mark.parametrize("skew", SKEWS, ids=IDS)
@pytest.mark.parametrize("trouble", [ONE_WAY, PARTITION, ""], ids=["one way", "cut", "whole"])
def test_every_time_is_corrected_within_the_bound(tmp_path: Path, trouble: str, skew: Skew) -> None:
    sides = pair(tmp_path, trouble, skew)
    clock = sides.survey().clocks[1]
    assert clock.known
    # both captures hold frames of both nodes only where the backup took over and was heard
    assert (clock.bound is None) == (trouble != ONE_WAY)
    assumed = survey(sides.opened(), path_max=5 * MILLISECOND).clocks[1]
    assert assumed.bound is not None
    assert 0 < assumed.bound < 10 * MILLISECOND
    for second in range(4, 90):
        at = second * SECOND
        for one in (clock, assumed):
            wrong = one.corrected(skew.shown(at)) - (EPOCH + at)
            assert one.bound is None or abs(wrong) <= one.bound
        # far better than promised: the LAN's own delay is all that is left
        assert abs(clock.corrected(skew.shown(at)) - (EPOCH + at)) <= 2 * WAY


@pytest.mark.parametrize("skew", SKEWS, ids=IDS)
def test_a_one_way_link_is_proved_with_the_number_of_what_was_lost(
    tmp_path: Path, skew: Skew
) -> None:
    sides = pair(tmp_path, ONE_WAY, skew)
    (loss,) = sides.survey().losses
    assert (loss.seen, loss.missing) == (0, 1)
    assert loss.sender.source == bytes((10, 0, 0, 1))
    assert loss.count == lost(sides.made, "fw1", "fw2") == 30
    analysis = sides.analysis()
    found = {finding.label: finding for finding in analysis.findings}
    link = found["one_way_link"]
    assert link.nodes == ("10.0.0.1", "10.0.0.2")
    assert link.confidence == 0.99
    assert link.explanation.startswith("Proved by two captures: 30 advertisements of 10.0.0.1")
    assert found["split_brain"].caused_by == [link.identity]
    assert "partition" not in found
    assert "replayed_advert" not in found


@pytest.mark.parametrize("skew", SKEWS, ids=IDS)
def test_a_partition_is_proved_in_both_directions(tmp_path: Path, skew: Skew) -> None:
    sides = pair(tmp_path, PARTITION, skew)
    losses = {(loss.seen, loss.missing): loss.count for loss in sides.survey().losses}
    assert losses == {
        (0, 1): lost(sides.made, "fw1", "fw2"),
        (1, 0): lost(sides.made, "fw2", "fw1"),
    }
    found = {finding.label: finding for finding in sides.analysis().findings}
    assert found["partition"].confidence == 0.99
    assert "The reverse: " in found["partition"].explanation
    assert "one_way_link" not in found
    assert found["split_brain"].caused_by == [found["partition"].identity]


def test_two_captures_of_a_healthy_network_agree(tmp_path: Path) -> None:
    sides = pair(tmp_path, "", SKEWS[0])
    vantage = sides.survey()
    assert vantage.losses == []
    analysis = sides.analysis()
    assert {finding.label for finding in analysis.findings} <= {"weak_passphrase"}
    (group,) = analysis.observer.groups.values()
    assert group.copies == vantage.common[0, 1] == group.members[0].adverts


def test_a_clock_that_was_set_is_found_out(tmp_path: Path) -> None:
    skew = Skew(3 * SECOND, 10.0, 45 * SECOND, 2 * SECOND)
    sides = pair(tmp_path, "", skew)
    clock = survey(sides.opened(), path_max=5 * MILLISECOND).clocks[1]
    (step,) = clock.steps
    assert step.after <= EPOCH + 45 * SECOND <= step.before + SECOND
    assert step.is_clock
    assert abs(step.by - 2 * SECOND) < 10 * MILLISECOND
    assert clock.bound is not None
    assert "stepped 1 time" in offset_text(clock)
    for second in (*range(5, 44), *range(47, 88)):
        at = second * SECOND
        assert abs(clock.corrected(skew.shown(at)) - (EPOCH + at)) <= clock.bound


def test_captures_that_share_nothing_are_not_compared(tmp_path: Path) -> None:
    one = pair(tmp_path, "", SKEWS[0])
    other = world(GROUP.replace("10.0.0.100", "10.9.9.100"))
    write(other, "fw1", tmp_path / "other.pcap")
    captures = [open_capture(one.paths[0], 0), open_capture(str(tmp_path / "other.pcap"), 1)]
    vantage = survey(captures)
    assert not vantage.clocks[1].known
    assert vantage.losses == []
    assert "shares no frame" in vantage.notes[0]


def test_three_captures_are_compared_over_the_one_between(tmp_path: Path) -> None:
    made = world(GROUP)
    skews = (Skew(), Skew(3 * SECOND, 40.0), Skew(-7 * SECOND, -20.0))
    paths = [tmp_path / f"{index}.pcap" for index in range(3)]
    for path, skew in zip(paths, skews, strict=True):
        write(made, "fw2", path, skew)
    captures = [open_capture(str(path), index) for index, path in enumerate(paths)]
    vantage = survey(captures, path_max=MILLISECOND)
    for clock, skew in zip(vantage.clocks, skews, strict=True):
        assert clock.bound is not None
        wrong = clock.corrected(skew.shown(50 * SECOND)) - (EPOCH + 50 * SECOND)
        assert abs(wrong) <= max(clock.bound, 1)


def test_bytes_that_repeat_are_matched_by_time(tmp_path: Path) -> None:
    """An old FreeBSD sends the same bytes for ever: only other nodes tell the clocks apart."""
    made = world(GROUP + ONE_WAY)
    first = next(item.packet for item in made.record.sent if item.node == "fw1")
    frozen = [
        item._replace(packet=item.packet._replace(counter=first.counter, digest=first.digest))
        if item.node == "fw1"
        else item
        for item in made.record.sent
    ]
    made.record.sent[:] = frozen
    paths = (tmp_path / "a.pcap", tmp_path / "b.pcap")
    write(made, "fw1", paths[0])
    write(made, "fw2", paths[1], SKEWS[0])
    vantage = survey([open_capture(str(path), index) for index, path in enumerate(paths)])
    theirs = [item for item in made.record.sent if item.node == "fw2"]
    assert (
        len(theirs) < vantage.clocks[1].points <= len(made.record.sent) - lost(made, "fw1", "fw2")
    )
    (loss,) = vantage.losses
    assert loss.count == lost(made, "fw1", "fw2")


def test_the_report_and_the_analysis_document_say_it(tmp_path: Path) -> None:
    sides = pair(tmp_path, ONE_WAY, SKEWS[0])
    done = run("analyze", "--json", *sides.paths, "-p", "mekmitasdigoat")
    assert done.status == 1
    document = json.loads(done.out)
    clock = document["vantage"]["clocks"][1]
    assert abs(clock["offset_ns"] - 3 * SECOND) < clock["error_bound_ns"]
    assert abs(clock["drift_ppm"] - 40) < 1
    assert document["vantage"]["only_in_one"][0]["advertisements"] == 30
    assert "± 0.3 ms; there and back 0.2 ms" in run("analyze", *sides.paths).out
    folder = tmp_path / "r"
    assert run("report", *sides.paths, "-p", "mekmitasdigoat", "-o", str(folder)).status == 0
    page = (folder / "report.html").read_text()
    assert "Advertisements sent here and never seen there" in page
    assert "fw1.pcap" in page
    listed = json.loads((folder / "manifest.json").read_text())
    assert any("3.000" in remark and "ahead" in remark for remark in listed["clock"])
    assert run("verify", str(folder), "--evidence", *sides.paths).status == 0


RECORDED = ROOT / "tests" / "data" / "vantage"


def recorded(name: str, tmp_path: Path, skew: Skew) -> list[str]:
    """Give a recorded pair, the second one's clock set wrong; both were recorded with one."""
    alpha, beta = (RECORDED / name / f"{host}.pcap" for host in ("alpha", "beta"))
    wrong = tmp_path / "beta.pcap"
    with open_capture(str(beta)) as capture, wrong.open("wb") as stream:
        writer = PcapWriter(stream, nanoseconds=True)
        start = 0
        for frame in capture:
            start = start or frame.at
            told = skew.shown(frame.at - start) - EPOCH + start
            writer.write(frame._replace(at=told))
    return [str(alpha), str(wrong)]


@pytest.mark.parametrize("skew", SKEWS, ids=IDS)
@pytest.mark.parametrize(
    ("name", "label", "losses"),
    [
        ("one-way", "one_way_link", {(0, 1): 20}),
        ("partition", "partition", {(0, 1): 20, (1, 0): 16}),
    ],
)
def test_recorded_pairs_of_real_nodes(
    tmp_path: Path, name: str, label: str, losses: dict[tuple[int, int], int], skew: Skew
) -> None:
    paths = recorded(name, tmp_path, skew)
    vantage = survey([open_capture(path, index) for index, path in enumerate(paths)])
    assert {(loss.seen, loss.missing): loss.count for loss in vantage.losses} == losses
    clock = vantage.clocks[1]
    rights = [frame.at for frame in open_capture(str(RECORDED / name / "beta.pcap"))]
    wrongs = [frame.at for frame in open_capture(paths[1])]
    for right, wrong in zip(rights, wrongs, strict=True):
        assert clock.bound is not None
        assert abs(clock.corrected(wrong) - right) <= clock.bound
    captures = [open_capture(path, index) for index, path in enumerate(paths)]
    analysis = analyze(captures, Config((b"quiet-harbour-17",)), vantage=vantage)
    found = {finding.label: finding for finding in analysis.findings}
    assert set(found) == {label, "split_brain"}
    assert found[label].explanation.startswith("Proved by two captures: 20 advertisements")
    assert found["split_brain"].caused_by == [found[label].identity]
