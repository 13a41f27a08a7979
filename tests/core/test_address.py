"""Addresses: bytes inside, text outside."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core import address
from carpscope.core.errors import CarpscopeError


@given(st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)))
def test_text_and_back(raw: bytes) -> None:
    text = address.ip_text(raw)
    assert address.parse_ip(text, where="--ip") == raw
    assert ipaddress.ip_address(text).packed == raw


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("192.168.1.50", "c0a80132"),
        (" 10.0.0.1 ", "0a000001"),
        ("10.0.0.1/24", "0a000001"),
        ("2001:db8::1/64", "20010db8000000000000000000000001"),
        ("fe80::1%em0", "fe800000000000000000000000000001"),
        ("fe80::1%em0/64", "fe800000000000000000000000000001"),
        ("::ffff:10.0.0.1", "00000000000000000000ffff0a000001"),
    ],
)
def test_what_people_type(text: str, raw: str) -> None:
    assert address.parse_ip(text, where="--ip").hex() == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1.2",
        "vip.example.org",
        "2001:db8::1::2",
        "/24",
        "%em0",
        "10.0.0.1\n10.0.0.2",
        "10.0.0.1\x00",
        "１０.0.0.1",
        "\ud800",
    ],
)
def test_a_mistake_is_quoted_in_one_line(text: str) -> None:
    with pytest.raises(CarpscopeError) as caught:
        address.parse_ip(text, where="keys.toml line 3:")
    said = str(caught.value)
    assert said == f"keys.toml line 3: {text!r}: not an IPv4 or IPv6 address"
    assert len(said.splitlines()) == 1


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_mistake(text: str) -> None:
    said = "an address"
    try:
        raw = address.parse_ip(text, where="--ip")
    except CarpscopeError as mistake:
        raw, said = bytes(4), str(mistake)
    assert len(raw) in (4, 16)
    assert len(said.splitlines()) == 1


def test_a_mac() -> None:
    assert address.mac_text(bytes.fromhex("00005e00010a")) == "00:00:5e:00:01:0a"
    assert address.mac_text(b"") == ""


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        ("fe80::1", True),
        ("febf::1", True),
        ("fec0::1", False),
        ("2001:db8::1", False),
        ("254.128.0.1", False),
    ],
)
def test_link_local(text: str, is_it: bool) -> None:
    assert address.is_link_local(address.parse_ip(text, where="")) == is_it


def test_the_group_bit() -> None:
    assert address.is_multicast_mac(bytes.fromhex("01005e000012"))
    assert address.is_multicast_mac(b"\xff" * 6)
    assert not address.is_multicast_mac(bytes.fromhex("00005e000101"))
    assert not address.is_multicast_mac(b"")
