"""A loop that returns a node's own advertisements, whichever system sends them."""

from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.units import MILLISECOND
from carpscope.pipeline import analyze
from tests.detect.field import analysis, labels, only
from tests.detect.tapes import VIRTUAL
from tests.plain import Tape, carp, ether, ipv4
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
    assert f"{delay_ms}.0 ms after" in found["looped_advert"].explanation


ROUTER = "02:00:00:00:00:fe"


def echoed(*, ttl: int, late: float, own: str = ROUTER, count: int = 20, step: int = 1) -> Tape:
    """Send each advertisement again, or the last of them only."""
    tape = Tape()
    for beat in range(20):
        body = carp(7, 1, 0, 5000 + beat * step, vips=("192.0.2.10",))
        packet = ipv4("192.0.2.1", "224.0.0.18", 112, body, number=beat + 1)
        again = ipv4("192.0.2.1", "224.0.0.18", 112, body, number=beat + 1, ttl=ttl)
        tape.put(beat * 1.002, ether(VIRTUAL, "01:00:5e:00:00:12", 0x0800, packet))
        if beat >= 20 - count:
            tape.put(beat * 1.002 + late, ether(own, "01:00:5e:00:00:12", 0x0800, again))
    return tape


@pytest.mark.parametrize("late", [0.0006, 0.04])
@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("step", [0, 1])
def test_what_a_router_sends_on_is_no_attack(
    late: float, count: int, step: int, tmp_path: Path
) -> None:
    found = analysis(echoed(ttl=254, late=late, count=count, step=step), tmp_path)
    assert labels(found) == {"looped_advert"}
    one = only(found, "looped_advert")
    assert "with TTL 254" in one["explanation"]
    assert f"the router at {ROUTER}" in one["remedy"]
    assert "uplinks" not in one["remedy"]


def test_a_host_that_sends_each_again_is_named(tmp_path: Path) -> None:
    one = only(analysis(echoed(ttl=255, late=0.02), tmp_path), "looped_advert")
    assert f"Find the host at {ROUTER}" in one["remedy"]
    lone = analysis(echoed(ttl=255, late=0.02, count=1), tmp_path)
    assert labels(lone) == {"replayed_advert"}


def test_one_frame_that_the_network_repeats_is_no_attack(tmp_path: Path) -> None:
    found = analysis(echoed(ttl=255, late=0.02, own=VIRTUAL, count=1), tmp_path)
    assert labels(found) == {"looped_advert"}
    assert "One of them returned unchanged, 20.0 ms" in only(found, "looped_advert")["explanation"]


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
