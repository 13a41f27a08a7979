"""Every shipped capture on a cable of its own, in real time, one live run over all of them.

What was told while it happened is what `analyze` finds afterwards in the same frames, start
by start, and what it finds in the shipped capture; -w kept every frame, and --evidence what
the findings rest on. `tests/contradictions` holds every capture to the live loop without a
cable, in less time than it took.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from captures.record.lan import run as tool
from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import rfc3339
from carpscope.detect.finding import Finding
from carpscope.pipeline import analyze
from carpscope.report.record import WITHDRAWN
from carpscope.wire.decode import decode
from tests.live.secrets import candidates
from tests.live.stage import Watcher, needs_namespaces, wire
from tests.program import CAPTURES, ROOT, capture

pytestmark = [needs_namespaces, pytest.mark.long]

NAMES = sorted(p.parent.name for p in CAPTURES.glob("*/capture.pcap*"))
Told = tuple[str, str, tuple[str, ...], str]


def everything() -> Config:
    """Give the candidates of all captures, which is what one run is given."""
    each = [candidates(name) for name in NAMES]
    passphrases = dict.fromkeys(p for config in each for p in config.passphrases)
    return Config(tuple(passphrases), tuple(dict.fromkeys(a for c in each for a in c.addresses)))


def analyzed(path: Path, config: Config) -> Counter[Told]:
    with open_capture(str(path)) as source:
        return Counter(told(finding) for finding in analyze([source], config).findings)


def told(finding: Finding) -> Told:
    return finding.label, finding.group, tuple(sorted(finding.nodes)), rfc3339(finding.start)


def watched(watcher: Watcher, interface: str) -> Counter[Told]:
    """Give what was told of an interface and not taken back, as it was told last."""
    last = {}
    for _, event in watcher.events:
        if event["event_type"] == "finding" and event["interface"] == interface:
            last[event["finding"]["identity"]] = event["finding"]
    return Counter(
        (found["label"], found["group"], tuple(sorted(found["nodes"])), found["start"])
        for found in last.values()
        if found["why"] != WITHDRAWN
    )


def labels(found: Counter[Told]) -> set[str]:
    return {label for label, *_ in found}


def adverts(frames: list[Frame]) -> list[bytes]:
    """Leave out what the capture filter leaves out too."""
    return [frame.data for frame in frames if decode(frame).advert is not None]


def parted(kept: Path, folder: Path) -> dict[str, Path]:
    """Take the one file apart: a file for each capture, the frames at their times.

    Interfaces stand in it in the order in which they were heard, so what went over them tells
    which is which.
    """
    folder.mkdir()
    spans: dict[int, list[Frame]] = {}
    with open_capture(str(kept)) as source:
        for frame in source:
            spans.setdefault(frame.interface, []).append(frame)
        assert source.notes == [], "in order of time, over all interfaces"
    found = {}
    for name in NAMES:
        with open_capture(capture(name)) as source:
            sent = list(source)
        whole = {frame.data for frame in sent}
        (span,) = (s for s in spans.values() if {frame.data for frame in s} <= whole)
        assert adverts(span) == adverts(sent), name
        found[name] = folder / f"{name}.pcap"
        with found[name].open("wb") as stream:
            writer = PcapWriter(stream)
            for frame in span:
                writer.write(frame)
    return found


def cables(within: list[str]) -> None:
    for number in range(1, len(NAMES)):
        ends = (f"tx{number}", f"span{number}")
        tool(*within, "ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for end in ends:
            tool(*within, "ip", "link", "set", end, "up")


def test_every_capture_gives_its_findings_live(tmp_path: Path) -> None:
    config = everything()
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
    for number, (name, path) in enumerate(parted(kept, tmp_path / "parted").items()):
        found = watched(watcher, f"span{number}")
        assert found == analyzed(path, config), name
        assert labels(found) == labels(analyzed(Path(capture(name)), config)), name
    codes = {e["finding"]["code"] for _, e in watcher.events if e["event_type"] == "finding"}
    proofs = sorted(folder.glob("CS*.pcapng"))
    assert {path.name.split("-")[0] for path in proofs} == codes
    for path in proofs:
        with open_capture(str(path)) as evidence:
            assert list(evidence), path.name
