"""What cables and operators do to a node."""

import pytest

from carpscope.core.units import MILLISECOND, SECOND
from carpscope.protocol.events import (
    AddressAdded,
    AddressRemoved,
    AllowChanged,
    AuxLinkChanged,
    CarpInterfaceChanged,
    Configured,
    Demoted,
    Drop,
    Dropped,
    InterfaceChanged,
    LinkChanged,
    OutputChanged,
    Received,
    Send,
    State,
    StateRequested,
    Timer,
    TimerFired,
)
from tests.protocol.bench import (
    KERNELS,
    advert,
    after,
    booted,
    placed,
    sent,
    states,
)


def test_freebsd_13_without_carrier_is_demoted_until_it_is_back() -> None:
    one = booted("freebsd13", vhids=2)
    one, said = after(one, LinkChanged(SECOND, 1, False))
    assert states(said) == [State.INIT, State.INIT]
    assert one.demotion == 480
    assert one.next_timer() is None
    one, said = after(one, LinkChanged(2 * SECOND, 1, False))
    assert one.demotion == 480
    one, said = after(one, LinkChanged(3 * SECOND, 1, True))
    assert one.demotion == 0
    assert states(said) == [State.BACKUP, State.BACKUP]


def test_freebsd_9_may_stay_down_after_two_losses_in_a_row() -> None:
    one, _ = after(booted("freebsd9"), LinkChanged(1, 1, False), LinkChanged(2, 1, False))
    one, said = after(one, LinkChanged(3, 1, True))
    assert one.state(1) is State.INIT
    assert said[-1].value == 0  # type: ignore[union-attr]
    once, _ = after(booted("freebsd9"), LinkChanged(1, 1, False), LinkChanged(3, 1, True))
    assert once.state(1) is State.BACKUP


@pytest.mark.parametrize(
    ("impl", "bounces"),
    [("freebsd13", True), ("freebsd9", True), ("netbsd", True), ("openbsd", False)],
)
def test_a_link_up_that_was_never_down(impl: str, *, bounces: bool) -> None:
    one = placed(impl, State.MASTER)
    _, said = after(one, LinkChanged(SECOND, 1, True))
    assert states(said) == ([State.INIT, State.BACKUP] if bounces else [])


def test_dragonfly_does_not_notice_its_carrier() -> None:
    one = placed("dragonfly", State.MASTER)
    one, said = after(one, LinkChanged(SECOND, 1, False))
    assert said == []
    one, said = after(one, InterfaceChanged(SECOND, 1, False))
    assert states(said) == [State.INIT]


@pytest.mark.parametrize(
    ("impl", "advert_of_it", "second"),
    [
        ("freebsd9", (4, 1, 240), 0),
        ("netbsd", (4, 1, 240), 0),
        ("openbsd", (4, 1, 0), 0),
        ("freebsd13", (4, 1, 240), 1),
    ],
)
def test_another_interface_without_carrier_demotes(
    impl: str, advert_of_it: tuple[int, int, int], second: int
) -> None:
    one = placed(impl, State.MASTER)
    one, said = after(one, AuxLinkChanged(SECOND, 1, False))
    assert sent(said) == [advert_of_it]
    one, said = after(one, AuxLinkChanged(2 * SECOND, 1, True))
    assert one.demotion == 0
    assert len(sent(said)) == second


@pytest.mark.parametrize("impl", ["freebsd6", "freebsd9", "netbsd", "openbsd", "dragonfly"])
def test_a_carp_interface_set_down_bows_out(impl: str) -> None:
    one = placed(impl, State.MASTER)
    one, said = after(one, CarpInterfaceChanged(SECOND, 1, 1, False))
    assert sent(said) == [(4, 255, 255)]
    assert states(said) == [State.INIT]
    assert one.next_timer() is None
    one, said = after(one, CarpInterfaceChanged(2 * SECOND, 1, 1, True))
    assert states(said) == [State.BACKUP]


def test_a_carp_interface_that_is_down_refuses_on_freebsd_9_and_hears_nothing_elsewhere() -> None:
    for impl, drops in (("freebsd9", [Drop.BAD_VHID]), ("openbsd", []), ("netbsd", [])):
        one = booted(impl)
        one, _ = after(one, CarpInterfaceChanged(SECOND, 1, 1, False))
        _, said = after(one, Received(2 * SECOND, 1, advert(of=one)))
        assert [e.drop for e in said if isinstance(e, Dropped)] == drops


def test_openbsd_advertises_increases_of_its_group_only() -> None:
    one = placed("openbsd", State.MASTER)
    one, said = after(one, Demoted(SECOND, 1, 20))
    assert [e.packet.demote for e in said if isinstance(e, Send)] == [20]
    one, said = after(one, Demoted(SECOND, 1, 20))
    assert [e.packet.demote for e in said if isinstance(e, Send)] == [40]
    one, said = after(one, Demoted(SECOND, 1, -40))
    assert sent(said) == []
    refused, said = after(one, Demoted(SECOND, 1, -1))
    assert (refused.demotion, said) == (0, [])


