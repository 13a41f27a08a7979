"""FreeBSD 5 and 6: as 9, but a preempting node starts as MASTER without listening.

Sources: FreeBSD sys/netinet/ip_carp.c of early 2006: carp_setrun(), case INIT;
carp_hmac_prepare() signs addresses in the order of their configuration.
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
    name="freebsd6",
    title="FreeBSD 5 and 6",
    drive=Drive.CALLOUTS,
    presence=Presence.INTERFACE,
    checks=(
        Check.ALLOW,
        Check.INTERFACE,
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
    secrets=rules.signs_as_configured,
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
    link_loss=LinkLoss.SAVES_FLAGS,
    link_demotion=1,
    bounces_on_link=True,
    bow_out=True,
    allow_stops=False,
    ipv6_adverts=True,
    ipv6_master_down=True,
    on_change=Change.SET_RUN,
    send_error_limit=3,
    send_error_undo=Undo.AFTER_DEMOTION,
    send_error_demotion=1,
    second_announcement=False,
    own_link_local=False,
    frame_cost_ns=2 * MICROSECOND,
    arp_wait_ns=MILLISECOND,
    na_wait_ns=MILLISECOND,
    wire=WireStyle(
        tos=0x10,
        traffic_class=0,
        identification=IdentificationRule.COUNTS,
        virtual_mac=True,
        arp_ethernet_virtual=False,
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
