"""FreeBSD, from 5 to main, and the kernels that pfSense made of it.

freebsd6    5 and 6: carpN interfaces; a preempting node starts as MASTER without listening.
            Sources: sys/netinet/ip_carp.c of early 2006: carp_setrun(), case INIT;
            carp_hmac_prepare() signs addresses in the order of their configuration.
freebsd9    7 to 9: a count of what is wrong, 240 while it is not 0. Sources: 9.1 and 9.3:
            carp_input_c(), carp_send_ad_locked(), carp_setrun(), carp_sc_state_locked().
            IPv6's group need not be joined since 8: the parent is promiscuous.
freebsd13   10 to 13: vhids on ordinary addresses, demotion added to the skew. Sources: 12.1:
            carp_input_c(), carp_master_down_locked(), carp_sc_state(), carp_demote_adj().
            Until 13.0 a negative demotion is not held at 0 (PR 259528); 10 and 11 send ToS
            0x10 and do not stop for net.inet.carp.allow.
pfsense     As 13, with a counter that stays, as OpenBSD has it, and refuses its own. Sources:
            pfSense's and OPNsense's kernels on FreeBSD 11 and 12: carp_prepare_ad().
freebsd140  14.0 to 14.2: unicast peers, an effective skew of 0 to 240, lasting undo. Sources:
            stable/14 of October 2024: carp_send_ad_error(), DEMOTE_ADVSKEW() (D32759).
freebsd14   14.3: tests the TTL of a vhid that sends to a group, and of no other.
freebsd15   main of October 2024, its CARP part: version before checksum, checksum over the
            whole payload. Sources: carp_input(), carp_input_c() with VRRPv3.
"""

from types import MappingProxyType

from carpscope.core.units import MICROSECOND, MILLISECOND
from carpscope.core.values import replace
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
    WireStyle,
)
from carpscope.protocol.profiles._carp_interfaces import WORDS
from carpscope.protocol.tempo import Rounding

_CHECKS_6 = (
    Check.ALLOW,
    Check.INTERFACE,
    Check.TTL,
    Check.LENGTH,
    Check.CHECKSUM,
    Check.VHID_RUNNING,
    Check.VERSION,
    Check.MAC,
)

FREEBSD6 = Profile(
    name="freebsd6",
    title="FreeBSD 5 and 6",
    drive=Drive.CALLOUTS,
    presence=Presence.INTERFACE,
    checks=(Check.JOINED, *_CHECKS_6),
    checks6=(Check.JOINED, *_CHECKS_6),
    passes=Passes.ONE,
    peers=Peers.NONE,
    secrets=rules.signs_as_configured,
    counter=Counter.CONTINUES,
    compared_skew=rules.skew_when_suppressed,
    sent_skew=rules.skew_when_suppressed,
    period=rules.plain_period,
    master_down=rules.plain_master_down,
    rounding=Rounding.UP_PLUS_ONE,
    late_part=0,
    delivery_ns=0,
    yields=rules.yields_to_equal,
    demotion=Demotion.COUNT,
    demote_byte=False,
    threefold_needs_base=False,
    direct_master=True,
    link_needed=False,
    link_loss=LinkLoss.SAVES_FLAGS,
    link_demotion=1,
    bounces_on_link=True,
    bow_out=True,
    allow_stops=False,
    ipv6_adverts=True,
    ipv6_master_down=True,
    on_change=Reconfiguration.SET_RUN,
    newest_first=True,
    send_error_limit=3,
    send_error_undo=Undo.AFTER_DEMOTION,
    send_error_demotion=1,
    full_queue_fails=True,
    second_announcement=False,
    own_link_local=False,
    na_by_task=False,
    frame_cost_ns=2 * MICROSECOND,
    arp_wait_ns=MILLISECOND,
    na_wait_ns=MILLISECOND,
    wire=WireStyle(
        tos=0x10,
        traffic_class=0,
        identification=IdentificationRule.COUNTS,
        virtual_mac=True,
        peer_own_mac=False,
        peer_octets_swapped=False,
        arp_ethernet_virtual=False,
        arp_sender_virtual=True,
        arp_target_is_sender=False,
        na_virtual=True,
        na_router=False,
    ),
    words=WORDS,
)

FREEBSD9 = replace(
    FREEBSD6,
    name="freebsd9",
    title="FreeBSD 7 to 9",
    checks=_CHECKS_6,
    checks6=_CHECKS_6,
    secrets=rules.signs_sorted,
    direct_master=False,
    link_needed=True,
)

