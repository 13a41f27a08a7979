"""Reading the `[[events]]` of a scenario: what happens when, and to whom.

A mistake is a CarpscopeError that names file, line and key.
"""

from carpscope.protocol.profile import Presence, profiles
from carpscope.sim.fields import Table
from carpscope.sim.plan import (
    ATTACKS,
    EVENT_TYPES,
    NODE_EVENTS,
    PARTITION_EVENTS,
    PATH_EVENTS,
    VALUE_EVENTS,
    VHID_EVENTS,
    VHID_VALUE_EVENTS,
    NodePlan,
    ScheduledEvent,
)


def read_event(table: Table, nodes: dict[str, NodePlan]) -> ScheduledEvent:
    """Read one event; `nodes` are the scenario's, by name."""
    kind = table.text("type")
    if kind not in EVENT_TYPES:
        table.wrong("type", f"{kind!r} is not one of {', '.join(sorted(EVENT_TYPES))}")
    event = ScheduledEvent(at=table.nanos("t"), type=kind)
    if kind in PARTITION_EVENTS | PATH_EVENTS:
        keys = ("a", "b") if kind in PARTITION_EVENTS else ("src", "dst")
        sides = [table.names(key) for key in keys]
        for key, side in zip(keys, sides, strict=True):
            for name in side:
                if name not in nodes:
                    table.wrong(key, f"there is no node {name!r}")
        prob = table.number("prob") if kind == "loss" else 0.0
        if not 0 <= prob <= 1:
            table.wrong("prob", f"{prob} is not 0 to 1")
        family = table.whole("af", 4, 6, 0)
        families = (4, 6) if family == 0 else (family,)
        event = ScheduledEvent(
            event.at, kind, src=sides[0], dst=sides[1], prob=prob, families=families
        )
    else:
        name = table.text("node")
        if name not in nodes:
            table.wrong("node", f"there is no node {name!r}")
        event = _node_event(table, event, nodes[name])
    table.refuse_unknown(f" of {kind!r}")
    return event


def _node_event(table: Table, event: ScheduledEvent, node: NodePlan) -> ScheduledEvent:
    kind, vhid = event.type, None
    if kind in VHID_EVENTS | VHID_VALUE_EVENTS | ATTACKS or table.has("vhid"):
        numbers = [item.vhid for item in node.vhids]
        vhid = table.whole("vhid", 1, 255, numbers[0] if len(numbers) == 1 else None)
        if vhid not in numbers:
            table.wrong("vhid", f"{node.name} has no vhid {vhid}")
    _refuse_impossible(table, kind, node)
    value: int | str | None = None
    address = b""
    match kind:
        case "demote":
            value = table.whole("value", -100_000, 100_000)
        case "allow":
            value = table.whole("value", 0, 1)
        case "set_pass":
            value = table.text("value")
        case "set_advskew":
            value = table.whole("value", 0, 254)
        case "set_advbase":
            value = table.whole("value", 0, 255)
        case "add_addr" | "del_addr":
            (address,) = table.addresses("value", (4, 16)) or (b"",)
        case _:
            assert kind in NODE_EVENTS | VALUE_EVENTS | VHID_EVENTS | ATTACKS
    if kind not in ATTACKS:
        return ScheduledEvent(event.at, kind, node.name, vhid, value, address)
    return ScheduledEvent(
        event.at,
        kind,
        node.name,
        vhid,
        id=table.whole("id", 0, 1 << 31, 0),
        advbase=table.maybe_whole("advbase", 0, 255),
        advskew=table.maybe_whole("advskew", 0, 255),
        demote=table.maybe_whole("demote", 0, 255),
    )


def _refuse_impossible(table: Table, kind: str, node: NodePlan) -> None:
    profile = profiles()[node.impl]
    if kind in ("carp_down", "carp_up") and profile.presence is not Presence.INTERFACE:
        table.wrong("type", f"{profile.title} has no carp interface to set up or down")
    if kind == "sigusr2" and profile.presence is not Presence.PROCESS:
        table.wrong("type", f"{profile.title} is a kernel and takes no signals")
    if kind in VHID_VALUE_EVENTS and profile.presence is Presence.PROCESS:
        table.wrong("type", "ucarp must be restarted with another command line for that")
