"""Questions to a scenario, and how wrongly put ones are answered."""

from dataclasses import replace

import pytest

from carpscope.core.errors import CarpscopeError
from carpscope.core.units import SECOND
from carpscope.sim.library import example
from carpscope.sim.whatif import configure, crash, partition
from carpscope.sim.world import World

BASE = example("split-brain")


def test_a_crash_and_a_return() -> None:
    asked = crash(example("failover"), "fw1@10-20")
    kinds = [(e.type, e.at // SECOND) for e in asked.events]
    assert kinds == [("crash", 10), ("crash", 15), ("restart", 20), ("restart", 32)]


def test_the_run_goes_on_after_what_was_asked() -> None:
    assert crash(BASE, "fw1@100").duration == 130 * SECOND


def test_a_partition_of_several() -> None:
    (split, heal) = partition(BASE, "fw1 | fw2@5-7.5").events
    assert (split.src, split.dst, split.at) == (("fw1",), ("fw2",), 5 * SECOND)
    assert (heal.type, heal.at) == ("heal", 7_500_000_000)


def test_another_configuration_is_another_election() -> None:
    asked = configure(configure(example("failover"), "fw1.advskew=200"), "fw1.preempt=no")
    assert asked.nodes[0].vhids[0].advskew == 200
    world = World(asked)
    world.run()
    first = next(item for item in world.record.sent)
    assert first.node == "fw2"


def test_a_node_may_be_called_by_its_address() -> None:
    scenario = example("failover")
    renamed = replace(scenario, nodes=(replace(scenario.nodes[0], name="10.0.0.1"),))
    asked = configure(renamed, "10.0.0.1.advbase=3")
    assert asked.nodes[0].vhids[0].advbase == 3


@pytest.mark.parametrize(
    ("ask", "text", "said"),
    [
        (crash, "fw9@10", "there is no node 'fw9'; there are fw1, fw2"),
        (crash, "fw1", "write NODE@SECONDS or NODE@FROM-TO"),
        (crash, "fw1@x", "write NODE@SECONDS"),
        (crash, "fw1@20-10", "write NODE@SECONDS"),
        (crash, "fw1@1e999", "write NODE@SECONDS"),
        (partition, "fw1@10", "write two sides"),
        (partition, "fw1|fw3@10", "there is no node 'fw3'"),
        (configure, "fw1", "write NODE.KEY=VALUE"),
        (configure, "fw1.advskew=300", "'300' is not 0 to 254"),
        (configure, "fw1.colour=red", "'colour' cannot be set"),
        (configure, "fw1.preempt=maybe", "is not true or false"),
        (configure, "fw1.impl=windows", "known are"),
        (configure, "fw9.advskew=1", "there is no node 'fw9'"),
    ],
)
def test_wrong_questions(ask: object, text: str, said: str) -> None:
    assert callable(ask)
    with pytest.raises(CarpscopeError) as caught:
        ask(BASE, text)
    assert said in str(caught.value)
