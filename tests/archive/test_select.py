"""What an analysis would look at is never left out, whatever the bytes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.adverts.select import drops
from carpscope.archive.select import PFSYNC, is_relevant
from carpscope.capture.source import open_capture
from carpscope.core.frame import Frame
from carpscope.wire.decode import decode
from carpscope.wire.ip import ipv4, ipv6
from carpscope.wire.link import ethernet
from tests.archive.maker import advert, web
from tests.program import CAPTURES, ROOT

pytestmark = pytest.mark.slow

FILES = sorted([*CAPTURES.glob("*/capture.pcap*"), *(ROOT / "tests/data/traces").glob("*.pcap")])


def matters(frame: Frame) -> bool:
    """By the decoder alone: something an analysis reads, or of a protocol it has to count."""
    packet = decode(frame)
    if packet.body is not None or packet.is_protocol_112:
        return True
    return packet.ip is not None and packet.ip.protocol == PFSYNC


def samples() -> list[Frame]:
    """Give frames of every shipped capture, one of each length and link type."""
    found: dict[tuple[int, int], Frame] = {}
    for path in FILES:
        with open_capture(str(path)) as capture:
            for frame in capture:
                found.setdefault((frame.link, len(frame.data)), frame)
    return list(found.values())


SAMPLES = samples()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_that_matters_of_real_traffic_is_left_out(path: Path) -> None:
    with open_capture(str(path)) as capture:
        lost = [frame.number for frame in capture if matters(frame) and not is_relevant(frame)]
    assert lost == []


@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=6),
    st.integers(0, 120),
    st.sampled_from([0, 1, 12, 101, 108, 113, 117, 228, 229, 276]),
    st.booleans(),
)
def test_nothing_that_matters_of_damaged_traffic_is_left_out(
    frame: Frame, changes: list[tuple[int, int]], cut: int, link: int, own: bool
) -> None:
    data = bytearray(frame.data)
    for place, value in changes:
        if place < len(data):
            data[place] = value
    changed = frame._replace(data=bytes(data[: cut or None]), link=frame.link if own else link)
    assert is_relevant(changed) or not matters(changed)


@given(
    st.sampled_from([(), ((0x8100, 10),), ((0x88A8, 3), (0x8100, 4000)), ((0x9100, 0),) * 3]),
    st.sampled_from([0x0800, 0x86DD, 0x0806, 0x0842]),
    st.binary(max_size=120),
)
def test_nothing_that_matters_of_arbitrary_bytes_is_left_out(
    tags: tuple[tuple[int, int], ...], kind: int, body: bytes
) -> None:
    data = ethernet(bytes(6), bytes(6), kind, body, tags)
    frame = Frame(1, 0, 1, data, len(data))
    assert is_relevant(frame) or not matters(frame)


@given(
    st.sampled_from([frame for frame in SAMPLES if frame.link == 1 and len(frame.data) >= 60]),
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=6),
)
def test_what_readers_drop_beforehand_does_not_matter(
    frame: Frame, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(frame.data)
    for place, value in changes:
        if place < len(data):
            data[place] = value
    changed = frame._replace(data=bytes(data))
    assert not (drops(changed.data, 0, len(changed.data), changed.link) and matters(changed))


def _frame(data: bytes, link: int = 1) -> Frame:
    return Frame(1, 0, link, data, len(data))


def _udp(port: int, payload: bytes) -> bytes:
    body = (4789).to_bytes(2, "big") + port.to_bytes(2, "big") + bytes(4) + payload
    return ethernet(
        bytes(6), bytes(6), 0x0800,
        ipv4(bytes(4), bytes(4), body, protocol=17, tos=0, identification=1),
    )  # fmt: skip


def test_ordinary_traffic_is_left_out() -> None:
    assert not is_relevant(_frame(web(1)))
    dns = ipv6(bytes(16), bytes(16), bytes(40), next_header=17)
    assert not is_relevant(_frame(ethernet(bytes(6), bytes(6), 0x86DD, dns)))
    assert not is_relevant(_frame(_udp(53, bytes(60))))
    echo = ipv6(bytes(16), bytes(16), bytes([128]) + bytes(30), next_header=58)
    assert not is_relevant(_frame(ethernet(bytes(6), bytes(6), 0x86DD, echo)))


def test_a_mirror_is_looked_into() -> None:
    head = bytes((8, 0, 0, 0, 0, 0, 7, 0))
    assert is_relevant(_frame(_udp(4789, head + advert(1, 1, 5))))
    assert not is_relevant(_frame(_udp(4789, head + web(1))))


def test_pfsync_is_kept_on_both_families() -> None:
    four = ipv4(bytes(4), bytes(4), bytes(20), protocol=PFSYNC, tos=0, identification=1)
    six = ipv6(bytes(16), bytes(16), bytes(20), next_header=PFSYNC)
    assert is_relevant(_frame(ethernet(bytes(6), bytes(6), 0x0800, four)))
    assert is_relevant(_frame(ethernet(bytes(6), bytes(6), 0x86DD, six)))
    assert is_relevant(_frame(four, 101))
