"""Seeing a train is seeing each of its rows, whatever comes."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carpscope import pipeline
from carpscope.adverts.cut import Cutter
from carpscope.adverts.train import Train
from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapngWriter, PcapWriter
from carpscope.config import Config
from carpscope.core.batch import batched
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND
from carpscope.pipeline import analyze
from carpscope.report.document import document
from carpscope.report.forensic.collect import Collector
from carpscope.timeline import observe, passage, steady
from carpscope.timeline.facts import Fact
from tests.simulated import PASSPHRASE, scenario, simulated
from tests.timeline.recorded import TRACES, secrets

pytestmark = pytest.mark.slow

CAPTURES = sorted(Path("captures").glob("*/capture.pcap"))
KEYLESS = Config()
CONFIG = Config((PASSPHRASE.encode(),), (bytes((10, 0, 0, 100)),))


def told(path: Path, config: Config) -> str:
    """Return the document, and when a report draws advertisements."""
    drawn = Collector()
    found = document(analyze([open_capture(str(path))], config, also=drawn), config)
    times = {repr(key): list(at) for key, at in drawn.sources.items()}
    return json.dumps(found | {"drawn": times})


def both(path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, int]:
    """Analyze with trains and with single rows; give how many rows were taken whole."""
    taken = 0
    take = observe.Observer.take

    def counted(self: observe.Observer, train: Train) -> list[Fact]:
        nonlocal taken
        found = take(self, train)
        taken += self.taken
        return found

    monkeypatch.setattr(observe.Observer, "take", counted)
    monkeypatch.setattr(steady, "STEADY", 6)
    whole = told(path, config)
    monkeypatch.setattr(passage, "cutter", lambda window, _: Cutter(window, 1))
    single = told(path, config)
    monkeypatch.undo()
    return whole, single, taken


@pytest.mark.parametrize("path", [*TRACES, *CAPTURES], ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_captures_say_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, single, _ = both(path, secrets(path), monkeypatch)
    assert whole == single


@pytest.mark.parametrize("impl", ["freebsd13", "freebsd9", "netbsd", "openbsd", "ucarp"])
def test_a_steady_master_is_taken(
    impl: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = simulated(scenario(f'impl = "{impl}"', duration=120))
    for config, kind in ((CONFIG, "pcap"), (KEYLESS, "pcap"), (CONFIG, "pcapng")):
        whole, single, taken = both(written(frames, tmp_path, kind), config, monkeypatch)
        assert whole == single
        assert taken > 85


def test_a_steady_master_behind_a_vlan_tag_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [tagged(frame) for frame in simulated(scenario('impl = "netbsd"', duration=120))]
    for config, kind in ((CONFIG, "pcap"), (KEYLESS, "pcap"), (CONFIG, "pcapng")):
        whole, single, taken = both(written(frames, tmp_path, kind), config, monkeypatch)
        assert whole == single
        assert taken > 85


@pytest.mark.parametrize("impl", ["freebsd13", "openbsd"])
def test_a_long_calm_between_two_nodes_is_remembered_alike(
    impl: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replay looks as far back as the general path would let it."""
    nodes = f'impl = "{impl}"\npreempt = true', f'impl = "{impl}"\npreempt = true\nadvskew = 80'
    events = '300 crash node="fw1"\n320 restart node="fw1"\n2900 crash node="fw1"'
    frames = simulated(scenario(*nodes, duration=3000, events=events))
    for config in (CONFIG, KEYLESS):
        whole, single, taken = both(written(frames, tmp_path), config, monkeypatch)
        assert whole == single
        assert taken > 2500


def tagged(frame: Frame) -> Frame:
    data = frame.data[:12] + bytes.fromhex("8100600a") + frame.data[12:]
    return frame._replace(data=data, wire_length=len(data))


BASES = {
    name: simulated(
        scenario(
            f'impl = "{name}"\npreempt = true',
            f'impl = "{name}"\npreempt = true\nadvskew = 80',
            duration=60,
            events='30 crash node="fw1"\n45 restart node="fw1"',
        )
    )
    for name in ("freebsd13", "openbsd", "netbsd")
}

BASES["tagged"] = [tagged(frame) for frame in BASES["netbsd"]]
BASES["two groups"] = sorted(
    [
        *BASES["freebsd13"],
        *(tagged(f)._replace(at=f.at + 300 * MILLISECOND) for f in BASES["openbsd"]),
    ],
    key=lambda frame: frame.at,
)

