"""Masters that advertise more slowly than they announce, and what is behind it."""

from pathlib import Path
from typing import Any

import pytest

from tests.detect.field import analysis, labels, only
from tests.detect.tapes import lone
from tests.plain import Tape, carp, ether, ipv4
from tests.program import run

SOURCE = "192.0.2.1"


def paced(
    every: float,
    count: int = 20,
    *,
    step: int = 1,
    skew: int = 0,
    copied: float | None = None,
    ucarp: bool = False,
    start: float = 0.0,
) -> Tape:
    """Record one master; its counter moves by so much, and each frame may come twice."""
    tape = Tape()
    for beat in range(count):
        at = start + beat * every
        body = carp(7, 1, skew, 5000 + beat * step, vips=("192.0.2.10",))
        packet = ipv4(SOURCE, "224.0.0.18", 112, body, number=(beat * 7919 + 1) % 65536)
        own = "00:00:5e:00:00:07" if ucarp else "00:00:5e:00:01:07"
        frame = ether(own, "01:00:5e:00:00:12", 0x0800, packet)
        tape.put(at, frame)
        if copied is not None:
            tape.put(at + copied, frame)
    return tape


def late(tape: Tape, room: Path) -> dict[str, Any]:
    found = analysis(tape, room)
    assert labels(found) == {"late_advertisements"}
    return only(found, "late_advertisements")


def test_a_sender_slower_than_it_says(tmp_path: Path) -> None:
    one = late(paced(2.5), tmp_path)
    assert one["summary"] == (
        "advertisements of 192.0.2.1 come every 2.50 s, and it announces 1/0: 1.00 s"
    )
    assert one["explanation"].startswith("19 intervals in a row")
    assert "moved by 1 each time: none was sent in between" in one["explanation"]
    assert one["ongoing"]
    assert "load" in one["remedy"]


@pytest.mark.parametrize(("share", "said"), [(2, "of 2 advertisements"), (3, "of 3")])
@pytest.mark.parametrize("copied", [None, 0.0004])
def test_what_was_sent_and_not_captured(
    share: int, said: str, copied: float | None, tmp_path: Path
) -> None:
    # every third of 1/0 is as far apart as a node that hears itself: the counter tells
    one = late(paced(1.002 * share, step=share, copied=copied), tmp_path)
    assert f"moved by {share} each time: {said}" in one["explanation"]
    assert "loses advertisements" in one["remedy"]


@pytest.mark.parametrize(("skew", "every"), [(0, 3.002), (0, 3.02), (100, 3.392)])
def test_who_hears_itself_steps_down_each_time(skew: int, every: float, tmp_path: Path) -> None:
    found = analysis(paced(every, skew=skew, copied=0.0004), tmp_path)
    assert labels(found) == {"looped_advert"}
    one = only(found, "looped_advert")
    assert one["summary"] == "192.0.2.1 hears its own advertisements and steps down after each"
    assert f"were {every:.2f} s long" in one["explanation"]
    assert "0.4 to 0.4 ms after it was sent" in one["explanation"]
    assert found["status"] == "failed"


def test_without_the_copies_it_is_only_likely(tmp_path: Path) -> None:
    one = late(paced(3.002), tmp_path)
    assert "it may step down after each" in one["explanation"]
    assert "come back to it" in one["remedy"]


def test_a_mirror_port_beside_a_late_sender_is_no_loop(tmp_path: Path) -> None:
    late(paced(2.5, copied=0.0004), tmp_path)


def test_a_counter_that_never_moves_tells_nothing(tmp_path: Path) -> None:
    one = late(paced(2.5, step=0), tmp_path)
    assert "never moves, and does not tell" in one["explanation"]


def test_a_late_ucarp(tmp_path: Path) -> None:
    late(paced(4.0, skew=200, ucarp=True), tmp_path)


def test_it_begins_and_ends_within_a_capture(tmp_path: Path) -> None:
    tape = Tape()
    tape.frames = lone(until=40).frames
    counter = 7 << 40
    for beat in range(1, 16):
        body = carp(7, 1, 0, counter + 40 + beat, vips=("192.0.2.10",))
        packet = ipv4(SOURCE, "224.0.0.18", 112, body, number=beat)
        frame = ether("00:00:5e:00:01:07", "01:00:5e:00:00:12", 0x0800, packet)
        tape.put(39 + beat * 2.0, frame)
    tape.counters[("", 7)] = counter + 55
    for second in range(40):
        tape.advert(70 + second, SOURCE, 7, vips=("192.0.2.10",))
    one = late(tape, tmp_path)
    assert (one["frame_count"], one["duration_s"], one["ongoing"]) == (16, 30.0, False)


@pytest.mark.parametrize(
    "tape",
    [
        paced(1.002),
        paced(1.22),
        paced(2.5, 10),  # nine intervals
        paced(1.002, copied=0.0004),
        paced(1.4, skew=100),
    ],
    ids=["as it says", "a stall", "too few", "mirrored", "advskew"],
)
def test_what_is_not_late(tape: Tape, tmp_path: Path) -> None:
    assert labels(analysis(tape, tmp_path)) == set()


def test_two_masters_that_wait_for_each_other_are_not_late(tmp_path: Path) -> None:
    tape = Tape()
    for beat in range(20):
        tape.advert(beat * 6.0, SOURCE, 7, 100, vips=("192.0.2.10",))
        tape.advert(beat * 6.0 + 3.0, "192.0.2.2", 7, 100, vips=("192.0.2.10",))
    assert "late_advertisements" not in labels(analysis(tape, tmp_path))


def paused(resumes: int, other: bool = False) -> Tape:
    """Record a master of which a minute is not captured, and what its counter is then."""
    tape = Tape()
    tape.frames = lone(until=20).frames
    source, skew = ("192.0.2.2", 100) if other else (SOURCE, 0)
    for beat in range(20):
        body = carp(7, 1, skew, (7 << 40) + resumes + beat, vips=("192.0.2.10",))
        packet = ipv4(source, "224.0.0.18", 112, body, number=beat)
        at = 80 + beat * (1 + skew / 256)
        tape.put(at, ether("00:00:5e:00:01:07", "01:00:5e:00:00:12", 0x0800, packet))
    for second in range(100):
        tape.ask(second + 0.5, "02:00:00:00:00:60", "192.0.2.60", "192.0.2.61")
        tape.ask(second + 0.6, "02:00:00:00:00:61", "192.0.2.61", "192.0.2.60")
    return tape


@pytest.mark.parametrize(("resumes", "other"), [(81, False), (78, True)])
def test_what_counters_prove_to_have_been_sent_is_no_gap(
    resumes: int, other: bool, tmp_path: Path
) -> None:
    tape = paused(resumes, other)
    found = analysis(tape, tmp_path)
    assert "master_gap" not in labels(found)
    screen = run("analyze", tape.write(tmp_path / "again.pcap")).out
    assert "of 192.0.2.1 were sent and not captured" in " ".join(screen.split())


@pytest.mark.parametrize("resumes", [21, 24, 1 << 50])
def test_a_counter_that_stood_still_shows_a_gap(resumes: int, tmp_path: Path) -> None:
    assert "master_gap" in labels(analysis(paused(resumes), tmp_path))
