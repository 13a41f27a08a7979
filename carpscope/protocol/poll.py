"""ucarp: one process that sleeps in poll() and looks at its deadlines when it wakes.

    for (;;) {  interface running?  signal?  poll  now = time
                one packet  master-down deadline  advertisement deadline }

So a deadline is acted upon at the first wake-up behind it: after a whole number of
poll periods, or when a packet happens to come. Times are gettimeofday()'s.

Sources: ucarp src/carp.c docarp(), carp_setrun(), carp_set_state(), packethandler().
"""

from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND, Nanos
from carpscope.protocol.election import claim, contest
from carpscope.protocol.events import Reason, ReceivedAdvert, State
from carpscope.protocol.node import NEVER
from carpscope.protocol.rules import last_octet_first
from carpscope.protocol.turn import Turn
from carpscope.protocol.work import Work

_LINK_WAIT_MS = 10_000
"""SECONDS_TO_WAIT_AFTER_INTERFACE_IS_DOWN."""
_SIGNAL_WAIT_MS = 3_000
"""docarp(): "hold up a sec..." after SIGUSR2."""
_SOON_MS = 1
"""An advertisement due in whole milliseconds no more than this is sent now."""


def start(turn: Turn) -> None:
    """Start the processes, one for each vhid."""
    for w in turn.vhids:
        _set_run(turn, w)
        _loop_top(turn, w)


def wake(turn: Turn, w: Work, packet: ReceivedAdvert | None) -> None:
    """poll() came back, with a packet that passed the checks or without."""
    if turn.asleep:
        _after_sleep(turn, w)
        if turn.asleep:
            return
    now = turn.setup.tempo.wall(turn.now)
    if packet is not None:
        now = _hear(turn, w, packet, now)
    if w.md != NEVER and now > w.md:
        _master_down(turn, w, Reason.TIMED_OUT, now)
        now = turn.setup.tempo.wall(turn.now)
    if w.ad != NEVER and (now > w.ad or (w.ad - now) // MILLISECOND <= _SOON_MS):
        _send_ad(turn, w, now)
    _loop_top(turn, w)


def signalled(turn: Turn, w: Work) -> None:
    """SIGUSR2: step down, hold still for three seconds, listen again."""
    if w.state is State.BACKUP:
        return
    _enter(turn, w, State.BACKUP, Reason.SIGNAL)
    _sleep(turn, _SIGNAL_WAIT_MS)
    _set_run(turn, w)
    _loop_top(turn, w)


def _loop_top(turn: Turn, w: Work) -> None:
    tempo = turn.setup.tempo
    if not (turn.link_up and turn.interface_up) and not turn.setup.ignores_link:
        _enter(turn, w, State.BACKUP, Reason.LINK_DOWN)
        w.ad = w.md = NEVER
        _sleep(turn, _LINK_WAIT_MS)
        turn.asleep = True
        w.poll = turn.now
        return
    if w.ad == NEVER:
        milliseconds = w.setup.advbase * 1000 + w.setup.advskew * 1000 // 256
    else:
        milliseconds = (w.ad - tempo.wall(turn.now)) // MILLISECOND
    w.poll = tempo.wake(turn.now, max(1, milliseconds), turn.draws)


def _after_sleep(turn: Turn, w: Work) -> None:
    """Look at the interface again, first thing after sleep()."""
    turn.asleep = False
    if turn.link_up and turn.interface_up:
        _set_run(turn, w)
    else:
        _loop_top(turn, w)


def _sleep(turn: Turn, milliseconds: int) -> None:
    turn.now = turn.setup.tempo.wake(turn.now, milliseconds, turn.draws)


def _deadline(now: Nanos, seconds: int, advskew: int) -> Nanos:
    return now + seconds * SECOND + advskew * 1_000_000 // 256 * MICROSECOND


def _set_run(turn: Turn, w: Work) -> None:
    """carp_setrun()."""
    if w.state is State.INIT:
        _enter(turn, w, State.BACKUP, Reason.INITIALIZED)
    now = turn.setup.tempo.wall(turn.now)
    setup = w.setup
    if w.state is State.BACKUP:
        w.ad = NEVER
        w.md = _deadline(now, setup.advbase * turn.setup.dead_ratio, setup.advskew)
    else:
        # sets the master-down timer although it is MASTER; expiring it does nothing
        w.md = _deadline(now, setup.advbase, setup.advskew)


def _enter(turn: Turn, w: Work, state: State, reason: Reason) -> None:
    """carp_set_state(): the script runs to its end before anything else happens."""
    if w.state is state:
        return
    starts_neutrally = w.state is State.INIT and turn.setup.is_neutral
    turn.enter(w, state, reason)
    if state is State.MASTER or not starts_neutrally:
        low, high = turn.setup.tempo.script_ns
        turn.now += turn.draws.between(low, high)
    if state is State.MASTER:
        turn.announce_ipv4(w)


def _master_down(turn: Turn, w: Work, reason: Reason, now: Nanos) -> None:
    """carp_master_down()."""
    if w.state is not State.BACKUP:
        return
    _enter(turn, w, State.MASTER, reason)
    _send_ad(turn, w, now)
    w.delayed_arp = 2
    _set_run(turn, w)


def _send_ad(turn: Turn, w: Work, now: Nanos) -> None:
    """carp_send_ad(): the next one is due from the loop's `now`, script time is not added."""
    turn.send_ad(w)
    advskew = turn.profile.sent_skew(w.setup.advskew, turn.demotion)
    w.ad = _deadline(now, w.setup.advbase, advskew)


def _hear(turn: Turn, w: Work, packet: ReceivedAdvert, now: Nanos) -> Nanos:
    """packethandler() behind its checks; returns the loop's `now`, which it may refresh."""
    w.counter = int.from_bytes(packet.counter, "big")
    c = contest(turn, w, packet)
    if w.state is State.MASTER:
        if turn.profile.yields(c):
            # "to be really sure the new master knows": its own advertisement once more, unchanged
            _send_ad(turn, w, now)
            _enter(turn, w, State.BACKUP, Reason.BETTER_ADVERT)
            _set_run(turn, w)
            return turn.setup.tempo.wall(turn.now)
        if c.own < c.heard or last_octet_first(c) > 0:
            turn.announce_ipv4(w)
            w.delayed_arp = 2
        return now
    if w.state is State.BACKUP:
        preempt, ratio = turn.setup.preempt, turn.setup.dead_ratio
        reason = claim(turn.profile, c, preempt=preempt, ratio=ratio)
        if reason is not None:
            _master_down(turn, w, reason, now)
        else:
            _set_run(turn, w)
        return turn.setup.tempo.wall(turn.now)
    return now
