"""What leaves a node: its frames one by one, their order, their times, their fields."""

import pytest

from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND
from carpscope.protocol.events import (
    Announce,
    AuxLinkChanged,
    CarpInterfaceChanged,
    Configured,
    Demoted,
    DemotionChanged,
    Effect,
    InterfaceChanged,
    LinkChanged,
    OutputChanged,
    Received,
    ReceivedAdvert,
    Send,
    State,
    Timer,
    TimerFired,
)
from carpscope.protocol.node import NEVER
from carpscope.protocol.rules import own_link_local
from carpscope.wire.carp import virtual_mac
from tests.protocol.bench import KERNELS, VIP, VIP6, advert, after, booted, placed, sent

AT = 10 * SECOND
AD = TimerFired(AT, 1, 1, Timer.AD)
DOWN = TimerFired(AT, 1, 1, Timer.MD)
NIC = b"\x02\x00\x00\x00\x00\x01"
TWO = (VIP, bytes((10, 0, 0, 101)))


def packets(effects: list[Effect]) -> list[ReceivedAdvert]:
    return [effect.packet for effect in effects if isinstance(effect, Send)]


def announced(effects: list[Effect]) -> list[Announce]:
    return [effect for effect in effects if isinstance(effect, Announce)]


def test_who_an_advertisement_comes_from() -> None:
    one = placed("freebsd13", State.MASTER, ipv6=(VIP6,), advbase=2, advskew=30, last=7)
    one, said = after(one, AD)
    four, six = packets(said)
    assert (four.family, four.source) == (4, bytes((10, 0, 0, 7)))
    assert (six.family, six.source) == (6, b"\xfe\x80" + bytes(13) + b"\x07")
    for packet in (four, six):
        assert (packet.vhid, packet.advbase, packet.advskew, packet.demote) == (1, 2, 30, 0)
        assert packet.digest == one.vhids[0].setup.secrets.sends.sign(packet.counter)
        assert (packet.ttl, packet.multicast, packet.version) == (255, True, 2)
    assert int.from_bytes(six.counter, "big") != int.from_bytes(four.counter, "big")


@pytest.mark.parametrize("impl", ["freebsd9", "freebsd6", "dragonfly"])
def test_an_ip_id_that_counts(impl: str) -> None:
    one = placed(impl, State.MASTER)
    found = []
    for _ in range(3):
        one, said = after(one, AD)
        found += [packet.identification for packet in packets(said)]
    assert found == [1, 2, 3]
    one, said = after(one._replace(identification=0xFFFF), AD)
    assert packets(said)[0].identification == 0


def test_an_ip_id_that_is_zero_and_one_that_is_random() -> None:
    for impl in ("freebsd13", "netbsd"):
        _, said = after(placed(impl, State.MASTER), AD)
        assert packets(said)[0].identification == 0
    for impl in ("openbsd", "ucarp"):
        one = placed(impl, State.MASTER)
        event = AD if impl == "openbsd" else Received(AT, 1, advert(1, 200, of=one))
        found = set()
        for draw in range(40):
            if impl == "ucarp":
                # its deadline is over: the next wake-up sends
                due = one._replace(vhids=(one.vhids[0]._replace(ad=AT),))
                _, said = after(due, event._replace(draw=draw))
            else:
                _, said = after(one, event._replace(draw=draw))
            found |= {packet.identification for packet in packets(said)}
        assert len(found) > 30
        assert max(found) > 0xFF
        assert max(found) <= 0xFFFF


def test_ipv6_has_no_id() -> None:
    for impl in ("openbsd", "freebsd9"):
        _, said = after(placed(impl, State.MASTER, ipv6=(VIP6,)), AD)
        assert [p.identification for p in packets(said) if p.family == 6] == [0]


def test_no_random_counter_is_kept_before_somebody_was_heard() -> None:
    one = placed("netbsd", State.MASTER)
    one, first = after(one, AD)
    assert one.vhids[0].counter is None
    again, second = after(one, AD)
    assert again == one
    assert first == second, "it follows from the event's draw alone"


def test_a_cookie_is_never_zero_and_stays() -> None:
    one = placed("openbsd", State.MASTER)
    one, said = after(one, AD)
    cookie = int.from_bytes(packets(said)[0].counter, "big")
    assert one.vhids[0].counter == cookie != 0


