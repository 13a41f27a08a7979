"""A file that holds a passphrase can be read by others.

What it means
    Whoever has an account on the node can read it, and then make valid advertisements.

How it is seen
    By the permissions of the file as it was given. Pasted output has none worth judging;
    netstart of OpenBSD mends hostname.if itself.

False alarms
    A copy of the file that was made to be checked.

What to do
    chmod 600 on the node.

Sources
    rc.conf(5), hostname.if(5).
"""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import listed
from carpscope.settings.model import Where


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Tell each node's files."""
    for node in settings.files:
        open_files = [
            source
            for source in node.sources
            if source.has_secret and source.is_readable_by_others and source.kind != "ifconfig"
        ]
        if not open_files:
            continue
        mended = all(source.kind == "openbsd.hostname.if" for source in open_files)
        severity = Severity.WARNING if settings.strict and not mended else RULE.severity
        names = listed(source.path for source in open_files)
        yield settled(
            RULE.code,
            RULE.label,
            severity,
            "",
            [node.name],
            [Where(source.path, 1) for source in open_files],
            f"others can read {names}, which {'holds a' if len(open_files) == 1 else 'hold'} "
            f"{'secret' if len(open_files) == 1 else 'secrets'}",
            "The group or everybody may read what holds a passphrase."
            + (" netstart mends it at the next boot." if mended else ""),
            f"On the node: chmod 600 {names}.",
        )


RULE = Rule(
    "CS612",
    "secret_readable",
    "Others can read a file with a secret",
    Severity.INFO,
    examine=examine,
)
