"""What hooks and people are told of states: who is MASTER, and whether a group has one.

A node fell silent when no backup of it would wait any longer: that is told then, whoever follows.
A group is MASTER while somebody is, BACKUP after the last one stepped down and until a backup
would have claimed, and INIT when nobody is heard any more. Each is told once, when it becomes
true; across a time in which nothing could be seen nothing is.
"""

from collections.abc import Iterable

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.timeline import mastership, traits
from carpscope.timeline.group import Group, GroupKey
from carpscope.timeline.node import Node

MASTER, BACKUP, INIT = "MASTER", "BACKUP", "INIT"


@dataclass(frozen=True, slots=True)
class StateChange:
    """A node became MASTER or stopped being it."""

    at: Nanos
    group: Group
    node: Node
    is_master: bool
    why: str


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A group has a MASTER, has none for now, or is heard no more."""

    at: Nanos
    group: Group
    state: str
    nodes: tuple[str, ...]
    """Who is MASTER, or was last."""


@dataclass(slots=True)
class States:
    """What was told of the states of one segment."""

    groups: dict[GroupKey, str] = field(default_factory=dict)
    silent: dict[tuple[GroupKey, str], Nanos] = field(default_factory=dict)
    """Who fell silent and is not followed, and when it had become MASTER."""

    def was_told(self, group: Group, node: Node, start: Nanos) -> bool:
        """Tell whether it was told that a node fell silent, and forget it."""
        return self.silent.pop((group.key, node.id), None) == start

    def look(
        self, groups: Iterable[Group], at: Nanos, resumed: Nanos
    ) -> list[StateChange | GroupChange]:
        """Return what became true."""
        found: list[StateChange | GroupChange] = []
        known: dict[GroupKey, str] = {}
        for group in groups:
            found += self._nodes(group, at, resumed)
            state, since, nodes = _state(group, at, resumed)
            before = self.groups.get(group.key)
            if not state:  # unknown since something could be seen again
                known[group.key] = before or ""
            elif state != before and (before or state == MASTER):
                found.append(GroupChange(since, group, state, nodes))
                known[group.key] = state
            elif before is not None:
                known[group.key] = before
        self.groups = known
        if len(self.silent) > len(known):
            self.silent = {key: start for key, start in self.silent.items() if key[0] in known}
        return found

    def _nodes(self, group: Group, at: Nanos, resumed: Nanos) -> Iterable[StateChange]:
        for node in group.masters:
            key = group.key, node.id
            if _fell_silent(node, at, resumed):
                if key not in self.silent and node.master_period is not None:
                    self.silent[key] = node.master_period.start
                    yield StateChange(at, group, node, False, "silent")
            elif key in self.silent and node.last >= resumed:
                del self.silent[key]
                yield StateChange(node.last, group, node, True, "claimed")


def _fell_silent(node: Node, at: Nanos, resumed: Nanos) -> bool:
    return mastership.is_silent(node, at, resumed)


def _state(group: Group, at: Nanos, resumed: Nanos) -> tuple[str, Nanos, tuple[str, ...]]:
    """Return how a group stands, since when, and who is or was MASTER; no state is unknown."""
    masters = [node for node in group.masters if not _fell_silent(node, at, resumed)]
    if masters:
        since = min(node.master_period.start for node in masters if node.master_period is not None)
        return MASTER, since, tuple(node.id for node in masters)
    if group.masters:
        return INIT, at, tuple(node.id for node in group.masters)
    left = [(node.master_periods[-1], node) for node in group.members if node.master_periods]
    if not left:
        return "", at, ()
    master_period, node = max(left, key=lambda one: one[0].until)
    if master_period.ended_by in ("unseen", "capture"):
        return "", at, ()
    if master_period.ended_by != "silent":
        wait = max(traits.takeover(member).latest for member in group.members)
        if at - max(master_period.until, resumed) <= wait:
            return BACKUP, master_period.until, (node.id,)
    return INIT, at, (node.id,)
