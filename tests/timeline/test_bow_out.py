"""A ucarp that yields sends once more, up to a second after it had heard why."""

from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.pipeline import analyze
from tests.plain import Tape


def ucarps(folder: Path, sent: list[float]) -> set[str]:
    """A is MASTER all the time; B misses three, claims, and sends so long after that; no more."""
    tape = Tape()
    for second in range(40):
        tape.advert(second - 0.208, "10.0.0.1", 1, vips=("10.0.0.50",), ucarp=True)
    for at in sent:
        tape.advert(20 + at, "10.0.0.2", 1, 20, vips=("10.0.0.50",), ucarp=True)
    with open_capture(tape.write(folder / "tape.pcap")) as capture:
        analysis = analyze([capture], Config((b"plain bytes",)))
    return {finding.label for finding in analysis.findings}


@pytest.mark.parametrize(
    ("sent", "is_split"),
    [
        ([0, 0.742], False),
        ([0, 1.076, 1.753], False),  # lab 32: it heard at 0.79 s, and looked a second later
        ([0, 1.076, 2.150, 2.739], True),
        ([0, 1.076, 2.150, 3.228, 4.306], True),
    ],
)
def test_a_bow_out_of_a_ucarp_is_no_insisting(
    sent: list[float], is_split: bool, tmp_path: Path
) -> None:
    assert ("split_brain" in ucarps(tmp_path, sent)) is is_split


def test_a_bow_out_takes_off_no_more_than_a_second(tmp_path: Path) -> None:
    """A split of 7.4 s, advbase 5: an election explains 6.3 s at most."""
    tape = Tape()
    for second in range(0, 100, 5):
        tape.advert(second - 0.1, "10.0.0.1", 1, base=5, vips=("10.0.0.50",), ucarp=True)
    for at in (52.6, 58.459, 60.021):
        tape.advert(at, "10.0.0.2", 1, 220, base=5, vips=("10.0.0.50",), ucarp=True)
    with open_capture(tape.write(tmp_path / "tape.pcap")) as capture:
        analysis = analyze([capture], Config((b"plain bytes",)))
    assert "split_brain" in {finding.label for finding in analysis.findings}
