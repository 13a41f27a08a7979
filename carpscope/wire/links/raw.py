"""Bare IP: nothing in front of it.

    RAW    the version nibble of IP decides

DLT_RAW is 12 in programs, 14 on OpenBSD, 101 in files; files with 12 and 14 exist all the same.
Linux's classical IP over ATM is bare IP too: 106 in files, 16, 18 or 19 in some.

Source: tcpdump.org, LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6; Wireshark, pcap-common.c.
"""

from carpscope.core.fault import Fault
from carpscope.wire.link import LinkType, LinkView, read_ip

RAW = (12, 14, 16, 18, 19, 101, 106)
IPV4 = 228
IPV6 = 229


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    if len(data) > at and link in (IPV4, IPV6) and data[at] >> 4 != (4 if link == IPV4 else 6):
        return Fault("raw", at, f"version {data[at] >> 4} is not the IP this link type carries")
    return read_ip(data, at)


LINK_TYPE = LinkType((*RAW, IPV4, IPV6), _read)
