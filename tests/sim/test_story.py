"""A run told to a person."""

from itertools import pairwise

from carpscope.core.units import SECOND
from carpscope.sim import story
from carpscope.sim.library import example, names, text
from carpscope.sim.world import World
from tests.sim.stage import play


def ran(name: str) -> World:
    world = World(example(name))
    world.run()
    return world


def test_a_failover_is_told_with_its_gap() -> None:
    lines = [line.text(3) for line in story.timeline(ran("failover"))]
    assert lines[2] == "     3.000 s  fw1  MASTER   master timed out"
    assert lines[3] == "    15.000 s  fw1  crash"
    assert lines[4].endswith("fw2  MASTER   master timed out; nobody was for 2.4 s")


def test_master_periods_cover_the_time_from_the_first_master_on() -> None:
    spans = story.master_periods(ran("failover"))
    assert [span.masters for span in spans] == [
        ("fw1",),
        (),
        ("fw2",),
        ("fw2", "fw1"),
        ("fw1",),
    ]
    assert spans[-1].end == 50 * SECOND
    assert all(a.end == b.start for a, b in pairwise(spans))


def test_the_summary_says_who_and_for_how_long_two() -> None:
    (said,) = story.summary(ran("split-brain"))
    assert said == (
        "vhid 1: at the end fw1 and fw2 are MASTER; from the first on there was one; "
        "two were once, for 26.6 s at 3.391 s"
    )


def test_nobody_at_all_is_said() -> None:
    stage = play('duration = 2\n[[nodes]]\nname = "a"\n')
    assert story.summary(stage.world) == ["vhid 1: nobody ever became MASTER"]


def test_bars_show_the_state_at_the_middle_of_each_column() -> None:
    bars = {name: bar for name, _, bar in story.bars(ran("failover"), 10, ascii_only=True)}
    assert bars == {"fw1": "_##   _###", "fw2": "___####___"}
    assert {len(bar) for _, _, bar in story.bars(ran("failover"), 33, ascii_only=False)} == {33}


def test_addresses_added_one_by_one_are_told_as_one_start() -> None:
    changes = story.net_changes(ran("demotion").record)
    assert [item.new.value for item in changes[:2]] == ["BACKUP", "BACKUP"]


def test_every_example_runs_and_says_what_it_shows() -> None:
    assert len(names()) >= 7
    for name in names():
        assert example(name).name == name
        assert example(name).description
        assert text(name).startswith(f'name = "{name}"')
        assert story.summary(ran(name))
