"""OpenBSD hands one frame to every carp interface: that many passes through the decision."""

import pytest

from carpscope.core.units import MILLISECOND, SECOND
from carpscope.protocol.events import (
    AddressAdded,
    AddressRemoved,
    Announce,
    CarpInterfaceChanged,
    Dropped,
    OutputChanged,
    QueueChanged,
    Received,
    Send,
    State,
    StateRequested,
    Timer,
    TimerFired,
)
from carpscope.protocol.node import NEVER, Node
from carpscope.protocol.rules import own_link_local
from tests.protocol.bench import KERNELS, VIP, VIP6, advert, after, booted, placed, sent, states

AT = 10 * SECOND
BOW_OUT = (255, 255)
OTHER = bytes((10, 0, 0, 101))


def heard(impl: str, interfaces: int, **options: object) -> tuple[Node, list[State]]:
    """Let a demoted backup with so many carp interfaces hear a bow-out."""
    one = placed(impl, State.BACKUP, vhids=interfaces, advskew=100, **options)
    vhids = tuple(item._replace(is_running=True) for item in one.vhids)
    one = one._replace(demotion=1, vhids=vhids)
    one, said = after(one, Received(AT, 1, advert(*BOW_OUT, of=one)))
    return one, states(said)


@pytest.mark.parametrize("impl", ["openbsd2018", "openbsd2025"])
def test_a_second_pass_undoes_the_takeover_and_a_third_makes_it_again(impl: str) -> None:
    one, entered = heard(impl, 1)
    assert entered == [State.MASTER]
    two, entered = heard(impl, 2)
    assert entered == [State.MASTER, State.BACKUP]
    wait = 4_171_875_000 if impl == "openbsd2025" else 3_390_625_000
    assert abs(two.vhids[0].md - AT - wait) <= 2 * MILLISECOND
    three, entered = heard(impl, 3)
    assert entered == [State.MASTER, State.BACKUP, State.MASTER]
    assert (one.state(1), three.state(1)) == (State.MASTER, State.MASTER)


def test_others_pass_a_frame_once() -> None:
    for impl in KERNELS:
        if impl not in ("openbsd2018", "openbsd2025"):
            assert heard(impl, 2)[1] == [State.MASTER], impl


def test_an_interface_that_is_down_or_has_not_joined_gets_no_copy() -> None:
    one = booted("openbsd2025", vhids=3, advskew=100)
    one, _ = after(one, CarpInterfaceChanged(1, 1, 3, up=False))
    wrong = advert(of=one)._replace(digest=bytes(20))
    assert len(after(one, Received(AT, 1, wrong))[1]) == 2
    # the second has IPv6 addresses only: it is not in 224.0.0.18, but in ff02::12
    one, _ = after(one, AddressAdded(1, 1, 2, VIP6), AddressRemoved(1, 1, 2, VIP))
    assert len(after(one, Received(AT, 1, wrong))[1]) == 1
    six = advert(of=one, family=6)._replace(digest=bytes(20))
    said = after(one, Received(AT, 1, six))[1]
    assert [effect.drop.value for effect in said if isinstance(effect, Dropped)] == ["badauth"]
    one, _ = after(one, CarpInterfaceChanged(1, 1, 1, up=False))
    assert after(one, Received(AT, 1, wrong)) == (one, [])


def test_what_the_first_of_a_pair_changes_is_not_in_the_second() -> None:
    """OpenBSD carp_send_ad() fills the header in before it sends either."""
    one = booted("openbsd2018", ipv6=(VIP6,))
    one, _ = after(one, TimerFired(AT, 1, 1, Timer.MD), OutputChanged(AT, 1, working=False))
    for second in (1, 2):
        one, _ = after(one, TimerFired(AT + second * SECOND, 1, 1, Timer.AD))
    assert one.demotion == 1  # three errors: two by the first pair, one by the second
    one, _ = after(one, OutputChanged(AT, 1, working=True))
    one, said = after(one, TimerFired(AT + 3 * SECOND, 1, 1, Timer.AD))
    one, more = after(one, TimerFired(AT + 4 * SECOND, 1, 1, Timer.AD))
    pairs = [effect.packet.demote for effect in (*said, *more) if isinstance(effect, Send)]
    assert (pairs, one.demotion) == ([1, 1, 1, 1], 0)  # the third success is an IPv4 half