@pytest.mark.parametrize("impl", KERNELS)
def test_the_next_advertisement_waits_what_this_one_says(impl: str) -> None:
    one = placed(impl, State.MASTER, advbase=2, advskew=100)
    one, _ = after(one, AD)
    wait = one.vhids[0].ad - AT
    assert abs(wait - 2_390_625 * MICROSECOND) <= 2 * MILLISECOND


def test_a_demoted_freebsd_waits_its_demoted_period() -> None:
    one, _ = after(placed("freebsd13", State.MASTER), Demoted(AT, 1, 100))
    assert abs(one.vhids[0].ad - AT - 1_390_625 * MICROSECOND) <= 2 * MILLISECOND


def test_a_negative_demotion_leaves_as_its_low_byte_up_to_13_0() -> None:
    for impl, skew in (("freebsd13", 246), ("freebsd14", 0)):
        one, said = after(placed(impl, State.MASTER), Demoted(AT, 1, -10))
        assert one.demotion == -10
        assert sent(said) == [(4, 1, skew)]


def test_the_demote_byte_ends_at_255_and_is_openbsds_alone() -> None:
    one = placed("openbsd", State.MASTER)._replace(demotion=300)
    assert [p.demote for p in packets(after(one, AD)[1])] == [255]
    one = one._replace(demotion=33)
    assert [p.demote for p in packets(after(one, AD)[1])] == [33]
    for impl in ("freebsd13", "freebsd9", "netbsd"):
        one = placed(impl, State.MASTER)._replace(demotion=3)
        assert [p.demote for p in packets(after(one, AD)[1])] == [0]


def test_nothing_leaves_without_carrier_or_output_yet_only_output_counts_as_error() -> None:
    one = placed("freebsd13", State.BACKUP, ipv6=(VIP6,))
    for change in ({"link_up": False}, {"interface_up": False}, {"output_works": False}):
        blind, said = after(one._replace(**change), DOWN)  # type: ignore[arg-type]
        assert blind.state(1) is State.MASTER
        assert not packets(said)
        assert not announced(said)
        assert blind.vhids[0].errors == (2 if "output_works" in change else 0)
        assert blind.vhids[0].ad != NEVER, "it goes on trying"


def test_frames_of_a_burst_follow_each_other() -> None:
    one = placed("freebsd9", State.BACKUP, ipv4=TWO, ipv6=(VIP6,))
    one, said = after(one, DOWN)
    assert [type(effect).__name__ for effect in said[1:]] == ["Send"] * 2 + ["Announce"] * 3
    step, wait = 2 * MICROSECOND, MILLISECOND
    times = [effect.at - AT for effect in said[1:]]
    assert times == [
        0,
        step,
        2 * step,
        3 * step + wait,
        4 * step + 2 * wait,
    ]
    assert one.busy_until - AT == 5 * step + 3 * wait


@pytest.mark.parametrize(
    ("impl", "sender", "source", "target"),
    [
        ("freebsd13", "virtual", "nic", "zero"),
        ("freebsd9", "virtual", "nic", "zero"),
        ("netbsd", "virtual", "nic", "zero"),
        ("openbsd", "virtual", "virtual", "zero"),
        ("dragonfly", "virtual", "virtual", "zero"),
        ("ucarp", "nic", "nic", "nic"),
    ],
)
def test_a_gratuitous_arp_of_each(impl: str, sender: str, source: str, target: str) -> None:
    macs = {"virtual": virtual_mac(1), "nic": NIC, "zero": bytes(6)}
    one = placed(impl, State.BACKUP, ipv4=TWO)
    if impl == "ucarp":
        one = one._replace(vhids=(one.vhids[0]._replace(md=AT - 1),))
        _, said = after(one, TimerFired(AT, 1, 1, Timer.POLL))
    else:
        _, said = after(one, DOWN)
    found = announced(said)
    assert [item.address for item in found] == list(TWO), "in the order configured"
    for item in found:
        assert (item.mac, item.ethernet_source) == (macs[sender], macs[source])
        assert item.target_mac == macs[target]
        assert (item.vhid, item.is_own) == (1, False)


@pytest.mark.parametrize(
    ("impl", "mac", "router", "first"),
    [
        ("freebsd13", virtual_mac(1), False, VIP6),
        ("netbsd", NIC, False, VIP6),
        ("openbsd", virtual_mac(1), True, own_link_local(1)),
    ],
)
def test_a_neighbour_advertisement_of_each(
    impl: str, mac: bytes, router: bool, first: bytes
) -> None:
    one = placed(impl, State.BACKUP, ipv6=(VIP6, VIP6[:-1] + b"\x65"))
    _, said = after(one, DOWN)
    found = [item for item in announced(said) if len(item.address) == 16]
    assert found[0].address == first
    assert [item.address for item in found if not item.is_own] == [VIP6, VIP6[:-1] + b"\x65"]
    assert [item.is_own for item in found].count(True) == (impl == "openbsd")
    for item in found:
        assert (item.mac, item.ethernet_source, item.is_router) == (mac, mac, router)
    assert announced(said)[0].address == VIP, "IPv4 first"


