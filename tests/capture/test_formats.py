"""Further file formats give the packets of a shipped capture as other programs wrote them.

editcap, tshark and tcpdump make the files; what comes out has to be what went in.
"""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture.counts import CaptureCounts
from carpscope.capture.fileformat import formats
from carpscope.capture.source import open_capture
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from tests.program import run as carpscope
from tests.wire import samples
from tests.wire.wrapped import WAYS

CAPTURE = Path(__file__).parents[2] / "captures" / "ucarp-different-addresses" / "capture.pcap"
needs_peers = pytest.mark.skipif(
    shutil.which("editcap") is None or shutil.which("tcpdump") is None,
    reason="tshark (editcap) and tcpdump are not installed",
)


def packets(path: Path) -> list[Frame]:
    with open_capture(str(path)) as capture:
        return list(capture)


def bare(frames: list[Frame], *, day: bool = True) -> list[tuple[int, int, bytes, int]]:
    """Microseconds, as these formats have them; without `day` of the day only."""
    span = 1 << 62 if day else 86_400_000_000
    return [(f.at // 1000 % span, f.link, f.data, f.wire_length) for f in frames]


def run(*command: str) -> bytes:
    return subprocess.run(command, capture_output=True, check=True).stdout


@needs_peers
@pytest.mark.parametrize("kind", ["snoop", "nokiapcap", "rh6_1pcap", "suse6_3pcap", "modpcap"])
def test_what_editcap_writes_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    run("editcap", "-F", kind, str(CAPTURE), str(path))
    assert bare(packets(path)) == bare(packets(CAPTURE))


@needs_peers
def test_what_wireshark_says_as_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / "capture.json"
    path.write_bytes(run("tshark", "-n", "-r", str(CAPTURE), "-T", "json", "-x"))
    assert bare(packets(path)) == bare(packets(CAPTURE))
    path.write_bytes(run("tshark", "-n", "-r", str(CAPTURE), "-T", "json"))
    with open_capture(str(path)) as capture:
        assert list(capture) == []
    assert any("-x" in note for note in capture.notes)


@needs_peers
def test_what_tcpdump_prints_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    path = tmp_path / "dump.txt"
    for option in ("-tttt", "-tt"):
        path.write_bytes(run("tcpdump", "-n", option, "-xx", "-r", str(CAPTURE)))
        assert bare(packets(path)) == bare(packets(CAPTURE))
    path.write_bytes(run("tcpdump", "-n", "-x", "-r", str(CAPTURE), "proto 112"))
    given = [frame for frame in packets(CAPTURE) if frame.data[23] == 112]
    found = packets(path)
    assert [frame.data for frame in found] == [frame.data[14:] for frame in given]
    assert {frame.link for frame in found} == {101}
    clock = [at for at, *_ in bare(given, day=False)]
    assert [at for at, *_ in bare(found, day=False)] == clock


@needs_peers
def test_a_dump_without_times_says_so(tmp_path: Path) -> None:
    path = tmp_path / "dump.txt"
    path.write_bytes(run("tshark", "-n", "-r", str(CAPTURE), "-x"))
    with open_capture(str(path)) as capture:
        found = list(capture)
    assert [frame.data for frame in found] == [frame.data for frame in packets(CAPTURE)]
    assert any("time" in note for note in capture.notes)
    told = carpscope("analyze", str(path))  # two MASTERs at one instant are not two at once
    assert told.status == 2
    assert "No packet has a time of its own: nothing could be judged." in told.out
    assert "Nothing wrong" not in told.out


@needs_peers
def test_what_vvv_dumps_of_a_packet_is_no_packet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    path = tmp_path / "dump.txt"
    path.write_bytes(run("tcpdump", "-n", "-tttt", "-vvv", "-X", "-r", str(CAPTURE)))
    found, given = packets(path), packets(CAPTURE)
    assert [(one.at, one.data) for one in found] == [
        (one.at // 1000 * 1000, one.data[14:]) for one in given
    ]


@needs_peers
@pytest.mark.parametrize(
    ("options", "note"),
    [(("-ttt", "-xx"), "differences (tcpdump -ttt)"), (("-ttttt", "-xx"), "")],
)
def test_times_that_are_differences_are_said(
    options: tuple[str, ...], note: str, tmp_path: Path
) -> None:
    path = tmp_path / "dump.txt"
    path.write_bytes(run("tcpdump", "-n", *options, "-r", str(CAPTURE)))
    with open_capture(str(path)) as capture:
        assert len(list(capture)) == len(packets(CAPTURE))
    assert any(note in one for one in capture.problems) == bool(note)


@needs_peers
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("tshark", "-n", "-T", "pdml", "-r"), "-T json -x"),
        (("tshark", "-n", "-T", "psml", "-r"), "-T json -x"),
        (("tshark", "-n", "-T", "ek", "-r"), "-T json -x"),
        (("tshark", "-n", "-T", "jsonraw", "-r"), "-T json -x"),
        (("tshark", "-n", "-V", "-r"), "-T json -x"),
        (("od", "-Ax", "-tx1"), "xxd -r"),
    ],
)
def test_what_others_print_says_what_to_print_instead(
    command: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "printed"
    path.write_bytes(run(*command, str(CAPTURE)))
    told = carpscope("analyze", str(path))
    assert told.status == 2
    assert words in told.out + told.err


def test_erf_records_are_read(tmp_path: Path) -> None:
    frames = packets(CAPTURE)
    way = WAYS["erf ethernet"]
    records = []
    for frame in frames:
        record = bytearray(way.wrap(frame.data))
        fraction = (frame.at % 10**9 << 32) // 10**9 + 1
        record[:8] = struct.pack("<II", fraction, frame.at // 10**9)
        records.append(bytes(record))
    path = tmp_path / "capture.erf"
    path.write_bytes(b"".join(records))
    found = packets(path)
    assert [frame.data for frame in found] == records
    assert {frame.link for frame in found} == {way.link_type}
    assert [frame.at for frame in found] == [frame.at for frame in frames]
    path.write_bytes(b"".join(records)[:-5])
    with open_capture(str(path)) as capture:
        assert len(list(capture)) == len(frames) - 1
    assert any("cut" in note for note in capture.notes)


@needs_peers
@pytest.mark.parametrize(
    "kind",
    [
        "netmon1",
        "netmon2",
        "ngsniffer",
        "ngwsniffer_2_0",
        "5views",
        "lanalyzer",
        "visual",
        "nettl",
        "commview-ncf",
        "commview-ncfx",
        "observer",
        "k12text",
        "ngwsniffer_1_1",
    ],
)
def test_what_is_not_read_names_the_command_that_turns_it(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    run("editcap", "-F", kind, str(CAPTURE), str(path))
    with pytest.raises(CarpscopeError, match=r"editcap -F pcap"):
        open_capture(str(path))


@given(st.sampled_from([one.kind for one in formats()]), st.binary(max_size=600), st.data())
def test_any_bytes_end_in_records(kind: str, noise: bytes, data: st.DataObject) -> None:
    (one,) = [each for each in formats() if each.kind == kind]
    beginnings = {
        "snoop": b"snoop\0\0\0\0\0\0\2\0\0\0\4" + struct.pack("!IIIIII", 60, 60, 84, 0, 1, 1),
        "erf": WAYS["erf ethernet"].wrap(samples.F1),
        "hexdump": b"11:43:02.918562 IP\n\t0x0000:  0100 5e00 0012 0000 5e00 0001 0800 4510\n",
        "json": b'[{"_index": 1, "_source": {"frame_raw": ["' + samples.F1.hex().encode() + b'",\n',
    }
    one.matches(noise)
    whole = beginnings[kind] + noise
    cut = data.draw(st.integers(0, len(whole)))
    for record in one.records(iter((whole[:cut], whole[cut:])), CaptureCounts()):
        assert len(record.data) <= record.wire_length or kind == "erf"
