"""Labels of legitimate changes: failover, preemption, hand-over, demotion."""

from collections.abc import Iterator

from tests.score.history import History, Label, MasterSpan

BRIEF = 0.25
UNHEARD = frozenset(("master timed out", "master_down_timeout"))
"""Why a node claims that heard nothing, in the words of all systems."""


def changes(history: History, problems: list[Label]) -> Iterator[Label]:
    """Return every change of master after the first election, and every demotion."""
    demoted = list(_demotions(history))
    yield from demoted
    for vhid in history.vhids:
        for period in history.master_periods[vhid]:
            yield from _taken_over(history, vhid, period)
            yield from _left(history, vhid, period, problems)


def _akin(history: History, vhid: int, one: str, other: str, at: float) -> bool:
    """Tell whether the HMACs of two nodes agree; a dead one counts as it was."""
    a = _latest(history, vhid, one, at)
    b = _latest(history, vhid, other, at)
    return a is not None and a == b


def _latest(history: History, vhid: int, node: str, at: float) -> bytes | None:
    past = [s for s in history.settings[vhid] if s.node == node and s.start <= at]
    return past[-1].signed if past else None


def _taken_over(history: History, vhid: int, claim: MasterSpan) -> Iterator[Label]:
    """Return what a claim did to the masters that lived."""
    for old in history.master_periods[vhid]:
        if old.node == claim.node or not old.start < claim.start <= old.end:
            continue
        if not _akin(history, vhid, old.node, claim.node, claim.start):
            continue
        if (
            old.to != "BACKUP"
            or claim.end < old.end
            or old.end - claim.start > _patience(history, vhid, (old.node, claim.node), claim.start)
        ):
            continue
        names = {"from": old.node, "to": claim.node}
        common: Label = {
            "start": claim.start,
            "end": old.end,
            "nodes": sorted(names.values()),
            "vhid": vhid,
            **names,
        }
        if _is_demoted(history, old.node, claim.start):
            yield {
                "label": "clean_handover",
                **common,
                "optional": True,
                "accept": ["preemption"],
            }
            continue
        label: Label = {"label": "preemption", **common}
        if claim.gained in UNHEARD:
            label |= {"optional": True, "unheard": True}
        if claim.start - old.start < BRIEF:
            label |= {"optional": True, "brief": True}
        yield label


def _patience(history: History, vhid: int, nodes: tuple[str, str], at: float) -> float:
    settings = [history.setting(node, vhid, at) for node in nodes]
    return 1.07 * max((s.interval for s in settings if s is not None), default=1.0) + 0.05


def _left(history: History, vhid: int, old: MasterSpan, problems: list[Label]) -> Iterator[Label]:
    """Return who followed a master that left."""
    if old.to not in ("INIT", "DOWN"):
        return
    at = old.end
    rest = [
        r
        for r in history.master_periods[vhid]
        if r.node != old.node and _akin(history, vhid, old.node, r.node, at)
    ]
    if any(r.start < at < r.end for r in rest):
        return  # somebody else was MASTER all the while
    after = [
        r
        for r in history.master_periods[vhid]
        if r.start >= at and (r.node == old.node or _akin(history, vhid, old.node, r.node, r.start))
    ]
    if not after or after[0].node == old.node:
        return
    new = after[0]
    bowed = history.profiles[old.node].bow_out and any(
        event["type"] == "carp_down" and event["node"] == old.node and abs(event["t"] - at) < 0.05
        for event in history.events
    )
    label: Label = {
        "label": "clean_handover" if bowed else "failover",
        "start": at,
        "end": new.start,
        "nodes": sorted((old.node, new.node)),
        "vhid": vhid,
        "from": old.node,
        "to": new.node,
    }
    because = sorted(
        {
            item["label"]
            for item in problems
            if item["start"] <= new.start and item["end"] >= at and item["label"] != "split_brain"
        }
    )
    if because:
        label["consequence_of"] = because
    yield label


def _demotions(history: History) -> Iterator[Label]:
    """Return each time that a node was demoted by its operator."""
    since: dict[str, float] = {}
    count: dict[str, int] = {}
    for event in [*history.events, {"type": "end", "t": history.end}]:
        kind, at = event["type"], float(event["t"])
        ending = [*since] if kind == "end" else []
        if kind == "demote":
            node = event["node"]
            before = count.get(node, 0)
            count[node] = before + event["value"]
            if count[node] > 0 >= before:
                since[node] = at
            elif count[node] <= 0 < before:
                ending = [node]
        elif kind == "crash" and event["node"] in since:
            ending = [event["node"]]
            count[event["node"]] = 0
        for node in ending:
            start = since.pop(node)
            label: Label = {
                "label": "demotion",
                "start": start,
                "end": at,
                "nodes": [node],
                "vhid": None,
            }
            if not _shown(history, node, start, at):
                label["optional"] = True
            yield label


def _shown(history: History, node: str, start: float, end: float) -> bool:
    """Tell whether a demotion went out in an advertisement."""
    for advert in history.adverts:
        if advert["node"] != node or not start <= advert["t"] <= end:
            continue
        setting = history.setting(node, advert["vhid"], advert["t"])
        skewed = setting is not None and advert["advskew"] != setting.advskew
        if advert["demote"] or (skewed and advert["advbase"] < 255):
            return True
    return False


def _is_demoted(history: History, node: str, at: float) -> bool:
    return any(
        item["nodes"] == [node] and item["start"] <= at <= item["end"]
        for item in _demotions(history)
    )
