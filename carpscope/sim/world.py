"""The discrete-event world: nodes, their LAN, and what befalls them.

The one random source of a run is here, made from the scenario's seed; a step draws
nothing by itself but is handed 64 bits. Same seed and scenario, same bytes.

The future is a heap of (when, since when, number, what). "Since when" keeps the order
of things that waited for a busy node. A node's earliest timer is in the heap; where a
step moved it, the old entry is stale and is passed over.
"""

import heapq
from random import Random
from typing import TypeAlias

from carpscope.core.errors import CarpscopeError
from carpscope.core.units import MICROSECOND, SECOND, Nanos
from carpscope.protocol.events import (
    Announce,
    Boot,
    Dropped,
    Effect,
    Event,
    Received,
    ReceivedAdvert,
    Send,
    State,
    TimerFired,
    Transition,
)
from carpscope.protocol.machine import step
from carpscope.protocol.node import NEVER, Node, NodeSetup, Vhid, node, vhid_setup
from carpscope.protocol.profile import Profile, profiles
from carpscope.protocol.secret import key_bytes
from carpscope.protocol.tempo import Tempo
from carpscope.sim.machine_events import machine_event
from carpscope.sim.network import ATTACK_DELAY, Network
from carpscope.sim.plan import (
    ATTACKS,
    PARTITION_EVENTS,
    PATH_EVENTS,
    NodePlan,
    Scenario,
    ScheduledEvent,
)
from carpscope.sim.record import (
    AdvertArrived,
    AdvertRefused,
    AdvertSent,
    AnnouncementSent,
    Lost,
    RunRecord,
    StateChanged,
)

Chance: TypeAlias = Random
"""The one random source; nothing else in carpscope makes one."""

LATENESS = (4 * MICROSECOND, 20 * MICROSECOND)
"""From a tick to a kernel timer's handler, as the traces have it."""
SCRIPT = (700 * MICROSECOND, 1300 * MICROSECOND)
"""ucarp's up and down scripts in the traces."""
OVERSLEEP = (60 * MICROSECOND, 183 * MICROSECOND)
OVERSLEEP_PPM = 1000
"""Linux permits itself 0.1 % and takes all of it where no other timer ends before: in six of
seven sleeps of the traces, and in all of them where a ucarp is alone on its machine."""
CAPTURE_TICK = 1 * SECOND
"""libpcap's buffer timer, which ucarp sets to 1000 ms (CAPTURE_TIMEOUT)."""
CAPTURE_LATENESS = 20 * MICROSECOND
DEAD_RATIO = 3
RECORD_MAX = 400_000
"""Entries of a record, half a kilobyte each: four days of an advertisement a second."""
ATTACKER = "attacker"
"""What a record names where no node of the scenario sent a frame."""

_Delivery = tuple[str, ReceivedAdvert, str]
"""To whom, what, and from whom."""
_What = int | _Delivery | ScheduledEvent
_Entry = tuple[Nanos, Nanos, int, _What]


def chance(seed: int) -> Chance:
    """Return the random source of a seed."""
    return Random(seed)


def node_setup(plan: NodePlan, profile: Profile) -> NodeSetup:
    """Return the machine's setup of a planned node."""
    tempo = Tempo(
        hz=plan.hz,
        first_tick_ns=plan.first_tick_ns,
        clock_ppb=plan.clock_ppb,
        slack_ppb=plan.slack_ppb,
        lateness_ns=LATENESS,
        script_ns=SCRIPT,
        oversleep_ns=OVERSLEEP,
        oversleep_ppm=OVERSLEEP_PPM,
    )
    vhids = tuple(
        vhid_setup(
            profile,
            item.vhid,
            advbase=item.advbase,
            advskew=item.advskew,
            key=key_bytes(item.passphrase),
            ipv4=item.ipv4,
            ipv6=item.ipv6,
            peer=item.peer,
            peer6=item.peer6,
        )
        for item in plan.vhids
    )
    return NodeSetup(
        name=plan.name,
        profile=profile,
        tempo=tempo,
        preempt=plan.preempt,
        ip4=plan.ip4,
        ll6=plan.ll6,
        mac=plan.mac,
        vhids=vhids,
        dead_ratio=DEAD_RATIO,
        is_neutral=False,
        ignores_link=False,
    )


