"""The proof of every group; groups that differ in numbers and addresses only share one."""

from collections.abc import Sequence

from carpscope.checking.scenario import scenario
from carpscope.core.units import SECOND
from carpscope.core.values import dataclass, replace
from carpscope.detect.configured import Proved
from carpscope.settings.cluster import Cluster, DeclaredGroup
from carpscope.settings.reach import cuts
from carpscope.sim.explore import Explored, as_scenario, explore
from carpscope.sim.plan import NodePlan, Scenario
from carpscope.sim.prove import SearchProof, prove


@dataclass(frozen=True, slots=True)
class GroupProof:
    """What the simulator says of one group."""

    scenario: Scenario
    proof: SearchProof
    explored: Explored
    assumed: tuple[str, ...]

    @property
    def proved(self) -> Proved:
        """Return what rules ask of it."""
        counter = self.explored.counterexample
        return Proved(
            self.proof.masters,
            self.proof.flaps,
            None if counter is None else counter.kind,
            0.0 if counter is None else counter.seconds,
        )

    @property
    def limits(self) -> str:
        """Say what was not tried; empty where everything was."""
        told = [self.explored.limit] if self.explored.limit else []
        if self.proof.orders_cut:
            told.append(f"{len(self.proof.orders)} orders of boot were tried, not all")
        return "; ".join(told)

    @property
    def counterexample(self) -> Scenario | None:
        """Return the scenario that shows what goes wrong."""
        counter = self.explored.counterexample
        if counter is not None:
            return as_scenario(self.scenario, counter, self.explored.bound)
        if len(self.proof.masters) > 1 or self.proof.flaps:
            return replace(self.scenario, duration=60 * SECOND)
        return None


def prove_all(cluster: Cluster, events: int) -> list[GroupProof | None]:
    """Prove every group, None where nobody comes up."""
    known: dict[object, tuple[SearchProof, Explored]] = {}
    found: list[GroupProof | None] = []
    for group in cluster.groups:
        if not group.up:
            found.append(None)
            continue
        found.append(_prove(group, events, known))
    return found


def _prove(
    group: DeclaredGroup, events: int, known: dict[object, tuple[SearchProof, Explored]]
) -> GroupProof:
    made, assumed = scenario(group, cuts(group))
    shape = _shape(made.nodes), tuple((e.type, e.node, e.src, e.dst, e.value) for e in made.events)
    if shape not in known:
        proof = prove(made, group.number)
        healthy = len(proof.masters) == 1 and not proof.flaps and len(made.nodes) > 1
        explored = explore(made, group.number, events) if healthy else Explored(0)
        known[shape] = proof, explored
    proof, explored = known[shape]
    counter = explored.counterexample
    if counter is not None:  # its events may name the vhid of the group it was found in
        own = tuple(
            event if event.vhid is None else replace(event, vhid=group.number)
            for event in counter.events
        )
        explored = replace(explored, counterexample=replace(counter, events=own))
    return GroupProof(made, proof, explored, tuple(assumed))


def _shape(nodes: Sequence[NodePlan]) -> tuple[object, ...]:
    """Return what of the nodes an election depends on: addresses only by being the same."""
    numbers: dict[bytes, int] = {}
    words: dict[str, int] = {}
    shape = []
    for plan in nodes:
        (item,) = plan.vhids
        addresses = [numbers.setdefault(one, len(numbers)) for one in (*item.ipv4, *item.ipv6)]
        shape.append(
            (
                plan.name,
                plan.impl,
                plan.preempt,
                # ucarp decides a tie by the addresses
                plan.ip4 if plan.impl == "ucarp" else b"",
                item.advbase,
                item.advskew,
                words.setdefault(item.passphrase, len(words)),
                tuple(addresses),
                len(item.ipv4),
            )
        )
    return tuple(shape)
