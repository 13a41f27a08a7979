"""Every detector has a story in which it fires, and a near miss in which it is quiet.

`stories/CODE_label/fires.toml` and `quiet.toml` are scenarios for `carpscope simulate`; what
follows `[story]` says what is done to the frames. The simulation is written to a capture, and
the capture is analyzed with the passphrases and addresses of the scenario, and without.
"""

import tomllib
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.detect.engine import rules
from carpscope.detect.finding import Severity
from carpscope.pipeline import Analysis, analyze
from carpscope.sim.frames import frames
from carpscope.sim.plan import Scenario
from carpscope.sim.scenario import parse
from carpscope.sim.world import World
from tests.detect.alter import altered
from tests.detect.tapes import CASES

STORIES = Path(__file__).parent / "stories"
NAMES = sorted(path.parent.name for path in STORIES.glob("*/fires.toml"))
KEYLESS = {
    "address_set_mismatch",
    "passphrase_mismatch",
    "ucarp_kernel_address_incompat",
    "weak_passphrase",
    "one_way_link",
    "partition",
    "authentication_mismatch",
}
"""Labels that packets alone may not tell apart; without secrets one of them is right."""
SECRETS = {"unverified"}
"""Labels that nobody can speak of without secrets."""


def run(path: Path, tmp: Path, *, secrets: bool) -> Analysis:
    """Simulate a story, write it, analyze it."""
    text, _, told = path.read_text().partition("\n[story]\n")
    scenario = parse(text, path.name)
    story = tomllib.loads(told)
    world = World(scenario)
    world.run()
    capture = tmp / "story.pcap"
    with capture.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in altered(frames(world), story.get("alter", [])):
            writer.write(frame)
    kept_back = [*story.get("unknown", []), *story.get("withheld", [])]
    known = [word.encode() for word in story.get("known", [])]
    config = candidates(scenario, kept_back, known) if secrets else Config()
    return analyze([open_capture(str(capture))], config)


def candidates(scenario: Scenario, unknown: list[str], more: list[bytes]) -> Config:
    """Collect every passphrase and address of a scenario, but those the story keeps back.

    What an event brings is known where the story says so.
    """
    vhids = [vhid for node in scenario.nodes for vhid in node.vhids]
    words = dict.fromkeys(vhid.passphrase.encode() for vhid in vhids)
    addresses = dict.fromkeys(a for vhid in vhids for a in (*vhid.ipv4, *vhid.ipv6))
    known = tuple(a for a in addresses if ip_text(a) not in unknown)
    return Config((*(w for w in words if w.decode() not in unknown), *more), known)


@pytest.mark.parametrize("secrets", [True, False], ids=["secrets", "keyless"])
@pytest.mark.parametrize("name", NAMES)
def test_it_fires(name: str, secrets: bool, tmp_path: Path) -> None:
    code, _, label = name.partition("_")
    found = run(STORIES / name / "fires.toml", tmp_path, secrets=secrets).findings
    wanted = KEYLESS if label in KEYLESS and not secrets else {label}
    matching = [f for f in found if f.label in wanted]
    if not secrets and label in SECRETS:
        assert not matching
        return
    if not secrets and label == "weak_passphrase":
        assert [f for f in found if f.label in {"weak_passphrase"}] == matching[:1]
        return
    assert matching, f"{label} is not among {[f.label for f in found]}"
    if wanted == {label}:
        assert matching[0].code == code.upper()
        assert len(matching) == 1, "one situation is one finding"
    for finding in matching:
        assert finding.frames
        assert finding.start <= finding.end
        assert finding.summary
        assert finding.explanation
        assert finding.remedy


@pytest.mark.parametrize("secrets", [True, False], ids=["secrets", "keyless"])
@pytest.mark.parametrize("name", NAMES)
def test_it_is_quiet(name: str, secrets: bool, tmp_path: Path) -> None:
    label = name.partition("_")[2]
    found = run(STORIES / name / "quiet.toml", tmp_path, secrets=secrets).findings
    if not secrets and label in KEYLESS:
        assert all(f.label in KEYLESS or f.label == "split_brain" for f in found)
        return
    assert label not in {f.label for f in found}


@pytest.mark.parametrize("name", NAMES)
def test_a_finding_is_the_same_in_every_run(name: str, tmp_path: Path) -> None:
    path = STORIES / name / "fires.toml"
    first, second = (run(path, tmp_path, secrets=True).findings for _ in range(2))
    assert [f.identity for f in first] == [f.identity for f in second]
    assert len({f.identity for f in first}) == len(first)


def test_every_rule_has_its_stories() -> None:
    told = {name.partition("_")[2] for name in NAMES}
    for fires in (True, False):
        plain = {case.label for case in CASES if case.fires is fires}
        assert {rule.label for rule in rules() if rule.watch is not None} <= told | plain
    for name in NAMES:
        assert (STORIES / name / "fires.toml").is_file()
        assert (STORIES / name / "quiet.toml").is_file()


def test_every_rule_has_a_page() -> None:
    for rule in rules():
        for heading in ("What it means", "How it is seen", "False alarms", "What to do", "Sources"):
            assert heading in rule.page, f"{rule.code} does not say: {heading}"
        assert rule.severity in Severity
