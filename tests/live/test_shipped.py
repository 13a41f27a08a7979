"""Every shipped capture on a cable of its own, in real time, one live run over all of them.

The same findings as `analyze` has of each, from what was told while it happened; what -w
kept has every frame, and --evidence what the findings rest on.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from captures.record.lan import run as tool
from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.detect.finding import Finding
from carpscope.pipeline import analyze
from tests.live.secrets import candidates
from tests.live.stage import Watcher, needs_namespaces, wire
from tests.program import CAPTURES, ROOT, capture

pytestmark = needs_namespaces

NAMES = sorted(p.parent.name for p in CAPTURES.glob("*/capture.pcap*"))
Told = tuple[str, str, tuple[str, ...]]


def everything() -> Config:
    """Give the candidates of all captures, which is what one run is given."""
    each = [candidates(name) for name in NAMES]
    passphrases = dict.fromkeys(p for config in each for p in config.passphrases)
    return Config(tuple(passphrases), tuple(dict.fromkeys(a for c in each for a in c.addresses)))


def analyzed(name: str, config: Config) -> Counter[Told]:
    with open_capture(capture(name)) as source:
        return Counter(told(finding) for finding in analyze([source], config).findings)


def told(finding: Finding) -> Told:
    return finding.label, finding.group, tuple(sorted(finding.nodes))


def watched(watcher: Watcher, interface: str) -> Counter[Told]:
    """Give what was told of an interface and not taken back, as it was told last."""
    last = {}
    for _, event in watcher.events:
        if event["event_type"] == "finding" and event["interface"] == interface:
            last[event["finding"]["identity"]] = event["finding"]
    return Counter(
        (found["label"], found["group"], tuple(sorted(found["nodes"])))
        for found in last.values()
        if found["why"] != "what came later explains it"
    )


def cables(within: list[str]) -> None:
    for number in range(1, len(NAMES)):
        ends = (f"tx{number}", f"span{number}")
        tool(*within, "ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for end in ends:
            tool(*within, "ip", "link", "set", end, "up")


def test_every_capture_gives_its_findings_live(tmp_path: Path) -> None:
    config = everything()
    expected = {name: analyzed(name, config) for name in NAMES}
    secrets = [word for p in config.passphrases for word in ("-p", p.decode())]
    secrets += [word for a in config.addresses for word in ("-a", ".".join(map(str, a)))]
    kept, folder = tmp_path / "kept.pcapng", tmp_path / "evidence"
    files = ["-w", str(kept), "--evidence", str(folder)]
    with wire() as (within, _, _span):
        cables(within)
        spans = [word for number in range(len(NAMES)) for word in ("-i", f"span{number}")]
        watcher = Watcher(within, *spans, "-B", "1", "--user", "root", *secrets, *files)
        watcher.wait_for(20, "it listens", lambda e: e["event_type"] == "start")
        pairs = [word for n, name in enumerate(NAMES) for word in (f"tx{n}", capture(name))]
        argv = [*within, sys.executable, "-m", "tests.live.sender", "1", *pairs]
        assert subprocess.run(argv, cwd=ROOT, timeout=120, check=False).returncode == 0
        assert watcher.end() == 130
    found = {name: watched(watcher, f"span{n}") for n, name in enumerate(NAMES)}
    assert found == expected
    assert sum(expected.values(), Counter[Told]()).total() > 15
    with open_capture(str(kept)) as again:
        frames = list(again)
    counts = Counter(frame.interface for frame in frames)
    for number, name in enumerate(NAMES):
        times = [frame.at for frame in frames if frame.interface == number]
        assert times == sorted(times), name
    for number, name in enumerate(NAMES):
        with open_capture(capture(name)) as source:
            assert counts[number] == len(list(source)), name
    codes = {e["finding"]["code"] for _, e in watcher.events if e["event_type"] == "finding"}
    proofs = sorted(folder.glob("CS*.pcapng"))
    assert {path.name.split("-")[0] for path in proofs} == codes
    for path in proofs:
        with open_capture(str(path)) as evidence:
            assert list(evidence), path.name
