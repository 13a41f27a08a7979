"""DragonFly (2014 and later): a preempting node starts as MASTER; carrier is not noticed.

Sources: DragonFlyBSD sys/netinet/ip_carp.c: carp_proto_input_c(), carp_send_ad(),
carp_setrun(), carp_ioctl_ifflags(); carp_sc_state() is compiled out, IPv6 disabled.
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
    name="dragonfly",
    title="DragonFly",
    drive=Drive.CALLOUTS,
    presence=Presence.INTERFACE,
    checks=(
        Check.ALLOW,
        Check.INTERFACE,
        Check.MULTICAST,
        Check.TTL,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_RUNNING,
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
        Check.VHID_RUNNING,
        Check.VERSION,
        Check.MAC,
    ),
    secrets=rules.signs_dragonfly,
    counter=Counter.CONTINUES,
    compared_skew=rules.skew_when_suppressed,
    sent_skew=rules.skew_when_suppressed,
    period=rules.plain_period,
    master_down=rules.plain_master_down,
    rounding=Rounding.UP_PLUS_ONE,
    yields=rules.yields_to_equal,
    demotion=Demotion.COUNT,
    demote_byte=False,
    threefold_needs_base=False,
    direct_master=True,
    link_needed=False,
    link_loss=LinkLoss.UNNOTICED,
    link_demotion=0,
    bounces_on_link=False,
    bow_out=True,
    allow_stops=False,
    ipv6_adverts=False,
    ipv6_master_down=False,
    on_change=Change.SET_RUN,
    send_error_limit=3,
    send_error_undo=Undo.AFTER_DEMOTION,
    send_error_demotion=1,
    second_announcement=False,
    own_link_local=False,
    frame_cost_ns=2 * MICROSECOND,
    arp_wait_ns=0,
    na_wait_ns=MILLISECOND,
    wire=WireStyle(
        tos=0x10,
        traffic_class=0,
        identification=IdentificationRule.COUNTS,
        virtual_mac=True,
        arp_ethernet_virtual=True,
        arp_sender_virtual=True,
        arp_target_is_sender=False,
        na_virtual=True,
        na_router=False,
    ),
    words=MappingProxyType(
        {
            Reason.ADDRESS_ADDED: "address_added",
            Reason.LINK_UP: "link_up",
            Reason.LINK_DOWN: "link_down",
            Reason.CARP_UP: "carp_up",
            Reason.CARP_DOWN: "carp_down",
            Reason.TIMED_OUT: "master_down_timeout",
            Reason.WILL_TIME_OUT: "master_will_time_out",
            Reason.PREEMPTING: "preempting_slower_master",
            Reason.BETTER_ADVERT: "more_frequent_advert",
            Reason.CHANGED: "reconfigured",
        }
    ),
)
