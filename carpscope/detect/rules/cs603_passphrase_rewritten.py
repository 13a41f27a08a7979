"""What is signed with is not the passphrase that is written.

What it means
    Between the file and the HMAC something changed the text: a GUI, a shell, a reader that
    keeps quotes, or ifconfig, which uses 19 bytes. As long as all nodes do the same to it the
    group works; with another system beside it, or a restart, it does not.

How it is seen
    The text is taken through the system's own reader and compared with how a person reads the
    line. What the difference is, is told in words; the passphrase never appears.

False alarms
    A variable that is meant to be replaced is none.

What to do
    Write a passphrase of at most 19 letters, digits, dots and hyphens, and in rc.conf none
    with a hyphen behind a digit or a letter from a to f.

Sources
    FreeBSD and OpenBSD ifconfig (strlcpy into CARP_KEY_LEN), OPNsense and pfSense interfaces.inc
    (addslashes, str_replace), Debian's if-up.d/ucarp, sh(1).
"""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled, to_enter
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import listed
from carpscope.settings.cluster import DeclaredGroup, Member


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Tell of each group whose passphrase is changed on its way."""
    for group in settings.cluster.groups:
        changed = [one for one in group.up if one.vhid.key is not None and one.vhid.key.flaw]
        if not changed:
            continue
        names = dict.fromkeys(one.name for one in changed)
        flaws, kinds = [], []
        for member in changed:
            key = member.vhid.key
            assert key is not None
            kinds.append(key.flaw)
            flaws.append(f"{member.name} ({key.where}): {key.flaw}")
        agree = _agree(group)
        places = listed(str(m.vhid.key.where) for m in changed if m.vhid.key is not None)
        yield settled(
            RULE.code,
            RULE.label,
            Severity.INFO if agree else Severity.WARNING,
            group.id,
            names,
            [one.vhid.key.where for one in changed if one.vhid.key is not None],
            f"{group.id}: {listed(names)} {'signs' if len(names) == 1 else 'sign'} with something "
            f"else than the passphrase that is written: {listed(dict.fromkeys(kinds))}",
            f"{'; '.join(flaws)}."
            + (" All nodes of the group still end with the same key." if agree else ""),
            f"Write {to_enter(changed, places)}",
        )


def _agree(group: DeclaredGroup) -> bool:
    """Tell whether all members start and nothing says that their keys differ."""
    if any(not one.vhid.comes_up for one in group.members):
        return False
    if any(one.vhid.key is not None and one.vhid.key.varies for one in group.members):
        return False
    return len({_known(group, one) for one in group.members} - {None}) < 2


def _known(group: DeclaredGroup, member: Member) -> bytes | None:
    key = group.key(member)
    return None if key is None or key.octets is None else key.octets.rstrip(b"\0")


RULE = Rule(
    "CS603",
    "passphrase_rewritten",
    "The passphrase is changed between the file and the HMAC",
    Severity.WARNING,
    examine=examine,
)
