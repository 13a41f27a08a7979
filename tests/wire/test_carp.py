"""The 36 bytes of an advertisement, read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.fault import Fault
from carpscope.wire.carp import (
    HEADER_SIZE,
    Advert,
    AdvertView,
    interval_ns,
    ucarp_mac,
    virtual_mac,
)
from tests.wire import samples


def view(payload: bytes, length: int | None = None) -> AdvertView:
    read = AdvertView.read(payload, 0, length)
    assert isinstance(read, AdvertView)
    return read


def test_the_advertisement_that_freebsd_documents() -> None:
    read = view(samples.F1[34:])
    assert read == AdvertView(
        version=2,
        type=1,
        vhid=1,
        advskew=0,
        authlen=7,
        demote=0,
        advbase=1,
        checksum=0x04BD,
        counter=bytes.fromhex("8aea8d84a16a46ee"),
        digest=bytes.fromhex("fb7f7879a6498338bee8bdf427c2b3c3a3c23fd0"),
        checksum_ok=True,
        offset=0,
        trailing=0,
    )
    assert read.counter_value == 10009968722567644910
    assert read.interval_ns == 1_000_000_000
    assert not read.is_bow_out


@pytest.mark.parametrize(
    "payload",
    [samples.F1[34:], samples.F2[34:], samples.F4[54:], samples.F5[34:], samples.F6, samples.F7],
)
def test_known_bytes_come_back(payload: bytes) -> None:
    advert = view(payload).advert()
    assert advert is not None
    assert advert.encode() == payload


@given(samples.adverts)
def test_what_is_written_reads_back(advert: Advert) -> None:
    written = advert.encode()
    assert len(written) == HEADER_SIZE
    read = view(written)
    assert read.checksum_ok
    assert read.advert() == advert
    assert read.interval_ns == advert.interval_ns


@given(st.binary(min_size=HEADER_SIZE, max_size=HEADER_SIZE))
def test_any_36_bytes_read_and_the_well_formed_come_back(payload: bytes) -> None:
    read = view(payload)
    advert = read.advert()
    if advert is not None:
        assert advert.encode() == payload
    assert (read.version << 4 | read.type, read.vhid) == (payload[0], payload[1])
    assert (read.counter, read.digest) == (payload[8:16], payload[16:36])


@given(samples.adverts, st.integers(0, 20), st.integers(0, 10))
def test_any_place_in_a_frame(advert: Advert, before: int, behind: int) -> None:
    read = AdvertView.read(bytes(before) + advert.encode() + bytes(behind), before)
    assert isinstance(read, AdvertView)
    assert (read.offset, read.trailing) == (before, behind)
    assert read.advert() == advert


@pytest.mark.parametrize("present", range(HEADER_SIZE))
def test_a_cut_says_where(present: int) -> None:
    read = AdvertView.read(b"\0" * 14 + samples.F6[:present], 14)
    assert read == Fault("carp", 14, "truncated", HEADER_SIZE, present)


@pytest.mark.parametrize("length", range(HEADER_SIZE))
def test_a_short_ip_length_is_the_senders_doing(length: int) -> None:
    read = AdvertView.read(samples.F6, 0, length)
    assert read == Fault("carp", 0, "too short for CARP by its IP length", HEADER_SIZE, length)


def test_padding_is_not_trailing() -> None:
    assert view(samples.F6 + bytes(10), 36).trailing == 0
    assert view(samples.F6 + bytes(10), 40).trailing == 4


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(0, 0x20, id="type 0"),
        pytest.param(0, 0x2F, id="type 15"),
        pytest.param(0, 0x11, id="version 1"),
        pytest.param(1, 0, id="vhid 0"),
        pytest.param(3, 6, id="authlen 6"),
    ],
)
def test_what_no_implementation_sends_is_seen_but_not_well_formed(at: int, value: int) -> None:
    payload = samples.F1[34:]
    changed = samples.with_checksum(payload[:at] + bytes((value,)) + payload[at + 1 :])
    assert view(changed).checksum_ok
    assert view(changed).advert() is None


def test_a_wrong_checksum_is_seen() -> None:
    payload = samples.F1[34:]
    read = view(payload[:6] + b"\x04\xbe" + payload[8:])
    assert (read.checksum, read.checksum_ok, read.advert()) == (0x04BE, False, None)


def test_a_bow_out() -> None:
    assert view(samples.F6).is_bow_out
    assert not view(samples.F7).is_bow_out
    for byte in (2, 5):  # advskew or advbase alone
        one = samples.F7[:byte] + b"\xff" + samples.F7[byte + 1 :]
        assert not view(samples.with_checksum(one)).is_bow_out, "the slowest node is still there"


def test_the_interval_is_cut_to_microseconds() -> None:
    assert interval_ns(1, 1) == 1_003_906_000
    assert interval_ns(0, 0) == 0
    assert interval_ns(255, 255) == 255_996_093_000


@pytest.mark.parametrize(
    ("field", "value"),
    [("vhid", 0), ("vhid", 256), ("advbase", -1), ("advskew", 256), ("demote", 256)],
)
def test_a_number_no_header_holds_is_refused(field: str, value: int) -> None:
    numbers = {"vhid": 1, "advbase": 1, "advskew": 0, "demote": 0, field: value}
    with pytest.raises(ValueError, match=f"{field} {value} is not"):
        Advert(**numbers, counter=bytes(8), digest=bytes(20))


@pytest.mark.parametrize(("counter", "digest"), [(7, 20), (9, 20), (8, 19), (8, 21)])
def test_sizes_no_header_holds_are_refused(counter: int, digest: int) -> None:
    with pytest.raises(ValueError, match="8 bytes and a digest 20"):
        Advert(1, 1, 0, 0, bytes(counter), bytes(digest))


def test_the_addresses_it_is_sent_from() -> None:
    assert virtual_mac(42).hex(":") == "00:00:5e:00:01:2a"
    assert ucarp_mac(42).hex(":") == "00:00:5e:00:00:2a"
