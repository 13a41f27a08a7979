"""An exhaustive search: is there a course of a few events that ends badly?

Every event (crash, return, carrier lost and back, one-way loss and its end, demotion and its
end, of every node) at every instant that matters: just before and just after each timer. What
is bad: two MASTERs, or nobody while a node is up, for longer than the slowest node waits for a
silent master; or, where all preempt, another MASTER than the one with the lowest skew. While a
loss lasts, two MASTERs are nobody's mistake. States that are equal up to time are visited once.
"""

from collections.abc import Iterator

from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass, replace
from carpscope.protocol.events import State
from carpscope.protocol.profile import Drive, profiles
from carpscope.sim.course import BEFORE, Course
from carpscope.sim.plan import Scenario, ScheduledEvent
from carpscope.sim.prove import demotion_of, lateness, master_down, settle_time
from carpscope.sim.world import World

STEPS_MAX = 70_000
"""Steps of machines that a search may take: some seconds."""
INSTANTS_MAX = 40
"""After so many instants without a repetition a course is taken for what it is."""
_LOST_LINK = 10 * SECOND
"""ucarp sleeps so long when its interface has no carrier."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The shortest course that ends badly."""

    kind: str
    """`two`, `nobody` or `other`."""
    seconds: float
    events: tuple[ScheduledEvent, ...]
    masters: tuple[str, ...]


@dataclass(slots=True)
class Explored:
    """What a search came to."""

    events: int
    courses: int = 0
    bound: Nanos = 0
    worst: Nanos = 0
    """The longest stretch of two MASTERs that was seen after the last event."""
    limit: str = ""
    """What ended the search early, if something did."""
    counterexample: Counterexample | None = None


@dataclass(slots=True)
class _State:
    course: Course
    path: tuple[ScheduledEvent, ...]
    down: frozenset[str]
    dark: frozenset[str]
    """Nodes without carrier."""
    demoted: frozenset[str]
    lost: frozenset[tuple[str, str]]


