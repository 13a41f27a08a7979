"""What files of nodes let a reader of captures expect: names, keys, addresses, and groups.

Keys are taken as they are signed with, after each system's own reader. Which groups are
expected is said only where it cannot be mistaken: of one segment without a known VLAN, since
a capture shows tags or not, depending on where it was made.
"""

from collections.abc import Iterator, Sequence

from carpscope.config import Config, ExpectedGroup, ExpectedSetting, ExpectedValues, Setting
from carpscope.settings.cluster import Cluster, DeclaredGroup, Member, cluster
from carpscope.settings.gather import gather
from carpscope.settings.read import read_nodes


def expected(paths: Sequence[str], base: Config) -> Config:
    """Add what files declare to a configuration."""
    found = cluster(read_nodes(gather(paths)))
    keys: dict[bytes, None] = dict.fromkeys(base.passphrases)
    addresses: dict[bytes, None] = dict.fromkeys(base.addresses)
    names = dict(base.names)
    for group in found.groups:
        for member in group.up:
            key = member.vhid.key
            if key is not None and key.octets:
                keys.setdefault(key.octets)
            for address in member.signs:
                addresses.setdefault(address)
    for node in found.nodes:
        for interface in node.interfaces.values():
            for own in interface.own:
                names.setdefault(own.address, node.name)
    groups = (*base.groups, *_groups(found, base))
    return base._replace(
        passphrases=tuple(keys),
        addresses=tuple(addresses),
        names=names,
        groups=groups,
    )


def _groups(found: Cluster, base: Config) -> list[ExpectedGroup]:
    groups = [group for group in found.groups if group.up]
    if len({id(group.segment) for group in groups}) != 1:
        return []
    known = {(group.vlan, group.vhid) for group in base.groups}
    made = []
    for group in groups:
        if ((), group.number) in known or any(one.vlan is not None for one in group.up):
            continue
        if [one.number for one in groups].count(group.number) > 1:
            continue
        made.append(_group(group))
    return made


def _group(group: DeclaredGroup) -> ExpectedGroup:
    sources = [_sources(one) for one in group.up]
    everybody = tuple(address for some in sources for address in some) if all(sources) else ()
    shared = {one.signs for one in group.up}
    best = _best(group)
    return ExpectedGroup(
        group.number,
        nodes=everybody,
        addresses=tuple(sorted(next(iter(shared)))) if len(shared) == 1 else (),
        master=() if best is None else _sources(best),
        settings=tuple(_settings(group, best)),
        values=tuple(
            ExpectedValues(_sources(one), one.vhid.advbase, one.advskew, str(one.vhid.at))
            for one in group.up
        ),
    )


def _settings(group: DeclaredGroup, best: Member | None) -> Iterator[ExpectedSetting]:
    """Give the lines that decide who leads: a file need not be what is in force."""
    if best is not None and best.node.preempt_where is not None:
        where = str(best.node.preempt_where)
        yield ExpectedSetting(Setting.PREEMPTS, _sources(best), where)
    for one in group.up:
        for place, told in one.node.maintenance:
            deaf = told.startswith("net.inet.carp.allow")
            setting = Setting.DEAFENS if deaf else Setting.DEMOTES
            yield ExpectedSetting(setting, _sources(one), f"{place} ({told})")


def _sources(member: Member) -> tuple[bytes, ...]:
    if member.vhid.source is not None:
        return (member.vhid.source,)
    return tuple(dict.fromkeys(member.own))


def _best(group: DeclaredGroup) -> Member | None:
    """Return the node with the lowest skew, where all preempt and accept advertisements."""
    ranked = [
        (one.vhid.advbase, one.advskew, one)
        for one in group.up
        if one.vhid.advbase is not None and one.advskew is not None
    ]
    if len(ranked) < max(2, len(group.up)) or not all(
        one.preempt and one.node.allows for one in group.up
    ):
        return None
    ranked.sort(key=lambda item: (item[0] or 0, item[1] or 0))
    if ranked[0][:2] == ranked[1][:2]:
        return None
    return ranked[0][2]
