"""Documents held to the JSON Schemas of docs/schemas."""

import functools
import json
from typing import Any

from jsonschema import Draft202012Validator

from tests.program import ROOT

SCHEMAS = ROOT / "docs" / "schemas"


@functools.cache
def validator(name: str) -> Any:
    """Return what validates a kind of document: `analysis`, `event`, `packet`, …"""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def mistakes(document: object, name: str) -> list[str]:
    """Say where a document does not fit."""
    return [f"{e.json_path}: {e.message[:200]}" for e in validator(name).iter_errors(document)]
