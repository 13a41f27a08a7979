"""NetBSD: as FreeBSD 9, and every change with ifconfig restarts the vhid.

netbsd      With IPv6: advertisements, master-down timer and neighbour advertisements under
            INET6. Sources: NetBSD sys/netinet/ip_carp.c 1.26.10.2 (2009) and those of 2014
            and 2015: carp_proto_input_c(), carp_carpdev_state(), carp_ioctl() SIOCSVH.
netbsd2016  1.74.2.2 (August 2016): sends no IPv6 advertisements and has no timer for them;
            announcements follow each other at once. Which releases are of that kind is not
            known. A running kernel of that year takes over after the time this one does.
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
    Check.COPIED,
    Check.ALLOW,
    Check.INTERFACE,
    Check.TTL,
    Check.LENGTH,
    Check.CHECKSUM,
    Check.VHID_RUNNING,
    Check.VERSION,
    Check.MAC,
)

NETBSD = Profile(
    name="netbsd",
    title="NetBSD 5 to 7 (2009 to 2015), with IPv6",
    drive=Drive.CALLOUTS,
    presence=Presence.INTERFACE,
    checks=_CHECKS,
    checks6=_CHECKS,
    passes=Passes.ONE,
    peers=Peers.NONE,
    secrets=rules.signs_sorted,
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
    direct_master=False,
    link_needed=False,
    link_loss=LinkLoss.SUPPRESSES,
    link_demotion=1,
    bounces_on_link=True,
    bow_out=True,
    allow_stops=False,
    ipv6_adverts=True,
    ipv6_master_down=True,
    on_change=Reconfiguration.BOUNCE,
    newest_first=False,
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
        identification=IdentificationRule.ZERO,
        virtual_mac=True,
        peer_own_mac=False,
        peer_octets_swapped=False,
        arp_ethernet_virtual=False,
        arp_sender_virtual=True,
        arp_target_is_sender=False,
        na_virtual=False,
        na_router=False,
    ),
    words=MappingProxyType(WORDS | {Reason.CHANGED: "set_pass"}),
)

NETBSD2016 = replace(
    NETBSD,
    name="netbsd2016",
    title="NetBSD of 2016 (ip_carp.c 1.74.2.2), without IPv6 advertisements",
    ipv6_adverts=False,
    ipv6_master_down=False,
    arp_wait_ns=0,
    na_wait_ns=0,
)

PROFILES = (NETBSD, NETBSD2016)
