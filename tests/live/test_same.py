"""A live run over the packets of a capture reaches the same findings as `analyze` of it."""

from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.detect.finding import Finding
from carpscope.live.monitor import Monitor
from carpscope.pipeline import analyze
from tests.live.secrets import candidates
from tests.program import CAPTURES

NAMES = sorted(p.parent.name for p in CAPTURES.glob("*/capture.pcap*"))
TICK = 200 * MILLISECOND


def watched(frames: list[Frame], config: Config) -> tuple[Monitor, list[Finding], set[str]]:
    """Let a monitor live through a capture, its clock ticking as the frames say."""
    monitor = Monitor(config, "span0")
    opened: set[str] = set()
    clock: Nanos = frames[0].at if frames else 0
    for frame in frames:
        while clock + TICK < frame.at:
            clock += TICK
            opened |= {
                c.situation.finding.label for c in monitor.look(clock) if c.action == "opened"
            }
        monitor.see(frame)
    opened |= {c.situation.finding.label for c in monitor.look(monitor.observer.now)}
    return monitor, monitor.finish(), opened


def told(finding: Finding) -> dict[str, object]:
    return {
        "label": finding.label,
        "group": finding.group,
        "nodes": [*sorted(finding.nodes)],
        "start": finding.start,
        "end": finding.end,
        "frames": finding.frame_count,
        "identity": finding.identity,
        "causes": list(finding.caused_by),
        "summary": finding.summary,
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("secret", [True, False])
def test_live_and_analyze_agree(name: str, secret: bool) -> None:
    config = candidates(name) if secret else Config()
    path = next(CAPTURES.glob(f"{name}/capture.pcap*"))
    with open_capture(str(path)) as capture:
        expected = analyze([capture], config).findings
    with open_capture(str(path)) as capture:
        frames = list(capture)
    _, findings, opened = watched(frames, config)
    assert [told(f) for f in findings] == [told(f) for f in expected]
    assert {f.label for f in expected} <= opened


def test_time_alone_opens_and_closes_a_gap() -> None:
    with open_capture(str(CAPTURES / "ucarp-healthy" / "capture.pcap")) as capture:
        frames = list(capture)
    monitor, _, _ = watched(frames, Config())
    last = frames[-1].at
    monitor = Monitor(Config(), "span0")
    for frame in frames:
        monitor.see(frame)
    actions = []
    for second in range(1, 12):
        actions += [
            (second, change.action, change.situation.finding.label)
            for change in monitor.look(last + second * SECOND)
        ]
    assert [(action, label) for _, action, label in actions] == [("opened", "master_gap")]


def test_folder_has_captures() -> None:
    assert len(NAMES) > 15
    assert Path(CAPTURES).is_dir()
