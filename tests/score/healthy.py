"""Kinds of captures in which nothing is wrong: changes that the protocol is for."""

from carpscope.protocol.profile import Presence, profiles
from tests.score.draft import Draft, is_ucarp


def steady(draft: Draft) -> None:
    """Nothing happens."""


def crash(draft: Draft) -> None:
    """The master crashes, and mostly comes back."""
    _away(draft, "crash", "restart")


def link(draft: Draft) -> None:
    """The master loses its link for a while."""
    _away(draft, "link_down", "link_up")


def _away(draft: Draft, down: str, up: str) -> None:
    away = draft.random.uniform(2, 12) + 2 * draft.wait
    at = draft.reserve(away + draft.wait)
    draft.add(at, down, node="A")
    if draft.random.random() < 0.8:
        draft.add(at + away, up, node="A")


def bowout(draft: Draft) -> None:
    """The master's carp interface is set down: it sends a bow-out."""
    away = draft.random.uniform(4, 12) + draft.wait
    at = draft.reserve(away)
    if profiles()[draft.impl("A")].presence is Presence.INTERFACE:
        draft.add(at, "carp_down", node="A", vhid=draft.vhid)
        draft.add(at + away, "carp_up", node="A", vhid=draft.vhid)


def maintenance(draft: Draft) -> None:
    """The master is demoted and restored."""
    length = draft.random.uniform(6, 20) + draft.wait
    at = draft.reserve(length)
    value = 240 if draft.impl("A").startswith("freebsd1") else draft.random.choice((1, 20, 128))
    draft.add(at, "demote", node="A", value=value)
    draft.add(at + length, "demote", node="A", value=-value)


def late(draft: Draft) -> None:
    """The preferred node starts late."""
    for node in draft.nodes:
        node["preempt"] = True
    draft.node("A")["start"] = draft.reserve(draft.wait)


def stays(draft: Draft) -> None:
    """The preferred node returns and does not preempt."""
    for node in draft.nodes:
        node["preempt"] = False
    crash(draft)


def backup_restart(draft: Draft) -> None:
    """A backup restarts; nobody notices."""
    away = draft.random.uniform(3, 12)
    at = draft.reserve(away)
    node = draft.random.choice(draft.names[1:])
    draft.add(at, "crash", node=node)
    draft.add(at + away, "restart", node=node)


def boot_demotion(draft: Draft) -> None:
    """OpenBSD is demoted while it boots."""
    away = draft.wait + draft.random.uniform(3, 10)
    boot = draft.random.uniform(5, 20)
    at = draft.reserve(away + boot)
    draft.add(at, "crash", node="A")
    draft.add(at + away, "restart", node="A")
    draft.add(at + away + 0.002, "demote", node="A", value=128)
    draft.add(at + away + boot, "demote", node="A", value=-128)


def skew_change(draft: Draft) -> None:
    """The advskew of the master is set to another value."""
    if not is_ucarp(draft.impl("A")):
        at = draft.reserve(5)
        other = draft.node("B")["vhids"][0]["advskew"]
        value = draft.random.choice((other + 6, max(1, other - 6), 5))
        draft.add(at, "set_advskew", node="A", vhid=draft.vhid, value=value)


def two_vhids(draft: Draft) -> None:
    """Each of two nodes is master of one vhid; perhaps one crashes."""
    second = draft.vhid % 255 + 1
    skews = [node["vhids"][0]["advskew"] for node in draft.nodes]
    for node, skew in zip(draft.nodes, reversed(skews), strict=True):
        other = dict(node["vhids"][0], vhid=second, advskew=skew)
        other["ipv4"] = [_next(address) for address in other["ipv4"]]
        other["ipv6"] = [address.replace("::", "::1:") for address in other["ipv6"]]
        if is_ucarp(node["impl"]):
            return  # one process, one vhid
        node["vhids"].append(other)
    if draft.random.random() < 0.6:
        crash(draft)


def _next(address: str) -> str:
    head, _, last = address.rpartition(".")
    return f"{head}.{(int(last) - 99) % 99 + 1}"
