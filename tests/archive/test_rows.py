"""Frames as columns and back; bytes that are none are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.archive.rows import pack, unpack
from carpscope.core.frame import Frame

frames = st.builds(
    Frame,
    number=st.integers(0, (1 << 64) - 1),
    at=st.integers(-(1 << 63), (1 << 63) - 1),
    link=st.integers(0, 0xFFFF_FFFF),
    data=st.binary(max_size=90),
    wire_length=st.integers(0, 0xFFFF_FFFF),
    capture=st.integers(0, 100_000),
    interface=st.integers(0, 65_535),
)


@given(st.lists(frames, min_size=1, max_size=20))
def test_what_is_packed_comes_out_again(found: list[Frame]) -> None:
    assert unpack(pack(found)) == found
    assert unpack(pack(found), 7) == [frame._replace(capture=7) for frame in found]


@given(st.lists(frames, min_size=1, max_size=5), st.data())
def test_every_truncation_is_refused(found: list[Frame], data: st.DataObject) -> None:
    whole = pack(found)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match=r"short|add up"):
        unpack(whole[:cut])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_give_frames_or_a_mistake(data: bytes) -> None:
    try:
        found = unpack(data)
    except ValueError:
        return
    assert pack(found) == data or not found
