"""What somebody declared: nodes, their interfaces, their vhids, each value with file and line.

Readers of `systems/` fill this in; nothing here judges. What the files do not hold is not
known here: None, or in text the sign `UNKNOWN`; `VARIES` stands where a shell puts
something else at every boot. A passphrase is a `DeclaredKey`, which never shows its bytes.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from carpscope.core.values import dataclass, field

UNKNOWN = "\ufdd0"
VARIES = "\ufdd1"
"""Noncharacters of Unicode: no file holds them (the loader replaces them)."""
MAINTENANCE = "virtualip_carp_maintenancemode"
"""Where config.xml of OPNsense and pfSense says that a node starts demoted."""
KERNEL_KEY = 19
"""What ifconfig leaves of a passphrase: strlcpy() into CARP_KEY_LEN, 20 bytes."""
VHID_MAX = 255


class Where(NamedTuple):
    """A file as it was named, and a line."""

    path: str
    line: int

    def __str__(self) -> str:
        """Give `fw1/rc.conf:3`."""
        return f"{self.path}:{self.line}"


class Unknown(NamedTuple):
    """Something that decides and is not in the files."""

    what: str
    where: Where | None


class DeclaredKey:
    """The key that a passphrase ends as; its bytes never show."""

    __slots__ = ("flaw", "octets", "varies", "where", "written_length")

    def __init__(
        self,
        value: bytes | None,
        where: Where | None,
        *,
        flaw: str = "",
        varies: bool = False,
        written_length: int = 0,
    ) -> None:
        """Take what is signed with (None: not known here) and what was done to the text."""
        self.octets = None if varies else value
        self.where = where
        self.flaw = flaw
        """In words, what differs from what is written; empty: nothing does."""
        self.varies = varies
        self.written_length = written_length

    def __repr__(self) -> str:
        """Say nothing of the bytes: this ends in logs and tracebacks."""
        return f"Key({'known' if self.octets is not None else 'not known'}, {self.flaw!r})"


@dataclass(slots=True)
class Own:
    """An address of an interface itself."""

    address: bytes
    length: int | None
    where: Where


@dataclass(slots=True)
class DeclaredInterface:
    """A network interface of a node."""

    name: str
    vlan: int | None = None
    held: dict[bytes, Own] = field(default_factory=dict)

    @property
    def own(self) -> Collection[Own]:
        """Return its own addresses, in the order in which they came."""
        return self.held.values()

    def add(self, own: Own) -> None:
        """Take an address in, once; the first length that is given holds."""
        first = self.held.setdefault(own.address, own)
        if first.length is None:
            first.length = own.length


@dataclass(slots=True)
class SharedAddress:
    """A shared address, and the length of its prefix where one is given."""

    address: bytes
    length: int | None
    where: Where


class Peer(NamedTuple):
    """Whom advertisements of one address family go to, instead of the group."""

    address: bytes
    where: Where


@dataclass(slots=True)
class DeclaredVhid:
    """One vhid as one node declares it."""

    number: int | None
    interface: str
    """Whose segment it is on."""
    device: str
    """Where it is configured: the interface, or a carpN."""
    where: list[Where]
    advbase: int | None = 1
    advskew: int | None = 0
    key: DeclaredKey | None = None
    """None: never set, which is the key of zeros."""
    held: dict[bytes, SharedAddress] = field(default_factory=dict)
    dropped: list[SharedAddress] = field(default_factory=list)
    """Written, but refused by the system's own reader."""
    peers: dict[int, Peer] = field(default_factory=dict)
    """By the length of an address: 4 or 16 bytes."""
    peer_resets: dict[int, Where] = field(default_factory=dict)
    """The later call that set a peer back to the group."""
    runs: bool = True
    """False: something said elsewhere keeps it from starting."""
    down: Where | None = None
    """The line that ends with its interface down."""
    is_vrrp: bool = False
    unsure: bool = False
    """Some of its addresses are not known here."""
    dead_ratio: int = 3
    preempt: bool | None = None
    """Of its own process (ucarp -P); None: as its node."""
    source: bytes | None = None
    """Where its advertisements come from, if that is said."""
    number_written: str = ""
    """The number in the file, where its reader takes it for another one (042 is octal: 34)."""

    @property
    def addresses(self) -> Collection[SharedAddress]:
        """Return the shared addresses, in the order in which they came."""
        return self.held.values()

    def add(self, shared: SharedAddress) -> None:
        """Take an address in, once."""
        self.held.setdefault(shared.address, shared)

    def remove(self, address: bytes) -> None:
        """Take an address away."""
        self.held.pop(address, None)

    def set_peer(self, address: bytes, where: Where) -> None:
        """Send to an address instead of the group, if it is none of a group."""
        size = len(address)
        self.peer_resets.pop(size, None)
        if address[0] == 0xFF or (size == 4 and 224 <= address[0] < 240):
            self.peers.pop(size, None)
        else:
            self.peers[size] = Peer(address, where)

    def drop_peer(self, size: int, where: Where | None = None) -> None:
        """Send to the group again; `where`: the line that did not mean to."""
        if self.peers.pop(size, None) is not None and where is not None:
            self.peer_resets[size] = where

    @property
    def comes_up(self) -> bool:
        """Tell whether this vhid will run on its node."""
        valid = self.number is None or 1 <= self.number <= VHID_MAX
        return valid and self.runs and self.down is None and (bool(self.held) or self.unsure)

    @property
    def at(self) -> Where:
        """Return where it is declared first."""
        return self.where[0]


