"""What was observed, one fact at a time, in the order it became known.

Facts are not conclusions: they say what frames showed, with the frame. Detectors take
them one by one, offline and live alike. Times are nanoseconds; `frame` is a FrameRef.
"""

from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass

if TYPE_CHECKING:
    from carpscope.timeline.group import Group
    from carpscope.timeline.impostor import SpoofKind
    from carpscope.timeline.log import SignedCounter
    from carpscope.timeline.node import AdvertisedChange, MasterPeriod, Node
    from carpscope.wire.carp import AdvertView


class FailedCheck(Enum):
    """The check that a receiver would drop an advertisement for."""

    TTL = "ttl"
    CHECKSUM = "checksum"
    VERSION = "version"
    DESTINATION = "destination"


@dataclass(slots=True)
class Claimed:
    """A node began to advertise: it is MASTER or believes it is."""

    group: "Group"
    node: "Node"
    at: Nanos
    frame: int


@dataclass(slots=True)
class Left:
    """A node stopped being MASTER; `at` may lie before the frame or time that showed it."""

    group: "Group"
    node: "Node"
    at: Nanos
    master_period: "MasterPeriod"
    others: "tuple[tuple[Node, MasterPeriod], ...]"
    """The other masters at that time, with their MASTER periods; kept here because the same packet
    may have changed the group since."""


@dataclass(slots=True)
class Overdue:
    """A master's next advertisement did not come when it should have."""

    group: "Group"
    node: "Node"
    at: Nanos


@dataclass(slots=True)
class Sighted:
    """An advertisement while the group has several masters."""

    group: "Group"
    node: "Node"
    at: Nanos
    frame: int
    view: "AdvertView"


@dataclass(slots=True)
class Changed:
    """A node advertises another advbase, advskew or demotion count than before."""

    group: "Group"
    node: "Node"
    change: "AdvertisedChange"


@dataclass(slots=True)
class Refused:
    """An advertisement that every receiver drops, whoever sent it."""

    group: "Group"
    node: "Node"
    at: Nanos
    frame: int
    check: FailedCheck
    detail: str


@dataclass(slots=True)
class Spoofed:
    """An advertisement that the node it names did not send."""

    group: "Group"
    node: "Node | None"
    """The node that is imitated, or None where it is not known."""
    at: Nanos
    frame: int
    spoof_kind: "SpoofKind"
    original: "SignedCounter"
    source: bytes
    view: "AdvertView"
    mac: bytes | None = None
    """The Ethernet source of the frame."""
    ttl: int = 0


@dataclass(slots=True)
class Unsigned:
    """An advertisement that does not verify, from the address of a node whose own ones do."""

    group: "Group"
    node: "Node"
    at: Nanos
    frame: int
    view: "AdvertView"
    mac: bytes | None


@dataclass(slots=True)
class Foreign:
    """A VRRP advertisement."""

    vlan: tuple[int, ...]
    vrid: int
    at: Nanos
    frame: int
    version: int
    priority: int
    source: bytes
    mac: bytes | None
    to_group: bool
    """Whether it was sent to the VRRP multicast group; keepalived may send to unicast peers."""
    is_sound: bool
    """Whether receivers accept it, by its checksum, TTL and type."""
    interval: Nanos
    addresses: tuple[bytes, ...]
    """The virtual addresses that it lists."""


@dataclass(slots=True)
class Announced:
    """A gratuitous ARP or an unsolicited neighbour advertisement."""

    vlan: tuple[int, ...]
    at: Nanos
    frame: int
    address: bytes
    mac: bytes
    sender: bytes | None
    """The Ethernet source."""
    group: "Group | None"
    node: "Node | None"
    """The node that became MASTER just before, if one did."""


@dataclass(slots=True)
class Asked:
    """Somebody asks who has an address, by ARP or a neighbour solicitation."""

    vlan: tuple[int, ...]
    at: Nanos
    frame: int
    address: bytes
    asker: bytes | None
    """The Ethernet source."""
    is_probe: bool
    """Whether it is a probe for a duplicate before the asker uses the address (RFC 5227, RFC 4862):
    nobody has to answer."""


@dataclass(slots=True)
class Answered:
    """Somebody answers for an address, or says in a router advertisement that it is its own."""

    vlan: tuple[int, ...]
    at: Nanos
    frame: int
    address: bytes
    mac: bytes
    sender: bytes | None
    """The Ethernet source."""
    to: bytes | None
    """The Ethernet destination: the host that asked, or a group."""
    is_router: bool = False


@dataclass(slots=True)
class Forgotten:
    """A node, or a group with all its nodes, is no longer followed (`timeline.limits`)."""

    group: "Group"
    node: "Node | None"
    """None for the whole group."""
    at: Nanos


@dataclass(slots=True)
class Joined:
    """Two nodes of a group turned out to be one node (`timeline.joining`)."""

    group: "Group"
    node: "Node"
    """The node that was removed."""
    into: "Node"
    """The node that stays, and now has the addresses and history of both."""
    at: Nanos
    was_master: bool
    """Whether the removed node was in a MASTER period until now."""


@dataclass(slots=True)
class Ended:
    """The capture is over; everything that will be known is known."""

    at: Nanos


Fact: TypeAlias = (
    Claimed
    | Left
    | Overdue
    | Sighted
    | Changed
    | Refused
    | Spoofed
    | Unsigned
    | Foreign
    | Announced
    | Asked
    | Answered
    | Forgotten
    | Joined
    | Ended
)
