"""What went in, what came out, made by what: the list that a signature covers.

    {"schema": "carpscope.manifest/1", "tool": …, "created": …, "case": …, "command": …,
     "inputs": [{"name", "role", "sha256", "bytes", …}], "clock": […],
     "outputs": [{"name", "sha256", "bytes", "what"}], "signing": … or null,
     "timestamp": … or null}

But for `created`, nothing in it depends on when, where or by whom it was made: names without
folders, no host name, and options without secrets.
"""

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence

import carpscope
from carpscope.capture.described import Described
from carpscope.core.text import shown
from carpscope.core.units import Nanos, rfc3339
from carpscope.core.values import dataclass
from carpscope.report.line import Json
from carpscope.report.sign import NAMESPACE, PublicKey

SCHEMA = "carpscope.manifest/1"
NAME = "manifest.json"
SIGNATURE = "manifest.sig"
STAMP = "manifest.tsr"
_PACKAGES = ("cryptography", "dpkt", "Jinja2", "MarkupSafe", "pcapy-ng", "rich", "zstandard")

WHAT = {
    "report.html": "the report, one page that needs nothing else",
    "report.md": "the report as text",
    "report.pdf": "the page, printed",
    "findings.json": "the analysis document, carpscope.analysis/1",
    "events.jsonl": "findings, events, changes of master and log lines in order of time",
    "nodes.csv": "one row a node",
    "findings.csv": "one row a finding",
    "evidence.pcapng": "the frames that matter, untouched, each with why",
}


@dataclass(frozen=True, slots=True)
class Case:
    """Chain of custody; every field is optional and is what a person said."""

    number: str = ""
    examiner: str = ""
    organisation: str = ""
    acquisition: str = ""
    notes: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """Return the fields that are filled in, with their titles."""
        fields = (
            ("Case", self.number),
            ("Examiner", self.examiner),
            ("Organisation", self.organisation),
            ("Acquisition", self.acquisition),
            ("Notes", self.notes),
        )
        return [(title, shown(text, keep="\n")) for title, text in fields if text]

    def as_json(self) -> dict[str, Json]:
        """Return all of them; what nobody said is null."""
        return {
            "case": self.number or None,
            "examiner": self.examiner or None,
            "organisation": self.organisation or None,
            "acquisition": self.acquisition or None,
            "notes": self.notes or None,
        }


@dataclass(frozen=True, slots=True)
class LogInput:
    """A host's log, as the manifest names it."""

    name: str
    sha256: str
    bytes: int
    lines: int
    placed: int


@dataclass(frozen=True, slots=True)
class Created:
    """When the report says that it was made."""

    at: Nanos
    said_by: str
    """`option`, `SOURCE_DATE_EPOCH` or `clock`."""


def manifest(
    *,
    captures: Sequence[Described],
    logs: Sequence[LogInput],
    created: Created,
    case: Case,
    options: Mapping[str, Json],
    command: str,
    clock: Sequence[str],
    outputs: Mapping[str, bytes],
    key: PublicKey | None,
    authority: str | None = None,
) -> dict[str, Json]:
    """Make the manifest of a folder."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "carpscope", "version": carpscope.__version__},
        "environment": {
            "python": platform.python_version(),
            "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        },
        "created": rfc3339(created.at),
        "created_from": created.said_by,
        "time_zone": "UTC",
        "case": case.as_json(),
        "command": command,
        "options": dict(options),
        "inputs": [*(_capture(one) for one in captures), *(_log(one) for one in logs)],
        "clock": list(clock),
        "outputs": [
            {
                "name": name,
                "sha256": hashlib.sha256(data).hexdigest(),
                "bytes": len(data),
                "what": WHAT[name],
            }
            for name, data in sorted(outputs.items())
        ],
        "signing": None if key is None else signing_of(key),
        "timestamp": None
        if authority is None
        else {"file": STAMP, "format": "RFC 3161", "authority": shown(authority)},
    }


def signing_of(key: PublicKey) -> dict[str, Json]:
    """Return what the manifest says of a signature with this key."""
    return {
        "file": SIGNATURE,
        "algorithm": "Ed25519",
        "format": "OpenSSH signature (sshsig)",
        "namespace": NAMESPACE,
        "public_key": key.line,
        "fingerprint": key.fingerprint,
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _capture(capture: Described) -> dict[str, Json]:
    return {
        "role": "capture",
        "name": capture.name,
        "sha256": capture.sha256,
        "bytes": capture.bytes,
        "format": capture.format,
        "compression": capture.compression,
        "packets": capture.packets,
        "first": rfc3339(capture.first) if capture.first is not None else None,
        "last": rfc3339(capture.last) if capture.last is not None else None,
        "link_types": list(capture.link_types),
        "time_resolution": "nanoseconds" if capture.nanosecond else "microseconds",
        "dropped_by_the_capture": capture.drops,
        "packet_comments": capture.comments,
        "notes": list(capture.notes),
    }


def _log(log: LogInput) -> dict[str, Json]:
    return {
        "role": "log",
        "name": log.name,
        "sha256": log.sha256,
        "bytes": log.bytes,
        "lines": log.lines,
        "lines_placed": log.placed,
    }
