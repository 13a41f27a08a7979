"""What is true of a simulation, as labels: problems first, then legitimate changes.

The rules are those of the reference traces (tests hold them against each other): a label
is about what nodes did and how they were set up, not about what a capture shows. What a
capture need not reveal is `optional`.
"""

from collections.abc import Iterator

from tests.score.changes import changes
from tests.score.differences import advbases, mismatches, ties
from tests.score.history import Document, History, Label, MasterSpan, label
from tests.score.paths import attacks, paths

BRIEF = 0.25
"""Seconds: a claim that lasts less is an exchange, no MASTER period."""


def truth(document: Document) -> list[Label]:
    """Return every label of a simulation document, in order of time."""
    history = History(document)
    found: list[Label] = []
    for vhid in history.vhids:
        found += mismatches(history, vhid)
        found += _split_brain(history, vhid)
        found += _flapping(history, vhid)
        found += _gaps(history, vhid)
        found += ties(history, vhid)
    found += attacks(history)
    found += paths(history, [item for item in found if item["label"] == "split_brain"])
    _name_causes(found)
    moves = list(changes(history, found))
    for vhid in history.vhids:
        found += advbases(history, vhid, moves)
    found += moves
    found.sort(key=lambda item: (item["start"], item["label"]))
    if not any(item["label"] != "stale_arp" for item in found):
        found.append(label("none", 0.0, history.end, set(), None))
    return found


def shown(document: Document) -> list[Label]:
    """Return the labels, those optional that no capture can show.

    Where nothing follows a last advertisement, a gap and the end of the capture look the
    same. Where nodes refuse each other anyway, nobody sees that they do not receive either.
    """
    found = truth(document)
    history = History(document)
    last = max((float(advert["t"]) for advert in history.adverts), default=0.0)
    for item in found:
        if item["label"] == "master_gap" and item["end"] >= history.end and item["start"] >= last:
            item["optional"] = True
        if item["label"] in ("partition", "one_way_link") and not _agree(history, item):
            item["optional"] = True
    return found


def _agree(history: History, cut: Label) -> bool:
    """Tell whether a cut parts nodes that would accept each other, as two masters show."""
    for vhid in history.vhids:
        for split in _split_brain(history, vhid):
            start, end = max(split["start"], cut["start"]), min(split["end"], cut["end"])
            if start > end:
                continue
            masters = set(split["nodes"])
            sides = [set(side) & masters for side in cut["sides"]]
            signed = [
                {
                    s.signed
                    for s in history.settings[vhid]
                    if s.node in side and s.start <= end and s.end >= start
                }
                for side in sides
            ]
            if signed[0] & signed[1]:
                return True
    return False


# ---- who is MASTER


def _split_brain(history: History, vhid: int) -> Iterator[Label]:
    marks = sorted(
        [(r.start, 1, r) for r in history.master_periods[vhid]]
        + [(r.end, 0, r) for r in history.master_periods[vhid]],
        key=lambda mark: mark[:2],
    )
    masters: list[MasterSpan] = []
    since: float | None = None
    nodes: set[str] = set()
    for at, gain, period in marks:
        if gain:
            masters.append(period)
        else:
            masters.remove(period)
        if len(masters) > 1:
            if since is None:
                since, nodes = at, set()
            nodes |= {item.node for item in masters}
        elif since is not None:
            if at - since > _allowed(history, vhid, nodes, at):
                yield label("split_brain", since, at, nodes, vhid)
            since = None


def _allowed(history: History, vhid: int, nodes: set[str], at: float) -> float:
    settings = [history.setting(node, vhid, at - 1e-6) for node in nodes]
    longest = max((s.interval for s in settings if s is not None), default=1.0)
    return 1.07 * longest + 0.05


def _flapping(history: History, vhid: int) -> Iterator[Label]:
    gains = [r for r in history.master_periods[vhid][1:] if not _comes_to_nothing(history, vhid, r)]
    base = max((s.advbase for s in history.settings[vhid]), default=1)
    window = 30.0 * max(1, base)
    members: set[int] = set()
    for index in range(len(gains) - 3):
        if gains[index + 3].start - gains[index].start <= window:
            members |= set(range(index, index + 4))
    for run in _runs(members):
        first, last = gains[run[0]], gains[run[-1]]
        nodes = {gains[i].node for i in run}
        yield label("flapping", first.start, last.start, nodes, vhid, changes=len(run))
    wait = 10 * max((s.take_over for s in history.settings[vhid]), default=3.0)
    slow: list[list[int]] = []
    for index, gain in enumerate(gains):
        if slow and gain.start - gains[index - 1].start <= wait:
            slow[-1].append(index)
        else:
            slow.append([index])
    for run in slow:
        if len(run) >= 4 and not set(run) <= members:
            first, last = gains[run[0]], gains[run[-1]]
            nodes = {gains[i].node for i in run}
            yield label(
                "flapping", first.start, last.start, nodes, vhid, changes=len(run), optional=True
            )


def _runs(members: set[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for index in sorted(members):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _comes_to_nothing(history: History, vhid: int, claim: MasterSpan) -> bool:
    """Tell a claim that loses at once to a node that stays MASTER."""
    if claim.end - claim.start >= BRIEF:
        return False
    return any(
        other is not claim and other.start < claim.end and other.end > claim.end + BRIEF
        for other in history.master_periods[vhid]
    )


def _gaps(history: History, vhid: int) -> Iterator[Label]:
    periods = history.master_periods[vhid]
    wait = max((s.take_over for s in history.settings[vhid]), default=3.0)
    reached = None
    for period in [*periods, None]:
        start = period.start if period is not None else history.end
        if reached is not None and start - reached > 1.25 * wait + 0.5:
            nodes = {s.node for s in history.settings[vhid]}
            yield label("master_gap", reached, start, nodes, vhid)
        if period is not None:
            reached = max(reached if reached is not None else period.end, period.end)


def _name_causes(found: list[Label]) -> None:
    causes = [
        item
        for item in found
        if item["label"] not in ("split_brain", "flapping", "master_gap", "equal_skew_tie")
    ]
    for item in found:
        if item["label"] in ("split_brain", "flapping", "master_gap"):
            item["causes"] = sorted(
                {
                    cause["label"]
                    for cause in causes
                    if cause["vhid"] in (None, item["vhid"])
                    and cause["start"] <= item["end"]
                    and item["start"] <= cause["end"] + BRIEF
                }
            )
