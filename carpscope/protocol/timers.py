"""How early and how late implementations act: the bounds of time that verdicts rest on.

The earliest is a timer with the least lateness, the latest the same timer with the most: at
the coarsest of the usual tick rates, with the lateness that its kernel permits itself and a
host that has other things to do. What networks and captures add is kept apart.

Sources: docs/protocol/elections.md (Timers); ucarps measured on Linux; tvtohz(),
timeout_add_tv(), kern_timeout.c callout_when(), ucarp src/carp.c docarp().
"""

import functools
from typing import NamedTuple

from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND, Nanos
from carpscope.protocol.profile import Drive, Profile, profiles
from carpscope.protocol.tempo import Rounding
from carpscope.wire.carp import interval_ns

TICK_RATES = (100, 1000)
"""HZ of the systems: 100 in most virtual machines and in OpenBSD, 1000 in FreeBSD."""
DEAD_RATIO = 3
"""How many advbase a backup waits; ucarp's --deadratio may be another, which nobody announces."""

HANDLING: Nanos = 5 * MILLISECOND
"""From the wire to the decision of a kernel on the same LAN: interrupt, queue, lock."""
HOST_LATE: Nanos = 25 * MILLISECOND
"""By how much a host that has other things to do misses a timer, and nobody would say a word:
"-1 to +25 ms: ok"."""
STALL: Nanos = 100 * MILLISECOND
"""Beyond this a timer is suspiciously late, or a virtual machine was stopped."""
SCRIPT: Nanos = 200 * MILLISECOND
"""ucarp runs its up and down scripts before it goes on: a fork and an exec under load."""
LONG_SCRIPT: Nanos = SECOND
"""An up script that does more: between a ucarp's announcement and its first advertisement."""
CROSSING: Nanos = 15 * MILLISECOND
"""Two frames that leave within this may pass each other on the way."""
PATH: Nanos = 250 * MILLISECOND
"""There and back between two nodes of one group, on the slowest network that carries one."""
PAIR: Nanos = 3 * MILLISECOND
"""A dual-stack node sends IPv4, then IPv6, in one go."""
COPY: Nanos = 5 * MILLISECOND
"""A mirror port delivers both directions within this; no system advertises that often."""
ANNOUNCING: Nanos = 100 * MILLISECOND
"""Kernels wait a millisecond after each announcement: a burst of many addresses."""
BEFORE_ADVERT: Nanos = 50 * MILLISECOND
"""ucarp announces right before its first advertisement."""
CAPTURE: Nanos = 2 * MILLISECOND
"""What a capture's own time stamps may be off."""
QUERY: Nanos = 125 * SECOND
"""How often a querier asks for members of groups (RFC 3376 8.2, RFC 3810 9.2)."""
GUARD_OF_GAP: Nanos = 500 * MILLISECOND
GUARD_OF_ELECTION: Nanos = 50 * MILLISECOND
FLAPPING_INTERVALS = 30
"""Changes of master within so many advbase seconds count together (docs/findings/CS104.md)."""
NEVER: Nanos = 1 << 62
FORWARDING: Nanos = 30 * SECOND
"""A port that comes up passes nothing for twice the forward delay of its bridge (IEEE 802.1D-2004
table 17-1: 15 s each for listening and learning): why two nodes that start do not hear each other
yet, and then do."""
REACHABLE: Nanos = 45 * SECOND
"""Within this, whoever talks to an address has asked for it again (RFC 4861 10: REACHABLE_TIME
times MAX_RANDOM_FACTOR; Linux does the same for ARP): so long a shared address may stay unheard
of in its network."""
AFTERMATH: Nanos = 5 * SECOND
"""What was sent once by somebody else is believed for this long: one wait of a backup with
advbase 1 and its lateness."""


class Band(NamedTuple):
    """From the earliest to the latest; both are still normal."""

    earliest: Nanos
    latest: Nanos


def interval(profile: Profile, advbase: int, advskew: int) -> Band:
    """Return what lies between two advertisements of a master."""
    return _interval(profile.name, advbase, advskew)


