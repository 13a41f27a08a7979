"""A batch of libpcap's says the same as its frames do, one by one."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture.batch import KernelBatch
from carpscope.capture.writer import PcapngWriter
from carpscope.core.frame import Frame
from carpscope.core.units import MICROSECOND, SECOND

pytestmark = pytest.mark.slow

packets = st.lists(
    st.tuples(
        st.integers(0, 2**32 - 1),
        st.integers(0, 999_999),
        st.one_of(st.binary(max_size=100), st.binary(min_size=70, max_size=70)),
    ),
    min_size=1,
    max_size=20,
)

floods = st.integers(0, 120).flatmap(
    lambda size: st.lists(
        st.tuples(
            st.integers(0, 2**32 - 1),
            st.integers(0, 999_999),
            st.integers(0, 255).map(lambda byte: bytes((byte,)) * size),
        ),
        min_size=60,
        max_size=80,
    )
)
"""Packets of one length, as many as are written column by column."""


def batch(items: list[tuple[int, int, bytes]], snaplen: int = 200) -> KernelBatch:
    data, meta = b"", b""
    for seconds, micros, packet in items:
        meta += struct.pack("=IIII", seconds, micros, len(data), len(packet))
        data += packet
    return KernelBatch(data, meta, 1, 0, 5, snaplen)


@given(packets)
def test_frames(items: list[tuple[int, int, bytes]]) -> None:
    made = batch(items)
    frames = list(made)
    assert len(made) == len(frames)
    assert frames == [
        Frame(number, s * SECOND + m * MICROSECOND, 1, packet, len(packet), 0, 0)
        for number, (s, m, packet) in enumerate(items, 5)
    ]
    assert made.last == frames[-1].at


@given(st.one_of(packets, floods), st.sampled_from([0, 50, 262_144]), st.sampled_from([30, 512]))
def test_blocks_are_those_of_the_writer(
    items: list[tuple[int, int, bytes]], snaplen: int, most: int
) -> None:
    one, many = io.BytesIO(), io.BytesIO()
    by_frame = PcapngWriter(one, names=["eth1"], snaplen=snaplen)
    for frame in batch(items, snaplen=60):
        by_frame.write(frame)
    made = batch(items, snaplen=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("carpscope.capture.batch.COLUMNS_MOST", most)
        PcapngWriter(many, names=["eth1"], snaplen=snaplen).write_batch(made)
    assert one.getvalue() == many.getvalue()
    assert len(made.blocks(0, snaplen)) <= made.most
