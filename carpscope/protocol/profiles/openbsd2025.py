"""OpenBSD, ip_carp.c since 1.368 (May 2025): waits three whole intervals for a master.

Sources: OpenBSD sys/netinet/ip_carp.c 1.368 to 1.372, carp_setrun(): timeout_add_usec()
of 3 * (advbase seconds + advskew/256), rounded up again. The threefold rule still
counts the skew once.
"""

from types import MappingProxyType

from carpscope.core.units import MICROSECOND
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
    name="openbsd2025",
    title="OpenBSD since May 2025",
    drive=Drive.CALLOUTS,
    presence=Presence.INTERFACE,
    checks=(
        Check.CARP_UP,
        Check.ALLOW,
        Check.INTERFACE,
        Check.TTL,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_RUNNING,
        Check.VERSION,
        Check.MAC,
        Check.OWN_COUNTER,
    ),
    checks6=(
        Check.JOINED,
        Check.CARP_UP,
        Check.ALLOW,
        Check.INTERFACE,
        Check.TTL,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_RUNNING,
        Check.VERSION,
        Check.MAC,
        Check.OWN_COUNTER,
    ),
    secrets=rules.signs_openbsd,
    counter=Counter.COOKIE,
    compared_skew=rules.skew_as_configured,
    sent_skew=rules.skew_as_configured,
    period=rules.openbsd_period,
    master_down=rules.openbsd_master_down_2025,
    rounding=Rounding.UP_PLUS_ONE,
    yields=rules.yields_openbsd,
    demotion=Demotion.GROUP,
    demote_byte=True,
    threefold_needs_base=True,
    direct_master=False,
    link_needed=False,
    link_loss=LinkLoss.SUPPRESSES,
    link_demotion=1,
    bounces_on_link=False,
    bow_out=True,
    allow_stops=False,
    ipv6_adverts=True,
    ipv6_master_down=True,
    on_change=Change.SET_RUN,
    send_error_limit=3,
    send_error_undo=Undo.AFTER_DEMOTION,
    send_error_demotion=1,
    second_announcement=True,
    own_link_local=True,
    frame_cost_ns=2 * MICROSECOND,
    arp_wait_ns=0,
    na_wait_ns=0,
    wire=WireStyle(
        tos=0x10,
        traffic_class=0,
        identification=IdentificationRule.RANDOM,
        virtual_mac=True,
        arp_ethernet_virtual=True,
        arp_sender_virtual=True,
        arp_target_is_sender=False,
        na_virtual=True,
        na_router=True,
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
            Reason.MORE_DEMOTED: "master_more_demoted",
            Reason.LESS_DEMOTED: "less_demoted_advert",
        }
    ),
)
