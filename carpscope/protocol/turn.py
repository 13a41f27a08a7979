"""One step in progress: a node taken apart, worked on, and put together again.

This is scratch space of `machine.step` and nobody else's: it is made from a node,
lives for one event, and gives a new node. The procedures here are what all
implementations share, named as in their sources: send_ad, set_run, master_down.
"""

from carpscope.core.units import Nanos
from carpscope.protocol.draws import Draws
from carpscope.protocol.events import (
    Announce,
    DemotionChanged,
    Effect,
    Reason,
    ReceivedAdvert,
    Send,
    State,
    Transition,
)
from carpscope.protocol.node import NEVER, Node
from carpscope.protocol.profile import (
    Counter,
    Demotion,
    Drive,
    IdentificationRule,
    LinkLoss,
    Presence,
    Undo,
)
from carpscope.protocol.rules import own_link_local
from carpscope.protocol.work import Work
from carpscope.wire.carp import BOW_OUT, virtual_mac

_UNKNOWN_MAC = bytes(6)
_COUNTERS = 1 << 64


class Turn:
    """A node while it handles one event."""

    __slots__ = (
        "allows",
        "asleep",
        "aux_up",
        "demotion",
        "draws",
        "effects",
        "identification",
        "interface_up",
        "link_up",
        "neighbours_due",
        "node",
        "now",
        "output_works",
        "profile",
        "queue_full",
        "setup",
        "task_due",
        "vhids",
    )

    def __init__(self, node: Node, at: Nanos, draw: int) -> None:
        """Begin a step at an instant."""
        self.node = node
        self.now = at
        self.draws = Draws(draw)
        self.effects: list[Effect] = []
        (
            self.setup,
            vhids,
            self.demotion,
            self.link_up,
            self.interface_up,
            self.aux_up,
            self.allows,
            self.output_works,
            self.queue_full,
            self.identification,
            _,
            self.asleep,
        ) = node
        self.profile = self.setup.profile
        self.task_due = False
        self.neighbours_due: list[Work] = []
        self.vhids = [Work(item) for item in vhids]

    def done(self) -> tuple[Node, tuple[Effect, ...]]:
        """End the step; tasks that it left behind run now."""
        while self.task_due:
            self.task_due = False
            self.send_all()
        for item in self.neighbours_due:
            # OpenBSD carp_if_linkstate()
            if item.state is State.MASTER:
                self._announce_ipv6(item)
        node = Node(
            self.setup,
            tuple([item.done() for item in self.vhids]),
            self.demotion,
            self.link_up,
            self.interface_up,
            self.aux_up,
            self.allows,
            self.output_works,
            self.queue_full,
            self.identification,
            self.now,
            self.asleep,
        )
        return node, tuple(self.effects)

    def work(self, vhid: int) -> Work | None:
        """Return the vhid of that number, if it is configured here."""
        for item in self.vhids:
            if item.setup.vhid == vhid:
                return item
        return None

    # ---- states

    def enter(self, w: Work, state: State, reason: Reason) -> None:
        """Change a state and say so; staying is no change."""
        if w.state is not state:
            self.effects.append(Transition(self.now, w.setup.vhid, w.state, state, reason))
            w.state = state

    # ---- timers

    def after(self, microseconds: int) -> Nanos:
        """Return when a callout of this length, armed now, runs."""
        tempo = self.setup.tempo
        ticks = tempo.ticks(microseconds, self.profile.rounding)
        return tempo.deadline(self.now, ticks, self.draws)

    def set_run(self, w: Work, family: int, reason: Reason) -> None:
        """carp_setrun(): start or restart the timers that the state needs.

        `family` says whose master-down timer to arm again; 0 = of all families that
        the vhid has addresses of. `reason` is why it leaves INIT, if it does.
        """
        if not self._may_run(w):
            return
        profile, setup = self.profile, w.setup
        if w.state is State.INIT:
            # FreeBSD 5/6 and DragonFly carp_setrun(): straight to MASTER, heard or not
            if profile.direct_master and self.setup.preempt and self.demotion == 0:
                self.enter(w, State.MASTER, Reason.DIRECT)
                self.send_ad(w)
                self.announce(w)
                return
            self.enter(w, State.BACKUP, reason)
            family = 0
        if w.state is State.MASTER:
            # the raw skew, also when demoted: only send_ad() uses the demoted one
            w.ad = self.after(profile.period(setup.advbase, setup.advskew))
            return
        w.ad = NEVER
        w.delayed_arp = -1
        span = profile.master_down(setup.advbase, setup.advskew)
        if family == 6 and not profile.ipv6_master_down:
            family = 0  # NetBSD 2016: falls into the default of the switch
        if family == 4 or (family == 0 and setup.ipv4):
            w.md = self.after(span)
        if profile.ipv6_master_down and (family == 6 or (family == 0 and setup.ipv6)):
            w.md6 = self.after(span)

    def _may_run(self, w: Work) -> bool:
        profile = self.profile
        has_address = bool(w.setup.ipv4 or w.setup.ipv6)
        if profile.presence is Presence.ADDRESSES:
            allowed = self.allows or not profile.allow_stops
            return has_address and self.link_up and self.interface_up and allowed
        w.is_running = (
            w.is_up
            and has_address
            and not (profile.link_loss is LinkLoss.SUPPRESSES and w.is_suppressed)
            and (self.link_up or not profile.link_needed)
        )
        return w.is_running

    # ---- advertisements

    def send_ad(self, w: Work) -> None:
        """carp_send_ad(): one advertisement per family, then the timer for the next."""
        profile, setup = self.profile, w.setup
        leaves = profile.bow_out and not (w.is_up and w.is_running)
        if leaves:
            advbase = advskew = BOW_OUT
        else:
            advbase, advskew = setup.advbase, profile.sent_skew(setup.advskew, self.demotion)
        # once for both: what the first one's failure changes is not in the second
        demote = min(self.demotion, 255) if profile.demote_byte else 0
        if setup.ipv4:
            self._emit(w, 4, advbase, advskew, demote)
            self._delayed_announcement(w)
        if setup.ipv6 and profile.ipv6_adverts:
            self._emit(w, 6, advbase, advskew, demote)
        if not leaves:
            w.ad = self.after(profile.period(advbase, advskew))

    def _emit(self, w: Work, family: int, advbase: int, advskew: int, demote: int) -> None:
        counter = self._counter(w).to_bytes(8, "big")
        profile, setup = self.profile, self.setup
        identification = 0
        if family == 4 and profile.wire.identification is not IdentificationRule.ZERO:
            if profile.wire.identification is IdentificationRule.COUNTS:
                self.identification = identification = (self.identification + 1) & 0xFFFF
            else:
                identification = self.draws.bits() & 0xFFFF
        if self._reaches_the_wire():
            packet = ReceivedAdvert(
                family,
                setup.ip4 if family == 4 else setup.ll6,
                w.setup.vhid,
                advbase,
                advskew & 0xFF,  # FreeBSD to 13.0: a negative skew leaves as its low byte
                demote,
                counter,
                w.setup.secrets.sends.sign(counter),
                identification,
                destination=w.setup.peer if family == 4 else w.setup.peer6,
            )
            self.effects.append(Send(self.now, packet))
            self.now += profile.frame_cost_ns
        fails = self.queue_full and profile.full_queue_fails
        self._account(w, works=self.output_works and not fails)

    def _reaches_the_wire(self) -> bool:
        works = self.output_works and not self.queue_full
        return works and self.interface_up and self.link_up

    def _counter(self, w: Work) -> int:
        """carp_prepare_ad()."""
        if self.profile.counter is Counter.COOKIE:
            if w.counter is None:
                w.counter = self.draws.bits() or 1
            return w.counter
        if w.counter is None:
            return self.draws.bits()
        w.counter = (w.counter + 1) % _COUNTERS
        return w.counter

    def _account(self, w: Work, *, works: bool) -> None:
        """carp_send_ad_error(), or the same lines inside carp_send_ad()."""
        profile = self.profile
        limit = profile.send_error_limit
        if not works:
            w.errors += 1
            if w.errors == limit:
                self.demote(profile.send_error_demotion)
            w.successes = 0
        elif w.errors:
            if w.errors >= limit or profile.send_error_undo is Undo.THREE_IN_ALL:
                w.successes += 1
                if w.successes < limit:
                    if profile.send_error_undo is Undo.NEVER:
                        w.errors = 0
                    return
                if w.errors >= limit:
                    self.demote(-profile.send_error_demotion)
            w.errors = 0

    # ---- announcements

    def _delayed_announcement(self, w: Work) -> None:
        """OpenBSD, ucarp: once more right after the third advertisement, for slow switches."""
        if self.profile.second_announcement and w.delayed_arp > 0:
            w.delayed_arp -= 1
            if w.delayed_arp == 0:
                if w.state is State.MASTER:
                    self.announce_ipv4(w)
                w.delayed_arp = -1

    def announce(self, w: Work) -> None:
        """carp_send_arp() and carp_send_na()."""
        self.announce_ipv4(w)
        if self.profile.na_by_task:
            self.neighbours_due.append(w)
        else:
            self._announce_ipv6(w)

    def _announce_ipv6(self, w: Work) -> None:
        profile, setup = self.profile, w.setup
        if not profile.ipv6_adverts:
            return
        mac = virtual_mac(setup.vhid) if profile.wire.na_virtual else self.setup.mac
        own = own_link_local(setup.vhid) if profile.own_link_local else None
        for address in setup.ipv6:
            self._announce(w, address, mac, mac, is_own=address == own)
            self.now += profile.na_wait_ns

    def announce_ipv4(self, w: Work) -> None:
        """carp_send_arp(): a gratuitous ARP request per IPv4 address, as configured."""
        wire, virtual, own = self.profile.wire, virtual_mac(w.setup.vhid), self.setup.mac
        sender = virtual if wire.arp_sender_virtual else own
        source = virtual if wire.arp_ethernet_virtual else own
        for address in w.setup.ipv4:
            self._announce(w, address, sender, source, is_own=False)
            self.now += self.profile.arp_wait_ns

    def _announce(
        self, w: Work, address: bytes, mac: bytes, source: bytes, *, is_own: bool
    ) -> None:
        wire = self.profile.wire
        if self._reaches_the_wire():
            target = mac if wire.arp_target_is_sender else _UNKNOWN_MAC
            router = wire.na_router
            vhid = w.setup.vhid
            self.effects.append(
                Announce(self.now, vhid, address, mac, source, target, router, is_own)
            )
            self.now += self.profile.frame_cost_ns

    # ---- demotion

    def demote(self, value: int) -> None:
        """Add to the demotion for a cause of the node's own, and advertise if that is done."""
        if value == 0:
            return
        old = self.demotion
        self.demotion = old + value
        if self.profile.demotion is not Demotion.SUM:
            self.demotion = max(0, self.demotion)
        self.effects.append(DemotionChanged(self.now, self.demotion))
        match self.profile.demotion:
            case Demotion.SUM:
                # FreeBSD carp_demote_adj(): a task that sends for every MASTER, up or down;
                # it runs when this is over and all vhids are what they will be
                self.task_due = True
            case Demotion.COUNT:
                # FreeBSD 9, NetBSD carp_suppress_preempt++ == 1: carp_send_ad_all()
                if value > 0 and old == 0:
                    self.send_all()
            case Demotion.GROUP:
                # OpenBSD carp_group_demote_adj(): adj > 0 and the count is now exactly 1
                if value > 0 and self.demotion == 1:
                    self.send_all()

    def send_all(self) -> None:
        """carp_send_ad_all()."""
        # a list that is filled at its head, or one in the order of configuration
        for item in reversed(self.vhids) if self.profile.newest_first else self.vhids:
            if item.state is not State.MASTER:
                continue
            if self.profile.drive is Drive.POLL_LOOP or self._sends(item):
                self.send_ad(item)

    def _sends(self, w: Work) -> bool:
        return self.profile.presence is Presence.ADDRESSES or (w.is_up and w.is_running)
