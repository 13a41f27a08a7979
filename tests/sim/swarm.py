"""Worlds drawn from a seed: any nodes, any faults; first safety, then convergence.

    python -m tests.sim.swarm SEED [COUNT]

A seed draws implementations, skews, delays and a list of faults, asymmetric ones
among them. While the faults last nothing may happen that the protocol forbids. Then
everything is healed and the election has to settle within a stated time. Where it
does not, the reason must be one that real CARP has; it is printed, and a world
without such a reason is a mistake of ours.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND, Nanos
from carpscope.protocol.profile import Drive, Presence, profiles
from carpscope.sim.plan import Delay, NodePlan, Scenario, ScheduledEvent, VhidPlan
from carpscope.sim.world import Chance, World, chance
from tests.sim.invariants import explanation, patience, stuck, unsettled, violations

_FAULTS_FROM = 8 * SECOND
_FAULTS_TO = 60 * SECOND
_QUIET = 15 * SECOND
"""How long nobody may move at the end."""
_PASSPHRASE = "swarm"
_KINDS = ("crash", "link", "cut", "one_way", "loss", "demote", "carp", "family", "attack")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one seed."""

    seed: int
    nodes: tuple[str, ...]
    wrong: tuple[str, ...]
    """What the protocol forbids."""
    unsettled: tuple[str, ...]
    """What still moved, or who was MASTER too many, when it had to be over."""
    explanation: str | None

    @property
    def is_good(self) -> bool:
        """Tell whether all that went wrong is what CARP itself does wrong."""
        return not self.wrong and (not self.unsettled or self.explanation is not None)

    def text(self) -> str:
        """Return the outcome in a line, and in more where it is bad."""
        head = f"seed {self.seed}: {', '.join(self.nodes)}: "
        if self.is_good:
            return head + (f"does not settle: {self.explanation}" if self.unsettled else "settles")
        lines = [head + "WRONG", *self.wrong[:5], *self.unsettled[:5]]
        return "\n    ".join(lines)


def drawn(seed: int) -> Scenario:
    """Return the scenario of a seed; the faults are healed at `_FAULTS_TO`.

    In some dual-stack worlds a filter for IPv6 stays, as forgotten rules do.
    """
    random = chance(seed)
    nodes = _nodes(random)
    names = [node.name for node in nodes]
    slow = random.random() < 0.25
    delays = {}
    for source in names:
        for destination in names:
            if source != destination:
                least = random.randint(2, 12) * MILLISECOND if slow else random.randint(60, 400)
                least = least if slow else least * MICROSECOND
                delays[source, destination] = Delay(least, random.choice((0, 50 * MICROSECOND)))
    events: list[ScheduledEvent] = []
    for _ in range(random.randint(1, 4)):
        events += _fault(random, nodes)
    events = [event for event in events if event.at <= _FAULTS_TO]
    events += _healing(nodes, events)
    if nodes[0].vhids[0].ipv6 and random.random() < 0.2:
        source, destination = random.sample(names, 2)
        event = ScheduledEvent(
            _FAULTS_TO, "path_down", src=(source,), dst=(destination,), families=(6,)
        )
        events.append(event)
    events.sort(key=lambda event: event.at)
    return Scenario(
        name=f"swarm-{seed}",
        description="",
        seed=seed,
        duration=_FAULTS_TO,
        nodes=tuple(nodes),
        delays=delays,
        loops=(),
        events=tuple(events),
    )


def run(seed: int) -> Outcome:
    """Run the world of a seed to its end."""
    scenario = drawn(seed)
    world = World(scenario)
    wrong: list[str] = []
    at: Nanos = 0
    end = _FAULTS_TO + patience(world) + _QUIET
    while at < end:
        at = min(at + SECOND, end)
        world.advance(at)
        for node in world.nodes().values():
            if node is not None:
                wrong += stuck(node)
    wrong += violations(world)
    left = unsettled(world, end - _QUIET)
    return Outcome(
        seed=seed,
        nodes=tuple(node.impl for node in scenario.nodes),
        wrong=tuple(wrong),
        unsettled=tuple(left),
        explanation=explanation(world, end - _QUIET) if left else None,
    )


