"""States are true when they are told, and each is told once. Plain bytes; frames are the clock."""

from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.live.monitor import Monitor
from carpscope.live.states import GroupChange, StateChange
from tests.plain import START, Tape

TICK: Nanos = 200 * MILLISECOND
BEGIN = round(START * SECOND)
A, B = "10.0.0.1", "10.0.0.2"


def watched(tape: Tape, until: float, blind: tuple[float, float] | None = None) -> list[str]:
    """Return what was told, with the second in which it was."""
    monitor = Monitor(Config(), "eth1")
    told: list[str] = []
    frames = [
        Frame(number, BEGIN + round(at * SECOND), 1, data, len(data))
        for number, (at, data) in enumerate(sorted(tape.frames, key=lambda f: f[0]), 1)
    ]
    now = BEGIN
    while now < BEGIN + round(until * SECOND):
        now += TICK
        while frames and frames[0].at <= now:
            monitor.see(frames.pop(0))
        at = (now - BEGIN) / SECOND
        if blind and blind[0] <= at < blind[1]:
            if not monitor.sight.is_blind:
                monitor.lose(now, now, "down")
            continue
        if monitor.sight.is_blind:
            monitor.resume(now)
        monitor.look(now)
        for item in monitor.taken_news():
            if isinstance(item, GroupChange):
                told.append(f"{at:.0f} {item.state}")
            elif isinstance(item, StateChange):
                told.append(f"{at:.0f} {item.node.id} {item.is_master} {item.why}")
    return told


def test_a_group_that_dies_is_told_without_a_successor() -> None:
    tape = Tape()
    for second in range(10):
        tape.advert(second, A, 1)
    told = watched(tape, 60)
    assert told == ["0 10.0.0.1 True claimed", "0 MASTER", f"12 {A} False silent", "12 INIT"]


def test_a_take_over_is_no_change_of_the_group() -> None:
    tape = Tape()
    for second in range(10):
        tape.advert(second, A, 1)
    for second in range(13, 20):
        tape.advert(second - 0.6, B, 1, skew=100)
    told = watched(tape, 19)
    assert [one for one in told if "." not in one] == ["0 MASTER"]


def test_who_comes_back_late_is_told_again() -> None:
    tape = Tape()
    for second in (*range(10), *range(20, 25)):
        tape.advert(second, A, 1)
    told = [one for one in watched(tape, 24) if "." not in one]
    assert told == ["0 MASTER", "12 INIT", "20 MASTER"]


def test_a_bow_out_is_backup_until_somebody_claims_or_should_have() -> None:
    for more, last in ((True, "12 MASTER"), (False, "12 INIT")):
        tape = Tape()
        for second in range(9):
            tape.advert(second, A, 1)
        tape.advert(9, A, 1, base=255, skew=255)
        if more:
            for second in range(12, 20):
                tape.advert(second, B, 1, skew=100)
        told = [one for one in watched(tape, 19) if "." not in one]
        assert told == ["0 MASTER", "9 BACKUP", last]


def test_across_a_time_in_which_nothing_could_be_seen_nothing_is_told() -> None:
    tape = Tape()
    for second in (*range(10), *range(30, 40)):
        tape.advert(second, A, 1)
    told = watched(tape, 39, blind=(10, 29.8))
    assert told == ["0 10.0.0.1 True claimed", "0 MASTER"]
