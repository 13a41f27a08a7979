"""A scenario under work: nodes of any make on a LAN, to which kinds of trouble are added.

Values are drawn within what the reference traces show: kernels of 100 or 1000 ticks,
clocks that err, late callouts, LANs of a fraction of a millisecond and slow ones.
"""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from carpscope.protocol.profile import Drive, profiles
from carpscope.sim.plan import Scenario
from carpscope.sim.scenario import parse

COMMON = ("freebsd13", "freebsd9", "netbsd", "openbsd", "ucarp")
OTHERS = ("freebsd6", "freebsd14", "freebsd15", "openbsd2018", "openbsd2025", "dragonfly")
KERNELS = tuple(impl for impl in COMMON if impl != "ucarp") * 3 + (
    "freebsd14",
    "freebsd15",
    "openbsd2018",
    "openbsd2025",
)
INTERFACES = ("freebsd9", "netbsd", "openbsd", "openbsd2025")
"""Have a carp interface to set down."""
OPENBSD = ("openbsd", "openbsd2018", "openbsd2025")
SIX = tuple(impl for impl in KERNELS if profiles()[impl].ipv6_adverts)
FAST = ("freebsd13", "freebsd14", "freebsd15", "freebsd9", "freebsd6")
"""May tick 1000 times a second."""

Json = dict[str, Any]


def is_ucarp(impl: str) -> bool:
    """Tell whether an implementation signs one address only."""
    return profiles()[impl].drive is Drive.POLL_LOOP


@dataclass(slots=True)
class Draft:
    """What is decided so far; `clear` is when the next trouble may begin."""

    random: Random
    duration: int
    nodes: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    delays: list[Json] = field(default_factory=list)
    clear: float = 0.0

    @property
    def names(self) -> list[str]:
        """Return the names of the nodes, the preferred one first."""
        return [node["name"] for node in self.nodes]

    @property
    def vhid(self) -> int:
        """Return the first vhid."""
        return int(self.nodes[0]["vhids"][0]["vhid"])

    def impl(self, name: str) -> str:
        """Return the implementation of a node."""
        return str(self.node(name)["impl"])

    def node(self, name: str) -> Json:
        """Return a node by its name."""
        return next(node for node in self.nodes if node["name"] == name)

    @property
    def base(self) -> int:
        """Return the longest advbase."""
        return max(int(v["advbase"]) for node in self.nodes for v in node["vhids"])

    @property
    def wait(self) -> float:
        """Return how long the slowest backup waits."""
        groups = [group for node in self.nodes for group in node["vhids"]]
        return float(max(3 * g["advbase"] + 4 * g["advskew"] / 256 for g in groups))

    def add(self, at: float, kind: str, **values: Any) -> None:
        """Add an event."""
        self.events.append({"t": round(at, 3), "type": kind, **values})

    def reserve(self, length: float) -> float:
        """Return when something that takes so long begins; keep the time behind it clear."""
        room = self.duration - self.clear - length - self.wait
        start = self.clear + self.random.uniform(0, max(0.0, min(room, 0.5 * self.duration)))
        self.clear = start + length + self.wait + 2
        return round(start, 3)

    def scenario(self, seed: int, name: str) -> Scenario:
        """Return it as the simulator takes it."""
        self.events.sort(key=lambda event: float(event["t"]))
        return parse(
            json.dumps(
                {
                    "name": name,
                    "seed": seed,
                    "duration": self.duration,
                    "nodes": self.nodes,
                    "lan": {"delays": self.delays},
                    "events": [e for e in self.events if e["t"] < self.duration],
                }
            ),
            name,
        )


def drafted(
    random: Random,
    *,
    families: str = "",
    addresses: int = 0,
    only: tuple[str, ...] = (),
    first: tuple[str, ...] = (),
) -> Draft:
    """Return healthy nodes: A is preferred, B and perhaps C and D stand by."""
    count = random.choice((2, 2, 2, 2, 2, 3, 3, 3, 4))
    duration = random.choice((45, 60, 60, 75, 90, 90, 120, 180, 300, 600))
    impls = _impls(random, count, families, only)
    if first:
        impls[0] = random.choice(first)
    if not families and not any(map(is_ucarp, impls)):
        families = random.choice(("4", "4", "4", "46", "6"))
        families = families if all(profiles()[i].ipv6_adverts for i in impls) else "4"
    single = any(map(is_ucarp, impls))
    four = 0 if families == "6" else (1 if single else addresses or random.choice((1, 1, 2, 3, 4)))
    six = 0 if single or "6" not in families else random.choice((1, 2))
    four, six = (four, six) if four + six else (1, 0)
    base = random.choice((1, 1, 1, 1, 1, 1, 1, 2, 3, 5))
    preempt = random.random() < 0.75
    skews = [0, *sorted(random.sample((20, 50, 60, 80, 100, 120, 150, 200, 220), count - 1))]
    net = f"10.{random.randrange(256)}.{random.randrange(256)}"
    net6 = f"2001:db8:{random.getrandbits(16):x}:{random.getrandbits(16):x}"
    own = random.sample(range(2, 60), count)
    shared4 = [f"{net}.{last}" for last in random.sample(range(100, 255), four)]
    shared6 = [f"{net6}::{last:x}" for last in random.sample(range(256, 65536), six)]
    secret = "".join(random.choice("abcdefghkmnpqrstuvwxyz23456789") for _ in range(9))
    draft = Draft(random, duration)
    vhid = random.randint(1, 255)
    for index, impl in enumerate(impls):
        group: Json = {
            "vhid": vhid,
            "advbase": base,
            "advskew": skews[index],
            "passphrase": secret,
            "ipv4": list(shared4),
            "ipv6": list(shared6),
        }
        random.shuffle(group["ipv4"])
        node: Json = {
            "name": "ABCD"[index],
            "impl": impl,
            "ip4": f"{net}.{own[index]}",
            "mac": f"02:{random.getrandbits(8):02x}:00:00:{index:02x}:{own[index]:02x}",
            "preempt": preempt,
            "hz": random.choice((100, 1000)) if impl in FAST else 100,
            "clock_ppm": round(random.uniform(-40, 40), 1),
            "callout_slack": random.choice((0, 0.3, 1.0)) if impl.startswith("freebsd1") else 0,
            "start": round(random.uniform(0, 1.5), 3),
            "vhids": [group],
        }
        node["first_tick_us"] = random.randrange(1_000_000 // node["hz"])
        if is_ucarp(impl) and random.random() < 0.5:
            node["capture_delivery"] = "block_1s"
        draft.nodes.append(node)
    _lan(draft, slow=random.random() < 0.2)
    draft.clear = 2 + draft.wait + 2 * base + 2
    draft.duration = max(duration, int(12 * draft.wait)) if base > 1 else duration
    return draft


def _impls(random: Random, count: int, families: str, only: tuple[str, ...]) -> list[str]:
    pool = only or (COMMON * 4 + OTHERS)
    pool = tuple(i for i in pool if "6" not in families or profiles()[i].ipv6_adverts)
    if random.random() < 0.35:
        return [random.choice(pool)] * count
    return [random.choice(pool) for _ in range(count)]


def _lan(draft: Draft, *, slow: bool) -> None:
    for source in draft.names:
        for destination in draft.names:
            if source != destination:
                least = draft.random.randint(1800, 5600) if slow else draft.random.randint(80, 400)
                jitter = draft.random.choice((0, draft.random.randint(20, 200)))
                draft.delays.append(
                    {"src": source, "dst": destination, "delay_us": least, "jitter_us": jitter}
                )
