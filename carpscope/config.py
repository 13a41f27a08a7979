"""What a run was asked to do: one frozen value, made by the command line and a file.

passphrases = ["…"]                  # or
passphrase_file = "carp.pass"        # one a line, beside this file, readable by its owner
addresses = ["192.168.1.50", "2001:db8::1"]

[[node]]
name = "fw1"
addresses = ["192.168.1.157"]

[[group]]                            # what is expected; anything else is a finding
vhid = 1
vlan = [10]
interface = "eth1"                   # live; without: on any
name = "LAN gateway"
addresses = ["192.168.1.50"]         # what its nodes share
nodes = ["fw1", "192.168.1.158"]
master = "fw1"                       # who should be MASTER
together = "site"                    # groups that say the same have one master
maintenance = ["2026-11-30T22:00Z/2026-12-01T02:00Z"]   # no finding of then counts

[tolerances]                         # live
close_after = 30                     # seconds without news until a finding is over
missing_after = 10                   # seconds until an expected group counts as missing
ignore = ["CS103"]

[live]                               # what the command line may say as well
interfaces = ["eth1"]
filter = "not host 192.0.2.66"
json = "/var/log/carpscope/events.json"
metrics = "127.0.0.1:9112"
syslog = "udp://192.0.2.7:514"
exec = "/usr/local/libexec/carp-changed"
webhook = "https://hooks.example.org/carp"
state = "/var/lib/carpscope/state.json"
evidence = "/var/lib/carpscope/evidence"
"""

import os
import re
from stat import S_ISREG, S_IWGRP
from typing import NamedTuple, TypeAlias

from carpscope.core.address import parse_ip
from carpscope.core.errors import CarpscopeError
from carpscope.core.text import is_visible
from carpscope.core.toml import SIZE_LIMIT, read_toml
from carpscope.core.units import SECOND, Nanos, parse_rfc3339

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_OTHERS = 0o007 | S_IWGRP
"""Permissions that let somebody else have it; its group may read it."""
PASSPHRASES_MAX = 1024
"""Candidates, each of which becomes some thirty keys; about ten kilobytes."""
ENTRIES_MAX = 4096
"""Nodes, groups, addresses: as many as a live run follows nodes."""
LISTED_MAX = 256
"""Addresses, nodes or windows of one entry: as many as the vhids of a segment."""
_KEYS = {"passphrases", "passphrase_file", "addresses", "node", "group", "tolerances", "live"}
_NODE_KEYS = {"name", "addresses"}
_GROUP_KEYS = {"vhid", "vlan", "name", "nodes", "interface", "addresses", "master", "together",
               "maintenance"}  # fmt: skip
