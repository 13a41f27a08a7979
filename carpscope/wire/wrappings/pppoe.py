"""PPP over Ethernet, a session's packets; and PPP under an ethertype of its own.

    8864   version and type 1 | code 1 | session 2 | length 2 | protocol | …
    880b   PPP

Sources: RFC 2516; RFC 2637.
"""

from carpscope.wire import ppp
from carpscope.wire.links.ppp import pppoe
from carpscope.wire.wrapping import Around, Reading, Wrapping, inside

SESSION, PPP = 0x8864, 0x880B


def _read(data: bytes, at: int, around: Around) -> Reading:
    if around.link.ethertype == PPP:
        return inside(ppp.read(data, at), around.tunnel("ppp", at))
    session = int.from_bytes(data[at + 2 : at + 4], "big")
    return inside(pppoe(data, at), around.tunnel("pppoe", at + 6, session))


WRAPPING = Wrapping(_read, ethertypes=(SESSION, PPP))
