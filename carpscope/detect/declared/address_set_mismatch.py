"""Members of a group will sign different sets of addresses."""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, ips, settled, to_add
from carpscope.detect.declared.ucarp_kernel_address_incompat import is_incompatible
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed
from carpscope.settings.cluster import Member
from carpscope.settings.model import Where

LABEL = "address_set_mismatch"


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Compare what the members that come up sign; masks and order do not count."""
    for group in settings.cluster.groups:
        members = [one for one in group.up if not one.vhid.unsure]
        if is_incompatible(group):
            continue
        every = frozenset[bytes]().union(*(one.signs for one in members))
        short = [one for one in members if one.signs != every]
        if not short:
            continue
        names = dict.fromkeys(one.name for one in members)
        yield settled(
            code,
            LABEL,
            Severity.ERROR,
            group.id,
            names,
            _lines(members, short),
            f"{group.id}: {listed(names)} sign different addresses",
            f"{_signs(members)}. An HMAC covers the whole set, so each refuses the others' "
            "advertisements.",
            _remedy(members, short, every),
        )


def _signs(members: list[Member]) -> str:
    return "; ".join(f"{one.name} signs {ips(one.signs)}" for one in members)


def _lines(members: list[Member], short: list[Member]) -> list[Where]:
    more = [one for one in members if one not in short] or members
    found = [a.where for one in more for a in one.vhid.addresses]
    return [*(one.vhid.at for one in short), *found]


def _remedy(members: list[Member], short: list[Member], every: frozenset[bytes]) -> str:
    if any(one.is_ucarp for one in members):
        places = listed(dict.fromkeys(str(one.vhid.at) for one in members))
        return f"Write the same address on every node, and one only, as ucarp has it: {places}."
    steps = [
        to_add(member, address)
        for member in short
        for address in sorted(every - member.signs, key=lambda a: (len(a), a))
    ]
    steps[0] = f"{steps[0][0].upper()}{steps[0][1:]}"
    return f"{' and '.join(steps)}. Or take the address away elsewhere."
