"""What is told apart of the implementations, as a table from their sources and from captures.

A profile is data: nothing else in the program says whether it is right. The tables here are
those of the protocol notes, read the other way round: by observable instead of by system.
"""

import pytest

from carpscope.core.units import MICROSECOND, MILLISECOND
from carpscope.protocol import rules
from carpscope.protocol.events import Reason
from carpscope.protocol.profile import (
    Check,
    Counter,
    Demotion,
    Drive,
    IdentificationRule,
    LinkLoss,
    Passes,
    Peers,
    Presence,
    Profile,
    Reconfiguration,
    Undo,
    profile,
    profiles,
)
from carpscope.protocol.tempo import Rounding

FREEBSD_OLD = {"freebsd6", "freebsd9"}
FREEBSD_PEERS = {"freebsd140", "freebsd14", "freebsd15"}
FREEBSD_NEW = {"freebsd13", "pfsense", *FREEBSD_PEERS}
NETBSD = {"netbsd", "netbsd2016"}
OPENBSD = {"openbsd", "openbsd2018", "openbsd2025"}
ALL = {*FREEBSD_OLD, *FREEBSD_NEW, *OPENBSD, *NETBSD, "dragonfly", "ucarp"}


def having(**values: object) -> set[str]:
    """Name the implementations that have these values, of their own or in how frames look."""
    return {
        name
        for name, item in profiles().items()
        if all(_value(item, key) == value for key, value in values.items())
    }


def _value(item: Profile, key: str) -> object:
    return getattr(item if key in Profile.__slots__ else item.wire, key)


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_profile_is_found_by_its_own_name(name: str) -> None:
    assert profile(name).name == name
    assert profile(name).title


def test_what_frames_look_like() -> None:
    assert having(tos=0xE0, traffic_class=0xE0) == FREEBSD_NEW
    assert having(tos=0x10, traffic_class=0) == ALL - FREEBSD_NEW
    assert having(identification=IdentificationRule.ZERO) == {*FREEBSD_NEW, *NETBSD}
    assert having(identification=IdentificationRule.COUNTS) == {*FREEBSD_OLD, "dragonfly"}
    assert having(identification=IdentificationRule.RANDOM) == {*OPENBSD, "ucarp"}
    assert having(virtual_mac=False) == {"ucarp"}
    assert having(arp_ethernet_virtual=True) == {*OPENBSD, "dragonfly"}
    assert having(arp_sender_virtual=False) == {"ucarp"}
    assert having(arp_target_is_sender=True) == {"ucarp"}
    assert having(na_router=True) == OPENBSD
    assert ALL - having(na_virtual=True) == {*NETBSD, "ucarp"}
    assert having(peer_own_mac=True) == FREEBSD_PEERS
    assert having(peer_octets_swapped=True) == FREEBSD_PEERS - {"freebsd14"}


def test_what_an_advertisement_says() -> None:
    assert having(counter=Counter.COOKIE) == {*OPENBSD, "pfsense"}
    assert having(demote_byte=True) == OPENBSD
    assert having(demotion=Demotion.GROUP) == OPENBSD
    assert having(demotion=Demotion.SUM) == FREEBSD_NEW
    assert having(bow_out=True) == ALL - FREEBSD_NEW - {"ucarp"}
    assert having(ipv6_adverts=True) == ALL - {"netbsd2016", "dragonfly", "ucarp"}
    assert having(ipv6_master_down=True) == ALL - {"netbsd2016", "dragonfly", "ucarp"}
    assert having(sent_skew=rules.skew_as_configured) == OPENBSD
    assert having(sent_skew=rules.skew_plus_demotion) == {"freebsd13", "pfsense"}
    assert having(sent_skew=rules.skew_plus_demotion_clamped) == FREEBSD_PEERS
    for name in ALL:
        assert profile(name).sent_skew is profile(name).compared_skew


def test_how_addresses_are_announced() -> None:
    assert having(second_announcement=True) == {*OPENBSD, "ucarp"}
    assert having(own_link_local=True) == OPENBSD
    # a millisecond of DELAY() after each; OpenBSD dropped it in the middle of 2018
    assert having(arp_wait_ns=MILLISECOND) == {*FREEBSD_OLD, "netbsd", "openbsd"}
    assert having(arp_wait_ns=0) == ALL - {*FREEBSD_OLD, "netbsd", "openbsd"}
    at_once = {"openbsd2018", "openbsd2025", "netbsd2016", "ucarp"}
    assert having(na_wait_ns=0) == at_once
    assert having(na_wait_ns=MILLISECOND) == ALL - at_once
    assert having(na_by_task=True) == {"openbsd2025"}
    assert having(frame_cost_ns=15 * MICROSECOND) == {"ucarp"}
    assert having(frame_cost_ns=2 * MICROSECOND) == ALL - {"ucarp"}


