"""A shared address does not fit the network of its interface or its own prefix.

What it means
    It is the address of the network itself or its broadcast address, which no host can use;
    or it lies outside every network of its interface, while the other node has one inside at
    its place: a typo.

How it is seen
    By the prefix of the shared address and the networks of the interface. An address outside
    on which all nodes agree is legal and not told.

False alarms
    A network of the interface that is not in the files.

What to do
    Write the address that the other nodes have.

Sources
    RFC 919, RFC 3021 (a /31 has neither), ifconfig(8).
"""

from collections.abc import Iterator

from carpscope.core.address import inside, ip_text
from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import listed
from carpscope.settings.cluster import (
    DeclaredGroup,
    Member,
    Network,
    network_of,
    network_text,
    own_networks,
)
from carpscope.settings.model import SharedAddress


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Look at each IPv4 address of each group."""
    for group in settings.cluster.groups:
        told: dict[str, list[tuple[Member, SharedAddress]]] = {}
        for member in group.up:
            for shared in member.vhid.addresses:
                text = _edge(member, shared) or _outside(group, member, shared)
                if text:
                    told.setdefault(text, []).append((member, shared))
        if not told:
            continue
        items = [one for some in told.values() for one in some]
        where = [shared.where for _, shared in items]
        yield settled(
            RULE.code,
            RULE.label,
            RULE.severity,
            group.id,
            [member.name for member, _ in items],
            where,
            f"{group.id}: {next(iter(told))}",
            f"{'; '.join(told)}.",
            f"Write the address that belongs there: {listed(dict.fromkeys(map(str, where)))}.",
        )


def _networks(member: Member) -> list[Network]:
    interface = member.node.interfaces.get(member.vhid.interface)
    networks = [] if interface is None else own_networks(interface)
    return [network for network in networks if len(network[0]) == 4]


def _edge(member: Member, shared: SharedAddress) -> str:
    if len(shared.address) != 4:
        return ""
    networks = _networks(member)
    if shared.length is not None:
        networks = [network_of(shared.address, shared.length), *networks]
    for network in networks:
        address, length = network
        if length > 30 or not inside(address, length, shared.address):
            continue
        host = int.from_bytes(shared.address, "big") & ((1 << 32 - length) - 1)
        if host in (0, (1 << 32 - length) - 1):
            what = "the broadcast address" if host else "the address"
            return f"{ip_text(shared.address)} is {what} of {network_text(network)}"
    return ""


def _outside(group: DeclaredGroup, member: Member, shared: SharedAddress) -> str:
    networks = _networks(member)
    if len(shared.address) != 4 or not networks or _fits(networks, shared.address):
        return ""
    for other in group.up:
        if other.name == member.name or shared.address in other.signs:
            continue
        instead = [
            address
            for address in other.signs - member.signs
            if len(address) == 4 and _fits(_networks(other) or networks, address)
        ]
        if instead:
            return (
                f"{ip_text(shared.address)} on {member.name} is outside "
                f"{listed(map(network_text, networks))}, where {other.name} has "
                f"{ip_text(min(instead))}"
            )
    return ""


def _fits(networks: list[Network], address: bytes) -> bool:
    return any(inside(network[0], network[1], address) for network in networks)


RULE = Rule(
    "CS608",
    "netmask_wrong",
    "A shared address does not fit its network",
    Severity.ERROR,
    examine=examine,
)
