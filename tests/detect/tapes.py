"""Captures of plain bytes in which a rule fires, and near misses in which it is quiet."""

import struct
from collections.abc import Callable
from typing import NamedTuple

from tests.plain import Tape, ether, icmp6, ip, ipv4, mac

FW1, FW2, CLIENT = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:50"
VIRTUAL = "00:00:5e:00:01:07"


class Case(NamedTuple):
    """Which rule, whether it fires, the frames, and carpscope.toml where it matters."""

    label: str
    fires: bool
    make: Callable[[], Tape]
    config: str = ""
    files: str = ""
    """Files of nodes (`--node`), as `tests.detect.configured.written` takes them."""


FILES = """\
== fw1/rc.conf
ifconfig_em0="inet 192.0.2.1/24"
ifconfig_em0_alias0="inet 192.0.2.10/32 vhid 7 advskew {skew} pass quiet17"
"""


def lone(
    source: str = "192.0.2.1", vhid: int = 7, until: int = 40, since: int = 0, **more: object
) -> Tape:
    """A master that goes on."""
    tape = Tape()
    for second in range(since, until):
        tape.advert(second, source, vhid, vips=("192.0.2.10",), **more)  # type: ignore[arg-type]
    return tape


def slowed(every: float) -> Tape:
    """A master that announces a second and takes longer."""
    tape = Tape()
    for beat in range(30):
        tape.advert(beat * every, "192.0.2.1", 7, vips=("192.0.2.10",))
    return tape


def together(*tapes: Tape) -> Tape:
    """The frames of several."""
    out = Tape()
    for tape in tapes:
        out.frames += tape.frames
    return out


def tenants(other_vhid: int) -> Tape:
    """One address, vhid and passphrase in two networks of VXLAN: two tenants of one installer."""
    out = Tape()
    for vni, tape in ((70, lone(vhid=7)), (71, lone("192.0.2.2", vhid=other_vhid))):
        for at, frame in tape.frames:
            datagram = struct.pack("!HHHHBxxxI", 50_000, 4789, 16 + len(frame), 0, 8, vni << 8)
            packet = ipv4("203.0.113.1", "203.0.113.2", 17, datagram + frame, ttl=64)
            out.put(at, ether(FW1, FW2, 0x0800, packet))
    out.frames.sort(key=lambda one: one[0])
    return out


# ---- split_group


def two_vhids(*, balancing: bool = False) -> Tape:
    """One address, signed by two nodes under two vhids."""
    group = "01:00:5e:00:01:05"
    tape = together(lone(vhid=7), lone("192.0.2.2", vhid=8))
    if not balancing:
        return tape
    out = Tape()
    for at, frame in tape.frames:
        out.put(at, frame[:6] + mac(group) + frame[12:])
    return out


def tagged_and_not(other: str = "192.0.2.2") -> Tape:
    """The same vhid with a tag on one node only."""
    return together(lone(), lone(other, vlan=(10,)))


def carp_and_vrrp(version: int, vrid: int, listed: str = "192.0.2.10", count: int = 30) -> Tape:
    """One node speaks VRRP."""
    tape = lone()
    for second in range(count):
        tape.router(second + 0.4, "192.0.2.2", vrid, (listed,), version=version)
    return tape


# ---- addresses


def answered_by(
    *macs: str, every: float = 2.0, until: int = 40, master: Tape | None = None
) -> Tape:
    """A client asks, and each of these answers."""
    tape = master or lone()
    tape.announce(0.01, VIRTUAL, "192.0.2.10")
    at = 1.5
    while at < until:
        tape.ask(at, CLIENT, "192.0.2.50", "192.0.2.10")
        for index, one in enumerate(macs):
            tape.answer(at + 0.001 * (index + 1), one, "192.0.2.10", CLIENT, "192.0.2.50")
        at += every
    return tape


def beside(tape: Tape, answers: bool = True) -> Tape:
    """Other hosts ask each other."""
    for at in (3.2, 9.2, 15.2):
        tape.ask(at, FW1, "192.0.2.1", "192.0.2.60")
        if answers:
            tape.answer(at + 0.001, "02:00:00:00:00:60", "192.0.2.60", FW1, "192.0.2.1")
            tape.answer(at + 0.1, CLIENT, "192.0.2.50", "02:00:00:00:00:61", "192.0.2.61")
    return tape