def test_when_timers_end_and_who_gives_way() -> None:
    assert having(rounding=Rounding.DOWN) == {"openbsd2018"}
    assert having(period=rules.openbsd_period) == OPENBSD
    assert having(master_down=rules.openbsd_master_down) == {"openbsd", "openbsd2018"}
    assert having(master_down=rules.openbsd_master_down_2025) == {"openbsd2025"}
    assert having(yields=rules.yields_openbsd) == OPENBSD
    assert having(yields=rules.yields_ucarp) == {"ucarp"}
    assert having(threefold_needs_base=True) == OPENBSD
    assert having(direct_master=True) == {"freebsd6", "dragonfly"}


def test_what_a_node_does_about_its_cable_and_its_operator() -> None:
    assert having(link_loss=LinkLoss.DEMOTES, link_demotion=240) == FREEBSD_NEW
    assert having(link_loss=LinkLoss.SAVES_FLAGS, link_demotion=1) == FREEBSD_OLD
    assert having(link_loss=LinkLoss.SUPPRESSES, link_demotion=1) == {*OPENBSD, *NETBSD}
    assert having(link_loss=LinkLoss.UNNOTICED, link_demotion=0) == {"dragonfly"}
    assert having(link_loss=LinkLoss.SLEEPS, link_demotion=0) == {"ucarp"}
    assert having(link_needed=True) == {"freebsd9", *FREEBSD_NEW}
    assert having(bounces_on_link=True) == {*FREEBSD_OLD, *FREEBSD_NEW, *NETBSD}
    assert having(allow_stops=True) == FREEBSD_NEW
    assert having(on_change=Reconfiguration.BOUNCE) == NETBSD
    assert having(on_change=Reconfiguration.STORED) == {*FREEBSD_NEW, "ucarp"}
    assert having(presence=Presence.ADDRESSES) == FREEBSD_NEW
    assert having(presence=Presence.PROCESS, drive=Drive.POLL_LOOP) == {"ucarp"}
    assert having(drive=Drive.CALLOUTS) == ALL - {"ucarp"}


def test_what_errors_of_sending_do() -> None:
    assert having(send_error_limit=3) == ALL
    assert having(send_error_demotion=240) == FREEBSD_NEW
    assert having(send_error_demotion=1) == ALL - FREEBSD_NEW
    assert having(send_error_undo=Undo.NEVER) == {"freebsd13", "pfsense"}
    assert having(send_error_undo=Undo.THREE_IN_ALL) == FREEBSD_PEERS
    assert having(full_queue_fails=False) == {"openbsd2025"}


def test_who_sends_to_a_peer_and_in_which_order_to_all() -> None:
    assert having(peers=Peers.BOTH) == FREEBSD_PEERS
    assert having(peers=Peers.IPV4) == {*OPENBSD, "ucarp"}
    assert having(passes=Passes.EACH_INTERFACE) == {"openbsd2018", "openbsd2025"}
    assert having(newest_first=True) == {*FREEBSD_OLD, *FREEBSD_NEW, "dragonfly"}


def test_what_is_signed() -> None:
    assert having(secrets=rules.signs_as_configured) == {"freebsd6"}
    assert having(secrets=rules.signs_dragonfly) == {"dragonfly"}
    assert having(secrets=rules.signs_openbsd) == OPENBSD
    assert having(secrets=rules.signs_first_address) == {"ucarp"}
    assert having(secrets=rules.signs_sorted) == {"freebsd9", *FREEBSD_NEW, *NETBSD}


