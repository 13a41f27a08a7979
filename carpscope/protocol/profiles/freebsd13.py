"""FreeBSD 10 to 13: vhids on ordinary addresses, demotion added to the skew.

Sources: FreeBSD sys/netinet/ip_carp.c of 12.1: carp_input_c(), carp_send_ad_locked(),
carp_setrun(), carp_master_down_locked(), carp_sc_state(), carp_demote_adj(). Until
13.0 a negative demotion is not held at 0 (PR 259528); 10 and 11 send ToS 0x10 and do
not stop for net.inet.carp.allow.
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
    name="freebsd13",
    title="FreeBSD 10 to 13",
    drive=Drive.CALLOUTS,
    presence=Presence.ADDRESSES,
    checks=(
        Check.ALLOW,
        Check.TTL,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_OF_FAMILY,
        Check.VERSION,
        Check.MAC,
    ),
    checks6=(
        Check.JOINED,
        Check.ALLOW,
        Check.INTERFACE,
        Check.TTL,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_OF_FAMILY,
        Check.VERSION,
        Check.MAC,
    ),
    secrets=rules.signs_sorted,
    counter=Counter.CONTINUES,
    compared_skew=rules.skew_plus_demotion,
    sent_skew=rules.skew_plus_demotion,
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
    send_error_undo=Undo.NEVER,
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
