"""`make docs`: every key of carpscope.toml, from the table beside its structures."""

import sys
from pathlib import Path

from msgspec import NODEFAULT, structs

from carpscope.settings.carpscope_toml import KEYS, TABLES

TARGET = Path(__file__).parents[1] / "docs" / "configuration.md"
INTRO = """\
<!-- Written by `make docs` from carpscope/settings/carpscope_toml.py; edit that. -->

# Configuration

`--config carpscope.toml` is read by every command that judges; `carpscope live --config FILE
--check-config` says what it means and ends. The file is TOML and optional. An unknown key, node or
code, a name, address or group that stands twice, and a value that cannot be are errors that name
file, line and key, with what was probably meant. What the command line says goes before `[live]`.
"""
TITLES = {
    "": "Candidates",
    "node": "`[[node]]`: names",
    "group": "`[[group]]`: what is expected",
    "tolerances": "`[tolerances]`: of a live run",
    "live": "`[live]`: options of a live run",
}


def keys(table: str) -> list[tuple[str, object]]:
    """Return the keys of a table with their defaults."""
    fields = structs.fields(TABLES[table])
    return [(f.name, _default(f)) for f in fields if f.name not in TABLES]


def _default(field: structs.FieldInfo) -> object:
    if field.default is not NODEFAULT:
        return field.default
    return field.default_factory() if field.default_factory is not NODEFAULT else NODEFAULT


def _words(default: object) -> str:
    if default is NODEFAULT:
        return "required"
    return "none" if default is None or default == [] else f"`{default}`"


def text() -> str:
    """Give the page."""
    parts = [INTRO]
    for table, title in TITLES.items():
        parts.append(f"\n## {title}\n\n| key | type | default | example | what |\n")
        parts.append("|---|---|---|---|---|\n")
        for name, default in keys(table):
            told = KEYS[f"{table}.{name}" if table else name]
            example = f"`{name} = {told.example}`"
            parts.append(
                f"| `{name}` | {told.kind} | {_words(default)} | {example} | {told.meaning} |\n"
            )
    return "".join(parts)


def main() -> int:
    """Write it where it changed."""
    if not TARGET.exists() or TARGET.read_text() != text():
        TARGET.write_text(text())
        print(TARGET.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
