"""The key of a group will be empty or a word of the manuals."""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, is_weak, settled
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed

LABEL = "weak_passphrase"


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Look at the keys that are known."""
    for group in settings.cluster.groups:
        weak = []
        empty = False
        for member in group.up:
            key = member.vhid.key
            value = b"" if key is None else key.octets
            if value is not None and is_weak(value):
                weak.append(member)
                empty = empty or not value.strip(b"\0 ")
        if not weak:
            continue
        names = dict.fromkeys(one.name for one in weak)
        where = [m.vhid.key.where if m.vhid.key is not None else m.vhid.at for m in weak]
        places = listed(dict.fromkeys(str(one) for one in where if one is not None))
        yield settled(
            code,
            LABEL,
            Severity.WARNING,
            group.id,
            names,
            where,
            f"{group.id}: {listed(names)} sign with "
            + ("no passphrase" if empty else "a word that manuals print"),
            "One captured packet is enough to test a guess, and who guesses it can take the "
            "addresses over or keep every node silent.",
            f"Write 19 random letters and digits on every node ({places}): pass ***.",
        )
