"""What starts, stops and changes a vhid, each implementation in its own way."""

import pytest

from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND
from carpscope.protocol.events import (
    AddressAdded,
    AddressRemoved,
    AllowChanged,
    AuxLinkChanged,
    Boot,
    CarpInterfaceChanged,
    Configured,
    Demoted,
    DemotionChanged,
    Effect,
    Event,
    InterfaceChanged,
    LinkChanged,
    Reason,
    Received,
    Send,
    Signalled,
    State,
    StateRequested,
    Timer,
    TimerFired,
    Transition,
)
from carpscope.protocol.machine import step
from carpscope.protocol.node import NEVER, Node, node
from carpscope.protocol.rules import own_link_local
from tests.protocol.bench import (
    KERNELS,
    VIP,
    VIP6,
    advert,
    after,
    booted,
    placed,
    sent,
    setup,
    states,
)

AT = 10 * SECOND
OTHER = bytes((10, 0, 0, 101))
FREEBSD_NEW = ["freebsd13", "freebsd14", "freebsd140", "freebsd15", "pfsense"]


def reasons(effects: list[Effect]) -> list[tuple[State, State, Reason]]:
    return [(e.old, e.new, e.reason) for e in effects if isinstance(e, Transition)]


def demotions(effects: list[Effect]) -> list[int]:
    return [effect.value for effect in effects if isinstance(effect, DemotionChanged)]


# ---- boot


@pytest.mark.parametrize("impl", KERNELS)
def test_every_address_starts_a_vhid_anew(impl: str) -> None:
    _, said = step(node(setup(impl, ipv4=(VIP, OTHER), ipv6=(VIP6,))), Boot(0, 1))
    assert states(list(said)) == [State.BACKUP, *[State.INIT, State.BACKUP] * 2]


def test_at_boot_a_vhid_signs_what_it_has_so_far() -> None:
    """FreeBSD 6 is MASTER from its first address on, and says so with that address alone."""
    _, said = step(node(setup("freebsd6", preempt=True, ipv4=(VIP, OTHER))), Boot(0, 1))
    one = booted("freebsd6", ipv4=(VIP,)).vhids[0].setup.secrets.sends
    two = booted("freebsd6", ipv4=(VIP, OTHER)).vhids[0].setup.secrets.sends
    found = [effect.packet for effect in said if isinstance(effect, Send)]
    for packet, key in zip(found, (one, two), strict=True):
        assert packet.digest == key.sign(packet.counter)
    done, _ = step(node(setup("freebsd6", ipv4=(VIP, OTHER))), Boot(0, 1))
    assert done.vhids[0].setup.ipv4 == (VIP, OTHER)
    assert done.vhids[0].setup.secrets.sends is two


def test_why_a_vhid_starts() -> None:
    _, said = step(node(setup("freebsd13")), Boot(0, 1))
    assert reasons(list(said)) == [(State.INIT, State.BACKUP, Reason.INITIALIZED)]
    _, said = step(node(setup("openbsd")), Boot(0, 1))
    assert reasons(list(said)) == [(State.INIT, State.BACKUP, Reason.ADDRESS_ADDED)]
    _, said = step(node(setup("dragonfly", preempt=True)), Boot(0, 1))
    assert reasons(list(said)) == [(State.INIT, State.MASTER, Reason.DIRECT)]


@pytest.mark.parametrize("impl", ["freebsd6", "dragonfly"])
def test_who_is_demoted_listens_first(impl: str) -> None:
    start = node(setup(impl, preempt=True))._replace(demotion=1)
    one, said = step(start, Boot(0, 1))
    assert one.state(1) is State.BACKUP
    assert sent(list(said)) == []


def test_who_starts_as_master_announces_and_goes_on_in_its_period() -> None:
    one, said = step(node(setup("freebsd6", preempt=True, advskew=100)), Boot(0, 1))
    assert [type(e).__name__ for e in said] == ["Transition", "Send", "Announce"]
    assert abs(one.vhids[0].ad - 1_390_625 * MICROSECOND) <= 2 * MILLISECOND
    assert (one.vhids[0].md, one.vhids[0].md6) == (NEVER, NEVER)


