"""What is too much to draw is thinned, and keeps its extremes and how many there were."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from carpscope.report.forensic import figures
from carpscope.report.forensic.figures import Axis, Stretch

AXIS = Axis(1000, 9000)
LIMIT = 60
columns = LIMIT // 2
times = st.lists(st.integers(900, 9100), min_size=LIMIT + 1, max_size=300)


@given(times)
def test_a_curve_says_how_many_were_advertised_when(at: list[int]) -> None:
    counts = [0] * (LIMIT + 1)
    for one in at:
        counts[min(max((one - AXIS.first) * LIMIT // AXIS.span, 0), LIMIT)] += 1
    heights = [f"{34 - 8 * count / max(counts):.1f}" for count in counts]
    path, is_density = figures.strokes(AXIS, at, LIMIT)
    assert is_density
    assert [point.split()[1] for point in path.split("L")[1:-1]] == heights


@given(times, st.lists(st.integers(0, 9000), max_size=3))
def test_the_longest_and_the_shortest_interval_are_drawn(at: list[int], starts: list[int]) -> None:
    at.sort()
    stretches = [Stretch(one, one, 5, 40 + one % 7, str(one)) for one in sorted({0, *starts})]
    drawn = figures.intervals("node", AXIS, at, stretches, LIMIT)
    most = 3 * max(stretch.high for stretch in stretches)
    ends = [(end, end - begin) for begin, end in pairwise(at)]
    gaps = [gap for _, gap in ends if gap <= most]
    if not gaps:
        assert drawn is None
        return
    assert drawn is not None
    fits = 0
    for end, gap in ends:
        before = [one for one in stretches if one.start < end]
        of = before[-1] if before else stretches[0]
        fits += of.low <= gap <= of.high
    assert (drawn.count, drawn.inside, drawn.gaps) == (len(gaps), fits, len(ends) - len(gaps))
    assert (drawn.shortest, drawn.longest) == (min(gaps), max(gaps))
    height = drawn.top - drawn.bottom
    for gap in (drawn.shortest, drawn.longest):
        y = round((drawn.top - gap) / height * figures.PLOT_HEIGHT, 1)
        assert f" {y:g}h" in drawn.dots + drawn.outside
    assert (drawn.dots + drawn.outside).count("M") <= 2 * max(2 * (columns + 1), LIMIT)
