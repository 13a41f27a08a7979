"""ucarp, which looks at its deadlines when it wakes."""

from carpscope.core.units import MILLISECOND, SECOND
from carpscope.protocol.events import (
    Announce,
    LinkChanged,
    Received,
    Send,
    Signalled,
    State,
    Timer,
    TimerFired,
    Transition,
)
from tests.protocol.bench import advert, after, booted, placed, sent, states


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


def test_ucarp_says_farewell_when_it_yields_and_insists_when_it_does_not() -> None:
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