def silent_masters(answers: int) -> Tape:
    """No advertisement at all: the virtual MAC answers."""
    tape = Tape()
    return answered_by(*[VIRTUAL] * answers, master=tape)


def routers(*macs: str, lifetime: int = 1800) -> Tape:
    """Router advertisements from the shared link-local address."""
    tape = Tape()
    for second in range(40):
        tape.advert(second, "fe80::11", 7, vips=("fe80::1", "2001:db8::1"))
    target = ip("fe80::1")
    told = bytes((136, 0, 0, 0, 0x20, 0, 0, 0)) + target + bytes((2, 1)) + mac(VIRTUAL)
    tape.put(0.01, ether(VIRTUAL, "33:33:00:00:00:01", 0x86DD, icmp6("fe80::1", "ff02::1", told)))
    own = bytes((136, 0, 0, 0, 0x20, 0, 0, 0)) + ip("fe80::11") + bytes((2, 1)) + mac(FW1)
    tape.put(0.2, ether(FW1, "33:33:00:00:00:01", 0x86DD, icmp6("fe80::11", "ff02::1", own)))
    for index, one in enumerate(macs):
        for second in (3, 13, 23, 33):
            body = bytes((134, 0, 0, 0, 64, 0)) + lifetime.to_bytes(2, "big") + bytes(8)
            body += bytes((1, 1)) + mac(one)
            packet = icmp6("fe80::1", "ff02::1", body)
            tape.put(second + index, ether(one, "33:33:00:00:00:01", 0x86DD, packet))
    return tape


# ---- roles and what is expected


def failed_over(*moved: int, groups: tuple[int, ...] = (1, 2, 3), worse: int = 100) -> Tape:
    """fw1 has all groups until 20 s; of these groups fw2 is MASTER from 23 s on."""
    tape = Tape()
    for vhid in groups:
        for second in range(20 if vhid in moved else 60):
            tape.advert(second + vhid / 100, f"10.0.{vhid}.1", vhid, 0)
        for second in range(24, 50) if vhid in moved else ():
            tape.advert(second * 1.39 - 9 + vhid / 100, f"10.0.{vhid}.2", vhid, worse)
    return tape


def shared_load() -> Tape:
    """fw2 is better in vhid 2; it fails, and comes back."""
    tape = Tape()
    for second in range(90):
        tape.advert(second, "10.0.1.1", 1, 0)
    for second in (*range(20), *range(50, 90)):
        tape.advert(second + 0.1, "10.0.2.2", 2, 0)
    for second in range(19):
        tape.advert(24 + second * 1.39, "10.0.2.1", 2, 100)
    return tape


def demoted(skew: int, until: int = 40, *, ucarp: bool = False, demote: int = 0) -> Tape:
    """A master that becomes demoted at 10 s."""
    tape = lone(until=10, ucarp=ucarp)
    at = 10.0
    while at < until:
        tape.advert(at, "192.0.2.1", 7, skew, vips=("192.0.2.10",), ucarp=ucarp, demote=demote)
        at += 1 + skew / 256
    return tape


NODES = "".join(
    f'[[node]]\nname = "fw{n}"\naddresses = ["10.0.1.{n}", "10.0.2.{n}", "10.0.3.{n}"]\n'
    for n in (1, 2)
)
TOGETHER = NODES + "".join(f'[[group]]\nvhid = {v}\ntogether = "site"\n' for v in (1, 2))
EXPECTED = '[[node]]\nname = "fw1"\naddresses = ["192.0.2.1"]\n[[group]]\nvhid = 7\n'

