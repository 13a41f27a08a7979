"""What operators and cables do to kernel nodes: links, interfaces, configuration, demotion.

Sources: carp_sc_state(), carp_carpdev_state(), carp_ioctl(), carp_set_addr() and
carp_attach() of the BSDs; which of them apply is said by the profile.
"""

from carpscope.protocol.election import master_down
from carpscope.protocol.events import (
    AddressAdded,
    AddressRemoved,
    AllowChanged,
    AuxLinkChanged,
    CarpInterfaceChanged,
    Configured,
    Demoted,
    DemotionChanged,
    InterfaceChanged,
    LinkChanged,
    Reason,
    State,
    StateRequested,
)
from carpscope.protocol.node import NEVER, VhidSetup, changed
from carpscope.protocol.profile import Demotion, LinkLoss, Presence, Reconfiguration
from carpscope.protocol.rules import own_link_local
from carpscope.protocol.turn import Turn
from carpscope.protocol.work import Work

_GROUP_MAX = 255
"""OpenBSD if_setgroupattribs(): EINVAL beyond 0 to 255."""


def boot(turn: Turn) -> None:
    """Configure every vhid, address by address: each one starts it anew."""
    for w in turn.vhids:
        full = w.setup
        # one that the interface gives itself comes with the first of its family
        own = sum(1 for address in full.ipv6 if _is_own(turn, w, address))
        for count in range(1, len(full.ipv4) + len(full.ipv6) - own + 1):
            w.setup = _first_addresses(turn, full, count, own)
            _parent_changed(turn, w, Reason.ADDRESS_ADDED)
        w.setup = full


def _is_own(turn: Turn, w: Work, address: bytes) -> bool:
    return turn.profile.own_link_local and address == own_link_local(w.setup.vhid)


def _first_addresses(turn: Turn, full: VhidSetup, count: int, own: int) -> VhidSetup:
    ipv4 = full.ipv4[:count]
    rest = count - len(ipv4)
    ipv6 = full.ipv6[: rest + own] if rest else ()
    if (ipv4, ipv6) == (full.ipv4, full.ipv6):
        return full
    return changed(turn.profile, full, ipv4=ipv4, ipv6=ipv6)


def link_changed(turn: Turn, event: LinkChanged) -> None:
    """Act on the carrier of the LAN interface."""
    turn.link_up = event.up
    _parents_changed(turn, Reason.LINK_UP if event.up else Reason.LINK_DOWN)


def interface_changed(turn: Turn, event: InterfaceChanged) -> None:
    """Act on the LAN interface being set up or down."""
    turn.interface_up = event.up
    _parents_changed(turn, Reason.LINK_UP if event.up else Reason.LINK_DOWN)


def allow_changed(turn: Turn, event: AllowChanged) -> None:
    """Act on net.inet.carp.allow; only FreeBSD 12 and later stops its vhids for it."""
    if event.allow != turn.allows:
        turn.allows = event.allow
        if turn.profile.allow_stops:
            _parents_changed(turn, Reason.NOT_ALLOWED)


def aux_link_changed(turn: Turn, event: AuxLinkChanged) -> None:
    """Act on the carrier of the other CARP interface: it demotes all of the node."""
    if event.up == turn.aux_up or turn.profile.link_loss is LinkLoss.UNNOTICED:
        return
    turn.aux_up = event.up
    step = turn.profile.link_demotion
    turn.demote(-step if event.up else step)


def _parents_changed(turn: Turn, reason: Reason) -> None:
    for w in turn.vhids:
        _parent_changed(turn, w, reason)


def _parent_changed(turn: Turn, w: Work, reason: Reason) -> None:
    """carp_sc_state(), carp_carpdev_state(): the parent is usable now, or it is not."""
    match turn.profile.link_loss:
        case LinkLoss.DEMOTES:
            _freebsd10_state(turn, w)
        case LinkLoss.SAVES_FLAGS:
            _saved_flags_state(turn, w, reason)
        case LinkLoss.SUPPRESSES:
            _suppressed_state(turn, w, reason)
        case LinkLoss.UNNOTICED:
            _dragonfly_state(turn, w, reason)
        case LinkLoss.SLEEPS:
            raise AssertionError("ucarp looks for itself")


