"""pflog: what pf logged, behind a header of its own.

    length 1 | family 1 | action 1 | reason 1 | interface 16 | …     length rounded up to 4

Source: tcpdump.org, LINKTYPE_PFLOG; FreeBSD and OpenBSD, sys/net/if_pflog.h.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView
from carpscope.wire.links.loopback import of_family

PFLOG = 117


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    if len(data) < at + 4:
        return truncated("pflog", at, 4, len(data) - at)
    size = (data[at] + 3) & ~3
    if size < 4:
        return Fault("pflog", at, "header length below the minimum", 4, size)
    if len(data) < at + size:
        return truncated("pflog", at, size, len(data) - at)
    return of_family("pflog", data[at + 1], at + 1, at + size)


LINK_TYPE = LinkType((PFLOG,), _read)
