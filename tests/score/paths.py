"""Labels of what happens between nodes: cut, thinned out, replayed, forged."""

from collections.abc import Iterator, Mapping
from typing import Any

from carpscope.protocol.profile import Counter
from tests.score.history import History, Label

_ENDS = {"partition": "heal", "path_down": "path_up"}


def paths(history: History, splits: list[Label]) -> Iterator[Label]:
    """Return one label for each cut or loss of the LAN."""
    for event in history.events:
        kind = event["type"]
        if kind not in ("partition", "path_down", "loss") or event["t"] >= history.end:
            continue
        if kind == "loss" and not event["prob"]:
            continue
        a, b = _sides(event)
        start, end = float(event["t"]), _end(history, event)
        pairs = [(x, y) for x in a for y in b]
        if kind == "partition":
            pairs += [(y, x) for x, y in pairs]
        observable = any(
            (item["from"], item["to"]) in pairs and start <= item["t"] <= end
            for item in history.document["lost"]
        )
        caused = [
            item
            for item in splits
            if item["start"] <= end and item["end"] >= start and _between(item, a, b)
        ]
        label: Label = {
            "label": "partition" if kind == "partition" else "one_way_link",
            "start": start,
            "end": end,
            "nodes": sorted({*a, *b}),
            "vhid": None,
            "observable": observable,
            "sides": [a, b],
        }
        accept = _alike(history, kind, a, b)
        if accept:
            label["accept"] = accept
        if not caused:
            label["optional"] = True
        yield label


def _sides(event: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    names = ("a", "b") if event["type"] == "partition" else ("src", "dst")
    sides = [[v] if isinstance(v := event[name], str) else list(v) for name in names]
    return sides[0], sides[1]


def _end(history: History, event: Mapping[str, Any]) -> float:
    closing = _ENDS.get(event["type"])
    for other in sorted(history.events, key=lambda item: float(item["t"])):
        if other["t"] <= event["t"]:
            continue
        if event["type"] == "loss":
            if other["type"] == "loss" and _same(event, other):
                return float(other["t"])
        elif other["type"] == closing and _same(event, other):
            return min(float(other["t"]), history.end)
    return history.end


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    keys = ("a", "b") if "a" in one else ("src", "dst")
    return all(one[key] == other.get(key) for key in keys)


def _between(split: Label, a: list[str], b: list[str]) -> bool:
    nodes = set(split["nodes"])
    return bool(nodes & set(a)) and bool(nodes & set(b))


def _alike(history: History, kind: str, a: list[str], b: list[str]) -> list[str]:
    """Return what else describes it, where nothing sent tells them apart.

    A constant counter does not show whom its node has heard.
    """
    names = {*a, *b}
    constant = any(history.profiles[name].counter is Counter.COOKIE for name in names)
    if kind == "partition":
        return ["one_way_link"] if constant else []
    accept = ["partition"] if constant or kind == "loss" else []
    return [*accept, "flapping"] if kind == "loss" else accept


def attacks(history: History) -> Iterator[Label]:
    """Return one label for each attack: from its first to its last frame."""
    sent = sorted(a["t"] for a in history.adverts if a["node"] == "attacker")
    series: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for event in history.events:
        if event["type"] in ("replay", "forge") and any(abs(t - event["t"]) < 1e-4 for t in sent):
            series.setdefault((event["type"], event.get("id", 0)), []).append(event)
    for (kind, _), events in series.items():
        first = events[0]
        victim = history.nodes[first["node"]]
        label: Label = {
            "label": "replayed_advert" if kind == "replay" else "forged_skew",
            "start": min(float(event["t"]) for event in events),
            "end": max(float(event["t"]) for event in events),
            "nodes": ["attacker"],
            "vhid": first["vhid"],
            "impersonates": first["node"],
            "injected": len(events),
            "observable": True,
        }
        if kind == "forge":
            label["accept"] = ["replayed_advert"]
        elif history.profiles[victim["name"]].counter is Counter.COOKIE:
            label["optional"] = True
        yield label