def _freebsd10_state(turn: Turn, w: Work) -> None:
    """FreeBSD 10 and later ip_carp.c carp_sc_state()."""
    step = turn.profile.link_demotion
    stopped = turn.profile.allow_stops and not turn.allows
    if not (turn.link_up and turn.interface_up) or stopped:
        w.stop_timers()
        turn.enter(w, State.INIT, Reason.LINK_DOWN)
        if not w.is_suppressed:
            w.is_suppressed = True
            turn.demote(step)
    else:
        turn.enter(w, State.INIT, Reason.LINK_UP)
        turn.set_run(w, 0, Reason.INITIALIZED)
        if w.is_suppressed:
            w.is_suppressed = False
            turn.demote(-step)


def _saved_flags_state(turn: Turn, w: Work, reason: Reason) -> None:
    """FreeBSD 9 carp_sc_state_locked()."""
    step = turn.profile.link_demotion
    if not (turn.link_up and turn.interface_up):
        # two losses in a row save a flag that is already gone: it stays down for good
        w.up_before = w.is_up
        w.is_up = w.is_running = False
        w.stop_timers()
        turn.enter(w, State.INIT, reason)
        if not w.is_suppressed:
            w.is_suppressed = True
            turn.demote(step)
    else:
        w.is_up = w.is_up or w.up_before or reason is Reason.ADDRESS_ADDED
        turn.enter(w, State.INIT, reason)
        turn.set_run(w, 0, reason)
        # only now: while it starts it is still suppressed
        if w.is_suppressed:
            w.is_suppressed = False
            turn.demote(-step)


def _suppressed_state(turn: Turn, w: Work, reason: Reason) -> None:
    """OpenBSD and NetBSD carp_carpdev_state(); adding an address restarts it as well."""
    step = turn.profile.link_demotion
    was_suppressed = w.is_suppressed
    if not (turn.link_up and turn.interface_up):
        w.is_running = False
        w.stop_timers()
        turn.enter(w, State.INIT, reason)
        w.is_suppressed = True
        if not was_suppressed:
            turn.demote(step)
        return
    if reason is Reason.ADDRESS_ADDED:
        w.is_up = True
    elif not was_suppressed and not turn.profile.bounces_on_link:
        return
    turn.enter(w, State.INIT, reason)
    w.is_suppressed = False
    turn.set_run(w, 0, reason)
    if was_suppressed:
        turn.demote(-step)


def _dragonfly_state(turn: Turn, w: Work, reason: Reason) -> None:
    """DragonFly: the carrier is nobody's business, the interface's flags are."""
    if not turn.interface_up:
        w.is_running = False
        w.stop_timers()
        turn.enter(w, State.INIT, reason)
    elif reason is Reason.ADDRESS_ADDED or w.state is State.INIT:
        # ether_ioctl(SIOCSIFADDR): an address sets the carp interface up, here too
        w.is_up = w.is_up or reason is Reason.ADDRESS_ADDED
        turn.enter(w, State.INIT, reason)
        turn.set_run(w, 0, reason)


def carp_interface_changed(turn: Turn, w: Work, event: CarpInterfaceChanged) -> None:
    """carp_ioctl(SIOCSIFFLAGS)."""
    if turn.profile.presence is not Presence.INTERFACE:
        return
    w.is_up = event.up
    if not event.up and w.state is not State.INIT:
        w.stop_timers()
        if w.state is State.MASTER and turn.profile.bow_out:
            w.is_running = False
            turn.send_ad(w)
        turn.enter(w, State.INIT, Reason.CARP_DOWN)
        turn.set_run(w, 0, Reason.CARP_DOWN)
    elif event.up and w.state is State.INIT:
        turn.set_run(w, 0, Reason.CARP_UP)


