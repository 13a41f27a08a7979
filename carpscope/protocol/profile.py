"""An implementation as a value: every point in which it differs from the others.

No field has a default: whoever adds an implementation decides every point, and an
undecided one is a type error. A profile is one file in `profiles/`, found by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from functools import lru_cache

from carpscope.core.errors import CarpscopeError
from carpscope.core.registry import discover
from carpscope.core.units import Nanos
from carpscope.protocol.events import Reason
from carpscope.protocol.rules import PeriodRule, SecretsRule, SkewRule, YieldRule
from carpscope.protocol.tempo import Rounding


class Check(IntEnum):
    """What a receiver tests, in the order its profile gives; `checks` says how."""

    ALLOW = auto()
    JOINED = auto()
    """ff02::12 is joined when some vhid of the interface has an IPv6 address."""
    INTERFACE = auto()
    """The interface carries CARP at all."""
    CARP_UP = auto()
    """Some carp interface of the parent is up to be given a copy."""
    TTL = auto()
    TTL_SWAPPED = auto()
    """FreeBSD 14, 15: only if a byte-swapped address looks multicast (wire: PR 284872)."""
    LENGTH = auto()
    CHECKSUM = auto()
    VERSION = auto()
    VHID = auto()
    """The vhid exists here."""
    VHID_OF_FAMILY = auto()
    """The vhid exists here and has an address of the advertisement's family."""
    VHID_RUNNING = auto()
    """The vhid exists here and its carp interface is UP and RUNNING."""
    MULTICAST = auto()
    """It was sent to the group, not to an address."""
    FOREIGN_SOURCE = auto()
    """It does not come from the node's own address."""
    MAC = auto()
    OWN_COUNTER = auto()
    """It does not carry the counter this vhid sends with."""
    READS_IPV4_ONLY = auto()
    """It came over IPv4: there is no other input."""


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


class Change(Enum):
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
    """How its frames look; see docs/protocol/implementations."""

    tos: int
    traffic_class: int
    identification: IdentificationRule
    virtual_mac: bool
    """Advertisements come from 00:00:5e:00:01:vhid; False: ucarp's 00:00:5e:00:00:vhid."""
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
    secrets: SecretsRule
    counter: Counter
    compared_skew: SkewRule
    sent_skew: SkewRule
    period: PeriodRule
    master_down: PeriodRule
    rounding: Rounding
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
    """Set down as MASTER it says farewell with 255/255."""
    allow_stops: bool
    """net.inet.carp.allow = 0 stops the vhids instead of only deafening them."""
    ipv6_adverts: bool
    ipv6_master_down: bool
    """Has a second master-down timer for IPv6."""
    on_change: Change
    send_error_limit: int
    send_error_undo: Undo
    send_error_demotion: int
    second_announcement: bool
    """Announces again right after its third advertisement."""
    own_link_local: bool
    """Announces the carp interface's own link-local address first."""
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
    return {p.name: p for p in discover("carpscope.protocol.profiles", "PROFILE", Profile)}


def profile(name: str) -> Profile:
    """Return the implementation of that name; CarpscopeError where there is none."""
    known = profiles()
    if name not in known:
        raise CarpscopeError(f"no implementation {name!r}; known are {', '.join(sorted(known))}")
    return known[name]
