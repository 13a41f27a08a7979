"""DragonFly (2014 and later): a preempting node starts as MASTER; carrier is not noticed.

Sources: DragonFlyBSD sys/netinet/ip_carp.c: carp_proto_input_c(), carp_send_ad(),
carp_setrun(), carp_ioctl_ifflags(); carp_sc_state() is compiled out, IPv6 disabled.
"""

from carpscope.core.units import MICROSECOND, MILLISECOND
from carpscope.protocol import rules
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

DRAGONFLY = Profile(
    name="dragonfly",
    title="DragonFly",
    drive=Drive.CALLOUTS,
    presence=Presence.INTERFACE,
    checks=(
        Check.COPIED,
        Check.ALLOW,
        Check.INTERFACE,
        Check.RUNNING,
        Check.GROUP_ONLY,
        Check.TTL,
        Check.LENGTH,
        Check.CHECKSUM,
        Check.VHID_OF_COPY,
        Check.VERSION,
        Check.MAC,
    ),
    checks6=(Check.READS_IPV4_ONLY,),  # no IPv6 address can be attached, no group is joined
    passes=Passes.ONE,
    peers=Peers.NONE,
    secrets=rules.signs_dragonfly,
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
    link_loss=LinkLoss.UNNOTICED,
    link_demotion=0,
    bounces_on_link=False,
    bow_out=True,
    allow_stops=False,
    ipv6_adverts=False,
    ipv6_master_down=False,
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
    arp_wait_ns=0,
    na_wait_ns=MILLISECOND,
    wire=WireStyle(
        tos=0x10,
        traffic_class=0,
        identification=IdentificationRule.COUNTS,
        virtual_mac=True,
        peer_own_mac=False,
        peer_octets_swapped=False,
        arp_ethernet_virtual=True,
        arp_sender_virtual=True,
        arp_target_is_sender=False,
        na_virtual=True,
        na_router=False,
    ),
    words=WORDS,
)

PROFILES = (DRAGONFLY,)
