"""The pages of what no detector finds, as `carpscope explain` shows those of detectors."""

from typing import NamedTuple

from carpscope.detect import internal
from carpscope.detect.finding import Severity


class Page(NamedTuple):
    """What `explain` says of one code; a code is never used twice, by a detector neither."""

    code: str
    label: str
    title: str
    severity: Severity
    page: str


GROUP_MISSING = Page(
    "CS251",
    "group_missing",
    "Nobody advertises a group that is expected",
    Severity.CRITICAL,
    """\
What it means
    carpscope.toml lists the group, and not one advertisement of it was heard: nobody is
    MASTER, or carpscope does not hear who is.

How it is seen
    Since listening began, or since the interface came back, `missing_after` seconds have
    passed (10 unless the file says otherwise). It ends with the first advertisement. A
    group that was heard and fell silent is a master gap (CS102).

False alarms
    The mirror port does not carry the VLAN; -f leaves the group out; the group lies on
    another interface than the one that its `interface` names.

What to do
    Look whether its nodes run and their carp interfaces are up, then at the mirror port:
    tcpdump -ni IF 'proto 112 or (vlan and proto 112)'.

Sources
    The configuration of carpscope itself.
""",
)
UNEXPECTED_NODE = Page(
    "CS252",
    "unexpected_node",
    "A node advertises a group and is not one of its nodes",
    Severity.WARNING,
    """\
What it means
    carpscope.toml lists the nodes of the group, and somebody else advertises it: a node
    that was added, one whose address was changed, or somebody who should not.

How it is seen
    By the source address of its advertisements. Who is listed by IPv4 alone may advertise
    over IPv6 as well.

False alarms
    A node with several addresses, of which the file lists another one.

What to do
    If it belongs to the group, list it. Else find the switch port of its address, and
    change the passphrase if its HMACs verify: it was given it.

Sources
    The configuration of carpscope itself.
""",
)
INTERNAL_ERROR = Page(
    internal.CODE,
    internal.LABEL,
    "A part of carpscope failed",
    Severity.ERROR,
    """\
What it means
    carpscope made a mistake: a rule, a frame or an output raised what it must not. That part
    was left out and the run went on. Nothing follows from it for the network, and what this
    run does not say may be so all the same: its status is unknown.

How it is seen
    By the program itself. The finding names what failed and the lines of code; `frames` are
    those that were looked at. The exit status is 70, of --nagios 3.

False alarms
    None: each is a mistake of ours.

What to do
    Run the same again with --debug and send the maintainers what it prints, with the command
    and, if you may, the capture. SECURITY.md says to whom.

Sources
    The program itself.
""",
)
PAGES = (GROUP_MISSING, UNEXPECTED_NODE, INTERNAL_ERROR)
