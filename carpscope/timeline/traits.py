"""From an identified node to its profile, and what that implementation does.

Frames often leave several profiles possible (FreeBSD 12 to 15, three OpenBSDs). The likeliest one
is used where one machine has to run; bounds of normal behaviour cover all of them.
"""

import functools
from typing import TYPE_CHECKING

from carpscope.auth.recipes import Recipe, automatic_link_local
from carpscope.core.units import Nanos
from carpscope.protocol import timers
from carpscope.protocol.profile import Profile, profile, profiles
from carpscope.protocol.timers import Band
from carpscope.timeline.identify import Identity, identify

if TYPE_CHECKING:
    from carpscope.timeline.node import Node

_PROFILES: dict[tuple[str | None, str | None], tuple[str, ...]] = {
    ("ucarp", None): ("ucarp",),
    ("netbsd", None): ("netbsd", "netbsd2016"),
    ("dragonfly", None): ("dragonfly",),
    ("openbsd", None): ("openbsd", "openbsd2025"),
    ("openbsd", "6.5-7.6"): ("openbsd2018",),
    ("freebsd", "5-9"): ("freebsd9", "freebsd6"),
    ("freebsd", "5-10"): ("freebsd9", "freebsd6", "freebsd13"),
    ("freebsd", "5-11"): ("freebsd9", "freebsd6", "freebsd13"),
    ("freebsd", "10"): ("freebsd13",),
    ("freebsd", "11"): ("freebsd13", "pfsense"),
    ("freebsd", "11-12"): ("pfsense",),
    ("freebsd", "12-13"): ("freebsd13",),
    ("freebsd", "14-15"): ("freebsd14", "freebsd140", "freebsd15"),
    ("freebsd", "12-15"): ("freebsd14", "freebsd13", "freebsd140", "freebsd15"),
}
"""By name and versions as `identify` gives them; the likeliest first."""


def possible(identity: Identity) -> tuple[Profile, ...]:
    """Return the profiles that a node may run, the likeliest first; empty where unknown."""
    return tuple(profile(name) for name in _PROFILES.get((identity.name, identity.versions), ()))


def profile_of(identity: Identity) -> Profile | None:
    """Return the likeliest profile of an identified node, None where it is unknown."""
    return next(iter(possible(identity)), None)


def kind(node: "Node") -> Profile | None:
    """Return the profile of a node."""
    return profile_of(identify(node))


def is_ucarp(node: "Node") -> bool:
    """Return whether a node is a ucarp, by its source MAC."""
    return node.mac is not None and is_ucarp_mac(node.mac)


def is_ucarp_mac(mac: bytes) -> bool:
    """Return whether a source MAC is one that only ucarp uses (00:00:5e:00:00:VHID)."""
    return mac[:5] == b"\0\0\x5e\0\0"


@functools.cache
def _kernels() -> tuple[Profile, ...]:
    return tuple(one for one in profiles().values() if one.name != "ucarp")


def _candidates(node: "Node") -> tuple[Profile, ...]:
    if is_ucarp(node):
        return (profile("ucarp"),)
    return possible(identify(node)) or _kernels()


@functools.lru_cache(maxsize=4096)
def _takeover(name: str | None, versions: str | None, advbase: int, advskew: int) -> Band:
    known = _PROFILES.get((name, versions))
    candidates = map(profile, known) if known else _kernels()
    return timers.widest([timers.takeover(one, advbase, advskew) for one in candidates])


def interval(node: "Node") -> Band:
    """Return the bounds of the time between two of its advertisements, by its current values."""
    shape = node.advbase, node.advskew
    return timers.widest([timers.interval(one, *shape) for one in _candidates(node)])


def interval_of(identity: Identity, advbase: int, advskew: int) -> Band:
    """Return the same bounds for other advbase and advskew."""
    known = possible(identity) or tuple(profiles().values())
    early, late = timers.widest([timers.interval(one, advbase, advskew) for one in known])
    return Band(early - timers.CAPTURE, late + timers.CAPTURE)


def backups(master: "Node") -> Band:
    """Return the bounds of the master-down time of a backup of the same kind and advbase.

    They cover every advskew.
    """
    shapes = [(master.advbase, skew) for skew in (0, 254)]
    return timers.widest([timers.takeover(one, *s) for one in _candidates(master) for s in shapes])


def takeover(node: "Node") -> Band:
    """Return the bounds of a node's master-down time after the last advertisement it accepted."""
    found = identify(node)
    return _takeover(found.name, found.versions, node.advbase, node.advskew)


def takeover_of(mac: bytes | None, advbase: int, advskew: int) -> Band:
    """Return the same for a sender that is not a node yet, by its source MAC."""
    known = (profile("ucarp"),) if mac is not None and is_ucarp_mac(mac) else _kernels()
    return timers.widest([timers.takeover(one, advbase, advskew) for one in known])


def reaction(node: "Node") -> Nanos:
    """Return the longest time from an advertisement on the wire to the node's reaction."""
    return timers.reaction(profile("ucarp") if is_ucarp(node) else None)


def handed_late(node: "Node") -> Nanos:
    """Return the longest time from a packet on the wire to its being handed to the node."""
    return profile("ucarp").delivery_ns if is_ucarp(node) else 0


def reaction_of(mac: bytes | None) -> Nanos:
    """Return the same for a sender that is not a node yet, by its source MAC."""
    return timers.reaction(profile("ucarp") if mac is not None and is_ucarp_mac(mac) else None)


def accepts(receiver: "Node", own: Recipe, theirs: Recipe) -> bool:
    """Return whether a node with one recipe accepts what another recipe signed.

    OpenBSD leaves link-local addresses out of what it sends and takes both: with its carp
    interface's own link-local address as well (carp_hmac_verify tries ORIG, then NOV6LL).
    """
    if own.signed == theirs.signed:
        return True
    if identify(receiver).name != "openbsd" or own.signed[::2] != theirs.signed[::2]:
        return False
    original = own.address_set | {automatic_link_local(own.vhid)}
    return theirs.addresses == tuple(sorted(original, key=lambda a: (len(a), a)))
