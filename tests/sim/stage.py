"""What stories are played on: a scenario as TOML in, lines that a newcomer can read out."""

from carpscope.core.units import SECOND, Nanos
from carpscope.protocol.events import State
from carpscope.sim.scenario import parse
from carpscope.sim.story import net_changes
from carpscope.sim.world import World

GROUP = """
hz = 1000
addresses = ["10.0.0.100"]
passphrase = "mekmitasdigoat"
"""


class Stage:
    """A world that was run, and questions to it."""

    def __init__(self, text: str) -> None:
        """Run a scenario; every node ticks 1000 times a second unless it says otherwise."""
        nodes = text.replace("[[nodes]]", "[[nodes]]\nhz = 1000")
        self.world = World(parse(nodes, "story.toml"))
        self.world.run()

    def lines(self, *, after: float = 0.0, digits: int = 2) -> list[str]:
        """Return state changes as `3.00 fw1 MASTER`, without what happens at the start."""
        return [
            f"{item.at / SECOND:.{digits}f} {item.node} {item.new.value}"
            for item in net_changes(self.world.record)
            if item.at > after * SECOND
        ]

    def adverts(self, node: str, *, after: float = 0.0, digits: int = 2) -> list[str]:
        """Return a node's advertisements as `3.00 v4 1/0`, demoted ones as `3.00 v4 1/0+1`."""
        return [
            f"{item.at / SECOND:.{digits}f} v{item.packet.family} "
            f"{item.packet.advbase}/{item.packet.advskew}"
            + (f"+{item.packet.demote}" if item.packet.demote else "")
            for item in self.world.record.sent
            if item.node == node and item.at > after * SECOND and item.attacker is None
        ]

    def announced(self, node: str) -> list[Nanos]:
        """Return when a node announced addresses."""
        return [item.announce.at for item in self.world.record.announced if item.node == node]

    def refused(self, node: str) -> list[str]:
        """Return why a node refused what it refused."""
        return [item.reason for item in self.world.record.refused if item.node == node]

    def state(self, node: str, vhid: int = 1) -> State:
        """Return what a node is at the end."""
        found = self.world.nodes()[node]
        return State.DOWN if found is None else found.state(vhid)

    def demotion(self, node: str) -> int:
        """Return a node's demotion at the end."""
        found = self.world.nodes()[node]
        assert found is not None
        return found.demotion


def play(text: str) -> Stage:
    """Run a scenario whose group is one address and one passphrase."""
    head = "" if "addresses" in text.split("[[", 1)[0] else GROUP.replace("hz = 1000\n", "")
    return Stage(head + text)
