"""What is dropped is nothing that anybody looks at, and dropping it changes no result."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope import pipeline
from carpscope.adverts.select import TUNNEL_PORTS, drops
from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND
from carpscope.pipeline import analyze
from carpscope.report.document import document
from carpscope.wire import wrapping
from carpscope.wire.decode import decode
from carpscope.wire.ip import ipv4
from carpscope.wire.link import ethernet

TRACES = sorted(Path("tests/data/traces").glob("*.pcap"))[::4]
MAC = bytes.fromhex("02000000000a")


def tcp(number: int) -> bytes:
    packet = ipv4(
        bytes((10, 0, 0, 5)),
        bytes((10, 0, 0, 6)),
        bytes(40),
        protocol=6,
        tos=0,
        identification=number,
    )
    return ethernet(MAC, MAC, 0x0800, packet) + bytes(number % 9)


heads = st.one_of(
    st.binary(min_size=12, max_size=12).map(lambda mac: mac + b"\x08\x00\x45"),
    st.binary(min_size=12, max_size=12).map(lambda mac: mac + b"\x08\x00\x46"),
    st.binary(min_size=12, max_size=12).map(lambda mac: mac + b"\x86\xdd\x60"),
    st.binary(min_size=15, max_size=15),
)
protocols = st.one_of(st.sampled_from([1, 2, 6, 17, 47, 58, 112, 240]), st.integers(0, 255))
ports = st.one_of(st.sampled_from([4789, 8472, 37008, 53]), st.integers(0, 65535))


tagged = st.lists(
    st.tuples(
        st.sampled_from([b"\x81\x00", b"\x88\xa8", b"\x91\x00"]), st.binary(min_size=2, max_size=2)
    ),
    max_size=3,
).map(lambda tags: b"".join(kind + number for kind, number in tags))


@given(
    heads,
    protocols,
    ports,
    st.binary(min_size=45, max_size=140),
    tagged,
    st.one_of(st.integers(0, 80), st.just(200)),
)
def test_what_is_dropped_is_of_no_interest(
    head: bytes, protocol: int, port: int, rest: bytes, tags: bytes, cut: int
) -> None:
    data = bytearray((head + rest)[:140])
    data[20 if head[12:14] == b"\x86\xdd" else 23] = protocol
    for place in (36, 56) if len(data) >= 58 else (36,):
        data[place : place + 2] = port.to_bytes(2, "big")
    data[12:12] = tags
    del data[cut:]
    frame = Frame(1, 0, 1, bytes(data), len(data))
    if drops(b"before" + frame.data + b"behind", 6, len(data), 1):
        packet = decode(frame)
        assert packet.body is None
        assert not packet.is_protocol_112
        assert not packet.tunnels


@pytest.mark.parametrize("path", TRACES, ids=lambda p: p.stem)
def test_dropping_changes_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = list(open_capture(str(path)))
    noisy = tmp_path / "noisy.pcap"
    with noisy.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in frames:
            writer.write(frame)
            for ago in (3, 400):
                data = tcp(frame.number)
                at = frame.at + ago * MILLISECOND // 7
                writer.write(Frame(0, at, 1, data, len(data)))
        last = frames[-1].at + 20_000 * MILLISECOND
        writer.write(Frame(0, last, 1, tcp(1), len(tcp(1))))

    def told() -> str:
        return json.dumps(document(analyze([open_capture(str(noisy))], Config()), Config()))

    dropped = told()
    monkeypatch.setattr(pipeline, "drops", lambda *_: False)
    assert dropped == told()
    assert json.loads(dropped)["evidence"][0]["packets"] == 3 * len(frames) + 1


def test_every_tunnel_is_looked_into() -> None:
    assert set(TUNNEL_PORTS) == set(wrapping.tables().ports)
    for tag in (b"", b"\x81\x00\x00\x05"):
        for port in range(1 << 16):
            data = bytearray(tcp(1))
            data[23], data[36:38] = 17, port.to_bytes(2, "big")
            data[12:12] = tag
            assert drops(bytes(data), 0, len(data), 1) is (port not in TUNNEL_PORTS)
