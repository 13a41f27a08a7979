"""Juniper's routers and switches: a header of their own before what they captured.

    4d 47 43 | flags 1 | (length 2 | extensions)? | (family 4 | IP)? or the frame
    flags: 80 extensions, 02 no link layer, 01 came in

The link type says which frame it is: Ethernet, PPP, frame relay or Cisco HDLC; of a virtual
port four bytes more stand before Ethernet.

Source: Wireshark, packet-juniper.c; tcpdump.org, LINKTYPE_JUNIPER_*.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, read, read_ip

PPPOE, ETHER, PPP, FRELAY, CHDLC, VIRTUAL_PORT = 167, 178, 179, 180, 181, 183
_INNER = {PPPOE: 1, ETHER: 1, PPP: 9, FRELAY: 107, CHDLC: 104, VIRTUAL_PORT: 1}
"""The link type of the frame behind the header."""
_MAGIC = b"MGC"
_NO_LINK, _EXTENDED = 0x02, 0x80


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    start = at
    if not data.startswith(_MAGIC, at):
        return read(_INNER[link], data, at)
    at += 4
    flags = data[at - 1] if len(data) >= at else 0
    if flags & _EXTENDED and len(data) >= at + 2:
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    if flags & _NO_LINK or link == VIRTUAL_PORT:
        at += 4
    if len(data) <= at:
        return truncated("juniper", start, at + 1 - start, len(data) - start)
    return read_ip(data, at, "juniper") if flags & _NO_LINK else read(_INNER[link], data, at)


LINK_TYPE = LinkType(tuple(_INNER), _read)
