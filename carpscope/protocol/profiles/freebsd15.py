"""FreeBSD 15, its CARP part: elects as 14 does; VRRPv3 is another protocol.

Sources: FreeBSD sys/netinet/ip_carp.c of main with VRRPv3 (2024-25): carp_input(),
carp_input_c(), carp_send_ad_error().
"""

from types import MappingProxyType

from carpscope.core.units import MICROSECOND, MILLISECOND
from carpscope.protocol import rules
from carpscope.protocol.events import Reason
from carpscope.protocol.profile import (
    Change,
    Check,
    Counter,
    Demotion,
    Drive,
    IdentificationRule,
    LinkLoss,
    Presence,
    Profile,
    Undo,
    WireStyle,
)
from carpscope.protocol.tempo import Rounding

PROFILE = Profile(
    name="freebsd15",
    title="FreeBSD 15 (CARP)",
    drive=Drive.CALLOUTS,
    presence=Presence.ADDRESSES,
    checks=(
        Check.ALLOW,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_OF_FAMILY,
        Check.VERSION,
        Check.TTL_SWAPPED,
        Check.MAC,
    ),
    checks6=(
        Check.JOINED,
        Check.ALLOW,
        Check.INTERFACE,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_OF_FAMILY,
        Check.VERSION,
        Check.TTL,
        Check.MAC,
    ),
    secrets=rules.signs_sorted,
    counter=Counter.CONTINUES,
    compared_skew=rules.skew_plus_demotion_clamped,
    sent_skew=rules.skew_plus_demotion_clamped,
    period=rules.plain_period,
    master_down=rules.plain_master_down,
    rounding=Rounding.UP_PLUS_ONE,
    yields=rules.yields_to_equal,
    demotion=Demotion.SUM,
    demote_byte=False,
    threefold_needs_base=False,
    direct_master=False,
    link_needed=True,
    link_loss=LinkLoss.DEMOTES,
    link_demotion=240,
    bounces_on_link=True,
    bow_out=False,
    allow_stops=True,
    ipv6_adverts=True,
    ipv6_master_down=True,
    on_change=Change.STORED,
    send_error_limit=3,
    send_error_undo=Undo.THREE_IN_ALL,
    send_error_demotion=240,
    second_announcement=False,
    own_link_local=False,
    frame_cost_ns=2 * MICROSECOND,
    arp_wait_ns=0,
    na_wait_ns=MILLISECOND,
    wire=WireStyle(
        tos=0xE0,
        traffic_class=0xE0,
        identification=IdentificationRule.ZERO,
        virtual_mac=True,
        arp_ethernet_virtual=False,
        arp_sender_virtual=True,
        arp_target_is_sender=False,
        na_virtual=True,
        na_router=False,
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
