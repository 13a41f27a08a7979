"""What a node does about an advertisement it accepted: the election itself.

    INIT     nothing
    MASTER   if the other one is at least as good: BACKUP
    BACKUP   if preempting and the other one is worse: MASTER
             OpenBSD: if the other one is more demoted: MASTER
             if the other one is so slow that it would time out anyway: MASTER
             else wait for its next advertisement

Sources: carp_input_c() of FreeBSD, NetBSD, DragonFly; carp_proto_input_c() of OpenBSD.
"""

from carpscope.protocol.events import Reason, ReceivedAdvert, State
from carpscope.protocol.node import NEVER
from carpscope.protocol.profile import Counter, Profile
from carpscope.protocol.rules import Comparison, microseconds
from carpscope.protocol.turn import Turn
from carpscope.protocol.work import Work


def contest(turn: Turn, w: Work, packet: ReceivedAdvert) -> Comparison:
    """Return what the node compares."""
    setup = w.setup
    compared = turn.profile.compared_skew(setup.advskew, turn.demotion)
    return Comparison(
        (setup.advbase, microseconds(compared)),
        (packet.advbase, microseconds(packet.advskew)),
        min(turn.demotion, 255),
        packet.demote,
        turn.setup.ip4,
        packet.source,
    )


def claim(profile: Profile, c: Comparison, *, preempt: bool, ratio: int) -> Reason | None:
    """Return why a BACKUP takes over from the one it hears, or None if it does not."""
    slower = c.own < c.heard
    if preempt and slower and (not profile.demote_byte or c.heard_demotion >= c.own_demotion):
        return Reason.PREEMPTING
    if profile.demote_byte and c.heard_demotion > c.own_demotion:
        return Reason.MORE_DEMOTED
    seconds, fraction = c.own
    if (seconds or not profile.threefold_needs_base) and (seconds * ratio, fraction) < c.heard:
        return Reason.WILL_TIME_OUT
    return None


def hear(turn: Turn, w: Work, packet: ReceivedAdvert) -> None:
    """Take an accepted advertisement in."""
    if turn.profile.counter is Counter.CONTINUES:
        # "XXX Replay protection goes here": the counter is believed, whatever it is
        w.counter = int.from_bytes(packet.counter, "big")
    if w.state is State.INIT:
        return
    c = contest(turn, w, packet)
    if w.state is State.MASTER:
        if turn.profile.yields(c):
            w.ad = NEVER
            less = turn.profile.demote_byte and c.heard_demotion < c.own_demotion
            turn.enter(w, State.BACKUP, Reason.LESS_DEMOTED if less else Reason.BETTER_ADVERT)
            turn.set_run(w, 0, Reason.BETTER_ADVERT)
        return
    reason = claim(turn.profile, c, preempt=turn.setup.preempt, ratio=3)
    if reason is not None:
        master_down(turn, w, reason)
    else:
        turn.set_run(w, packet.family, Reason.BETTER_ADVERT)


def master_down(turn: Turn, w: Work, reason: Reason) -> None:
    """carp_master_down(): from BACKUP to MASTER; in any other state nothing."""
    if w.state is not State.BACKUP:
        return
    turn.enter(w, State.MASTER, reason)
    turn.send_ad(w)
    turn.announce(w)
    if turn.profile.second_announcement:
        w.delayed_arp = 2
    turn.set_run(w, 0, reason)
