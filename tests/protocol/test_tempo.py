"""Ticks: how a timeout is rounded, and where it ends."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.units import MILLISECOND, SECOND
from carpscope.protocol.draws import Draws
from carpscope.protocol.tempo import NOMINAL, Rounding


@pytest.mark.parametrize(
    ("hz", "microseconds", "ticks"),
    [
        (1000, 1_000_000, 1001),
        (100, 1_000_000, 101),
        (100, 1_390_625, 141),
        (1000, 3_390_625, 3392),
        (100, 3906, 2),
    ],
)
def test_tvtohz_rounds_up_and_adds_one(hz: int, microseconds: int, ticks: int) -> None:
    assert replace(NOMINAL, hz=hz).ticks(microseconds, Rounding.UP_PLUS_ONE) == ticks


@pytest.mark.parametrize(("microseconds", "ticks"), [(1_000_000, 100), (1_390_625, 139), (3906, 1)])
def test_openbsd_of_2018_loses_the_rest(microseconds: int, ticks: int) -> None:
    assert replace(NOMINAL, hz=100).ticks(microseconds, Rounding.DOWN) == ticks


def test_a_timer_armed_inside_a_tick_counts_from_its_beginning() -> None:
    tempo = replace(NOMINAL, hz=100, first_tick_ns=3 * MILLISECOND)
    for at in (13 * MILLISECOND, 22 * MILLISECOND):
        assert tempo.deadline(at, 101, Draws(0)) == 1023 * MILLISECOND
    assert tempo.deadline(23 * MILLISECOND, 101, Draws(0)) == 1033 * MILLISECOND


def test_a_fast_clock_ticks_early() -> None:
    fast = replace(NOMINAL, clock_ppb=50_000)
    assert fast.deadline(0, 1_000_000, Draws(0)) == 1000 * SECOND * 1_000_000 // 1_000_050 + 1


@given(
    st.integers(-SECOND, 1 << 55),
    st.integers(1, 100_000),
    st.sampled_from((100, 1000, 128, 60)),
    st.integers(0, 10 * MILLISECOND),
    st.integers(-100_000, 100_000),
)
def test_a_timer_is_never_two_ticks_off(at: int, ticks: int, hz: int, first: int, ppb: int) -> None:
    tempo = replace(NOMINAL, hz=hz, first_tick_ns=first, clock_ppb=ppb)
    span = tempo.deadline(at, ticks, Draws(0)) - at
    tick = SECOND / hz / (1 + ppb / 1e9)
    assert (ticks - 1) * tick - 2 <= span <= ticks * tick + 2


def test_lateness_is_drawn_between_its_bounds() -> None:
    tempo = replace(NOMINAL, lateness_ns=(4000, 20_000))
    late = {tempo.deadline(0, 10, Draws(seed)) - 10 * MILLISECOND for seed in range(500)}
    assert min(late) >= 4000
    assert max(late) <= 20_000
    assert len(late) > 100


def test_slack_makes_a_timer_late_by_a_sixteenth_at_most() -> None:
    tempo = replace(NOMINAL, slack_ppb=1_000_000_000)
    late = [tempo.deadline(0, 1600, Draws(seed)) - 1600 * MILLISECOND for seed in range(300)]
    assert min(late) >= 0
    assert 90 * MILLISECOND < max(late) <= 100 * MILLISECOND


def test_poll_sleeps_a_little_longer() -> None:
    tempo = replace(NOMINAL, oversleep_ns=(60_000, 60_000), oversleep_ppm=1000)
    assert tempo.wake(0, 1000, Draws(0)) == 1001 * MILLISECOND + 60_000


def test_gettimeofday_has_microseconds() -> None:
    assert NOMINAL.wall(1_234_567) == 1_234_000
