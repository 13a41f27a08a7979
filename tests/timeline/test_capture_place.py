"""Where a capture was taken, told by what it shows: recorded frames as other places show them."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.recommended import RECOMMENDED
from carpscope.pipeline import Analysis, analyze
from carpscope.report.capture_place import advice, captured_text
from carpscope.report.document import document
from tests.program import CAPTURES

PARTITION = CAPTURES / "ucarp-partition-heal" / "capture.pcap"
ONE, OTHER = "192.0.2.1", "192.0.2.2"
Change = Callable[[bytes], bytes]


def source_of(data: bytes) -> str:
    return ".".join(map(str, data[26:30])) if data[12:14] == b"\x08\x00" else ""


def taken(change: Change, link: int = 1, wire: Callable[[bytes], int] = len) -> Analysis:
    """Analyze the partition as a capture at another place has it; no bytes: it lacks the frame."""
    out = struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link)
    for frame in open_capture(str(PARTITION)):
        data = change(frame.data)
        if data:
            seconds, rest = divmod(frame.at, 1_000_000_000)
            out += struct.pack("<IIII", seconds, rest, len(data), wire(data)) + data
    capture = open_capture("-", stdin=io.BytesIO(out))
    return analyze([capture], Config())


def told(analysis: Analysis) -> str:
    return captured_text(analysis.captured[0], analysis.captures[0])


def cooked(own: str, *, hears: bool = True) -> Change:
    """Make Linux cooked frames of Ethernet's, of a host that is `own`."""

    def change(data: bytes) -> bytes:
        mine = source_of(data) == own
        if not mine and not hears:
            return b""
        return struct.pack("!HHH8s", 4 if mine else 2, 1, 6, data[6:12]) + data[12:]

    return change


def test_nothing_is_told_of_a_span_that_shows_nothing() -> None:
    analysis = taken(lambda data: data)
    assert told(analysis) == ""
    assert advice(analysis.captured[0], analysis.findings).startswith("captures on both nodes")


@pytest.mark.parametrize("own", [ONE, OTHER])
def test_a_capture_that_marks_names_its_host(own: str) -> None:
    analysis = taken(cooked(own), link=113)
    assert told(analysis) == f"on {own} (it marks what its host sent)"
    assert analysis.captured[0].directions == "both"
    alone = taken(cooked(own, hears=False), link=113)
    assert told(alone).endswith("; only what its host sends")


def test_a_host_that_never_advertises_is_said_so() -> None:
    assert told(taken(cooked("192.0.2.99"), link=113)).startswith(
        "on a host that advertises nothing"
    )


@pytest.mark.parametrize("own", [ONE, OTHER])
def test_headers_that_a_card_sums_later_tell_the_sender(own: str) -> None:
    def change(data: bytes) -> bytes:
        return data[:24] + b"\0\0" + data[26:] if source_of(data) == own else data

    analysis = taken(change)
    assert told(analysis).startswith(f"on {own} (only the sending host")
    assert "bad_checksum" not in {finding.label for finding in analysis.findings}


def test_a_mirror_of_both_directions_shows_all_twice() -> None:
    out = struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    for frame in open_capture(str(PARTITION)):
        for later in (0, 60_000):
            seconds, rest = divmod(frame.at + later, 1_000_000_000)
            out += struct.pack("<IIII", seconds, rest, len(frame.data), len(frame.data))
            out += frame.data
    analysis = analyze([open_capture("-", stdin=io.BytesIO(out))], Config())
    assert told(analysis).startswith("from a mirror port, both directions")


def test_a_mirror_that_came_through_a_tunnel_is_told() -> None:
    def change(data: bytes) -> bytes:
        inside = b"\x08\0\0\0\0\0\x07\0" + data
        udp = struct.pack("!HHHH", 1, 4789, 8 + len(inside), 0) + inside
        head = struct.pack("!BBHHHBBH8s", 69, 0, 20 + len(udp), 0, 0, 9, 17, 0, bytes(range(8)))
        return data[:12] + b"\x08\0" + head + udp

    assert told(taken(change)).startswith("from a mirror port (everything came through a tunnel)")


def test_a_snap_length_that_cuts_is_said_with_what_to_do() -> None:
    analysis = taken(lambda data: data[:60], wire=lambda data: 70)
    one = analysis.captured[0]
    assert one.cut > 50
    assert advice(one, analysis.findings).endswith("capture with -s 0")


def test_what_lacks_arp_is_advised_the_filter() -> None:
    analysis = taken(lambda data: data if source_of(data) else b"")
    assert RECOMMENDED in advice(analysis.captured[0], analysis.findings)


def test_the_document_has_filter_and_snap_length_of_a_pcapng_file(tmp_path: Path) -> None:
    def option(code: int, value: bytes) -> bytes:
        return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)

    def block(kind: int, body: bytes) -> bytes:
        size = 12 + len(body)
        return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

    data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    data += block(1, struct.pack("<HHI", 1, 0, 2048) + option(11, b"\0carp\x1b[31m") + b"\0\0\0\0")
    for frame in open_capture(str(PARTITION)):
        micro = frame.at // 1000
        size = len(frame.data)
        head = struct.pack("<IIIII", 0, micro >> 32, micro & 0xFFFFFFFF, size, size)
        data += block(6, head + frame.data + b"\0" * (-size % 4))
    path = tmp_path / "named.pcapng"
    path.write_bytes(data)
    analysis = analyze([open_capture(str(path))], Config())
    listed = document(analysis, Config())["evidence"]
    assert isinstance(listed, list)
    evidence = listed[0]
    assert isinstance(evidence, dict)
    said = evidence["captured"]
    assert isinstance(said, dict)
    assert (said["snap_length"], said["filters"]) == (2048, ["carp\x1b[31m"])
    assert "\x1b" not in told(analysis)


def test_what_a_host_sent_itself_is_no_sign_that_it_hears() -> None:
    """Its own second group goes on: that says nothing of a link on which the first fell silent."""

    def marked(kind: int) -> Change:
        return lambda data: struct.pack("!HHH8s", kind, 1, 6, data[6:12]) + data[12:]

    for kind, noted in ((4, False), (2, True)):
        observer = taken(marked(kind), link=113).observer
        assert observer.alive.others((), 0, 1 << 62, set(), {0}) is noted


def test_what_cannot_be_looked_into_is_counted_and_said() -> None:
    def esp(data: bytes) -> bytes:
        return data[:23] + b"\x32" + data[24:] if source_of(data) == ONE else data

    hidden = sum(source_of(f.data) == ONE for f in open_capture(str(PARTITION)))
    assert (
        f"{hidden} packets are encrypted (esp); what is inside cannot be read" in taken(esp).notes
    )
    unread = taken(lambda data: data, link=147).notes
    assert unread == ["82 packets could not be read: link: link type 147 is not decoded at byte 0"]
    short = taken(lambda data: data[:9], link=113, wire=lambda data: 70).notes
    assert short[0].startswith("82 packets could not be read: sll: truncated")
