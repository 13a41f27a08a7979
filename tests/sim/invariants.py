"""What must hold in every world, however bad its network, and what must come true after.

Safety is checked on the record and on the nodes while faults last. Convergence is
checked when all is healed: one MASTER for each vhid, the others BACKUP, nobody moves.
Real CARP does not always converge; `explanation` says why where it can see why, from
what the nodes do and not from how the scenario was drawn.
"""

from carpscope.core.units import SECOND, Nanos, span_text
from carpscope.protocol.events import State
from carpscope.protocol.node import NEVER, Node
from carpscope.protocol.profile import Drive, profiles
from carpscope.protocol.rules import microseconds
from carpscope.sim.record import StateChanged
from carpscope.sim.story import net_changes
from carpscope.sim.world import World
from carpscope.wire.carp import BOW_OUT

_ARROWS = frozenset(
    (
        (State.INIT, State.BACKUP),
        (State.BACKUP, State.MASTER),
        (State.MASTER, State.BACKUP),
        (State.BACKUP, State.INIT),
        (State.MASTER, State.INIT),
        (State.INIT, State.DOWN),
        (State.BACKUP, State.DOWN),
        (State.MASTER, State.DOWN),
    )
)


def violations(world: World) -> list[str]:
    """Return everything in a run's record that the protocol forbids."""
    return [*_bad_arrows(world), *_adverts_of_others(world), *_bad_counters(world)]


def stuck(node: Node) -> list[str]:
    """Return what is wrong with a node between two events: a state without its timer."""
    wrong: list[str] = []
    for item in node.vhids:
        loops = node.setup.profile.drive is Drive.POLL_LOOP
        if loops and item.poll == NEVER:
            wrong.append(f"{node.name} will never wake")
        if loops or item.state is State.INIT:
            continue
        if item.state is State.MASTER and item.ad == NEVER:
            wrong.append(f"{node.name} is MASTER and will never advertise")
        if item.state is State.BACKUP and item.md == NEVER and item.md6 == NEVER:
            wrong.append(f"{node.name} is BACKUP and waits for nothing")
    return wrong


def _bad_arrows(world: World) -> list[str]:
    wrong: list[str] = []
    states: dict[tuple[str, int], State] = {}
    known = profiles()
    for item in sorted(world.record.changed, key=lambda item: item.at):
        before = states.get((item.node, item.vhid), State.INIT)
        if before is State.DOWN:
            before = State.INIT
        direct = known[world.scenario.node(item.node).impl].direct_master
        allowed = (item.old, item.new) in _ARROWS or (
            direct and (item.old, item.new) == (State.INIT, State.MASTER)
        )
        if item.old is not before or not allowed:
            wrong.append(f"{item.node}: {item.old.value} → {item.new.value} at {_at(item.at)}")
        states[item.node, item.vhid] = item.new
    return wrong


def _adverts_of_others(world: World) -> list[str]:
    """Only a MASTER advertises; a bow-out is the last thing it says as one."""
    wrong: list[str] = []
    changes = sorted(world.record.changed, key=lambda item: item.at)
    by_vhid: dict[tuple[str, int], list[StateChanged]] = {}
    for change in changes:
        by_vhid.setdefault((change.node, change.vhid), []).append(change)
    for sent in world.record.sent:
        if sent.attacker is not None:
            continue
        own = by_vhid.get((sent.node, sent.packet.vhid), [])
        was = [c for c in own if c.at <= sent.at and c.new is State.MASTER]
        left = [c for c in own if was and was[-1].at < c.at < sent.at]
        leaving = sent.packet.advbase == sent.packet.advskew == BOW_OUT
        if not was or (left and not leaving):
            wrong.append(f"{sent.node} advertised at {_at(sent.at)} without being MASTER")
    return wrong


def _bad_counters(world: World) -> list[str]:
    """No two nodes make the same digest from different keys, and none signs nothing."""
    return [
        f"{sent.node} sent an empty digest at {_at(sent.at)}"
        for sent in world.record.sent
        if not any(sent.packet.digest)
    ]


def unsettled(world: World, since: Nanos) -> list[str]:
    """Return why the election is not over: who moved since an instant, who is MASTER now."""
    wrong = [
        f"{item.node} vhid {item.vhid}: {item.old.value} → {item.new.value} at {_at(item.at)}"
        for item in net_changes(world.record)
        if item.at >= since
    ]
    nodes = [node for node in world.nodes().values() if node is not None]
    for vhid in sorted({item.setup.vhid for node in nodes for item in node.vhids}):
        states = {node.name: node.state(vhid) for node in nodes if node.vhid(vhid) is not None}
        masters = [name for name, state in states.items() if state is State.MASTER]
        if len(masters) != 1:
            wrong.append(f"vhid {vhid}: MASTER is {' and '.join(masters) or 'nobody'}")
    return wrong


def explanation(world: World, since: Nanos) -> str | None:
    """Return why real CARP does not settle here, or None if nothing known explains it."""
    nodes = [node for node in world.nodes().values() if node is not None]
    moving = {item.node for item in net_changes(world.record) if item.at >= since}
    for vhid in sorted({item.setup.vhid for node in nodes for item in node.vhids}):
        rates: dict[tuple[int, int], list[Node]] = {}
        masters = [node.name for node in nodes if node.state(vhid) is State.MASTER]
        for node in nodes:
            found = node.vhid(vhid)
            if found is None or (node.name not in moving and node.name not in masters):
                continue
            skew = node.setup.profile.sent_skew(found.setup.advskew, node.demotion)
            rates.setdefault((found.setup.advbase, microseconds(skew)), []).append(node)
        for same in rates.values():
            if len(same) > 1:
                names = " and ".join(node.name for node in same)
                rules = {node.setup.profile.yields.__name__ for node in same}
                kind = "both yield to an equal" if len(rules) == 1 else "their tie rules differ"
                return f"vhid {vhid}: {names} advertise alike and {kind}"
        bases = sorted(base for base, _ in rates)
        if bases and bases[-1] >= 3 * bases[0] and bases[-1] > bases[0]:
            return f"vhid {vhid}: advbase {bases[0]} and {bases[-1]}: the slower one times out"
    if world.network.is_cut:
        return "some advertisements never arrive"
    return None


def patience(world: World) -> Nanos:
    """Return how long settling may take: every timer three times, and a look of ucarp's."""
    longest = max(
        profiles()[plan.impl].master_down(item.advbase, item.advskew)
        for plan in world.scenario.nodes
        for item in plan.vhids
    )
    return 3 * longest * 1000 + 15 * SECOND


def _at(at: Nanos) -> str:
    return span_text(at) if at < SECOND else f"{at / SECOND:.6f} s"
