"""Worlds drawn from seeds: nothing forbidden happens, and healed ones settle."""

import pytest

from carpscope.core.units import SECOND
from carpscope.protocol.events import State
from carpscope.protocol.profile import profiles
from carpscope.sim.library import example
from carpscope.sim.record import StateChanged
from carpscope.sim.scenario import parse
from carpscope.sim.world import World
from tests.sim.invariants import explanation, unsettled, violations
from tests.sim.swarm import drawn, main, run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "first",
    [0, 40, *(pytest.param(first, marks=pytest.mark.long) for first in range(80, 400, 40))],
)
def test_forty_worlds(first: int) -> None:
    outcomes = [run(seed) for seed in range(first, first + 40)]
    assert [outcome.text() for outcome in outcomes if not outcome.is_good] == []


def test_a_seed_draws_one_world() -> None:
    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)


def test_every_implementation_is_drawn() -> None:
    drawn_ones = {node.impl for seed in range(60) for node in drawn(seed).nodes}
    assert drawn_ones == set(profiles())


def test_some_world_does_not_settle_and_says_why() -> None:
    outcomes = [run(seed) for seed in range(1, 110)]
    reasons = [outcome.explanation for outcome in outcomes if outcome.unsettled]
    assert any(reason and "never arrive" in reason for reason in reasons)
    assert any(reason and "advertise alike" in reason for reason in reasons)


def test_a_livelock_is_recognized() -> None:
    world = World(example("livelock"))
    world.run()
    assert unsettled(world, 20 * SECOND)
    reason = explanation(world, 20 * SECOND)
    assert reason is not None
    assert "fw1 and fw2 advertise alike and both yield to an equal" in reason


def test_two_masters_without_a_reason_are_not_explained_away() -> None:
    world = World(example("split-brain"))
    world.run()
    assert any("fw1 and fw2" in text for text in unsettled(world, 20 * SECOND))
    assert explanation(world, 20 * SECOND) is None


def test_a_forbidden_arrow_is_found() -> None:
    world = World(example("failover"))
    world.run()
    assert violations(world) == []
    world.record.changed.append(StateChanged(49 * SECOND, "fw1", 1, State.INIT, State.MASTER, "?"))
    assert any("INIT → MASTER" in text for text in violations(world))


def test_an_advertisement_of_a_backup_is_found() -> None:
    world = World(example("failover"))
    world.run()
    stolen = world.record.sent[0]._replace(at=10 * SECOND, node="fw2")
    world.record.sent.append(stolen)
    assert any("fw2 advertised" in text for text in violations(world))


def test_the_program_says_its_seed_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["7", "2"]) == 0
    assert capsys.readouterr().out.startswith("swarm from seed 7, 2 worlds\nseed 7: ")


def test_a_slow_master_is_explained() -> None:
    text = """
duration = 60
addresses = "10.0.0.1"
preempt = true
[[nodes]]
name = "a"
advbase = 5
[[nodes]]
name = "b"
advbase = 1
advskew = 200
impl = "openbsd"
[[nodes]]
name = "c"
advbase = 5
"""
    world = World(parse(text, "x"))
    world.run()
    assert unsettled(world, 30 * SECOND) == []
