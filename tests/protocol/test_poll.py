"""ucarp, which looks at its deadlines when it wakes."""

from dataclasses import replace

import pytest

from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND, Nanos
from carpscope.protocol.events import (
    Announce,
    Boot,
    Drop,
    Dropped,
    Effect,
    InterfaceChanged,
    LinkChanged,
    Reason,
    Received,
    Send,
    Signalled,
    State,
    Timer,
    TimerFired,
    Transition,
)
from carpscope.protocol.machine import step
from carpscope.protocol.node import NEVER, Node, node
from carpscope.protocol.tempo import NOMINAL
from tests.protocol.bench import advert, after, booted, placed, sent, setup, states


def test_ucarp_looks_at_its_deadline_when_it_wakes() -> None:
    one = booted("ucarp", advskew=100)
    woken = []
    for _ in range(4):
        found = one.next_timer()
        assert found is not None
        when, vhid, timer = found
        assert timer is Timer.POLL
        one, said = after(one, TimerFired(when, 1, vhid, timer))
        woken.append((when // MILLISECOND, states(said)))
    assert woken == [(1390, []), (2780, []), (4170, [State.MASTER]), (5560, [])]


def test_a_foreign_packet_wakes_ucarp_early() -> None:
    one = booted("ucarp", advskew=100)
    stranger = advert(of=one, vhid=9)
    one, said = after(one, Received(3400 * MILLISECOND, 1, stranger))
    assert states(said) == [State.MASTER]


def test_ucarp_says_bow_out_when_it_yields_and_insists_when_it_does_not() -> None:
    one = placed("ucarp", State.MASTER, advskew=50)
    gone, said = after(one, Received(SECOND, 1, advert(1, 0, of=one)))
    assert [type(e) for e in said] == [Send, Transition]
    assert sent(said) == [(4, 1, 50)]
    assert gone.state(1) is State.BACKUP
    _, said = after(one, Received(SECOND, 1, advert(1, 100, of=one)))
    assert [type(e) for e in said] == [Announce]


def test_ucarp_hears_nothing_from_its_own_address() -> None:
    one = placed("ucarp", State.MASTER, advskew=50)
    same, said = after(one, Received(SECOND, 1, advert(1, 0, of=one, last=1)))
    assert (same, said) == (one, [])


def test_sigusr2_makes_ucarp_hold_still_for_three_seconds() -> None:
    one = placed("ucarp", State.MASTER)
    one, said = after(one, Signalled(SECOND, 1, None))
    assert states(said) == [State.BACKUP]
    assert one.busy_until == 4 * SECOND
    assert sent(said) == []


def test_ucarp_without_carrier_looks_again_every_ten_seconds() -> None:
    one = placed("ucarp", State.MASTER)
    one, _ = after(one, LinkChanged(SECOND, 1, False))
    one, said = after(one, TimerFired(2 * SECOND, 1, 1, Timer.POLL))
    assert states(said) == [State.BACKUP]
    assert one.busy_until == 12 * SECOND
    one, said = after(one, TimerFired(12 * SECOND, 1, 1, Timer.POLL))
    assert one.busy_until == 22 * SECOND
    one, _ = after(one, LinkChanged(22 * SECOND, 1, True))
    one, said = after(one, TimerFired(22 * SECOND, 1, 1, Timer.POLL))
    assert one.vhids[0].md == 25 * SECOND


def woken(one: Node, at: Nanos, draw: int = 1) -> tuple[Node, list[Effect]]:
    return after(one, TimerFired(at, draw, 1, Timer.POLL))


def test_a_backup_polls_for_its_interval_and_a_master_until_its_deadline() -> None:
    one = booted("ucarp", advbase=2, advskew=128)
    assert one.vhids[0].poll == 2500 * MILLISECOND
    assert one.vhids[0].md == 6500 * MILLISECOND
    master = placed("ucarp", State.MASTER)
    item = master.vhids[0]._replace(ad=2 * SECOND)
    master, said = woken(master._replace(vhids=(item,)), 1400 * MILLISECOND)
    assert said == []
    assert master.vhids[0].poll == 2 * SECOND


@pytest.mark.parametrize(
    ("early_us", "sends"), [(3000, False), (2000, False), (1999, True), (1, True), (-1, True)]
)
def test_an_advertisement_due_in_a_millisecond_is_sent_now(early_us: int, *, sends: bool) -> None:
    one = placed("ucarp", State.MASTER)
    item = one.vhids[0]._replace(ad=SECOND + early_us * MICROSECOND)
    one, said = woken(one._replace(vhids=(item,)), SECOND)
    assert sent(said) == ([(4, 1, 0)] if sends else [])
    if sends:
        assert one.vhids[0].ad == 2 * SECOND, "from the loop's now, not from the deadline"


def test_a_deadline_is_over_only_behind_it() -> None:
    one = booted("ucarp")
    due = one.vhids[0].md
    _, said = woken(one, due)
    assert states(said) == []
    _, said = woken(one, due + MICROSECOND)
    assert states(said) == [State.MASTER]


def test_a_new_master_announces_first_and_a_second_time_after_its_third() -> None:
    one, said = woken(booted("ucarp"), 4 * SECOND)
    assert [type(e) for e in said] == [Transition, Announce, Send]
    assert one.vhids[0].delayed_arp == 2
    sending = 2 * 15 * MICROSECOND
    assert one.vhids[0].md == 5 * SECOND + sending, "sic: set though it is master"
    one, said = woken(one, 5 * SECOND)
    assert [type(e) for e in said] == [Send]
    one, said = woken(one, 6 * SECOND)
    assert [type(e) for e in said] == [Send, Announce]


def test_who_insists_announces_a_second_time_as_well() -> None:
    one = placed("ucarp", State.MASTER, advskew=50)
    one, _ = after(one, Received(SECOND, 1, advert(1, 100, of=one)))
    assert one.vhids[0].delayed_arp == 2
    assert one.vhids[0].counter == 42
    # a tie: the one with the higher address, its last octet first, insists
    _, said = after(one, Received(SECOND, 1, advert(1, 50, of=one, last=9)))
    assert [type(e) for e in said] == [Announce]
    low = placed("ucarp", State.MASTER, advskew=50, last=20)
    _, said = after(low, Received(SECOND, 1, advert(1, 100, of=low, last=9)))
    assert [type(e) for e in said] == [Announce], "a worse one, whatever its address"
    low, said = after(low, Received(SECOND, 1, advert(1, 50, of=low, last=9)))
    assert states(said) == [State.BACKUP]
    assert [e.reason for e in said if isinstance(e, Transition)] == [Reason.BETTER_ADVERT]
    assert low.vhids[0].ad == NEVER


def test_who_yields_waits_from_now_on() -> None:
    one = placed("ucarp", State.MASTER, advskew=128)
    one, _ = after(one, Received(SECOND, 1, advert(1, 0, of=one)))
    # a frame takes 15 microseconds to leave
    assert one.vhids[0].md == SECOND + 3500 * MILLISECOND + 15 * MICROSECOND
    assert one.vhids[0].poll == SECOND + 1500 * MILLISECOND + 15 * MICROSECOND


def backup(**changes: object) -> Node:
    one = booted("ucarp", advskew=10)
    return one._replace(setup=replace(one.setup, **changes))  # type: ignore[arg-type]


def test_what_a_backup_does_about_what_it_hears() -> None:
    one = backup()
    same, said = after(one, Received(SECOND, 1, advert(1, 50, of=one)))
    assert states(said) == []
    assert same.vhids[0].md == one.vhids[0].md + SECOND
    _, said = after(backup(preempt=True), Received(SECOND, 1, advert(1, 50, of=one)))
    assert [e.reason for e in said if isinstance(e, Transition)] == [Reason.PREEMPTING]
    _, said = after(one, Received(SECOND, 1, advert(3, 11, of=one)))
    assert [e.reason for e in said if isinstance(e, Transition)] == [Reason.WILL_TIME_OUT]
    patient = backup(dead_ratio=5)
    waits, said = after(patient, Received(SECOND, 1, advert(4, 0, of=one)))
    assert states(said) == []
    assert waits.vhids[0].md == 6 * SECOND + 10_000_000 // 256 * MICROSECOND


def test_a_refused_packet_wakes_it_as_well() -> None:
    one = booted("ucarp")
    packet = advert(of=one)._replace(ttl=3)
    _, said = after(one, Received(4 * SECOND, 1, packet))
    assert said[0] == Dropped(4 * SECOND, Drop.BAD_TTL, packet)
    assert states(said) == [State.MASTER]


def test_every_process_of_the_interface_is_woken_and_one_is_meant() -> None:
    one = booted("ucarp", vhids=2)
    one, said = after(one, Received(4 * SECOND, 1, advert(of=one, vhid=2)))
    assert [(e.vhid, e.new) for e in said if isinstance(e, Transition)] == [(1, State.MASTER)]
    assert one.vhids[1].counter == 42
    assert one.vhids[1].md > 7 * SECOND - MICROSECOND


def test_a_period_of_nothing_is_a_millisecond() -> None:
    assert booted("ucarp", advbase=0, advskew=0).vhids[0].poll == MILLISECOND


def test_a_script_runs_for_a_change_alone() -> None:
    slow = replace(NOMINAL, script_ns=(300 * MILLISECOND, 300 * MILLISECOND))
    one = booted("ucarp", tempo=slow)
    one, _ = after(one, LinkChanged(SECOND, 1, False))
    one, _ = woken(one, 2 * SECOND)
    assert one.busy_until == 12 * SECOND, "it is BACKUP already"


def test_scripts_take_their_time() -> None:
    slow = replace(NOMINAL, script_ns=(300 * MILLISECOND, 300 * MILLISECOND))
    start = setup("ucarp", tempo=slow)
    one, _ = after(node(start), Boot(0, 1))
    assert one.vhids[0].md == 3300 * MILLISECOND, "the down script runs at start"
    neutral, _ = after(node(replace(start, is_neutral=True)), Boot(0, 1))
    assert neutral.vhids[0].md == 3 * SECOND
    assert neutral.busy_until == 0
    up, said = woken(one, 4 * SECOND)
    assert [e.at for e in said if isinstance(e, Send)] == [
        4300 * MILLISECOND + 15 * MICROSECOND  # behind the script and the announcement
    ]
    # the next one is due from the loop's now: script time is not added
    assert up.vhids[0].ad == 5 * SECOND
    down, _ = after(up, Signalled(6 * SECOND, 1, 1))
    assert down.busy_until == 9300 * MILLISECOND


def test_a_signal_to_a_backup_or_to_another_process_does_nothing() -> None:
    one = booted("ucarp", vhids=2).placed(1, State.MASTER)
    same, said = after(one, Signalled(SECOND, 1, 2))
    assert (said, same.vhids) == ([], one.vhids)
    both, said = after(one.placed(2, State.MASTER), Signalled(SECOND, 1, None))
    assert [(e.vhid, e.reason) for e in said if isinstance(e, Transition)] == [
        (1, Reason.SIGNAL),
        (2, Reason.SIGNAL),
    ]
    assert [item.md for item in both.vhids] == [7 * SECOND, 10 * SECOND]
    assert [item.poll for item in both.vhids] == [5 * SECOND, 8 * SECOND]


def test_a_ucarp_told_to_ignore_its_link_goes_on() -> None:
    made = replace(setup("ucarp"), ignores_link=True)
    one, _ = step(node(made), Boot(0, 1))
    one, _ = after(one, LinkChanged(SECOND, 1, False))
    one, said = woken(one, 4 * SECOND)
    assert states(said) == [State.MASTER]
    assert not one.asleep


def test_the_interface_counts_as_the_link_does() -> None:
    one = placed("ucarp", State.MASTER)
    one, said = after(one, InterfaceChanged(SECOND, 1, False))
    assert said == []
    one, said = woken(one, 2 * SECOND)
    assert [e.reason for e in said if isinstance(e, Transition)] == [Reason.LINK_DOWN]
    assert (one.asleep, one.vhids[0].ad, one.vhids[0].md) == (True, NEVER, NEVER)
    assert one.vhids[0].poll == 12 * SECOND
    one, _ = after(one, InterfaceChanged(3 * SECOND, 1, True))
    one, said = woken(one, 12 * SECOND)
    assert (said, one.asleep) == ([], False)
    assert one.vhids[0].md == 15 * SECOND
    assert one.vhids[0].poll == 13 * SECOND


def test_the_wall_clock_is_what_ucarp_counts_in() -> None:
    fast = replace(NOMINAL, clock_ppb=1_000_000_000)  # twice as fast
    one = booted("ucarp", tempo=fast)
    assert one.vhids[0].md == 3 * SECOND
    assert one.vhids[0].poll == SECOND // 2
    _, said = woken(one, 1600 * MILLISECOND)
    assert states(said) == [State.MASTER]
