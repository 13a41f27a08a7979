"""Words that several detectors share: node names, address lists, spans."""

from collections.abc import Iterable

from carpscope.core.address import ip_text
from carpscope.core.text import plural
from carpscope.core.units import Nanos, clock, span_text
from carpscope.timeline.contest import compared_skew
from carpscope.timeline.node import Node

NAMED = 8


def listed(items: Iterable[str]) -> str:
    """Join as a sentence does: `a`, `a and b`, `a, b and c`."""
    words = list(items)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def named(items: Iterable[str]) -> str:
    """The same of what may be very many: the first few, and how many more."""
    words = list(items)
    more = len(words) - NAMED
    return listed(words if more < 2 else [*words[:NAMED], f"{more} more"])


def advertisements(count: int) -> str:
    """Count them: `1 advertisement`, `1,204 advertisements`."""
    return plural(count, "advertisement")


def times(count: int) -> str:
    """Say how often: `once`, `twice`, `17 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def addresses(found: Iterable[bytes]) -> str:
    """Give addresses as a sentence does; none is `no address`."""
    return listed(ip_text(address) for address in found) or "no address"


def since(start: Nanos, end: Nanos) -> str:
    """Give a stretch of time: `from 09:58:29.114 to 10:04:41.020 UTC (6 m 12 s)`."""
    first, last = clock(start, digits=3), clock(end, digits=3)
    return f"from {first} to {last} UTC ({span_text(end - start)})"


def priority(node: Node) -> str:
    """Give what a node advertises: `1/100`, with a demotion count where there is one."""
    text = f"{node.advbase}/{node.advskew}"
    compared = compared_skew(node)
    if compared < 0:
        text += f" (a negative demotion: compared as {compared})"
    return f"{text} demote {node.demote}" if node.demote else text
