"""Several captures: one that ends says nothing of its segment, whoever goes on elsewhere."""

import json
from pathlib import Path

from tests.detect.tapes import lone
from tests.plain import Tape
from tests.program import run


def found_in(room: Path, *tapes: Tape) -> set[str]:
    """Return the labels found in these captures together."""
    paths = [tape.write(room / f"{index}.pcap") for index, tape in enumerate(tapes)]
    document = json.loads(run("analyze", "--json", *paths).out)
    return {one["label"] for one in document["findings"]}


def test_a_capture_of_another_segment_that_goes_on_proves_no_gap(tmp_path: Path) -> None:
    other = lone("198.51.100.1", 8, until=80)
    labels = found_in(tmp_path, lone(until=40), other)
    assert "master_gap" not in labels


def test_a_later_slice_of_the_segment_proves_the_gap(tmp_path: Path) -> None:
    first, second = lone(until=40), Tape()
    other = lone("192.0.2.3", 8, until=80)
    first.frames = [f for pair in zip(first.frames, other.frames[:40], strict=True) for f in pair]
    second.frames = other.frames[40:]
    labels = found_in(tmp_path, first, second)
    assert "master_gap" in labels


def test_a_host_heard_in_both_ties_a_slice_to_its_segment(tmp_path: Path) -> None:
    first, second = lone(until=40), Tape()
    for beat in range(40):
        tape = first if beat < 20 else second
        for last in (60, 61):
            tape.ask(2 * beat + 0.5, f"02:00:00:00:00:{last}", f"192.0.2.{last}", "192.0.2.99")
    labels = found_in(tmp_path, first, second)
    assert "master_gap" in labels