_OLD = "ALLOW INTERFACE TTL LENGTH CHECKSUM VHID_RUNNING VERSION MAC"
_13 = "TTL LENGTH CHECKSUM VHID_OR_LOOP VERSION MAC"
_LOOP = "VHID_OR_LOOP VERSION"
_14 = "LENGTH CHECKSUM VHID_OR_LOOP VERSION"
_15 = "HEAD VERSION_KNOWN LENGTH_OF_VERSION"
_OPENBSD = "TTL LENGTH CHECKSUM VHID_OF_PEER VERSION MAC OWN_COUNTER"
_DRAGONFLY = (
    "COPIED ALLOW INTERFACE RUNNING GROUP_ONLY TTL LENGTH CHECKSUM VHID_OF_COPY VERSION MAC"
)
_CHECKS = {
    "freebsd6": (f"JOINED {_OLD}", f"JOINED {_OLD}"),
    "freebsd9": (_OLD, _OLD),
    "freebsd13": (f"ALLOW {_13}", f"ALLOW INTERFACE {_13}"),
    "pfsense": (
        f"ALLOW {_13} OWN_COUNTER".replace("OR_LOOP", "OF_FAMILY"),
        f"ALLOW INTERFACE {_13} OWN_COUNTER".replace("OR_LOOP", "OF_FAMILY"),
    ),
    "freebsd140": (
        f"ALLOW {_14} TTL_OF_PEER_SWAPPED MAC",
        f"ALLOW INTERFACE {_14} TTL_OF_PEER MAC",
    ),
    "freebsd14": (f"ALLOW {_14} TTL_OF_PEER MAC", f"ALLOW INTERFACE {_14} TTL_OF_PEER MAC"),
    "freebsd15": (
        f"ALLOW {_15} CHECKSUM_OF_PAYLOAD VHID_OR_LOOP VERSION TTL_OF_PEER_SWAPPED MAC",
        f"ALLOW INTERFACE {_15} CHECKSUM_OF_VERSION HEADER_IN_PLACE {_LOOP} TTL_OF_PEER MAC",
    ),
    **dict.fromkeys(NETBSD, (f"COPIED {_OLD}", f"COPIED {_OLD}")),
    "openbsd": (
        f"COPIED ALLOW INTERFACE {_OPENBSD}",
        f"COPIED ALLOW CARP_INTERFACE {_OPENBSD}",
    ),
    **dict.fromkeys(
        ("openbsd2018", "openbsd2025"),
        (f"ALLOW INTERFACE {_OPENBSD}", f"ALLOW CARP_INTERFACE {_OPENBSD}"),
    ),
    "dragonfly": (_DRAGONFLY, "READS_IPV4_ONLY"),
    "ucarp": (
        "FOREIGN_SOURCE LENGTH TTL VERSION VHID OWN_GROUP JOINT_CHECKSUM MAC",
        "READS_IPV4_ONLY",
    ),
}
"""In the order of the sources."""


@pytest.mark.parametrize("name", sorted(ALL))
def test_checks_in_their_order(name: str) -> None:
    four, six = _CHECKS[name]
    found = profile(name)
    assert found.checks == tuple(Check[word] for word in four.split())
    assert found.checks6 == tuple(Check[word] for word in six.split())


_CARP_DEVICE = {
    Reason.ADDRESS_ADDED: "address_added",
    Reason.LINK_UP: "link_up",
    Reason.LINK_DOWN: "link_down",
    Reason.CARP_UP: "carp_up",
    Reason.CARP_DOWN: "carp_down",
    Reason.TIMED_OUT: "master_down_timeout",
    Reason.WILL_TIME_OUT: "master_will_time_out",
    Reason.PREEMPTING: "preempting_slower_master",
    Reason.BETTER_ADVERT: "more_frequent_advert",
}


@pytest.mark.parametrize("name", sorted(ALL - FREEBSD_NEW - {"ucarp"}))
def test_the_words_of_those_with_a_carp_interface(name: str) -> None:
    found = profile(name)
    assert {reason: found.says(reason) for reason in _CARP_DEVICE} == _CARP_DEVICE
    assert found.says(Reason.CHANGED) == ("set_pass" if name in NETBSD else "reconfigured")
    if name in OPENBSD:
        assert found.says(Reason.MORE_DEMOTED) == "master_more_demoted"
        assert found.says(Reason.LESS_DEMOTED) == "less_demoted_advert"


@pytest.mark.parametrize("name", sorted(FREEBSD_NEW))
def test_freebsd_logs_its_own_words(name: str) -> None:
    """ip_carp.c: the reasons in `carp: 1@em0: BACKUP -> MASTER (reason)`."""
    said = {reason: profile(name).says(reason) for reason in Reason}
    assert said[Reason.INITIALIZED] == "initialization complete"
    assert said[Reason.LINK_UP] == "hardware interface up"
    assert said[Reason.LINK_DOWN] == "hardware interface down"
    assert said[Reason.TIMED_OUT] == "master timed out"
    assert said[Reason.WILL_TIME_OUT] == "master will time out"
    assert said[Reason.PREEMPTING] == "preempting a slower master"
    assert said[Reason.BETTER_ADVERT] == "more frequent advertisement received"
    assert said[Reason.USER] == "user requested via ifconfig"


def test_the_words_of_ucarp() -> None:
    found = profile("ucarp")
    assert found.says(Reason.INITIALIZED) == "initialization"
    assert found.says(Reason.SIGNAL) == "sigusr2"
    for reason in set(_CARP_DEVICE) - {Reason.ADDRESS_ADDED, Reason.LINK_UP, Reason.CARP_UP}:
        if reason is not Reason.CARP_DOWN:
            assert found.says(reason) == _CARP_DEVICE[reason]


def test_a_reason_without_a_word_of_its_own_is_said_in_ours() -> None:
    assert profile("ucarp").says(Reason.DIRECT) == Reason.DIRECT.value == "preempting at start"