# ---- carrier


@pytest.mark.parametrize(
    ("impl", "demotion"),
    [("freebsd13", 240), ("freebsd9", 1), ("freebsd6", 1), ("netbsd", 1), ("openbsd", 1)],
)
@pytest.mark.parametrize("what", [LinkChanged, InterfaceChanged])
def test_a_master_that_loses_its_parent_says_no_bow_out(
    impl: str, demotion: int, what: type[LinkChanged] | type[InterfaceChanged]
) -> None:
    one = placed(impl, State.MASTER, ipv6=(VIP6,))
    one, _ = after(one, TimerFired(AT - SECOND, 1, 1, Timer.AD))
    gone, said = after(one, what(AT, 1, False))
    assert reasons(said) == [(State.MASTER, State.INIT, Reason.LINK_DOWN)]
    assert sent(said) == []
    assert demotions(said) == [demotion]
    assert gone.next_timer() is None
    assert gone.vhids[0].is_suppressed
    same, said = after(gone, what(AT + 1, 1, False))
    assert (demotions(said), same.demotion) == ([], demotion), "it is demoted once"


@pytest.mark.parametrize("impl", ["freebsd13", "netbsd", "openbsd", "freebsd9", "freebsd6"])
def test_a_parent_that_is_back_starts_its_vhids_and_takes_its_demotion_back(impl: str) -> None:
    one = booted(impl)
    one, _ = after(one, LinkChanged(AT, 1, False))
    back, said = after(one, LinkChanged(AT + SECOND, 1, True))
    why = Reason.INITIALIZED if impl == "freebsd13" else Reason.LINK_UP
    assert reasons(said) == [(State.INIT, State.BACKUP, why)]
    assert demotions(said) == [0]
    assert not back.vhids[0].is_suppressed
    wait = back.vhids[0].md - AT - SECOND
    assert abs(wait - 3 * SECOND) <= 2 * MILLISECOND


@pytest.mark.parametrize("impl", ["freebsd13", "netbsd", "openbsd", "freebsd9"])
def test_carrier_alone_does_not_bring_an_interface_back_that_is_down(impl: str) -> None:
    one = booted(impl)
    one, _ = after(one, InterfaceChanged(AT, 1, False), LinkChanged(AT, 1, False))
    one, said = after(one, LinkChanged(AT + 1, 1, True))
    assert states(said) == []
    assert one.state(1) is State.INIT


def test_after_a_flap_freebsd_6_does_not_start_as_master() -> None:
    """It is still suppressed when it starts anew."""
    one = booted("freebsd6", preempt=True)
    assert one.state(1) is State.MASTER
    one, said = after(one, LinkChanged(AT, 1, False), LinkChanged(AT + 1, 1, True))
    assert states(said) == [State.INIT, State.BACKUP]
    assert one.demotion == 0


def test_two_vhids_without_carrier_count_twice() -> None:
    for impl, each in (("openbsd", 1), ("freebsd9", 1), ("freebsd13", 240)):
        one = booted(impl, vhids=2)
        one, said = after(one, LinkChanged(AT, 1, False))
        assert demotions(said) == [each, 2 * each]
        _, said = after(one, LinkChanged(AT, 1, True))
        assert demotions(said) == [each, 0]


def test_dragonfly_starts_again_when_its_interface_is_set_up() -> None:
    one = booted("dragonfly")
    one, said = after(one, InterfaceChanged(AT, 1, False))
    assert reasons(said) == [(State.BACKUP, State.INIT, Reason.LINK_DOWN)]
    assert (one.demotion, one.next_timer()) == (0, None)
    one, said = after(one, InterfaceChanged(AT + 1, 1, True))
    assert reasons(said) == [(State.INIT, State.BACKUP, Reason.LINK_UP)]
    same, said = after(one, InterfaceChanged(AT + 2, 1, True), LinkChanged(AT + 3, 1, True))
    assert said == []
    assert same.vhids == one.vhids