CASES = (
    Case("split_group", True, two_vhids),
    Case("split_group", False, lambda: two_vhids(balancing=True)),
    Case("split_group", True, tagged_and_not),
    Case("split_group", False, lambda: tagged_and_not("192.0.2.1")),  # a mirror: one node twice
    Case("split_group", False, lambda: tagged_and_not("198.51.100.2")),  # another network
    Case("split_group", True, lambda: carp_and_vrrp(3, 7)),
    Case("split_group", True, lambda: carp_and_vrrp(2, 9)),
    Case("split_group", False, lambda: carp_and_vrrp(3, 7, "192.0.2.99")),
    Case("split_group", False, lambda: carp_and_vrrp(3, 7, count=1)),
    Case("split_group", False, lambda: tenants(7)),
    Case("split_group", False, lambda: tenants(8)),
    # one after the other: a cluster whose vhid was changed
    Case("split_group", False, lambda: together(lone(until=20), lone("192.0.2.2", 8, 60, 30))),
    Case("address_conflict", True, lambda: answered_by(VIRTUAL, FW2)),
    Case("address_conflict", True, lambda: beside(answered_by(FW2))),
    Case("address_conflict", False, lambda: answered_by(VIRTUAL)),
    Case("address_conflict", False, lambda: answered_by(VIRTUAL, VIRTUAL)),
    Case("address_conflict", False, lambda: answered_by(FW2, until=3)),  # once
    Case("address_conflict", True, lambda: silent_masters(2)),
    Case("address_conflict", False, lambda: silent_masters(1)),
    Case("address_conflict", True, lambda: routers(FW1, FW2)),
    Case("address_conflict", False, lambda: routers(FW1)),
    Case("address_conflict", False, lambda: routers(FW1, FW2, lifetime=0)),  # no router
    Case("late_advertisements", True, lambda: slowed(2.5)),
    Case("late_advertisements", False, lambda: slowed(1.2)),
    Case("silent_master", True, lambda: answered_by(VIRTUAL, master=lone(until=20))),
    Case("silent_master", False, lambda: answered_by(VIRTUAL)),
    Case("address_unanswered", True, lambda: beside(answered_by(every=1.0, until=20))),
    Case("address_unanswered", False, lambda: beside(answered_by(VIRTUAL, every=1.0))),
    Case("address_unanswered", False, lambda: answered_by(every=1.0)),  # sees no answers
    Case("address_unanswered", False, lambda: beside(answered_by(every=1.0, until=5))),
    Case("split_roles", True, lambda: failed_over(2), NODES),
    Case("split_roles", True, lambda: failed_over(1, 3), NODES),
    Case("split_roles", False, lambda: failed_over(1, 2, 3), NODES),
    Case("split_roles", False, shared_load, NODES),
    Case("split_roles", True, shared_load, TOGETHER),
    Case("split_roles", False, lambda: failed_over(2, worse=0), NODES),  # equal: either may be it
    Case("demoted_master", True, lambda: demoted(240)),
    Case("demoted_master", True, lambda: demoted(0, demote=3)),
    Case("demoted_master", False, lambda: demoted(239)),
    Case("demoted_master", False, lambda: demoted(240, until=13)),
    Case("demoted_master", False, lambda: demoted(240, ucarp=True)),
    Case("unexpected_master", True, lambda: lone("192.0.2.2"), EXPECTED + 'master = "fw1"\n'),
    Case("unexpected_master", False, lone, EXPECTED + 'master = "fw1"\n'),
    Case(
        "unexpected_master", False, lambda: lone("192.0.2.2", until=3), EXPECTED + 'master = "fw1"'
    ),
    Case("group_missing", True, lone, "[[group]]\nvhid = 8\n"),
    Case("group_missing", True, lone, "[[group]]\nvhid = 7\nvlan = [10]\n"),
    Case("group_missing", False, lone, "[[group]]\nvhid = 7\n"),
    Case("group_missing", False, lambda: lone(until=8), "[[group]]\nvhid = 8\n"),
    Case("unexpected_node", True, lambda: lone("192.0.2.2"), EXPECTED + 'nodes = ["fw1"]\n'),
    Case("unexpected_node", False, lone, EXPECTED + 'nodes = ["fw1"]\n'),
    Case("other_values", True, lone, files=FILES.format(skew=90)),
    Case("other_values", False, lone, files=FILES.format(skew=0)),
)