FREEBSD13 = replace(
    FREEBSD9,
    name="freebsd13",
    title="FreeBSD 10 to 13",
    presence=Presence.ADDRESSES,
    checks=(
        Check.ALLOW,
        Check.TTL,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_OR_LOOP,
        Check.VERSION,
        Check.MAC,
    ),
    checks6=(
        Check.ALLOW,
        Check.INTERFACE,
        Check.TTL,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_OR_LOOP,
        Check.VERSION,
        Check.MAC,
    ),
    compared_skew=rules.skew_plus_demotion,
    sent_skew=rules.skew_plus_demotion,
    late_part=16,
    demotion=Demotion.SUM,
    link_loss=LinkLoss.DEMOTES,
    link_demotion=240,
    bow_out=False,
    allow_stops=True,
    on_change=Reconfiguration.STORED,
    send_error_undo=Undo.NEVER,
    send_error_demotion=240,
    arp_wait_ns=0,
    wire=replace(
        FREEBSD9.wire, tos=0xE0, traffic_class=0xE0, identification=IdentificationRule.ZERO
    ),
    words=MappingProxyType(
        {
            Reason.INITIALIZED: "initialization complete",
            Reason.LINK_UP: "hardware interface up",
            Reason.LINK_DOWN: "hardware interface down",
            Reason.TIMED_OUT: "master timed out",
            Reason.WILL_TIME_OUT: "master will time out",
            Reason.PREEMPTING: "preempting a slower master",
            Reason.BETTER_ADVERT: "more frequent advertisement received",
            Reason.USER: "user requested via ifconfig",
        }
    ),
)

PFSENSE = replace(
    FREEBSD13,
    name="pfsense",
    title="pfSense 2.4 to 2.6 (FreeBSD 11 and 12 with a constant counter)",
    checks=(
        *(Check.VHID_OF_FAMILY if c is Check.VHID_OR_LOOP else c for c in FREEBSD13.checks),
        Check.OWN_COUNTER,
    ),
    checks6=(
        *(Check.VHID_OF_FAMILY if c is Check.VHID_OR_LOOP else c for c in FREEBSD13.checks6),
        Check.OWN_COUNTER,
    ),
    counter=Counter.COOKIE,
)

FREEBSD140 = replace(
    FREEBSD13,
    name="freebsd140",
    title="FreeBSD 14.0 to 14.2 (stable/14 of October 2024)",
    checks=(
        Check.ALLOW,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_OR_LOOP,
        Check.VERSION,
        Check.TTL_OF_PEER_SWAPPED,
        Check.MAC,
    ),
    checks6=(
        Check.ALLOW,
        Check.INTERFACE,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_OR_LOOP,
        Check.VERSION,
        Check.TTL_OF_PEER,
        Check.MAC,
    ),
    peers=Peers.BOTH,
    compared_skew=rules.skew_plus_demotion_clamped,
    sent_skew=rules.skew_plus_demotion_clamped,
    send_error_undo=Undo.THREE_IN_ALL,
    wire=replace(FREEBSD13.wire, peer_own_mac=True, peer_octets_swapped=True),
)

FREEBSD14 = replace(
    FREEBSD140,
    name="freebsd14",
    title="FreeBSD 14.3",
    checks=tuple(
        Check.TTL_OF_PEER if c is Check.TTL_OF_PEER_SWAPPED else c for c in FREEBSD140.checks
    ),
    wire=replace(FREEBSD140.wire, peer_octets_swapped=False),
)

FREEBSD15 = replace(
    FREEBSD140,
    name="freebsd15",
    title="FreeBSD main of October 2024, before 15.0 (CARP, not VRRPv3)",
    checks=(
        Check.ALLOW,
        Check.HEAD,
        Check.VERSION_KNOWN,
        Check.LENGTH_OF_VERSION,
        Check.CHECKSUM_OF_PAYLOAD,
        Check.VHID_OR_LOOP,
        Check.VERSION,
        Check.TTL_OF_PEER_SWAPPED,
        Check.MAC,
    ),
    checks6=(
        Check.ALLOW,
        Check.INTERFACE,
        Check.HEAD,
        Check.VERSION_KNOWN,
        Check.LENGTH_OF_VERSION,
        Check.CHECKSUM_OF_VERSION,
        Check.HEADER_IN_PLACE,
        Check.VHID_OR_LOOP,
        Check.VERSION,
        Check.TTL_OF_PEER,
        Check.MAC,
    ),
)

PROFILES = (FREEBSD6, FREEBSD9, FREEBSD13, PFSENSE, FREEBSD140, FREEBSD14, FREEBSD15)