_TOLERANCES = {"close_after", "missing_after", "ignore"}
_LIVE_TEXTS = (
    "filter",
    "json",
    "metrics",
    "syslog",
    "exec",
    "store",
    "webhook",
    "state",
    "evidence",
)
_HEADER = r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(?:#.*)?$"
_ENTRY = r"\s*(?:\"([^\"]+)\"|([A-Za-z0-9_-]+))\s*[.=]"
_CODE = r"CS[0-9]{3}"
_MINUTES = r"(T[0-9]{2}:[0-9]{2})([^:0-9].*)$"
# Compiled where a file is read (`re` keeps what it compiled): most runs read none.

Table: TypeAlias = "dict[str, object]"


class ExpectedGroup(NamedTuple):
    """A group that should be there, and who may speak in it."""

    vhid: int
    vlan: tuple[int, ...] = ()
    name: str | None = None
    nodes: tuple[bytes, ...] = ()
    """Source addresses; empty where any may."""
    interface: str | None = None
    """Where it should be heard; None where any of them will do."""
    addresses: tuple[bytes, ...] = ()
    """What its nodes share."""
    master: tuple[bytes, ...] = ()
    """The addresses of who should be MASTER; empty where any may."""
    together: str | None = None
    """Groups that say the same here have one master."""
    maintenance: tuple[tuple[Nanos, Nanos], ...] = ()
    """Times whose findings do not count for status and exit status."""


class Tolerances(NamedTuple):
    """What a live run puts up with."""

    close_after: Nanos = 30 * SECOND
    missing_after: Nanos = 10 * SECOND
    ignore: tuple[str, ...] = ()


class Config(NamedTuple):
    """Candidates to verify with. Its text form never holds a passphrase."""

    passphrases: tuple[bytes, ...] = ()
    addresses: tuple[bytes, ...] = ()
    names: tuple[tuple[bytes, str], ...] = ()
    """Source addresses and what people call their nodes."""
    groups: tuple[ExpectedGroup, ...] = ()
    tolerances: Tolerances = Tolerances()
    interfaces: tuple[str, ...] = ()
    live: tuple[tuple[str, str], ...] = ()
    """Options of a live run by their names."""
    places: tuple[tuple[str, str], ...] = ()
    """Where each of them stands, `carpscope.toml:20: live.syslog`, for who finds it wrong."""

    def __repr__(self) -> str:
        """Say how many, never which."""
        return f"Config({len(self.passphrases)} passphrases, {len(self.addresses)} addresses)"

    def called(self, addresses: tuple[bytes, ...]) -> str:
        """Return what people call a node that is expected, else its address."""
        from carpscope.core.address import ip_text  # noqa: PLC0415 - see read_config

        return self.name_of(list(addresses)) or (ip_text(addresses[0]) if addresses else "nobody")

    def expects(self, vlan: tuple[int, ...], vhid: int) -> "ExpectedGroup | None":
        """Return what is expected of a group."""
        return next((g for g in self.groups if (g.vlan, g.vhid) == (vlan, vhid)), None)

    @property
    def has_secrets(self) -> bool:
        """Tell whether there is something to verify with; the empty passphrase is no secret."""
        return bool(self.passphrases)

    @property
    def expected_nodes(self) -> dict[tuple[tuple[int, ...], int], tuple[bytes, ...]]:
        """Return the nodes that are expected, by VLAN and vhid."""
        return {(group.vlan, group.vhid): group.nodes for group in self.groups}

    def name_of(self, addresses: list[bytes]) -> str | None:
        """Return what people call the node with one of these addresses."""
        names = dict(self.names)
        return next((names[a] for a in addresses if a in names), None)


class _Source:
    """A file and where its keys are, so that a mistake is told with its line."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._lines: dict[tuple[str, int, str], int] = {}
        table, number, counts = "", 0, dict[str, int]()
        for line, content in enumerate(text.splitlines(), 1):
            if header := re.match(_HEADER, content):
                table = header[2]
                number = counts[table] = counts.get(table, 0) + 1
                self._lines.setdefault((table, number, ""), line)
            elif entry := re.match(_ENTRY, content):
                self._lines.setdefault((table, number, entry[1] or entry[2]), line)

    def error(self, told: str, key: str = "", table: str = "", number: int = 1) -> CarpscopeError:
        """Make the error, `carpscope.toml:12: group.vhid must be 1–255, not 300`."""
        return CarpscopeError(f"{self.place(key, table, number)} {told}")

    def place(self, key: str = "", table: str = "", number: int = 1) -> str:
        """Return where a key stands, `carpscope.toml:12: group.vhid`."""
        place = number if table else 0
        line = self._lines.get((table, place, key)) or self._lines.get((table, place, ""))
        name = f"{table}.{key}" if table and key else key or table
        where = f"{self.path}:{line}" if line else self.path
        return f"{where}: {name}" if name else f"{where}:"


def exposed(stream: "BinaryIO") -> str:
    """Say who else may read or write an open file with secrets; empty where nobody."""
    from carpscope.core.files import ours  # noqa: PLC0415 - see read_config

    status = os.fstat(stream.fileno())
    if not S_ISREG(status.st_mode):
        return ""  # nobody can open a pipe by its mode
    if status.st_uid not in ours():
        return f"it belongs to another user (uid {status.st_uid})"
    if not status.st_mode & _OTHERS:
        return ""
    return f"others may read or write it (mode {status.st_mode & 0o777:04o})"


def read_config(path: str, warn: "Callable[[str], None] | None" = None) -> Config:
    """Read a carpscope.toml. Raises CarpscopeError that names file, line and key.

    `warn` is told where the file itself holds passphrases and others may read it.
    """
    from pathlib import Path  # noqa: PLC0415 - it takes milliseconds, and most runs read no file

    from carpscope.core.files import changeable  # noqa: PLC0415

    try:
        with Path(path).open("rb") as stream:
            if told := changeable(stream.fileno(), path):
                raise CarpscopeError(f"{path}: {told}; it says what is run and written")
            told = exposed(stream)
            text = stream.read(SIZE_LIMIT + 1).decode("utf-8")
    except OSError as problem:
        raise CarpscopeError(f"{path}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise CarpscopeError(f"{path}: not UTF-8 text") from None
    data = read_toml(text, path)
    source = _Source(path, text)
    _known(source, data, _KEYS)
    passphrases = [text.encode() for text in _texts(source, data, "passphrases")]
    if "passphrase_file" in data:
        passphrases += _passphrase_file(source, data["passphrase_file"])
    addresses = [_address(source, t, "addresses") for t in _texts(source, data, "addresses")]
    passphrases = bounded(passphrases, path)
    if len(addresses) > ENTRIES_MAX:
        raise source.error(f"has more than {ENTRIES_MAX:,} entries", "addresses")
    names = _nodes(source, data)
    groups = _groups(source, data, names)
    tolerances = _tolerances(source, data)
    interfaces, live = _live(source, data)
    places = tuple((key, source.place(key, "live")) for key, _ in live)
    if told and data.get("passphrases") and warn is not None:
        warn(f"{path}: holds passphrases, and {told}: chmod 600 {path}")
    return Config(
        tuple(passphrases),
        tuple(addresses),
        tuple(names),
        groups,
        tolerances,
        interfaces,
        live,
        places,
    )


def bounded(passphrases: list[bytes], where: str) -> list[bytes]:
    """Return the candidates, each once. Raises CarpscopeError where they are too many to try."""
    distinct = list(dict.fromkeys(passphrases))
    if len(distinct) > PASSPHRASES_MAX:
        raise CarpscopeError(
            f"{where}: {len(distinct):,} passphrases; {PASSPHRASES_MAX:,} are tried at the most, "
            "each with the mistakes that people make of it"
        )
    return distinct


def _nodes(source: _Source, data: Table) -> list[tuple[bytes, str]]:
    names: list[tuple[bytes, str]] = []
    for number, node in enumerate(_tables(source, data, "node"), 1):
        _known(source, node, _NODE_KEYS, "node", number)
        name = node.get("name")
        if not isinstance(name, str) or not is_visible(name) or not name:
            raise source.error("must be printable text", "name", "node", number)
        names += [
            (_address(source, text, "addresses", "node", number), name)
            for text in _texts(source, node, "addresses", "node", number)
        ]
    return names


def _groups(
    source: _Source, data: Table, names: list[tuple[bytes, str]]
) -> tuple[ExpectedGroup, ...]:
    groups = []
    known_nodes = _Names(names)
    for number, group in enumerate(_tables(source, data, "group"), 1):
        _known(source, group, _GROUP_KEYS, "group", number)
        vhid = group.get("vhid")
        if not _is_whole(vhid, 1, 255):
            raise source.error(f"must be 1–255, not {_shown(vhid)}", "vhid", "group", number)
        vlan = group.get("vlan", [])
        vlan = [vlan] if isinstance(vlan, int) else vlan
        if not isinstance(vlan, list) or not all(_is_whole(v, 0, 4094) for v in vlan):
            told = "must be VLAN numbers 0–4094 from the outside in"
            raise source.error(told, "vlan", "group", number)
        name = group.get("name")
        if name is not None and not (isinstance(name, str) and is_visible(name)):
            raise source.error("must be printable text", "name", "group", number)
        interface = group.get("interface")
        if interface is not None and not (isinstance(interface, str) and interface.isprintable()):
            told = f"must be the name of an interface, not {_shown(interface)}"
            raise source.error(told, "interface", "group", number)
        nodes: list[bytes] = []
        for text in _texts(source, group, "nodes", "group", number):
            nodes += _node(source, text, known_nodes, "nodes", number)
        master = group.get("master")
        if master is not None and not isinstance(master, str):
            raise source.error("must be a node's name or address", "master", "group", number)
        together = group.get("together")
        if together is not None and not (isinstance(together, str) and is_visible(together)):
            raise source.error("must be printable text", "together", "group", number)
        assert isinstance(vhid, int)
        groups.append(
            ExpectedGroup(
                vhid,
                tuple(vlan),
                name,
                tuple(nodes),
                interface,
                tuple(
                    _address(source, text, "addresses", "group", number)
                    for text in _texts(source, group, "addresses", "group", number)
                ),
                tuple(_node(source, master, known_nodes, "master", number)) if master else (),
                together,
                tuple(
                    _window(source, text, number)
                    for text in _texts(source, group, "maintenance", "group", number)
                ),
            )
        )
    return tuple(groups)


class _Names:
    """Nodes by name and by address."""

    def __init__(self, names: list[tuple[bytes, str]]) -> None:
        self.called: dict[str, list[bytes]] = {}
        self.name = dict(names)
        for address, name in names:
            self.called.setdefault(name, []).append(address)


def _node(source: _Source, text: str, names: _Names, key: str, number: int) -> list[bytes]:
    """Read a node's name or one of its addresses; give all that are known of it."""
    if called := names.called.get(text):
        return called
    address = _address(source, text, key, "group", number)
    name = names.name.get(address)
    return names.called[name] if name is not None else [address]


def _window(source: _Source, text: str, number: int) -> tuple[Nanos, Nanos]:
    """Read `FROM/TO`, two times of RFC 3339."""
    try:
        start, end = (_moment(part) for part in text.split("/"))
    except ValueError:
        start = end = 0
    if start >= end:
        told = f"must be FROM/TO, two times as 2026-11-30T22:00Z, not {text[:60]!r}"
        raise source.error(told, "maintenance", "group", number)
    return start, end


def _moment(text: str) -> Nanos:
    """Read a time of RFC 3339; seconds may be left out."""
    text = text.strip()
    return parse_rfc3339(re.sub(_MINUTES, r"\1:00\2", text))


def _tolerances(source: _Source, data: Table) -> Tolerances:
    table = _table(source, data, "tolerances")
    _known(source, table, _TOLERANCES, "tolerances")
    spans = {}
    for key in ("close_after", "missing_after"):
        value = table.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 86400:
            raise source.error(f"must be 1–86400 seconds, not {_shown(value)}", key, "tolerances")
        spans[key] = int(value * SECOND)
    ignore = _texts(source, table, "ignore", "tolerances")
    for code in ignore:
        if not re.fullmatch(_CODE, code):
            raise source.error(f"must be codes as CS103, not {code!r}", "ignore", "tolerances")
    return Tolerances(**spans, ignore=tuple(ignore))


def _live(source: _Source, data: Table) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    table = _table(source, data, "live")
    _known(source, table, {"interfaces", *_LIVE_TEXTS}, "live")
    options = []
    for key in _LIVE_TEXTS:
        value = table.get(key)
        if value is None:
            continue
        if not isinstance(value, str) or not value:
            raise source.error(f"must be text, not {_shown(value)}", key, "live")
        options.append((key, value))
    return tuple(_texts(source, table, "interfaces", "live")), tuple(options)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:40]


