"""What a run was asked to do: one frozen value, made by the command line and a file.

The file is read by `settings.carpscope_toml`.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple

from carpscope.core.errors import CarpscopeError
from carpscope.core.units import SECOND, Nanos

PASSPHRASES_MAX = 1024
"""Candidates, each of which becomes some thirty keys; about ten kilobytes."""
ENTRIES_MAX = 4096
"""Nodes, groups, addresses: as many as a live run follows nodes."""


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
    settings: "tuple[ExpectedSetting, ...]" = ()
    """Lines of the nodes' files that show on the wire where they are in force."""
    values: "tuple[ExpectedValues, ...]" = ()
    """What the nodes' files have them advertise."""

    def lines_of(self, setting: "Setting", nodes: Iterable[bytes]) -> str:
        """Name the lines of a setting that are of one of these addresses' nodes."""
        some = set(nodes)
        found = [e for e in self.settings if e.setting is setting and not some.isdisjoint(e.nodes)]
        return " and ".join(dict.fromkeys(one.where for one in found))


class Setting(Enum):
    """What a line of a file does to a node."""

    PREEMPTS = auto()
    DEMOTES = auto()
    DEAFENS = auto()


class ExpectedSetting(NamedTuple):
    """A line of a node's files."""

    setting: Setting
    nodes: tuple[bytes, ...]
    """The addresses of the node."""
    where: str


class ExpectedValues(NamedTuple):
    """What a node's files have it advertise; None where they do not tell."""

    nodes: tuple[bytes, ...]
    """The addresses of the node."""
    advbase: int | None
    advskew: int | None
    where: str


class Tolerances(NamedTuple):
    """What a live run puts up with."""

    close_after: Nanos = 30 * SECOND
    missing_after: Nanos = 10 * SECOND
    ignore: tuple[str, ...] = ()


class Config(NamedTuple):
    """Candidates to verify with. Its text form never holds a passphrase."""

    passphrases: tuple[bytes, ...] = ()
    addresses: tuple[bytes, ...] = ()
    names: Mapping[bytes, str] = MappingProxyType({})
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
        from carpscope.core.address import ip_text  # noqa: PLC0415 - most runs need it not

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
        return next((self.names[a] for a in addresses if a in self.names), None)


def passphrases_in(data: bytes) -> list[bytes]:
    """Read one passphrase a line; the ends of lines are no part of them. Raises ValueError."""
    if b"\0" in data:
        raise ValueError("is no text of one passphrase a line: it holds a byte of 0")
    lines = [line.rstrip(b"\r") for line in data.split(b"\n")]
    found = [line for line in lines if line]
    if not found:
        raise ValueError("holds no passphrase")
    return found


def bounded(passphrases: list[bytes], where: str) -> list[bytes]:
    """Return the candidates, each once. Raises CarpscopeError where they are too many to try."""
    distinct = list(dict.fromkeys(passphrases))
    if len(distinct) > PASSPHRASES_MAX:
        raise CarpscopeError(
            f"{where}: {len(distinct):,} passphrases; {PASSPHRASES_MAX:,} are tried at the most, "
            "each with the mistakes that people make of it"
        )
    return distinct
