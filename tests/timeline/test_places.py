"""Captures at several places of one network, recorded with real nodes: ways, clocks, whose it is.

Latency, jitter, loss and duplicates between places are normal; what does not arrive at a node
is proved by that node's own capture, and by nobody else's.
"""

from pathlib import Path

import pytest

from carpscope.capture.source import Capture, open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.pipeline import Analysis, analyze, survey
from carpscope.timeline.relations import at_the_end, relations
from tests.program import ROOT

pytestmark = pytest.mark.slow

DATA = ROOT / "tests" / "data" / "vantage"


def opened(paths: list[str]) -> list[Capture]:
    return [open_capture(path, index) for index, path in enumerate(paths)]


def analyzed(paths: list[str], path_max: Nanos | None = None) -> Analysis:
    vantage = survey(opened(paths), path_max=path_max)
    return analyze(opened(paths), Config(), vantage=vantage)


def recorded(name: str, places: str = "AB") -> list[str]:
    return [str(DATA / name / f"{place}.pcap") for place in places]


def told(path: str, into: Path, offset: Nanos, ppm: float = 0.0) -> str:
    """Write a capture as a wrong clock would have; the recorded ones share a right one."""
    changed = into / f"wrong-{Path(path).name}"
    with open_capture(path) as capture, changed.open("wb") as stream:
        writer = PcapWriter(stream, nanoseconds=True)
        start = 0
        for frame in capture:
            start = start or frame.at
            drift = round((frame.at - start) * ppm / 1_000_000)
            writer.write(frame._replace(at=frame.at + offset + drift))
    return str(changed)


def homes(analysis: Analysis) -> list[list[str]]:
    assert analysis.vantage is not None
    return [[ip_text(a) for a in place.addresses] for place in analysis.vantage.places]


HEALTHY = ["stretched-15ms", "stretched-20ms", "lossy", "jittery"]
CLOCKS = [(0, 0.0), (37, 50.0), (-180 * SECOND, -50.0), (86_400 * SECOND, 12.5)]


@pytest.mark.parametrize(("offset", "ppm"), CLOCKS)
@pytest.mark.parametrize("name", HEALTHY)
def test_ways_between_places_are_nobodys_trouble(
    tmp_path: Path, name: str, offset: Nanos, ppm: float
) -> None:
    first, second = recorded(name)
    analysis = analyzed([first, told(second, tmp_path, offset, ppm)])
    labels = {finding.label for finding in analysis.findings}
    assert labels <= {"flapping"}  # of the first election, which is not about places
    clock = analysis.vantage.clocks[1] if analysis.vantage else None
    assert clock is not None
    assert clock.bound is not None
    assert clock.steps == []
    with open_capture(second) as capture:
        start = 0
        for frame in capture:
            start = start or frame.at
            wrong = frame.at + offset + round((frame.at - start) * ppm / 1_000_000)
            assert abs(clock.corrected(wrong) - frame.at) <= clock.bound
    assert len(set(map(tuple, homes(analysis)))) == 2


@pytest.mark.parametrize(("name", "way"), [("stretched-15ms", 15), ("stretched-20ms", 20)])
def test_the_way_there_and_back_is_measured(name: str, way: int) -> None:
    vantage = survey(opened(recorded(name)))
    trip = vantage.clocks[1].round_trip
    assert trip is not None
    assert 2 * way * MILLISECOND <= trip + MILLISECOND
    assert trip <= 2 * way * MILLISECOND + 3 * MILLISECOND


def test_one_advertisement_is_taken_once_and_where_it_was_sent() -> None:
    analysis = analyzed(recorded("stretched-15ms"))
    (group,) = analysis.observer.groups.values()
    assert group.copies == 26
    assert sum(node.adverts for node in group.members) == 26
    assert {period.first >> 40 for node in group.members for period in node.master_periods} == {
        0,
        1,
    }


@pytest.mark.parametrize("places", ["AB", "ABC", "BCA"])
def test_a_node_is_deaf_by_its_own_capture_only(places: str) -> None:
    analysis = analyzed(recorded("third-node", places))
    order = {"A": "10.121.0.1", "B": "10.121.0.2", "C": "10.121.0.3"}
    assert homes(analysis) == [[order[place]] for place in places]
    links = [f for f in analysis.findings if f.label == "one_way_link"]
    assert [f.nodes for f in links] == [("10.121.0.1", "10.121.0.2")]
    assert "captured on 10.121.0.2" in links[0].explanation


