"""Which implementation a node runs, by what it sends: a name, a confidence and reasons.

The order is that of docs/protocol/identification.md: what only one system does comes first. Where
the frames do not decide, the alternatives are named instead of hidden.

    what             ucarp   FreeBSD 12–15  FreeBSD ≤11   NetBSD       OpenBSD
    source MAC       …00:V   …01:V          …01:V         …01:V        …01:V
    ToS              10      e0             10            10           10
    IPv4 id          random  0              counts; 11: 0 0            random
    counter          moves   moves          moves         moves        constant
    demotion byte    0       0              0             0            0–255
    bow-out         no      no             ≤9            yes          yes
    ARP sent from    card    card           card          card         virtual MAC
    NA sent from     –       virtual        virtual       card         virtual, router flag
"""

import itertools

from carpscope.core.units import MILLISECOND, Nanos
from carpscope.core.values import dataclass, replace
from carpscope.protocol import spans
from carpscope.timeline.node import Node
from carpscope.wire.carp import interval_ns

DSCP_CS7 = 0xE0
LOW_DELAY = 0x10
_PROPER = {
    "openbsd": "OpenBSD",
    "freebsd": "FreeBSD",
    "netbsd": "NetBSD",
    "dragonfly": "DragonFly",
    "ucarp": "ucarp",
}


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
        """Return name and versions for a person: `FreeBSD 12–15`."""
        if self.name is None:
            return f"unknown ({' or '.join(self.alternatives)})" if self.alternatives else "unknown"
        proper = _PROPER[self.name]
        text = f"{proper} {self.versions.replace('-', '–')}" if self.versions else proper
        return f"{text}?" if self.confidence < 0.75 else text

    @property
    def is_kernel(self) -> bool:
        """Tell whether it signs all addresses of the vhid, as every kernel does."""
        return self.name is not None and self.name != "ucarp"


UNIDENTIFIED = Identity(None, None, 0.0, ())
"""Nothing is known: bounds of behaviour cover every implementation."""


def identify(node: Node) -> Identity:
    """Name the implementation of a node."""
    if node.mac is not None and node.mac[:5] == b"\0\0\x5e\0\0":
        return Identity(
            "ucarp", None, 0.99, ("its source MAC is 00:00:5e:00:00:vhid, which only ucarp uses",)
        )
    if node.adverts == 0:
        return UNIDENTIFIED
    seen = _seen(node)
    if node.identity is None or node.identity[0] != seen:
        node.identity = seen, _with_habits(node, _by_headers(node))
    return node.identity[1]


def _seen(node: Node) -> object:
    """Return the values that `identify` reads, to recognise that nothing has changed.

    Counts only grow, so their sums are enough.
    """
    return (
        (node.advbase, node.advskew, node.max_advskew, node.saw_demote, node.bow_outs),
        (node.garp_virtual, node.garp_card, node.na_virtual, node.na_card, node.na_router),
        (len(node.addresses), len(node.peers), len(node.changes), len(node.identifications)),
        (sum(node.tos.values()), sum(node.traffic_class.values())),
        [(one.seen, one.constant, one.sequential, one.random) for one in node.counters.values()],
        node.intervals[:],
    )


def _by_headers(node: Node) -> Identity:
    constant = _constant(node)
    tos = _usual(node.tos)
    if node.saw_demote:
        reason = "a demotion count in byte 4, which only OpenBSD sends"
        return Identity("openbsd", None, 0.95, (reason,))
    if tos is None:
        return _by_ipv6(node, constant)
    ids = _ids(node)
    if constant and ids in ("random", "counting"):
        reason = "counter and HMAC stay the same while the IP id changes"
        return Identity("openbsd", None, 0.95 if ids == "random" else 0.8, (reason,))
    if tos == DSCP_CS7:
        return _by_cs7(node, ids, constant)
    if tos not in (LOW_DELAY, 0) and tos % 4 == 0:
        return Identity(
            "freebsd",
            "12-15",
            0.7,
            (f"ToS {tos:#04x}: only FreeBSD 12 and later let it be set",),
            ("any system behind a switch that re-marks packets",),
        )
    found = _by_id(node, ids)
    if tos == LOW_DELAY:
        return found
    reasons = (*found.because, f"ToS {tos:#04x} is nobody's: it was re-marked on the way")
    return replace(found, confidence=max(found.confidence - 0.15, 0.1), because=reasons)


