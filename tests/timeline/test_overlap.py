"""Files of one recording that overlap: each packet once."""

from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.frame import Frame
from carpscope.timeline.copies import RotatedFiles
from tests.archive.maker import advert

rows = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 4), st.sampled_from([b"a", b"b", b""])),
    max_size=60,
)


def frames(rows: list[tuple[int, int, bytes]]) -> list[Frame]:
    """Make frames of (time, capture, bytes), in order of time, capture and number."""
    made = [
        Frame(number, at, 1, data, len(data), capture)
        for number, (at, capture, data) in enumerate(rows)
    ]
    return sorted(made, key=lambda f: (f.at, f.capture, f.number))


@given(rows)
def test_as_many_stay_as_the_capture_holds_that_has_most(
    rows: list[tuple[int, int, bytes]],
) -> None:
    given = frames(rows)
    overlap = RotatedFiles(5)
    found = list(overlap.once(given))
    assert found == [frame for frame in given if frame in set(found)]
    assert len(found) + sum(overlap.packets) == len(given)
    kept = [(f.at, f.data) for f in found]
    for at, data in {(f.at, f.data) for f in given if f.data}:
        own = [
            [(f.at, f.data) for f in given if f.capture == n].count((at, data)) for n in range(5)
        ]
        assert kept.count((at, data)) == max(own)


def test_what_one_file_holds_twice_stays_twice() -> None:
    given = frames([(5, 0, b"x"), (5, 0, b"x"), (5, 1, b"x"), (6, 0, b"y"), (7, 1, b"z")])
    overlap = RotatedFiles(2)
    assert [(f.capture, f.data) for f in overlap.once(given)] == [
        (0, b"x"), (0, b"x"), (0, b"y"), (1, b"z"),
    ]  # fmt: skip
    assert overlap.packets == [0, 1]


def test_another_time_is_another_packet() -> None:
    """A replay is the same bytes later: it must reach the analysis."""
    overlap = RotatedFiles(2)
    assert len(list(overlap.once(frames([(5, 0, b"x"), (6, 1, b"x")])))) == 2
    assert overlap.packets == [0, 0]


def test_advertisements_among_them_are_counted() -> None:
    overlap = RotatedFiles(2)
    data = advert(1, 1, 5)
    assert len(list(overlap.once(frames([(5, 0, data), (5, 1, data), (5, 1, b"x")])))) == 2
    assert (overlap.packets, overlap.advertisements) == ([0, 1], [0, 1])
