"""How early and how late: bounds of time, held against what was measured and computed by hand."""

import pytest

from carpscope.core.units import MILLISECOND, SECOND
from carpscope.protocol import timers
from carpscope.protocol.profile import profiles


def band(name: str, advbase: int, advskew: int) -> tuple[int, int]:
    early, late = timers.takeover(profiles()[name], advbase, advskew)
    return early // MILLISECOND, late // MILLISECOND


@pytest.mark.parametrize(
    ("advbase", "advskew", "measured"),
    [
        # real ucarp, last advertisement to first of the next (ucarp-measured.md), in ms
        (1, 0, (3000, 4000)),
        (1, 10, (4110, 4110)),
        (1, 50, (3400, 4600)),
        (1, 100, (4400, 5170)),
        (2, 200, (9300, 9300)),
        (5, 0, (15000, 15000)),
    ],
)
def test_what_ucarp_was_seen_to_wait(advbase: int, advskew: int, measured: tuple[int, int]) -> None:
    early, late = band("ucarp", advbase, advskew)
    assert early <= measured[0]
    assert measured[1] <= late
    assert late - early <= 2 * SECOND // MILLISECOND + 1000 * advskew // 128


@pytest.mark.parametrize(
    ("name", "skew", "wait"),
    [
        ("freebsd13", 100, (3390, 3648)),  # 3.39 s, two ticks of 10 ms, a sixteenth, a busy host
        ("freebsd9", 100, (3390, 3435)),
        ("openbsd", 100, (3390, 3435)),
        ("openbsd2018", 100, (3380, 3415)),  # ticks are cut there: early by up to two
        ("openbsd2025", 100, (4171, 4215)),  # three whole intervals
    ],
)
def test_what_kernels_wait(name: str, skew: int, wait: tuple[int, int]) -> None:
    early, late = band(name, 1, skew)
    assert abs(early - wait[0]) <= 1
    assert abs(late - wait[1]) <= 1


def test_no_system_is_sooner_than_too_soon() -> None:
    for profile in profiles().values():
        for shape in ((1, 0), (1, 100), (5, 254), (0, 1)):
            assert timers.too_soon(*shape) < timers.interval(profile, *shape).earliest


@pytest.mark.parametrize(("shape", "spacing"), [((1, 100), 1_461_900_000), ((1, 0), 1_010_000_000)])
def test_what_a_public_capture_of_freebsd_shows_is_normal(
    shape: tuple[int, int], spacing: int
) -> None:
    early, late = timers.interval(profiles()["freebsd9" if shape[1] == 0 else "freebsd13"], *shape)
    assert early <= spacing <= late
