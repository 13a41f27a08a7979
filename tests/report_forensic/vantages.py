"""Captures at two nodes of a made world, each with a clock of its own."""

from dataclasses import dataclass
from pathlib import Path

from carpscope.capture.writer import PcapWriter
from carpscope.core.frame import Frame
from carpscope.core.units import MICROSECOND, SECOND, Nanos
from carpscope.protocol.profile import profiles
from carpscope.sim.frames import EPOCH, advert_frame
from carpscope.sim.scenario import parse
from carpscope.sim.world import World
from carpscope.wire.link import ETHERNET

WAY: Nanos = 100 * MICROSECOND
"""The simulated LAN's own delay."""

GROUP = """
duration = 90
addresses = ["10.0.0.100"]
passphrase = "mekmitasdigoat"

[[nodes]]
name = "fw1"
impl = "freebsd13"
preempt = true

[[nodes]]
name = "fw2"
impl = "freebsd13"
advskew = 100
"""
ONE_WAY = """
[[events]]
t = 30
type = "path_down"
src = "fw1"
dst = "fw2"

[[events]]
t = 60
type = "path_up"
src = "fw1"
dst = "fw2"
"""
PARTITION = """
[[events]]
t = 30
type = "partition"
a = "fw1"
b = "fw2"

[[events]]
t = 60
type = "heal"
a = "fw1"
b = "fw2"
"""


@dataclass(frozen=True, slots=True)
class Skew:
    """How a clock is wrong."""

    offset: Nanos = 0
    drift_ppm: float = 0.0
    step_at: Nanos = 1 << 62
    step: Nanos = 0

    def shown(self, at: Nanos) -> Nanos:
        """Return what this clock says, `at` counted from the beginning of the run."""
        drift = round(at * self.drift_ppm / 1_000_000)
        return EPOCH + at + self.offset + drift + (self.step if at >= self.step_at else 0)


def world(text: str) -> World:
    """Run a scenario."""
    made = World(parse(text, "vantage.toml"))
    made.run()
    return made


def write(made: World, node: str, path: Path, skew: Skew | None = None) -> int:
    """Write what a capture on a node's card holds; return how many advertisements."""
    clock = skew or Skew()
    lost = {(item.source, item.at) for item in made.record.lost if item.destination == node}
    impl = {plan.name: plan.impl for plan in made.scenario.nodes}
    known = profiles()
    seen: list[tuple[Nanos, bytes]] = []
    for item in made.record.sent:
        if item.at < 0 or (item.node, item.at) in lost:
            continue
        at = item.at if item.node == node else item.at + WAY
        seen.append((clock.shown(at), advert_frame(known[impl[item.node]], item.packet)))
    seen.sort()
    with path.open("wb") as stream:
        writer = PcapWriter(stream, nanoseconds=True)
        for number, (at, data) in enumerate(seen, 1):
            writer.write(Frame(number, at, ETHERNET, data, len(data)))
    return len(seen)


__all__ = ["GROUP", "ONE_WAY", "PARTITION", "SECOND", "Skew", "world", "write"]