def test_without_the_capture_of_the_deaf_node_nothing_is_proved() -> None:
    analysis = analyzed(recorded("third-node", "AC"))
    assert not any("Proved" in f.explanation for f in analysis.findings)


@pytest.mark.parametrize("places", ["AB", "BA"])
def test_nothing_passes_between_two_nodes_that_each_hear_only_themselves(places: str) -> None:
    """A filter of source MACs takes every advertisement; ARP of the other's card arrives."""
    analysis = analyzed(recorded("filtered", places))
    assert analysis.vantage is not None
    assert analysis.vantage.common == {(0, 1): 0}
    labels = {finding.label for finding in analysis.findings}
    assert labels == {"partition", "split_brain"}
    partition = next(f for f in analysis.findings if f.label == "partition")
    assert partition.explanation.startswith("Proved by two captures")
    assert {ref >> 40 for ref in partition.frames} == {0, 1}


def test_a_node_that_goes_deaf_by_itself_is_proved_to() -> None:
    """Its card answers unicast meanwhile, and its capture records other hosts."""
    analysis = analyzed(recorded("dial-deaf"))
    link = next(f for f in analysis.findings if f.label == "one_way_link")
    assert link.nodes == ("10.85.0.2", "10.85.0.3")
    assert link.explanation.startswith("Proved by two captures: 26 advertisements of 10.85.0.2")


def of_one(path: str, into: Path, source: bytes) -> str:
    """Write what one host sent."""
    kept = into / Path(path).name
    with open_capture(path) as capture, kept.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in capture:
            if frame.data[26:30] == source:
                writer.write(frame)
    return str(kept)


def tagged(path: str, into: Path) -> str:
    """Write a capture as a trunk shows it, the network in VLAN 10."""
    changed = into / f"tagged-{Path(path).name}"
    with open_capture(path) as capture, changed.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in capture:
            data = frame.data[:12] + b"\x81\0\0\x0a" + frame.data[12:]
            writer.write(frame._replace(data=data, wire_length=len(data)))
    return str(changed)


@pytest.mark.parametrize("trunk", [0, 1])
@pytest.mark.parametrize("name", [*HEALTHY, "third-node", "filtered"])
def test_a_segment_that_one_place_shows_with_a_tag_is_one_segment(
    tmp_path: Path, name: str, trunk: int
) -> None:
    paths = recorded(name)
    plain = analyzed(paths)
    paths[trunk] = tagged(paths[trunk], tmp_path)
    analysis = analyzed(paths)
    (group,) = analysis.observer.groups.values()
    assert group.vlan == (10,)
    assert [f.label for f in analysis.findings] == [f.label for f in plain.findings]


def test_the_matrix_says_what_is_proved() -> None:
    (group,) = analyzed(recorded("third-node", "ABC")).observer.groups.values()
    pair = [
        (one.relation, one.confidence)
        for one in relations(group)
        if (one.sender.id, one.receiver.id) == ("10.121.0.1", "10.121.0.2")
    ]
    assert pair == [("accepts", 0.99), ("deaf", 0.99), ("accepts", 0.8)]
    (group,) = analyzed(recorded("filtered")).observer.groups.values()
    assert {one.relation for one in at_the_end(group)} == {"deaf"}


def test_where_frames_go_one_way_only_the_option_bounds_the_clock(tmp_path: Path) -> None:
    """The backup is silent: how far the clocks are apart and how long the way is, is one number."""
    paths = [of_one(path, tmp_path, bytes((192, 0, 2, 1))) for path in recorded("stretched-15ms")]
    analysis = analyzed(paths)
    assert analysis.vantage is not None
    assert (analysis.vantage.clocks[1].bound, analysis.findings) == (None, [])
    assert homes(analysis) == [[], []]
    assumed = survey(opened(paths), path_max=15 * MILLISECOND).clocks[1]
    assert assumed.bound is not None
    assert assumed.bound >= 15 * MILLISECOND


@pytest.mark.parametrize("name", HEALTHY)
def test_one_file_given_twice_is_one_place(name: str) -> None:
    path = recorded(name)[0]
    analysis = analyzed([path, path])
    assert homes(analysis) == [[], []]
    assert not any("Proved" in f.explanation for f in analysis.findings)


def test_a_way_that_is_longer_than_the_option_says_is_told() -> None:
    analysis = analyzed(recorded("stretched-20ms"), path_max=MILLISECOND)
    assert analysis.vantage is not None
    assert "longer between the two places" in " ".join(analysis.vantage.notes)
    bound = analysis.vantage.clocks[1].bound
    assert bound is not None
    assert bound > 15 * MILLISECOND
