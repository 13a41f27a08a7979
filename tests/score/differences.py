"""Labels of how nodes are set up: differently, or with the same priority."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from tests.score.history import History, Label, MasterSpan, Setting, label

_Differs = Callable[[Setting, Setting], bool]


def _single(one: Setting, other: Setting) -> bool:
    """Tell a ucarp whose one address is among several of a kernel node."""
    if one.is_ucarp == other.is_ucarp:
        return False
    ucarp, kernel = (one, other) if one.is_ucarp else (other, one)
    return len(kernel.addresses) > 1 and ucarp.addresses[0] in kernel.addresses


def _addresses(one: Setting, other: Setting) -> bool:
    return one.signed_addresses != other.signed_addresses and not _single(one, other)


def _passphrase(one: Setting, other: Setting) -> bool:
    return one.passphrase[:19] != other.passphrase[:19]


def mismatches(history: History, vhid: int) -> Iterator[Label]:
    rules: dict[str, _Differs] = {
        "address_set_mismatch": _addresses,
        "passphrase_mismatch": _passphrase,
        "ucarp_kernel_address_incompat": _single,
    }
    for name, differs in rules.items():
        for start, end, nodes in _stretches(history, vhid, differs):
            refused = any(
                r["vhid"] == vhid
                and r["reason"] in ("badauth", "MAC")
                and start <= r["t"] <= end
                and _pair(history, vhid, r, differs)
                for r in history.document["rejections"]
            )
            yield label(name, start, end, nodes, vhid, observable=refused)


def _pair(history: History, vhid: int, refusal: Any, differs: _Differs) -> bool:
    one = history.setting(refusal["node"], vhid, refusal["t"])
    other = history.setting(refusal["src"], vhid, refusal["t"]) if refusal["src"] else None
    return one is not None and (other is None or differs(one, other))


def _stretches(
    history: History, vhid: int, differs: _Differs
) -> Iterator[tuple[float, float, set[str]]]:
    """Return when nodes that were there differed, and who was there then."""
    settings = history.settings[vhid]
    cuts = sorted({t for s in settings for t in (s.start, s.end)})
    open_since: float | None = None
    nodes: set[str] = set()
    last = 0.0
    for start, end in itertools.pairwise(cuts):
        here = [s for s in settings if s.start <= start and s.end >= end]
        odd = {
            name
            for i, one in enumerate(here)
            for other in here[i + 1 :]
            if differs(one, other)
            for name in (one.node, other.node)
        }
        if odd and open_since is None:
            open_since, nodes = start, set()
        if odd:
            nodes |= odd
            last = end
        elif open_since is not None:
            yield open_since, last, nodes
            open_since = None
    if open_since is not None:
        yield open_since, last, nodes


def ties(history: History, vhid: int) -> Iterator[Label]:
    def alike(one: Setting, other: Setting) -> bool:
        return (one.advbase, one.advskew) == (other.advbase, other.advskew)

    for start, end, nodes in _stretches(history, vhid, alike):
        observable = len(history.advertised(nodes, vhid, start, end)) > 1
        collided = any(
            _meets(history, one, other, vhid)
            for one in history.master_periods[vhid]
            for other in history.master_periods[vhid]
            if {one.node, other.node} <= nodes and start <= other.start <= end
        )
        yield label(
            "equal_skew_tie",
            start,
            end,
            nodes,
            vhid,
            observable=observable,
            collided=collided,
            optional=not (observable and collided),
        )


def _meets(history: History, one: MasterSpan, other: MasterSpan, vhid: int) -> bool:
    """Tell whether a node claimed beside its equal, with nothing but chance between them."""
    if one.node == other.node or not one.start <= other.start < one.end:
        return False
    a = history.setting(one.node, vhid, other.start)
    b = history.setting(other.node, vhid, other.start)
    if a is None or b is None or (a.advbase, a.advskew) != (b.advbase, b.advskew):
        return False
    lost = any(
        {item["from"], item["to"]} == {one.node, other.node}
        and item["vhid"] == vhid
        and other.start - a.take_over - 1 <= item["t"] <= other.start
        for item in history.document["lost"]
    )
    return a.signed == b.signed and not lost


def advbases(history: History, vhid: int, moves: list[Label]) -> Iterator[Label]:
    def unlike(one: Setting, other: Setting) -> bool:
        return one.advbase != other.advbase

    for start, end, nodes in _stretches(history, vhid, unlike):
        observable = len(history.advertised(nodes, vhid, start, end)) > 1
        takeover = any(
            move["label"] == "preemption"
            and move["vhid"] == vhid
            and start <= move["start"] <= end
            and not move.get("unheard")
            and _bases(history, vhid, move)
            for move in moves
        )
        yield label(
            "advbase_mismatch",
            start,
            end,
            nodes,
            vhid,
            observable=observable,
            takeover=takeover,
            optional=not (observable and takeover),
        )


def _bases(history: History, vhid: int, move: Label) -> bool:
    a = history.setting(move["from"], vhid, move["start"])
    b = history.setting(move["to"], vhid, move["start"])
    return a is not None and b is not None and a.advbase != b.advbase
