"""carpscope.toml: candidates, names, what is expected, and options of a live run.

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
on_finding = "/usr/local/libexec/carp-found"
webhook = "https://hooks.example.org/carp"
state = "/var/lib/carpscope/state.json"
evidence = "/var/lib/carpscope/evidence"
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from carpscope.config import ENTRIES_MAX, Config, ExpectedGroup, Tolerances, bounded, passphrases_in
from carpscope.core.address import ip_text, parse_ip
from carpscope.core.errors import CarpscopeError
from carpscope.core.files import changeable, exposed
from carpscope.core.nearest import nearest
from carpscope.core.text import is_visible
from carpscope.core.toml import SIZE_LIMIT, Document
from carpscope.core.units import SECOND, Nanos, parse_rfc3339

LISTED_MAX = 256
"""Addresses, nodes or windows of one entry: as many as the vhids of a segment."""
_MINUTES = re.compile(r"(T[0-9]{2}:[0-9]{2})([^:0-9].*)$")


class _Visible(str):
    """Text that a person can see."""

    __slots__ = ()


class _Address(bytes):
    """An address of IPv4 or IPv6."""

    __slots__ = ()


class _Window:
    """A time from which and one until when."""

    def __init__(self, text: str) -> None:
        try:
            self.start, self.end = (_moment(part) for part in text.split("/"))
        except ValueError:
            self.start = self.end = 0
        if self.start >= self.end:
            told = f"must be FROM/TO, two times as 2026-11-30T22:00Z, not {text[:60]!r}"
            raise ValueError(told)


_Addresses = Annotated[list[_Address], Meta(max_length=LISTED_MAX)]
_Listed = Annotated[list[str], Meta(max_length=LISTED_MAX)]
_Vlan = Annotated[int, Meta(ge=0, le=4094)]
_Seconds = Annotated[float, Meta(ge=1, le=86400)]
_Text = Annotated[str, Meta(min_length=1)]


class _Node(Struct, forbid_unknown_fields=True, frozen=True):
    name: _Visible
    addresses: _Addresses = []


class _Group(Struct, forbid_unknown_fields=True, frozen=True):
    vhid: Annotated[int, Meta(ge=1, le=255)]
    vlan: _Vlan | list[_Vlan] = []
    name: _Visible | None = None
    interface: _Visible | None = None
    addresses: _Addresses = []
    nodes: _Listed = []
    master: str | None = None
    together: _Visible | None = None
    maintenance: Annotated[list[_Window], Meta(max_length=LISTED_MAX)] = []


class _Tolerances(Struct, forbid_unknown_fields=True, frozen=True):
    close_after: _Seconds = 30
    missing_after: _Seconds = 10
    ignore: list[Annotated[str, Meta(pattern="^CS[0-9]{3}$")]] = []


class _Live(Struct, forbid_unknown_fields=True, frozen=True):
    interfaces: _Listed = []
    filter: _Text | None = None
    json: _Text | None = None
    metrics: _Text | None = None
    syslog: _Text | None = None
    exec: _Text | None = None
    on_finding: _Text | None = None
    store: _Text | None = None
    webhook: _Text | None = None
    state: _Text | None = None
    evidence: _Text | None = None


class _File(Struct, forbid_unknown_fields=True, frozen=True):
    passphrases: list[str] = []
    passphrase_file: str | None = None
    addresses: Annotated[list[_Address], Meta(max_length=ENTRIES_MAX)] = []
    node: Annotated[list[_Node], Meta(max_length=ENTRIES_MAX)] = []
    group: Annotated[list[_Group], Meta(max_length=ENTRIES_MAX)] = []
    tolerances: _Tolerances = _Tolerances()
    live: _Live = _Live()


class KeyDocs(NamedTuple):
    """What docs/configuration.md says of a key."""

    kind: str
    example: str
    meaning: str


_TARGET = "as `--out NAME=TARGET` has it"
KEYS = {
    "passphrases": KeyDocs("list of text", '["s3cret"]', "candidates to verify HMACs with"),
    "passphrase_file": KeyDocs(
        "text", '"carp.pass"', "a file with one candidate a line, beside this one, mode 0600"
    ),
    "addresses": KeyDocs(
        "list of addresses", '["192.0.2.10"]', "shared addresses, candidates to verify HMACs with"
    ),
    "node.name": KeyDocs("text", '"fw1"', "what people call the node; each name stands once"),
    "node.addresses": KeyDocs(
        "list of addresses", '["192.0.2.1"]', "what it advertises from; each in one node"
    ),
    "group.vhid": KeyDocs("1 to 255", "1", "the group's number"),
    "group.vlan": KeyDocs("0 to 4094, or a list", "[10]", "its VLAN; QinQ from outside to inside"),
    "group.name": KeyDocs("text", '"LAN gateway"', "what people call it"),
    "group.interface": KeyDocs("text", '"eth1"', "where it should be heard (`live`); else on any"),
    "group.addresses": KeyDocs("list of addresses", '["192.0.2.10"]', "what its nodes share"),
    "group.nodes": KeyDocs(
        "list of names or addresses", '["fw1"]', "who may advertise; empty: anybody (CS252)"
    ),
    "group.master": KeyDocs("name or address", '"fw1"', "who should be MASTER (CS253)"),
    "group.together": KeyDocs("text", '"site"', "groups that say the same have one MASTER (CS111)"),
    "group.maintenance": KeyDocs(
        "list of FROM/TO",
        '["2026-11-30T22:00Z/2026-12-01T02:00Z"]',
        "findings of then stay and count for neither status nor exit status",
    ),
    "tolerances.close_after": KeyDocs(
        "1 to 86400 seconds", "30", "without news, until a finding of a live run is over"
    ),
    "tolerances.missing_after": KeyDocs(
        "1 to 86400 seconds", "10", "until an expected group counts as missing"
    ),
    "tolerances.ignore": KeyDocs("list of codes", '["CS103"]', "what a live run does not tell"),
    "live.interfaces": KeyDocs("list of text", '["eth1"]', "as `-i`"),
    "live.filter": KeyDocs("tcpdump filter", '"not host 192.0.2.66"', "as `-f`"),
    "live.json": KeyDocs("file", '"/var/log/carpscope/events.json"', _TARGET),
    "live.metrics": KeyDocs("ADDR:PORT", '"127.0.0.1:9112"', "as `--metrics`"),
    "live.syslog": KeyDocs("target", '"udp://192.0.2.7:514"', _TARGET),
    "live.exec": KeyDocs("command", '"/usr/local/libexec/carp-changed"', "as `--exec`"),
    "live.on_finding": KeyDocs("command", '"/usr/local/libexec/carp-found"', "as `--on-finding`"),
    "live.store": KeyDocs("file[,DAYSd]", '"/var/lib/carpscope/events.sqlite,90d"', "as `--store`"),
    "live.webhook": KeyDocs("URL", '"https://hooks.example.org/carp"', _TARGET),
    "live.state": KeyDocs("file", '"/var/lib/carpscope/state.json"', "as `--state`"),
    "live.evidence": KeyDocs("folder", '"/var/lib/carpscope/evidence"', "as `--evidence`"),
}
"""Every key that a file may have."""
TABLES: dict[str, type[Struct]] = {
    "": _File,
    "node": _Node,
    "group": _Group,
    "tolerances": _Tolerances,
    "live": _Live,
}
"""The tables, by their names; nodes and groups are lists of tables."""


def read_config(path: str, warn: Callable[[str], None] | None = None) -> Config:
    """Read a carpscope.toml. Raises CarpscopeError that names file, line and key.

    `warn` is told where the file itself holds passphrases and others may read it.
    """
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
    document = Document(text, path)
    file = document.converted(_File, _read)
    passphrases = [text.encode() for text in file.passphrases]
    if file.passphrase_file is not None:
        passphrases += _passphrase_file(document, Path(path).parent / file.passphrase_file)
    if told and file.passphrases and warn is not None:
        warn(f"{path}: holds passphrases, and {told}: chmod 600 {path}")
    _distinct(document, file)
    names = tuple((bytes(address), str(n.name)) for n in file.node for address in n.addresses)
    options = tuple(
        (key, value)
        for key in _Live.__struct_fields__
        if isinstance(value := getattr(file.live, key), str)
    )
    return Config(
        tuple(bounded(passphrases, path)),
        tuple(map(bytes, file.addresses)),
        dict(names),
        tuple(_groups(document, file.group, _Names(names))),
        Tolerances(
            int(file.tolerances.close_after * SECOND),
            int(file.tolerances.missing_after * SECOND),
            tuple(file.tolerances.ignore),
        ),
        tuple(file.live.interfaces),
        options,
        tuple((key, document.place("live", key)) for key, _ in options),
    )


def _distinct(document: Document, file: _File) -> None:
    """Refuse what is named twice: which of the two was meant, nobody knows."""
    called: dict[str, int] = {}
    owners: dict[bytes, str] = {}
    for number, node in enumerate(file.node):
        if node.name in called:
            raise document.error(f"{node.name!r} is the name of two nodes", "node", number, "name")
        called[node.name] = number
        for address in node.addresses:
            if address in owners:
                told = f"{ip_text(address)} is an address of {owners[address]!r} too"
                raise document.error(told, "node", number, "addresses")
            owners[address] = str(node.name)
    groups: set[object] = set()
    for number, group in enumerate(file.group):
        vlan = (group.vlan,) if isinstance(group.vlan, int) else tuple(group.vlan)
        key = (group.vhid, vlan, group.interface)
        if key in groups:
            raise document.error("this group stands twice", "group", number, "vhid")
        groups.add(key)


def _read(kind: type, text: str) -> object:
    """Make what a text stands for."""
    if kind is _Address:
        try:
            return _Address(parse_ip(text, where=""))
        except CarpscopeError:
            raise ValueError(f"{text!r}: not an IPv4 or IPv6 address") from None
    if kind is _Visible and not (text and is_visible(text)):
        raise ValueError("must be printable text")
    made: object = kind(text)
    return made


class _Names:
    """Nodes by name and by address."""

    def __init__(self, names: tuple[tuple[bytes, str], ...]) -> None:
        self._called: dict[str, list[bytes]] = {}
        self._name = dict(names)
        for address, name in names:
            self._called.setdefault(name, []).append(address)

    @property
    def known(self) -> list[str]:
        """Return the names."""
        return list(self._called)

    def of(self, text: str) -> list[bytes]:
        """Read a node's name or one of its addresses; give all that are known of it."""
        if called := self._called.get(text):
            return called
        address = parse_ip(text, where="")
        name = self._name.get(address)
        return self._called[name] if name is not None else [address]


