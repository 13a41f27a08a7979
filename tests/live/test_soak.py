"""What `make soak` holds findings against: its schedule, and nothing else."""

from typing import Any

from tests.live.episodes import KINDS, Episode, pair
from tests.live.soak import GRACE_S, delays, invented

FIRST, SECOND = pair(1), pair(2)


def told(at: float, label: str, group: str = "vhid1", **more: Any) -> tuple[float, dict[str, Any]]:
    finding = {"label": label, "start": "2023-11-14T22:13:20Z", "why": None, **more}
    event = {"event_type": "finding", "action": "opened", "group": group, "message": label}
    return at, {**event, "finding": finding}


def done(kind: str, start: float, end: float) -> Episode:
    _, must, may = KINDS[kind]
    return Episode(FIRST, kind, start, must, may, end)


def test_what_a_fault_explains_is_not_invented() -> None:
    cut = done("one way", 100, 130)
    events = [told(105, "split_brain"), told(107, "partition"), told(131, "flapping")]
    assert invented(events, [cut]) == []


def test_what_no_fault_explains_is() -> None:
    cut = done("one way", 100, 130)
    assert invented([told(99, "split_brain")], [cut]), "before it"
    assert invented([told(131 + GRACE_S, "split_brain")], [cut]), "long after it"
    assert invented([told(105, "master_gap")], [cut]), "nothing that follows from it"
    assert invented([told(105, "split_brain", SECOND.group)], [cut]), "in another group"
    assert invented([told(105, "equal_skew_tie")], []) == ["invented in vhid1: equal_skew_tie"]


def test_delays_count_from_when_a_split_brain_could_be_proved() -> None:
    start = 1_700_000_000
    first, again = told(start + 3, "split_brain"), told(start + 60, "split_brain", why="again")
    [delay] = delays([first, again, told(start, "partition")])
    assert 1 < delay < 2


def test_every_fault_says_what_has_to_be_told_of_it() -> None:
    assert all(must or kind == "failover" for kind, (_, must, _) in KINDS.items())
