"""A line of a configuration comes to nothing: the system's own reader drops or refuses it.

What it means
    The vhid, or one of its addresses, does not come up on that node, although somebody wrote
    it down. The group lacks a backup, or its nodes sign different addresses.

How it is seen
    The text is read as the system itself reads it: rc of FreeBSD, netstart of OpenBSD,
    ifupdown, systemd, the GUI, and then ifconfig or ucarp with its words in order. The finding
    says which line it is and what the reader makes of it.

False alarms
    Another program configures the vhid later, which the files do not show; a kernel with
    carp(4) compiled in where no loader.conf loads it.

What to do
    Write the line as the finding says, and look with ifconfig or in the log of the boot
    whether the vhid is there.

Sources
    FreeBSD libexec/rc/network.subr, sbin/ifconfig; OpenBSD etc/netstart, sbin/ifconfig; ucarp
    src/ucarp.c; ifupdown and Debian's if-up.d/ucarp; systemd.service(5).
"""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import listed
from carpscope.settings.model import Refusal


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Tell each situation once, however many nodes it is on."""
    yield from refused_lines(settings, RULE)


def refused_lines(settings: DeclaredContext, rule: Rule) -> Iterator[SettledFinding]:
    """Give the refused lines of one label, those of a group together."""
    found: dict[tuple[str, str], list[tuple[str, Refusal]]] = {}
    for node in settings.cluster.nodes:
        for trouble in node.troubles:
            if trouble.label != rule.label:
                continue
            group = settings.group_of(node.name, trouble)
            if trouble.all_of_it:
                key = ("", trouble.text)
            elif group is not None:
                key = (group.id, "")
            else:
                key = ("", f"{node.name} {trouble.interface} {trouble.vhid}")
            found.setdefault(key, []).append((node.name, trouble))
    for (group_id, _), items in found.items():
        names = list(dict.fromkeys(name for name, _ in items))
        first = items[0][1]
        what = (
            "no vhid comes up"
            if first.all_of_it
            else (f"vhid {first.vhid}" if first.vhid is not None else "a line")
        )
        lines = [f"{trouble.where}: {trouble.text}" for _, trouble in items]
        repairs = [
            f"write in {trouble.where.path}, line {trouble.where.line}: {trouble.repair}"
            for _, trouble in items
            if trouble.repair
        ]
        places = listed(str(trouble.where) for _, trouble in items)
        summary = (
            f"{what} on {listed(names)}: {first.text}"
            if first.all_of_it
            else f"{what} of {listed(names)} does not come up as it is written ({places})"
        )
        yield settled(
            rule.code,
            rule.label,
            rule.severity,
            group_id,
            names,
            [trouble.where for _, trouble in items],
            summary,
            f"{'; '.join(dict.fromkeys(lines))}.",
            f"{'; '.join(repairs) or f'Write the line in another way ({places}), {_how(first)}'}.",
        )


def _how(trouble: Refusal) -> str:
    if "range of addresses" in trouble.text:
        return "with a passphrase in which no hyphen follows a digit or a letter from a to f"
    if trouble.label == "vhid_out_of_range":
        return "with a number from 1 to 255, the same on every node"
    return "so that its reader takes it"


RULE = Rule(
    "CS601",
    "not_configured",
    "A line of a configuration comes to nothing",
    Severity.ERROR,
    examine=examine,
)
