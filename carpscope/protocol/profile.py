"""An implementation as a value: every point in which it differs from the others.

No field has a default: whoever adds an implementation decides every point, and an
undecided one is a type error. A family is one file in `profiles/`, found by itself: its
first member whole, the others by what they do otherwise.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum, auto
from functools import lru_cache

from carpscope.core.errors import CarpscopeError
from carpscope.core.registry import discover
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.protocol.events import Reason
from carpscope.protocol.rules import PeriodRule, SecretsRule, SkewRule, YieldRule
from carpscope.protocol.tempo import Rounding


class Check(IntEnum):
    """What a receiver tests, in the order its profile gives; `checks` says how."""

    ALLOW = auto()
    JOINED = auto()
    """The group it was sent to is joined: some vhid of the interface has an address of its
    family. FreeBSD does not ask since 8: the parent is promiscuous."""
    INTERFACE = auto()
    """The interface carries CARP at all."""
    CARP_INTERFACE = auto()
    """It comes by a carp interface, which only what is sent to a group does."""
    COPIED = auto()
    """Some carp interface of the parent is up and has joined the group, to be given a copy."""
    RUNNING = auto()
    """DragonFly: the carp interface that got the copy is RUNNING."""
    GROUP_ONLY = auto()
    """DragonFly: it was sent to a group."""
    OWN_GROUP = auto()
    """ucarp: it was sent to the very address this process sends to."""
    TTL = auto()
    TTL_OF_PEER = auto()
    """FreeBSD 14.3: 255, where the vhid itself sends to a group."""
    TTL_OF_PEER_SWAPPED = auto()
    """FreeBSD 14.0 to 14.2 and main of 2024: as that, of an address read with its octets in
    the wrong order: never for 224.0.0.18, but for peers that end in 224 to 239."""
    HEAD = auto()
    """The first 8 bytes are there, which VRRPv3 has in common."""
    LENGTH = auto()
    """All 36 bytes are there."""
    LENGTH_OF_VERSION = auto()
    """As LENGTH, for version 2; VRRPv3 needs no more than HEAD."""
    CHECKSUM = auto()
    """Over 36 bytes."""
    CHECKSUM_OF_VERSION = auto()
    """As CHECKSUM, for version 2."""
    CHECKSUM_OF_PAYLOAD = auto()
    """Over all the IP datagram holds, for version 2."""
    JOINT_CHECKSUM = auto()
    """ucarp: over the IPv4 header and the 36 bytes in one sum."""
    VERSION_KNOWN = auto()
    """2, or VRRP's 3."""
    VERSION = auto()
    VHID = auto()
    """The vhid exists here."""
    VHID_OF_FAMILY = auto()
    """The vhid exists here and has an address of the advertisement's family."""
    VHID_OR_LOOP = auto()
    """As that; vhid 0 from an address of the interface's own is called a loop."""
    HEADER_IN_PLACE = auto()
    """FreeBSD main: it follows the fixed IPv6 header at once, where the vhid is read from."""
    VHID_RUNNING = auto()
    """The vhid exists here and its carp interface is UP and RUNNING."""
    VHID_OF_PEER = auto()
    """As that, and over IPv4 it sends to a group if the packet was sent to one."""
    VHID_OF_COPY = auto()
    """DragonFly: it is that of the carp interface that got the copy; nobody counts others."""
    FOREIGN_SOURCE = auto()
    """It does not come from the node's own address."""
    MAC = auto()
    OWN_COUNTER = auto()
    """It does not carry the counter this vhid sends with."""
    READS_IPV4_ONLY = auto()
    """It came over IPv4: there is no other input, or nothing ever reaches it."""


class Passes(Enum):
    """How often one frame goes through the input routine."""

    ONE = auto()
    """The parent takes it, or the copies of it come to the same."""
    EACH_INTERFACE = auto()
    """OpenBSD carp_input(): once for each carp interface that is UP and has joined."""


class Peers(Enum):
    """To whom advertisements can be sent instead of 224.0.0.18 and ff02::12."""

    NONE = auto()
    IPV4 = auto()
    """OpenBSD carppeer, ucarp --mcastip."""
    BOTH = auto()
    """FreeBSD 14 and later peer, peer6."""


class Drive(Enum):
    """What makes the machine move."""

    CALLOUTS = auto()
    """Timers in a kernel."""
    POLL_LOOP = auto()
    """One process that sleeps in poll() and looks at its deadlines when it wakes."""


class Presence(Enum):
    """What a vhid is configured on, hence what can be set up and down."""

    ADDRESSES = auto()
    """FreeBSD 10 and later: addresses of the LAN interface carry the vhid."""
    INTERFACE = auto()
    """A carpN pseudo-interface."""
    PROCESS = auto()
    """ucarp."""


class LinkLoss(Enum):
    """What the parent's loss of carrier does."""

    DEMOTES = auto()
    """FreeBSD 10 and later carp_sc_state(): INIT, demotion + 240."""
    SAVES_FLAGS = auto()
    """FreeBSD 5-9 carp_sc_state_locked(): INIT, UP taken away and kept in a backup."""
    SUPPRESSES = auto()
    """OpenBSD, NetBSD carp_carpdev_state(): INIT, not started while it lasts, demotion + 1."""
    UNNOTICED = auto()
    """DragonFly: compiled out."""
    SLEEPS = auto()
    """ucarp docarp(): BACKUP, look again after 10 s."""


