"""ucarp: one process for one address, woken by poll().

Sources: ucarp src/carp.c (2019): docarp(), packethandler(), carp_send_ad(),
carp_setrun(), carp_set_state(); src/garp.c. See carpscope/protocol/poll.py.
"""

from types import MappingProxyType

from carpscope.core.units import MICROSECOND, SECOND
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
from carpscope.protocol.tempo import Rounding

UCARP = Profile(
    name="ucarp",
    title="ucarp 1.5.2 and later",
    drive=Drive.POLL_LOOP,
    presence=Presence.PROCESS,
    checks=(
        Check.FOREIGN_SOURCE,
        Check.LENGTH,
        Check.TTL,
        Check.VERSION,
        Check.VHID,
        Check.OWN_GROUP,
        Check.JOINT_CHECKSUM,
        Check.MAC,
    ),
    checks6=(Check.READS_IPV4_ONLY,),
    passes=Passes.ONE,
    peers=Peers.IPV4,
    secrets=rules.signs_first_address,
    counter=Counter.CONTINUES,
    compared_skew=rules.skew_when_suppressed,
    sent_skew=rules.skew_when_suppressed,
    period=rules.plain_period,
    master_down=rules.plain_master_down,
    rounding=Rounding.UP_PLUS_ONE,
    late_part=1000,
    delivery_ns=SECOND,
    yields=rules.yields_ucarp,
    demotion=Demotion.COUNT,
    demote_byte=False,
    threefold_needs_base=False,
    direct_master=False,
    link_needed=False,
    link_loss=LinkLoss.SLEEPS,
    link_demotion=0,
    bounces_on_link=False,
    bow_out=False,
    allow_stops=False,
    ipv6_adverts=False,
    ipv6_master_down=False,
    on_change=Reconfiguration.STORED,
    newest_first=False,
    send_error_limit=3,
    send_error_undo=Undo.AFTER_DEMOTION,
    send_error_demotion=1,
    full_queue_fails=True,
    second_announcement=True,
    own_link_local=False,
    na_by_task=False,
    frame_cost_ns=15 * MICROSECOND,
    arp_wait_ns=0,
    na_wait_ns=0,
    wire=WireStyle(
        tos=0x10,
        traffic_class=0,
        identification=IdentificationRule.RANDOM,
        virtual_mac=False,
        peer_own_mac=False,
        peer_octets_swapped=False,
        arp_ethernet_virtual=False,
        arp_sender_virtual=False,
        arp_target_is_sender=True,
        na_virtual=False,
        na_router=False,
    ),
    words=MappingProxyType(
        {
            Reason.INITIALIZED: "initialization",
            Reason.TIMED_OUT: "master_down_timeout",
            Reason.PREEMPTING: "preempting_slower_master",
            Reason.WILL_TIME_OUT: "master_will_time_out",
            Reason.BETTER_ADVERT: "more_frequent_advert",
            Reason.LINK_DOWN: "link_down",
            Reason.SIGNAL: "sigusr2",
        }
    ),
)

PROFILES = (UCARP,)
