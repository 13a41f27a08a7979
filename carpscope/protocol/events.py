"""What happens to a node (events) and what it does then (effects).

Every event says when (`at`, nanoseconds) and carries 64 bits of chance (`draw`);
without chance, as in a replay, `draw` is 0. Effects come in the order and with the
times in which the node acts: an implementation that waits a millisecond after each
address announced sends its frames a millisecond apart.

NamedTuples and not frozen dataclasses: a simulated day has a million of them, and
a frozen dataclass costs three times as much to make.
"""

from enum import Enum
from typing import NamedTuple, TypeAlias

from carpscope.core.address import is_group
from carpscope.core.units import Nanos


class State(Enum):
    """What a vhid is on one node; DOWN says that the node itself is gone."""

    INIT = "INIT"
    BACKUP = "BACKUP"
    MASTER = "MASTER"
    DOWN = "DOWN"


class Timer(Enum):
    """The timers of a vhid."""

    AD = "ad"
    """Send the next advertisement."""
    MD = "md"
    """The master fell silent, by IPv4."""
    MD6 = "md6"
    """The master fell silent, by IPv6."""
    POLL = "poll"
    """ucarp's poll() comes back; only then does it look at its own deadlines."""


class Reason(Enum):
    """Why a state changed; profiles spell some of them as their logs do."""

    INITIALIZED = "initialization complete"
    ADDRESS_ADDED = "address added"
    ADDRESS_REMOVED = "address removed"
    LINK_DOWN = "interface down"
    LINK_UP = "interface up"
    CARP_DOWN = "carp interface set down"
    CARP_UP = "carp interface set up"
    CHANGED = "configuration changed"
    TIMED_OUT = "master timed out"
    PREEMPTING = "preempting a slower master"
    WILL_TIME_OUT = "master will time out"
    MORE_DEMOTED = "master is more demoted"
    BETTER_ADVERT = "more frequent advertisement received"
    LESS_DEMOTED = "less demoted advertisement received"
    DIRECT = "preempting at start"
    USER = "user requested"
    SIGNAL = "told to step down"
    NOT_ALLOWED = "net.inet.carp.allow"


class Drop(Enum):
    """The check that an advertisement failed first."""

    NOT_ALLOWED = "notallowed"
    NOT_JOINED = "notjoined"
    """IPv6 drops it before CARP: nothing on the interface joined ff02::12."""
    BAD_TTL = "badttl"
    BAD_LENGTH = "badlen"
    BAD_CHECKSUM = "badsum"
    BAD_VERSION = "badver"
    BAD_VHID = "badvhid"
    BAD_INTERFACE = "badif"
    BAD_AUTH = "badauth"
    REPLAY = "replay"
    """OpenBSD: its own counter came back."""
    OWN_SOURCE = "ownsource"
    """ucarp: its packet filter lets nothing from its own address through."""
    OTHER_DESTINATION = "otherdest"
    NOT_DELIVERED = "notdelivered"
    """A kernel's IP keeps it: a fragment, or the sum of its own header is wrong."""
    OTHER_VHID = "othervhid"
    """DragonFly: not that of the carp interface; nothing is counted."""
    NOT_RUNNING = "notrunning"
    """The interface is down; nothing is received at all."""

    @property
    def is_silent(self) -> bool:
        """Tell whether the implementation neither counts nor logs it."""
        return self in _SILENT


_SILENT = frozenset(
    (
        Drop.NOT_ALLOWED,
        Drop.NOT_JOINED,
        Drop.OWN_SOURCE,
        Drop.NOT_DELIVERED,
        Drop.OTHER_VHID,
        Drop.NOT_RUNNING,
    )
)


class ReceivedAdvert(NamedTuple):
    """An advertisement with what receivers test of the headers around it."""

    family: int
    """4 or 6."""
    source: bytes
    vhid: int
    advbase: int
    advskew: int
    demote: int
    counter: bytes
    digest: bytes
    identification: int
    """The IPv4 ID it was sent with; no receiver looks at it."""
    ttl: int = 255
    destination: bytes = b""
    """Where it was sent if not to 224.0.0.18 or ff02::12."""
    version: int = 2
    checksum_ok: bool = True
    """Over the 36 bytes."""
    payload_checksum_ok: bool = True
    """Over all that the IP datagram holds; what follows the 36 bytes is in it."""
    length: int = 36
    """Of what the IP datagram holds."""
    joint_checksum_ok: bool | None = None
    """Over the IPv4 header and the 36 bytes in one sum, as ucarp makes it; None: as the latter."""
    is_delivered: bool = True
    """A kernel's IP hands it on: it is no fragment, and the sum of its header is right."""
    is_extended: bool = False
    """IPv6 extension headers come before it."""

    @property
    def multicast(self) -> bool:
        """Tell whether it was sent to a group."""
        return not self.destination or is_group(self.destination)