def test_a_negative_demotion_before_13_1_leaves_as_its_low_byte() -> None:
    one = placed("freebsd13", State.MASTER)
    one, said = after(one, Demoted(SECOND, 1, -10))
    assert sent(said) == [(4, 1, 246)]
    # while it compares -10: nobody's skew of 0 is as good
    _, said = after(one, Received(2 * SECOND, 1, advert(1, 0, of=one)))
    assert states(said) == []
    new = placed("freebsd14", State.MASTER)
    _, said = after(new, Demoted(SECOND, 1, -10))
    assert sent(said) == [(4, 1, 0)]


def test_a_demoted_backup_waits_no_longer() -> None:
    one, _ = after(booted("freebsd13", advskew=10), Demoted(0, 1, 240))
    one, _ = after(one, Received(SECOND, 1, advert(of=one)))
    assert one.vhids[0].md - SECOND < 3_042 * MILLISECOND


def failing(impl: str, errors: int, successes: int) -> int:
    """Return the demotion after so many failed and then successful advertisements."""
    one = placed(impl, State.MASTER)
    one, _ = after(one, OutputChanged(0, 1, False))
    for n in range(errors):
        one, _ = after(one, TimerFired(n * SECOND, n, 1, Timer.AD))
    one, _ = after(one, OutputChanged(errors * SECOND, 1, True))
    for n in range(successes):
        one, _ = after(one, TimerFired((errors + n) * SECOND, n, 1, Timer.AD))
    return one.demotion


@pytest.mark.parametrize(
    ("impl", "before", "demoted", "after_one", "after_three"),
    [
        ("freebsd13", 0, 240, 240, 240),
        ("freebsd14", 0, 240, 240, 0),
        ("freebsd9", 0, 1, 1, 0),
        ("openbsd", 0, 1, 1, 0),
    ],
)
def test_three_send_errors_demote(
    impl: str, before: int, demoted: int, after_one: int, after_three: int
) -> None:
    assert failing(impl, 2, 0) == before
    if impl == "freebsd13":
        # the demotion's own advertisement fails as well: a fourth error, no second demotion
        assert failing(impl, 3, 6) == after_three
    assert failing(impl, 3, 0) == demoted
    assert failing(impl, 3, 1) == after_one
    assert failing(impl, 3, 3) == after_three


@pytest.mark.parametrize(
    ("impl", "changes"),
    [
        ("freebsd13", []),
        ("freebsd9", []),
        ("openbsd", []),
        ("netbsd", [State.INIT, State.BACKUP]),
    ],
)
def test_another_advskew_on_a_master(impl: str, changes: list[State]) -> None:
    one = placed(impl, State.MASTER)
    one, _ = after(one, TimerFired(0, 1, 1, Timer.AD))
    armed = one.vhids[0].ad
    one, said = after(one, Configured(SECOND // 2, 1, 1, advskew=100))
    assert states(said) == changes
    assert one.vhids[0].setup.advskew == 100
    # FreeBSD 10 and later only store it; FreeBSD 9 and OpenBSD wind the timer up anew
    assert (one.vhids[0].ad == armed) is (impl == "freebsd13")


def test_another_passphrase_is_used_from_the_next_packet_on() -> None:
    one = booted("freebsd13")
    old = advert(of=one)
    one, _ = after(one, Configured(SECOND, 1, 1, key=b"new"))
    _, said = after(one, Received(SECOND, 1, old))
    assert [e.drop for e in said if isinstance(e, Dropped)] == [Drop.BAD_AUTH]
    _, said = after(one, Received(SECOND, 1, advert(of=one)))
    assert said == []


@pytest.mark.parametrize("impl", KERNELS)
def test_an_added_address_starts_a_master_anew(impl: str) -> None:
    one = placed(impl, State.MASTER)
    one, said = after(one, AddressAdded(SECOND, 1, 1, bytes((10, 0, 0, 101))))
    assert states(said) == [State.INIT, State.BACKUP]
    assert sent(said) == []


def test_a_removed_address() -> None:
    two = (bytes((10, 0, 0, 100)), bytes((10, 0, 0, 101)))
    for impl, changes in (("freebsd13", [State.INIT, State.BACKUP]), ("openbsd", [])):
        one = placed(impl, State.MASTER, ipv4=two)
        one, said = after(one, AddressRemoved(SECOND, 1, 1, two[0]))
        assert states(said) == changes
        one, said = after(one, AddressRemoved(SECOND, 1, 1, two[1]))
        assert states(said) == [State.INIT]
        assert sent(said) == []


def test_allow_0_deafens_openbsd_and_stops_freebsd() -> None:
    one = booted("openbsd")
    one, said = after(one, AllowChanged(SECOND, 1, False))
    assert said == []
    same, said = after(one, Received(SECOND, 1, advert(of=one)))
    assert (same, said) == (one, [])
    two, said = after(booted("freebsd13"), AllowChanged(SECOND, 1, False))
    assert states(said) == [State.INIT]
    assert two.demotion == 240
    two, said = after(two, AllowChanged(SECOND, 1, True))
    assert states(said) == [State.BACKUP]
    assert two.demotion == 0


def test_an_operator_asks_for_a_state() -> None:
    one = booted("freebsd13")
    one, said = after(one, StateRequested(SECOND, 1, 1, State.MASTER))
    assert states(said) == [State.MASTER]
    one, said = after(one, StateRequested(2 * SECOND, 1, 1, State.BACKUP))
    assert states(said) == [State.BACKUP]
