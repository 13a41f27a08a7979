"""Whole captures: decode, checksum, HMAC, replay and findings, against programs that do less."""

from collections.abc import Callable

from tests.bench.captures import ADVERTS, IPV4, IPV6, made
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
    report,
    tcpdump,
    told,
    tshark,
)
from tests.bench.shapes import GROUPS

_DENSE = f"{ADVERTS:,} adverts of {GROUPS} masters"
_ON_DENSE = "carpscope, dense"


def _dense() -> Subject:
    path = made("dense")
    return Subject(
        f"dense: {_DENSE}",
        (
            floor(path, IPV4),
            analyze(path, IPV4),
            analyze(path, IPV4, _PURE)._replace(environment={"CARPSCOPE_PURE": "1"}),
            *tcpdump(path),
            tshark(path, 3),
        ),
        (
            Target(ANALYZE, FLOOR, 3, 2),
            Target(_PURE, FLOOR, 12, 8),
            Target(ANALYZE, TCPDUMP, 1.0, 0.4),
            Target(ANALYZE, TSHARK, 0.25, 0.08),
            Target(ANALYZE, ANALYZE, 45, 35, "memory"),
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
            Target(eight, eight, 45, 35, "memory"),
            Target(eight, _ON_DENSE, 8, 1, "growth"),
        ),
        rounds=3,
    )


_PURE = "carpscope without its reader in C"


def _walked(
    name: str, title: str, tcpdump_filter: str, must: tuple[float, float]
) -> Callable[[], Subject]:
    """Return what compares a capture of other people's traffic with tcpdump, and with its half."""

    def subject() -> Subject:
        path, half = made(name), f"carpscope, {name}-half"
        unit, *others = tcpdump(path, tcpdump_filter)
        whole = analyze(path, IPV4)
        return Subject(
            f"{name}: {title} (tcpdump with the filter '{tcpdump_filter}')",
            (
                unit,
                whole,
                analyze(made(f"{name}-half"), IPV4, half),
                told(path, IPV4),
                whole._replace(name=_PURE, environment={"CARPSCOPE_PURE": "1"}),
                floor(path, IPV4),
                *others,
            ),
            (
                Target(ANALYZE, TCPDUMP, *must),
                Target(ANALYZE, half, 2.2),
                Target(ANALYZE, ANALYZE, 45, 35, "memory"),
            ),
            rounds=5,
        )

    return subject


def _mixed_tshark() -> Subject:
    path = made("mixed")
    return Subject(
        "mixed-tshark: the same, all of it read by tshark",
        (tcpdump(path, "proto", "112")[0], tshark(path, 1), filtered_tshark(path)),
        rounds=1,
    )


def _variant(name: str, title: str, addresses: list[str]) -> Callable[[], Subject]:
    def subject() -> Subject:
        path = made(name)
        local: tuple[Command, ...] = () if name == "gzip" else tcpdump(path)[1:]
        commands = (floor(path, addresses), analyze(path, addresses), *local)
        targets = () if name == "gzip" else (Target(ANALYZE, FLOOR, 3.5, 2.5),)
        return Subject(f"{name}: {title}", commands, targets, rounds=3)

    return subject


def _attack() -> Subject:
    attack = "carpscope, attack"
    return Subject(
        f"attack: {ADVERTS:,} adverts of as many made-up sources beside {GROUPS} masters",
        (floor(made("attack"), IPV4), analyze(made("attack"), IPV4, attack)),
        (
            Target(attack, FLOOR, 8, 5),
            Target(attack, attack, 100, None, "memory"),
        ),
        rounds=3,
    )


def _report() -> Subject:
    path, told = made("dense"), "carpscope report"
    return Subject(
        f"report: {_DENSE}, a report of them",
        (floor(path, IPV4), report(path, IPV4, told)),
        (Target(told, FLOOR, 20, 8), Target(told, told, 100, None, "memory")),
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
    "mixed": _walked("mixed", "2,000,000 packets, 1.6 GB, 2,000 adverts", "proto 112", (1.1, 0.9)),
    "trunk": _walked(
        "trunk",
        "1,000,000 tagged packets, 790 MB, 10,000 adverts",
        "vlan and proto 112",
        (2, 1.3),
    ),
    "trunk70": _walked(
        "trunk70", "the same packets with 70 bytes each", "vlan and proto 112", (3, 2)
    ),
    "vlan": _variant("vlan", f"{_DENSE}, all in VLAN 100", IPV4),
    "ipv6": _variant("ipv6", f"{_DENSE}, over IPv6", IPV6),
    "pcapng": _variant("pcapng", f"{_DENSE}, as pcapng", IPV4),
    "gzip": _variant("gzip", f"{_DENSE}, compressed (the C program behind gzip -dc)", IPV4),
    "qinq": _variant("qinq", f"{_DENSE}, in VLAN 100 of 200", IPV4),
    "attack": _attack,
    "report": _report,
    "dense-keyless": _keyless,
    "mixed-tshark": _mixed_tshark,
}