def test_who_sends_no_ipv6_announces_none() -> None:
    _, said = after(placed("dragonfly", State.BACKUP, ipv6=(VIP6,)), DOWN)
    assert [item.address for item in announced(said)] == [VIP]
    assert sent(said) == [(4, 1, 0)]


def test_without_ipv4_addresses_nothing_goes_over_ipv4() -> None:
    one = placed("openbsd", State.BACKUP, ipv4=(), ipv6=(VIP6,))
    _, said = after(one, DOWN)
    assert sent(said) == [(6, 1, 0)]
    assert {len(item.address) for item in announced(said)} == {16}


def test_the_first_timer_of_a_master_is_its_undemoted_one() -> None:
    """carp_setrun() behind carp_master_down() uses the raw skew."""
    one = placed("freebsd13", State.BACKUP)._replace(demotion=240)
    one, said = after(one, DOWN)
    assert sent(said) == [(4, 1, 240)]
    assert abs(one.vhids[0].ad - AT - SECOND) <= 2 * MILLISECOND


def test_a_backup_waits_for_each_family_it_has() -> None:
    for impl in KERNELS:
        both = booted(impl, ipv6=(VIP6,)).vhids[0]
        waits = impl not in ("dragonfly", "netbsd2016")
        assert (both.md != NEVER, both.md6 != NEVER) == (True, waits)
        assert both.ad == NEVER
        six = booted(impl, ipv4=(), ipv6=(VIP6,)).vhids[0]
        assert (six.md == NEVER, six.md6 != NEVER) == (True, waits)
        four = booted(impl).vhids[0]
        assert four.md6 == NEVER


def test_without_an_address_nothing_runs() -> None:
    for impl in KERNELS:
        bare = booted(impl, ipv4=())
        assert bare.next_timer() is None
        for event in (
            LinkChanged(AT, 1, True),
            InterfaceChanged(AT, 1, True),
            CarpInterfaceChanged(AT, 1, 1, True),
            Configured(AT, 1, 1, advbase=2),
        ):
            same, said = after(bare, event)
            assert (said, same.next_timer(), same.state(1)) == ([], None, State.INIT)


def test_dragonfly_starts_without_a_carrier() -> None:
    one = booted("dragonfly")
    one, _ = after(one, LinkChanged(AT, 1, False), CarpInterfaceChanged(AT, 1, 1, False))
    one, _ = after(one, CarpInterfaceChanged(AT, 1, 1, True))
    assert one.state(1) is State.BACKUP
    assert one.vhids[0].md != NEVER


@pytest.mark.parametrize(
    ("impl", "values"),
    [("freebsd13", [-5]), ("freebsd9", [0]), ("netbsd", [0])],
)
def test_only_a_sum_goes_below_zero(impl: str, values: list[int]) -> None:
    one, said = after(booted(impl), Demoted(AT, 1, -5))
    assert [e.value for e in said if isinstance(e, DemotionChanged)] == values
    assert one.demotion == values[-1]
    same, said = after(booted(impl), Demoted(AT, 1, 0))
    assert (same.demotion, said) == (0, [])


@pytest.mark.parametrize(
    ("impl", "steps", "adverts"),
    [
        ("freebsd13", (1, 1, -1, -1), (1, 1, 1, 1)),
        ("freebsd9", (1, 1, -1, -1), (1, 0, 0, 0)),
        ("netbsd", (2, 1, -3, 1), (1, 0, 0, 1)),
        ("openbsd", (1, 1, -1, 128), (1, 1, 0, 1)),
    ],
)
def test_when_a_demotion_is_told_at_once(
    impl: str, steps: tuple[int, ...], adverts: tuple[int, ...]
) -> None:
    one = placed(impl, State.MASTER)
    for value, count in zip(steps, adverts, strict=True):
        one, said = after(one, Demoted(AT, 1, value))
        assert len(sent(said)) == count, value


