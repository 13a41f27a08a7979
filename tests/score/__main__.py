"""The figures for labelled captures: `python -m tests.score [FOLDER…]`, what `make score` runs.

A folder holds pairs NAME.pcap and NAME.json, or folders of their own with capture.pcap and
capture.json. Times of labels are RFC 3339, or seconds from the `start` of the file.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.address import parse_ip
from carpscope.core.units import SECOND
from carpscope.pipeline import Analysis, analyze
from tests.score.judge import MODES, Tally, Verdict, judge, table

Json = dict[str, Any]


class Case(NamedTuple):
    """One capture and its labels."""

    name: str
    path: Path
    labels: Path


def cases(folder: Path) -> Iterator[Case]:
    """Return every labelled capture of a folder."""
    for path in sorted(folder.glob("*.pcap*")):
        labels = path.with_suffix(".json")
        if labels.exists():
            yield Case(path.stem, path, labels)
    for path in sorted(folder.glob("*/capture.pcap*")):
        labels = path.with_name("capture.json")
        if labels.exists():
            yield Case(path.parent.name, path, labels)


def truth_of(document: Json) -> list[Json]:
    """Return the labels with times of the day."""
    start = _epoch(document.get("start", 0.0))
    found = []
    for item in document["truth"]:
        times = {key: _time(item, key, start) for key in ("start", "end")}
        found.append(item | times)
    return found


def _time(item: Json, key: str, start: float) -> float:
    if f"{key}_epoch" in item:
        return float(item[f"{key}_epoch"])
    value = item[key]
    return _epoch(value) if isinstance(value, str) else float(value) + start


def _epoch(value: float | str) -> float:
    """Return seconds since 1970 of a number or an RFC 3339 text."""
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)


def secrets(document: Json, mode: str) -> Config:
    """Return what is known in a mode: everybody's secrets, the first node's, or nothing."""
    if mode == "keyless":
        return Config()
    nodes = document.get("nodes") or document.get("scenario", {}).get("nodes", [])
    words: dict[str, None] = {}
    addresses: dict[str, None] = {}
    for node in nodes[:1] if mode == "operator" else nodes:
        for group in (node, *(node.get("vhids") or node.get("groups") or ())):
            words.update(dict.fromkeys(_texts(group, "passphrase", "pass")))
            found = _texts(group, "addresses", "ipv4", "ipv6", "addr", "vips")
            addresses.update(dict.fromkeys(text.split("/")[0] for text in found))
    if mode == "full":
        words.update(dict.fromkeys(document.get("passphrases", ())))
    return Config(
        tuple(word.encode() for word in words),
        tuple(parse_ip(address, where="label file") for address in addresses),
    )


def _texts(group: Json, *keys: str) -> list[str]:
    found = []
    for key in keys:
        value = group.get(key)
        items = value if isinstance(value, list) else [value]
        found += [item for item in items if isinstance(item, str)]
    return found


def judged(analysis: Analysis, labels: Sequence[Json], mode: str, origin: int = 0) -> Verdict:
    """Judge an analysis by labels whose times are seconds from `origin`."""
    findings = [
        {
            "label": finding.label,
            "severity": finding.severity.value,
            "start": (finding.start - origin) / SECOND,
            "end": (finding.end - origin) / SECOND,
        }
        for finding in analysis.findings
    ]
    events = [
        {
            "label": event.label,
            "start": (event.start - origin) / SECOND,
            "end": (event.end - origin) / SECOND,
        }
        for event in analysis.events
    ]
    return judge(findings, events, labels, mode)


def verdicts(case: Case) -> dict[str, Verdict]:
    """Analyze a capture in every mode."""
    document = json.loads(case.labels.read_text())
    found = {}
    for mode in MODES:
        with open_capture(str(case.path)) as capture:
            analysis = analyze([capture], secrets(document, mode))
        found[mode] = judged(analysis, truth_of(document), mode)
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the figures of each folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.score", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    options = parser.parse_args(arguments)
    with get_context("fork").Pool(2) as pool:
        for folder in options.folders:
            found = list(cases(folder))
            if not found:
                continue
            tallies = {mode: Tally() for mode in MODES}
            print(f"{folder}: {len(found)} captures")
            for case, modes in zip(found, pool.imap(verdicts, found), strict=True):
                for mode, verdict in modes.items():
                    tallies[mode].add(verdict)
                    if reasons := verdict.reasons():
                        print(f"  {case.name} {mode}: {'; '.join(reasons)}")
            print(f"\n{table(tallies)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
