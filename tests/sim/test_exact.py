"""Every reference trace without chance is met exactly: states, advertisements, refusals."""

import json
from pathlib import Path

import pytest

from carpscope.sim.document import document
from carpscope.sim.scenario import load
from carpscope.sim.world import World
from tests.sim.conform import TRACES, differences, trace

ALL = sorted(TRACES.glob("*.json"))


def test_there_are_traces() -> None:
    assert len(ALL) == 44


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_conforms(path: Path) -> None:
    world = World(load(path))
    world.run()
    assert differences(trace(path), document(world)) == []


@pytest.mark.parametrize("path", ALL[:12], ids=lambda path: path.stem)
def test_announcements_and_losses_are_those_of_the_trace(path: Path) -> None:
    world = World(load(path))
    world.run()
    got, want = document(world), trace(path)

    def announced(values: object) -> list[tuple[str, ...]]:
        assert isinstance(values, list)
        keys = ("node", "kind", "address", "mac", "ether_src")
        return sorted(tuple(item[key] for key in keys) for item in values)

    assert announced(got["announcements"]) == announced(want["announcements"])
    assert len(world.record.lost) == len(want["lost"])
    assert got["final_state"] == {
        node: {str(vhid): state for vhid, state in states.items()}
        for node, states in want["final_state"].items()
    }


def test_comparison_notices_one_changed_advertisement() -> None:
    want = trace(ALL[0])
    changed = json.loads(json.dumps(want))
    changed["advertisements"][5]["advskew"] += 1
    assert differences(want, changed)


def test_comparison_notices_a_late_state() -> None:
    want = trace(ALL[0])
    changed = json.loads(json.dumps(want))
    for item in changed["transitions"]:
        if item["to"] == "MASTER":
            item["t"] += 0.02
    assert differences(want, changed)


def test_comparison_notices_one_refusal_more() -> None:
    want = trace(ALL[0])
    changed = json.loads(json.dumps(want))
    changed["rejections"].append({"t": 1, "node": "A", "vhid": 73, "reason": "badauth"})
    assert differences(want, changed)