disturbances = st.lists(
    st.tuples(
        st.integers(0, 80),
        st.sampled_from(["drop", "copy", "again", "byte", "late", "cut", "pad", "hurry"]),
        st.integers(0, 69),
        st.integers(1, 255),
    ),
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(BASES)), disturbances, st.sampled_from([CONFIG, KEYLESS]))
def test_any_disturbance_says_the_same(
    name: str, wanted: list[tuple[int, str, int, int]], config: Config
) -> None:
    frames = list(BASES[name])
    for index, kind, offset, value in wanted:
        frames = disturbed(frames, index % len(frames), kind, offset, value)
    frames.sort(key=lambda frame: frame.at)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        whole, single, _ = both(written(frames, Path(folder)), config, patch)
    assert whole == single


@settings(max_examples=60, deadline=None)
@example([(76, "again", 45, 67)], 150, CONFIG)  # random counters, and one comes again among them
@given(disturbances, st.integers(1, 150), st.sampled_from([CONFIG, KEYLESS]))
def test_however_batches_fall_is_the_same(
    wanted: list[tuple[int, str, int, int]], most: int, config: Config
) -> None:
    frames = list(BASES["two groups"])
    for index, kind, offset, value in wanted:
        frames = disturbed(frames, index * 2 % len(frames), kind, offset, value)
    frames.sort(key=lambda frame: frame.at)
    frames = [frame._replace(number=number) for number, frame in enumerate(frames, 1)]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = written(frames, Path(folder))
        whole, single, _ = both(path, config, patch)
        assert whole == single
        patch.setattr(steady, "STEADY", 6)
        capture = open_capture(str(path))
        frames = list(capture)
        patch.setattr(pipeline, "batched", lambda given: batched(given, most))
        cut = analyze([capture], config, frames=iter(frames))
    told = document(cut, config)
    expected = json.loads(single)
    for one in ("groups", "findings", "events", "incidents"):
        assert json.loads(json.dumps(told[one])) == expected[one]


def disturbed(frames: list[Frame], index: int, kind: str, offset: int, value: int) -> list[Frame]:
    frame = frames[index]
    rest = [*frames[:index], *frames[index + 1 :]]
    data = frame.data
    if kind == "drop":
        return rest
    if kind == "copy":
        return [*frames, frame._replace(at=frame.at + MILLISECOND)]
    if kind == "again":
        return [*frames, frame._replace(at=frame.at + value * 97 * MILLISECOND)]
    if kind == "late":
        return [*rest, frame._replace(at=frame.at + value * MILLISECOND)]
    if kind == "hurry":  # far faster than any beat, down to the window of mirror copies
        base = frame.at
        return [
            f._replace(at=base + max(f.at - base, 0) // (value * 4)) if f.at > base else f
            for f in frames
        ]
    if kind == "cut":
        return [*rest, frame._replace(data=data[: max(offset, 1)])]
    if kind == "pad":
        longer = data + bytes(value % 8)
        return [*rest, frame._replace(data=longer, wire_length=len(longer))]
    at = offset % len(data)
    changed = data[:at] + bytes((data[at] ^ value,)) + data[at + 1 :]
    return [*rest, frame._replace(data=changed)]


def written(frames: list[Frame], folder: Path, kind: str = "pcap") -> Path:
    path = folder / f"frames.{kind}"
    with path.open("wb") as stream:
        writer = PcapWriter(stream) if kind == "pcap" else PcapngWriter(stream)
        for frame in frames:
            writer.write(frame)
    return path


@pytest.mark.parametrize("impl", ["freebsd13", "openbsd"])
def test_many_that_nobody_explains_are_sampled_alike(
    impl: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is listed when somebody looks; by then most of it is told by samples."""
    events = '1500 crash node="fw1"\n1520 restart node="fw1"'
    frames = simulated(scenario(f'impl = "{impl}"', duration=9000, events=events))
    stranger = Config((b"another",), ())
    for config in (KEYLESS, stranger):
        whole, single, taken = both(written(frames, tmp_path), config, monkeypatch)
        assert whole == single
        assert taken > 8800


def test_one_source_on_two_vlans_is_two_nodes(tmp_path: Path) -> None:
    frames = simulated(scenario('impl = "netbsd"', duration=60))
    frames += [tagged(frame) for frame in frames]
    frames.sort(key=lambda frame: frame.at)
    path = written(frames, tmp_path)
    analysis = analyze([open_capture(str(path))], KEYLESS)
    tracks = [node.authentication for g in analysis.observer.groups.values() for node in g.members]
    assert len(tracks) == 2
    assert len({track.failed for track in tracks}) == 1
