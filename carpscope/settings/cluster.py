"""The nodes together: which interfaces are one segment, which vhids are one group.

Interfaces of different nodes are one segment if the user says so, if their own addresses
have a common subnet, or, where one side has none, if the shared addresses tell. Names of
interfaces never match anything, and two interfaces of one node are never one segment.
"""

from collections.abc import Iterable, Sequence

from carpscope.core.address import inside, ip_text, is_link_local
from carpscope.core.values import dataclass, field
from carpscope.settings.model import (
    DeclaredInterface,
    DeclaredKey,
    DeclaredNode,
    DeclaredVhid,
    SharedAddress,
    VrrpId,
)

Port = tuple[str, str]
"""A node and one of its interfaces."""
Network = tuple[bytes, int]
MAXSKEW = 240
_CLAMPS = frozenset(("freebsd13", "pfsense", "freebsd140", "freebsd14", "freebsd15"))


@dataclass(slots=True)
class Segment:
    """Interfaces of several nodes on one LAN."""

    id: str
    because: str
    ports: list[Port]


@dataclass(slots=True)
class Member:
    """One node's vhid in a group."""

    node: DeclaredNode
    vhid: DeclaredVhid

    @property
    def name(self) -> str:
        """Return the node's name."""
        return self.node.name

    @property
    def signs(self) -> frozenset[bytes]:
        """Return the addresses that it signs."""
        return frozenset(one.address for one in self.vhid.addresses)

    @property
    def advskew(self) -> int | None:
        """Return the skew that it compares with and advertises at its start."""
        skew = self.vhid.advskew
        if skew is not None and self.node.profile in _CLAMPS:
            return max(0, min(skew + self.node.demotion, MAXSKEW))
        return skew

    @property
    def preempt(self) -> bool | None:
        """Tell whether it preempts."""
        return self.node.preempt if self.vhid.preempt is None else self.vhid.preempt

    @property
    def own(self) -> list[bytes]:
        """Return the addresses of the interface itself."""
        interface = self.node.interfaces.get(self.vhid.interface)
        return [] if interface is None else [one.address for one in interface.own]

    @property
    def vlan(self) -> int | None:
        """Return the VLAN of the interface, if one is known."""
        interface = self.node.interfaces.get(self.vhid.interface)
        return None if interface is None else interface.vlan

    @property
    def is_ucarp(self) -> bool:
        """Tell a process from a kernel."""
        return self.vhid.preempt is not None


@dataclass(slots=True)
class DeclaredGroup:
    """One vhid on one segment."""

    id: str
    segment: Segment
    number: int
    members: list[Member]
    conflicts: bool = False
    """Another group that has nothing to do with it uses the number here."""

    @property
    def up(self) -> list[Member]:
        """Return the members that come up."""
        return [member for member in self.members if member.vhid.comes_up]

    def key(self, member: Member) -> DeclaredKey | None:
        """Return a member's key where it can be compared: NetBSD's cannot beside others.

        None: it is not known here.
        """
        key = member.vhid.key
        if key is None:
            return _EMPTY
        kinds = {one.node.profile for one in self.members}
        if member.node.profile == "netbsd" and len(kinds) > 1:
            return None
        return key if key.octets is not None else None


_EMPTY = DeclaredKey(b"", None)


@dataclass(slots=True)
class Cluster:
    """Everything that was declared."""

    nodes: list[DeclaredNode]
    segments: list[Segment] = field(default_factory=list)
    groups: list[DeclaredGroup] = field(default_factory=list)
    vrrp: list[tuple[DeclaredNode, VrrpId]] = field(default_factory=list)

    def segment_of(self, node: str, interface: str) -> Segment | None:
        """Return the segment of an interface."""
        port = (node, interface)
        return next((one for one in self.segments if port in one.ports), None)

    def node(self, name: str) -> DeclaredNode:
        """Return a node by its name."""
        return next(one for one in self.nodes if one.name == name)


def cluster(nodes: Sequence[DeclaredNode], told: dict[str, list[Port]] | None = None) -> Cluster:
    """Put nodes together; `told` are the segments that the user names."""
    found = Cluster(list(nodes))
    _take_vrrp(found)
    found.segments = _segments(found.nodes, found.vrrp, told or {})
    for segment in found.segments:
        found.groups += _groups(found, segment)
    found.groups.sort(key=lambda group: (group.segment.id, group.number))
    return found


