"""Simulations as tests use them: a scenario in a few words, its frames, what was observed."""

from dataclasses import dataclass

from carpscope.auth.keyring import Keyring
from carpscope.core.frame import Frame
from carpscope.sim.frames import frames
from carpscope.sim.scenario import parse
from carpscope.sim.world import World
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import Group
from carpscope.timeline.observe import Observer
from carpscope.wire.decode import decode

PASSPHRASE = "phrase of the tests"


def scenario(*nodes: str, duration: float = 40, events: str = "", top: str = "") -> str:
    """Give a scenario: each node as its TOML lines, events as `12 crash fw1` lines."""
    text = (
        f'duration = {duration}\npassphrase = "{PASSPHRASE}"\naddresses = ["10.0.0.100"]\n{top}\n'
    )
    for index, node in enumerate(nodes, 1):
        text += f'\n[[nodes]]\nname = "fw{index}"\n{node}\n'
    for line in filter(None, (part.strip() for part in events.splitlines())):
        at, kind, *rest = line.split()
        text += f'\n[[events]]\nt = {at}\ntype = "{kind}"\n' + "".join(
            f"{item.replace('=', ' = ', 1)}\n" for item in rest
        )
    return text


def simulated(text: str) -> list[Frame]:
    """Run a scenario; give what a span port would see."""
    world = World(parse(text, "test.toml"))
    world.run()
    return list(frames(world))


@dataclass(slots=True)
class Observed:
    """What an observer made of frames."""

    observer: Observer
    facts: list[Fact]

    @property
    def group(self) -> Group:
        """Return the only group."""
        (group,) = self.observer.groups.values()
        return group


def observed(found: list[Frame], *, secrets: bool = True) -> Observed:
    """Feed frames to an observer, to their end."""
    keyring = Keyring([PASSPHRASE.encode()] if secrets else [])
    addresses = (bytes((10, 0, 0, 100)),) if secrets else ()
    observer = Observer(keyring, addresses)
    facts = [fact for frame in found for fact in observer.see(decode(frame))]
    facts += observer.finish()
    return Observed(observer, facts)
