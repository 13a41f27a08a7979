"""Where captures were taken, in words and for programs, with what a better one would show."""

from collections.abc import Iterable

from carpscope.capture.described import Described
from carpscope.core.address import ip_text
from carpscope.core.recommended import RECOMMENDED
from carpscope.core.text import shown
from carpscope.detect.finding import Finding
from carpscope.report.line import Json
from carpscope.timeline.capture_place import BOTH, ONLY_RECEIVED, ONLY_SENT, Captured

BECAUSE = {
    "marked": "it marks what its host sent",
    "checksums": "only the sending host sees IP headers before its card sums them",
    "short": "only its own ARP is shorter than a cable carries",
    "others": "it holds unicast between many hosts",
    "twice": "it holds frames on their way in and out",
    "tunnel": "everything came through a tunnel",
    "compared": "by comparison with the other captures",
}
_DIRECTIONS = {
    BOTH: "what is sent and received",
    ONLY_SENT: "only what its host sends",
    ONLY_RECEIVED: "only what its host receives",
}
_MIRRORED = {BOTH: "both directions"}
RECEPTION = frozenset(("master_gap", "group_missing", "one_way_link", "partition"))
"""Findings about what arrives, which a capture at another place would prove or show otherwise."""


def captured_json(one: Captured, capture: Described, findings: Iterable[Finding]) -> Json:
    """Give all of it; what is unknown is null."""
    return {
        "where": one.where or None,
        "node": [ip_text(address) for address in one.hosts],
        "because": BECAUSE.get(one.because),
        "directions": one.directions,
        "snap_length": capture.snap_length,
        "cut_advertisements": one.cut,
        "filters": list(capture.filters),
        "has_neighbours": one.has_neighbours,
        "advice": advice(one, findings) or None,
    }


def captured_text(one: Captured, capture: Described) -> str:
    """Say where a capture was taken; empty where nothing tells."""
    parts = []
    if one.where == "mirror":
        told = "from a mirror port" if one.because != "others" else "from a mirror port or a bridge"
        parts.append(f"{told}, {_MIRRORED[one.directions]}" if one.directions else told)
    elif one.hosts:
        parts.append(f"on {', '.join(ip_text(address) for address in one.hosts)}")
    elif one.where == "node":
        parts.append("on a host that advertises nothing here")
    if one.where:
        parts[-1] += f" ({BECAUSE[one.because]})"
    if one.where == "node" and one.directions in (ONLY_SENT, ONLY_RECEIVED):
        parts.append(_DIRECTIONS[one.directions])
    parts += [f"filter {shown(text)}" for text in capture.filters[:1] if text]
    if one.cut and capture.snap_length:
        parts.append(f"snap length {capture.snap_length}")
    return "; ".join(parts)


def advice(one: Captured, findings: Iterable[Finding]) -> str:
    """Say in a line what a better capture would show; empty where none is needed."""
    if one.cut:
        return (
            f"{one.cut:,} of {one.adverts:,} advertisements were cut, and what is cut cannot be "
            "verified: capture with -s 0"
        )
    asks = any(
        not f.caused_by and (f.label in RECEPTION or f.label == "split_brain") for f in findings
    )
    if not asks or one.because == "compared":
        return ""
    if not one.has_neighbours:
        return f"who announced addresses is not in it: capture '{RECOMMENDED}'"
    if one.where == "node":
        return "a second capture on the other node, at the same time, would prove who receives whom"
    return "captures on both nodes, at the same time, would prove who receives whom"
