"""What the simulator can say of a group before it goes live: masters, boots, hand-overs.

All nodes start together: who is MASTER in the end? In which order of boots is it another one?
How long does each hand-over take, at the least and at the most, over the phases of timers and
how late their handlers may run?
"""

from collections.abc import Iterator
from itertools import islice, permutations

from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass, field, replace
from carpscope.protocol.profile import Demotion, Drive, Presence, Profile, profiles
from carpscope.sim.course import BEFORE, Course
from carpscope.sim.plan import Scenario, ScheduledEvent

APART = 30 * SECOND
ORDERS_MAX = 120
SETTLED_LEAST = 60 * SECOND
DEMOTION = 240
PHASES = 5
"""Instants of a master's period at which something befalls it: its ends and between."""
OFFSETS = (0, 270, 510, 760)
"""Starts of a ucarp in milliseconds: where its capture timer stands to the others'."""


@dataclass(frozen=True, slots=True)
class Handover:
    """How long it takes until another node is MASTER, in nanoseconds."""

    event: str
    node: str
    to: str | None
    least: Nanos | None
    most: Nanos | None
    overlap: Nanos | None = None
    """Of a return: how long both are MASTER at the most."""


@dataclass(slots=True)
class SearchProof:
    """What holds of a group."""

    masters: tuple[str, ...]
    orders: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """Orders of boot and who is MASTER then."""
    orders_cut: bool = False
    handovers: list[Handover] = field(default_factory=list)
    flaps: bool = False


def master_down(profile: Profile, advbase: int, advskew: int) -> Nanos:
    """Return how long a node may wait for a silent master, as late as it can be."""
    if profile.drive is Drive.POLL_LOOP:
        period = profile.period(advbase, advskew)
        waits = 3 * advbase * 1_000_000 + advskew * 1_000_000 // 256
        polls = waits // max(1, period) + 1
        return (polls * period * 1000) + SECOND + SECOND // 10
    span = profile.master_down(advbase, advskew) * 1000
    # FreeBSD 10 and later may run a callout late by 1/16 of its length
    slack = span // 16 if profile.presence is Presence.ADDRESSES else 0
    return span + slack + SECOND // 20


def settle_time(scenario: Scenario) -> Nanos:
    """Return after how long an election is over."""
    base = max(item.advbase for plan in scenario.nodes for item in plan.vhids)
    return max(SETTLED_LEAST, 10 * base * SECOND)


def lateness(scenario: Scenario) -> dict[str, Nanos]:
    """Return how late each node's handlers may run: FreeBSD 10 and later up to 1/16."""
    late = {}
    for plan in scenario.nodes:
        profile = profiles()[plan.impl]
        if profile.presence is Presence.ADDRESSES:
            item = plan.vhids[0]
            late[plan.name] = profile.master_down(item.advbase, item.advskew) * 1000 // 16
    return late


def prove(scenario: Scenario, vhid: int) -> SearchProof:
    """Simulate a group whose nodes start together."""
    course = Course(scenario)
    course.advance(settle_time(scenario))
    masters = course.view(vhid).masters
    proof = SearchProof(masters, flaps=_flaps(course.fork(), vhid))
    _boots(proof, scenario, vhid)
    if len(masters) == 1 and len(scenario.nodes) > 1 and not proof.flaps:
        proof.handovers = _handovers(scenario, vhid, masters[0])
    return proof


def _flaps(course: Course, vhid: int) -> bool:
    """Tell whether a settled group changes its master again and again."""
    changes = 0
    before = course.view(vhid).masters
    end = course.now + settle_time(course.scenario) // 2
    while course.now < end and course.proceed():
        now = course.view(vhid).masters
        changes += now != before
        before = now
    return changes >= 4


def _boots(proof: SearchProof, scenario: Scenario, vhid: int) -> None:
    names = [plan.name for plan in scenario.nodes]
    orders = permutations(names)
    for order in islice(orders, ORDERS_MAX):
        starts = {name: number * APART for number, name in enumerate(order)}
        nodes = tuple(replace(plan, start=starts[plan.name]) for plan in scenario.nodes)
        course = Course(replace(scenario, nodes=nodes))
        course.advance((len(names) - 1) * APART + settle_time(scenario))
        proof.orders[order] = course.view(vhid).masters
    proof.orders_cut = next(orders, None) is not None


# ---- hand-overs


def demotion_of(profile: Profile) -> int:
    """Return what demotes a node of this kind; 0: nothing does."""
    if profile.drive is Drive.POLL_LOOP:
        return 0
    return DEMOTION if profile.demotion is Demotion.SUM else 1


