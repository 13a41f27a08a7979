"""The contract of the analysis document, written down so that a test can hold a document to it.

A schema is an example: a type, a tuple of alternatives, a one-element list for any number, a
dictionary for an object with at least these keys, or a function that says whether a value fits.
Own, since a JSON Schema library would be one more dependency for these forty lines.
"""

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

Schema: TypeAlias = (
    "type | str | list[Schema] | dict[str, Schema] | tuple[Schema, ...] | Check | None"
)
Check: TypeAlias = Callable[[object], bool]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(\d{3})?Z")


def time(value: object) -> bool:
    """RFC 3339 in UTC with at least microseconds."""
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def share(value: object) -> bool:
    """A number from 0 to 1."""
    return isinstance(value, int | float) and 0 <= value <= 1


def frame(value: object) -> bool:
    """A frame number, or `name.pcap:122` with several captures."""
    return isinstance(value, int) or (
        isinstance(value, str) and re.fullmatch(r".+:\d+", value) is not None
    )


STATUS = ("healthy", "degraded", "failed", "unknown")
ANALYSIS: Schema = {
    "schema": "carpscope.analysis/1",
    "version": str,
    "evidence": [
        {
            "path": str,
            "sha256": (str, None),
            "bytes": int,
            "packets": int,
            "advertisements": int,
            "first": (time, None),
            "last": (time, None),
            "link_types": [str],
            "notes": [str],
        }
    ],
    "groups": [
        {
            "id": str,
            "vlan": [int],
            "vhid": int,
            "status": STATUS,
            "vips": [str],
            "master": (str, None),
            "families": [("ipv4", "ipv6")],
            "nodes": [
                {
                    "id": str,
                    "name": (str, None),
                    "addresses": [str],
                    "mac": (str, None),
                    "implementation": {
                        "name": (str, None),
                        "versions": (str, None),
                        "confidence": share,
                        "because": [str],
                    },
                    "advbase": int,
                    "advskew": int,
                    "demotion": int,
                    "advertisements": int,
                    "authentication": {
                        "status": ("verified", "failed", "unchecked"),
                        "passphrase": (int, None),
                        "addresses": ([str], None),
                        "rule": (str, None),
                    },
                    "states": [{"state": str, "start": time, "end": (time, None)}],
                }
            ],
            "hears": [
                {
                    "from": str,
                    "to": str,
                    "relation": ("accepts", "rejects", "deaf", "unknown"),
                    "because": str,
                }
            ],
        }
    ],
    "internal_errors": int,
    "findings": [
        {
            "code": str,
            "label": str,
            "severity": ("info", "warning", "error", "critical"),
            "confidence": share,
            "group": str,
            "vhid": (int, None),
            "nodes": [str],
            "start": time,
            "end": time,
            "duration_s": float,
            "attacker": ({"address": (str, None), "mac": (str, None)}, None),
            "frames": [frame],
            "frame_count": int,
            "summary": str,
            "explanation": str,
            "remedy": str,
            "caused_by": [str],
            "identity": str,
        }
    ],
    "incidents": [
        {
            "identity": str,
            "summary": str,
            "remedy": str,
            "severity": ("info", "warning", "error", "critical"),
            "start": time,
            "end": time,
            "nodes": [str],
            "groups": [str],
            "findings": [str],
        }
    ],
    "events": [
        {
            "label": ("failover", "clean_handover", "preemption", "demotion"),
            "group": str,
            "nodes": [str],
            "start": time,
            "end": time,
            "duration_s": float,
            "frames": [frame],
        }
    ],
    "status": STATUS,
    "worst": (str, None),
}


def mistakes(value: object, schema: Schema, where: str = "$") -> Iterator[str]:
    """Say where a value does not fit."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no object"
            return
        for key, inner in schema.items():
            if key in value:
                yield from mistakes(value[key], inner, f"{where}.{key}")
            else:
                yield f"{where}.{key} is missing"
    elif isinstance(schema, list):
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
            return
        for index, item in enumerate(value):
            yield from mistakes(item, schema[0], f"{where}[{index}]")
    elif not _fits(value, schema, where):
        yield f"{where}: {value!r} is not {schema!r}"


def _fits(value: object, schema: Schema, where: str) -> bool:
    if isinstance(schema, tuple):
        return any(not list(mistakes(value, one, where)) for one in schema)
    if isinstance(schema, type):
        return isinstance(value, schema) and not (schema is int and isinstance(value, bool))
    if callable(schema):
        return schema(value)
    return value == schema
