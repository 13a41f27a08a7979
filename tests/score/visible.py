"""What captures at several places can show of what is true.

A label stays true and becomes optional where no frame of any capture shows it: a cut whose other
side none of the captures has heard, a master of whom no capture holds an advertisement, a
change of the first election, which counts for none.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise

from carpscope.core.units import SECOND
from carpscope.sim.plan import VantagePlan
from carpscope.sim.vantages import away
from carpscope.sim.world import World
from tests.score.history import Document, History, Label, MasterSpan
from tests.score.truth import BRIEF, shown

CUTS = ("partition", "one_way_link")
EVENTS = ("preemption", "failover", "clean_handover")
HEARD = 2
"""Advertisements of a node without which nothing is said of it."""
CHANGES = 4

Heard = dict[str, list[float]]


def visible(world: World, document: Document) -> list[Label]:
    """Return the labels of a world, those optional that its captures cannot show."""
    history = History(document)
    heard = _heard(world)
    labels = shown(document)
    for item in labels:
        if _is_hidden(item, history, heard):
            item["optional"] = True
    return labels


def _heard(world: World) -> Heard:
    """Return when any capture holds an advertisement of a node."""
    found: Heard = {}
    for plan in world.scenario.vantages:
        gone = away(world, plan.node)
        sent = [(s.at, s.node) for s in world.record.sent if s.node == plan.node]
        came = [(a.at, a.source) for a in world.record.arrived if a.node == plan.node]
        for at, node in (*sent, *came):
            if _is_inside(plan, gone, at):
                found.setdefault(node, []).append(at / SECOND)
    return found


def _is_inside(plan: VantagePlan, gone: Iterable[tuple[int, int]], at: int) -> bool:
    return plan.start <= at <= plan.end and not any(a <= at < b for a, b in gone)


def _is_hidden(item: Label, history: History, heard: Heard) -> bool:
    name = item["label"]
    if name in CUTS:
        sides = [set(side) for side in item["sides"]]
        if sides[0] & sides[1]:
            return True  # frames lost at random: what comes of it has labels of its own
        return not all(_is_heard(side, item, heard) for side in sides)
    if name == "split_brain":
        return not _is_overlap_heard(item, history, heard)
    if name == "flapping":
        return _changes(history, item) < CHANGES
    return name in EVENTS and _is_no_change(item, history, heard)


def _is_heard(nodes: set[str], item: Label, heard: Heard) -> bool:
    return any(
        sum(item["start"] <= at <= item["end"] for at in heard.get(node, ())) >= HEARD
        for node in nodes
    )


def _is_overlap_heard(item: Label, history: History, heard: Heard) -> bool:
    """Tell whether two of the nodes are heard side by side for longer than an election."""
    spans = []
    for node in item["nodes"]:
        times = [at for at in heard.get(node, ()) if item["start"] <= at <= item["end"]]
        setting = history.setting(node, item["vhid"], item["end"] - 1e-6)
        if times and setting is not None:
            spans.append((min(times), max(times), setting.interval))
    return any(
        min(one[1], other[1]) - max(one[0], other[0]) > 1.07 * max(one[2], other[2]) + 0.05
        for one, other in combinations(spans, 2)
    )


def _is_no_change(item: Label, history: History, heard: Heard) -> bool:
    """Tell a change from a master of whom nothing was heard, who had just become it in the first
    election, or beside whom another one was MASTER all the time."""
    periods = history.master_periods[item["vhid"]]
    before = [r for r in periods if r.node == item["from"] and r.start <= item["end"]]
    if not before or not any(before[-1].start <= at for at in heard.get(item["from"], ())):
        return True
    if item["label"] != "preemption":
        return False
    setting = history.setting(item["from"], item["vhid"], before[-1].start)
    least = setting.interval if setting is not None else 1.0
    first = not any(r.end < before[-1].start - least for r in periods)
    if first and item["start"] - before[-1].start < least:
        return True
    return any(
        r.node not in (item["from"], item["to"])
        and r.start < item["start"] - BRIEF
        and r.end > item["end"] + BRIEF
        for r in periods
    )


def _changes(history: History, item: Label) -> int:
    """Count changes from who was MASTER alone to another who is."""
    alone = [
        period.node
        for period in history.master_periods[item["vhid"]]
        if item["start"] - BRIEF <= period.end and period.start <= item["end"] + BRIEF
        if _is_alone(period, history.master_periods[item["vhid"]])
    ]
    return sum(a != b for a, b in pairwise(alone))


def _is_alone(period: MasterSpan, periods: Sequence[MasterSpan]) -> bool:
    """Tell whether a node is MASTER without any other for longer than an exchange takes."""
    others = sorted(
        (max(r.start, period.start), min(r.end, period.end))
        for r in periods
        if r is not period
        and r.node != period.node
        and r.start < period.end
        and r.end > period.start
    )
    free = period.start
    for start, end in others:
        if start - free > BRIEF:
            return True
        free = max(free, end)
    return period.end - free > BRIEF