def test_every_master_of_the_node_tells_its_demotion_and_no_backup() -> None:
    for impl in ("freebsd13", "freebsd9", "openbsd"):
        one = placed(impl, State.MASTER, vhids=3).placed(3, State.MASTER)
        one, said = after(one, Demoted(AT, 1, 1))
        # FreeBSD fills its list at the head: the vhid created last comes first
        order = [1, 3] if impl == "openbsd" else [3, 1]
        assert [packet.vhid for packet in packets(said)] == order


def test_a_master_that_lost_its_carrier_tells_nothing() -> None:
    one = placed("netbsd", State.MASTER, vhids=2).placed(2, State.MASTER)
    one, said = after(one, LinkChanged(AT, 1, False))
    assert sent(said) == []
    assert one.demotion == 2
    assert [item.is_suppressed for item in one.vhids] == [True, True]


def test_errors_are_counted_and_forgotten() -> None:
    one = placed("freebsd14", State.MASTER)
    one, _ = after(one, OutputChanged(AT, 1, False), AD, AD)
    assert (one.vhids[0].errors, one.vhids[0].successes) == (2, 0)
    one, _ = after(one, OutputChanged(AT, 1, True), AD, AD)
    assert (one.vhids[0].errors, one.vhids[0].successes) == (2, 2)
    one, _ = after(one, AD)
    assert (one.vhids[0].errors, one.demotion) == (0, 0)
    old = placed("freebsd9", State.MASTER)
    old, _ = after(old, OutputChanged(AT, 1, False), AD, AD, OutputChanged(AT, 1, True), AD)
    assert (old.vhids[0].errors, old.demotion) == (0, 0), "below the limit one success is enough"


def test_three_errors_of_a_node_that_was_demoted_before_are_undone_as_well() -> None:
    """Its demotion is no news then, so that there is no fourth error."""
    one = placed("freebsd9", State.MASTER)._replace(demotion=1)
    one, _ = after(one, OutputChanged(AT, 1, False), AD, AD, AD)
    assert (one.demotion, one.vhids[0].errors) == (2, 3)
    one, _ = after(one, OutputChanged(AT, 1, True), AD, AD, AD)
    assert (one.demotion, one.vhids[0].errors) == (1, 0)


def test_up_to_freebsd_13_the_count_begins_anew_and_the_demotion_stays() -> None:
    one = placed("freebsd13", State.MASTER)
    for demotion in (240, 480):
        one, _ = after(one, OutputChanged(AT, 1, False), AD, AD)
        assert one.demotion == demotion - 240
        one, _ = after(one, AD, OutputChanged(AT, 1, True), AD)
        assert (one.demotion, one.vhids[0].errors) == (demotion, 0)


def test_openbsd_tells_no_decrease_of_its_own_either() -> None:
    one = placed("openbsd", State.MASTER)._replace(demotion=1)
    one, said = after(one, AuxLinkChanged(AT, 1, False))
    assert (one.demotion, sent(said)) == (2, []), "not the first one"
    one, said = after(one, AuxLinkChanged(AT, 1, True))
    assert (one.demotion, sent(said)) == (1, [])


def test_who_announces_once_counts_no_advertisements_to_a_second_time() -> None:
    for impl in ("freebsd13", "netbsd"):
        one, _ = after(placed(impl, State.BACKUP), DOWN, AD, AD)
        assert one.vhids[0].delayed_arp == -1
    one, _ = after(placed("openbsd", State.MASTER), AD, AD)
    assert one.vhids[0].delayed_arp == -1


def test_a_failure_starts_the_count_of_successes_again() -> None:
    one = placed("freebsd14", State.MASTER)
    one, _ = after(one, OutputChanged(AT, 1, False), AD, AD, AD)
    one, _ = after(one, OutputChanged(AT, 1, True), AD)
    before = one.vhids[0].successes
    one, _ = after(one, OutputChanged(AT, 1, False), AD)
    assert (before > 0, one.vhids[0].successes) == (True, 0)
    assert one.demotion == 240, "the fourth error demotes no further"


def test_a_second_announcement_is_for_who_is_still_master() -> None:
    one = placed("openbsd", State.BACKUP)
    one, _ = after(one, DOWN, AD)
    assert one.vhids[0].delayed_arp == 1
    gone, _ = after(one, Received(AT, 1, advert(0, 1, of=one)))
    assert gone.state(1) is State.BACKUP
    assert gone.vhids[0].delayed_arp == -1
    done, said = after(one, AD)
    assert len(announced(said)) == 1
    assert done.vhids[0].delayed_arp == -1