class StateSearch:
    """One search in progress."""

    def __init__(
        self,
        scenario: Scenario,
        vhid: int,
        events: int,
        late: dict[str, Nanos] | None = None,
    ) -> None:
        """Take the group; the scenario's own events happen before its nodes are settled."""
        self.scenario = scenario
        self.late = late
        self.vhid = vhid
        self.names = [plan.name for plan in scenario.nodes]
        self.profiles = {plan.name: profiles()[plan.impl] for plan in scenario.nodes}
        self.explored = Explored(events, bound=self._bound())
        self.loops = any(p.drive is Drive.POLL_LOOP for p in self.profiles.values())
        """A ucarp looks once a second whatever has come: just before or after is all the same."""
        self.expected = self._expected()
        self.good: set[tuple[object, ...]] = set()
        self.visited: set[tuple[object, ...]] = set()
        self.bad: list[Counterexample] = []
        self.steps = 0

    def _bound(self) -> Nanos:
        waits = []
        for plan in self.scenario.nodes:
            profile, item = profiles()[plan.impl], plan.vhids[0]
            wait = master_down(profile, item.advbase, item.advskew)
            if profile.drive is Drive.POLL_LOOP:
                wait += _LOST_LINK
            waits.append(wait)
        return max(waits)

    def _expected(self) -> str | None:
        """Return who must be MASTER whenever all is well, if that is decided."""
        if not all(plan.preempt for plan in self.scenario.nodes) or self.scenario.events:
            return None
        ranked = sorted(
            (
                plan.vhids[0].advbase,
                profiles()[plan.impl].compared_skew(plan.vhids[0].advskew, 0),
                plan.name,
            )
            for plan in self.scenario.nodes
        )
        if len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]:
            return None
        if len({item[0] for item in ranked}) > 1:
            return None
        return ranked[0][2]

    def run(self) -> Explored:
        """Search level by level, so that the shortest course is found first."""
        course = Course(self.scenario, self.late)
        course.advance(settle_time(self.scenario))
        level = [_State(course, (), frozenset(), frozenset(), frozenset(), frozenset())]
        self._judge(level[0], [])
        for depth in range(1, self.explored.events + 1):
            following: list[_State] = []
            for state in level:
                for instant, at in self._instants(state):
                    for one in self._events(state, depth):
                        if self._over(depth):
                            return self._done()
                        self._try(state, instant, one, at, depth, following)
                if self.bad:
                    return self._done()
            level = following
        return self._done()

    def _done(self) -> Explored:
        if self.bad:
            self.explored.counterexample = self.bad[0]
        return self.explored

    def _over(self, depth: int) -> bool:
        # a ucarp wakes at every packet and every second: states of three hardly ever repeat
        most = STEPS_MAX // 2 if self.loops and len(self.names) > 2 else STEPS_MAX
        if self.steps > most:
            whole = f"all of up to {depth - 1} were tried" if depth > 1 else "not all of one event"
            self.explored.limit = f"ended after {most:,} steps, {whole}"
            return True
        return False

    def _try(
        self,
        state: _State,
        instant: Course,
        one: ScheduledEvent,
        at: Nanos,
        depth: int,
        following: list[_State],
    ) -> None:
        course = instant.fork()
        before = course.steps
        course.happen(one, at)
        self.steps += course.steps - before + 1
        self.explored.courses += 1
        after = _after(state, course, _at(one, at))
        key = (depth if after.lost else 0, after.demoted, after.dark, course.key())
        if key in self.visited:
            return
        self.visited.add(key)
        if not after.lost:
            self._judge(after, following)
        elif depth < self.explored.events:
            following.append(after)

    def _events(self, state: _State, depth: int) -> Iterator[ScheduledEvent]:
        left = self.explored.events - depth
        vhid = self.vhid
        for source, destination in sorted(state.lost):
            yield ScheduledEvent(0, "path_up", src=(source,), dst=(destination,))
        if len(state.lost) > left:
            return  # what is lost has to end within the course
        for name in self.names:
            if name in state.down:
                yield ScheduledEvent(0, "restart", name)
                continue
            yield ScheduledEvent(0, "crash", name)
            yield ScheduledEvent(0, "link_up" if name in state.dark else "link_down", name)
            amount = demotion_of(self.profiles[name])
            if amount:
                value = -amount if name in state.demoted else amount
                yield ScheduledEvent(0, "demote", name, vhid, value)
            if len(state.lost) >= left:
                continue
            for other in self.names:
                if other != name and (name, other) not in state.lost:
                    yield ScheduledEvent(0, "path_down", src=(name,), dst=(other,))

    def _instants(self, state: _State) -> Iterator[tuple[Course, Nanos]]:
        """Give a state just after now, and just before and after each timer to come."""
        course = state.course.fork()
        seen: set[tuple[object, ...]] = set()
        loops = self.loops
        last: tuple[object, ...] = ()
        end = course.now + self.explored.bound + 2 * SECOND - (_LOST_LINK if loops else 0)
        for _ in range(INSTANTS_MAX):
            key = course.key()
            if key in seen or course.now > end:
                return
            seen.add(key)
            # a process that woke and went to sleep again is where it was
            deadlines = course.deadlines() if loops else None
            if deadlines is None or deadlines != last:
                last = deadlines or ()
                yield course, course.now
            following = course.next_at()
            if following is None:
                return
            if following - BEFORE > course.now and not loops:
                yield course, following - BEFORE
            before = course.steps
            course = course.fork()
            course.proceed()
            self.steps += course.steps - before

    def _judge(self, state: _State, following: list[_State]) -> None:
        """Let a course go on without events; keep it for the next level if it ends well."""
        following.append(state)
        course = state.course.fork()
        start = course.now
        since = start
        last = _count(course, self.vhid)
        passed: list[tuple[object, ...]] = []
        before = course.steps
        end = start + self.explored.bound * 3 + settle_time(self.scenario) // 2
        settled_key: tuple[object, ...] | None = None
        seen: set[tuple[object, ...]] = set()
        while course.now < end:
            if last == 1:
                settled_key = (state.demoted, state.dark, state.down, course.key())
                if settled_key in self.good:
                    self.good.update(passed)
                    self.steps += course.steps - before
                    return
                if settled_key in seen:
                    break
                seen.add(settled_key)
                passed.append(settled_key)
            if not course.proceed():
                break
            now = _count(course, self.vhid)
            if now != last:
                self._stretch(last, course.now - since, state, course)
                since, last = course.now, now
            if last != 1 and course.now - since > self.explored.bound:
                self._stretch(last, course.now - since, state, course)
                break
        self.steps += course.steps - before
        if last == 1 and not self.bad:
            self._expect(state, course)
            if not self.bad:
                self.good.update(passed)

    def _stretch(self, count: int, span: Nanos, state: _State, course: Course) -> None:
        if count == 2:
            self.explored.worst = max(self.explored.worst, span)
        if count != 1 and span > self.explored.bound:
            self._found("two" if count == 2 else "nobody", span, state, course)

    def _expect(self, state: _State, course: Course) -> None:
        if self.expected is None or state.down or state.dark or state.demoted:
            return
        masters = course.view(self.vhid).masters
        if masters != (self.expected,):  # a state may repeat while somebody still sleeps
            before = course.steps
            course.advance(course.now + settle_time(self.scenario) // 2)
            self.steps += course.steps - before
            masters = course.view(self.vhid).masters
        if masters != (self.expected,):
            self._found("other", course.now - state.course.now, state, course)

    def _found(self, kind: str, span: Nanos, state: _State, course: Course) -> None:
        masters = course.view(self.vhid).masters
        one = Counterexample(kind, span / SECOND, state.path, masters)
        # what `simulate` does not show as well is none: a handler that is late by chance
        if replays(self.scenario, one, self.vhid, self.explored.bound):
            self.bad.append(one)


def _at(one: ScheduledEvent, at: Nanos) -> ScheduledEvent:
    return ScheduledEvent(at, one.type, one.node, one.vhid, one.value, src=one.src, dst=one.dst)


def _count(course: Course, vhid: int) -> int:
    """Return 0, 1 or 2 MASTERs; 1 also where nobody could be one."""
    view = course.view(vhid)
    masters = len(view.masters)
    if masters == 0 and not view.up:
        return 1
    return min(masters, 2)


def _after(state: _State, course: Course, event: ScheduledEvent) -> _State:
    down, dark, demoted, lost = state.down, state.dark, state.demoted, state.lost
    name = event.node or ""
    match event.type:
        case "crash":
            down, dark, demoted = down | {name}, dark - {name}, demoted - {name}
        case "restart":
            down = down - {name}
        case "link_down":
            dark = dark | {name}
        case "link_up":
            dark = dark - {name}
        case "demote":
            demoted = demoted ^ {name}
        case "path_down":
            lost = lost | {(event.src[0], event.dst[0])}
        case _:
            lost = lost - {(event.src[0], event.dst[0])}
    return _State(course, (*state.path, event), down, dark, demoted, lost)


def as_scenario(scenario: Scenario, found: Counterexample, bound: Nanos) -> Scenario:
    """Return the scenario that shows a counter-example."""
    last = found.events[-1].at if found.events else settle_time(scenario)
    length = last + bound * 3 + 10 * SECOND
    return replace(scenario, duration=length, events=(*scenario.events, *found.events))


def replays(scenario: Scenario, found: Counterexample, vhid: int, bound: Nanos) -> bool:
    """Run a counter-example in the world of `simulate`: does it end as badly?"""
    shown = as_scenario(scenario, found, bound)
    world = World(shown)
    last = found.events[-1].at if found.events else 0
    world.run()
    states: dict[str, State] = {}
    since, kind = last, "nobody"
    for change in world.record.changed:
        if change.vhid != vhid:
            continue
        if kind == found.kind and change.at - max(since, last) > bound:
            return True
        states[change.node] = change.new
        now = _kind(states)
        if now != kind:
            since, kind = change.at, now
    if found.kind == "other":
        return sorted(n for n, s in states.items() if s is State.MASTER) == sorted(found.masters)
    return kind == found.kind and shown.duration - max(since, last) > bound


def _kind(states: dict[str, State]) -> str:
    masters = sum(1 for state in states.values() if state is State.MASTER)
    return "two" if masters > 1 else "one" if masters else "nobody"


def explore(scenario: Scenario, vhid: int, events: int) -> Explored:
    """Search a group for a course that ends badly, with handlers on time, then each node late."""
    found = StateSearch(scenario, vhid, events).run()
    # three nodes that are late in turn would take four times as long
    depth = events if len(scenario.nodes) < 3 else min(events, 2)
    for name, span in lateness(scenario).items():
        if found.counterexample is not None or found.limit:
            break
        late = StateSearch(scenario, vhid, depth, {name: span}).run()
        found.courses += late.courses
        found.worst = max(found.worst, late.worst)
        found.limit = late.limit
        found.counterexample = late.counterexample
    return found