def _handovers(scenario: Scenario, vhid: int, master: str) -> list[Handover]:
    profile = profiles()[scenario.node(master).impl]
    events = {"crash": "crash", "link_down": "link_down"}
    if demotion_of(profile):
        events["demotion"] = "demote"
    events["shutdown"] = "carp_down" if profile.bow_out else "crash"
    found: dict[str, list[tuple[str | None, Nanos]]] = {name: [] for name in events}
    returns: list[tuple[str | None, Nanos, Nanos]] = []
    for course in _settled(scenario, vhid, master):
        for event, kind in events.items():
            value = demotion_of(profile) if kind == "demote" else None
            happening = ScheduledEvent(0, kind, master, vhid, value)
            for changed, taken in _measured(course, happening, vhid, master):
                found[event].append(taken)
                if event == "crash" and not returns:
                    returns += _returns(changed, vhid, master)
    told = [_summed(name, master, times) for name, times in found.items()]
    times = [(to, span) for to, span, _ in returns]
    back = _summed("return", master, times)
    overlap = max((both for _, _, both in returns), default=0)
    told.insert(1, replace(back, overlap=overlap))
    return told


def _settled(scenario: Scenario, vhid: int, master: str) -> Iterator[Course]:
    """Give settled courses: handlers on time and late, a ucarp's capture timer here and there."""
    loops = any(profiles()[plan.impl].drive is Drive.POLL_LOOP for plan in scenario.nodes)
    late = lateness(scenario)
    variants: list[dict[str, Nanos]] = [{}]
    if late:
        variants.append({name: span for name, span in late.items() if name != master})
    for offset in OFFSETS if loops else OFFSETS[:1]:
        nodes = tuple(
            plan if plan.name == master else replace(plan, start=plan.start + offset * 1_000_000)
            for plan in scenario.nodes
        )
        for variant in variants:
            course = Course(replace(scenario, nodes=nodes), variant)
            course.advance(settle_time(scenario))
            if course.view(vhid).masters == (master,):
                yield course


def _measured(
    course: Course, event: ScheduledEvent, vhid: int, master: str
) -> Iterator[tuple[Course, tuple[str | None, Nanos]]]:
    """Let an event happen at several phases of the master's period; give what came of it."""
    course = course.fork()
    course.proceed()
    start = course.now
    following = course.next_at()
    plan = course.scenario.node(master).vhids[0]
    period = profiles()[course.scenario.node(master).impl].period(plan.advbase, plan.advskew) * 1000
    span = period - BEFORE if following is None else max(following - start, period) - BEFORE
    for number in range(PHASES):
        at = start + span * number // (PHASES - 1)
        one = course.fork()
        one.advance(at)
        one.happen(event, at)
        yield one, _until_another(one, vhid, master, at)


def _until_another(course: Course, vhid: int, master: str, at: Nanos) -> tuple[str | None, Nanos]:
    end = at + settle_time(course.scenario)
    while True:
        masters = [name for name in course.view(vhid).masters if name != master]
        if masters:
            return masters[0], course.now - at
        following = course.next_at()
        if following is None or following > end:
            return None, 0
        course.advance(following)


def _returns(course: Course, vhid: int, node: str) -> Iterator[tuple[str | None, Nanos, Nanos]]:
    """Let a crashed node come back into a settled group, at phases of the new master's period."""
    course.advance(course.now + settle_time(course.scenario) // 2)
    course.proceed()
    start, following = course.now, course.next_at()
    span = 0 if following is None else max(0, following - start - BEFORE)
    for number in range(PHASES):
        yield _return(course.fork(), start + span * number // (PHASES - 1), vhid, node)


def _return(course: Course, at: Nanos, vhid: int, node: str) -> tuple[str | None, Nanos, Nanos]:
    """Give how long it takes until a node that comes back is MASTER, and overlaps."""
    course.advance(at)
    course.happen(ScheduledEvent(0, "restart", node), at)
    end = at + settle_time(course.scenario)
    taken: Nanos | None = None
    both: Nanos = 0
    before = course.now
    while (following := course.next_at()) is not None and following <= end:
        view = course.view(vhid).masters
        if node in view and taken is None:
            taken = before - at
        if len(view) > 1:
            both += following - before
        before = following
        course.advance(following)
    masters = course.view(vhid).masters
    if taken is None:
        return (masters[0] if masters else None), 0, both
    return node, taken, both


def _summed(event: str, node: str, times: list[tuple[str | None, Nanos]]) -> Handover:
    targets = {to for to, _ in times}
    if len(targets) != 1 or None in targets:
        some = next((to for to in targets if to is not None), None)
        if None in targets or some is None:
            return Handover(event, node, None, None, None)
    to = next(iter(sorted(target for target in targets if target is not None)))
    spans = [span for _, span in times]
    if event == "return" and to != node:
        return Handover(event, node, to, None, None)
    return Handover(event, node, to, min(spans), max(spans))
