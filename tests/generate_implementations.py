"""`make docs`: docs/implementations.md, what each profile says at each decision point.

The values are asked of the profiles, the names of the points of their own source; what
becomes of crafted packets is computed. `tests/protocol/test_acceptance.py` holds the same
packets against words written by hand.
"""

import ast
import sys
from enum import Enum
from pathlib import Path

from carpscope.protocol import profile
from carpscope.protocol.profile import Check, Profile, WireStyle, profiles
from tests.protocol.crafted import Crafted
from tests.protocol.test_acceptance import OVER_IPV4, OVER_IPV6, signed_for, verdict

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "implementations.md"
_SOURCE = ROOT / "carpscope" / "protocol" / "profile.py"
_GROUPS = (
    ("FreeBSD", ("freebsd", "pfsense")),
    ("OpenBSD", ("openbsd",)),
    ("NetBSD, DragonFly, ucarp", ("netbsd", "dragonfly", "ucarp")),
)
_LEFT_OUT = {"name", "title", "checks", "checks6", "words", "wire"}
_INTRO = """\
<!-- Written by `make docs` from carpscope/protocol; edit that. -->

# Implementations

What the state machine of each implementation does where they differ. Each is a profile in
`carpscope/protocol/profiles`, one file a family; its docstring names the sources.

"""
_ACCEPTANCE = """\
## Which packet is accepted

A packet of each kind at a node with one vhid that sends to the groups, has an IPv4 and an
IPv6 address (DragonFly and ucarp IPv4 alone), and is BACKUP. `ok` is accepted, `-` is dropped
and counted nowhere, the other words are the counters of `netstat -s -p carp`. Over IPv6 TTL
is the hop limit.

"""


def text() -> str:
    """Return the page."""
    found = profiles()
    names = {head: _members(prefixes) for head, prefixes in _GROUPS}
    assert sorted(name for group in names.values() for name in group) == sorted(found)
    parts = [_INTRO + _table(["profile", "stands for"], _titles(names))]
    for head, members in names.items():
        parts.append(f"## {head}: what is decided otherwise\n\n" + _decisions(members))
    parts.append("## The order of the checks\n\n" + _checks(found))
    parts.append(_ACCEPTANCE + _matrix(names, OVER_IPV4, "IPv4"))
    parts.append(_matrix(names, OVER_IPV6, "IPv6"))
    return "\n".join(parts)


def _members(prefixes: tuple[str, ...]) -> list[str]:
    return [name for name in profiles() if name.startswith(prefixes)]


def _titles(names: dict[str, list[str]]) -> list[list[str]]:
    members = [name for group in names.values() for name in group]
    return [[f"`{name}`", profiles()[name].title] for name in members]


def _decisions(members: list[str]) -> str:
    rows = []
    for owner, fields in _fields().items():
        for field, meaning in fields.items():
            cells = [_said(_value(profiles()[name], owner, field)) for name in members]
            rows.append([f"`{field}`", *cells, meaning])
    return _table(["point", *(f"`{name}`" for name in members), "means"], rows)


def _value(item: Profile, owner: str, field: str) -> object:
    return getattr(item if owner == Profile.__name__ else item.wire, field)


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return value.name.lower().replace("_", " ")
    if callable(value):
        return str(value.__name__).replace("_", " ")  # type: ignore[attr-defined]
    return str(value)


def _fields() -> dict[str, dict[str, str]]:
    """Read the points and what they mean where they are declared."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(_SOURCE.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name in (Profile.__name__, WireStyle.__name__):
            found[node.name] = _declared(node.body)
    return {name: found[name] for name in (Profile.__name__, WireStyle.__name__)}


def _declared(body: list[ast.stmt]) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for item in body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            last = item.target.id
            kind = getattr(profile, ast.unparse(item.annotation), None)
            is_ours = isinstance(kind, type) and issubclass(kind, Enum)
            fields[last] = str(kind.__doc__).partition("\n")[0] if is_ours else ""
        elif last and isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant):
            fields[last] = " ".join(str(item.value.value).split())
    return {name: meaning for name, meaning in fields.items() if name not in _LEFT_OUT}


def _checks(found: dict[str, Profile]) -> str:
    rows = [
        [f"`{name}`", family, ", ".join(_check(check) for check in order)]
        for name, item in found.items()
        for family, order in (("IPv4", item.checks), ("IPv6", item.checks6))
    ]
    return _table(["profile", "over", "the first that fails names the drop"], rows)


def _check(check: Check) -> str:
    return check.name.lower().replace("_", " ")


def _matrix(
    names: dict[str, list[str]], packets: list[tuple[str, Crafted, dict[str, str]]], family: str
) -> str:
    members = [name for group in names.values() for name in group]
    rows = [
        [what, *(verdict(impl, signed_for(impl, crafted)) for impl in members)]
        for what, crafted, _ in packets
    ]
    return _table([f"over {family}", *(f"`{name}`" for name in members)], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main() -> int:
    """Write the page if it is another one."""
    wanted = text()
    if not TARGET.exists() or TARGET.read_text() != wanted:
        TARGET.write_text(wanted)
        print(TARGET.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