def _nodes(random: Chance) -> list[NodePlan]:
    known = profiles()
    count = random.choice((2, 2, 2, 3, 3, 4))
    impls = [random.choice(sorted(known)) for _ in range(count)]
    has_ucarp = any(known[impl].drive is Drive.POLL_LOOP for impl in impls)
    # an implementation without IPv6 would sign another set than the others
    dual = not has_ucarp and all(known[i].ipv6_adverts for i in impls) and random.random() < 0.4
    ipv4 = [b"\x0a\x00\x00" + bytes((100 + n,)) for n in range(1 if has_ucarp else 2)]
    ipv6 = [b"\x20\x01\x0d\xb8" + bytes(11) + b"\x64"] if dual else []
    preempt = random.random() < 0.5
    bases = [random.choice((1, 1, 1, 1, 1, 2))] * count
    if random.random() < 0.1:
        bases[-1] = random.choice((2, 3, 5))
    # a power cut ends for all at once, and operators copy configurations
    together = random.random() < 0.3
    alike = random.random() < 0.2
    skew = random.choice((0, 100))
    nodes = []
    for index, impl in enumerate(impls):
        hz = random.choice((100, 1000))
        mac = b"\x02\x00\x00\x00\x00" + bytes((index + 1,))
        vhid = VhidPlan(
            vhid=7,
            advbase=bases[index],
            advskew=skew if alike else random.choice((0, 0, 20, 50, 100, 100, 200, 240)),
            passphrase=_PASSPHRASE,
            ipv4=tuple(ipv4),
            ipv6=tuple(ipv6),
        )
        nodes.append(
            NodePlan(
                name=f"{chr(ord('a') + index)}",
                impl=impl,
                ip4=b"\x0a\x00\x00" + bytes((index + 1,)),
                ll6=b"\xfe\x80" + bytes(13) + bytes((index + 1,)),
                mac=mac,
                preempt=preempt,
                hz=hz,
                first_tick_ns=random.randint(0, SECOND // hz),
                clock_ppb=random.randint(-50_000, 50_000),
                slack_ppb=0,
                is_buffered=known[impl].drive is Drive.POLL_LOOP and random.random() < 0.5,
                start=SECOND // 5 if together else random.randint(0, 2 * SECOND),
                vhids=(vhid,),
            )
        )
    return nodes


def _fault(random: Chance, nodes: list[NodePlan]) -> list[ScheduledEvent]:
    start = random.randint(_FAULTS_FROM, _FAULTS_TO - 10 * SECOND)
    end = start + random.randint(SECOND // 10, 20 * SECOND)
    node = random.choice(nodes)
    others = tuple(other.name for other in nodes if other is not node)
    presence = profiles()[node.impl].presence
    kind = random.choice(_KINDS)
    name = node.name
    match kind:
        case "crash":
            return [ScheduledEvent(start, "crash", name), ScheduledEvent(end, "restart", name)]
        case "link":
            return [ScheduledEvent(start, "link_down", name), ScheduledEvent(end, "link_up", name)]
        case "cut":
            return [
                ScheduledEvent(start, "partition", src=(name,), dst=others),
                ScheduledEvent(end, "heal", src=(name,), dst=others),
            ]
        case "one_way" | "family":
            families = (4, 6) if kind == "one_way" else (random.choice((4, 6)),)
            dst = (random.choice(others),)
            return [
                ScheduledEvent(start, "path_down", src=(name,), dst=dst, families=families),
                ScheduledEvent(end, "path_up", src=(name,), dst=dst, families=families),
            ]
        case "loss":
            prob = random.choice((0.2, 0.5, 0.9))
            return [
                ScheduledEvent(start, "loss", src=(name,), dst=others, prob=prob),
                ScheduledEvent(end, "loss", src=(name,), dst=others, prob=0.0),
            ]
        case "demote":
            value = random.choice((1, 20, 128))
            return [
                ScheduledEvent(start, "demote", name, value=value),
                ScheduledEvent(end, "demote", name, value=-value),
            ]
        case "carp" if presence is Presence.INTERFACE:
            return [
                ScheduledEvent(start, "carp_down", name, 7),
                ScheduledEvent(end, "carp_up", name, 7),
            ]
        case "carp" if presence is Presence.PROCESS:
            return [ScheduledEvent(start, "sigusr2", name, 7)]
        case "attack":
            return [ScheduledEvent(start, "forge", name, 7, id=start, advbase=1, advskew=0)]
        case _:
            return [ScheduledEvent(start, "if_down", name), ScheduledEvent(end, "if_up", name)]


def _healing(nodes: list[NodePlan], events: list[ScheduledEvent]) -> list[ScheduledEvent]:
    """Undo whatever lasts beyond the end of the faults."""
    names = tuple(node.name for node in nodes)
    healing = [
        ScheduledEvent(_FAULTS_TO, "heal", src=names, dst=names),
        ScheduledEvent(_FAULTS_TO, "loss", src=names, dst=names, prob=0.0),
    ]
    for node in nodes:
        own = [event for event in events if event.node == node.name]
        for kind in ("restart", "link_up", "if_up", "carp_up"):
            down = {"restart": "crash", "carp_up": "carp_down"}.get(kind, kind[:-2] + "down")
            if any(event.type == down for event in own):
                vhid = 7 if kind == "carp_up" else None
                healing.append(ScheduledEvent(_FAULTS_TO, kind, node.name, vhid))
        # a node that restarted in between has forgotten its demotion: restart it again
        if any(event.type == "demote" for event in own):
            healing += [
                ScheduledEvent(_FAULTS_TO, "crash", node.name),
                ScheduledEvent(_FAULTS_TO, "restart", node.name),
            ]
    return healing


def main(arguments: Sequence[str]) -> int:
    """Run seeds and print what came of them; the seed is printed first."""
    first = int(arguments[0]) if arguments else 1
    count = int(arguments[1]) if len(arguments) > 1 else 20
    print(f"swarm from seed {first}, {count} worlds")
    bad = 0
    for seed in range(first, first + count):
        outcome = run(seed)
        bad += not outcome.is_good
        print(outcome.text())
    print(f"{count - bad} of {count} as they must be")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
