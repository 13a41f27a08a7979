"""Every output says the same: of shipped captures, of cases, and of worlds drawn from seeds.

Compared are who was MASTER when, who is at the end, nodes, findings with their times, how each
node's signing stands, who hears whom, and the verdict, in JSON, CSV, page, screen and live.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from carpscope.config import Config
from tests.contradictions import inside, outputs
from tests.contradictions.held import contradictions
from tests.contradictions.statements import Said, differences
from tests.live.secrets import candidates
from tests.program import CAPTURES, capture, run
from tests.score.__main__ import secrets
from tests.score.swarm import captured, simulated, told

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[1] / "data"
SHIPPED = sorted(path.parent.name for path in CAPTURES.glob("*/capture.pcap*"))
CASES = sorted(
    str(path.relative_to(DATA))
    for folder in ("field", "signing", "traces")
    for path in (DATA / folder).glob("*.pcap")
    if path.stem != "seven-frames"  # a silence of a year: live looks at each tenth of a second
)
SEEDS = (*range(1, 25, 2), 272)
"""272: a flapping that pauses for longer than it is ongoing, and is one finding."""
MORE_SEEDS = [*range(2, 25, 2), *range(25, 272), *range(273, 300)]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no line of the screen be folded."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.mark.parametrize(
    "secret", [True, pytest.param(False, marks=pytest.mark.long)], ids=["secrets", "none"]
)
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_captures(name: str, secret: bool, tmp_path: Path) -> None:
    path = next((CAPTURES / name).glob("capture.pcap*"))
    assert contradictions(path, candidates(name) if secret else Config(), tmp_path) == []


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str, tmp_path: Path) -> None:
    labels = (DATA / name).with_suffix(".json")
    config = secrets(json.loads(labels.read_text()), "full") if labels.exists() else Config()
    assert contradictions(DATA / name, config, tmp_path) == []


def world(seed: int, room: Path) -> list[str]:
    """Return the contradictions about one world; every other one is looked at without secrets."""
    kind, made = simulated(seed)
    path = room / f"{kind}.pcap"
    path.write_bytes(captured(made))
    return contradictions(path, secrets(told(made), "keyless" if seed % 4 == 1 else "full"), room)


@pytest.mark.parametrize("seed", SEEDS)
def test_worlds(seed: int, tmp_path: Path) -> None:
    assert world(seed, tmp_path) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_more_worlds(seed: int, tmp_path: Path) -> None:
    assert world(seed, tmp_path) == []


# What the comparison sees


def split() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        run("analyze", "--json", capture("ucarp-different-addresses")).out
    )
    return found


def test_an_output_that_says_another_thing_is_found(tmp_path: Path) -> None:
    document = split()
    path = capture("ucarp-different-addresses")
    assert run("report", "-q", "-o", str(tmp_path / "r"), path).status == 0
    said = [
        outputs.of_tables(tmp_path / "r"),
        outputs.of_page(tmp_path / "r", document),
        outputs.of_screen(run("analyze", "-V", path).out, document),
    ]
    states = document["groups"][0]["nodes"][1]["states"]
    states[-1]["ended_by"] = "silent"
    document["groups"][0]["hears"][0]["relation"] = "deaf"
    document["groups"][0]["nodes"][0]["authentication"]["status"] = "verified"
    document["findings"][0]["start"] = states[0]["start"]
    for other in said:
        texts = list(differences(outputs.of_document(document), other))
        assert any("masters" in text for text in texts), other.source
        assert any("CS203" in text for text in texts), other.source
    tables, page, _ = said
    assert any("authentication of" in t for t in differences(outputs.of_document(document), tables))
    assert any("hears of" in t for t in differences(outputs.of_document(document), page))
    states[0]["start"] = states[0]["end"]
    for other in said[:2]:
        texts = list(differences(outputs.of_document(document), other))
        assert any("was MASTER from" in text for text in texts), other.source


def test_a_finding_more_or_less_is_found() -> None:
    one = outputs.of_document(split())
    other = outputs.of_document(split())
    assert list(differences(one, other)) == []
    assert other.findings is not None
    other.findings.append(Said("CS102", "vhid1", (), 0, None))
    assert len(list(differences(one, other))) == 1


def test_a_document_that_contradicts_itself_is_found() -> None:
    document = split()
    group, findings = document["groups"][0], document["findings"]
    assert inside.contradictions(document) == []
    first, second = group["nodes"]
    pair = {"from": first["id"], "to": second["id"], "since": None, "until": None}
    group["hears"] = [
        {**pair, "relation": "deaf", "confidence": 0.9, "because": "both sign the same"}
    ]
    second["states"][-1]["ended_by"] = "yielded"
    first["states"][0]["start"] = first["states"][0]["end"]
    gap = {"start": second["states"][0]["start"], "end": second["states"][0]["end"]}
    findings.append({**findings[0], "label": "master_gap", "identity": "x", **gap})
    findings[0]["nodes"] = [*findings[0]["nodes"], "192.0.2.99"]
    document["worst"] = "no finding"
    document["events"] = [
        {"label": "failover", "group": group["id"], "nodes": ["a", "b"], **gap},
    ]
    kinds = {text.split(":")[0] for text in inside.contradictions(document)}
    wanted = {
        "yields",
        "gap",
        "split",
        "same",
        "unknown",
        "master",
        "status",
        "incidents",
        "events",
    }
    assert kinds >= wanted
