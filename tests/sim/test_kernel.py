"""Two recordings of a running NetBSD kernel of 2016, diagnosed and simulated.

Two machines with vhid 7, 1/0 and 1/100, hz 100. In the first the master is stopped; in the
second one of them has an address more.
"""

import json
from itertools import pairwise
from pathlib import Path
from statistics import median

from carpscope.capture.source import open_capture
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.sim.scenario import parse
from carpscope.sim.world import World
from carpscope.wire.decode import decode
from tests.detect.field import FIELD, analysis, labels

PAIR = FIELD / "netbsd-kernel-pair.pcap"
SECRETS = ("-p", "quiet17", "-a", "192.0.2.10,192.0.2.9")
TICK = 10 * MILLISECOND


def sent(path: Path, source: bytes) -> list[Nanos]:
    """Return when a node advertised."""
    with open_capture(str(path)) as capture:
        packets = [decode(frame) for frame in capture]
    return [
        packet.frame.at
        for packet in packets
        if packet.advert is not None and packet.ip is not None and packet.ip.source == source
    ]


def test_the_kernel_is_known_for_what_it_is_and_nothing_else_is_found(tmp_path: Path) -> None:
    for words in ((), SECRETS):
        found = analysis(PAIR, tmp_path, *words)
        assert [event["label"] for event in found["events"]] == ["failover"]
        assert (labels(found), found["status"]) == (set(), "healthy")
        (group,) = found["groups"]
        for node in group["nodes"]:
            assert node["implementation"]["name"] == "netbsd"
            assert node["implementation"]["confidence"] >= 0.75


def test_one_address_more_on_one_of_them(tmp_path: Path) -> None:
    found = analysis(FIELD / "netbsd-kernel-alias.pcap", tmp_path, *SECRETS)
    assert labels(found) == {"address_set_mismatch", "split_brain"}


def test_the_simulated_takeover_is_the_measured_one() -> None:
    master, backup = sent(PAIR, bytes((192, 0, 2, 11))), sent(PAIR, bytes((192, 0, 2, 12)))
    measured = backup[0] - master[-1]
    assert round(measured / SECOND, 3) == 3.404
    # where a clock's ticks stand is seen in what its own timer sends; the rest is simulated
    phases = [round(median(at % TICK for at in series)) for series in (master, backup[1:])]
    start = master[0] - master[0] % SECOND
    scenario = {
        "duration": 20,
        "addresses": ["192.0.2.10"],
        "passphrase": "quiet17",
        "impl": "netbsd2016",
        "nodes": [
            {"name": "a", "first_tick_us": phases[0] / 1000},
            {"name": "b", "first_tick_us": phases[1] / 1000, "advskew": 100},
        ],
        "events": [{"t": 12.5, "type": "crash", "node": "a"}],
    }
    assert start % TICK == 0
    world = World(parse(json.dumps(scenario), "kernel.json"))
    world.run()
    made = {name: [s.at for s in world.record.sent if s.node == name] for name in "ab"}
    simulated = made["b"][0] - made["a"][-1]
    assert abs(simulated - measured) <= 5 * MILLISECOND
    # and how long it is between two of them: as each clock has it
    for name, series in (("a", master), ("b", backup)):
        assert abs(median(_spacings(made[name])) - median(_spacings(series))) <= MILLISECOND


def _spacings(series: list[Nanos]) -> list[Nanos]:
    return [b - a for a, b in pairwise(series)]