def _by_cs7(node: Node, ids: str, constant: bool) -> Identity:
    """Return the identity of a node that sends ToS 0xe0, which a switch may also have set."""
    if node.bow_outs or ids == "random" or (node.garp_virtual and not node.garp_card):
        found = _by_id(node, ids)
        reasons = (*found.because, "ToS 0xe0, but FreeBSD does nothing of this: re-marked")
        return replace(found, confidence=max(found.confidence - 0.2, 0.1), because=reasons)
    if constant and ids == "zero":
        reasons = (
            "ToS 0xe0, which FreeBSD sends since 12",
            "counter and HMAC never change, as pfSense 2.4 to 2.6 has it",
        )
        return Identity("freebsd", "11-12", 0.9, reasons)
    reasons = ("ToS 0xe0, which only FreeBSD 12 and later send",)
    if 240 < node.max_advskew < 255:
        reasons += ("advskew above 240: negative demotion, possible up to 13.0",)
        return Identity("freebsd", "12-13", 0.9, reasons)
    if ids == "zero":
        reasons += ("IP id 0",)
    return _of_peers(node, Identity("freebsd", "12-15", 0.95, reasons))


def _of_peers(node: Node, found: Identity) -> Identity:
    """Narrow the versions of a FreeBSD that sends to a unicast peer: 14 and later can."""
    if not node.peers:
        return found
    reason = "it advertises to one address instead of the group, as FreeBSD can since 14"
    return replace(found, versions="14-15", because=(*found.because, reason))


def _by_id(node: Node, ids: str) -> Identity:
    """Return the identity of a node with ToS 0x10 and a moving counter, by its IPv4 ids."""
    if node.garp_virtual and not node.garp_card:
        return Identity(
            "openbsd",
            None,
            0.8,
            ("its gratuitous ARP leaves from the virtual MAC",),
            ("DragonFly",),
        )
    if ids == "zero":
        return _netbsd_or_freebsd11(node)
    if ids == "counting":
        return _old_freebsd(node)
    if ids == "random":
        return Identity(
            None,
            None,
            0.4,
            ("IP id is random and the counter moves",),
            ("OpenBSD before 2013", "FreeBSD 5–10 with random ids", "DragonFly"),
        )
    return Identity(None, None, 0.2, ("too few advertisements",), ("any kernel",))


def _netbsd_or_freebsd11(node: Node) -> Identity:
    """Tell NetBSD from FreeBSD 11: both send ToS 0x10 with IPv4 id 0."""
    common = "IP id 0 with ToS 0x10"
    if _constant(node):
        reason = "counter and HMAC never change, as pfSense 2.4 to 2.6 has it"
        return Identity("freebsd", "11", 0.7, (common, reason))
    if node.bow_outs:
        return Identity("netbsd", None, 0.9, (common, "it sends a bow-out (255/255)"))
    if node.na_card:
        reason = "it announces IPv6 addresses from the card's own MAC"
        return Identity("netbsd", None, 0.9, (common, reason))
    if 240 < node.max_advskew < 255:
        return Identity("netbsd", None, 0.85, (common, "advskew above 240"))
    if node.na_virtual:
        reason = "it announces IPv6 addresses from the virtual MAC"
        return Identity("freebsd", "11", 0.85, (common, reason))
    if any(change.early and change.what == "advskew" for change in node.changes):
        reason = "it advertises at once when its demotion changes"
        return Identity("freebsd", "11", 0.8, (common, reason))
    rate = tick_rate(node)
    if rate == 1000:
        return Identity("freebsd", "11", 0.7, (common,), ("NetBSD with HZ raised to 1000",))
    if rate is None:
        reason = "too few advertisements to see its clock"
        return Identity(None, None, 0.4, (common, reason), ("NetBSD", "FreeBSD 11"))
    # what FreeBSD 11 on iron does not: 100 ticks a second; with the card's ARP two features
    confidence = 0.8 if node.garp_card else 0.65
    return Identity("netbsd", None, confidence, (common,), ("FreeBSD 11 in a virtual machine",))


