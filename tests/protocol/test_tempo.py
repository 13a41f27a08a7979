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


def test_slack_too_small_for_a_nanosecond_is_none() -> None:
    tempo = replace(NOMINAL, slack_ppb=1)
    assert {tempo.deadline(0, 100, Draws(seed)) for seed in range(40)} == {100 * MILLISECOND}


def test_poll_sleeps_a_little_longer() -> None:
    tempo = replace(NOMINAL, oversleep_ns=(60_000, 60_000), oversleep_ppm=1000)
    assert tempo.wake(0, 1000, Draws(0)) == 1001 * MILLISECOND + 60_000


def test_gettimeofday_has_microseconds() -> None:
    assert NOMINAL.wall(1_234_567) == 1_234_000


def test_lateness_has_both_its_ends() -> None:
    tempo = replace(NOMINAL, lateness_ns=(1, 3))
    late = {tempo.deadline(0, 10, Draws(seed)) - 10 * MILLISECOND for seed in range(100)}
    assert late == {1, 2, 3}
    both = replace(NOMINAL, lateness_ns=(5, 5), slack_ppb=500_000_000)
    late = {both.deadline(0, 160, Draws(seed)) - 160 * MILLISECOND for seed in range(200)}
    assert min(late) >= 5
    assert 4 * MILLISECOND < max(late) <= 5 * MILLISECOND + 5, "half of a sixteenth"


def test_a_fast_clock_sleeps_less_and_is_ahead() -> None:
    fast = replace(NOMINAL, clock_ppb=1_000_000_000)
    assert fast.wake(SECOND, 1000, Draws(0)) == SECOND + SECOND // 2
    assert fast.wall(3 * SECOND) == 6 * SECOND
    slow = replace(NOMINAL, clock_ppb=-500_000_000)
    assert slow.wake(SECOND, 1000, Draws(0)) == 3 * SECOND
    assert slow.wall(3 * SECOND + 2000) == 1_500_001_000


def test_sleep_is_overslept_by_a_share_and_a_draw() -> None:
    tempo = replace(NOMINAL, oversleep_ns=(0, 60_000), oversleep_ppm=2000)
    found = [tempo.wake(7, 500, Draws(seed)) - 7 - 501 * MILLISECOND for seed in range(300)]
    assert min(found) >= 0
    assert 50_000 < max(found) <= 60_000


def test_at_least_one_tick() -> None:
    assert replace(NOMINAL, hz=100).ticks(1, Rounding.DOWN) == 1
    assert replace(NOMINAL, hz=100).ticks(20_000, Rounding.DOWN) == 2
    assert replace(NOMINAL, hz=100).ticks(20_000, Rounding.UP_PLUS_ONE) == 3
    assert replace(NOMINAL, hz=100).ticks(20_001, Rounding.UP_PLUS_ONE) == 4


def test_draws_are_splitmix64() -> None:
    """The first numbers of its reference implementation for the seeds 0 and 1234567."""
    zero = Draws(0)
    assert [zero.bits() for _ in range(3)] == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]
    other = Draws(1_234_567)
    assert [other.bits() for _ in range(2)] == [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
    ]
    assert Draws((1 << 64) - 1).bits() == Draws(-1).bits()


def test_a_range_of_one_number_costs_no_draw() -> None:
    one, other = Draws(5), Draws(5)
    assert one.between(9, 9) == 9
    assert one.bits() == other.bits()
    assert {Draws(seed).between(3, 4) for seed in range(40)} == {3, 4}


def test_the_nominal_clock_has_no_chance_in_it() -> None:
    assert NOMINAL.hz == 1000
    assert NOMINAL.clock_ppb == NOMINAL.slack_ppb == NOMINAL.first_tick_ns == 0
    assert NOMINAL.lateness_ns == NOMINAL.script_ns == NOMINAL.oversleep_ns == (0, 0)
    assert NOMINAL.oversleep_ppm == 0
