"""A clock by frames of both directions: enclosed by them, whatever their ways."""

from random import Random

import pytest

from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.timeline.clocks import Clock
from carpscope.timeline.measuring import measured
from carpscope.timeline.pairing import Pair, Point, compared

NEAR, FAR, THIRD = 1, 2, 3
BASE = Clock(0, 0, bound=0)


def points(
    *,
    there: Nanos,
    back: Nanos,
    jitter: Nanos = 0,
    offset: Nanos = 0,
    ppm: float = 0.0,
    step: Nanos = 0,
    third: Nanos | None = None,
    seed: int = 1,
) -> list[Point]:
    """Make frames of two hosts at their own captures, one a second each, for two minutes."""
    random = Random(seed)
    made = []
    for second in range(120):
        at = second * SECOND
        told = offset + round(at * ppm / 1_000_000) + (step if second >= 60 else 0)
        made.append(Point(at, told + there + random.randint(0, jitter), NEAR))
        arrives = at + SECOND // 2
        made.append(Point(arrives, told - back - random.randint(0, jitter), FAR))
        if third is not None:
            noise = random.randint(0, jitter) - random.randint(0, jitter)
            made.append(Point(at + SECOND // 4, told + third + noise, THIRD))
    return sorted(made)


def clock_of(found: Pair, path_max: Nanos | None = None) -> Clock:
    clock = measured(found, BASE, (0, 120 * SECOND), path_max)
    assert clock is not None
    return clock


@pytest.mark.parametrize(
    ("there", "back", "jitter"),
    [(1, 1, 0), (15, 15, 0), (200, 200, 0), (200, 20, 0), (5, 150, 60), (100, 100, 80)],
)
@pytest.mark.parametrize(("offset", "ppm"), [(0, 0.0), (37, 50.0), (-240 * SECOND, -50.0)])
def test_a_clock_is_within_its_bound(
    there: int, back: int, jitter: int, offset: Nanos, ppm: float
) -> None:
    scale = MILLISECOND
    made = points(
        there=there * scale + 10_000, back=back * scale + 10_000, jitter=jitter * scale,
        offset=offset, ppm=ppm,
    )  # fmt: skip
    clock = clock_of(compared(made, (0, 1)))
    assert clock.bound is not None
    assert clock.steps == []
    for second in range(120):
        at = second * SECOND
        told = at + offset + round(at * ppm / 1_000_000)
        assert abs(clock.corrected(told) - at) <= clock.bound
    assert clock.round_trip is not None
    assert clock.round_trip >= (there + back) * scale - MILLISECOND // 10
    assert clock.bound <= (there + back + jitter) * scale + MILLISECOND


@pytest.mark.parametrize("jitter", [0, 20])
@pytest.mark.parametrize("by", [-2 * SECOND, 300 * MILLISECOND, 5 * SECOND])
def test_a_step_is_what_all_hosts_show(by: Nanos, jitter: int) -> None:
    made = points(
        there=10 * MILLISECOND, back=10 * MILLISECOND, jitter=jitter * MILLISECOND, step=by
    )
    clock = clock_of(compared(made, (0, 1)))
    (step,) = clock.steps
    assert step.is_clock
    assert step.after <= 60 * SECOND <= step.before + SECOND // 2
    assert clock.bound is not None
    # a clock that is set back says some times twice; in order they can be told apart
    rights = [second * SECOND for second in range(120)]
    tells = [at + (by if at >= 60 * SECOND else 0) for at in rights]
    for at, told in zip(rights, clock.in_order(tells), strict=True):
        assert abs(told - at) <= clock.bound


def test_a_step_while_nothing_passes_is_found_by_who_is_heard_again_first() -> None:
    made = [
        point
        for point in points(there=5 * MILLISECOND, back=5 * MILLISECOND, step=2 * SECOND)
        if (point.host == NEAR and not 30 * SECOND < point.at < 80 * SECOND)
        or (point.host == FAR and point.at > 78 * SECOND)
    ]
    clock = clock_of(compared(made, (0, 1)))
    assert [round(step.by / SECOND) for step in clock.steps] == [2]
    assert clock.bound is not None
    assert clock.bound < 100 * MILLISECOND


def test_a_way_that_becomes_longer_is_no_step() -> None:
    made = [
        p._replace(late=p.late + 40 * MILLISECOND) if p.host == NEAR and p.at >= 60 * SECOND else p
        for p in points(there=10 * MILLISECOND, back=10 * MILLISECOND)
    ]
    clock = clock_of(compared(made, (0, 1)))
    assert clock.steps == []
    assert clock.bound is not None
    assert abs(clock.corrected(90 * SECOND) - 90 * SECOND) <= clock.bound


def test_hosts_between_two_places_are_next_to_neither() -> None:
    found = compared(points(there=20 * MILLISECOND, back=20 * MILLISECOND, third=0), (0, 1))
    assert (found.edge(other=False), found.edge(other=True)) == ([NEAR], [FAR])


def test_one_direction_bounds_nothing_without_an_assumption() -> None:
    made = [p for p in points(there=15 * MILLISECOND, back=0) if p.host == NEAR]
    found = compared(made, (0, 1))
    assert clock_of(found).bound is None
    bound = clock_of(found, 20 * MILLISECOND).bound
    assert bound is not None
    assert 15 * MILLISECOND <= bound <= 25 * MILLISECOND


def test_a_copy_that_somebody_sends_later_moves_no_clock() -> None:
    made = points(there=1 * MILLISECOND, back=1 * MILLISECOND)
    made[50] = made[50]._replace(late=made[50].late + 4 * SECOND)
    found = compared(made, (0, 1))
    assert found.outliers == 1
    bound = clock_of(found).bound
    assert bound is not None
    assert bound < 5 * MILLISECOND