class World:
    """A scenario in motion."""

    def __init__(self, scenario: Scenario, seed: int | None = None) -> None:
        """Make the world; nothing has happened in it yet."""
        self.scenario = scenario
        self.seed = scenario.seed if seed is None else seed
        self.record = RunRecord()
        self.now: Nanos = min((plan.start for plan in scenario.nodes), default=0)
        self.steps = 0
        self._random = chance(self.seed)
        self.network = Network(scenario.delays, self._random)
        known = profiles()
        self._names = [plan.name for plan in scenario.nodes]
        self._plans = {plan.name: plan for plan in scenario.nodes}
        self._setups = {p.name: node_setup(p, known[p.impl]) for p in scenario.nodes}
        self._nodes: dict[str, Node | None] = dict.fromkeys(self._names)
        self._armed = [NEVER] * len(self._names)
        self._index = {name: index for index, name in enumerate(self._names)}
        self._others = {
            n: [m for m in self._names if m != n or n in scenario.loops] for n in self._names
        }
        self._booted: dict[str, Nanos] = {}
        self._last_sent: dict[tuple[str, int], ReceivedAdvert] = {}
        self._stolen: dict[tuple[int, str, int | None], ReceivedAdvert] = {}
        self._heap: list[_Entry] = []
        self._number = 0
        self._sender = ""
        self._unsent: list[ReceivedAdvert] = []
        for plan in scenario.nodes:
            self._push(plan.start, ScheduledEvent(plan.start, "restart", plan.name))
        for event in scenario.events:
            self._push(event.at, event)

    def other_chance(self) -> Chance:
        """Return a source for what machines do not see, so that it does not change their course."""
        return chance(self.seed ^ 0x5EED)

    def nodes(self) -> dict[str, Node | None]:
        """Return every node as it is now; None = it is gone or not there yet."""
        return dict(self._nodes)

    def run(self) -> RunRecord:
        """Run to the end of the scenario."""
        self.advance(self.scenario.duration)
        return self.record

    def advance(self, until: Nanos) -> None:
        """Let everything happen that happens up to an instant."""
        heap, armed, nodes, names = self._heap, self._armed, self._nodes, self._names
        while heap and heap[0][0] <= until:
            when, since, _, what = heapq.heappop(heap)
            self.now = when
            if type(what) is int:
                if armed[what] != since:
                    continue
                node = nodes[names[what]]
                if node is not None:
                    self._timer(what, node, when, since)
            elif type(what) is ScheduledEvent:
                self._happen(what, when)
            else:
                assert type(what) is tuple
                name, packet, self._sender = what
                node = nodes[name]
                if node is not None and not (self._unsent and packet in self._unsent):
                    if node.busy_until > when:
                        self._push_again(node.busy_until, since, what)
                    else:
                        self._step(name, node, Received(when, self._draw(), packet))
        self.now = max(self.now, until)

    # ---- the heap

    def _push(self, at: Nanos, what: _What) -> None:
        self._number += 1
        heapq.heappush(self._heap, (at, at, self._number, what))

    def _push_again(self, at: Nanos, since: Nanos, what: _What) -> None:
        self._number += 1
        heapq.heappush(self._heap, (at, since, self._number, what))

    def _draw(self) -> int:
        return self._random.getrandbits(64)

    # ---- steps

    def _timer(self, index: int, node: Node, when: Nanos, since: Nanos) -> None:
        if node.busy_until > when:
            self._push_again(node.busy_until, since, index)
            return
        found = node.next_timer()
        assert found is not None
        _, vhid, timer = found
        self._armed[index] = NEVER
        self._step(self._names[index], node, TimerFired(when, self._draw(), vhid, timer))

    def _step(self, name: str, node: Node, event: Event) -> None:
        self.steps += 1
        node, effects = step(node, event)
        self._nodes[name] = node
        if effects:
            self._effects(name, node.setup.profile, effects)
        found = node.next_timer()
        due = NEVER if found is None else found[0]
        index = self._index[name]
        if due != self._armed[index]:
            self._armed[index] = due
            if due != NEVER:
                self._push(due, index)

    def _effects(self, name: str, profile: Profile, effects: tuple[Effect, ...]) -> None:
        record = self.record
        if record.size > RECORD_MAX:
            raise CarpscopeError(
                f"more than {RECORD_MAX:,} advertisements and events by second "
                f"{self.now / SECOND:.0f}: a shorter duration, fewer nodes or a longer advbase"
            )
        for effect in effects:
            match effect:
                case Send():
                    self._send(name, effect)
                case Transition():
                    reason = profile.says(effect.reason)
                    record.changed.append(
                        StateChanged(effect.at, name, effect.vhid, effect.old, effect.new, reason)
                    )
                case Announce():
                    record.announced.append(AnnouncementSent(name, effect))
                case Dropped():
                    packet = effect.packet
                    record.refused.append(
                        AdvertRefused(
                            effect.at,
                            name,
                            packet.vhid,
                            effect.drop.value,
                            self._sender,
                        )
                    )
                case _:
                    pass

    def _send(self, name: str, effect: Send) -> None:
        packet, at = effect.packet, effect.at
        if packet.destination in (self._plans[name].ip4, self._plans[name].ll6):
            return  # it sends to itself: nothing is on the wire
        self.record.sent.append(AdvertSent(at, name, packet, None))
        self._last_sent[name, packet.vhid] = packet
        for other in self._others[name]:
            if self._nodes[other] is None or not self._reaches(packet, other):
                continue
            arrives = self.network.arrival(name, other, packet.family, at)
            if arrives is None:
                self.record.lost.append(Lost(at, name, other, packet.vhid))
            else:
                self._arrive(other, packet, arrives, name, at)
                again = self.network.duplicate(name, other, arrives)
                if again is not None:
                    self._arrive(other, packet, again, name, at)

    def _arrive(
        self, name: str, packet: ReceivedAdvert, at: Nanos, source: str, sent: Nanos
    ) -> None:
        self.record.arrived.append(AdvertArrived(at, name, sent, source, packet))
        self._deliver(name, packet, at, source)

    def _reaches(self, packet: ReceivedAdvert, name: str) -> bool:
        """Tell whether a node is one of those that a packet was sent to."""
        plan = self._plans[name]
        return packet.multicast or packet.destination in (plan.ip4, plan.ll6)

    def _deliver(self, name: str, packet: ReceivedAdvert, arrives: Nanos, sender: str) -> None:
        if self._plans[name].is_buffered:
            arrives = self._capture_tick(name, arrives)
        self._push(arrives, (name, packet, sender))

    def _capture_tick(self, name: str, arrives: Nanos) -> Nanos:
        """Return when libpcap hands a block over: at whole seconds since ucarp's start."""
        booted = self._booted[name]
        rate = 1_000_000_000 + self._plans[name].clock_ppb
        elapsed = (arrives - booted) * rate // 1_000_000_000
        ticks = elapsed // CAPTURE_TICK + 1
        return booted + ticks * CAPTURE_TICK * 1_000_000_000 // rate + CAPTURE_LATENESS

    # ---- what befalls them

    def _happen(self, event: ScheduledEvent, when: Nanos) -> None:
        if event.type in PATH_EVENTS or event.type in PARTITION_EVENTS:
            self.network.change(event)
        elif event.type in ATTACKS:
            self._attack(event, when)
        elif event.type == "crash":
            self._crash(event.node or "", when)
        elif event.type == "restart":
            self._restart(event.node or "", when)
        else:
            node = self._nodes[event.node or ""]
            if node is None:
                return
            if node.busy_until > when:
                self._push_again(node.busy_until, event.at, event)
                return
            happens = machine_event(event, when, self._draw())
            self._step(node.name, node, happens)

    def _crash(self, name: str, when: Nanos) -> None:
        node = self._nodes[name]
        if node is None:
            return
        if node.busy_until > when:
            self._unsent += self.record.forget(name, when)
        for item in node.vhids:
            vhid, state = item.setup.vhid, self._state_at(name, item, when)
            self.record.changed.append(StateChanged(when, name, vhid, state, State.DOWN, "crash"))
        self._nodes[name] = None
        self._armed[self._index[name]] = NEVER

    def _state_at(self, name: str, item: Vhid, when: Nanos) -> State:
        """Return a state as it was recorded: a busy node's own is that of its future."""
        for change in reversed(self.record.changed):
            if (change.node, change.vhid) == (name, item.setup.vhid) and change.at <= when:
                return change.new
        return item.state

    def _restart(self, name: str, when: Nanos) -> None:
        if self._nodes[name] is None:
            self._booted[name] = when
            self._step(name, node(self._setups[name]), Boot(when, self._draw()))

    def _attack(self, event: ScheduledEvent, when: Nanos) -> None:
        """Send the last advertisement of a node, as it was when this attack began."""
        name = event.node or ""
        key = (event.id, name, event.vhid)
        packet = self._stolen.get(key)
        if packet is None:
            packet = self._last_sent.get((name, event.vhid or 0))
            if packet is None:
                return
            if event.type == "forge":
                packet = packet._replace(
                    advbase=packet.advbase if event.advbase is None else event.advbase,
                    advskew=packet.advskew if event.advskew is None else event.advskew,
                    demote=packet.demote if event.demote is None else event.demote,
                )
            self._stolen[key] = packet
        self.record.sent.append(AdvertSent(when, name, packet, event.id))
        for victim in self._names:
            arrives = when + self._random.randint(*ATTACK_DELAY)
            if self._nodes[victim] is not None and self._reaches(packet, victim):
                self._arrive(victim, packet, arrives, ATTACKER, when)
