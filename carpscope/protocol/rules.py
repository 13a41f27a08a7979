"""The small decisions in which implementations differ, each with its source.

Times are compared as (seconds, microseconds), as `timercmp` does; 1/256 s is cut
to microseconds on both sides. Profiles name these functions; the machine calls them.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from carpscope.auth.digest import message, ordinary_order
from carpscope.protocol.secret import Secrets, secret

Interval: TypeAlias = tuple[int, int]
"""(seconds, microseconds) of an advbase and an advskew."""

DEMOTED_SKEW = 240
"""CARP_BULK_UPDATE_MIN_DELAY, CARP_MAXSKEW: what a demoted node advertises."""


def microseconds(advskew: int) -> int:
    """Return advskew/256 s in microseconds, cut towards zero as C divides."""
    return advskew * 1_000_000 // 256 if advskew >= 0 else -(-advskew * 1_000_000 // 256)


# ---- the skew a node compares and advertises with, from its own and its demotion

SkewRule: TypeAlias = Callable[[int, int], int]


def skew_as_configured(advskew: int, _demotion: int) -> int:
    """OpenBSD since the demote byte took over (ip_carp.c 1.210): demotion never enters."""
    return advskew


def skew_when_suppressed(advskew: int, demotion: int) -> int:
    """FreeBSD 5-9, NetBSD, DragonFly carp_send_ad(), carp_input_c(); ucarp carp_send_ad()."""
    return DEMOTED_SKEW if demotion and advskew < DEMOTED_SKEW else advskew


def skew_plus_demotion(advskew: int, demotion: int) -> int:
    """FreeBSD 10 to 13.0 DEMOTE_ADVSKEW(): no lower bound (PR 259528)."""
    return min(advskew + demotion, DEMOTED_SKEW)


def skew_plus_demotion_clamped(advskew: int, demotion: int) -> int:
    """FreeBSD 13.1 and later DEMOTE_ADVSKEW(): 0 to 240 (review D32759)."""
    return max(0, min(advskew + demotion, DEMOTED_SKEW))


# ---- how long until the next advertisement, and until the master counts as gone

PeriodRule: TypeAlias = Callable[[int, int], int]
"""(advbase, advskew) to microseconds."""


def plain_period(advbase: int, advskew: int) -> int:
    """Every carp_setrun() and carp_send_ad()."""
    return advbase * 1_000_000 + microseconds(advskew)


def openbsd_period(advbase: int, advskew: int) -> int:
    """OpenBSD carp_setrun(): advbase 0 with advskew 0 sends every 1/256 s."""
    return plain_period(advbase, advskew if advbase or advskew else 1)


def plain_master_down(advbase: int, advskew: int) -> int:
    """3 * advbase seconds, and the skew once (never with the demotion)."""
    return 3 * advbase * 1_000_000 + microseconds(advskew)


def openbsd_master_down(advbase: int, advskew: int) -> int:
    """OpenBSD carp_setrun() to 1.367: with advbase 0 the skew counts three times."""
    if advbase:
        return plain_master_down(advbase, advskew)
    return (advskew or 1) * 3 * 1_000_000 // 256


def openbsd_master_down_2025(advbase: int, advskew: int) -> int:
    """OpenBSD carp_setrun() since 1.368 (May 2025): three times the whole interval."""
    return 3 * openbsd_period(advbase, advskew)


# ---- when a MASTER gives way


class Comparison(NamedTuple):
    """What a node compares when it hears another one."""

    own: Interval
    heard: Interval
    own_demotion: int
    heard_demotion: int
    own_address: bytes
    heard_address: bytes


YieldRule: TypeAlias = Callable[[Comparison], bool]


def yields_to_equal(c: Comparison) -> bool:
    """FreeBSD, NetBSD, DragonFly carp_input_c(): sc_tv > ch_tv or equal."""
    return c.own >= c.heard


def yields_openbsd(c: Comparison) -> bool:
    """OpenBSD carp_proto_input_c(), case MASTER: demotion outranks the interval."""
    return (
        c.own >= c.heard and c.heard_demotion <= c.own_demotion
    ) or c.heard_demotion < c.own_demotion


def yields_ucarp(c: Comparison) -> bool:
    """Decide as ucarp packethandler(): a tie goes to the lower source address.

    The addresses are compared as host integers of network-order bytes: on a
    little-endian machine the last octet weighs most.
    """
    return c.own > c.heard or (c.own == c.heard and last_octet_first(c) < 0)


def last_octet_first(c: Comparison) -> int:
    """Return the sign of heard minus own address, as ucarp compares them."""
    own, heard = c.own_address[::-1], c.heard_address[::-1]
    return (heard > own) - (heard < own)


# ---- what is signed

SecretsRule: TypeAlias = Callable[[bytes, int, tuple[bytes, ...], tuple[bytes, ...]], Secrets]
"""(key, vhid, IPv4 addresses, IPv6 addresses, both as configured) to secrets."""


def signs_sorted(
    key: bytes, vhid: int, ipv4: tuple[bytes, ...], ipv6: tuple[bytes, ...]
) -> Secrets:
    """FreeBSD 6.1 and later, NetBSD carp_hmac_prepare(): ascending, each once."""
    one = secret(key, message(vhid, *ordinary_order((*ipv4, *ipv6))))
    return Secrets(one, (one,))


def signs_as_configured(
    key: bytes, vhid: int, ipv4: tuple[bytes, ...], ipv6: tuple[bytes, ...]
) -> Secrets:
    """FreeBSD 5.4 and 6.0 carp_hmac_prepare(): interface order."""
    one = secret(key, message(vhid, ipv4, ipv6))
    return Secrets(one, (one,))


def signs_dragonfly(
    key: bytes, vhid: int, ipv4: tuple[bytes, ...], ipv6: tuple[bytes, ...]
) -> Secrets:
    """DragonFly carp_hmac_prepare(): IPv4 sorted with duplicates, IPv6 in interface order."""
    one = secret(key, message(vhid, sorted(ipv4), ipv6))
    return Secrets(one, (one,))


def signs_openbsd(
    key: bytes, vhid: int, ipv4: tuple[bytes, ...], ipv6: tuple[bytes, ...]
) -> Secrets:
    """OpenBSD carp_hmac_prepare_ctx(): sends without link-local addresses, takes either."""
    routable = [a for a in ipv6 if not (a[0] == 0xFE and a[1] & 0xC0 == 0x80)]
    sends = secret(key, message(vhid, *ordinary_order((*ipv4, *routable))))
    if len(routable) == len(ipv6):
        return Secrets(sends, (sends,))
    return Secrets(sends, (secret(key, message(vhid, *ordinary_order((*ipv4, *ipv6)))), sends))


def signs_first_address(
    key: bytes, vhid: int, ipv4: tuple[bytes, ...], _ipv6: tuple[bytes, ...]
) -> Secrets:
    """Sign as ucarp carp_hmac_prepare() does: exactly one IPv4 address, --addr."""
    one = secret(key, message(vhid, ipv4[:1], ()))
    return Secrets(one, (one,))


def own_link_local(vhid: int) -> bytes:
    """Return the address a carp interface makes of its MAC 00:00:5e:00:01:vhid (EUI-64)."""
    return b"\xfe\x80" + bytes(6) + b"\x02\x00\x5e\xff\xfe\x00\x01" + bytes((vhid,))
