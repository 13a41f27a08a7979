"""The made world: one seed explains everything, and order is kept."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carpscope.core.units import MICROSECOND, SECOND
from carpscope.protocol.events import State
from carpscope.sim.document import document
from carpscope.sim.frames import frames
from carpscope.sim.library import example, names
from carpscope.sim.network import Network
from carpscope.sim.plan import Delay
from carpscope.sim.scenario import load
from carpscope.sim.world import World
from tests.sim.conform import TRACES
from tests.sim.stage import play
from tests.sim.swarm import drawn


def run(world: World) -> tuple[str, list[bytes]]:
    world.run()
    return json.dumps(document(world)), [frame.data for frame in frames(world)]


@pytest.mark.parametrize("name", names())
def test_same_seed_same_bytes(name: str) -> None:
    assert run(World(example(name))) == run(World(example(name)))


def test_another_seed_is_another_course() -> None:
    assert run(World(example("failover"), 1)) != run(World(example("failover"), 2))


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_a_run_in_pieces_is_the_run(seed: int) -> None:
    whole = World(drawn(seed))
    whole.run()
    pieces = World(drawn(seed))
    for second in range(61):
        pieces.advance(second * SECOND)
    assert document(whole) == document(pieces)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_frames_come_in_order_and_never_overtake(seed: int) -> None:
    world = World(drawn(seed))
    world.run()
    times = [frame.at for frame in frames(world)]
    assert times == sorted(times)
    assert [frame.number for frame in frames(world)] == list(range(1, len(times) + 1))


def test_a_frame_under_way_reaches_nobody_who_is_gone() -> None:
    text = """
duration = 10
[lan]
delay_us = 500000
[[nodes]]
name = "a"
[[nodes]]
name = "b"
advskew = 100
[[events]]
t = 3.2
type = "crash"
node = "b"
[[events]]
t = 3.3
type = "restart"
node = "b"
"""
    stage = play(text)
    assert stage.state("b") is State.BACKUP
    assert stage.lines() == ["3.00 a MASTER", "3.20 b DOWN", "3.30 b BACKUP"]


def test_jitter_never_lets_a_frame_overtake() -> None:
    delays = {("a", "b"): Delay(60 * MICROSECOND, 300 * MICROSECOND)}
    network = Network(delays, Random(3))
    arrivals = [network.arrival("a", "b", 4, at * 10 * MICROSECOND) or 0 for at in range(1000)]
    assert arrivals == sorted(arrivals)


def test_a_node_that_crashes_while_busy_leaves_nothing_behind() -> None:
    # ucarp runs its up script for about a millisecond; the crash comes in the middle
    text = """
duration = 6
[[nodes]]
name = "a"
impl = "ucarp"
"""
    at = float(play(text).lines(digits=6)[0].split()[0])
    crash = f'\n[[events]]\nt = {at + 0.0003}\ntype = "crash"\nnode = "a"\n'
    stage = play(text + crash)
    assert stage.adverts("a") == []
    assert stage.announced("a") == []
    assert [line.split()[1:] for line in stage.lines()] == [["a", "MASTER"], ["a", "DOWN"]]


def test_an_attack_repeats_what_its_victim_said_first() -> None:
    forge = '\n[[events]]\nt = {}\ntype = "forge"\nnode = "a"\nadvskew = 255\nadvbase = 255\n'
    text = """
duration = 10
[[nodes]]
name = "a"
[[nodes]]
name = "b"
advskew = 100
"""
    stage = play(text + forge.format(1) + forge.format(5.5) + forge.format(6.5))
    attacks = [item for item in stage.world.record.sent if item.attacker is not None]
    # at 1 s there was nothing to imitate yet
    assert len(attacks) == 2
    assert attacks[0].packet == attacks[1].packet
    assert attacks[0].packet.advbase == attacks[0].packet.advskew == 255
    assert stage.lines(after=5.4)[:2] == ["5.50 b MASTER", "6.00 b BACKUP"]


def test_cost_per_event_does_not_grow_with_time() -> None:
    text = example("failover")
    world = World(text)
    world.run()
    assert len(world._heap) < 30  # stale timers must not pile up


def test_whole_directory_of_traces_loads() -> None:
    assert all(load(path).nodes for path in TRACES.glob("*.json"))
