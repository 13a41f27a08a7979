"""What a node does about an advertisement, and when nobody advertises."""

import pytest

from carpscope.core.units import MILLISECOND, SECOND
from carpscope.protocol.events import (
    Accepted,
    Announce,
    Boot,
    Drop,
    Dropped,
    Reason,
    Received,
    ReceivedAdvert,
    Send,
    State,
    Timer,
    TimerFired,
    Transition,
)
from carpscope.protocol.machine import step
from carpscope.protocol.node import NEVER, Node, node
from carpscope.protocol.profile import profiles
from tests.protocol.bench import (
    KERNELS,
    VIP6,
    advert,
    after,
    booted,
    placed,
    sent,
    setup,
    states,
)

SECONDS_10 = 10 * SECOND


def test_all_implementations_are_found() -> None:
    assert sorted(profiles()) == sorted([*KERNELS, "ucarp"])


@pytest.mark.parametrize("impl", KERNELS)
def test_a_node_starts_as_backup_and_waits(impl: str) -> None:
    one = booted(impl, advskew=100)
    assert one.state(1) is State.BACKUP
    found = one.next_timer()
    assert found is not None
    when, vhid, timer = found
    assert (vhid, timer) == (1, Timer.MD)
    span = 4_171_875 if impl == "openbsd2025" else 3_390_625
    assert abs(when - span * 1000) <= 2 * MILLISECOND


@pytest.mark.parametrize("impl", KERNELS)
def test_silence_makes_a_master_that_advertises_then_announces(impl: str) -> None:
    one = placed(impl, State.BACKUP)
    one, said = after(one, TimerFired(SECONDS_10, 1, 1, Timer.MD))
    kinds = [type(effect) for effect in said]
    assert kinds[:3] == [Transition, Send, Announce]
    assert one.state(1) is State.MASTER
    assert one.vhids[0].ad != NEVER


@pytest.mark.parametrize("impl", ["freebsd6", "dragonfly"])
def test_some_start_as_master_if_they_preempt(impl: str) -> None:
    one, said = step(node(setup(impl, preempt=True)), Boot(0, 1))
    assert one.state(1) is State.MASTER
    assert sent(list(said)) == [(4, 1, 0)]


@pytest.mark.parametrize("impl", KERNELS)
def test_a_master_yields_to_a_better_one_and_ignores_a_worse(impl: str) -> None:
    one = placed(impl, State.MASTER, advskew=100)
    better, said = after(one, Received(SECONDS_10, 1, advert(1, 50, of=one)))
    assert states(said) == [State.BACKUP]
    assert better.vhids[0].ad == NEVER
    worse, said = after(one, Received(SECONDS_10, 1, advert(1, 150, of=one)))
    assert said == []
    assert worse.state(1) is State.MASTER


@pytest.mark.parametrize("impl", KERNELS)
def test_a_backup_takes_over_from_a_worse_one_only_if_it_preempts(impl: str) -> None:
    for preempt in (False, True):
        one = placed(impl, State.BACKUP, preempt=preempt)
        one, said = after(one, Accepted(SECONDS_10, 1, advert(1, 50, of=one)))
        assert states(said) == ([State.MASTER] if preempt else [])


@pytest.mark.parametrize("impl", KERNELS)
def test_who_is_three_times_slower_is_replaced_without_preemption(impl: str) -> None:
    one = placed(impl, State.BACKUP)
    _, said = after(one, Accepted(SECONDS_10, 1, advert(4, 0, of=one)))
    assert states(said) == [State.MASTER]
    _, said = after(one, Accepted(SECONDS_10, 1, advert(3, 0, of=one)))
    assert states(said) == []


def test_openbsd_with_advbase_0_has_no_threefold_rule() -> None:
    one = placed("openbsd", State.BACKUP, advbase=0, advskew=1)
    _, said = after(one, Accepted(SECONDS_10, 1, advert(255, 255, of=one)))
    assert states(said) == []


def test_counters_are_random_until_somebody_was_heard_then_follow() -> None:
    one = placed("freebsd13", State.MASTER)
    fire = TimerFired(SECONDS_10, 1, 1, Timer.AD)
    one, first = after(one, fire)
    one, second = after(one, fire._replace(draw=2))
    assert first[0].packet.counter != second[0].packet.counter  # type: ignore[union-attr]
    one, _ = after(one, Received(SECONDS_10, 1, advert(1, 50, of=one)))
    _, third = after(one, fire)
    assert third[0].packet.counter == (43).to_bytes(8, "big")  # type: ignore[union-attr]


