"""A batch of libpcap's says the same as its frames do, one by one."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture.batch import Batch
from carpscope.capture.writer import PcapngWriter
from carpscope.core.frame import Frame
from carpscope.core.units import MICROSECOND, SECOND, Nanos

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


def batch(items: list[tuple[int, int, bytes]], snaplen: int = 200) -> Batch:
    data, meta = b"", b""
    for seconds, micros, packet in items:
        meta += struct.pack("=IIII", seconds, micros, len(data), len(packet))
        data += packet
    return Batch(data, meta, 1, 0, 5, snaplen)


class Half:
    """Takes every second packet it is asked about."""

    def __init__(self) -> None:
        self.asked: list[tuple[Nanos, int, bytes]] = []

    def take(
        self,
        at: Nanos,
        number: int,
        head: bytes,
        identification: bytes,
        middle: bytes,
        ip_sum: bytes,
        tail: bytes,
    ) -> bool:
        self.asked.append((at, number, head + identification + middle + ip_sum + KEY + tail))
        return number % 2 == 0


KEY = bytes(range(14))


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


@given(packets)
def test_what_a_shortcut_takes_is_no_frame(items: list[tuple[int, int, bytes]]) -> None:
    items = [
        (s, m, packet[:26] + KEY + packet[40:] if len(packet) == 70 else packet)
        for s, m, packet in items
    ]
    everything = list(batch(items))
    shortcut = Half()
    rest = list(batch(items).frames({KEY: shortcut}))
    fitting = [frame for frame in everything if len(frame.data) == 70]
    assert shortcut.asked == [(f.at, f.number, f.data) for f in fitting]
    gone = [frame for frame in fitting if frame.number % 2 == 0]
    assert rest == [frame for frame in everything if frame not in gone]
