"""A node on the bench: set up in a line, fed by hand."""

from carpscope.protocol.events import Boot, Effect, Event, ReceivedAdvert, Send, State, Transition
from carpscope.protocol.machine import step
from carpscope.protocol.node import Node, NodeSetup, node, vhid_setup
from carpscope.protocol.profile import profile
from carpscope.protocol.tempo import NOMINAL, Tempo

VIP = bytes((10, 0, 0, 100))
VIP6 = bytes.fromhex("20010db8000000000000000000000064")
KEY = b"mekmitasdigoat"
KERNELS = [
    "dragonfly",
    "freebsd13",
    "freebsd14",
    "freebsd140",
    "freebsd15",
    "freebsd6",
    "freebsd9",
    "netbsd",
    "netbsd2016",
    "openbsd",
    "openbsd2018",
    "openbsd2025",
    "pfsense",
]
COUNTER = bytes(7) + b"\x2a"


def setup(
    impl: str,
    *,
    advbase: int = 1,
    advskew: int = 0,
    preempt: bool = False,
    ipv4: tuple[bytes, ...] = (VIP,),
    ipv6: tuple[bytes, ...] = (),
    vhids: int = 1,
    tempo: Tempo = NOMINAL,
    last: int = 1,
    key: bytes = KEY,
    peer: bytes = b"",
    peer6: bytes = b"",
) -> NodeSetup:
    """Return a node's setup; `last` is the last octet of its own address."""
    found = profile(impl)
    items = tuple(
        vhid_setup(
            found,
            n + 1,
            advbase=advbase,
            advskew=advskew,
            key=key,
            ipv4=ipv4,
            ipv6=ipv6,
            peer=peer,
            peer6=peer6,
        )
        for n in range(vhids)
    )
    return NodeSetup(
        name="a",
        profile=found,
        tempo=tempo,
        preempt=preempt,
        ip4=bytes((10, 0, 0, last)),
        ll6=b"\xfe\x80" + bytes(13) + bytes((last,)),
        mac=b"\x02\x00\x00\x00\x00" + bytes((last,)),
        vhids=items,
        dead_ratio=3,
        is_neutral=False,
        ignores_link=False,
    )


def booted(impl: str, **options: object) -> Node:
    """Return a node that has just come up; options are those of `setup`."""
    made = setup(impl, **options)  # type: ignore[arg-type]
    return step(node(made), Boot(0, 1))[0]


def placed(impl: str, state: State, **options: object) -> Node:
    """Return a node put into a state, as a replay does."""
    made = setup(impl, **options)  # type: ignore[arg-type]
    return node(made).placed(1, state)


def advert(
    advbase: int = 1,
    advskew: int = 0,
    *,
    of: Node,
    family: int = 4,
    demote: int = 0,
    counter: bytes = COUNTER,
    last: int = 9,
    vhid: int = 1,
    **other: object,
) -> ReceivedAdvert:
    """Return an advertisement that a node's own configuration would sign.

    `other` are fields of `ReceivedAdvert` that receivers look at beside those.
    """
    found = of.vhid(vhid) or of.vhids[0]
    source = bytes((10, 0, 0, last)) if family == 4 else b"\xfe\x80" + bytes(13) + bytes((last,))
    digest = found.setup.secrets.sends.sign(counter)
    packet = ReceivedAdvert(family, source, vhid, advbase, advskew, demote, counter, digest, 0)
    return packet._replace(**other)  # type: ignore[arg-type]


def after(node: Node, *events: Event) -> tuple[Node, list[Effect]]:
    """Feed events one after the other; return the node and all effects."""
    said: list[Effect] = []
    for event in events:
        node, effects = step(node, event)
        said += effects
    return node, said


def states(effects: list[Effect]) -> list[State]:
    """Return the states entered."""
    return [effect.new for effect in effects if isinstance(effect, Transition)]


def sent(effects: list[Effect]) -> list[tuple[int, int, int]]:
    """Return what was sent, as (family, advbase, advskew)."""
    return [
        (e.packet.family, e.packet.advbase, e.packet.advskew)
        for e in effects
        if isinstance(e, Send)
    ]