class Demotion(Enum):
    """What the demotion is."""

    SUM = auto()
    """FreeBSD 10 and later: a signed number added to the skew; every change is advertised."""
    COUNT = auto()
    """FreeBSD 5-9, NetBSD, DragonFly, ucarp: how many things are wrong; 0 to 1 is advertised."""
    GROUP = auto()
    """OpenBSD: the count of an interface group, sent in the demote byte."""


class Reconfiguration(Enum):
    """What a running vhid does when it is reconfigured."""

    STORED = auto()
    """FreeBSD 10 and later carp_ioctl(): used from the next advertisement on."""
    SET_RUN = auto()
    """FreeBSD 5-9, OpenBSD, DragonFly carp_ioctl(): timers start anew."""
    BOUNCE = auto()
    """NetBSD carp_ioctl(): INIT and BACKUP."""


class Counter(Enum):
    """How the 64 bits before the digest are made."""

    CONTINUES = auto()
    """Random until an advertisement is accepted, then one more than the last seen or sent."""
    COOKIE = auto()
    """OpenBSD since 2013: one random value for the life of the vhid."""


class Undo(Enum):
    """How three send errors are forgiven."""

    THREE_IN_ALL = auto()
    """FreeBSD 14 and later carp_send_ad_error(): three successes, errors or none."""
    AFTER_DEMOTION = auto()
    """The others: three successes once demoted; before that one success."""
    NEVER = auto()
    """FreeBSD 10-13: the first success forgets the errors and leaves the demotion."""


class IdentificationRule(Enum):
    """The IPv4 ID of an advertisement."""

    ZERO = auto()
    COUNTS = auto()
    RANDOM = auto()


@dataclass(frozen=True, slots=True)
class WireStyle:
    """How its frames look; see docs/implementations.md."""

    tos: int
    traffic_class: int
    identification: IdentificationRule
    virtual_mac: bool
    """Advertisements come from 00:00:5e:00:01:vhid; False: ucarp's 00:00:5e:00:00:vhid."""
    peer_own_mac: bool
    """To a unicast peer they come from the network card's own MAC."""
    peer_octets_swapped: bool
    """A peer that ends in 224 to 239 is sent to with the MAC of a group (PR 284872)."""
    arp_ethernet_virtual: bool
    arp_sender_virtual: bool
    arp_target_is_sender: bool
    na_virtual: bool
    na_router: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """One implementation."""

    name: str
    title: str
    drive: Drive
    presence: Presence
    checks: tuple[Check, ...]
    checks6: tuple[Check, ...]
    passes: Passes
    peers: Peers
    secrets: SecretsRule
    counter: Counter
    compared_skew: SkewRule
    sent_skew: SkewRule
    period: PeriodRule
    master_down: PeriodRule
    rounding: Rounding
    late_part: int
    """A timer may end late by one part in so many of its length, 0 for none: FreeBSD 10 and
    later kern_timeout.c C_PREL(tc_precexp), 1/16; Linux's timer slack for poll(), 1/1000."""
    delivery_ns: Nanos
    """How late a packet may be handed to it: libpcap's read timeout of 1000 ms in ucarp."""
    yields: YieldRule
    demotion: Demotion
    demote_byte: bool
    """Sends its demotion in byte 4 and obeys that of others."""
    threefold_needs_base: bool
    """OpenBSD: no threefold rule with advbase 0."""
    direct_master: bool
    """INIT to MASTER at once if preempting and not suppressed."""
    link_needed: bool
    """A vhid runs only while the parent has carrier."""
    link_loss: LinkLoss
    link_demotion: int
    """What one interface without carrier adds to the demotion."""
    bounces_on_link: bool
    """A callback "link is up" sends even a MASTER through INIT, lost before or not."""
    bow_out: bool
    """Set down as MASTER it sends a bow-out with 255/255."""
    allow_stops: bool
    """net.inet.carp.allow = 0 stops the vhids instead of only deafening them."""
    ipv6_adverts: bool
    ipv6_master_down: bool
    """Has a second master-down timer for IPv6."""
    on_change: Reconfiguration
    newest_first: bool
    """What is sent for all vhids at once goes out for the one created last first."""
    send_error_limit: int
    send_error_undo: Undo
    send_error_demotion: int
    full_queue_fails: bool
    """A full queue of the parent is an error of sending."""
    second_announcement: bool
    """Announces again right after its third advertisement."""
    own_link_local: bool
    """With its first IPv6 address the carp interface has a link-local one, which stays."""
    na_by_task: bool
    """Neighbour advertisements come from the link-state task, if it is still MASTER then."""
    frame_cost_ns: Nanos
    """From one frame of a burst to the next."""
    arp_wait_ns: Nanos
    """Busy wait after each gratuitous ARP."""
    na_wait_ns: Nanos
    """Busy wait after each neighbour advertisement."""
    wire: WireStyle
    words: Mapping[Reason, str]
    """What its log calls a reason, where it differs from ours."""

    def says(self, reason: Reason) -> str:
        """Return a reason in the words of this implementation."""
        return self.words.get(reason, reason.value)


@lru_cache(maxsize=1)
def profiles() -> dict[str, Profile]:
    """Return every implementation by its name; the folder is searched once."""
    families = discover("carpscope.protocol.profiles", "PROFILES", tuple)
    return {item.name: item for family in families for item in family}


def profile(name: str) -> Profile:
    """Return the implementation of that name; CarpscopeError where there is none."""
    known = profiles()
    if name not in known:
        raise CarpscopeError(f"no implementation {name!r}; known are {', '.join(sorted(known))}")
    return known[name]