def _groups(document: Document, groups: list[_Group], names: _Names) -> list[ExpectedGroup]:
    found = []
    for number, group in enumerate(groups):

        def nodes(key: str, texts: list[str], number: int = number) -> tuple[bytes, ...]:
            addresses: list[bytes] = []
            for text in texts:
                try:
                    addresses += names.of(text)
                except CarpscopeError:
                    told = f"{text!r}: not an IPv4 or IPv6 address, nor the name of a node"
                    told += nearest(text, names.known)
                    raise document.error(told, "group", number, key) from None
            return tuple(addresses)

        found.append(
            ExpectedGroup(
                group.vhid,
                (group.vlan,) if isinstance(group.vlan, int) else tuple(group.vlan),
                group.name,
                nodes("nodes", group.nodes),
                group.interface,
                tuple(map(bytes, group.addresses)),
                nodes("master", [group.master] if group.master else []),
                group.together,
                tuple((window.start, window.end) for window in group.maintenance),
            )
        )
    return found


def _moment(text: str) -> Nanos:
    """Read a time of RFC 3339; seconds may be left out."""
    return parse_rfc3339(_MINUTES.sub(r"\1:00\2", text.strip()))


def _passphrase_file(document: Document, file: Path) -> list[bytes]:
    try:
        with file.open("rb") as stream:
            told = exposed(stream)
            data = stream.read(SIZE_LIMIT)
    except OSError as problem:
        raise document.error(f"{file}: {problem.strerror}", "passphrase_file") from None
    if told:
        raise document.error(f"{file}: {told}: chmod 600 {file}", "passphrase_file")
    try:
        return passphrases_in(data)
    except ValueError as problem:
        raise document.error(f"{file}: {problem}", "passphrase_file") from None
