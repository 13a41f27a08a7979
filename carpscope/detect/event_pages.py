"""The pages of events: what the protocol is for, and `carpscope explain` says of it."""

from carpscope.detect.page import Page

FAILOVER = Page(
    None,
    "failover",
    "The master fell silent and another node took over",
    None,
    """\
What it means
    The MASTER stopped advertising without a word. After the time that a BACKUP waits
    (3 x advbase + advskew/256 s in kernels, up to a second more in ucarp) another node became
    MASTER. In between nobody answered for the shared address.

How it is seen
    The last advertisement of the one and the first of the other. `start` is the last moment at
    which the old master was heard, `end` the first at which the new one was.

Looks like it
    A cut between the old master and everybody else: the old one may still be MASTER where it
    is. With a capture there, split_brain or partition says so.

What to do
    Find out why it fell silent: its own log at `start`. The time without a master is what the
    implementation takes; longer ones are the finding master_gap.

Sources
    carp_master_down in FreeBSD sys/netinet/ip_carp.c, OpenBSD sys/netinet/ip_carp.c;
    ucarp src/carp.c.
""",
)
CLEAN_HANDOVER = Page(
    None,
    "clean_handover",
    "A master left with a bow-out, or was demoted, and another node took over",
    None,
    """\
What it means
    The MASTER said that it leaves (an advertisement with advbase or advskew 255, or a demotion
    that makes it the worse one), and another node took over.

How it is seen
    The bow-out or the worse advertisement of the one, then the first advertisement of the other.

Looks like it
    A forged bow-out: with a passphrase the HMAC tells.

What to do
    Nothing, if somebody maintains the old master or its link went down.

Sources
    carp_bow_out and carp_demote_adj in sys/netinet/ip_carp.c; ucarp src/ucarp.c, SIGUSR2.
""",
)
PREEMPTION = Page(
    None,
    "preemption",
    "A better node took over from a live master",
    None,
    """\
What it means
    A node with a lower advbase or advskew claimed the group while the MASTER was alive, and the
    MASTER became BACKUP when it heard that. A node does so when it comes up, or at any time
    where preemption is on (net.inet.carp.preempt=1, ucarp --preempt).

How it is seen
    Advertisements of both, the better of the two after the other, who then ends.

Looks like it
    Both were MASTER for long and then heard each other: that is the end of a split_brain.

What to do
    Nothing, if that node is meant to be the master. If it comes and goes: flapping.

Sources
    carp_input_c in sys/netinet/ip_carp.c; ucarp src/carp.c.
""",
)
DEMOTION = Page(
    None,
    "demotion",
    "A node's advertised skew or demotion count changed",
    None,
    """\
What it means
    A node says that it is worth less, or again more: a link of it went down, somebody set
    net.inet.carp.demotion or `ifconfig -g carp carpdemote`, or its configuration changed.

How it is seen
    FreeBSD adds its demotion to advskew, at most 240; OpenBSD sends it in a byte of its own.

Looks like it
    A changed configuration: the advskew then stays, and the interval follows it.

What to do
    Nothing, if the node is well again. One that stays demoted takes over from nobody; one that
    stays MASTER while demoted is the finding demoted_master.

Sources
    DEMOTE_ADVSKEW in FreeBSD sys/netinet/ip_carp.c; carp_group_demote_adj in OpenBSD's.
""",
)
EVENT_PAGES = (CLEAN_HANDOVER, DEMOTION, FAILOVER, PREEMPTION)
