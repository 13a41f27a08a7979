"""Kinds of captures in which the LAN, the nodes or an attacker do something."""

from collections.abc import Callable
from typing import Any

from tests.score.draft import Draft

# ---- the path


def one_way_out(draft: Draft) -> None:
    """The master's frames reach nobody."""
    _cut(draft, "path_down", "path_up", ["A"], draft.names[1:])


def one_way_back(draft: Draft) -> None:
    """The backups' frames do not reach the preferred node, which then restarts."""
    length = 3 * draft.wait + draft.random.uniform(10, 20)
    at = draft.reserve(length)
    draft.add(at, "path_down", src=draft.names[1:], dst=["A"])
    draft.add(at + 4, "crash", node="A")
    draft.add(at + 4 + draft.wait + draft.random.uniform(2, 8), "restart", node="A")


def partition(draft: Draft) -> None:
    """The LAN is split, mostly healed later."""
    cut = draft.random.randint(1, len(draft.names) - 1)
    _cut(draft, "partition", "heal", draft.names[:cut], draft.names[cut:])


def _cut(draft: Draft, down: str, up: str, one: list[str], other: list[str]) -> None:
    length = 2 * draft.wait + draft.random.uniform(2, 25)
    at = draft.reserve(length)
    keys = ("a", "b") if down == "partition" else ("src", "dst")
    sides: dict[str, Any] = dict(zip(keys, (one, other), strict=True))
    draft.add(at, down, **sides)
    if draft.random.random() < 0.75:
        draft.add(at + length, up, **sides)


def loss(draft: Draft) -> None:
    """Most of the master's frames are lost on the way to one backup."""
    length = 30 * draft.base + draft.random.uniform(5, 20)
    draft.duration = max(draft.duration, int(draft.clear + length + draft.wait + 10))
    at = draft.reserve(length)
    sides = {"src": ["A"], "dst": ["B"]}
    draft.add(at, "loss", **sides, prob=draft.random.choice((0.6, 0.75, 0.9)))
    draft.add(at + length, "loss", **sides, prob=0)


# ---- again and again, and nobody


def flap_link(draft: Draft) -> None:
    """The link of the master goes down and up, and it preempts each time."""
    for node in draft.nodes:
        node["preempt"] = True
    _again(draft, lambda at: draft.add(at, "link_down", node="A"), "link_up", {"node": "A"})


def flap_path(draft: Draft) -> None:
    """The LAN is split and healed, over and over."""
    sides = {"a": ["A"], "b": draft.names[1:]}
    _again(draft, lambda at: draft.add(at, "partition", **sides), "heal", sides)


def _again(draft: Draft, down: Callable[[float], None], up: str, values: dict[str, Any]) -> None:
    times = draft.random.choice((4, 5, 6))
    away = draft.wait + 2
    period = away + 2 * draft.base + 2 + draft.random.uniform(1, 3)
    draft.duration = max(draft.duration, int(draft.clear + times * period + 2 * draft.wait))
    at = draft.reserve(times * period)
    for index in range(times):
        down(at + index * period)
        draft.add(at + index * period + away, up, **values)


def gap_all(draft: Draft) -> None:
    """All nodes are down for a while."""
    length = 2 * draft.wait + draft.random.uniform(8, 20)
    draft.duration = max(draft.duration, int(draft.clear + length + 3 * draft.wait + 10))
    at = draft.reserve(length + draft.wait)
    for name in draft.names:
        draft.add(at + draft.random.uniform(0, 2.5), "crash", node=name)
        draft.add(at + length + draft.random.uniform(0, 2), "restart", node=name)


def gap_end(draft: Draft) -> None:
    """All nodes are down for good."""
    length = 3 * draft.wait + 10
    draft.duration = max(draft.duration, int(draft.clear + length + draft.wait + 5))
    at = draft.reserve(length)
    for name in reversed(draft.names):
        draft.add(at + draft.random.uniform(0, 4), "crash", node=name)
    draft.clear = draft.duration


# ---- attacks


def replay_gap(draft: Draft) -> None:
    """The master crashes while its last advertisement is sent again and again."""
    length = 2 * draft.wait + draft.random.uniform(10, 25)
    draft.duration = max(draft.duration, int(draft.clear + length + 3 * draft.wait + 5))
    at = draft.reserve(length + draft.wait)
    draft.add(at, "crash", node="A")
    _attack(draft, "replay", at + 0.4, length, draft.random.choice((0.7, 1.0, 1.0)))


def replay_live(draft: Draft) -> None:
    """An advertisement is sent again beside the living master."""
    length = draft.random.choice((0.0, 5.0, 9.0))
    at = draft.reserve(length)
    _attack(draft, "replay", at, length, draft.random.choice((1.0, 2.5, 5.0)))


def forge(draft: Draft) -> None:
    """An advertisement is sent again with a lower advskew, sometimes a lower advbase."""
    length = draft.random.choice((0.0, 5.0, 8.0, 12.0))
    draft.node("A")["vhids"][0]["advskew"] = 10
    at = draft.reserve(length + draft.wait)
    _attack(draft, "forge", at, length, draft.random.choice((1.0, 2.5)), advskew=0, advbase=1)


def forge_bow(draft: Draft) -> None:
    """A bow-out is forged."""
    at = draft.reserve(3)
    _attack(draft, "forge", at, 0, 1.0, advskew=255, advbase=255)


def _attack(draft: Draft, kind: str, at: float, length: float, every: float, **values: int) -> None:
    number = 1 + sum(1 for event in draft.events if event["type"] == kind)
    for step in range(int(length / every) + 1):
        when = at + step * every
        draft.add(when, kind, node="A", vhid=draft.vhid, id=number, **values)
