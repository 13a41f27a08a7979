"""Questions to a scenario: what if this node crashes, preempts, or is cut off?

crash fw1@10        crash fw1@10-20 (and back at 20)
set fw2.preempt=true    set fw1.advskew=100
partition fw1|fw2@20-40     partition fw1,fw3|fw2@20
"""

from carpscope.core.errors import CarpscopeError
from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import replace
from carpscope.protocol.profile import profiles
from carpscope.sim.plan import NodePlan, Scenario, ScheduledEvent

_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_RANGES = {"advskew": (0, 254), "advbase": (0, 255), "hz": (1, 100_000)}
_ROOM = 30 * SECOND
"""How long a run goes on after the last thing that was asked about."""


def crash(scenario: Scenario, text: str) -> Scenario:
    """Let a node disappear, and come back if there is a second time."""
    name, start, end = _name_and_span(f"--crash {text!r}", text)
    _node(scenario, f"--crash {text!r}", name)
    events = [ScheduledEvent(start, "crash", name)]
    if end is not None:
        events.append(ScheduledEvent(end, "restart", name))
    return _with(scenario, events)


def partition(scenario: Scenario, text: str) -> Scenario:
    """Split the LAN in two, for a while or for good."""
    what = f"--partition {text!r}"
    sides, start, end = _name_and_span(what, text)
    names = [tuple(part.strip() for part in side.split(",")) for side in sides.split("|")]
    if len(names) != 2:
        raise CarpscopeError(f"{what}: write two sides, as in fw1|fw2@20-40")
    for name in (*names[0], *names[1]):
        _node(scenario, what, name)
    events = [ScheduledEvent(start, "partition", src=names[0], dst=names[1])]
    if end is not None:
        events.append(ScheduledEvent(end, "heal", src=names[0], dst=names[1]))
    return _with(scenario, events)


def configure(scenario: Scenario, text: str) -> Scenario:
    """Give one value of one node's configuration another value."""
    what = f"--set {text!r}"
    place, equals, value = text.partition("=")
    # the last dot: a node may be called by its address
    name, dot, key = place.rpartition(".")
    if not equals or not dot:
        raise CarpscopeError(f"{what}: write NODE.KEY=VALUE, as in fw1.advskew=100")
    plan = _changed(what, _node(scenario, what, name), key.strip(), value.strip())
    nodes = tuple(plan if item.name == name else item for item in scenario.nodes)
    return replace(scenario, nodes=nodes)


def _changed(what: str, plan: NodePlan, key: str, value: str) -> NodePlan:
    if key == "preempt":
        if value.lower() not in _FLAGS:
            raise CarpscopeError(f"{what}: {value!r} is not true or false")
        return replace(plan, preempt=_FLAGS[value.lower()])
    if key == "impl":
        if value not in profiles():
            raise CarpscopeError(f"{what}: known are {', '.join(sorted(profiles()))}")
        return replace(plan, impl=value)
    if key not in _RANGES:
        known = ", ".join(sorted((*_RANGES, "impl", "preempt")))
        raise CarpscopeError(f"{what}: {key!r} cannot be set; {known} can")
    low, high = _RANGES[key]
    if not value.isdecimal() or not low <= int(value) <= high:
        raise CarpscopeError(f"{what}: {value!r} is not {low} to {high}")
    number = int(value)
    match key:
        case "advskew":
            return replace(plan, vhids=tuple(replace(v, advskew=number) for v in plan.vhids))
        case "advbase":
            return replace(plan, vhids=tuple(replace(v, advbase=number) for v in plan.vhids))
        case _:
            return replace(plan, hz=number, first_tick_ns=plan.first_tick_ns % (SECOND // number))


def _with(scenario: Scenario, events: list[ScheduledEvent]) -> Scenario:
    everything = sorted((*scenario.events, *events), key=lambda event: event.at)
    duration = max(scenario.duration, everything[-1].at + _ROOM)
    return replace(scenario, events=tuple(everything), duration=duration)


def _node(scenario: Scenario, what: str, name: str) -> NodePlan:
    for plan in scenario.nodes:
        if plan.name == name:
            return plan
    known = ", ".join(plan.name for plan in scenario.nodes)
    raise CarpscopeError(f"{what}: there is no node {name!r}; there are {known}")


def _name_and_span(what: str, text: str) -> tuple[str, Nanos, Nanos | None]:
    name, at, span = text.rpartition("@")
    first, dash, second = span.partition("-")
    try:
        start = round(float(first) * SECOND)
        end = round(float(second) * SECOND) if dash else None
    except (ValueError, OverflowError):
        start, end = -1, None
    if not at or start < 0 or (end is not None and end <= start):
        raise CarpscopeError(f"{what}: write NODE@SECONDS or NODE@FROM-TO")
    return name.strip(), start, end