def test_a_second_carp_interface_counts_once_and_not_on_dragonfly() -> None:
    for impl, value in (("freebsd13", 240), ("freebsd9", 1), ("netbsd", 1), ("openbsd", 1)):
        one = booted(impl)
        one, said = after(one, AuxLinkChanged(AT, 1, True))
        assert said == [], "it was up"
        one, said = after(one, AuxLinkChanged(AT, 1, False), AuxLinkChanged(AT, 1, False))
        assert demotions(said) == [value]
        assert not one.aux_up
        one, said = after(one, AuxLinkChanged(AT, 1, True))
        assert (demotions(said), one.aux_up) == ([0], True)
    one, said = after(booted("dragonfly"), AuxLinkChanged(AT, 1, False))
    assert (said, one.aux_up) == ([], True)


# ---- ifconfig


@pytest.mark.parametrize("impl", ["freebsd6", "freebsd9", "netbsd", "openbsd", "dragonfly"])
def test_a_carp_interface_set_down_as_backup_says_nothing(impl: str) -> None:
    one = booted(impl)
    one, said = after(one, CarpInterfaceChanged(AT, 1, 1, False))
    assert reasons(said) == [(State.BACKUP, State.INIT, Reason.CARP_DOWN)]
    assert sent(said) == []
    assert one.next_timer() is None
    assert not one.vhids[0].is_up
    again, said = after(one, CarpInterfaceChanged(AT, 1, 1, False))
    assert said == []
    up, said = after(again, CarpInterfaceChanged(AT, 1, 1, True))
    assert reasons(said) == [(State.INIT, State.BACKUP, Reason.CARP_UP)]
    same, said = after(up, CarpInterfaceChanged(AT + 1, 1, 1, True))
    assert (said, same.vhids) == ([], up.vhids), "it was up"


@pytest.mark.parametrize("impl", ["freebsd9", "openbsd"])
def test_a_bow_out_is_the_last_word(impl: str) -> None:
    one = placed(impl, State.MASTER, ipv6=(VIP6,))
    one, said = after(one, CarpInterfaceChanged(AT, 1, 1, False))
    assert sent(said) == [(4, 255, 255), (6, 255, 255)]
    assert reasons(said) == [(State.MASTER, State.INIT, Reason.CARP_DOWN)]
    assert isinstance(said[-1], Transition)
    assert one.vhids[0].ad == NEVER


@pytest.mark.parametrize("impl", [*FREEBSD_NEW, "ucarp"])
def test_who_has_no_carp_interface_has_none_to_set_down(impl: str) -> None:
    one = placed(impl, State.MASTER)
    same, said = after(one, CarpInterfaceChanged(AT, 1, 1, False))
    assert said == []
    assert same.vhids == one.vhids


def test_values_are_stored_one_by_one() -> None:
    one = booted("freebsd13", advbase=2, advskew=10)
    one, _ = after(one, Configured(AT, 1, 1, advbase=5))
    found = one.vhids[0].setup
    assert (found.advbase, found.advskew, found.key) == (5, 10, b"mekmitasdigoat")
    one, _ = after(one, Configured(AT, 1, 1, advskew=0))
    found = one.vhids[0].setup
    assert (found.advbase, found.advskew) == (5, 0)
    one, _ = after(one, Configured(AT, 1, 1, key=b"new"))
    found = one.vhids[0].setup
    assert (found.advbase, found.advskew, found.key) == (5, 0, b"new")
    assert (found.ipv4, found.ipv6) == ((VIP,), ())


