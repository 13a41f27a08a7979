"""Trains and single packets are all of a batch, each once, and hold what was in it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.adverts.cut import Cutter
from carpscope.adverts.train import RowKind, Train
from carpscope.adverts.turns import turns
from carpscope.capture.source import open_capture
from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND
from carpscope.protocol.timers import COPY
from carpscope.wire.carp import Advert, virtual_mac
from carpscope.wire.decode import decode
from carpscope.wire.ip import ipv4, ipv6
from carpscope.wire.link import ethernet

CAPTURES = sorted(Path("captures").glob("*/capture.pcap"))[::3]
TAGS = [b"", b"\x81\x00\x00\x07", b"\x88\xa8\x00\x02\x81\x00\x00\x07", b"\x81\x00\x00\x00"]


def advert(
    vhid: int, counter: int, *, version: int = 4, tag: bytes = b"", host: int = 1, ident: int = 0
) -> bytes:
    """A plain advertisement, of which nothing is signed."""
    body = Advert(vhid, 1, 0, 0, counter.to_bytes(8, "big"), bytes(20)).encode()
    mac = virtual_mac(vhid)
    if version == 4:
        packet = ipv4(
            bytes((10, 0, 0, host)),
            bytes((224, 0, 0, 18)),
            body,
            protocol=112,
            tos=16,
            identification=ident,
        )
        frame = ethernet(bytes.fromhex("01005e000012"), mac, 0x0800, packet)
    else:
        source = bytes.fromhex("fe80") + bytes(13) + bytes((host,))
        group = bytes.fromhex("ff02") + bytes(13) + b"\x12"
        packet = ipv6(source, group, body, next_header=112, traffic_class=0)
        frame = ethernet(bytes.fromhex("333300000012"), mac, 0x86DD, packet)
    return frame[:12] + tag + frame[12:]


def arp() -> bytes:
    return ethernet(b"\xff" * 6, b"\2" * 6, 0x0806, bytes.fromhex("0001080006040001") + bytes(20))


def batch(*frames: bytes, gap: int = SECOND) -> Batch:
    return Batch.of([Frame(i + 1, i * gap, 1, data, len(data)) for i, data in enumerate(frames)])


def trains(made: Batch) -> list[Train]:
    cutter = Cutter(COPY)
    cutter.cut(made)  # who comes once is given a train when it is met again
    return [unit for unit in cutter.cut(made) if isinstance(unit, Train)]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("tag", TAGS)
def test_one_sender_is_one_train(version: int, tag: bytes) -> None:
    made = batch(*(advert(3, n, version=version, tag=tag, ident=n) for n in range(9)))
    (train,) = trains(made)
    assert (len(train), train.kind, train.shortest, train.longest) == (
        9,
        RowKind.COUNTS,
        SECOND,
        SECOND,
    )
    view = decode(train.frame(4)).advert
    assert view is not None
    assert (train.counter(4), train.digest(4)) == (view.counter, view.digest)
    assert train.identification(4) == (4 if version == 4 else 0)
    link = decode(train.frame(0)).link
    assert link is not None
    assert train.plain.vlans == link.vlan


def test_groups_side_by_side_are_trains_of_their_own() -> None:
    made = batch(*(advert(vhid, n) for n in range(5) for vhid in (1, 2)))
    assert [len(train) for train in trains(made)] == [5, 5]


def test_how_rows_follow_makes_a_train() -> None:
    numbers = [5, 5, 5, 6, 7, 8, 20, 40, 7]
    kinds = [(len(t), t.kind) for t in trains(batch(*(advert(1, n) for n in numbers)))]
    assert kinds == [(3, RowKind.SAME), (3, RowKind.COUNTS), (3, RowKind.JUMPS)]


def test_another_sender_ends_the_train_of_its_group_only() -> None:
    sent = [advert(1, 1), advert(2, 1), advert(1, 9, host=2), advert(1, 2), advert(2, 2)]
    assert [len(train) for train in trains(batch(*sent))] == [1, 2, 1, 1]


@pytest.mark.parametrize("between", [arp(), advert(9, 4)], ids=["arp", "another group"])
def test_what_concerns_others_ends_no_train(between: bytes) -> None:
    made = trains(batch(advert(1, 1), between, advert(1, 2)))
    assert [len(train) for train in made if train.plain.vhid == 1] == [2]


def test_what_may_be_wrapped_ends_every_train() -> None:
    wrapped = ethernet(b"\2" * 6, b"\4" * 6, 0x8847, bytes(60))
    assert [len(train) for train in trains(batch(advert(1, 1), wrapped, advert(1, 2)))] == [1, 1]


def test_a_copy_is_no_row() -> None:
    one, two = advert(1, 1, ident=7), advert(1, 2, ident=8)
    (train,) = trains(batch(one, one, two, one, two, two, gap=MILLISECOND))
    assert (len(train), train.copies) == (2, [(0, 1), (0, 3), (1, 4), (1, 5)])
    assert train.copied(1) == 2
    assert [len(t) for t in trains(batch(one, one, gap=SECOND))] == [2]


@pytest.mark.parametrize("place", [0, 8, 22, 30, 34, 37, 40, 50, 69])
def test_what_is_not_plain_is_a_packet(place: int) -> None:
    data = bytearray(advert(1, 1))
    data[place] ^= 0x40
    frames = [advert(1, 1), bytes(data), advert(1, 2)]
    units = Cutter(COPY).cut(batch(*frames))
    rows = [row for unit in units for row in ([unit] if isinstance(unit, int) else unit.rows)]
    assert sorted(rows) == [0, 1, 2]


changes = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 80), st.integers(1, 255)), max_size=8
)
numbers = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(0, 4), st.sampled_from(TAGS)),
    min_size=1,
    max_size=40,
)


@given(numbers, changes, st.sampled_from([1, MILLISECOND, SECOND]), st.integers(0, 5))
def test_everything_has_its_turn_once(
    sent: list[tuple[int, int, int, bytes]],
    changed: list[tuple[int, int, int]],
    gap: int,
    ahead: int,
) -> None:
    frames = [advert(vhid, n, host=host, tag=tag) for vhid, host, n, tag in sent]
    for index, place, value in changed:
        if index < len(frames) and place < len(frames[index]):
            data = bytearray(frames[index])
            data[place] ^= value
            frames[index] = bytes(data)
    made = batch(*frames, gap=gap)
    taken: list[int] = []

    def take(train: Train) -> int:
        count = min(ahead, len(train))
        taken.extend(train.rows[:count])
        taken.extend(index for place, index in train.copies if place < count)
        for place in range(len(train)):
            data = bytes(train.frame(place).data)
            row = train.moving[34 * place : 34 * place + 34]
            assert row.endswith(data[-30:])
            assert train.at[place] == made.at(train.rows[place])
        return count

    seen = [row for row, _ in turns(Cutter(COPY).cut(made), take)]
    assert sorted([*seen, *taken]) == list(range(len(frames)))
    assert seen == sorted(seen)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name)
def test_a_capture_is_cut_without_rest(path: Path) -> None:
    for made in open_capture(str(path)).batches:
        seen = [row for row, _ in turns(Cutter(COPY).cut(made), lambda _: 0)]
        assert seen == list(range(len(made)))