def _old_freebsd(node: Node) -> Identity:
    """Return the identity of a node whose IPv4 ids count up: FreeBSD to 10 or DragonFly."""
    common = "IP id counts up with ToS 0x10"
    # DragonFly advertises over IPv4 only, and its gratuitous ARP leaves from the virtual MAC
    other = any(len(address) == 16 for address in node.addresses) or node.garp_card
    alternatives = () if other else ("DragonFly",)
    confidence = 0.85 if other else 0.75
    if node.bow_outs:
        reasons = (common, "it sends a bow-out (255/255)")
        return Identity("freebsd", "5-9", confidence, reasons, alternatives)
    if 240 < node.max_advskew < 255:
        reasons = (common, "advskew above 240")
        return Identity("freebsd", "5-9", confidence, reasons, alternatives)
    if any(change.early and change.what == "advskew" for change in node.changes):
        reasons = (common, "it advertises at once when its demotion changes")
        return Identity("freebsd", "10", confidence, reasons)
    return Identity("freebsd", "5-10", confidence, (common,), alternatives)


def _by_ipv6(node: Node, constant: bool) -> Identity:
    """Return the identity of a node that advertises over IPv6 alone."""
    if constant:
        return Identity("openbsd", None, 0.85, ("counter and HMAC stay the same",))
    if _usual(node.traffic_class) == DSCP_CS7:
        reason = "traffic class 0xe0, which only FreeBSD 12 and later send"
        return _of_peers(node, Identity("freebsd", "12-15", 0.95, (reason,)))
    if node.na_router:
        reason = "its neighbour advertisements carry the router flag"
        return Identity("openbsd", None, 0.7, (reason,))
    if node.na_card:
        reason = "it announces IPv6 addresses from the card's own MAC"
        return Identity("netbsd", None, 0.8, (reason,))
    if node.na_virtual:
        reason = "it announces IPv6 addresses from the virtual MAC, traffic class 0"
        return Identity("freebsd", "5-11", 0.7, (reason,))
    alternatives = ("FreeBSD 5–11", "NetBSD 5", "OpenBSD before 2013")
    return Identity(None, None, 0.3, ("IPv6 only, traffic class 0",), alternatives)


def _with_habits(node: Node, found: Identity) -> Identity:
    """Add reasons and narrow versions by ARP, neighbour discovery and the tick rate."""
    told = list(found.because)
    versions = found.versions
    if found.name == "openbsd":
        if node.garp_virtual and not any("gratuitous" in reason for reason in told):
            told.append("its gratuitous ARP leaves from the virtual MAC")
        if node.na_router and not any("router" in reason for reason in told):
            told.append("its neighbour advertisements carry the router flag")
        excess = _excess(node)
        if excess is not None and spans.CUT_TICKS.earliest <= excess < spans.CUT_TICKS.latest:
            versions = versions or "6.5-7.6"
            told.append(
                f"its interval is {-excess / MILLISECOND:.1f} ms short, as from 2018 to 2025"
            )
    elif found.name in ("freebsd", "netbsd") and node.garp_card:
        told.append("its gratuitous ARP leaves from the card's own MAC")
    rate = tick_rate(node)
    if rate is not None and found.name != "ucarp":
        excess = _excess(node) or 0
        told.append(f"its interval is {excess / MILLISECOND:.1f} ms long: {rate} ticks a second")
    return replace(found, versions=versions, because=tuple(told))


def tick_rate(node: Node) -> int | None:
    """Return how often a kernel's clock ticks a second, 100 or 1000, or None where unclear.

    A timer is rounded up to ticks and one is added: 10 to 20 ms at 100, 1 to 2 ms at 1000.
    """
    excess = _excess(node)
    if excess is None:
        return None
    if spans.SLOW_TICKS.earliest <= excess <= spans.SLOW_TICKS.latest:
        return 100
    is_fast = spans.FAST_TICKS.earliest <= excess <= spans.FAST_TICKS.latest
    return 1000 if is_fast else None


def _excess(node: Node) -> Nanos | None:
    """Return the median excess of its intervals over advbase + advskew/256, None below two."""
    nominal = interval_ns(node.advbase, node.advskew)
    near = [gap - nominal for gap in node.intervals if abs(gap - nominal) < spans.ON_PACE]
    if len(near) < 2:
        return None
    ordered, half = sorted(near), len(near) // 2
    # the median, without `statistics`, whose import is a tenth of a small capture's analysis
    return (ordered[half] + ordered[~half]) // 2


def _constant(node: Node) -> bool:
    """Return whether the counter never moved, over three advertisements at least."""
    habits = list(node.counters.values())
    return (
        sum(habit.seen for habit in habits) >= 3
        and sum(habit.constant for habit in habits) >= 2
        and not any(habit.random or habit.sequential > habit.constant for habit in habits)
    )


def _usual(counts: dict[int, int]) -> int | None:
    """Return the value seen most."""
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