@pytest.mark.parametrize(
    ("impl", "rearmed"), [("freebsd13", False), ("freebsd9", True), ("openbsd", True)]
)
def test_another_advbase_on_a_backup(impl: str, *, rearmed: bool) -> None:
    one = booted(impl)
    before = one.vhids[0].md
    one, said = after(one, Configured(2 * SECOND, 1, 1, advbase=2))
    assert states(said) == []
    if rearmed:
        assert abs(one.vhids[0].md - 8 * SECOND) <= 2 * MILLISECOND
    else:
        assert one.vhids[0].md == before


def test_netbsd_bounces_whoever_is_reconfigured() -> None:
    for state in (State.BACKUP, State.MASTER):
        one, said = after(placed("netbsd", state), Configured(AT, 1, 1, advskew=7))
        assert reasons(said) == [
            (state, State.INIT, Reason.CHANGED),
            (State.INIT, State.BACKUP, Reason.CHANGED),
        ]
        assert abs(one.vhids[0].md - AT - 3_027_343 * MICROSECOND) <= 2 * MILLISECOND


# ---- addresses


@pytest.mark.parametrize("impl", KERNELS)
def test_an_added_address_is_signed_with_from_now_on(impl: str) -> None:
    one = booted(impl)
    more, said = after(one, AddressAdded(AT, 1, 1, OTHER), AddressAdded(AT, 1, 1, VIP6))
    found = more.vhids[0].setup
    # an OpenBSD carp interface gives itself an address with its first of IPv6
    own = (own_link_local(1),) if impl.startswith("openbsd") else ()
    assert (found.ipv4, found.ipv6) == ((VIP, OTHER), (*own, VIP6))
    assert found.secrets.sends is not one.vhids[0].setup.secrets.sends
    assert states(said) == [State.INIT, State.BACKUP] * 2
    back, _ = after(more, AddressRemoved(AT, 1, 1, OTHER), AddressRemoved(AT, 1, 1, VIP6))
    if own:
        assert back.vhids[0].setup.ipv6 == own
        back, _ = after(back, AddressRemoved(AT, 1, 1, *own))
    assert back.vhids[0].setup == one.vhids[0].setup


@pytest.mark.parametrize("impl", KERNELS)
def test_the_last_address_takes_the_vhid_along(impl: str) -> None:
    one = placed(impl, State.MASTER)
    one, _ = after(one, TimerFired(AT - SECOND, 1, 1, Timer.AD))
    one, said = after(one, AddressRemoved(AT, 1, 1, VIP))
    assert reasons(said) == [(State.MASTER, State.INIT, Reason.ADDRESS_REMOVED)]
    assert sent(said) == []
    assert one.next_timer() is None
    assert not one.vhids[0].is_running
    # a carp interface goes down with its last address, and comes up with its first
    assert one.vhids[0].is_up == (impl in FREEBSD_NEW)
    _, said = after(one, AddressAdded(AT, 1, 1, VIP))
    assert states(said) == [State.BACKUP]


@pytest.mark.parametrize("impl", [name for name in KERNELS if name not in FREEBSD_NEW])
def test_a_master_with_one_address_less_stays_and_begins_its_period_anew(impl: str) -> None:
    one = placed(impl, State.MASTER, ipv4=(VIP, OTHER))
    one, said = after(one, AddressRemoved(AT, 1, 1, OTHER))
    assert said == []
    assert abs(one.vhids[0].ad - AT - SECOND) <= 2 * MILLISECOND


# ---- what an operator may ask for


def test_a_state_that_is_asked_for() -> None:
    master = placed("freebsd13", State.MASTER)
    down, said = after(master, StateRequested(AT, 1, 1, State.BACKUP))
    assert reasons(said) == [(State.MASTER, State.BACKUP, Reason.USER)]
    assert down.vhids[0].ad == NEVER
    assert abs(down.vhids[0].md - AT - 3 * SECOND) <= 2 * MILLISECOND
    up, said = after(down, StateRequested(AT, 1, 1, State.MASTER))
    assert reasons(said) == [(State.BACKUP, State.MASTER, Reason.USER)]
    assert sent(said) == [(4, 1, 0)]
    for one, state in ((up, State.MASTER), (down, State.BACKUP)):
        same, said = after(one, StateRequested(AT + 1, 1, 1, state))
        assert (said, same.vhids) == ([], one.vhids), "it is that already"
    off, _ = after(down, LinkChanged(AT, 1, False))
    for state in (State.MASTER, State.BACKUP):
        same, said = after(off, StateRequested(AT, 1, 1, state))
        assert (said, same.vhids) == ([], off.vhids), "in INIT nobody asks"
    same, said = after(up, StateRequested(AT, 1, 1, State.INIT))
    assert said == []


