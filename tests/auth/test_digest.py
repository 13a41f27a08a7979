"""The HMAC against vectors not made by us, and against the standard library.

`hmac.json` comes from the implementations' own code, run under virtual time;
the lettered ones were computed by hand from the sources.
"""

import hashlib
import hmac
import json
import socket
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.auth.digest import KEY_SIZE, Signer, message, ordinary_order
from carpscope.wire.carp import Advert, AdvertView


class Extra(TypedDict):
    """What only some implementations have."""

    context: NotRequired[str]
    leader_lladdr: NotRequired[str | None]
    realmac: NotRequired[bool]
    note: NotRequired[str]


class Vector(TypedDict):
    """One entry of hmac.json."""

    impl: str
    passphrase_hex: str
    vhid: int
    ipv4: list[str]
    ipv6: list[str]
    advbase: int
    advskew: int
    extra: Extra
    counter_hex: str
    hmac_hex: str
    packet_hex: str


VECTORS = cast(
    "list[Vector]",
    json.loads((Path(__file__).parents[1] / "data" / "vectors" / "hmac.json").read_text()),
)
MEK = b"mekmitasdigoat"
COUNTER = "0102030405060708"
ALPHABET = b"abcdefghijklmnopqrst"
DOCUMENTATION = "20010db8000000000000000000000001"


class Lettered(NamedTuple):
    """A vector worked out by hand; addresses stand in the order of signing."""

    key: bytes
    vhid: int
    ipv4: list[str]
    ipv6: list[str]
    counter: str
    digest: str
    checksum: str
    advskew: int = 100


LETTERED = {
    "A": Lettered(
        b"randompass",
        1,
        ["c0a80132"],
        [],
        "8aea8d84a16a46ee",
        "fb7f7879a6498338bee8bdf427c2b3c3a3c23fd0",
        "04bd",
        advskew=0,
    ),
    "B": Lettered(
        MEK,
        10,
        ["09ffff01", "0a000001", "0a0000c8"],
        [],
        COUNTER,
        "911cfb39d32da85f5fedb75f135e2ed86b642139",
        "7cd4",
    ),
    "C": Lettered(
        MEK,
        10,
        ["0a000001"],
        [DOCUMENTATION],
        COUNTER,
        "3fe6c79c8c3ccca88509152863ade384ac2e20bc",
        "5c22",
    ),
    "D": Lettered(
        MEK,
        10,
        ["0a000001"],
        [DOCUMENTATION, "fe8000000000000002005efffe00010a"],
        COUNTER,
        "0bdb41c1d026736e9d8b7d57b199e895a1b44a1e",
        "38c2",
    ),
    "F": Lettered(
        b"",
        255,
        ["c0000201"],
        [],
        "ff" * 8,
        "452420392686de24250c53ee61d569ed92119939",
        "9fe7",
    ),
    "G": Lettered(
        ALPHABET,
        1,
        ["c0000201"],
        [],
        "00" * 8,
        "b4598cd91f4ee3de65b5beabb769bad2456f3608",
        "2481",
    ),
    "H": Lettered(
        ALPHABET[:19],
        1,
        ["c0000201"],
        [],
        "00" * 8,
        "d8cc7b920e1a4c90938cdf2d02460ad2cfb9ab37",
        "d128",
    ),
    "I": Lettered(
        MEK,
        10,
        [],
        [DOCUMENTATION],
        COUNTER,
        "6709ce35f51fda64d9c11a5a48b9214eae6dc509",
        "947a",
    ),
    "J": Lettered(
        MEK,
        10,
        [],
        [],
        COUNTER,
        "220f56f6efc54ddd37dee02a4180e19c45b04b91",
        "e7c8",
    ),
}

keys = st.binary(max_size=KEY_SIZE)
addresses = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))


@pytest.mark.parametrize("letter", LETTERED)
def test_vectors_worked_out_by_hand(letter: str) -> None:
    vector = LETTERED[letter]
    listed = [bytes.fromhex(text) for text in vector.ipv4 + vector.ipv6]
    four, six = ordinary_order(reversed(listed))
    assert [*four, *six] == listed
    prefix = message(vector.vhid, four, six)
    assert prefix == bytes((2, 1, vector.vhid)) + b"".join(listed)
    counter = bytes.fromhex(vector.counter)
    signed = Signer(vector.key, prefix).sign(counter)
    assert signed.hex() == vector.digest
    advert = Advert(vector.vhid, 1, vector.advskew, 0, counter, signed).encode()
    assert advert[6:8].hex() == vector.checksum


def test_the_inner_hash_of_the_documented_advertisement() -> None:
    """Step by step, so that a mistake shows where it is."""
    key = b"randompass".ljust(64, b"\0")
    signed = bytes.fromhex("020101c0a801328aea8d84a16a46ee")
    inner = hashlib.sha1(bytes(b ^ 0x36 for b in key) + signed).digest()
    assert inner.hex() == "7908f2642f803e8b5bb6ae9335296f5ca9d30d59"
    outer = hashlib.sha1(bytes(b ^ 0x5C for b in key) + inner).digest()
    prefix = message(1, [bytes((192, 168, 1, 50))], [])
    assert prefix + bytes.fromhex("8aea8d84a16a46ee") == signed
    assert Signer(b"randompass", prefix).sign(bytes.fromhex("8aea8d84a16a46ee")) == outer


