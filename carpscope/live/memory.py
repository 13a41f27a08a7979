"""The state: what is open survives a restart (carpscope.live/1), in the store or in a file.

A file is written beside itself and renamed, once when something changes and at the end, so a power
cut leaves the old or the new one and never half of either.
"""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from carpscope.capture.evidence import Made
from carpscope.core.errors import CarpscopeError
from carpscope.core.files import Reserve, changeable, open_to_write
from carpscope.core.mistakes import Mistakes
from carpscope.core.text import shown
from carpscope.core.units import Nanos, parse_rfc3339, rfc3339
from carpscope.detect.finding import Finding, Severity
from carpscope.live.findings import LiveFinding, LiveFindings
from carpscope.report import store
from carpscope.report.line import Json

SCHEMA = "carpscope.live/1"
SIZE_LIMIT = 16 << 20


def document(
    live_findings: Mapping[str, LiveFindings], now: Nanos, made: Sequence[Made] = ()
) -> dict[str, Json]:
    """Give what is open, by interface, and the files of evidence that may be removed again."""
    return {
        "schema": SCHEMA,
        "saved": rfc3339(now),
        "open": [
            {"interface": interface, **_situation(live_finding)}
            for interface, kept in live_findings.items()
            for live_finding in kept.open
        ],
        "evidence": [
            {"name": one.name, "cause": one.cause, "configured": one.configured} for one in made
        ],
    }


def save(path: Path, document: dict[str, Json]) -> None:
    """Write it. Raises OSError."""
    if store.is_store(path):
        store.keep_open(str(path), document)
        return
    beside = path.with_name(f".{path.name}.new")
    descriptor = open_to_write(beside)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(document, stream, ensure_ascii=False, indent=1)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


class StateFile:
    """Writes in a thread of its own, always the latest: a disk that hangs delays nothing."""

    def __init__(self, path: Path, mistakes: Mistakes | None = None) -> None:
        """Start its thread. What fails in it by our mistake is counted in `mistakes`."""
        self._mistakes = mistakes or Mistakes()
        self._path = path
        self.problem: str | None = None
        """Why the latest could not be written."""
        self._latest: dict[str, Json] | None = None
        self._news = threading.Event()
        self._over = False
        self._reserve = Reserve(4)
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)
        self._thread.start()

    def put(self, document: dict[str, Json]) -> None:
        """Let this be written next."""
        self._latest = document
        self._news.set()

    def close(self, patience_s: float = 5.0) -> None:
        """Let the latest be written, for so long."""
        self._over = True
        self._news.set()
        self._thread.join(patience_s)
        self._reserve.close()

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            over = self._over
            document, self._latest = self._latest, None
            if document is not None:
                # others read what is wrong at any time: it changes once it is known
                problem: str | None = "a mistake of carpscope itself"
                with self._mistakes.isolated("--state"):
                    problem = self._saved(document)
                self.problem = problem
            if over:
                return

    def _saved(self, document: dict[str, Json]) -> str | None:
        """Write it; return what went wrong."""
        try:
            with self._reserve:
                save(self._path, document)
        except OSError as problem:
            return f"{self._path}: {problem.strerror}"
        return None


def load(path: Path) -> list[tuple[str, LiveFinding]]:
    """Read what was open; nothing where there is no file. Raises CarpscopeError."""
    document = _document(path)
    if document is None:
        return []
    try:
        return [(str(entry["interface"]), _read(entry)) for entry in document["open"]]
    except (KeyError, TypeError, ValueError):
        raise CarpscopeError(f"--state {path}: not a state file (damaged?)") from None


def evidence(path: Path) -> list[Made]:
    """Read which files of evidence earlier runs made. Raises CarpscopeError."""
    document = _document(path) or {}
    try:
        return [
            Made(str(entry["name"]), str(entry["cause"]), bool(entry["configured"]))
            for entry in document.get("evidence", [])
        ]
    except (KeyError, TypeError, AttributeError):
        raise CarpscopeError(f"--state {path}: not a state file (damaged?)") from None


def _document(path: Path) -> "dict[str, Any] | None":
    try:
        with path.open("rb") as stream:
            if told := changeable(stream.fileno(), path):
                raise CarpscopeError(f"--state {path}: {told}; it says what is open")
            if not store.is_store(path):
                document = json.loads(stream.read(SIZE_LIMIT))
            elif (document := store.kept_open(str(path))) is None:
                return None
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise CarpscopeError(f"--state {path}: {problem.strerror}") from None
    except (ValueError, RecursionError):
        raise CarpscopeError(f"--state {path}: not a state file (damaged?)") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise CarpscopeError(f"--state {path}: not a state file of this version ({SCHEMA})")
    return document


def _situation(live_finding: LiveFinding) -> dict[str, Json]:
    finding = live_finding.finding
    return {
        "identity": live_finding.identity,
        "opened": rfc3339(live_finding.opened),
        "moved": rfc3339(live_finding.moved),
        "code": finding.code,
        "label": finding.label,
        "severity": finding.severity.value,
        "confidence": finding.confidence,
        "group": finding.group,
        "nodes": list(finding.nodes),
        "start": rfc3339(finding.start),
        "end": rfc3339(finding.end),
        "frame_count": finding.frame_count,
        "summary": finding.summary,
        "explanation": finding.explanation,
        "remedy": finding.remedy,
        "caused_by": list(finding.caused_by),
        "ongoing": finding.ongoing,
    }


def _read(entry: dict[str, str]) -> LiveFinding:
    raw: dict[str, object] = dict(entry)
    nodes, causes = raw["nodes"], raw["caused_by"]
    if not isinstance(nodes, list) or not isinstance(causes, list):
        raise TypeError
    finding = Finding(
        code=_text(raw["code"]),
        label=_text(raw["label"]),
        severity=Severity(raw["severity"]),
        confidence=float(str(raw["confidence"])),
        group=_text(raw["group"]),
        nodes=tuple(_text(node) for node in nodes),
        start=parse_rfc3339(str(raw["start"])),
        end=parse_rfc3339(str(raw["end"])),
        frames=(),
        frame_count=int(str(raw["frame_count"])),
        summary=_text(raw["summary"]),
        explanation=_text(raw["explanation"]),
        remedy=_text(raw["remedy"]),
        caused_by=[_text(cause) for cause in causes],
        ongoing=bool(raw["ongoing"]),
    )
    opened, moved = parse_rfc3339(str(raw["opened"])), parse_rfc3339(str(raw["moved"]))
    return LiveFinding(_text(raw["identity"]), finding, opened, moved, moved)


def _text(value: object) -> str:
    """Give text as we would have written it: the file may be somebody else's."""
    return shown(str(value))


def carry(
    entries: list[tuple[str, LiveFinding]], into: Mapping[str, LiveFindings], now: Nanos
) -> int:
    """Give every interface what was open on it; return how many."""
    count = 0
    for interface, live_finding in entries:
        kept = into.get(interface)
        if kept is not None:
            live_finding.moved = now  # the time it was not looked at does not count against it
            kept.restore(live_finding)
            count += 1
    return count
