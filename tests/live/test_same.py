"""A live run over the frames of a capture reaches what `analyze` of it does, the frames its clock.

What was told once holds: nothing is opened and then withdrawn, and nothing has two lifetimes
under one identity.
"""

from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.address import parse_ip
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.live.findings import FindingChange
from carpscope.live.monitor import Monitor
from carpscope.pipeline import analyze
from carpscope.report.record import WITHDRAWN
from tests.live.secrets import candidates
from tests.program import CAPTURES, ROOT

pytestmark = pytest.mark.slow

NAMES = sorted(p.parent.name for p in CAPTURES.glob("*/capture.pcap*"))
FIELD = ROOT / "tests/data/field"
RECORDED = sorted(p.stem for p in FIELD.glob("*.pcap"))
SUPPLIED = {
    "claim-before-the-address-is-known": (("8x5FFn6",), ()),
    "two-pairs-one-vhid": (("blue-anchor-91", "other-team-44"), ("10.130.0.100", "10.130.0.150")),
    "carp-disabled-aliases-left": (
        ("button-Rowan-10",),
        ("10.100.0.1", "10.100.0.11", "10.100.0.12"),
    ),
}
"""Passphrases and addresses of recordings that say more with them."""
TICK: Nanos = 200 * MILLISECOND
LONGEST: Nanos = 600 * SECOND
CLOSED_BY_EVIDENCE = frozenset(("unverified",))
"""An address that is learned late explains what nothing did before."""


def watched(frames: list[Frame], config: Config) -> tuple[Monitor, list[FindingChange]]:
    """Let a monitor live through a capture, its clock ticking as the frames say."""
    monitor = Monitor(config, "span0")
    changes: list[FindingChange] = []
    clock: Nanos = frames[0].at if frames else 0
    for frame in frames:
        while clock + TICK < frame.at:
            clock += TICK
            changes += monitor.look(clock)
        monitor.see(frame)
    last = max(monitor.observer.now, *(frame.at for frame in frames))
    changes += monitor.look(last, is_last=True)
    return monitor, changes


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


def situation(finding: Finding) -> tuple[str, str, tuple[str, ...]]:
    return finding.label, finding.group, tuple(sorted(finding.nodes))


def held(changes: list[FindingChange], expected: list[Finding]) -> None:
    """Hold what was told to what is known in the end."""
    lifetimes: dict[str, list[str]] = {}
    latest: dict[str, Finding] = {}
    for change in changes:
        one = change.live_finding
        if change.why == WITHDRAWN and one.finding.severity is not Severity.INFO:
            assert one.finding.label in CLOSED_BY_EVIDENCE, one.finding
        lifetimes.setdefault(one.identity, []).append(change.action)
        latest[one.identity] = one.finding
    for actions in lifetimes.values():
        assert [a for a in actions if a != "updated"] in (["opened"], ["opened", "closed"])
    # beside an interface that is up, a silence that nothing proves to be one is told as unknown
    known = {situation(f) for f in latest.values() if f.severity is not Severity.INFO}
    assert known == {situation(f) for f in expected if f.severity is not Severity.INFO}


def frames_of(path: Path) -> list[Frame]:
    with open_capture(str(path)) as capture:
        return list(capture)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("secret", [True, False])
def test_live_and_analyze_agree(name: str, secret: bool) -> None:
    config = candidates(name) if secret else Config()
    path = next(CAPTURES.glob(f"{name}/capture.pcap*"))
    with open_capture(str(path)) as capture:
        expected = analyze([capture], config).findings
    monitor, changes = watched(frames_of(path), config)
    held(changes, expected)
    assert [told(f) for f in monitor.finish()] == [told(f) for f in expected]


@pytest.mark.parametrize("name", RECORDED)
def test_live_and_analyze_agree_in_the_field(name: str) -> None:
    path = FIELD / f"{name}.pcap"
    keys, addresses = SUPPLIED.get(name, ((), ()))
    config = Config(
        tuple(key.encode() for key in keys), tuple(parse_ip(a, where=name) for a in addresses)
    )
    frames = frames_of(path)
    if frames[-1].at - frames[0].at > LONGEST:
        frames = frames[:2]
    with open_capture(str(path)) as capture:
        expected = analyze([capture], config, count=len(frames)).findings
    _, changes = watched(frames, config)
    held(changes, expected)


def test_time_alone_opens_and_closes_a_gap() -> None:
    with open_capture(str(CAPTURES / "ucarp-healthy" / "capture.pcap")) as capture:
        frames = list(capture)
    last = frames[-1].at
    monitor = Monitor(Config(), "span0")
    for frame in frames:
        monitor.see(frame)
    actions = []
    for second in range(1, 12):
        actions += [
            (second, change.action, change.live_finding.finding.label)
            for change in monitor.look(last + second * SECOND)
        ]
    assert [(action, label) for _, action, label in actions] == [("opened", "master_gap")]


def test_folder_has_captures() -> None:
    assert len(NAMES) > 15
    assert Path(CAPTURES).is_dir()
