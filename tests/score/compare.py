"""Holding the labels derived from a trace's own document against those it came with.

python -m tests.score.compare DIR...
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.score.history import Label
from tests.score.judge import is_optional
from tests.score.truth import truth

IGNORED = frozenset(("stale_arp",))
TOLERANCE = 0.02


def differences(document: dict[str, Any]) -> list[str]:
    """Return what is labelled on one side only, or otherwise."""
    given = [item for item in document["truth"] if item["label"] not in IGNORED]
    derived = [item for item in truth(document) if item["label"] not in IGNORED]
    found = []
    for item in given:
        same = next((other for other in derived if _same(item, other)), None)
        if same is None:
            found.append(f"not derived: {_told(item)}")
            continue
        derived.remove(same)
        if is_optional(item) != is_optional(same):
            found.append(f"optional otherwise: {_told(item)}")
        if set(item.get("accept", ())) != set(same.get("accept", ())):
            found.append(f"accepts otherwise: {_told(item)} {same.get('accept')}")
    # an exchange within a fraction of a second may or may not be called a change
    return found + [f"derived alone: {_told(item)}" for item in derived if not item.get("brief")]


def _same(one: Label, other: Label) -> bool:
    return bool(
        one["label"] == other["label"]
        and one["vhid"] == other["vhid"]
        and abs(one["start"] - other["start"]) < TOLERANCE
        and abs(one["end"] - other["end"]) < TOLERANCE
    )


def _told(item: Label) -> str:
    optional = " optional" if is_optional(item) else ""
    accept = f" accept {item['accept']}" if item.get("accept") else ""
    nodes = ",".join(item["nodes"])
    times = f"{item['start']:.3f}-{item['end']:.3f}"
    return f"{item['label']} {times} {nodes} vhid {item['vhid']}{optional}{accept}"


def main(arguments: Sequence[str]) -> int:
    """Compare every trace of some folders."""
    bad = count = 0
    for folder in arguments:
        for path in sorted(Path(folder).glob("*.json")):
            document = json.loads(path.read_text())
            if "transitions" not in document:
                continue
            count += 1
            found = differences(document)
            bad += bool(found)
            for text in found:
                print(f"{path.stem}: {text}")
    print(f"{count - bad} of {count} labelled alike")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
