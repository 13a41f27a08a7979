"""A loop that returns a node's own advertisements, whichever system sends them."""

from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.units import MILLISECOND
from carpscope.pipeline import analyze
from tests.simulated import PASSPHRASE, scenario, simulated

CONFIG = Config((PASSPHRASE.encode(),), (bytes((10, 0, 0, 100)),))


@pytest.mark.parametrize("delay_ms", [20, 300])
@pytest.mark.parametrize("impl", ["openbsd", "netbsd", "freebsd13"])
def test_what_comes_back_each_time_is_a_loop_and_no_replay(
    impl: str, delay_ms: int, tmp_path: Path
) -> None:
    """OpenBSD signs every advertisement alike: which of them came back, its IPv4 id says."""
    frames = simulated(scenario(f'impl = "{impl}"', duration=60))
    adverts = [frame for frame in frames if len(frame.data) == 70]
    echoes = [f._replace(at=f.at + delay_ms * MILLISECOND) for f in adverts[20:30]]
    path = tmp_path / "looped.pcap"
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in sorted([*frames, *echoes], key=lambda f: f.at):
            writer.write(frame)
    found = {f.label: f for f in analyze([open_capture(str(path))], CONFIG).findings}
    assert "replayed_advert" not in found
    assert found["looped_advert"].frame_count == len(echoes)
    assert f"{delay_ms}.0 to {delay_ms}.0 ms" in found["looped_advert"].explanation


def test_one_advertisement_that_comes_back_again_and_again_was_replayed(tmp_path: Path) -> None:
    frames = simulated(scenario('impl = "openbsd"', duration=60))
    adverts = [frame for frame in frames if len(frame.data) == 70]
    copies = [adverts[20]._replace(at=f.at + 300 * MILLISECOND) for f in adverts[25:35]]
    path = tmp_path / "replayed.pcap"
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in sorted([*frames, *copies], key=lambda f: f.at):
            writer.write(frame)
    labels = {f.label for f in analyze([open_capture(str(path))], CONFIG).findings}
    assert "replayed_advert" in labels
    assert "looped_advert" not in labels