@pytest.mark.parametrize(
    ("start", "value", "end"),
    [(0, 255, 255), (0, 256, 0), (255, 1, 255), (255, -255, 0), (3, -4, 3), (0, -1, 0)],
)
def test_openbsds_count_has_a_range(start: int, value: int, end: int) -> None:
    one = placed("openbsd", State.MASTER)._replace(demotion=start)
    one, said = after(one, Demoted(AT, 1, value))
    assert one.demotion == end
    assert demotions(said) == ([end] if end != start else [])
    assert len(sent(said)) == (end > start)


def test_allow_0_is_noticed_once() -> None:
    one = placed("freebsd13", State.MASTER)
    one, said = after(one, AllowChanged(AT, 1, True))
    assert said == []
    one, said = after(one, AllowChanged(AT, 1, False), AllowChanged(AT, 1, False))
    assert states(said) == [State.INIT]
    assert (demotions(said), one.allows) == ([240], False)
    assert one.next_timer() is None
    one, said = after(one, LinkChanged(AT, 1, True))
    assert states(said) == [], "a cable does not allow what the sysctl forbids"
    for impl in ("netbsd", "freebsd9", "openbsd"):
        old, said = after(placed(impl, State.MASTER), AllowChanged(AT, 1, False))
        assert (said, old.allows, old.state(1)) == ([], False, State.MASTER)


@pytest.mark.parametrize(
    "event",
    [
        CarpInterfaceChanged(AT, 1, 1, False),
        Configured(AT, 1, 1, advbase=9),
        AddressAdded(AT, 1, 1, OTHER),
        AddressRemoved(AT, 1, 1, VIP),
        StateRequested(AT, 1, 1, State.BACKUP),
        Demoted(AT, 1, 5),
    ],
)
def test_ucarp_has_no_such_handle(event: Event) -> None:
    one = placed("ucarp", State.MASTER)
    same, said = after(one, event)
    assert said == []
    assert (same.vhids, same.demotion) == (one.vhids, one.demotion)


@pytest.mark.parametrize(
    "event",
    [
        CarpInterfaceChanged(AT, 1, 9, False),
        Configured(AT, 1, 9, advbase=9),
        AddressAdded(AT, 1, 9, OTHER),
        StateRequested(AT, 1, 9, State.BACKUP),
        TimerFired(AT, 1, 9, Timer.AD),
        Signalled(AT, 1, None),
    ],
)
def test_what_concerns_another_vhid_or_another_program(event: Event) -> None:
    for impl in ("openbsd", "freebsd13"):
        one = placed(impl, State.MASTER)
        same, said = after(one, event)
        assert (said, same.vhids) == ([], one.vhids)


# ---- timers that end late


@pytest.mark.parametrize("timer", [Timer.MD, Timer.MD6])
@pytest.mark.parametrize("state", [State.INIT, State.MASTER])
def test_a_master_down_timer_means_something_to_a_backup_only(timer: Timer, state: State) -> None:
    one = placed("freebsd13", state, ipv6=(VIP6,))
    same, said = after(one, TimerFired(AT, 1, 1, timer))
    assert (said, same.state(1)) == ([], state)


