"""No work grows with a silence: the same few frames with a year between them."""

import struct
from pathlib import Path

import pytest

from tests.program import run

SEVEN = Path("tests/data/field/seven-frames.pcap")
YEARS = 60 * 365 * 86_400
"""As long as a capture's clock can tell."""


def stretched(gap: int) -> bytes:
    """Give the recording with its last three frames so many seconds after the fourth."""
    data = SEVEN.read_bytes()
    out, offset, number = data[:24], 24, 0
    while offset < len(data):
        seconds, fraction, length, whole = struct.unpack_from("<IIII", data, offset)
        number += 1
        seconds = seconds if number <= 4 else seconds - 1_000_000 + gap
        head = struct.pack("<IIII", seconds, fraction, length, whole)
        out += head + data[offset + 16 : offset + 16 + length]
        offset += 16 + length
    return out


@pytest.mark.parametrize(("source", "family"), [("ucarp", 6), ("ucarp", 4), ("kernel", 6)])
def test_a_silence_of_decades_costs_nothing(tmp_path: Path, source: str, family: int) -> None:
    data = bytearray(stretched(YEARS))
    fourth = 24 + 3 * (16 + 70)
    assert data[fourth + 16 + 6 : fourth + 16 + 11] == b"\0\0\x5e\0\0"
    if source == "kernel":
        data[fourth + 16 + 10] = 1
    if family == 4:  # the frame before it again, from a ucarp's MAC and another address
        third = 24 + 2 * (16 + 70)
        length = 16 + struct.unpack_from("<I", data, fourth + 8)[0]
        frame = bytearray(data[third : third + 86])
        frame[:8] = data[fourth : fourth + 8]
        frame[16 + 10] = 0
        data[fourth : fourth + length] = frame
    path = tmp_path / "decades.pcap"
    path.write_bytes(data)
    for command in (["analyze", str(path)], ["report", str(path), "-o", str(tmp_path / "out")]):
        assert run(*command).status in (0, 1)