def configured(turn: Turn, w: Work, event: Configured) -> None:
    """carp_ioctl(SIOCSVH)."""
    advbase, advskew = event.advbase, event.advskew
    w.setup = changed(turn.profile, w.setup, advbase=advbase, advskew=advskew, key=event.key)
    _configuration_set(turn, w)


def _configuration_set(turn: Turn, w: Work) -> None:
    """carp_ioctl(SIOCSVH), at its end: with or without a value that is another one."""
    match turn.profile.on_change:
        case Reconfiguration.STORED:
            pass
        case Reconfiguration.SET_RUN:
            turn.set_run(w, 0, Reason.CHANGED)
        case Reconfiguration.BOUNCE:
            turn.enter(w, State.INIT, Reason.CHANGED)
            turn.set_run(w, 0, Reason.CHANGED)


def address_added(turn: Turn, w: Work, event: AddressAdded) -> None:
    """carp_set_addr(), carp_attach(): the digest changes and the vhid starts anew."""
    setup, address = w.setup, event.address
    if address in (*setup.ipv4, *setup.ipv6):
        pass  # it is set again: nothing changes but the timers
    elif len(address) == 4:
        w.setup = changed(turn.profile, setup, ipv4=(*setup.ipv4, address))
    else:
        ipv6 = setup.ipv6
        if turn.profile.own_link_local and not ipv6:
            ipv6 = (own_link_local(setup.vhid),)
        w.setup = changed(turn.profile, setup, ipv6=(*ipv6, address))
    _parent_changed(turn, w, Reason.ADDRESS_ADDED)


def address_removed(turn: Turn, w: Work, event: AddressRemoved) -> None:
    """carp_del_addr(), carp_detach()."""
    setup = w.setup
    if event.address not in (*setup.ipv4, *setup.ipv6):
        return  # EADDRNOTAVAIL
    ipv4 = tuple(a for a in setup.ipv4 if a != event.address)
    ipv6 = tuple(a for a in setup.ipv6 if a != event.address)
    w.setup = changed(turn.profile, setup, ipv4=ipv4, ipv6=ipv6)
    if not ipv4 and not ipv6:
        w.stop_timers()
        w.is_running = False
        turn.enter(w, State.INIT, Reason.ADDRESS_REMOVED)
        # carpN interfaces go down with their last address; FreeBSD 10 destroys the vhid
        w.is_up = turn.profile.presence is Presence.ADDRESSES
        if w.is_up:
            _destroyed(turn, w)
    elif turn.profile.presence is Presence.ADDRESSES:
        _parent_changed(turn, w, Reason.ADDRESS_REMOVED)
    else:
        # OpenBSD carp_del_addr(): a MASTER stays one, its timers start anew
        turn.set_run(w, 0, Reason.ADDRESS_REMOVED)


def _destroyed(turn: Turn, w: Work) -> None:
    """carp_destroy(): what it had added to the demotion goes, its counter is forgotten."""
    w.counter = None
    w.errors = w.successes = 0
    if w.is_suppressed:
        w.is_suppressed = False
        turn.demote(-turn.profile.link_demotion)


def state_requested(turn: Turn, w: Work, event: StateRequested) -> None:
    """carp_ioctl(SIOCSVH) with a state."""
    if w.state is not State.INIT and event.state is not w.state:
        if event.state is State.BACKUP:
            w.ad = NEVER
            turn.enter(w, State.BACKUP, Reason.USER)
            turn.set_run(w, 0, Reason.USER)
        elif event.state is State.MASTER:
            master_down(turn, w, Reason.USER)
    _configuration_set(turn, w)


def demoted(turn: Turn, event: Demoted) -> None:
    """Add to the demotion by hand."""
    if turn.profile.demotion is not Demotion.GROUP:
        turn.demote(event.value)
        return
    # OpenBSD if_setgroupattribs(): refused beyond its range; then every member with
    # a positive amount added advertises, whatever the count is now (carp_ifgattr_ioctl)
    total = turn.demotion + event.value
    if not 0 <= total <= _GROUP_MAX:
        return
    turn.demotion = total
    turn.effects.append(DemotionChanged(turn.now, total))
    if event.value > 0:
        turn.send_all()
