"""What holds of an observer after every frame, however the frames came.

One function that knows the insides, so that nothing else has to. It says what is wrong in
words; a redesign of the observer keeps it and changes how it is read.
"""

from collections import Counter
from collections.abc import Iterator

from carpscope.timeline.contest import NODES_KEPT
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.observe import Observer


def invariants(observer: Observer) -> list[str]:
    """Return what does not hold; nothing where all does."""
    found = [f"{group.id}: {told}" for group in observer.groups.values() for told in _of(group)]
    return [*found, *_over_all(observer), *_deadlines(observer)]


def _of(group: Group) -> Iterator[str]:
    members = group.members
    living = {node.id: node for node in members}
    yield from _nodes(group, members)
    masters = [node.id for node in group.masters]
    master_perioding = [node.id for node in members if node.master_period is not None]
    if sorted(masters) != sorted(master_perioding):
        yield f"masters are {masters}, those whose time as MASTER lasts {master_perioding}"
    if any(living.get(node.id) is not node for node in group.masters):
        yield f"a master of {masters} is none of its nodes"
    yield from _contests(group, living)
    for last in (group.last, *group.ipv4):
        if last is not None and living.get(last.node.id) is not last.node:
            yield f"the last advertisement is of {last.node.id}, which is none of its nodes"
    for pair in group.hearing.pairs:
        if not living.keys() >= set(pair):
            yield f"who hears whom names {pair}, of which one is none of its nodes"


def _nodes(group: Group, members: list[Node]) -> Iterator[str]:
    if not members:
        yield "it has no nodes"
    for name, count in Counter(node.id for node in members).items():
        if count > 1:
            yield f"{count} nodes are called {name}"
    for node in members:
        named = {source for source, one in group.nodes.items() if one is node}
        if named != set(node.addresses) or len(node.addresses) != len(named):
            yield f"{node.id} has the addresses {node.addresses}, the group knows {named}"
        if node.adverts < 1:
            yield f"{node.id} never advertised"
        yield from _master_periods(node)


def _master_periods(node: Node) -> Iterator[str]:
    for period in node.master_periods[:-1]:
        if period.end is None:
            yield f"{node.id} is MASTER twice at once"
    for period in node.master_periods:
        if (period.end is None) != (period.ended_by == ""):
            yield f"{node.id}: a time as MASTER ended {period.end} by {period.ended_by!r}"
        if period.seen < period.start or (period.end is not None and period.end < period.start):
            yield f"{node.id} was MASTER from {period.start} to {period.seen} or {period.end}"
        if period.adverts < 1:
            yield f"{node.id} was MASTER without an advertisement"


def _contests(group: Group, living: dict[str, Node]) -> Iterator[str]:
    current = group.contest
    if any(contest.open for contest in group.contests[:-1]):
        yield "an overlap before the last goes on"
    if (current is not None) != (len(group.masters) > 1):
        yield f"{len(group.masters)} masters, an overlap goes on: {current is not None}"
    for contest in group.contests:
        names = list(contest.nodes)
        if len(names) < 2:
            yield f"an overlap of {names}"
        if contest.end < contest.start:
            yield f"an overlap of {names} from {contest.start} to {contest.end}"
        if any(living.get(name) is not node for name, node in contest.nodes.items()):
            yield f"an overlap of {names}, the nodes are {list(living)}"
        if contest.ignored.keys() != contest.ignored_count.keys():
            yield "who ignored whom is counted otherwise than listed"
        if len(names) < NODES_KEPT and not {n for pair in contest.ignored for n in pair} <= set(
            names
        ):
            yield f"an overlap of {names} in which {list(contest.ignored)} ignored each other"
    if current is not None and len(current.nodes) < NODES_KEPT:
        missing = [node.id for node in group.masters if node.id not in current.nodes]
        if missing:
            yield f"the overlap that goes on lacks {missing}"


def _deadlines(observer: Observer) -> Iterator[str]:
    waiting = Counter(id(node) for _, _, _, node in observer._due)
    for group in observer.groups.values():
        for node in group.members:
            if waiting[id(node)] > 1:
                yield f"{group.id}: {node.id} has {waiting[id(node)]} deadlines"
            if node.watched != (waiting[id(node)] == 1):
                yield f"{group.id}: {node.id} has a deadline: {node.watched}"
            late = node.due <= observer.now
            if node.is_master and not (node.watched or late):
                yield f"{group.id}: {node.id} is MASTER and nobody would notice its silence"
    alive = {id(node) for group in observer.groups.values() for node in group.members}
    for _, _, group, node in observer._due:
        if id(node) not in alive and node.is_master:
            yield f"{group.id}: {node.id} has a deadline and is no node any more"


def _over_all(observer: Observer) -> Iterator[str]:
    for key, group in observer.groups.items():
        if key != group.key:
            yield f"{group.id} is kept as {key}"
    count = sum(len(group.members) for group in observer.groups.values())
    if observer.strangers.followed != count:
        yield f"{observer.strangers.followed} nodes are counted, {count} are followed"
    limits = observer.limits
    if count > limits.nodes:
        yield f"{count} nodes are followed, {limits.nodes} may be"
    for group in observer.groups.values():
        if len(group.members) > limits.group_nodes or len(group.nodes) > 2 * limits.group_nodes:
            yield f"{group.id} has {len(group.nodes)} addresses, {limits.group_nodes} nodes may be"
    known = {group.key: group for group in observer.groups.values()}
    beside = {
        (vlan, vhid): group
        for vlan, groups in observer._beside._groups.items()
        for vhid, group in groups.items()
    }
    if beside != known:
        yield f"groups are {list(known)}, announcements are looked for in {list(beside)}"
