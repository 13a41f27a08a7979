"""Why the package does not read IP with dpkt: what it does to protocol 112.

Its IP layer hands every payload of protocol 112 to its VRRP class. Each test shows
what that does to an advertisement, and that our decoder is right. A test that
fails one day says that dpkt has changed, and which reason is gone.
"""

import dpkt
import pytest

from carpscope.wire import carp, link
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import decode
from tests.wire import samples

PAYLOAD = samples.F1[34:]


def carried(authlen: int) -> bytes:
    """Return an advertisement with another authlen, which every receiver accepts."""
    payload = samples.with_checksum(PAYLOAD[:3] + bytes((authlen,)) + PAYLOAD[4:])
    return samples.over_ipv4(payload, tos=0x10, dont_fragment=True)


def by_dpkt(frame: bytes) -> dpkt.Packet:
    packet: dpkt.Packet = dpkt.ethernet.Ethernet(frame).data.data
    return packet


def by_us(frame: bytes, wire_length: int | None = None) -> AdvertView:
    advert = decode(samples.frame(frame, wire_length=wire_length)).advert
    assert advert is not None
    return advert


@pytest.mark.parametrize("name", ["freebsd", "freebsd ipv6", "ucarp", "tagged"])
def test_every_advertisement_becomes_vrrp(name: str) -> None:
    frame = samples.SAMPLES[name]
    theirs = by_dpkt(frame)
    assert isinstance(theirs, dpkt.vrrp.VRRP)
    assert len(theirs.addrs) == 7, "the counter and the HMAC"
    assert theirs.data == "", "text where bytes were"
    ours = by_us(frame)
    assert b"".join(theirs.addrs) == ours.counter + ours.digest
    assert theirs.priority == ours.advskew


def test_an_authlen_of_zero_loses_four_bytes() -> None:
    frame = carried(0)
    theirs = bytes(by_dpkt(frame))
    assert len(theirs) == carp.HEADER_SIZE - 4
    assert theirs == frame[34:42] + frame[46:], "the first half of the counter is gone"
    ours = by_us(frame)
    assert (ours.counter, ours.digest) == (PAYLOAD[8:16], PAYLOAD[16:])
    assert ours.checksum_ok


def test_a_large_authlen_makes_up_a_length() -> None:
    frame = carried(200)
    theirs = by_dpkt(frame)
    assert len(theirs) == 8 + 4 * 200
    assert len(bytes(theirs)) == carp.HEADER_SIZE
    assert len(theirs.addrs) == 200, "most of them empty"
    assert by_us(frame).trailing == 0


def test_a_checksum_of_zero_is_repaired_in_passing() -> None:
    """A damaged packet reads back as a good one: the evidence is gone."""
    frame = samples.over_ipv4(PAYLOAD[:6] + b"\0\0" + PAYLOAD[8:], tos=0x10, dont_fragment=True)
    theirs = bytes(by_dpkt(frame))
    assert theirs == PAYLOAD
    ours = by_us(frame)
    assert (ours.checksum, ours.checksum_ok) == (0, False)


def test_a_cut_packet_is_not_told_from_a_whole_one() -> None:
    """It slices to what is there; needed and present are not said."""
    theirs = by_dpkt(samples.F1[:50])
    assert isinstance(theirs, dpkt.vrrp.VRRP)
    assert [len(address) for address in theirs.addrs] == [4, 4, 0, 0, 0, 0, 0]
    packet = decode(samples.frame(samples.F1[:50], wire_length=len(samples.F1)))
    (fault,) = packet.faults
    assert (fault.layer, fault.offset, fault.needed, fault.present) == ("carp", 34, 36, 16)


def test_where_it_raises_we_say_where() -> None:
    with pytest.raises(dpkt.UnpackError):
        dpkt.ethernet.Ethernet(samples.F1[:9])
    assert decode(samples.frame(samples.F1[:9])).faults[0].needed == 14


def test_it_is_right_about_what_lies_below() -> None:
    """Where there is no trap the two agree."""
    for name, frame in samples.SAMPLES.items():
        theirs, ours = dpkt.ethernet.Ethernet(frame), decode(samples.frame(frame))
        assert ours.link is not None
        assert (theirs.src, theirs.dst) == (ours.link.source, ours.link.destination), name
        if ours.link.ethertype == link.ETHERTYPE_IPV4:
            assert ours.ip is not None
            header = theirs.data
            assert (header.src, header.dst) == (ours.ip.source, ours.ip.destination)
            assert (header.ttl, header.tos, header.id) == (
                ours.ip.ttl,
                ours.ip.tos,
                ours.ip.identification,
            )