def _take_vrrp(found: Cluster) -> None:
    for node in found.nodes:
        found.vrrp += [(node, one) for one in node.vrrp]
        for vhid in [one for one in node.vhids if one.is_vrrp]:
            node.vhids.remove(vhid)
            if vhid.number is not None:
                addresses = tuple(vhid.addresses)
                item = VrrpId(vhid.number, vhid.interface, vhid.at, addresses)
                found.vrrp.append((node, item))


# ---- segments


def network_text(network: Network) -> str:
    """Give a network as `192.0.2.0/24`."""
    address, length = network
    return f"{ip_text(address)}/{length}"


def network_of(address: bytes, length: int) -> Network:
    """Return the network of an address."""
    bits = 8 * len(address)
    value = int.from_bytes(address, "big") >> bits - length << bits - length
    return value.to_bytes(len(address), "big"), length


def own_networks(interface: DeclaredInterface) -> list[Network]:
    """Return the networks of an interface's own addresses, IPv4 first."""
    found = [
        network_of(one.address, one.length)
        for one in interface.own
        if one.length is not None and one.length < 8 * len(one.address)
        if not is_link_local(one.address)
    ]
    return sorted(dict.fromkeys(found), key=lambda network: len(network[0]))


def _shared_networks(shared: Iterable[SharedAddress]) -> list[Network]:
    found = [
        network_of(one.address, 8 * len(one.address) if one.length is None else one.length)
        for one in shared
        if not is_link_local(one.address)
    ]
    return sorted(dict.fromkeys(found), key=lambda network: len(network[0]))


class _Ports:
    """Interfaces that are put together, never two of one node."""

    def __init__(
        self, nodes: Sequence[DeclaredNode], vrrp: Sequence[tuple[DeclaredNode, VrrpId]]
    ) -> None:
        self.own: dict[Port, list[Network]] = {}
        self.addresses: dict[Port, list[bytes]] = {}
        self.shared: dict[Port, list[Network]] = {}
        self.parent: dict[Port, Port] = {}
        self.members: dict[Port, list[Port]] = {}
        self.because: dict[Port, str] = {}
        for node in nodes:
            for vhid in node.vhids:
                node.interface(vhid.interface)
            for other, one in vrrp:
                if other is node:
                    node.interface(one.interface)
            for name, interface in node.interfaces.items():
                port = (node.name, name)
                self.own[port] = own_networks(interface)
                self.addresses[port] = [one.address for one in interface.own]
                mine = [vhid for vhid in node.vhids if vhid.interface == name]
                ids = [one for other, one in vrrp if other is node and one.interface == name]
                self.shared[port] = _shared_networks(
                    one
                    for some in (
                        *((*vhid.addresses, *vhid.dropped) for vhid in mine),
                        *(one.addresses for one in ids),
                    )
                    for one in some
                )
                self.parent[port] = port
                self.members[port] = [port]

    def root(self, port: Port) -> Port:
        while self.parent[port] != port:
            self.parent[port] = self.parent[self.parent[port]]
            port = self.parent[port]
        return port

    def join(self, one: Port, two: Port, because: str, *, freely: bool = False) -> None:
        one, two = self.root(one), self.root(two)
        if one == two:
            return
        nodes = {node for node, _ in self.members[one]}
        if not freely and any(node in nodes for node, _ in self.members[two]):
            return
        self.parent[two] = one
        self.members[one] += self.members.pop(two)
        self.because.setdefault(one, because)


def _segments(
    nodes: Sequence[DeclaredNode],
    vrrp: Sequence[tuple[DeclaredNode, VrrpId]],
    told: dict[str, list[Port]],
) -> list[Segment]:
    ports = _Ports(nodes, vrrp)
    named: dict[Port, str] = {}
    for name, given in told.items():
        for port in given:
            ports.join(given[0], port, f"--segment {name}", freely=True)
        named[ports.root(given[0])] = name
    fixed = {port for given in told.values() for port in given}
    every = list(ports.own)
    _join_by_own(ports, every, fixed)
    _join_by_shared(ports, every, fixed)
    found = []
    for root, members in ports.members.items():
        networks = [network for port in members for network in ports.own[port]]
        shared = [network for port in members for network in ports.shared[port]]
        name = next((named[port] for port in members if port in named), "")
        text = ""
        for network in (*networks, *shared):
            text = network_text(network)
            break
        identity = text or name or f"{root[0]}:{root[1]}"
        because = ports.because.get(root, "one interface")
        found.append(Segment(identity, because, sorted(members)))
    return sorted(found, key=lambda segment: (segment.id, segment.ports))


