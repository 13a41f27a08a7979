"""Traces that the implementations' own code made: every advertisement, every field, nothing else.

Beside each capture lies what its maker knows: who sent what, and when.
"""

import json
import socket
from collections import Counter
from pathlib import Path
from typing import TypedDict, cast

import pytest

from carpscope.core.address import ip_text, mac_text
from carpscope.wire import arp, carp, icmp6
from carpscope.wire.decode import Packet, decode
from tests.wire import samples

FOLDER = Path(__file__).parents[1] / "data" / "traces"
NAMES = sorted(path.stem for path in FOLDER.glob("*.pcap"))


class Advertisement(TypedDict):
    """One advertisement as its maker wrote it down."""

    t: float
    vhid: int
    af: int
    src: str
    counter: str
    advbase: int
    advskew: int
    demote: int


class Announcement(TypedDict):
    """One gratuitous ARP or unsolicited neighbour advertisement."""

    t: float
    kind: str
    address: str
    mac: str
    ether_src: str


class Trace(TypedDict):
    """What the maker of a capture knows of it."""

    advertisements: list[Advertisement]
    announcements: list[Announcement]


def load(name: str) -> tuple[Trace, list[Packet]]:
    """Return what was sent and what was captured."""
    known = cast("Trace", json.loads((FOLDER / f"{name}.json").read_text()))
    packets = [decode(frame) for frame in samples.read_pcap(FOLDER / f"{name}.pcap")]
    return known, packets


def test_there_are_traces() -> None:
    assert len(NAMES) >= 6
    assert all((FOLDER / f"{name}.json").exists() for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_advertisement_with_every_field(name: str) -> None:
    known, packets = load(name)
    sent = Counter(
        (
            entry["vhid"],
            entry["af"],
            socket.inet_pton(socket.AF_INET if entry["af"] == 4 else socket.AF_INET6, entry["src"]),
            entry["counter"],
            entry["advbase"],
            entry["advskew"],
            entry["demote"],
        )
        for entry in known["advertisements"]
    )
    seen: Counter[tuple[int, int, bytes, str, int, int, int]] = Counter()
    for packet in packets:
        if packet.ip is None or packet.advert is None:
            continue
        view, advert = packet.ip, packet.advert
        identity = (advert.vhid, view.version, view.source, advert.counter.hex())
        seen[*identity, advert.advbase, advert.advskew, advert.demote] += 1
    assert seen == sent


@pytest.mark.parametrize("name", NAMES)
def test_advertisements_are_well_formed_and_come_back(name: str) -> None:
    for packet in load(name)[1]:
        if packet.advert is None:
            continue
        view, advert = packet.ip, packet.advert.advert()
        assert view is not None
        assert advert is not None
        assert advert.encode() == packet.frame.data[view.offset :]
        assert (view.ttl, view.protocol, packet.advert.trailing) == (255, carp.PROTOCOL, 0)
        assert view.checksum_ok is (True if view.version == 4 else None)
        assert view.dont_fragment or view.version == 6


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wrong_and_nothing_is_left_over(name: str) -> None:
    known, packets = load(name)
    assert all(packet.faults == () for packet in packets)
    announced = Counter(
        (entry["kind"], entry["address"], entry["mac"], entry["ether_src"])
        for entry in known["announcements"]
    )
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for packet in packets:
        body = packet.body
        ether = mac_text(packet.link.source or b"") if packet.link else ""
        if isinstance(body, arp.ArpView):
            assert body.is_announcement
            seen["arp", ip_text(body.sender_ip), mac_text(body.sender_mac), ether] += 1
        elif isinstance(body, icmp6.NeighbourView):
            assert body.is_announcement
            assert body.checksum_ok
            seen["na", ip_text(body.target), mac_text(body.mac or b""), ether] += 1
        else:
            assert isinstance(body, carp.AdvertView)
    assert seen == announced


@pytest.mark.slow
def test_every_cut_of_every_shipped_frame_says_where() -> None:
    """Up to its padding, which nobody misses."""
    whole = {one.data for path in samples.shipped_captures() for one in samples.read_pcap(path)}
    checked = 0
    for data in whole:
        packet = decode(samples.frame(data))
        if packet.body is None:
            continue
        size = packet.body.offset + arp.SIZE
        if packet.ip is not None:
            size = packet.ip.offset + packet.ip.length
        checked += 1
        for cut in range(size):
            faults = decode(samples.frame(data[:cut], wire_length=len(data))).faults
            assert faults, (data.hex(), cut)
            assert faults[-1].offset + faults[-1].present == cut
            assert faults[-1].needed > faults[-1].present
    assert checked > 50
