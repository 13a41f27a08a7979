"""Captures at nodes of a made world: what arrived there, and when by their own clocks."""

from itertools import pairwise
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.core.errors import CarpscopeError
from carpscope.core.units import MILLISECOND, SECOND
from carpscope.sim.document import scenario_json
from carpscope.sim.frames import EPOCH
from carpscope.sim.scenario import parse
from carpscope.sim.vantages import captured
from carpscope.sim.world import World
from tests.program import run

LAN = """
duration = 40
addresses = ["10.0.0.100"]
passphrase = "secret"
talk = 2

[lan]
delay_us = 20000

[[nodes]]
name = "fw1"

[[nodes]]
name = "fw2"
advskew = 100

[[vantages]]
node = "fw1"

[[vantages]]
node = "fw2"
clock_s = 3
clock_ppm = 50
"""


def world(text: str) -> World:
    made = World(parse(text, "places.toml"))
    made.run()
    return made


def test_a_frame_arrives_after_its_way_by_the_clock_of_the_place() -> None:
    made = world(LAN)
    one, other = (list(captured(made, plan)) for plan in made.scenario.vantages)
    sent = {frame.data: frame.at for frame in one if frame.data[23] == 112}
    assert len(sent) > 30
    for frame in other:
        if frame.data in sent:
            at = sent[frame.data] + 20 * MILLISECOND - EPOCH
            assert frame.at == EPOCH + at + 3 * SECOND + at * 50 // 1_000_000


def test_what_hosts_say_beside_changes_no_election() -> None:
    talking, silent = world(LAN), world(LAN.replace("talk = 2", ""))
    assert talking.record.sent == silent.record.sent
    frames = list(captured(talking, talking.scenario.vantages[0]))
    assert {frame.data[12:14] for frame in frames} == {b"\x08\x00", b"\x08\x06"}
    assert len(frames) > len(list(captured(silent, silent.scenario.vantages[0])))


@pytest.mark.parametrize(
    ("extra", "check"),
    [
        ("duplicate = 1", lambda seen: len(seen) >= 2 * len(set(seen)) - 2),
        ("jitter_us = 30000", lambda seen: len(seen) == len(set(seen))),
    ],
)
def test_ways_duplicate(extra: str, check: object) -> None:
    made = world(LAN.replace("delay_us = 20000", f"delay_us = 20000\n{extra}"))
    plan = made.scenario.vantages[1]
    seen = [f.data for f in captured(made, plan) if f.data[23] == 112 and f.data[29] == 1]
    assert callable(check)
    assert check(seen)


def test_nothing_is_captured_on_a_node_that_is_not_there() -> None:
    crash = '\n[[events]]\nt = 10\ntype = "crash"\nnode = "fw1"\n'
    made = world(LAN + crash)
    assert max(f.at for f in captured(made, made.scenario.vantages[0])) < EPOCH + 10 * SECOND


def test_a_clock_that_is_set_and_a_capture_that_begins_late() -> None:
    made = world(f"{LAN}start = 5\nend = 30\n\n[[vantages.steps]]\nt = 20\nby = -2\n")
    frames = list(captured(made, made.scenario.vantages[1]))
    backwards = [b.at - a.at for a, b in pairwise(frames) if b.at < a.at]
    assert len(backwards) == 1
    assert frames[0].at >= EPOCH + 8 * SECOND
    assert [frame.number for frame in frames] == list(range(1, len(frames) + 1))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LAN.replace('[[vantages]]\nnode = "fw1"', '[[vantages]]\nnode = "fw9"'), "no node 'fw9'"),
        (LAN + 'name = "../x"\n', "part of a file's name"),
        (LAN + 'name = "fw1"\n', "two vantages 'fw1'"),
        (LAN + "drops = 2\n", "not 0 to 1"),
        (LAN + "end = 0\n", "later than its start"),
        (LAN.replace("talk = 2", "talk = 0.01"), "tenth of a second"),
    ],
)
def test_mistakes_are_told(text: str, told: str) -> None:
    with pytest.raises(CarpscopeError, match=told):
        parse(text, "places.toml")


def test_the_command_writes_a_file_for_each_place(tmp_path: Path) -> None:
    (tmp_path / "lan.toml").write_text(LAN)
    target = tmp_path / "office.pcap"
    assert run("simulate", str(tmp_path / "lan.toml"), "-w", str(target)).status == 0
    for name in ("office-fw1.pcap", "office-fw2.pcap"):
        with open_capture(str(tmp_path / name)) as capture:
            assert len(list(capture)) > 40


def test_a_scenario_says_its_vantages_again() -> None:
    made = world(LAN)
    told = scenario_json(made.scenario, 1)
    assert [plan["name"] for plan in told["vantages"]] == ["fw1", "fw2"]  # type: ignore[index, union-attr, call-overload]
    assert told["talk"] == 2