def _table(source: _Source, data: Table, key: str) -> Table:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise source.error(f"must be a table, [{key}]", key)
    return value


def _tables(source: _Source, data: Table, key: str) -> list[Table]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise source.error(f"must be tables, [[{key}]]", key)
    if len(value) > ENTRIES_MAX:
        raise source.error(f"has more than {ENTRIES_MAX:,} entries", key)
    return value


def _known(source: _Source, table: Table, keys: set[str], name: str = "", number: int = 1) -> None:
    for key in table:
        if key not in keys:
            told = f"is no known key; known are {', '.join(sorted(keys))}"
            raise source.error(told, key, name, number)


def _texts(source: _Source, table: Table, key: str, name: str = "", number: int = 1) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise source.error("must be a list of texts", key, name, number)
    if name and len(value) > LISTED_MAX:
        raise source.error(f"has more than {LISTED_MAX:,} entries", key, name, number)
    return value


def _address(source: _Source, text: str, key: str, name: str = "", number: int = 1) -> bytes:
    try:
        return parse_ip(text, where=key)
    except CarpscopeError:
        raise source.error(f"{text!r}: not an IPv4 or IPv6 address", key, name, number) from None


def _passphrase_file(source: _Source, value: object) -> list[bytes]:
    if not isinstance(value, str):
        raise source.error("must be text", "passphrase_file")
    from pathlib import Path  # noqa: PLC0415 - see read_config

    file = Path(source.path).parent / value
    try:
        with file.open("rb") as stream:
            told = exposed(stream)
            lines = stream.read(SIZE_LIMIT).split(b"\n")
    except OSError as problem:
        raise source.error(f"{file}: {problem.strerror}", "passphrase_file") from None
    if told:
        raise source.error(f"{file}: {told}: chmod 600 {file}", "passphrase_file")
    return [line.rstrip(b"\r") for line in lines if line.rstrip(b"\r")]