class Refusal(NamedTuple):
    """What the system's own reader drops or refuses."""

    label: str
    """`not_configured` or `vhid_out_of_range`."""
    where: Where
    text: str
    """What the reader makes of the line."""
    interface: str
    vhid: int | None
    repair: str
    """The words to write instead, or an empty string."""
    all_of_it: bool = False
    """It concerns every vhid of the node."""


class VrrpId(NamedTuple):
    """A VRRP id in use on an interface."""

    number: int
    interface: str
    where: Where
    addresses: tuple[SharedAddress, ...]


@dataclass(slots=True)
class Sync:
    """What HA sync of a firewall's GUI will do."""

    to: str
    where: Where
    vips: Sequence[tuple[int | None, str, int | None, Where]]
    """What is copied: vhid, key of the interface, advskew, where."""


@dataclass(slots=True)
class DeclaredNode:
    """One node, from all of its files."""

    name: str
    profile: str = ""
    because: list[str] = field(default_factory=list)
    preempt: bool | None = None
    preempt_where: Where | None = None
    demotion: int = 0
    allows: bool = True
    maintenance: list[tuple[Where, str]] = field(default_factory=list)
    interfaces: dict[str, DeclaredInterface] = field(default_factory=dict)
    vhids: list[DeclaredVhid] = field(default_factory=list)
    vrrp: list[VrrpId] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    troubles: list[Refusal] = field(default_factory=list)
    doubles: list[tuple[DeclaredVhid, Where]] = field(default_factory=list)
    """A vhid and the second definition of it on one interface."""
    firewall: "Firewall | None" = None
    sync: Sync | None = None
    gui: str = ""
    """Whose web pages write its file: pfSense or OPNsense."""
    gui_interfaces: dict[str, str] = field(default_factory=dict)
    """Keys of a GUI (lan, opt1) and the devices they are."""
    is_partial: bool = False
    """Something that may configure vhids is not in the files."""
    by_place: dict[tuple[int | None, str], DeclaredVhid] = field(default_factory=dict)
    by_device: dict[str, DeclaredVhid] = field(default_factory=dict)
    """The vhid of each carpN."""
    sysctls: dict[str, tuple[str, Where]] = field(default_factory=dict)
    """What commands at the start set."""
    noted: set[tuple[object, ...]] = field(default_factory=set)
    """What was said already."""

    def interface(self, name: str) -> DeclaredInterface:
        """Return an interface, made when it is first named."""
        found = self.interfaces.get(name)
        if found is None:
            found = self.interfaces[name] = DeclaredInterface(name)
        return found

    def not_known(self, what: str, where: Where | None) -> None:
        """Note once that something is not in the files."""
        item = Unknown(what, where)
        if item not in self.noted:
            self.noted.add(item)
            self.unknown.append(item)


class Firewall:
    """A packet filter of a node: does it let an advertisement in, and out?"""

    __slots__ = ()

    def verdict(
        self, interface: str, direction: str, source: bytes | None, destination: bytes
    ) -> tuple[bool | None, Where | None]:
        """Tell whether it passes (None: not known here), and which rule decides."""
        raise NotImplementedError
