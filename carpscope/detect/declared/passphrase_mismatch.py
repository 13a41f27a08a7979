"""Members of a group will end with different keys."""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled, to_enter
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed
from carpscope.settings.cluster import Member

LABEL = "passphrase_mismatch"


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Compare the keys that are known; an empty one is a key."""
    for group in settings.cluster.groups:
        by_key: dict[bytes, list[Member]] = {}
        for member in group.up:
            key = group.key(member)
            if key is not None and key.octets is not None:
                by_key.setdefault(key.octets.rstrip(b"\0"), []).append(member)
        if len(by_key) < 2:
            continue
        members = [member for some in by_key.values() for member in some]
        names = dict.fromkeys(one.name for one in members)
        parts = []
        for members_of in by_key.values():
            who = listed(dict.fromkeys(one.name for one in members_of))
            flaw = next((m.vhid.key.flaw for m in members_of if m.vhid.key and m.vhid.key.flaw), "")
            empty = all(m.vhid.key is None for m in members_of)
            parts.append(who + (" with none" if empty else f" ({flaw})" if flaw else ""))
        where = [m.vhid.key.where if m.vhid.key is not None else m.vhid.at for m in members]
        places = listed(dict.fromkeys(str(one) for one in where if one is not None))
        yield settled(
            code,
            LABEL,
            Severity.ERROR,
            group.id,
            names,
            where,
            f"{group.id}: {listed(names)} end with different keys",
            f"{len(by_key)} keys come of what is written: {' against '.join(parts)}. Each refuses "
            "the advertisements of the others.",
            f"Write one passphrase of {to_enter(members, places)}",
        )