def _join_by_own(ports: _Ports, every: list[Port], fixed: set[Port]) -> None:
    """Own addresses with a common subnet, IPv4 before IPv6; by buckets, so it stays linear."""
    for size in (4, 16):
        buckets: dict[Network, Port] = {}
        for port in every:
            for network in ports.own[port]:
                if len(network[0]) != size or port in fixed:
                    continue
                first = buckets.setdefault(network, port)
                ports.join(first, port, "common subnet")
    # a wrong length on one side: each network holds the other's address
    plain = [port for port in every if len(ports.members.get(port, ())) == 1 and ports.own[port]]
    for index, one in enumerate(plain[:_PAIRS_MAX]):
        for two in plain[index + 1 : _PAIRS_MAX]:
            if one not in fixed and two not in fixed and _each_holds(ports, one, two):
                ports.join(one, two, "common subnet")


_PAIRS_MAX = 200


def _each_holds(ports: _Ports, one: Port, two: Port) -> bool:
    def holds(a: Port, b: Port) -> bool:
        return any(
            inside(network[0], network[1], address)
            for network in ports.own[a]
            for address in ports.addresses[b]
        )

    return holds(one, two) and holds(two, one)


def _join_by_shared(ports: _Ports, every: list[Port], fixed: set[Port]) -> None:
    """Where a side has no network of its own, the shared addresses tell."""
    same: dict[Network, list[Port]] = {}
    for port in every:
        for network in ports.shared[port]:
            same.setdefault(network, []).append(port)
    without = [port for port in every if not ports.own[port] and ports.shared[port]]
    for port in without:
        if port in fixed:
            continue
        for network in ports.shared[port]:
            for other in every:
                if other[0] == port[0] or other in fixed:
                    continue
                if any(inside(network[0], network[1], a) for a in ports.addresses[other]):
                    ports.join(other, port, "the shared address's subnet")
            for other in same[network]:
                if other[0] != port[0] and other not in fixed:
                    ports.join(other, port, "the same shared subnet")


# ---- groups


def _groups(found: Cluster, segment: Segment) -> list[DeclaredGroup]:
    by_number: dict[int, list[Member]] = {}
    ports = set(segment.ports)
    for node in found.nodes:
        doubles = {at for _, at in node.doubles}
        for vhid in node.vhids:
            if (node.name, vhid.interface) not in ports or vhid.number is None:
                continue
            if vhid.at in doubles and not vhid.runs:
                continue
            by_number.setdefault(vhid.number, []).append(Member(node, vhid))
    groups = []
    for number, members in by_number.items():
        parts = _unrelated(members)
        for part in parts:
            identity = f"vhid {number} on {segment.id}"
            groups.append(DeclaredGroup(identity, segment, number, part, len(parts) > 1))
    return groups


def _unrelated(members: list[Member]) -> list[list[Member]]:
    """Cut members into sets that share neither a node nor an address.

    A single node with the others' key is theirs, with a slip in its address.
    """
    parts: list[list[Member]] = []
    for member in members:
        near = [part for part in parts if any(_related(member, other) for other in part)]
        joined = [other for part in near for other in part]
        parts = [part for part in parts if part not in near]
        parts.append([*joined, member])
    if len(parts) < 2:
        return parts
    parts.sort(key=len, reverse=True)
    kept = [parts[0]]
    for part in parts[1:]:
        home = None
        if len(part) == 1:
            home = next((one for one in kept if _may_be_one_key(part[0], one)), None)
        if home is not None:
            home += part
        else:
            kept.append(part)
    for part in kept:
        part.sort(key=members.index)
    return kept


def _related(one: Member, two: Member) -> bool:
    def all_of(member: Member) -> set[bytes]:
        return {a.address for a in (*member.vhid.addresses, *member.vhid.dropped)}

    shared = all_of(one) & all_of(two)
    return one.name == two.name or bool(shared) or one.vhid.unsure or two.vhid.unsure


def _may_be_one_key(member: Member, part: list[Member]) -> bool:
    def value(one: Member) -> bytes | None:
        return b"" if one.vhid.key is None else one.vhid.key.octets

    if not member.vhid.comes_up:
        return True
    mine = value(member)
    return any(
        mine is None or not other.vhid.comes_up or value(other) in (None, mine) for other in part
    )