def test_a_counter_wraps() -> None:
    one = placed("freebsd13", State.MASTER)
    one, _ = after(one, Received(SECONDS_10, 1, advert(1, 50, of=one, counter=b"\xff" * 8)))
    _, said = after(one, TimerFired(SECONDS_10, 1, 1, Timer.AD))
    assert said[0].packet.counter == bytes(8)  # type: ignore[union-attr]


def test_openbsd_keeps_its_cookie_whatever_it_hears() -> None:
    one = placed("openbsd", State.MASTER, ipv6=(VIP6,))
    one, first = after(one, TimerFired(SECONDS_10, 1, 1, Timer.AD))
    one, _ = after(one, Received(SECONDS_10, 5, advert(1, 50, of=one)))
    one, second = after(one, TimerFired(2 * SECONDS_10, 9, 1, Timer.AD))
    counters = {e.packet.counter for e in [*first, *second] if isinstance(e, Send)}
    assert len(counters) == 1
    assert [e.packet.family for e in first if isinstance(e, Send)] == [4, 6]
    _, echo = after(one, Received(3 * SECONDS_10, 1, first[0].packet))  # type: ignore[union-attr]
    assert isinstance(echo[0], Dropped)
    assert echo[0].drop is Drop.REPLAY


def test_a_dual_stack_node_counts_once_per_family() -> None:
    one = placed("freebsd13", State.MASTER, ipv6=(VIP6,))
    one, _ = after(one, Received(SECONDS_10, 1, advert(1, 50, of=one)))
    _, said = after(one, TimerFired(SECONDS_10, 1, 1, Timer.AD))
    counters = [int.from_bytes(e.packet.counter, "big") for e in said if isinstance(e, Send)]
    assert counters == [43, 44]


def test_openbsd_announces_again_after_its_third_advertisement() -> None:
    one = placed("openbsd", State.BACKUP)
    one, said = after(one, TimerFired(SECONDS_10, 1, 1, Timer.MD))
    counts = [sum(isinstance(e, Announce) for e in said)]
    for n in range(4):
        one, said = after(one, TimerFired(SECONDS_10 + n * SECOND, n, 1, Timer.AD))
        counts.append(sum(isinstance(e, Announce) for e in said))
    assert counts == [1, 0, 1, 0, 0]


def test_some_wait_a_millisecond_for_each_address() -> None:
    two = (bytes((10, 0, 0, 100)), bytes((10, 0, 0, 101)))
    busy = {}
    for impl in ("freebsd13", "freebsd9", "openbsd", "openbsd2025"):
        one = placed(impl, State.BACKUP, ipv4=two)
        one, _ = after(one, TimerFired(SECONDS_10, 1, 1, Timer.MD))
        busy[impl] = (one.busy_until - SECONDS_10) // MILLISECOND
    assert busy == {"freebsd13": 0, "freebsd9": 2, "openbsd": 2, "openbsd2025": 0}


@pytest.mark.parametrize("impl", KERNELS)
def test_in_init_only_the_counter_is_taken(impl: str) -> None:
    one = placed(impl, State.INIT)
    for advbase in (4, 1):
        one, said = after(one, Accepted(SECONDS_10, 1, advert(advbase, 0, of=one)))
        assert (said, one.state(1), one.next_timer()) == ([], State.INIT, None)
    continues = not impl.startswith(("openbsd", "pfsense"))
    assert one.vhids[0].counter == (42 if continues else None)


def why(one: Node, packet: ReceivedAdvert) -> list[Reason]:
    _, said = after(one, Accepted(SECONDS_10, 1, packet))
    return [effect.reason for effect in said if isinstance(effect, Transition)]


