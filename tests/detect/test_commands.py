"""Commands as each system takes them, for addresses of both families."""

import pytest

from carpscope.core.address import parse_ip
from carpscope.detect import commands
from carpscope.timeline import traits
from carpscope.timeline.node import Node


def node(tos: int, mac: str = "00005e000101") -> Node:
    """Make a node that is recognised by what it sends."""
    made = Node("a", 0, mac=bytes.fromhex(mac), adverts=20)
    made.tos[tos] = 20
    return made


FREEBSD, OLD, UCARP = node(0xE0), node(0x10), node(0x10, "00005e000001")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("10.0.0.50", "inet vhid 7 10.0.0.50/32"),
        ("2001:db8::fe80", "inet6 vhid 7 2001:db8::fe80/128"),
        ("fd00::fe", "inet6 vhid 7 fd00::fe/128"),
        ("fe80::1", "inet6 vhid 7 fe80::1/64"),
        ("fdfe::1", "inet6 vhid 7 fdfe::1/128"),
    ],
)
def test_an_address_has_its_prefix(address: str, told: str) -> None:
    binary = parse_ip(address, where="")
    assert commands.to_add(FREEBSD, 7, binary) == f"ifconfig IF {told} alias"
    shorter = told.replace(" vhid 7", "")
    assert commands.to_add(OLD, 7, binary) == f"ifconfig carpN {shorter} alias"


def test_each_system_has_its_own_way() -> None:
    vip = bytes((10, 0, 0, 50))
    assert commands.to_add(UCARP, 7, vip) == "start ucarp with --addr=10.0.0.50"
    assert commands.to_remove(FREEBSD, vip) == "ifconfig IF inet 10.0.0.50 delete"
    assert commands.to_remove(OLD, vip) == "ifconfig carpN inet 10.0.0.50 delete"
    assert commands.to_move(FREEBSD, vip) == (
        "ifconfig IF inet 10.0.0.50 delete && "
        "ifconfig IF vhid N pass 'PASSPHRASE' inet 10.0.0.50/32 alias"
    )
    assert commands.to_move(OLD, vip) == (
        "ifconfig carpN inet 10.0.0.50 delete, then a second carp interface with vhid N and "
        "10.0.0.50/32"
    )
    assert commands.to_set_passphrase(FREEBSD, 7) == "ifconfig IF vhid 7 pass 'PASSPHRASE'"
    assert commands.to_set_passphrase(OLD, 7) == "ifconfig carpN pass 'PASSPHRASE'"
    assert commands.to_set_passphrase(UCARP, 7).startswith("ucarp --passfile=FILE")
    assert [traits.is_ucarp(one) for one in (FREEBSD, OLD, UCARP)] == [False, False, True]
