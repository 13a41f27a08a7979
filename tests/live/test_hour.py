"""The line that the dashboard draws of a group's last hour. Plain bytes; frames are the clock."""

from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.live.hour import MINUTES, hour
from carpscope.live.monitor import Monitor
from carpscope.report.nodes import hour as drawn
from carpscope.report.snapshot import GroupView
from tests.plain import START, Tape

BEGIN = round(START * SECOND)
A, B = "10.0.0.1", "10.0.0.2"
LOOK: Nanos = 500 * MILLISECOND


def line(tape: Tape, until: float, blind: tuple[float, float] | None = None) -> str:
    """Return the letters at a second."""
    monitor = Monitor(Config(), "eth1")
    frames = [
        Frame(number, BEGIN + round(at * SECOND), 1, data, len(data))
        for number, (at, data) in enumerate(sorted(tape.frames, key=lambda f: f[0]), 1)
    ]
    now = BEGIN
    while now < BEGIN + round(until * SECOND):
        now += LOOK
        at = (now - BEGIN) / SECOND
        if blind and blind[0] < at <= blind[1]:
            if not monitor.sight.is_blind:
                monitor.lose(now, now, "eth1 went down")
        elif monitor.sight.is_blind:
            monitor.resume(now)
        while frames and frames[0].at <= now:
            monitor.see(frames.pop(0))
        if not monitor.sight.is_blind:
            monitor.look(now)
    return hour(next(iter(monitor.observer.groups.values())), monitor, now)


def steady(*parts: tuple[float, float, str, int]) -> Tape:
    tape = Tape()
    for start, end, source, skew in parts:
        at = start
        while at < end:
            tape.advert(at, source, 1, skew)
            at += 1 + skew / 256
    return tape


def test_a_minute_is_what_it_was_at_its_worst() -> None:
    told = line(steady((0, 300, A, 0)), 300)
    assert told == " " * (MINUTES - 5) + "MMMMM"
    failover = line(steady((0, 130, A, 0), (133.4, 300, B, 100)), 300)
    assert failover[-5:] == "MM0MM"
    both = line(steady((0, 300, A, 0), (130, 170, B, 100)), 300)
    assert both[-5:] == "MM2MM"
    preempted = line(steady((0, 130.9, B, 100), (130, 300, A, 0)), 300)
    assert preempted[-5:] == "MMMMM", "an election overlaps for less than an interval"
    dead = line(steady((0, 130, A, 0)), 300)
    assert dead[-5:] == "MM000"


def test_what_was_not_seen_is_neither_one_nor_the_other() -> None:
    told = line(steady((0, 130, A, 0), (200, 300, A, 0)), 300, blind=(125, 199))
    assert told[-5:] == "MM??M"


def test_parts_show_their_worst_minute_in_words_that_a_plain_terminal_has() -> None:
    letters = " " * 50 + "MM0M2M?MMM"
    group = GroupView("eth1", "vhid1", 1, None, (), hour=letters)
    assert drawn(group, unicode=False, cells=60).plain == "." * 50 + "##_#2#?###"
    assert drawn(group, unicode=True).plain == "·" * 16 + "█▁2█"
