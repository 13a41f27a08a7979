"""Addresses are set one by one: what a node signs meanwhile is no disagreement."""

from pathlib import Path

from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.pipeline import analyze
from tests.simulated import PASSPHRASE, scenario, simulated

TWO = 'addresses = ["10.0.0.100", "10.0.0.101"]\n'


def test_a_dragonfly_that_starts_as_master_signs_its_first_address_alone(tmp_path: Path) -> None:
    node = 'impl = "dragonfly"\npreempt = true\n' + TWO
    frames = simulated(scenario(node + "start = 0.8", node + "start = 0.2\nadvskew = 220"))
    path = tmp_path / "two.pcap"
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in frames:
            writer.write(frame)
    config = Config((PASSPHRASE.encode(),), (bytes((10, 0, 0, 100)), bytes((10, 0, 0, 101))))
    analysis = analyze([open_capture(str(path))], config)
    (group,) = analysis.observer.groups.values()
    assert any(len(n.authentication.spans) == 2 for n in group.members), "it did sign one alone"
    assert "address_set_mismatch" not in {f.label for f in analysis.findings}
