"""Every link type and every wrapping holds what real ucarp processes sent, and gives the same.

The bytes around the advertisements are written out by hand (`wrapped.py`). tshark, or tcpdump for
the tags of switch chips that tshark does not know, has to see every one of them first.
"""

import itertools
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carpscope.capture.linktypes import is_read
from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.pipeline import Analysis, analyze
from carpscope.wire import link, wrapping
from carpscope.wire.decode import decode
from tests.wire import samples
from tests.wire.wrapped import WAYS, Way

CAPTURE = Path(__file__).parents[2] / "captures" / "ucarp-different-addresses" / "capture.pcap"
COUNT = 45
NOT_IN_TSHARK = frozenset((281, 282, 284, 285))


def advertisements() -> list[Frame]:
    frames = [frame for frame in samples.read_pcap(CAPTURE) if decode(frame).advert]
    assert len(frames) >= COUNT
    return frames[:COUNT]


def wrapped(frames: Sequence[Frame], way: Way) -> list[Frame]:
    made = []
    for frame in frames:
        data = way.wrap(frame.data)
        made.append(frame._replace(link=way.link_type, data=data, wire_length=len(data)))
    return made


def write(path: Path, frames: Sequence[Frame]) -> None:
    with path.open("wb") as stream:
        writer = PcapWriter(stream, link=frames[0].link)
        for frame in frames:
            writer.write(frame)


def judged(path: Path) -> Analysis:
    return analyze([open_capture(str(path))], Config())


def told(analysis: Analysis) -> list[tuple[str, int, int, tuple[str, ...]]]:
    return [(one.label, one.start, one.end, tuple(one.nodes)) for one in analysis.findings]


@pytest.mark.slow
def test_a_peer_sees_every_one(tmp_path: Path) -> None:
    if shutil.which("tshark") is None or shutil.which("tcpdump") is None:
        pytest.skip("tshark and tcpdump are not installed")
    frames = advertisements()
    ways: dict[tuple[int, tuple[str, ...]], list[str]] = defaultdict(list)
    for name, way in WAYS.items():
        ways[way.link_type, way.options].append(name)
    for (link_type, options), names in ways.items():
        path = tmp_path / "one.pcap"
        write(path, list(itertools.chain(*(wrapped(frames, WAYS[name]) for name in names))))
        if link_type in NOT_IN_TSHARK:
            command = ["tcpdump", "-n", "-r", str(path)]  # where CARP is called VRRP
        else:
            command = ["tshark", "-n", "-r", str(path), "-d", "ip.proto==112,carp", *options]
            command += ["-Y", "carp"]
        seen = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        words = ("CARP", "VRRPv2")
        count = sum(any(word in line for word in words) for line in seen.splitlines())
        assert count == COUNT * len(names), names


@pytest.mark.parametrize("name", WAYS)
def test_the_same_is_found(name: str, tmp_path: Path) -> None:
    frames = advertisements()
    write(tmp_path / "plain.pcap", frames)
    write(tmp_path / "wrapped.pcap", wrapped(frames, WAYS[name]))
    plain, other = judged(tmp_path / "plain.pcap"), judged(tmp_path / "wrapped.pcap")
    assert other.advertisements == [COUNT]
    assert told(other) == told(plain) != []


def test_every_file_of_the_folders_is_put_to_the_test() -> None:
    assert {number for number in range(400) if is_read(number)} == {1, *link.link_types()}
    assert set(link.link_types()) <= {way.link_type for way in WAYS.values()} | {12, 14, 229}
    frame = samples.frame(samples.F1)
    seen = set()
    for way in WAYS.values():
        packet = decode(wrapped([frame], way)[0])
        seen |= {tunnel.kind.partition(" ")[0] for tunnel in packet.tunnels}
    kinds = "gre pptp erspan vxlan geneve tzsp ip teredo etherip mpls pppoe l2tp gtp lisp nsh"
    assert seen >= {*kinds.split(), "802.1ah", "trill"}
    tables = wrapping.tables()
    assert not set(tables.ports) & set(tables.protocols)


@pytest.mark.parametrize("name", WAYS)
def test_every_cut_is_a_fault_or_nothing(name: str) -> None:
    """Whatever is missing, nothing raises, and no advertisement is read past the end."""
    (whole,) = wrapped(advertisements()[:1], WAYS[name])
    for cut in range(len(whole.data)):
        packet = decode(whole._replace(data=whole.data[:cut]))
        for fault in packet.faults:
            assert fault.offset >= 0
            assert fault.needed >= fault.present or fault.needed == 0


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_bytes_behind_any_header(data: st.DataObject) -> None:
    way = WAYS[data.draw(st.sampled_from(sorted(WAYS)))]
    body = bytearray(way.wrap(samples.F1))
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    packet = decode(samples.frame(bytes(body), link_type=way.link_type))
    assert packet.body is None or packet.ip is not None or packet.link is not None


def encrypted() -> Iterator[tuple[str, int, bytes]]:
    f = samples.F1
    yield "802.11", 105, bytes.fromhex("0842") + bytes(22) + f
    yield (
        "macsec",
        1,
        f[:12] + bytes.fromhex("88e52c000000000102000000000100 01".replace(" ", "")) + f,
    )
    yield "esp", 1, samples.over_ipv4(bytes(40), protocol=50)
    yield "ppp", 9, bytes.fromhex("ff030053") + f


@pytest.mark.parametrize(("layer", "link_type", "data"), list(encrypted()))
def test_what_is_encrypted_says_so(layer: str, link_type: int, data: bytes) -> None:
    (fault,) = decode(samples.frame(data, link_type=link_type)).faults
    assert (fault.layer, fault.problem) == (layer, link.ENCRYPTED)


@pytest.mark.parametrize(
    ("name", "place", "group"),
    [
        ("vxlan", 48, "vxlan{}/vhid1"),
        ("geneve", 48, "geneve{}/vhid1"),
        ("erspan 2", 45, "erspan{}/vhid1"),
        ("gretap with key", 41, "gre{}/vhid1"),
        ("802.1ah", 17, "802.1ah{}/vhid1"),
    ],
)
def test_two_tenants_with_one_vhid_are_two_groups(
    name: str, place: int, group: str, tmp_path: Path
) -> None:
    """The last byte of the network's number differs; a failure in one is none in the other."""
    both = []
    for frame in wrapped(advertisements(), WAYS[name]):
        other = bytearray(frame.data)
        other[place] ^= 1
        both += [frame, frame._replace(data=bytes(other), at=frame.at + 1000)]
    write(tmp_path / "tenants.pcap", both)
    analysis = judged(tmp_path / "tenants.pcap")
    assert len(analysis.observer.groups) == 2
    ids = sorted(one.id for one in analysis.observer.groups.values())
    kind = group.partition("{")[0]
    assert all(one.startswith(kind) and one.endswith("/vhid1") for one in ids)
    assert {finding.label for finding in analysis.findings} == {
        "authentication_mismatch",
        "split_brain",
    }
