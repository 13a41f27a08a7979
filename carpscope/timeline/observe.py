"""Packets to facts: the observer follows every group and says what changed.

Who is MASTER is read from who advertises. A node is MASTER from its first advertisement
until a bow-out, until it falls silent after a better one advertised, or until it is silent
for longer than its own interval explains. `timeline.replay` checks this against state machines;
here is only what frames show.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence
from functools import partial

from carpscope.adverts.train import Train
from carpscope.auth.effort import Effort
from carpscope.auth.explain import Candidates
from carpscope.auth.keyring import Keyring
from carpscope.core.batch import Batch
from carpscope.core.units import Nanos
from carpscope.core.values import replace
from carpscope.protocol import timers
from carpscope.timeline import mastership, traits
from carpscope.timeline.authentication import Waiting
from carpscope.timeline.contest import crossed, let_hear, not_yet_heard, went_on
from carpscope.timeline.explaining import (
    find,
    gathered,
    job,
    search_quickly,
    settle,
    share,
    unexplained,
)
from carpscope.timeline.facts import (
    Claimed,
    Ended,
    Fact,
    Forgotten,
    Joined,
    Left,
    Overdue,
    Sighted,
    Spoofed,
)
from carpscope.timeline.fields import changes, collect, count_copy, follow_counter, refusals
from carpscope.timeline.foreign import WaitingAdvert, awaited, hold, let_go, meant, own
from carpscope.timeline.group import Group, GroupKey, LastAdvert, SentAdvert
from carpscope.timeline.impostor import SpoofKind
from carpscope.timeline.joining import join
from carpscope.timeline.limits import OFFLINE, Limits
from carpscope.timeline.neighbours import Surroundings
from carpscope.timeline.node import (
    FRAME_BITS,
    INTERVALS_KEPT,
    BowOut,
    MasterPeriod,
    Node,
    frame_ref,
)
from carpscope.timeline.pace import heard_again, keep_pace
from carpscope.timeline.pruning import drop, let_go_of_past, silent, trim
from carpscope.timeline.rivals import rival
from carpscope.timeline.silence import Alive
from carpscope.timeline.steady import leading, take
from carpscope.timeline.strangers import Due, Strangers
from carpscope.timeline.traits import is_ucarp
from carpscope.wire.arp import ArpView
from carpscope.wire.carp import AdvertView, interval_ns
from carpscope.wire.decode import Packet
from carpscope.wire.icmp6 import NeighbourView, RouterView
from carpscope.wire.igmp import MembershipView
from carpscope.wire.ip import IpView
from carpscope.wire.vrrp import VrrpView

LOOKED_AT_ONCE = 2
"""Nodes of a group for which a quick search runs at their first advertisement already. With more
of them, as in a flood, it runs only at later ones (`authentication.EARLY`)."""
TRIM_EVERY = 16_384
"""Packets between two checks of how much is kept; each packet adds a kilobyte at most."""


class Observer:
    """Follows all groups of a run. Feed packets in time order; take the facts out."""

    def __init__(
        self,
        keyring: Keyring,
        addresses: tuple[bytes, ...] = (),
        effort: Effort | None = None,
        limits: Limits = OFFLINE,
    ) -> None:
        """Take passphrases and addresses to verify with, and limits of search and memory."""
        self.keyring = keyring
        self.addresses = addresses
        self.effort = effort or Effort()
        self.groups: dict[GroupKey, Group] = {}
        self.now: Nanos = 0
        self.began: Nanos | None = None  # since when it could hear
        self.advertisements = 0
        self.vrrp = 0
        self.faulty = 0
        self.limits = limits
        self._due: Due = []
        self.strangers = Strangers(self.groups, limits, self._due)
        self._beside = Surroundings()
        self.host_at, self.memberships = self._beside.host_at, self._beside.memberships.get
        self.alive = Alive()
        self._untrimmed = 0
        self.resumed: Nanos = 0  # when the capture could see again after it was blind
        self.taken = 0
        """Rows of the train that was given last."""
        self._ahead: Nanos = 0
        """The latest time of rows that were taken whole."""
        self._serial = itertools.count()
        self.is_copy = False
        """Whether the packet seen last is a copy of an earlier one (`timeline.copies`)."""
        self._facts: list[Fact] = []

    def take(self, train: Train) -> list[Fact]:
        """Take as many of the first rows of a train as change nothing; `taken` is their number.

        Returns the facts of the time that passed before it. Where nothing was taken, the caller
        has to pass the first row to `see`.
        """
        facts = self._facts = []
        self.taken = 0
        at, plain = train.at, train.plain
        self.advance(at[0])
        group = self.groups.get((plain.vlans, plain.vhid))
        node = group.nodes.get(plain.source) if group is not None else None
        if group is None or node is None or self.strangers.is_crowded(group) or group.is_crowded:
            return facts
        count = leading(group, node, train, self.resumed)
        if count > 0:
            take(group, node, train, count)
            self.taken = count
            self.alive.witness.take(train, count)
            self.advertisements += count
            self._ahead = max(self._ahead, at[count - 1])
            self._watch(group, node)
            self._untrimmed += count
            if self._untrimmed >= TRIM_EVERY:
                self._trim()
        return facts

    def knows(self, train: Train) -> None:
        """Note that the first row of a train went through `see` without any refusal."""
        plain = train.plain
        group = self.groups.get((plain.vlans, plain.vhid))
        node = group.nodes.get(plain.source) if group is not None else None
        if node is not None and not node.refused_at and node.last == train.at[0]:
            node.plain = plain

    def catch_up(self) -> list[Fact]:
        """Let time pass up to the latest row that was taken; return the facts."""
        facts = self._facts = []
        self.advance(self._ahead)
        return facts

    def count_only(self, batch: Batch, index: int) -> bool:
        """Count a packet of a sender that is not followed; False where `see` has to take it."""
        strangers = self.strangers
        if strangers.followed < strangers.crowded_from:
            return False
        row = batch.rows[index]
        at = row[0]
        if self._due and self._due[0][0] < at:
            return False
        if not strangers.take(batch, index, row):
            return False
        self.advertisements += 1
        self.now = max(self.now, at)
        return True

    def see(self, packet: Packet, *, is_copy: bool = False) -> list[Fact]:
        """Take one packet; return the facts of it and of the time that passed before it.

        A packet that another capture holds nearer to its sender (`is_copy`) gives no facts.
        """
        facts = self._facts = []
        at = packet.frame.at
        self.is_copy = is_copy
        self.alive.see(packet, is_copy=is_copy)
        self.advance(at)
        if is_copy:
            count_copy(self.groups, packet)
            return facts
        body = packet.body
        if isinstance(body, AdvertView):
            self._advert(packet, body)
        elif isinstance(body, VrrpView):
            self.vrrp += 1
            facts.append(self._beside.foreign(packet, body))
        elif isinstance(body, ArpView | NeighbourView | RouterView | MembershipView):
            facts += self._beside.see(packet, body)
        if packet.faults and packet.is_protocol_112 and not packet.is_cut:
            self.faulty += 1
        self._untrimmed += 1
        if self._untrimmed >= TRIM_EVERY:
            self._trim()
        return facts

    def advance(self, now: Nanos) -> None:
        """Let time pass: masters whose next advertisement is overdue are noticed."""
        self.now = max(self.now, now)
        self.began = now if self.began is None else self.began
        due = self._due
        while due and due[0][0] < now:
            when, _, group, node = heapq.heappop(due)
            node.watched = False
            if not node.is_master:
                continue
            if node.due > when:  # it has advertised since: again at its new due time
                self._watch(group, node)
            else:
                self._overdue(group, node)

    def _watch(self, group: Group, node: Node) -> None:
        if not node.watched:
            node.watched = True
            heapq.heappush(self._due, (node.due, next(self._serial), group, node))

    def finish(self) -> list[Fact]:
        """End the run: search what waits, close every MASTER period; return the facts."""
        facts = self._facts = []
        self.settle()
        for group in self.groups.values():
            for node in list(group.masters):
                how = "silent" if mastership.is_silent(node, self.now) else "capture"
                self._leave(group, node, node.last, how)
        facts.append(Ended(self.now))
        return facts

    def settle(self) -> None:
        """Explain the HMACs that wait, with every address learned so far."""
        jobs = unexplained(self.groups.values(), self.strangers.is_invented, self.candidates)
        settle(jobs, self.keyring, self.effort)
        self.effort.refill()

    def tick(self, now: Nanos) -> list[Fact]:
        """Let time pass without a packet; return the facts."""
        facts = self._facts = []
        self.advance(now)
        return facts

    def resume(self, at: Nanos) -> None:
        """Go on at `at` after a time in which nothing could be captured.

        A master that does not advertise any more may have stopped at any moment of that time.
        """
        self.now = self.resumed = max(self.now, at)
        for group in self.groups.values():
            for node in group.resume(at):
                self._watch(group, node)

    def wait_until(self, at: Nanos) -> list[Fact]:
        """Let time pass up to a packet that is not looked at; return the facts."""
        facts = self._facts = []
        self.advance(at)
        return facts

    # What is forgotten

    def tidy(self) -> list[Fact]:
        """Drop what is too old or too much; for a live run with few packets."""
        facts = self._facts = []
        for group, node in silent(self.groups, self.limits, self.now):
            self._forget(group, node)
        self._trim()
        return facts

    def _trim(self) -> None:
        self._untrimmed = 0
        self.strangers.followed = trim(self.groups, self.limits, self.now)
        for group in self.groups.values():
            group.revision += 1
        if len(self._due) > 2 * self.strangers.followed + 1000:
            let_go_of_past(self._due)

    def _has_room(self, group: Group | None, at: Nanos) -> bool:
        """Make room for an admitted new node, by forgetting another if needed; return success."""
        while self.strangers.is_full(group):
            found = self.strangers.victim(group, at)
            if found is None:
                return False
            self.strangers.forgotten_nodes += 1
            self._forget(*found)
        return True

    def narrow(self, keeps: Callable[[Group], bool]) -> list[Fact]:
        """Forget the groups that `keeps` is False of, without any finding; return the facts."""
        facts = self._facts = []
        left = [group for group in self.groups.values() if not keeps(group)]
        for group in left:
            for node in group.members:
                self._forget(group, node, "capture")
        return facts

    def _forget(self, group: Group, node: Node, how: str = "silent") -> None:
        if node.is_master:
            self._leave(group, node, node.last, how)
        drop(group, node)
        group.revision += 1
        self.strangers.followed -= 1
        self._facts.append(Forgotten(group, node, self.now))
        if not group.nodes:
            del self.groups[group.key]
            self._beside.forgot(group)
            self.strangers.forgot(group)
            self._facts.append(Forgotten(group, None, self.now))

    def _join(self, group: Group, gone: Node, into: Node, at: Nanos) -> None:
        was_master = gone.is_master
        join(group, gone, into)
        self.strangers.followed -= 1
        self._facts.append(Joined(group, gone, into, at, was_master))
        if into.is_master:
            self._watch(group, into)

    def _searched(self, group: Group, node: Node, one: Waiting) -> bool:
        mine = job(group, node, self.candidates(group, [node]))
        is_found = find(mine, self.keyring, self.effort, one)
        if is_found:
            share(group)
        return is_found

    def candidates(self, group: Group, members: Sequence[Node]) -> Candidates:
        """Collect the addresses that these nodes of a group may sign."""
        return gathered(self.addresses, self._beside.learned(group.vlan), group, members)

    # What an advertisement shows

    def _advert(self, packet: Packet, view: AdvertView) -> None:
        ip, link, frame = packet.ip, packet.link, packet.frame
        assert ip is not None
        assert link is not None
        at = frame.at
        vlan = link.vlan
        shape = (view.advbase, view.advskew, view.demote)
        key = (vlan, view.vhid)
        group = self.groups.get(key)
        is_new = self.strangers.is_crowded(group) and (
            group is None
            or (ip.source not in group.nodes and group.pairs(ip.version, at, shape) is None)
        )
        if is_new and not self.strangers.admits(group, key, ip.source, view, frame):
            self.advertisements += 1
            return
        if group is None:
            if not self._has_room(None, at):
                return
            group = self.groups[key] = Group(vlan, view.vhid)
            self._beside.follow(group)
            is_new = False
        group.revision += 1
        end = ip.offset + ip.length
        if group.is_copy(at, frame.data[ip.header_offset : end]):
            self.is_copy = True
            heard_again(group, at)
            return
        self.advertisements += 1
        group.families.add(ip.version)
        ref = frame_ref(frame.capture, frame.number)
        if view.checksum_ok and self._is_spoofed(group, packet, view, at, ref):
            return
        if is_new and not self._has_room(group, at):
            return
        if self.groups.get(key) is not group:
            return  # the new node itself was the one to be forgotten
        halves = group.other_half(ip.source, ip.version, at, shape, view.counter_value)
        if halves is not None:
            self._join(group, *halves, at)
        node = group.node_of(ip.source, ip.version, at, shape)
        if node.adverts == 0:
            self.strangers.followed += 1
            node.first = at
            node.advbase, node.advskew, node.demote = shape
            node.mac = link.source
            node.own_mac = self._beside.mac_of(vlan, ip.source)
        if view.checksum_ok and hold(
            group, node, WaitingAdvert(packet, view, at, ref), self._searched
        ):
            return
        self._own(group, node, packet, view, at, ref)

    def _own(
        self, group: Group, node: Node, packet: Packet, view: AdvertView, at: Nanos, ref: int
    ) -> None:
        """Take an advertisement as the node's own."""
        ip = packet.ip
        assert ip is not None
        shape = (view.advbase, view.advskew, view.demote)
        node.adverts += 1
        keep_pace(group, node, at, ref, ip.version, view, self.resumed)
        collect(node, ip, view)
        self._facts += refusals(group, node, at, ref, packet, view)
        if view.checksum_ok is False:  # other fields may be damaged as well
            self._keep_time(group, node, at, ref, ip, view)
            return
        track = node.authentication
        if (
            not view.is_cut
            and not track.see(at, ref, view.counter, view.digest, group.recipes)
            and track.due
            and (node.adverts > 1 or len(group.nodes) <= LOOKED_AT_ONCE)
        ):
            known = len(group.recipes)
            search_quickly(
                job(group, node, self.candidates(group, [node])), self.keyring, self.effort
            )
            if len(group.recipes) > known:
                share(group)
        if node.held:
            self._facts += let_go(group, node)
        follow_counter(group, node, at, ip.version, view)
        self._facts += changes(group, node, at, ref, view)
        track.beat = interval_ns(node.advbase, node.advskew)
        self._keep_time(group, node, at, ref, ip, view)
        group.history.append(SentAdvert(at, node, ip.version, *shape, view.counter_value, ref))
        group.last = LastAdvert(node, ip.version, at, *shape, view.counter_value)
        if ip.version == 4:
            group.note_ipv4(group.last)

    def _is_spoofed(
        self, group: Group, packet: Packet, view: AdvertView, at: Nanos, ref: int
    ) -> bool:
        """Return whether an advertisement is spoofed; report it, and count it for no node."""
        ip, link = packet.ip, packet.link
        assert ip is not None
        assert link is not None
        node = group.nodes.get(ip.source)
        hears = partial(group.heard, ip.source, link.source, view)
        found = group.signatures.judge(node, ip, view, at, ref, hears)
        if found is None:
            return False
        spoof_kind, original = found
        if spoof_kind is SpoofKind.COPIED:
            group.copies += 1
            self.is_copy = True
            return True
        if node is not None and ip.version == 4 and ip.identification == node.last_id != 0:
            # where every signature is the same, the id says which advertisement it was
            original = replace(original, at=node.last_of[4], frame=node.last_frame)
        named = group.nodes.get(original.source) or node
        self._facts.append(
            Spoofed(
                group, named, at, ref, spoof_kind, original, ip.source, view, link.source, ip.ttl
            )
        )
        if spoof_kind is not SpoofKind.FORWARDED:
            group.deceive(at, view.counter_value)
        return True

    # Who is MASTER

    def _keep_time(
        self, group: Group, node: Node, at: Nanos, ref: int, ip: IpView, view: AdvertView
    ) -> None:
        period, version = node.master_period, ip.version
        if view.is_bow_out and view.checksum_ok is not False:
            if period is not None:
                node.bow_out = BowOut(at, ref, ip.source, version, view, node.last)
                period.go_on(at, ref)
                self._leave(group, node, at, "bow-out")
            node.last, node.last_frame = at, ref
            node.last_of[version], node.last_from[version] = at, ref >> FRAME_BITS
            return
        interval = interval_ns(node.advbase, node.advskew)
        if node.bow_out is not None:
            self._facts += meant(group, node, node.bow_out, at - interval)
        if period is not None and node.spoofed is not None and at > node.due:
            # It fell silent for a spoofed advertisement, and waited like any backup.
            self._leave(group, node, node.spoofed, "yielded")
            period = None
        elif period is not None and at - max(node.last, self.resumed) > timers.gone(
            node.advbase, node.advskew
        ):
            # Longer than any backup waits: it left in between, whatever became of it.
            self._leave(group, node, node.last, self._silence(node))
            period = None
        node.spoofed = None
        if period is None:
            self._claim(group, node, at, ref)
            for family, habit in node.counters.items():
                mine = family == version and view.has_counter
                habit.begin(view.counter_value if mine else -1)
        else:
            period.go_on(at, ref)
            if node.last >= self.resumed and (version == 4 or 4 not in group.families):
                node.intervals.append(at - node.last)
                del node.intervals[:-INTERVALS_KEPT]
        soon = traits.interval(node).earliest - timers.HOST_LATE if is_ucarp(node) else 0
        early = period is not None and at - node.last < soon
        if period is not None and early:
            before = period.early
            beat = before[1] if before and before[0] == node.last else node.last
            period.early = at, max(beat, at - traits.handed_late(node))
        if group.contest is not None and len(group.masters) > 1:
            # the advertisement that it did not yield to may have been spoofed
            is_answer = at - group.spoofed_at < timers.AFTERMATH
            went_on(group.contest, [] if is_answer else group.masters, node, at, ref)
        node.restarted = at if early else node.restarted
        node.last, node.last_frame = at, ref
        node.last_of[version], node.last_from[version] = at, ref >> FRAME_BITS
        if version == 4:
            node.last_id = ip.identification or 0
        node.due = at + awaited(group, node)
        may_yield = early and node.heard_better is not None and is_ucarp(node)
        if period is None:
            node.heard_better = at if crossed(node, group.masters, at) else None
        else:
            node.heard_better = not_yet_heard(node, group.masters, at)
        if may_yield:
            # ucarp src/carp.c repeats its advertisement when it yields; that it yielded is known
            # once the next does not come, because it may advertise early for other reasons too
            node.heard_better = at
        self._watch(group, node)
        if len(group.masters) > 1:
            let_hear(group.masters, node, at)
            self._facts.append(Sighted(group, node, at, ref, view))

    def _claim(self, group: Group, node: Node, at: Nanos, ref: int) -> None:
        for other in list(group.masters):
            if other.due < at:
                self._leave(group, other, other.last, self._silence(other))
        node.master_periods.append(MasterPeriod(at, ref, at, ref))
        group.masters.append(node)
        if rivals := group.masters[:-1]:
            rival(group, node, rivals, at, ref)
        self._beside.claimed(group, node, at)
        self._facts.append(Claimed(group, node, at, ref))

    def _overdue(self, group: Group, node: Node) -> None:
        if node.held:
            found = own(node)
            self._facts += let_go(group, node, found, went_on=False)
            for one in found:  # it was given another passphrase or address
                self._own(group, node, *one)
            if found:
                return
        others = [other for other in group.masters if other is not node]
        undecided = [other.due for other in others if other.heard_better is not None]
        if node.heard_better is None and undecided and max(undecided) >= node.due:
            # They may have yielded to this one just before it fell silent: they come first.
            node.due = max(undecided) + 1
            self._watch(group, node)
            return
        self._facts.append(Overdue(group, node, node.due))
        if node.heard_better is not None:
            self._leave(group, node, node.heard_better, "yielded")
        elif others:
            self._leave(group, node, node.last, self._silence(node))

    def _silence(self, node: Node) -> str:  # how its time as MASTER ends
        return "unseen" if node.last < self.resumed else "silent"

    def _leave(self, group: Group, node: Node, at: Nanos, how: str) -> None:
        period = node.master_period
        assert period is not None
        at = max(at, period.start)  # what it yields to may have come by before its claim
        period.end, period.ended_by = at, how
        group.revision += 1
        group.masters.remove(node)
        contest = group.contest
        if contest is not None and len(group.masters) < 2:
            unheard = how in ("silent", "unseen")
            contest.end = max(contest.start, min(at, contest.end) if unheard else at)
            contest.open = False
        others = tuple((other, other.master_periods[-1]) for other in group.masters)
        self._facts.append(Left(group, node, at, period, others))
