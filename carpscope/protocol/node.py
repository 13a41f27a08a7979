"""A node and its vhids as values: what is configured, and what has come of it.

Nodes are immutable: `machine.step` gives a new one, so that a replay can fork
hypotheses. Times are absolute nanoseconds. A timer that is not pending is `NEVER`.
"""

from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, replace
from carpscope.protocol.events import State, Timer
from carpscope.protocol.profile import Profile
from carpscope.protocol.rules import own_link_local
from carpscope.protocol.secret import Secrets, secret
from carpscope.protocol.tempo import Tempo

NEVER: Nanos = 1 << 62
"""Later than any instant a capture can hold."""


_NONE = Secrets(secret(b"", b""), ())
"""Before a setup is complete."""


@dataclass(frozen=True, slots=True)
class VhidSetup:
    """What an operator configures of one vhid."""

    vhid: int
    advbase: int
    advskew: int
    key: bytes
    ipv4: tuple[bytes, ...]
    ipv6: tuple[bytes, ...]
    secrets: Secrets
    """Follows from the key and the addresses; see `vhid_setup`."""
    peer: bytes = b""
    """Where IPv4 advertisements are sent if not to 224.0.0.18."""
    peer6: bytes = b""


def vhid_setup(
    profile: Profile,
    vhid: int,
    *,
    advbase: int,
    advskew: int,
    key: bytes,
    ipv4: tuple[bytes, ...],
    ipv6: tuple[bytes, ...],
    peer: bytes = b"",
    peer6: bytes = b"",
) -> VhidSetup:
    """Configure a vhid; its secrets are made as this implementation signs.

    A carp interface of OpenBSD gets an address of its own with its first of IPv6.
    """
    if profile.own_link_local and ipv6 and own_link_local(vhid) not in ipv6:
        ipv6 = (own_link_local(vhid), *ipv6)
    return _signing(profile, VhidSetup(vhid, advbase, advskew, key, ipv4, ipv6, _NONE, peer, peer6))


def _signing(profile: Profile, setup: VhidSetup) -> VhidSetup:
    secrets = profile.secrets(setup.key, setup.vhid, setup.ipv4, setup.ipv6)
    return replace(setup, secrets=secrets)


def changed(
    profile: Profile,
    setup: VhidSetup,
    *,
    advbase: int | None = None,
    advskew: int | None = None,
    key: bytes | None = None,
    ipv4: tuple[bytes, ...] | None = None,
    ipv6: tuple[bytes, ...] | None = None,
) -> VhidSetup:
    """Return a setup with some values replaced and its secrets made anew."""
    return _signing(
        profile,
        replace(
            setup,
            advbase=setup.advbase if advbase is None else advbase,
            advskew=setup.advskew if advskew is None else advskew,
            key=setup.key if key is None else key,
            ipv4=setup.ipv4 if ipv4 is None else ipv4,
            ipv6=setup.ipv6 if ipv6 is None else ipv6,
        ),
    )


class Vhid(NamedTuple):
    """One vhid on one node, at one moment."""

    setup: VhidSetup
    state: State
    counter: int | None
    """The last one seen or sent (OpenBSD: its cookie); None = random until there is one."""
    ad: Nanos
    md: Nanos
    md6: Nanos
    poll: Nanos
    """When ucarp's poll() comes back; elsewhere never."""
    delayed_arp: int
    """Advertisements until the second announcement; -1 = none is due."""
    errors: int
    successes: int
    is_up: bool
    """IFF_UP of its carp interface; always True where there is none."""
    up_before: bool
    """IFF_UP as it was when the parent lost its carrier."""
    is_running: bool
    is_suppressed: bool
    """It has added to the node's demotion because the parent has no carrier."""


def idle(setup: VhidSetup) -> Vhid:
    """Return a vhid that has not been started."""
    return Vhid(
        setup=setup,
        state=State.INIT,
        counter=None,
        ad=NEVER,
        md=NEVER,
        md6=NEVER,
        poll=NEVER,
        delayed_arp=-1,
        errors=0,
        successes=0,
        is_up=True,
        up_before=False,
        is_running=False,
        is_suppressed=False,
    )


@dataclass(frozen=True, slots=True)
class NodeSetup:
    """What is fixed for the life of a node."""

    name: str
    profile: Profile
    tempo: Tempo
    preempt: bool
    ip4: bytes
    """Where its IPv4 advertisements come from."""
    ll6: bytes
    """Where its IPv6 advertisements come from."""
    mac: bytes
    vhids: tuple[VhidSetup, ...]
    dead_ratio: int
    """How many times advbase ucarp waits (-r); the kernels' 3 is part of their rules."""
    is_neutral: bool
    """ucarp -n: no down script at start."""
    ignores_link: bool
    """ucarp -S."""


class Node(NamedTuple):
    """A node at one moment."""

    setup: NodeSetup
    vhids: tuple[Vhid, ...]
    demotion: int
    """A sum, a count or a group's count; see profile.Demotion."""
    link_up: bool
    interface_up: bool
    aux_up: bool
    allows: bool
    output_works: bool
    queue_full: bool
    identification: int
    """The last IPv4 ID, where they are counted."""
    busy_until: Nanos
    """Until then it does not look at packets or timers: busy waits, scripts, sleep()."""
    asleep: bool
    """The wait is a sleep() of ucarp's loop, whose top comes before any packet."""

    @property
    def name(self) -> str:
        """Return the node's name."""
        return self.setup.name

    def vhid(self, number: int) -> Vhid | None:
        """Return the vhid of that number, if it is configured here."""
        for item in self.vhids:
            if item.setup.vhid == number:
                return item
        return None

    def state(self, number: int) -> State:
        """Return what this node is for a vhid; INIT where it does not have it."""
        found = self.vhid(number)
        return State.INIT if found is None else found.state

    def next_timer(self) -> tuple[Nanos, int, Timer] | None:
        """Return the pending timer that ends first: when, of which vhid, which one."""
        best = NEVER
        vhid = 0
        timer = Timer.AD
        loops = False
        for item in self.vhids:
            # poll() is what wakes ucarp; its other deadlines wake nobody
            loops = item.poll != NEVER
            if loops:
                if item.poll < best:
                    best, vhid, timer = item.poll, item.setup.vhid, Timer.POLL
                continue
            if item.ad < best:
                best, vhid, timer = item.ad, item.setup.vhid, Timer.AD
            if item.md < best:
                best, vhid, timer = item.md, item.setup.vhid, Timer.MD
            if item.md6 < best:
                best, vhid, timer = item.md6, item.setup.vhid, Timer.MD6
        return None if best == NEVER else (best, vhid, timer)

    def placed(self, number: int, state: State, counter: int | None = None) -> "Node":
        """Return this node with a vhid put into a state, no timer running (replay)."""
        vhids = tuple(
            item._replace(
                state=state,
                counter=counter,
                is_running=True,
                ad=NEVER,
                md=NEVER,
                md6=NEVER,
                poll=NEVER,
            )
            if item.setup.vhid == number
            else item
            for item in self.vhids
        )
        return self._replace(vhids=vhids)


def node(setup: NodeSetup) -> Node:
    """Return a node that is switched off: `step` it with a Boot."""
    return Node(
        setup=setup,
        vhids=tuple(idle(item) for item in setup.vhids),
        demotion=0,
        link_up=True,
        interface_up=True,
        aux_up=True,
        allows=True,
        output_works=True,
        queue_full=False,
        identification=0,
        busy_until=0,
        asleep=False,
    )
