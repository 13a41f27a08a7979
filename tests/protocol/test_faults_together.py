"""Packets with several faults at once: each implementation calls the one it tests first.

The orders are written by hand from the input routines of each system, in words that mean
something about the bytes; nothing of `checks` or the profiles makes them. Every combination
of the faults is put to every implementation.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from carpscope.core.frame import Frame
from carpscope.protocol.arrival import arrived
from carpscope.protocol.events import Dropped, Received, State
from carpscope.protocol.machine import step
from carpscope.protocol.node import Node
from carpscope.wire.decode import decode
from tests.protocol.bench import KEY, placed
from tests.protocol.crafted import VIP, VIP6, Crafted

# name of the fault : what its finder counts; the first that applies decides
_OLD = "ttl:badttl short:badlen sum:badsum vhid:badvhid version:badver hmac:badauth"
_LOOP = "ttl:badttl short:badlen sum:badsum loop:badif vhid:badvhid version:badver hmac:badauth"
_14 = "short:badlen sum:badsum loop:badif vhid:badvhid version:badver ttl:badttl hmac:badauth"
_14_0 = _14.replace("ttl:badttl ", "")  # asked of peers that end in 224 to 239 only
_MAIN = "head:badlen version1:badver short2:badlen {}:badsum loop:badif vhid:badvhid version:badver"
_OPENBSD = _OLD.replace("vhid:badvhid", "unicast:badvhid vhid:badvhid")
OVER_IPV4 = {
    "freebsd6": _OLD,
    "freebsd9": _OLD,
    "freebsd13": _LOOP,
    "pfsense": _OLD,
    "freebsd140": _14_0,
    "freebsd14": _14,
    "freebsd15": _MAIN.format("sum2all") + " hmac:badauth",
    "netbsd": _OLD,
    "netbsd2016": _OLD,
    "openbsd": _OPENBSD,
    "openbsd2018": _OPENBSD,
    "openbsd2025": _OPENBSD,
    "dragonfly": "unicast:badif " + _OLD.replace("vhid:badvhid", "vhid:-"),
    "ucarp": "short:badlen ttl:badttl version:badver vhid:- unicast:otherdest sum:badsum "
    "hmac:badauth",
}
OVER_IPV6 = {
    **OVER_IPV4,
    "freebsd140": _14,
    "freebsd15": _MAIN.format("sum2") + " ttl:badttl hmac:badauth",
    "openbsd": "unicast:badif " + _OLD,
    "openbsd2018": "unicast:badif " + _OLD,
    "openbsd2025": "unicast:badif " + _OLD,
    "dragonfly": "any:-",
    "ucarp": "any:-",
}


def faults(packet: Crafted) -> set[str]:
    """Name what is wrong with a packet."""
    is_2 = packet.version == 2
    found = {
        "any": True,
        "ttl": packet.ttl != 255,
        "head": packet.length < 8,
        "short": packet.length < 36,
        "short2": is_2 and packet.length < 36,
        "sum": packet.checksum_wrong,
        "sum2": is_2 and packet.checksum_wrong,
        "sum2all": is_2 and (packet.checksum_wrong or packet.length > 36),
        "version": not is_2,
        "version1": packet.version == 1,
        "vhid": packet.vhid != 1,
        "loop": packet.vhid == 0 and packet.from_vip,
        "unicast": packet.unicast,
        "hmac": packet.digest_wrong,
    }
    return {name for name, applies in found.items() if applies}


def packets(family: int) -> Iterator[Crafted]:
    """Give every combination of the faults; what nobody looks at changes as well."""
    for number, (ttl, length, bad_sum, version, whose, bad_hmac, unicast) in enumerate(
        product(
            (255, 254),
            (36, 40, 20, 5),
            (False, True),
            (2, 1, 3),
            ((1, False), (9, False), (0, True)),
            (False, True),
            (False, True),
        )
    ):
        yield Crafted(
            family,
            ttl=ttl,
            length=length,
            checksum_wrong=bad_sum,
            version=version,
            vhid=whose[0],
            from_vip=whose[1],
            digest_wrong=bad_hmac,
            unicast=unicast,
            kind=(1, 0, 15)[number % 3],
            authlen=(7, 0, 255, 5)[number % 4],
        )


def called(node: Node, packet: Crafted) -> str:
    """Put a packet to a node; name what becomes of it."""
    frame = packet.frame()
    ip = decode(Frame(1, 0, 1, frame, len(frame))).ip
    assert ip is not None
    after, said = step(node, Received(10**10, 1, arrived(ip, frame)))
    for effect in said:
        if isinstance(effect, Dropped):
            return effect.drop.value
    own, new = node.vhids[0], after.vhids[0]
    return "ok" if (own.md, own.md6) != (new.md, new.md6) else "-"


@pytest.mark.parametrize("impl", OVER_IPV4)
@pytest.mark.parametrize("family", [4, 6])
def test_the_first_fault_in_the_order_of_the_source_is_counted(impl: str, family: int) -> None:
    order = [item.split(":") for item in (OVER_IPV4 if family == 4 else OVER_IPV6)[impl].split()]
    alone = impl in ("dragonfly", "ucarp")
    node = placed(impl, State.BACKUP, ipv6=() if alone else (VIP6,), key=KEY)
    tried = 0
    for made in packets(family):
        packet = replace(made, addresses=(VIP,)) if alone else made
        found = faults(packet)
        wanted = next((word for name, word in order if name in found), "ok")
        assert called(node, packet) == wanted, packet
        tried += 1
    assert tried == 576
