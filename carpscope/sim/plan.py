"""A scenario as values: nodes, LAN and events, everything decided.

`scenario` reads one from JSON or TOML; `world` runs it. Names of keys and events are
those of the traces, times are nanoseconds from the start of the capture.
"""

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field


@dataclass(frozen=True, slots=True)
class VhidPlan:
    """One vhid of a node."""

    vhid: int
    advbase: int
    advskew: int
    passphrase: str
    ipv4: tuple[bytes, ...]
    ipv6: tuple[bytes, ...]
    peer: bytes = b""
    """Where IPv4 advertisements go if not to 224.0.0.18."""
    peer6: bytes = b""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node."""

    name: str
    impl: str
    ip4: bytes
    ll6: bytes
    mac: bytes
    preempt: bool
    hz: int
    first_tick_ns: Nanos
    clock_ppb: int
    slack_ppb: int
    is_buffered: bool
    """capture_delivery = block_1s: ucarp gets packets with the next tick of a 1 s timer."""
    start: Nanos
    vhids: tuple[VhidPlan, ...]


@dataclass(frozen=True, slots=True)
class Delay:
    """From one node to another: the smallest delay and what chance adds at most."""

    least: Nanos
    jitter: Nanos
    duplicate: float = 0.0
    """How often a frame comes twice."""
    reorders: bool = False
    """Whether a frame may overtake another."""


@dataclass(frozen=True, slots=True)
class VantagePlan:
    """A capture on a node's card, with a clock of its own."""

    name: str
    node: str
    offset: Nanos
    drift_ppb: int
    steps: tuple[tuple[Nanos, Nanos], ...]
    """When its clock is set, and by how much."""
    drops: float
    """How often the capture itself loses a frame."""
    start: Nanos
    end: Nanos

    def shown(self, at: Nanos) -> Nanos:
        """Return what its clock says at a time of the run."""
        drift = at * self.drift_ppb // 1_000_000_000
        return at + self.offset + drift + sum(by for when, by in self.steps if when <= at)


@dataclass(frozen=True, slots=True)
class ScheduledEvent:
    """One event of a scenario."""

    at: Nanos
    type: str
    node: str | None = None
    vhid: int | None = None
    value: int | str | None = None
    address: bytes = b""
    src: tuple[str, ...] = ()
    dst: tuple[str, ...] = ()
    prob: float = 0.0
    families: tuple[int, ...] = (4, 6)
    """Of which advertisements a path event is true; `af = 6` in a scenario means one."""
    id: int = 0
    advbase: int | None = None
    advskew: int | None = None
    demote: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a world is made from; with the seed it decides every byte."""

    name: str
    description: str
    seed: int
    duration: Nanos
    nodes: tuple[NodePlan, ...]
    delays: dict[tuple[str, str], Delay] = field(hash=False)
    loops: tuple[str, ...]
    """Nodes whose own frames come back to them, from a bridge loop or a bad switch."""
    events: tuple[ScheduledEvent, ...]
    vantages: tuple[VantagePlan, ...] = ()
    talk: Nanos = 0
    """How often every host asks another by ARP and pings it; 0 is never."""

    def node(self, name: str) -> NodePlan:
        """Return the node of that name."""
        return next(node for node in self.nodes if node.name == name)


PATH_EVENTS = frozenset(("path_down", "path_up", "loss"))
PARTITION_EVENTS = frozenset(("partition", "heal"))
ATTACKS = frozenset(("replay", "forge"))
NODE_EVENTS = frozenset(
    (
        "crash",
        "restart",
        "link_down",
        "link_up",
        "aux_link_down",
        "aux_link_up",
        "if_down",
        "if_up",
        "output_down",
        "output_up",
        "queue_full",
        "queue_free",
        "sigusr2",
    )
)
VALUE_EVENTS = frozenset(("demote", "allow"))
VHID_EVENTS = frozenset(("carp_down", "carp_up", "state_backup", "state_master"))
VHID_VALUE_EVENTS = frozenset(("set_pass", "set_advskew", "set_advbase", "add_addr", "del_addr"))
EVENT_TYPES = (
    PATH_EVENTS
    | PARTITION_EVENTS
    | ATTACKS
    | NODE_EVENTS
    | VALUE_EVENTS
    | VHID_EVENTS
    | VHID_VALUE_EVENTS
)