def test_why_a_backup_takes_over() -> None:
    for impl in KERNELS:
        one = placed(impl, State.BACKUP, preempt=True)
        assert why(one, advert(1, 50, of=one)) == [Reason.PREEMPTING]
        assert why(one, advert(9, 50, of=one)) == [Reason.PREEMPTING]
        assert why(one, advert(1, 0, of=one)) == [], "who is as good is left alone"
        one = placed(impl, State.BACKUP)
        assert why(one, advert(3, 1, of=one)) == [Reason.WILL_TIME_OUT]
        one = placed(impl, State.BACKUP, advskew=50)
        assert why(one, advert(3, 50, of=one)) == []
        assert why(one, advert(3, 51, of=one)) == [Reason.WILL_TIME_OUT], "the skew counts once"


def test_openbsds_demotion_outranks_the_interval() -> None:
    one = placed("openbsd", State.BACKUP, advskew=100)
    assert why(one, advert(1, 0, of=one, demote=1)) == [Reason.MORE_DEMOTED]
    assert why(one, advert(1, 0, of=one)) == []
    demoted = placed("openbsd", State.BACKUP, preempt=True)._replace(demotion=2)
    assert why(demoted, advert(1, 50, of=one, demote=1)) == []
    assert why(demoted, advert(1, 50, of=one, demote=2)) == [Reason.PREEMPTING]
    for impl in ("freebsd13", "netbsd", "freebsd9"):
        other = placed(impl, State.BACKUP, advskew=100)
        assert why(other, advert(1, 0, of=other, demote=99)) == [], "a byte nobody else reads"


def test_why_a_master_gives_way() -> None:
    for impl in KERNELS:
        one = placed(impl, State.MASTER, advskew=100)
        assert why(one, advert(1, 100, of=one)) == [Reason.BETTER_ADVERT], "to its equal"
        assert why(one, advert(1, 101, of=one)) == []
    one = placed("openbsd", State.MASTER)._replace(demotion=1)
    assert why(one, advert(1, 100, of=one, demote=0)) == [Reason.LESS_DEMOTED]
    assert why(one, advert(1, 0, of=one, demote=0)) == [Reason.LESS_DEMOTED]
    assert why(one, advert(1, 0, of=one, demote=1)) == [Reason.BETTER_ADVERT]
    assert why(one, advert(1, 0, of=one, demote=2)) == []
    many = one._replace(demotion=300)  # told and compared as 255
    assert why(many, advert(1, 0, of=one, demote=255)) == [Reason.BETTER_ADVERT]
    # a demoted FreeBSD compares what it sends: 240, or its own skew if that is worse
    one = placed("freebsd9", State.MASTER)._replace(demotion=1)
    assert why(one, advert(1, 239, of=one)) == [Reason.BETTER_ADVERT]
    assert why(one, advert(1, 241, of=one)) == []


def test_who_gives_way_waits_as_a_backup() -> None:
    for impl in KERNELS:
        one = placed(impl, State.MASTER, ipv6=(VIP6,))
        one, _ = after(one, Received(SECONDS_10, 1, advert(1, 0, of=one)))
        found = one.vhids[0]
        assert found.ad == NEVER
        assert abs(found.md - SECONDS_10 - 3 * SECOND) <= 2 * MILLISECOND
        assert (found.md6 != NEVER) == (impl not in ("dragonfly", "netbsd2016"))


def test_an_old_kernel_waits_for_a_family_it_has_no_address_of() -> None:
    """A stray IPv6 advertisement arms its timer: up to FreeBSD 9, NetBSD, OpenBSD."""
    for impl in ("freebsd9", "netbsd", "openbsd"):
        one = placed(impl, State.BACKUP)
        one, _ = after(one, Accepted(SECONDS_10, 1, advert(of=one, family=6)))
        assert one.vhids[0].md == NEVER
        assert abs(one.vhids[0].md6 - SECONDS_10 - 3 * SECOND) <= 2 * MILLISECOND


def test_who_takes_over_arms_its_advertisement_alone() -> None:
    one = booted("openbsd", ipv6=(VIP6,), advskew=100)
    pending = one.vhids[0].md6
    one, _ = after(one, TimerFired(SECONDS_10, 1, 1, Timer.MD))
    assert one.vhids[0].md == NEVER
    assert one.vhids[0].md6 == pending, "ignored when it ends"
    assert one.vhids[0].delayed_arp == 2
    other = placed("freebsd13", State.BACKUP)
    other, _ = after(other, TimerFired(SECONDS_10, 1, 1, Timer.MD))
    assert other.vhids[0].delayed_arp == -1
