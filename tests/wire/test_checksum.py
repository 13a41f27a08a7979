"""The Internet checksum against the definition, written out."""

from hypothesis import example, given
from hypothesis import strategies as st

from carpscope.wire.checksum import checksum_holds, internet_checksum, ones_complement_sum


def by_definition(data: bytes) -> int:
    """Sum words and carry around, as RFC 1071 says it."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


@given(st.binary(max_size=200))
@example(b"")
@example(b"\0\0")
@example(b"\xff\xff")
@example(b"\xff\xfe\x00\x01")
@example(b"\xff\xff" * 3)
@example(b"\x01")
def test_sums_as_defined(data: bytes) -> None:
    assert ones_complement_sum(data) == by_definition(data)


@given(st.binary(min_size=2, max_size=80).filter(lambda data: len(data) % 2 == 0))
def test_a_checksum_put_in_place_holds(data: bytes) -> None:
    filled = internet_checksum(b"\0\0" + data[2:]).to_bytes(2, "big") + data[2:]
    assert checksum_holds(filled) or not any(filled)


def test_the_worked_example() -> None:
    words = "21010007000100008aea8d84a16a46eefb7f7879a6498338bee8bdf427c2b3c3a3c23fd0"
    assert ones_complement_sum(bytes.fromhex(words)) == 0xFB42
    assert internet_checksum(bytes.fromhex(words)) == 0x04BD
    assert checksum_holds(bytes.fromhex(words[:12] + "04bd" + words[16:]))


def test_an_odd_byte_is_padded_behind() -> None:
    assert ones_complement_sum(b"\x12\x34\x56") == 0x1234 + 0x5600