def test_a_full_queue_is_an_error_to_all_but_the_newest_openbsd() -> None:
    for impl in KERNELS:
        one = placed(impl, State.MASTER)
        one, _ = after(one, QueueChanged(AT, 1, full=True))
        for second in range(3):
            one, said = after(one, TimerFired(AT + second * SECOND, 1, 1, Timer.AD))
            assert sent(said) == []
        assert (one.demotion != 0) == (impl != "openbsd2025"), impl
        one, _ = after(one, QueueChanged(AT, 1, full=False))
        one, said = after(one, TimerFired(AT + 4 * SECOND, 1, 1, Timer.AD))
        assert len(sent(said)) >= 1


def announced(said: list[object]) -> list[bytes]:
    return [effect.address for effect in said if isinstance(effect, Announce)]


def test_neighbours_are_told_by_a_task_that_asks_who_is_master_then() -> None:
    own = own_link_local(1)
    for impl, task in (("openbsd2018", False), ("openbsd2025", True)):
        one, entered = heard(impl, 2, ipv6=(VIP6,))
        assert entered == [State.MASTER, State.BACKUP]
        one = placed(impl, State.BACKUP, vhids=2, advskew=100, ipv6=(VIP6,))
        one = one._replace(demotion=1)
        one, said = after(one, Received(AT, 1, advert(*BOW_OUT, of=one)))
        assert announced(list(said)) == ([VIP] if task else [VIP, own, VIP6])
        one, said = after(booted(impl, ipv6=(VIP6,)), TimerFired(AT, 1, 1, Timer.MD))
        assert announced(list(said)) == [VIP, own, VIP6]


def test_the_address_an_interface_gave_itself_stays() -> None:
    for impl in ("openbsd", "openbsd2018", "openbsd2025"):
        one = booted(impl, ipv6=(VIP6,))
        one, _ = after(one, TimerFired(AT, 1, 1, Timer.MD))
        one, said = after(one, AddressRemoved(AT, 1, 1, VIP6))
        assert states(said) == []
        one, said = after(one, TimerFired(AT + SECOND, 1, 1, Timer.AD))
        assert [family for family, _, _ in sent(said)] == [4, 6]
        # with the last IPv4 address gone as well it still runs, and goes when its own goes
        one, said = after(one, AddressRemoved(AT, 1, 1, VIP))
        assert states(said) == []
        one, said = after(one, AddressRemoved(AT, 1, 1, own_link_local(1)))
        assert states(said) == [State.INIT]


@pytest.mark.parametrize("impl", KERNELS)
def test_an_address_that_is_not_there_cannot_be_removed(impl: str) -> None:
    one = booted(impl)
    one, _ = after(one, TimerFired(AT, 1, 1, Timer.MD))
    same, said = after(one, AddressRemoved(AT + SECOND, 1, 1, OTHER))
    assert said == []
    assert same.vhids == one.vhids


@pytest.mark.parametrize("impl", KERNELS)
def test_an_address_that_is_set_again_is_there_once(impl: str) -> None:
    one, said = after(booted(impl), AddressAdded(AT, 1, 1, VIP))
    assert one.vhids[0].setup.ipv4 == (VIP,)
    assert states(said) == [State.INIT, State.BACKUP]


@pytest.mark.parametrize("impl", KERNELS)
def test_a_state_that_is_asked_for_again_starts_the_timers_of_carp_interfaces(impl: str) -> None:
    one = booted(impl)
    one, _ = after(one, TimerFired(AT, 1, 1, Timer.MD))
    same, said = after(one, StateRequested(AT + SECOND // 2, 1, 1, State.MASTER))
    moved = same.vhids[0].ad - one.vhids[0].ad
    if impl.startswith("netbsd"):  # every change with ifconfig goes by INIT
        assert states(said) == [State.INIT, State.BACKUP]
    elif impl.startswith(("freebsd1", "pfsense")):
        assert (moved, said) == (0, [])
    else:
        assert states(said) == []
        assert abs(moved - SECOND // 2) <= 2 * MILLISECOND
    back = booted(impl)
    asked, said = after(back, StateRequested(SECOND, 1, 1, State.BACKUP))
    if not impl.startswith("netbsd"):
        assert states(said) == []
    assert (asked.vhids[0].md > back.vhids[0].md) == (not impl.startswith(("freebsd1", "pfsense")))


def test_netbsd_of_2016_waits_by_one_timer() -> None:
    """A stray IPv6 advertisement falls into the default of the switch: md, if there is IPv4."""
    one = booted("netbsd2016", ipv6=(VIP6,))
    first = one.vhids[0].md
    one, _ = after(one, Received(SECOND, 1, advert(of=one, family=6)))
    assert one.vhids[0].md > first
    assert one.vhids[0].md6 == NEVER
    six = booted("netbsd2016", ipv4=(), ipv6=(VIP6,))
    assert six.next_timer() is None
    assert six.state(1) is State.BACKUP
