"""In a flood that takes longer to look at than to send, who is configured or known comes first."""

import hashlib
import struct
from zlib import crc32

from carpscope.config import Config, ExpectedGroup
from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND
from carpscope.live.monitor import Monitor
from carpscope.live.triage import CALM, EACH, SHARE_FIRST, SHARE_LAST, WIDER, Triage

AT = 1_700_000_000 * SECOND
MINE = bytes([192, 0, 2, 1])
CONFIG = Config(groups=(ExpectedGroup(9, nodes=(MINE,)),))


def advert(source: bytes, vhid: int, vlans: tuple[int, ...] = (), counter: int = 1) -> bytes:
    """Give an advertisement over IPv4, written by hand."""

    def checked(data: bytes, at: int) -> bytes:
        total = sum(struct.unpack(f">{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return data[:at] + struct.pack(">H", ~total & 0xFFFF) + data[at + 2 :]

    counter |= 0x5A17 << 48
    digest = hashlib.sha1(bytes([vhid, counter & 255]), usedforsecurity=False).digest()
    carp = struct.pack(">BBBBBBHQ20s", 0x21, vhid, 100, 7, 0, 1, 0, counter, digest)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 16, 56, 0, 0x4000, 255, 112, 0, source, b"\xe0\0\0\x12")
    tags = b"".join(struct.pack(">HH", 0x8100, vlan) for vlan in vlans)
    head = b"\x01\0\x5e\0\0\x12\0\0\x5e\0\x01" + bytes([vhid]) + tags + b"\x08\0"
    return head + checked(ip, 10) + checked(carp, 6)


def frame(data: bytes, at: int) -> Frame:
    return Frame(1, at, 1, data, len(data))


def chosen(triage: Triage, frames: list[Frame]) -> list[Frame]:
    return list(triage.choose(Batch.of(frames)).frames())


class Clock:
    now = AT

    def __call__(self) -> int:
        return self.now


def flooded(config: Config = CONFIG) -> tuple[Triage, Clock, Monitor]:
    """A triage that has seen frames get later while they were looked at."""
    clock, monitor = Clock(), Monitor(config, "eth1")
    triage = Triage(clock)
    triage.know(monitor.observer, config)
    for step in range(6):
        clock.now = AT + (step + 1) * SECOND
        chosen(triage, [frame(advert(MINE, 200), AT + step * 400 * MILLISECOND)])
    return triage, clock, monitor


def test_frames_that_get_later_while_they_are_looked_at_are_a_flood() -> None:
    triage, _, _ = flooded()
    assert triage.is_flood
    assert triage.share >= SHARE_FIRST


def test_a_process_that_was_stopped_is_late_and_catches_up() -> None:
    clock = Clock()
    triage = Triage(clock)
    for step in range(20):
        clock.now = AT + 2 * SECOND + step * 100 * MILLISECOND
        given = [frame(advert(MINE, 200), AT + step * 200 * MILLISECOND)] * 512
        assert len(chosen(triage, given)) == 512
    assert (triage.is_flood, triage.skipped) == (False, 0)


def others(triage: Triage, count: int) -> list[int]:
    """Give groups of which nothing is looked at."""
    return [v for v in range(1, 255) if crc32(bytes([v])) % triage.share and v != 9][:count]


def test_who_is_configured_comes_first_and_the_rest_is_counted() -> None:
    triage, clock, _ = flooded()
    vhids = others(triage, 100)
    given = [frame(advert(bytes([10, 0, 0, v]), v), clock.now) for v in vhids]
    given.insert(50, frame(advert(MINE, 9), clock.now))
    before = triage.skipped
    assert [f.data for f in chosen(triage, given)] == [advert(MINE, 9)]
    assert triage.skipped - before == 100


def test_who_is_late_at_once_has_time_to_catch_up() -> None:
    clock = Clock()
    triage = Triage(clock)
    for step in range(20):  # slower than the frames came, for as long as it was stopped
        clock.now = AT + 2 * SECOND + step * 200 * MILLISECOND
        assert chosen(triage, [frame(advert(MINE, 200), AT + step * 10 * MILLISECOND)])
    assert not triage.is_flood


def test_a_flood_that_grows_fast_is_one_within_half_a_second() -> None:
    clock = Clock()
    triage = Triage(clock)
    for step in range(7):  # half as fast as the frames come
        clock.now = AT + (500 + step * 100) * MILLISECOND
        chosen(triage, [frame(advert(MINE, 200), AT + (230 + step * 50) * MILLISECOND)])
    assert triage.is_flood


def test_a_name_that_others_use_too_has_a_bound_and_counts_in_its_group_only() -> None:
    triage, clock, _ = flooded()
    (vhid,) = others(triage, 1)
    mine = [frame(advert(MINE, 9, counter=n), clock.now) for n in range(100)]
    assert len(chosen(triage, mine)) == EACH
    elsewhere = [frame(advert(MINE, vhid), clock.now), frame(advert(MINE, 9, (7, 8)), clock.now)]
    assert chosen(triage, elsewhere) == []


def test_a_configured_group_without_nodes_is_open() -> None:
    triage, clock, _ = flooded(Config(groups=(ExpectedGroup(9, vlan=(7,)),)))
    given = [frame(advert(MINE, 9, (7,)), clock.now)]
    assert chosen(triage, given) == given


def test_who_was_known_before_comes_first_and_nobody_joins() -> None:
    triage, _, _ = flooded()
    assert triage.is_flood
    calm, monitor = Triage(Clock()), Monitor(Config(), "eth1")
    for second in range(6):
        at = AT + second * 1_394 * MILLISECOND
        monitor.see(frame(advert(MINE, 30, counter=second), at))
    calm.know(monitor.observer, Config())
    assert calm.first == {(bytes([30]), MINE)}
    before = triage.first
    triage.know(monitor.observer, Config())
    assert triage.first == before


def test_whole_groups_are_followed_or_none_of_them() -> None:
    """What is chosen of frames and what is kept of groups is the same."""
    triage, clock, monitor = flooded()
    frames = [
        frame(advert(bytes([10, 1, 0, vhid]), vhid, vlans), clock.now)
        for vhid in range(1, 255)
        for vlans in ((), (vhid,), (vhid, 4094))
    ]
    for one in frames:
        monitor.see(one)
    monitor.see(frame(advert(MINE, 9), clock.now))
    found = {f.data for f in chosen(triage, frames)}
    monitor.narrow(triage.keeps)
    followed = {
        advert(node.addresses[0], group.vhid, group.vlan)
        for group in monitor.observer.groups.values()
        for node in group.members
    }
    assert followed - {advert(MINE, 9), advert(bytes([10, 1, 0, 9]), 9)} == found - {
        advert(bytes([10, 1, 0, 9]), 9)
    }
    assert not [item for item in monitor.taken_news() if getattr(item, "is_master", True) is False]


def calm(triage: Triage, clock: Clock, *vhids: int) -> int:
    """Let frames come in time for a while; return the share that is looked at then."""
    clock.now += CALM + 2 * SECOND
    given = [frame(advert(bytes([10, 0, 0, v]), v), clock.now) for v in vhids]
    chosen(triage, [frame(advert(MINE, 9), clock.now), *given])
    return triage.share


def test_it_is_over_when_nothing_was_late_and_nothing_left_out_for_a_while() -> None:
    triage, clock, _ = flooded()
    vhids = others(triage, 5)
    assert calm(triage, clock, *vhids) > 1, "one was left out before"
    assert calm(triage, clock, 9) > 1, "and now"
    for _ in range(2):
        calm(triage, clock)
    before = triage.skipped
    assert calm(triage, clock, *vhids) == 1
    assert triage.skipped == before


def test_more_is_looked_at_step_by_step_and_later_where_it_was_too_much() -> None:
    triage, clock, _ = flooded()
    vhids, first = others(triage, 100), triage.share
    shares = [calm(triage, clock, *vhids) for _ in range(2)]
    assert [first // one for one in shares] == [WIDER, WIDER**2]
    for step in range(6):
        clock.now += SECOND
        chosen(triage, [frame(advert(MINE, 9), clock.now - (step + 1) * 300 * MILLISECOND)])
    assert triage.share >= SHARE_FIRST, "it goes on"
    before = triage.share
    assert calm(triage, clock, *vhids) == before, "twice as long"
    assert calm(triage, clock, *vhids) < before


def test_any_bytes_are_judged() -> None:
    triage, clock, _ = flooded()
    whole = advert(MINE, 9, (1, 2))
    for cut in range(len(whole)):
        chosen(triage, [frame(whole[:cut], clock.now), frame(bytes(cut), clock.now)])


def late_at_once(worked: int, waiting: int) -> Triage:
    """A triage whose frames are in time, and after a second and a half late by as much."""
    clock, work = Clock(), Clock()
    triage = Triage(clock, work, lambda: waiting)
    chosen(triage, [frame(advert(MINE, 200), AT)])
    triage.took(1, MILLISECOND)
    clock.now += 1_500 * MILLISECOND
    work.now += worked
    chosen(triage, [frame(advert(MINE, 200), AT)])
    return triage


def test_who_is_late_for_being_busy_and_cannot_clear_what_waits_is_in_a_flood_at_once() -> None:
    assert late_at_once(worked=SECOND, waiting=100_000).share > SHARE_FIRST // 2
    assert not late_at_once(worked=SECOND, waiting=500).is_flood, "soon cleared"
    assert not late_at_once(worked=MILLISECOND, waiting=100_000).is_flood, "was stopped"


def test_with_a_full_buffer_frames_get_no_later_and_less_is_looked_at() -> None:
    triage, clock, _ = flooded()
    before = triage.share
    clock.now += SECOND
    triage.dropped()
    assert triage.share > before
    calm = Triage(Clock())
    calm.dropped()
    assert not calm.is_flood, "frames were dropped, and nothing is late"


def test_at_the_last_share_only_who_comes_first_is_looked_at_whatever_the_way() -> None:
    triage, clock, _ = flooded()
    triage.share = SHARE_LAST
    zero = next(
        frame(advert(bytes([10, 0, 0, 1]), vhid, (vlan,)), clock.now)
        for vlan in range(1, 4095)
        for vhid in range(1, 255)
        if not crc32(b"\x81\x00" + vlan.to_bytes(2) + bytes([vhid])) % SHARE_LAST
    )
    mine = frame(advert(MINE, 9), clock.now)
    given = [frame(advert(bytes([10, 0, 0, v]), v), clock.now) for v in range(1, 100)]
    before = triage.skipped
    assert chosen(triage, [*given, zero]) == []
    assert triage.skipped - before == 100
    assert chosen(triage, [*given, mine, zero]) == [mine]
