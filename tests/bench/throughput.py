"""Whole captures: decode, checksum, HMAC, replay and findings, against programs that do less."""

from collections.abc import Callable

from tests.bench.captures import ADVERTS, GROUPS, IPV4, IPV6, made
from tests.bench.measure import Command, Subject, Target
from tests.bench.programs import (
    ANALYZE,
    FLOOR,
    TCPDUMP,
    TSHARK,
    analyze,
    filtered_tshark,
    floor,
    keyless,
    tcpdump,
    told,
    tshark,
)

_DENSE = f"{ADVERTS:,} adverts of {GROUPS} masters"
_ON_DENSE = "carpscope, dense"


def _dense() -> Subject:
    path = made("dense")
    return Subject(
        f"dense: {_DENSE}",
        (floor(path, IPV4), analyze(path, IPV4), *tcpdump(path), tshark(path, 3)),
        (
            Target(ANALYZE, FLOOR, 14, 5),
            Target(ANALYZE, TCPDUMP, 1.0, 0.4),
            Target(ANALYZE, TSHARK, 0.25, 0.08),
            Target(ANALYZE, ANALYZE, 60, 35, "memory"),
        ),
        rounds=5,
    )


def _dense8() -> Subject:
    eight = "carpscope, dense8"
    return Subject(
        f"dense8: {8 * ADVERTS:,} adverts of {GROUPS} masters",
        (
            analyze(made("dense"), IPV4, _ON_DENSE),
            analyze(made("dense8"), IPV4, eight),
            floor(made("dense8"), IPV4),
        ),
        (
            Target(eight, _ON_DENSE, 8.4, 8.1),
            Target(eight, eight, 60, 35, "memory"),
            Target(eight, _ON_DENSE, 8, 1, "growth"),
        ),
        rounds=3,
    )


def _mixed() -> Subject:
    path = made("mixed")
    carp = ("proto", "112")
    unit, *others = tcpdump(path, *carp)
    return Subject(
        "mixed: 2,000,000 packets, 1.6 GB, 2,000 adverts (tcpdump with the filter 'proto 112')",
        (
            unit,
            told(path, IPV4),
            analyze(path, IPV4),
            floor(path, IPV4),
            *others,
            filtered_tshark(path),
        ),
        (
            Target(f"{ANALYZE}, on the screen", TCPDUMP, 1.3, 1.1),
            Target(ANALYZE, ANALYZE, 60, 35, "memory"),
        ),
        rounds=5,
    )


def _mixed_tshark() -> Subject:
    path = made("mixed")
    return Subject(
        "mixed-tshark: the same, all of it read by tshark",
        (tcpdump(path, "proto", "112")[0], tshark(path, 1)),
        rounds=1,
    )


def _variant(name: str, title: str, addresses: list[str]) -> Callable[[], Subject]:
    def subject() -> Subject:
        path = made(name)
        local: tuple[Command, ...] = () if name == "gzip" else tcpdump(path)[1:]
        commands = (floor(path, addresses), analyze(path, addresses), *local)
        return Subject(f"{name}: {title}", commands, rounds=3)

    return subject


def _attack() -> Subject:
    attack = "carpscope, attack"
    return Subject(
        f"attack: {ADVERTS:,} adverts of as many made-up sources beside {GROUPS} masters",
        (analyze(made("dense"), IPV4, _ON_DENSE), analyze(made("attack"), IPV4, attack)),
        (
            Target(attack, _ON_DENSE, 2),
            Target(attack, attack, 120, None, "memory"),
        ),
        rounds=3,
    )


def _keyless() -> Subject:
    return Subject(
        f"dense-keyless: {_DENSE}, nothing supplied",
        (analyze(made("dense"), IPV4, _ON_DENSE), keyless(made("dense"), "carpscope, no secrets")),
        rounds=3,
    )


SUBJECTS: dict[str, Callable[[], Subject]] = {
    "dense": _dense,
    "dense8": _dense8,
    "mixed": _mixed,
    "vlan": _variant("vlan", f"{_DENSE}, all in VLAN 100", IPV4),
    "ipv6": _variant("ipv6", f"{_DENSE}, over IPv6", IPV6),
    "pcapng": _variant("pcapng", f"{_DENSE}, as pcapng", IPV4),
    "gzip": _variant("gzip", f"{_DENSE}, compressed (the C program behind gzip -dc)", IPV4),
    "attack": _attack,
    "dense-keyless": _keyless,
    "mixed-tshark": _mixed_tshark,
}
