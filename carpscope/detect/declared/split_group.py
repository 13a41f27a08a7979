"""Nodes share an address under different vhids or VLANs: each part has a MASTER of its own."""

from collections.abc import Iterator

from carpscope.core.address import ip_text
from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed
from carpscope.settings.cluster import DeclaredGroup, Member
from carpscope.settings.numbers import atoi, read_as

LABEL = "split_group"


def split_numbers(settings: DeclaredContext) -> dict[tuple[str, int], bytes]:
    """Return the segments and vhids over which an address is split."""
    found: dict[tuple[str, int], bytes] = {}
    for address, parts in _split(settings):
        for group, _ in parts:
            found[group.segment.id, group.number] = address
    return found


def _split(
    settings: DeclaredContext,
) -> Iterator[tuple[bytes, list[tuple[DeclaredGroup, list[Member]]]]]:
    places: dict[tuple[int, bytes], list[tuple[DeclaredGroup, list[Member]]]] = {}
    for group in settings.cluster.groups:
        carriers: dict[bytes, list[Member]] = {}
        for member in group.up:
            for address in member.signs:
                carriers.setdefault(address, []).append(member)
        for address, members in carriers.items():
            places.setdefault((id(group.segment), address), []).append((group, members))
    told: set[tuple[str, ...]] = set()
    for (_, address), parts in places.items():
        if len({group.number for group, _ in parts}) < 2:
            continue
        nodes = [{one.name for one in members} for _, members in parts]
        if set.intersection(*nodes) or _on_one_node(parts):
            continue
        key = tuple(group.id for group, _ in parts)
        if key not in told:
            told.add(key)
            yield address, parts


def _on_one_node(parts: list[tuple[DeclaredGroup, list[Member]]]) -> bool:
    """Tell whether a node carries the address under two of the vhids (carpnodes)."""
    names: set[str] = set()
    for _, members in parts:
        mine = {one.name for one in members}
        if names & mine:
            return True
        names |= mine
    return False


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Look for addresses in several groups, and for groups over several VLANs."""
    for address, parts in _split(settings):
        members = [one for _, some in parts for one in some]
        text = ip_text(address)
        told = [
            f"vhid {group.number} on {listed(dict.fromkeys(one.name for one in some))}"
            for group, some in parts
        ]
        first, last = parts[0], parts[-1]
        other = [one for one in members if one.vhid.number_written]
        read = dict.fromkeys(f" {one.name}: {read_as(one.vhid.number_written)}." for one in other)
        yield settled(
            code,
            LABEL,
            Severity.CRITICAL,
            first[0].id,
            [one.name for one in members],
            [one.vhid.at for one in members],
            f"{text} is shared under different vhids: {listed(told)}",
            "They are different groups, so each has a MASTER, and both answer for the address."
            + "".join(read),
            _meant(other, {group.number for group, _ in parts})
            or f"Write vhid {first[0].number} in {listed(str(one.vhid.at) for one in last[1])}.",
        )
    for group in settings.cluster.groups:
        vlans = {one.vlan: one for one in group.up if one.vlan is not None}
        if len(vlans) < 2:
            continue
        shared = [
            address
            for address in {a for one in group.up for a in one.signs}
            if len({one.vlan for one in group.up if address in one.signs and one.vlan}) > 1
        ]
        if not shared:
            continue
        told = [f"VLAN {vlan} on {one.name}" for vlan, one in vlans.items()]
        yield settled(
            code,
            LABEL,
            Severity.CRITICAL,
            group.id,
            [one.name for one in group.up],
            [one.vhid.at for one in group.up],
            f"{group.id}: {ip_text(min(shared))} is shared over different VLANs: {listed(told)}",
            "Nodes on different VLANs never hear each other, so each becomes MASTER.",
            "Put the interfaces on one VLAN.",
        )


def _meant(members: list[Member], numbers: set[int]) -> str:
    """Say where a number is octal that in decimal is the number of the others."""
    wrong = [
        (str(one.vhid.at), number)
        for one in members
        if one.vhid.number_written.isdecimal()
        and (number := atoi(one.vhid.number_written)) in numbers
    ]
    steps = (f"in {at}, without a zero before it (--vhid={number})" for at, number in wrong)
    return f"Write vhid {wrong[0][1]} {listed(steps)}." if wrong else ""
