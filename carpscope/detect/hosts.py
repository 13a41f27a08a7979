"""Which nodes of different groups are one host: by its name, its card, or its address."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from carpscope.config import Config
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node


class SharedGroup(NamedTuple):
    """A group that two hosts share, with the node of each."""

    group: Group
    one: Node | None
    """None where it never advertised, and the configuration says that it is there."""
    other: Node | None

    @property
    def sides(self) -> tuple[Node | None, Node | None]:
        """Return both."""
        return self.one, self.other


def host_of(node: Node, config: Config) -> str:
    """Return what tells a node's host from others, the same in all of its groups."""
    name = config.name_of(node.addresses)
    if name is not None:
        return _named(name)
    if node.own_mac is not None:
        return f"card {node.own_mac.hex()}"
    return f"address {node.id}"


def shared_by(
    groups: Iterable[Group], config: Config, most: int
) -> dict[tuple[str, str], list[SharedGroup]]:
    """Return the groups that two hosts share, two or more of them."""
    pairs: dict[tuple[str, str], list[SharedGroup]] = defaultdict(list)
    for group in groups:
        hosts: dict[str, Node | None] = {}
        for node in group.known[:most]:
            if node.master_periods:
                hosts.setdefault(host_of(node, config), node)
        if config.names and hosts:
            hosts |= {name: None for name in _silent(group, config) if name not in hosts}
        names = sorted(hosts)[: 2 * most]
        for index, one in enumerate(names):
            for other in names[index + 1 :]:
                pairs[one, other].append(SharedGroup(group, hosts[one], hosts[other]))
    return {
        pair: shared
        for pair, shared in pairs.items()
        if len(shared) > 1 and all(any(s.sides[i] for s in shared) for i in (0, 1))
    }


def _silent(group: Group, config: Config) -> Iterable[str]:
    """Give the hosts that the configuration has in a group, by its nodes or their network."""
    expected = config.expects(group.vlan, group.vhid)
    listed = expected.nodes if expected is not None else ()
    near = {_network(address) for node in group.known[:8] for address in node.addresses}
    for address, name in config.names.items():
        if address in listed or (not listed and _network(address) in near):
            yield _named(name)


def _network(address: bytes) -> bytes:
    """Masks are not on the wire: /24 and /64."""
    return address[:3] if len(address) == 4 else address[:8]


def _named(name: str) -> str:
    return f"name {name}"