@functools.lru_cache(maxsize=1024)
def _interval(name: str, advbase: int, advskew: int) -> Band:
    profile = profiles()[name]
    if profile.drive is Drive.POLL_LOOP:
        # ucarp sends what is due within a millisecond, else after poll() comes back
        nominal = interval_ns(advbase, advskew)
        late = nominal // profile.late_part if profile.late_part else 0
        return Band(nominal - MILLISECOND, nominal + late + MILLISECOND + HOST_LATE)
    return _ticking(profile, profile.period(advbase, advskew))


def takeover(profile: Profile, advbase: int, advskew: int) -> Band:
    """Return how long after the last advertisement that a backup took in it claims.

    Both ends are seen from the wire: ucarp is handed a packet late, and then looks at its
    deadline when poll() comes back after a whole interval, or when any packet wakes it.
    """
    return _takeover(profile.name, advbase, advskew)


@functools.lru_cache(maxsize=1024)
def _takeover(name: str, advbase: int, advskew: int) -> Band:
    profile = profiles()[name]
    wait = profile.master_down(advbase, advskew)
    if profile.drive is Drive.POLL_LOOP:
        whole = DEAD_RATIO * interval_ns(advbase, advskew)
        late = whole // profile.late_part if profile.late_part else 0
        return Band(
            wait * MICROSECOND,
            max(whole, wait * MICROSECOND) + late + profile.delivery_ns + HOST_LATE,
        )
    return _ticking(profile, wait)


def _ticking(profile: Profile, microseconds: int) -> Band:
    """Return when a kernel's timer ends: one tick less where it is not armed by another timer."""
    earliest, latest = [], []
    for rate in TICK_RATES:
        tick = SECOND // rate
        size = tick // MICROSECOND
        if profile.rounding is Rounding.DOWN:
            ticks = max(1, microseconds // size)
        else:
            ticks = -(-microseconds // size) + 1
        earliest.append((ticks - 1) * tick)
        latest.append(ticks * tick)
    late = max(latest) // profile.late_part if profile.late_part else 0
    return Band(min(earliest), max(latest) + late + HOST_LATE)


def reaction(profile: Profile | None) -> Nanos:
    """Return how long after it was on the wire an advertisement may be acted on.

    None is a kernel that is not known nearer: only ucarp takes packets out of libpcap.
    """
    if profile is None or not profile.delivery_ns:
        return HANDLING
    return profile.delivery_ns + SCRIPT


def widest(bands: "list[Band]") -> Band:
    """Return from the earliest of all to the latest of all."""
    return Band(min(band.earliest for band in bands), max(band.latest for band in bands))


@functools.lru_cache(maxsize=1024)
def too_soon(advbase: int, advskew: int) -> Nanos:
    """Return what no implementation's timer leaves between two advertisements, however a
    network and a capture move them: the one before by the lateness that kernels permit."""
    shortest = min(interval(one, advbase, advskew).earliest for one in profiles().values())
    return shortest - interval_ns(advbase, advskew) // 16 - HOST_LATE


def overdue(advbase: int, advskew: int) -> Nanos:
    """Return how long after an advertisement the next one is late: twice the lateness that
    FreeBSD's callouts permit, and a stall."""
    nominal = interval_ns(advbase, advskew)
    return nominal + nominal // 8 + STALL


def gone(advbase: int, advskew: int) -> Nanos:
    """Return a silence that no backup of the same interval waits through: a ucarp's wait."""
    return DEAD_RATIO * interval_ns(advbase, advskew) + SECOND


def election(longest: Nanos) -> Nanos:
    """Return how long an election explains two masters, by their longest interval (CS101)."""
    return longest * 107 // 100 + GUARD_OF_ELECTION


def gap(wait: Nanos) -> Nanos:
    """Return how long a take-over explains nobody, by the longest normal one (CS102)."""
    return wait * 5 // 4 + GUARD_OF_GAP


def flapping(advbase: int) -> Nanos:
    """Return within how long changes of master count together (docs/findings/CS104.md)."""
    return FLAPPING_INTERVALS * SECOND * max(advbase, 1)
