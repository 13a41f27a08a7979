"""Which implementation a node runs, by what it sends: a name, a confidence and reasons.

The order is that of implementations.md 4.2: what only one system does comes first. Where
the frames do not decide, the alternatives are named instead of hidden.
"""

import itertools
from dataclasses import dataclass

from carpscope.timeline.node import Node

DSCP_CS7 = 0xE0
LOW_DELAY = 0x10


@dataclass(frozen=True, slots=True)
class Identity:
    """What a node most likely is."""

    name: str | None
    """`openbsd`, `freebsd`, `netbsd`, `dragonfly`, `ucarp`, or None: cannot tell."""
    versions: str | None
    confidence: float
    because: tuple[str, ...]
    alternatives: tuple[str, ...] = ()
    """What these frames cannot tell it apart from."""

    @property
    def text(self) -> str:
        """Return it as a person says it: `FreeBSD 12–15`."""
        if self.name is None:
            return f"unknown ({' or '.join(self.alternatives)})" if self.alternatives else "unknown"
        proper = {
            "openbsd": "OpenBSD",
            "freebsd": "FreeBSD",
            "netbsd": "NetBSD",
            "dragonfly": "DragonFly",
            "ucarp": "ucarp",
        }[self.name]
        text = f"{proper} {self.versions.replace('-', '–')}" if self.versions else proper
        return f"{text}?" if self.confidence < 0.75 else text

    @property
    def is_kernel(self) -> bool:
        """Tell whether it signs all addresses of the vhid, as every kernel does."""
        return self.name is not None and self.name != "ucarp"


def identify(node: Node) -> Identity:
    """Name the implementation of a node."""
    if node.mac is not None and node.mac[:5] == b"\0\0\x5e\0\0":
        return Identity(
            "ucarp", None, 0.99, ("its source MAC is 00:00:5e:00:00:vhid, which only ucarp uses",)
        )
    if node.adverts == 0:
        return Identity(None, None, 0.0, ())
    constant = _constant(node)
    tos = _usual(node.tos)
    if tos is None:
        return _by_ipv6(node, constant)
    if tos == DSCP_CS7:
        if constant and _ids(node) == "zero":
            return Identity(
                "freebsd",
                "11-12",
                0.9,
                (
                    "ToS 0xe0, which FreeBSD sends since 12",
                    "counter and HMAC never change, as pfSense 2.4 to 2.6 has it",
                ),
            )
        return Identity(
            "freebsd", "12-15", 0.95, ("ToS 0xe0, which only FreeBSD 12 and later send",)
        )
    if node.saw_demote:
        return Identity(
            "openbsd", None, 0.95, ("a demotion count in byte 4, which only OpenBSD sends",)
        )
    if constant and _ids(node) != "constant":
        return Identity(
            "openbsd",
            None,
            0.95,
            ("counter and HMAC stay the same while the IP id changes",),
        )
    if tos != LOW_DELAY and tos % 4 == 0 and tos != 0:
        return Identity(
            "freebsd",
            "12-15",
            0.7,
            (f"ToS {tos:#04x}: only FreeBSD 12 and later let it be set",),
            ("any system behind a switch that re-marks packets",),
        )
    return _by_id(node)


def _by_id(node: Node) -> Identity:
    """Decide what sends ToS 0x10 and a moving counter by its IP ids."""
    kind = _ids(node)
    if node.garp_virtual and not node.garp_card:
        return Identity(
            "openbsd",
            None,
            0.8,
            ("its gratuitous ARP leaves from the virtual MAC",),
            ("DragonFly",),
        )
    if kind == "zero":
        if node.bow_outs:
            return Identity(
                "netbsd", None, 0.9, ("IP id 0 with ToS 0x10", "it says farewell (255/255)")
            )
        if any(len(address) == 16 for address in node.addresses):
            return Identity(
                "freebsd",
                "11",
                0.6,
                ("IP id 0 with ToS 0x10", "it advertises over IPv6"),
                ("NetBSD 5",),
            )
        if node.max_advskew > 240:
            return Identity("netbsd", None, 0.85, ("IP id 0 with ToS 0x10", "advskew above 240"))
        return Identity("netbsd", None, 0.6, ("IP id 0 with ToS 0x10",), ("FreeBSD 11",))
    if kind == "counting":
        alternatives = ("DragonFly",)
        if node.bow_outs:
            reasons = ("IP id counts up", "it says farewell (255/255)")
            return Identity("freebsd", "5-9", 0.75, reasons, alternatives)
        return Identity("freebsd", "5-10", 0.75, ("IP id counts up with ToS 0x10",), alternatives)
    if kind == "random":
        return Identity(
            None,
            None,
            0.4,
            ("IP id is random and the counter moves",),
            ("OpenBSD before 2013", "FreeBSD 5–10 with random ids", "DragonFly"),
        )
    return Identity(None, None, 0.2, ("too few advertisements",), ("any kernel",))


def _by_ipv6(node: Node, constant: bool) -> Identity:
    """Decide a node that advertises over IPv6 alone."""
    if _usual(node.traffic_class) == DSCP_CS7:
        return Identity(
            "freebsd", "12-15", 0.95, ("traffic class 0xe0, which only FreeBSD 12 and later send",)
        )
    if node.saw_demote:
        reason = "a demotion count in byte 4, which only OpenBSD sends"
        return Identity("openbsd", None, 0.95, (reason,))
    if constant:
        return Identity("openbsd", None, 0.85, ("counter and HMAC stay the same",))
    if node.na_router:
        return Identity(
            "openbsd", None, 0.7, ("its neighbour advertisements carry the router flag",)
        )
    if node.na_card:
        reason = "it announces IPv6 addresses from the card's own MAC"
        return Identity("netbsd", None, 0.8, (reason,))
    if node.na_virtual:
        reason = "it announces IPv6 addresses from the virtual MAC, traffic class 0"
        return Identity("freebsd", "5-11", 0.7, (reason,))
    alternatives = ("FreeBSD 5–11", "NetBSD 5", "OpenBSD before 2013")
    return Identity(None, None, 0.3, ("IPv6 only, traffic class 0",), alternatives)


def _constant(node: Node) -> bool:
    """Tell whether the counter never moves, over three advertisements or more."""
    habits = list(node.counters.values())
    return (
        sum(habit.seen for habit in habits) >= 3
        and sum(habit.constant for habit in habits) >= 2
        and not any(habit.random or habit.sequential > habit.constant for habit in habits)
    )


def _usual(counts: dict[int, int]) -> int | None:
    """Return the value seen most, ECN bits dropped only where they are noise."""
    return max(counts, key=lambda value: counts[value], default=None)


def _ids(node: Node) -> str:
    """Say how the IPv4 ids move: `zero`, `constant`, `counting`, `random` or `few`."""
    ids = node.identifications
    if not ids:
        return "few"
    if not any(ids):
        return "zero"
    if len(ids) < 2:
        return "few"
    steps = [b - a & 0xFFFF for a, b in itertools.pairwise(ids)]
    if not any(steps):
        return "constant"
    small = sum(1 for step in steps if 0 < step <= 512)
    if small >= 0.9 * len(steps):
        return "counting"
    return "random"
