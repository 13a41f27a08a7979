"""The simulation document: the form of the traces, schema carpscope.simulation/1.

Seconds in it are floats for people and other programs; inside, time is integer.
"""

from typing import TypeAlias

from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import SECOND, Nanos
from carpscope.sim.plan import NodePlan, Scenario, ScheduledEvent, VantagePlan, VhidPlan
from carpscope.sim.world import ATTACKER, World

SCHEMA = "carpscope.simulation/1"

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def document(world: World) -> dict[str, Json]:
    """Return everything that happened, in order of time."""
    return {
        "schema": SCHEMA,
        "name": world.scenario.name,
        "description": world.scenario.description,
        "duration": _seconds(world.scenario.duration),
        "scenario": scenario_json(world.scenario, world.seed),
        "transitions": _transitions(world),
        "advertisements": _advertisements(world),
        "rejections": _rejections(world),
        "announcements": _announcements(world),
        "lost": _lost(world),
        "final_state": final_state(world),
    }


def final_state(world: World) -> dict[str, Json]:
    """Return {node: {vhid: state}} as it is now."""
    answer: dict[str, Json] = {}
    nodes = world.nodes()
    for plan in world.scenario.nodes:
        node = nodes[plan.name]
        answer[plan.name] = {
            str(item.vhid): "DOWN" if node is None else node.state(item.vhid).value
            for item in plan.vhids
        }
    return answer


def scenario_json(scenario: Scenario, seed: int) -> dict[str, Json]:
    """Return a scenario in the traces' form; reading it back gives the same one."""
    delays: list[Json] = [
        {
            "src": a,
            "dst": b,
            "delay_us": _us(delay.least),
            "jitter_us": _us(delay.jitter),
            **({"duplicate": delay.duplicate} if delay.duplicate else {}),
            **({"reorder": True} if delay.reorders else {}),
        }
        for (a, b), delay in sorted(scenario.delays.items())
    ]
    return {
        "seed": seed,
        "duration": _seconds(scenario.duration),
        "nodes": [_node_json(plan) for plan in scenario.nodes],
        "lan": {"delays": delays, **({"loops": list(scenario.loops)} if scenario.loops else {})},
        "events": [_event_json(event) for event in scenario.events],
        **({"talk": _seconds(scenario.talk)} if scenario.talk else {}),
        **(
            {"vantages": [_vantage_json(plan) for plan in scenario.vantages]}
            if scenario.vantages
            else {}
        ),
    }


def _vantage_json(plan: VantagePlan) -> dict[str, Json]:
    return {
        "name": plan.name,
        "node": plan.node,
        "clock_s": _seconds(plan.offset),
        "clock_ppm": plan.drift_ppb / 1000,
        "steps": [{"t": _seconds(at), "by": _seconds(by)} for at, by in plan.steps],
        "drops": plan.drops,
        "start": _seconds(plan.start),
        "end": _seconds(plan.end),
    }


def _node_json(plan: NodePlan) -> dict[str, Json]:
    return {
        "name": plan.name,
        "impl": plan.impl,
        "ip4": ip_text(plan.ip4),
        "ll6": ip_text(plan.ll6),
        "mac": mac_text(plan.mac),
        "preempt": plan.preempt,
        "hz": plan.hz,
        "first_tick_us": _us(plan.first_tick_ns),
        "clock_ppm": plan.clock_ppb / 1000,
        "callout_slack": plan.slack_ppb / 1_000_000_000,
        "capture_delivery": "block_1s" if plan.is_buffered else "immediate",
        "start": _seconds(plan.start),
        "vhids": [_vhid_json(item) for item in plan.vhids],
    }


def _vhid_json(plan: VhidPlan) -> dict[str, Json]:
    peers = {"peer": plan.peer, "peer6": plan.peer6}
    return {
        "vhid": plan.vhid,
        "advbase": plan.advbase,
        "advskew": plan.advskew,
        "passphrase": plan.passphrase,
        "ipv4": [ip_text(address) for address in plan.ipv4],
        "ipv6": [ip_text(address) for address in plan.ipv6],
        **{key: ip_text(address) for key, address in peers.items() if address},
    }


def _event_json(event: ScheduledEvent) -> dict[str, Json]:
    answer: dict[str, Json] = {"t": _seconds(event.at), "type": event.type}
    optional: dict[str, Json] = {
        "node": event.node,
        "vhid": event.vhid,
        "value": ip_text(event.address) if event.address else event.value,
        "advbase": event.advbase,
        "advskew": event.advskew,
        "demote": event.demote,
    }
    answer.update({key: value for key, value in optional.items() if value is not None})
    if event.src:
        names = ("a", "b") if event.type in ("partition", "heal") else ("src", "dst")
        answer[names[0]] = list(event.src)
        answer[names[1]] = list(event.dst)
    if len(event.families) == 1:
        answer["af"] = event.families[0]
    if event.type == "loss":
        answer["prob"] = event.prob
    if event.type in ("replay", "forge"):
        answer["id"] = event.id
    return answer


def _transitions(world: World) -> list[Json]:
    return [
        {
            "t": _seconds(item.at),
            "node": item.node,
            "vhid": item.vhid,
            "from": item.old.value,
            "to": item.new.value,
            "reason": item.reason,
        }
        for item in sorted(world.record.changed, key=lambda item: item.at)
    ]


def _advertisements(world: World) -> list[Json]:
    answer: list[Json] = []
    for item in sorted(world.record.sent, key=lambda item: item.at):
        packet = item.packet
        entry: dict[str, Json] = {
            "t": _seconds(item.at),
            "node": item.node if item.attacker is None else ATTACKER,
            "vhid": packet.vhid,
            "af": packet.family,
            "src": ip_text(packet.source),
            "counter": packet.counter.hex(),
            "advbase": packet.advbase,
            "advskew": packet.advskew,
            "demote": packet.demote,
        }
        answer.append(entry)
    return answer


def _rejections(world: World) -> list[Json]:
    return [
        {
            "t": _seconds(item.at),
            "node": item.node,
            "vhid": item.vhid,
            "reason": item.reason,
            "src": item.source,
        }
        for item in sorted(world.record.refused, key=lambda item: item.at)
    ]


def _announcements(world: World) -> list[Json]:
    return [
        {
            "t": _seconds(item.announce.at),
            "node": item.node,
            "kind": "arp" if len(item.announce.address) == 4 else "na",
            "address": ip_text(item.announce.address),
            "mac": mac_text(item.announce.mac),
            "ether_src": mac_text(item.announce.ethernet_source),
            "vhid": None if item.announce.is_own else item.announce.vhid,
        }
        for item in sorted(world.record.announced, key=lambda item: item.announce.at)
    ]


def _lost(world: World) -> list[Json]:
    return [
        {"t": _seconds(item.at), "from": item.source, "to": item.destination, "vhid": item.vhid}
        for item in world.record.lost
    ]


def _seconds(at: Nanos) -> float:
    return at / SECOND


def _us(span: Nanos) -> int | float:
    return span // 1000 if span % 1000 == 0 else span / 1000
