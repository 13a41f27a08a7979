"""The intervals that a node's own machine would leave between two advertisements.

The state machine of the implementation is made MASTER and its timer is let fire, once
with the fastest clock (1000 ticks a second) and once with a slow one (100), at several
places within a tick. What a kernel may be late, and what a capture adds, is allowed on
top. So the band on the page is what that machine does, not what a formula says.
"""

import functools
import itertools
from dataclasses import dataclass

from carpscope.core.units import MILLISECOND, Nanos
from carpscope.protocol.events import Boot, Send, TimerFired
from carpscope.protocol.node import NodeSetup, node, vhid_setup
from carpscope.protocol.profile import Profile, profiles
from carpscope.protocol.tempo import NOMINAL, Tempo
from carpscope.timeline.identify import Identity
from carpscope.wire.carp import interval_ns

CAPTURE_SLACK: Nanos = 2 * MILLISECOND
"""What a capture's own time stamps may be off."""
BUSY_SLACK: Nanos = 10 * MILLISECOND
"""How late a host that has other things to do may send."""
_TICKS = (1000, 100)
_PHASES: tuple[Nanos, ...] = (0, 3_300_000, 6_700_000, 9_900_000)
_BEATS = 8
_TIMERS = 64
"""Enough for ucarp, whose poll() comes back often before it advertises."""

_PROFILE_OF = {
    ("freebsd", "5-9"): "freebsd9",
    ("freebsd", "5-10"): "freebsd9",
    ("freebsd", "5-11"): "freebsd9",
    ("freebsd", "11"): "freebsd13",
    ("freebsd", "11-12"): "freebsd13",
    ("freebsd", "12-15"): "freebsd14",
    ("openbsd", None): "openbsd",
    ("netbsd", None): "netbsd",
    ("dragonfly", None): "dragonfly",
    ("ucarp", None): "ucarp",
}
_MODERN_FREEBSD = {"freebsd13", "freebsd14", "freebsd15"}


@dataclass(frozen=True, slots=True)
class Expected:
    """The band in which the next advertisement comes."""

    low: Nanos
    high: Nanos
    machine: str
    """Whose timers these are, in words."""


def profile_of(identity: Identity) -> Profile | None:
    """Return the machine of an implementation, None where the frames do not name one."""
    name = _PROFILE_OF.get((identity.name or "", identity.versions))
    return profiles()[name] if name else None


def expected(identity: Identity, advbase: int, advskew: int) -> Expected:
    """Return when a node of this kind advertises again."""
    machine = profile_of(identity)
    nominal = interval_ns(advbase, advskew)
    if machine is None or nominal == 0:
        high = nominal + nominal // 16 + BUSY_SLACK + CAPTURE_SLACK
        return Expected(nominal - CAPTURE_SLACK, high, "any implementation (which one is unknown)")
    low, high = _beats(machine.name, advbase, advskew)
    if machine.name in _MODERN_FREEBSD:
        high += nominal // 16  # kern_timeout.c C_PREL(tc_precexp): the lateness a callout may have
    low, high = low - CAPTURE_SLACK, high + BUSY_SLACK + CAPTURE_SLACK
    return Expected(low, high, machine.title)


@functools.lru_cache(maxsize=256)
def _beats(name: str, advbase: int, advskew: int) -> tuple[Nanos, Nanos]:
    """Let the machine beat; return the shortest and the longest beat."""
    machine = profiles()[name]
    found = [
        span
        for hz in _TICKS
        for phase in _PHASES
        for span in _run(machine, _tempo(hz, phase), advbase, advskew)
    ]
    if not found:
        return interval_ns(advbase, advskew), interval_ns(advbase, advskew)
    return min(found), max(found)


def _tempo(hz: int, phase: Nanos) -> Tempo:
    return Tempo(
        hz=hz,
        first_tick_ns=phase,
        clock_ppb=0,
        slack_ppb=0,
        lateness_ns=NOMINAL.lateness_ns,
        script_ns=NOMINAL.script_ns,
        oversleep_ns=NOMINAL.oversleep_ns,
        oversleep_ppm=1000,  # Linux lets a sleep be 0.1 % late; kernels do not look at it
    )


def _run(machine: Profile, tempo: Tempo, advbase: int, advskew: int) -> list[Nanos]:
    from carpscope.protocol.machine import step  # noqa: PLC0415  only pages with nodes need it

    vhid = vhid_setup(
        machine,
        1,
        advbase=advbase,
        advskew=min(advskew, 254),
        key=b"",
        ipv4=(b"\x0a\0\0\x64",),
        ipv6=(),
    )
    setup = NodeSetup(
        name="expected",
        profile=machine,
        tempo=tempo,
        preempt=False,
        ip4=b"\x0a\0\0\x01",
        ll6=b"\xfe\x80" + bytes(13) + b"\x01",
        mac=b"\x02\0\0\0\0\x01",
        vhids=(vhid,),
        dead_ratio=3,
        is_neutral=False,
        ignores_link=False,
    )
    state, _ = step(node(setup), Boot(0, 0))
    sent: list[Nanos] = []
    for _ in range(_TIMERS):
        found = state.next_timer()
        if found is None or len(sent) >= _BEATS:
            break
        when, number, timer = found
        state, effects = step(state, TimerFired(max(when, state.busy_until), 0, number, timer))
        sent += [effect.at for effect in effects if isinstance(effect, Send)]
    # the first beats carry what becoming MASTER adds: scripts and announcements
    return [after - before for before, after in itertools.pairwise(sent[3:])]
