"""The words a story is told in: hosts, what runs on them, and what happens to them when.

Times in a story are seconds from its beginning; everything measured is whole microseconds of Unix
time (`Micros`), because that is what the capture's own timestamps are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Micros: TypeAlias = int
"""Microseconds since 1970, from the clock that also stamps the captured frames."""

Plain: TypeAlias = "bool | int | float | str | Sequence[Plain] | Mapping[str, Plain]"
"""What both JSON and TOML can say; TOML has no null, so an unknown value is left out."""

SECOND: Micros = 1_000_000

CTAG = 0x8100
STAG = 0x88A8


@dataclass(frozen=True, slots=True, kw_only=True)
class Ucarp:
    """One ucarp process: the options it is started with."""

    vhid: int = 1
    advbase: int = 1
    advskew: int = 0
    passphrase: str = "quiet-harbour-17"  # noqa: S105 - for tests; published with the captures
    address: str = "192.0.2.10"
    preempt: bool = False
    broadcast: bool = False
    """Send to the broadcast MAC address (`-M`); the IP destination stays the group."""

    @property
    def interval(self) -> Micros:
        """The pause between two advertisements of a master."""
        return self.advbase * SECOND + self.advskew * SECOND // 256

    @property
    def takeover_max(self) -> Micros:
        """The longest normal take-over.

        ucarp looks at its timers only when a poll of one interval ends, so three intervals, and
        libpcap may hand it the last advertisement up to a second late.
        """
        return 3 * self.interval + SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Vrrp:
    """One VRRP router of a keepalived process."""

    version: int = 2
    vrid: int
    priority: int
    addresses: tuple[str, ...]
    auth: tuple[str, str] | None = None
    """(`PASS` or `AH`, its password); version 2 only."""
    own_mac: bool = False
    """Use the virtual router MAC 00:00:5e:00:01:VRID on a macvlan, as RFC 3768 wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine on the LAN, with one interface."""

    name: str
    address: str
    ucarps: tuple[Ucarp, ...] = ()
    vrrps: tuple[Vrrp, ...] = ()
    tags: tuple[tuple[int, int], ...] = ()
    """(ethertype, VLAN id), outermost first: the VLAN that the switch puts the host into."""
    ttl: int | None = None
    """Its advertisements leave with this TTL instead of 255, as if something had routed them."""

    @property
    def vlans(self) -> tuple[int, ...]:
        return tuple(vlan for _, vlan in self.tags)


@dataclass(frozen=True, slots=True)
class Start:
    """The programs of the host are started; its link comes up if it had been killed."""

    at: float
    host: str


@dataclass(frozen=True, slots=True)
class Kill:
    """The programs of the host get SIGKILL, and its link goes down.

    No program sends a bow-out; only the kernel, in between, still leaves the multicast group.
    """

    at: float
    host: str


@dataclass(frozen=True, slots=True)
class Reconfigure:
    """The ucarp of the host is ended and, after a pause, started with other options.

    ucarp takes no change while it runs. Its link stays up all the time.
    """

    at: float
    host: str
    ucarp: Ucarp
    pause: float = 2.0


@dataclass(frozen=True, slots=True)
class Cut:
    """No frame of `sender` reaches `receiver` for a while; the other way still works."""

    at: float
    until: float
    sender: str
    receiver: str


@dataclass(frozen=True, slots=True)
class Split:
    """No frame passes between two hosts for a while."""

    at: float
    until: float
    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """`host` sends the victim's last advertisement again, once a second.

    With `advskew` it is forged: that field is changed and the checksum corrected. With
    `own_address` the attacker's own source address goes into it, since ucarp ignores what claims
    to be from itself.
    """

    at: float
    until: float
    host: str
    victim: str
    advskew: int | None = None
    own_address: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """`host` pings an address once a second: ARP and a user's traffic come into the capture."""

    at: float
    host: str
    target: str


Action: TypeAlias = Start | Kill | Reconfigure | Cut | Split | Attack | Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One recording: what is on the LAN, what happens, and which labels it must end up with."""

    name: str
    happens: str
    hosts: tuple[Host, ...]
    actions: tuple[Action, ...]
    seconds: float
    expects: tuple[str, ...]
    """The non-optional labels, sorted. A run that turns out otherwise is not the story: again."""

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    def configured(self, host: Host) -> tuple[tuple[float, Ucarp], ...]:
        """Every ucarp that the host is started with, and from which second on."""
        later = [a for a in self.actions if isinstance(a, Reconfigure) and a.host == host.name]
        return (
            *((0.0, ucarp) for ucarp in host.ucarps),
            *((action.at + action.pause, action.ucarp) for action in later),
        )


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that was done or logged."""

    at: Micros
    kind: str
    """`start`, `kill`, `stop`, `call`, `cut`, `heal`, `split`, `join`, `attack`, `inject`: done by
    us; `log`: logged."""
    host: str
    text: str
    vhid: int | None = None
    """Of the ucarp process that logged it."""
    other: str = ""
    """The second host, where two are concerned."""


@dataclass(frozen=True, slots=True)
class Chronicle:
    """What happened while the span was captured, in order of time."""

    begin: Micros
    end: Micros
    moments: tuple[Moment, ...]