# ---- events


class Boot(NamedTuple):
    """The machine comes up and configures its vhids, address by address."""

    at: Nanos
    draw: int


class Received(NamedTuple):
    """A frame arrives; the node's own checks decide what becomes of it."""

    at: Nanos
    draw: int
    packet: ReceivedAdvert


class Accepted(NamedTuple):
    """An advertisement that is known to have passed the checks (replay of a capture)."""

    at: Nanos
    draw: int
    packet: ReceivedAdvert


class TimerFired(NamedTuple):
    """The handler of a timer runs; see `Node.next_timer`."""

    at: Nanos
    draw: int
    vhid: int
    timer: Timer


class LinkChanged(NamedTuple):
    """The carrier of the LAN interface."""

    at: Nanos
    draw: int
    up: bool


class InterfaceChanged(NamedTuple):
    """The LAN interface is set up or down."""

    at: Nanos
    draw: int
    up: bool


class AuxLinkChanged(NamedTuple):
    """The carrier of another interface with CARP on it; demotes this one's vhids."""

    at: Nanos
    draw: int
    up: bool


class CarpInterfaceChanged(NamedTuple):
    """`ifconfig carpN up` or `down`."""

    at: Nanos
    draw: int
    vhid: int
    up: bool


class Demoted(NamedTuple):
    """An operator or a daemon adds to the demotion counter; negative takes away."""

    at: Nanos
    draw: int
    value: int


class Configured(NamedTuple):
    """`ifconfig … advbase/advskew/pass`; None leaves a value as it is."""

    at: Nanos
    draw: int
    vhid: int
    advbase: int | None = None
    advskew: int | None = None
    key: bytes | None = None


class AddressAdded(NamedTuple):
    """A virtual address is added to a running vhid."""

    at: Nanos
    draw: int
    vhid: int
    address: bytes


class AddressRemoved(NamedTuple):
    """A virtual address is taken from a running vhid."""

    at: Nanos
    draw: int
    vhid: int
    address: bytes


class StateRequested(NamedTuple):
    """`ifconfig … vhid V state master|backup`."""

    at: Nanos
    draw: int
    vhid: int
    state: State


class AllowChanged(NamedTuple):
    """The sysctl net.inet.carp.allow."""

    at: Nanos
    draw: int
    allow: bool


class OutputChanged(NamedTuple):
    """Sending begins to fail, or works again."""

    at: Nanos
    draw: int
    working: bool


class QueueChanged(NamedTuple):
    """The parent's queue is full, or has room again."""

    at: Nanos
    draw: int
    full: bool


class Signalled(NamedTuple):
    """SIGUSR2: ucarp is told to step down."""

    at: Nanos
    draw: int
    vhid: int | None


Event: TypeAlias = (
    Boot
    | Received
    | Accepted
    | TimerFired
    | LinkChanged
    | InterfaceChanged
    | AuxLinkChanged
    | CarpInterfaceChanged
    | Demoted
    | Configured
    | AddressAdded
    | AddressRemoved
    | StateRequested
    | AllowChanged
    | OutputChanged
    | QueueChanged
    | Signalled
)


# ---- effects


class Transition(NamedTuple):
    """A vhid changed its state."""

    at: Nanos
    vhid: int
    old: State
    new: State
    reason: Reason


class Send(NamedTuple):
    """An advertisement leaves the node."""

    at: Nanos
    packet: ReceivedAdvert


class Announce(NamedTuple):
    """A gratuitous ARP request (4-byte address) or an unsolicited neighbour advertisement."""

    at: Nanos
    vhid: int
    address: bytes
    mac: bytes
    """The hardware address it announces."""
    ethernet_source: bytes
    target_mac: bytes
    """What the ARP's target hardware address holds."""
    is_router: bool
    is_own: bool
    """The interface's own link-local address, which belongs to no vhid."""


class Dropped(NamedTuple):
    """An advertisement was refused."""

    at: Nanos
    drop: Drop
    packet: ReceivedAdvert


class DemotionChanged(NamedTuple):
    """The node's demotion (count, suppression or sum) changed."""

    at: Nanos
    value: int


Effect: TypeAlias = Transition | Send | Announce | Dropped | DemotionChanged