def test_either_family_that_falls_silent_makes_a_master() -> None:
    for timer in (Timer.MD, Timer.MD6):
        one = booted("freebsd13", ipv6=(VIP6,))
        one, said = after(one, TimerFired(AT, 1, 1, timer))
        assert reasons(said) == [(State.BACKUP, State.MASTER, Reason.TIMED_OUT)]
        spent = one.vhids[0].md if timer is Timer.MD else one.vhids[0].md6
        left = one.vhids[0].md6 if timer is Timer.MD else one.vhids[0].md
        assert spent == NEVER
        assert left != NEVER, "the other one stays pending and is ignored when it ends"


def pending(**timers: int) -> Node:
    one = placed("freebsd13", State.BACKUP, vhids=2)
    items = [one.vhids[0]._replace(ad=50, md=40, md6=60), one.vhids[1]._replace(**timers)]  # type: ignore[arg-type]
    return one._replace(vhids=tuple(items))


@pytest.mark.parametrize(
    ("timers", "next_one"),
    [
        ({}, (40, 1, Timer.MD)),
        ({"ad": 30}, (30, 2, Timer.AD)),
        ({"md": 30}, (30, 2, Timer.MD)),
        ({"md6": 30}, (30, 2, Timer.MD6)),
        ({"md6": 40}, (40, 1, Timer.MD)),
        ({"poll": 30, "ad": 5}, (30, 2, Timer.POLL)),
        ({"poll": 41, "ad": 5}, (40, 1, Timer.MD)),
    ],
)
def test_the_timer_that_ends_first(
    timers: dict[str, int], next_one: tuple[int, int, Timer]
) -> None:
    assert pending(**timers).next_timer() == next_one


def test_a_node_that_is_placed_has_nothing_pending() -> None:
    one = booted("freebsd13", vhids=2, ipv6=(VIP6,))
    put = one.placed(2, State.MASTER, 77)
    assert put.vhids[0] == one.vhids[0]
    found = put.vhids[1]
    assert (found.state, found.counter, found.is_running) == (State.MASTER, 77, True)
    assert {found.ad, found.md, found.md6, found.poll} == {NEVER}
    assert (put.state(2), put.state(9), put.name) == (State.MASTER, State.INIT, "a")


def test_a_node_is_off_until_it_boots() -> None:
    off = node(setup("freebsd13", vhids=2))
    assert off.next_timer() is None
    assert (off.demotion, off.identification, off.busy_until, off.asleep) == (0, 0, 0, False)
    assert all((off.link_up, off.interface_up, off.aux_up, off.allows, off.output_works))
    for item in off.vhids:
        assert (item.state, item.counter, item.delayed_arp) == (State.INIT, None, -1)
        assert (item.errors, item.successes, item.is_up, item.is_running) == (0, 0, True, False)
        assert (item.up_before, item.is_suppressed) == (False, False)


# ---- what is heard in INIT, and while a master is worse


@pytest.mark.parametrize("impl", ["freebsd13", "freebsd9", "netbsd"])
def test_who_hears_a_worse_master_goes_on_from_its_counter(impl: str) -> None:
    one = placed(impl, State.MASTER)
    one, said = after(one, Received(AT, 1, advert(1, 100, of=one, counter=bytes(7) + b"\x63")))
    assert said == []
    assert one.vhids[0].counter == 0x63


@pytest.mark.parametrize("impl", FREEBSD_NEW)
def test_a_vhid_that_goes_takes_its_demotion_and_its_counter_along(impl: str) -> None:
    """FreeBSD carp_destroy(): "demoted by -240 to 0 (vhid removed)"."""
    one = booted(impl, vhids=2)
    one, _ = after(one, Received(SECOND, 1, advert(of=one)), LinkChanged(AT, 1, up=False))
    assert one.demotion == 480
    one, said = after(one, AddressRemoved(AT, 1, 1, VIP))
    assert one.demotion == 240
    assert [e.value for e in said if isinstance(e, DemotionChanged)] == [240]
    assert one.vhids[0].counter is None
    one, _ = after(one, LinkChanged(AT + SECOND, 1, up=True))
    assert one.demotion == 0