def test_unsorted_as_the_oldest_freebsd_signs() -> None:
    """B': the order of configuration; 2006's FreeBSD 6.0 and before."""
    configured = [bytes((10, 0, 0, 1)), bytes((10, 0, 0, 200)), bytes((9, 255, 255, 1))]
    signed = Signer(MEK, message(10, configured, [])).sign(bytes.fromhex(COUNTER))
    assert signed.hex() == "2f04259fc6aa1a9418ed9f2a3528688e14e6352f"
    four, six = ordinary_order(configured)
    assert Signer(MEK, message(10, four, six)).sign(bytes.fromhex(COUNTER)).hex() == (
        LETTERED["B"].digest
    )


def test_a_link_layer_address_set_by_hand() -> None:
    """E: OpenBSD signs it between type and vhid."""
    prefix = message(10, [bytes((10, 0, 0, 1))], [], bytes.fromhex("02aabbccddee"))
    assert prefix.hex() == "020102aabbccddee0a0a000001"
    signed = Signer(MEK, prefix).sign(bytes.fromhex(COUNTER))
    assert signed.hex() == "b13da5f17c6388e81dc28c27d5d032ed81e40fc6"
    advert = Advert(10, 1, 100, 0, bytes.fromhex(COUNTER), signed).encode()
    assert advert[6:8].hex() == "ca0b"


def test_there_are_vectors_of_every_implementation() -> None:
    assert {vector["impl"] for vector in VECTORS} == {
        "freebsd13",
        "freebsd9",
        "netbsd",
        "openbsd",
        "ucarp",
    }
    assert len(VECTORS) > 100


@pytest.mark.parametrize(
    "vector", VECTORS, ids=lambda vector: f"{vector['impl']}-{vector['counter_hex']}"
)
def test_vectors_of_the_implementations_own_code(vector: Vector) -> None:
    listed = [socket.inet_pton(socket.AF_INET, text) for text in vector["ipv4"]]
    listed += [socket.inet_pton(socket.AF_INET6, text) for text in vector["ipv6"]]
    extra, vhid = vector["extra"], vector["vhid"]
    if extra.get("context") == "nov6ll":
        listed = [a for a in listed if len(a) == 4 or a[:2] != b"\xfe\x80"]
    lladdr = b""
    if extra.get("leader_lladdr") and not extra.get("realmac"):
        lladdr = bytes.fromhex(str(extra["leader_lladdr"]).replace(":", ""))
        if lladdr == bytes.fromhex("00005e0001") + bytes((vhid,)):
            lladdr = b""  # the one it would have anyway is not signed
    four, six = ordinary_order(listed)
    signer = Signer(bytes.fromhex(vector["passphrase_hex"]), message(vhid, four, six, lladdr))
    counter = bytes.fromhex(vector["counter_hex"])
    assert signer.sign(counter).hex() == vector["hmac_hex"]

    packet = bytes.fromhex(vector["packet_hex"])
    seen = AdvertView.read(packet, 0, len(packet))
    assert isinstance(seen, AdvertView)
    assert seen.checksum_ok
    assert (seen.vhid, seen.advbase, seen.advskew) == (vhid, vector["advbase"], vector["advskew"])
    assert (seen.counter, seen.digest.hex()) == (counter, vector["hmac_hex"])
    advert = seen.advert()
    assert advert is not None
    assert advert.encode() == packet


@given(keys, st.binary(max_size=100), st.lists(st.binary(min_size=8, max_size=8), max_size=4))
def test_as_the_standard_library(key: bytes, prefix: bytes, counters: list[bytes]) -> None:
    signer = Signer(key, prefix)
    for counter in counters:
        expected = hmac.new(key, prefix + counter, hashlib.sha1).digest()
        assert signer.sign(counter) == expected
        assert signer.sign(counter) == expected, "signing changes nothing"
        row = b"beside" + counter + expected
        wrong = row[:-1] + bytes((row[-1] ^ 1,))
        assert signer.verifies(row * 3 + wrong + row, 0, 5) == 3
        assert signer.verifies(wrong + row * 2, 1, 2) == 2
        assert signer.verifies(wrong + row, 0, 2) == 0


@given(st.binary(max_size=KEY_SIZE - 1), st.integers(1, 20))
def test_zeros_behind_a_key_are_invisible(key: bytes, zeros: int) -> None:
    padded = key + bytes(min(zeros, KEY_SIZE - len(key)))
    assert Signer(key, b"x").sign(bytes(8)) == Signer(padded, b"x").sign(bytes(8))


def test_a_key_no_implementation_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 20 bytes"):
        Signer(bytes(65), b"")


@given(st.lists(addresses, max_size=12))
def test_the_ordinary_order(listed: list[bytes]) -> None:
    four, six = ordinary_order(listed + listed[:3])
    assert four == sorted(set(four))
    assert six == sorted(set(six))
    edges = {bytes(4), bytes(16), b"\xff" * 4, b"\xff" * 16}
    assert {*four, *six} == set(listed) - edges
    assert {len(a) for a in four} <= {4}
    assert {len(a) for a in six} <= {16}
    assert ordinary_order(reversed(listed)) == ordinary_order(listed)


def test_addresses_of_zeros_or_ones_alone_are_never_signed() -> None:
    edges = [bytes(4), bytes(16), b"\xff" * 4, b"\xff" * 16]
    near = [b"\xfe" * 4, b"\xff\xff\xff\xfe", b"\0\0\0\1", b"\xfe" * 16]
    four, six = ordinary_order([*edges, *near])
    assert sorted([*four, *six]) == sorted(near)


def test_the_first_octet_counts_most() -> None:
    """As numbers of the host's order, not of a little-endian machine's memory."""
    low, high = bytes((9, 255, 255, 255)), bytes((10, 0, 0, 0))
    assert ordinary_order([high, low])[0] == [low, high]
