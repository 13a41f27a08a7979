"""Analysing a capture as the command does, for tests of verdicts."""

import json
from pathlib import Path
from typing import Any

from tests.plain import Tape
from tests.program import run

FIELD = Path(__file__).parents[1] / "data" / "field"


def analysis(capture: "Tape | Path | str", room: Path, *words: str) -> dict[str, Any]:
    """Return the analysis document of a tape or a file."""
    path = capture.write(room / "tape.pcap") if isinstance(capture, Tape) else str(capture)
    found: dict[str, Any] = json.loads(run("analyze", "--json", path, *words).out)
    return found


def labels(found: dict[str, Any]) -> set[str]:
    """Return what was found, weak passphrases aside."""
    return {f["label"] for f in found["findings"]} - {"weak_passphrase"}


def only(found: dict[str, Any], label: str) -> dict[str, Any]:
    """Return the one finding of a label."""
    (one,) = (f for f in found["findings"] if f["label"] == label)
    assert isinstance(one, dict)
    return one
