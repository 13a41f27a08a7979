"""OpenBSD since 2013: demote byte, constant counter.

openbsd      ip_carp.c 1.210 (August 2013) to 1.335. Sources: 1.270: carp_proto_input_c(),
             carp_send_ad(), carp_setrun(), carp_carpdev_state(), carp_group_demote_adj(),
             carp_prepare_ad(). Announcements were a millisecond apart until 1.332 (May
             2018). Its carp_input() too copies a frame to each carp interface; the reference
             traces were made with one copy, and so is this.
openbsd2018  1.336 (December 2018) to 1.367: timeouts lose up to two ticks. Sources: 1.349
             and 1.356: timeout_add_tv(); carp_send_arp(), carp_send_na() without their
             millisecond since 1.333. Each frame passes once by every carp interface.
openbsd2025  since 1.368 (May 2025): waits three whole intervals for a master, rounded up
             again; the threefold rule still counts the skew once. Sources: 1.370, run:
             carp_setrun(), timeout_add_usec(), carp_enqueue(), carp_if_linkstate().
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

_CHECKS = (
    Check.ALLOW,
    Check.INTERFACE,
    Check.TTL,
    Check.LENGTH,
    Check.CHECKSUM,
    Check.VHID_OF_PEER,
    Check.VERSION,
    Check.MAC,
    Check.OWN_COUNTER,
)
_CHECKS6 = (
    Check.ALLOW,
    Check.CARP_INTERFACE,
    Check.TTL,
    Check.LENGTH,
    Check.CHECKSUM,
    Check.VHID_OF_PEER,
    Check.VERSION,
    Check.MAC,
    Check.OWN_COUNTER,
)

OPENBSD = Profile(
    name="openbsd",
    title="OpenBSD August 2013 to November 2018 (ip_carp.c 1.270)",
    drive=Drive.CALLOUTS,
    presence=Presence.INTERFACE,
    checks=(Check.COPIED, *_CHECKS),
    checks6=(Check.COPIED, *_CHECKS6),
    passes=Passes.ONE,
    peers=Peers.IPV4,
    secrets=rules.signs_openbsd,
    counter=Counter.COOKIE,
    compared_skew=rules.skew_as_configured,
    sent_skew=rules.skew_as_configured,
    period=rules.openbsd_period,
    master_down=rules.openbsd_master_down,
    rounding=Rounding.UP_PLUS_ONE,
    late_part=0,
    delivery_ns=0,
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
    on_change=Reconfiguration.SET_RUN,
    newest_first=False,
    send_error_limit=3,
    send_error_undo=Undo.AFTER_DEMOTION,
    send_error_demotion=1,
    full_queue_fails=True,
    second_announcement=True,
    own_link_local=True,
    na_by_task=False,
    frame_cost_ns=2 * MICROSECOND,
    arp_wait_ns=MILLISECOND,
    na_wait_ns=MILLISECOND,
    wire=WireStyle(
        tos=0x10,
        traffic_class=0,
        identification=IdentificationRule.RANDOM,
        virtual_mac=True,
        peer_own_mac=False,
        peer_octets_swapped=False,
        arp_ethernet_virtual=True,
        arp_sender_virtual=True,
        arp_target_is_sender=False,
        na_virtual=True,
        na_router=True,
    ),
    words=MappingProxyType(
        WORDS
        | {
            Reason.MORE_DEMOTED: "master_more_demoted",
            Reason.LESS_DEMOTED: "less_demoted_advert",
        }
    ),
)

OPENBSD2018 = replace(
    OPENBSD,
    name="openbsd2018",
    title="OpenBSD December 2018 to March 2025 (ip_carp.c 1.336 to 1.367, read, not run)",
    checks=_CHECKS,
    checks6=_CHECKS6,
    passes=Passes.EACH_INTERFACE,
    rounding=Rounding.DOWN,
    arp_wait_ns=0,
    na_wait_ns=0,
)

OPENBSD2025 = replace(
    OPENBSD2018,
    name="openbsd2025",
    title="OpenBSD since May 2025 (ip_carp.c 1.370)",
    master_down=rules.openbsd_master_down_2025,
    rounding=Rounding.UP_PLUS_ONE,
    full_queue_fails=False,
    na_by_task=True,
)

PROFILES = (OPENBSD, OPENBSD2018, OPENBSD2025)
