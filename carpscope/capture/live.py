"""Frames from interfaces, as they come, without ever waiting inside libpcap.

pcapy's own waiting does not return on an idle interface and swallows SIGINT, so every
handle is non-blocking and `poll` does the waiting. An interface that goes down, vanishes
or comes back is survived and said: `notices` has one line each, once.

This module and `capture.rotation` read the clock; everything above is given the time.
"""

import errno
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from carpscope.capture.batch import Batch
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame, Shortcuts
from carpscope.core.text import shown
from carpscope.core.units import MILLISECOND, SECOND, Nanos

BUFFER_MIB = 64
"""As much as 1.4 s of 300,000 adverts a second take; libpcap's own 2 MiB last 40 ms."""
SNAPLEN = 2048
"""More than an Ethernet frame of default size; nothing looked at is longer."""
RETIRE_MS = 50
"""How long the kernel may keep a frame to itself. 1 ms costs losses at full rate."""
BATCH = 512
BATCHES_MAX = 16
"""Batches per turn: then the clock is looked at, however much waits."""
DRAIN_MAX: Nanos = 5 * SECOND
"""A full buffer takes this long at the most; who ends a flood does not wait for more."""
REOPEN_AFTER: Nanos = 1 * SECOND
SETTLED: Nanos = 2 * RETIRE_MS * MILLISECOND + 20 * MILLISECOND
"""A frame this old has been handed over once the ring was found empty."""

_ELECTION = (
    "ip proto 112 or ip6 proto 112 or arp or igmp or proto 240"
    " or (ip6 proto 58 and ip6[40] >= 135 and ip6[40] <= 136)"
    " or (ip6 proto 0 and ip6[40] = 58 and ((ip6[48] >= 130 and ip6[48] <= 132) or ip6[48] = 143))"
)
"""Advertisements, and what elections leave beside them: ARP, ND, IGMP, MLD and pfsync."""


def live_filter(narrow: str | None = None) -> str:
    """Give the capture filter; `narrow` (of -f) comes first, VLAN last: it shifts what follows."""
    base = f"({_ELECTION}) or (vlan and ({_ELECTION})) or (vlan and ({_ELECTION}))"
    return f"({narrow}) and ({base})" if narrow and narrow.strip() else base


def wall_ns() -> Nanos:
    """Return the time, from the clock that also stamps captured frames."""
    return time.time_ns()


def monotonic_ns() -> Nanos:
    """Return a time that nobody sets."""
    return time.monotonic_ns()


class _Handle(Protocol):
    """What is used of pcapy's reader."""

    def activate(self) -> int: ...
    def close(self) -> None: ...
    def datalink(self) -> int: ...
    def getfd(self) -> int: ...
    def next_batch(self, limit: int, /) -> tuple[bytes, bytes]: ...
    def set_buffer_size(self, size: int, /) -> int: ...
    def set_promisc(self, on: int, /) -> int: ...
    def set_snaplen(self, length: int, /) -> int: ...
    def set_timeout(self, milliseconds: int, /) -> int: ...
    def setfilter(self, expression: str, /) -> int: ...
    def setnonblock(self, on: int, /) -> int: ...
    def stats(self) -> tuple[int, int, int]: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """How to capture."""

    narrow: str | None = None
    buffer_mib: int = BUFFER_MIB
    snaplen: int = SNAPLEN
    promiscuous: bool = True


@dataclass(slots=True)
class Counts:
    """What the kernel says of a capture; sums over reopenings."""

    received: int = 0
    dropped: int = 0
    """Passed the filter and found the buffer full."""
    interface_dropped: int = 0


@dataclass(slots=True)
class Interface:
    """One interface that is captured on."""

    name: str
    index: int
    settings: Settings
    state: str = "closed"
    """`up`, `down` (it is there, nothing can come) or `gone`."""
    frames: int = 0
    link: int = 1
    since: Nanos = 0
    """When the state was entered."""
    latest: Nanos = 0
    """The time of the last frame that was read."""
    counts: Counts = field(default_factory=Counts)
    shortcuts: Shortcuts = field(default_factory=dict)
    """Asked before a packet becomes a frame; empty unless an analysis fills it."""
    tap: Callable[[Batch], None] | None = None
    """Gets everything that was captured, before it is looked at."""
    _base: Counts = field(default_factory=Counts)
    _handle: _Handle | None = None
    _number: int = 0
    """The kernel's, of the interface the handle is bound to."""

    def open(self) -> None:
        """Open it. Raises CarpscopeError with what to do."""
        import pcapy  # noqa: PLC0415  reading a file needs no libpcap

        try:
            handle: _Handle = pcapy.create(self.name)
            handle.set_snaplen(self.settings.snaplen)
            handle.set_promisc(int(self.settings.promiscuous))
            handle.set_buffer_size(self.settings.buffer_mib << 20)
            handle.set_timeout(RETIRE_MS)
            problem = handle.activate()
        except (pcapy.PcapError, ValueError) as error:
            raise CarpscopeError(f"{self.name}: {shown(str(error))}") from None
        if problem < 0:
            raise CarpscopeError(f"{self.name}: {_ACTIVATION.get(problem, f'error {problem}')}")
        try:
            handle.setfilter(live_filter(self.settings.narrow))
            handle.setnonblock(1)
        except pcapy.PcapError as error:
            handle.close()
            raise CarpscopeError(f"-f {self.settings.narrow!r}: {shown(str(error))}") from None
        self._number = _number_of(self.name) or 0
        self._handle = handle
        self._base = Counts(
            self.counts.received, self.counts.dropped, self.counts.interface_dropped
        )
        link = handle.datalink()
        self.link = 101 if link == 12 else link  # libpcap's DLT_RAW is LINKTYPE_RAW in files
        self.state = "up"

    @property
    def label(self) -> str:
        """Return its name for people: Linux lets one hold anything but a slash and a space."""
        return shown(self.name)

    @property
    def fileno(self) -> int | None:
        """Return what to poll, where it is open."""
        return self._handle.getfd() if self._handle is not None else None

    def read(self, limit: int = BATCHES_MAX) -> Iterator[Frame]:
        """Give the frames that wait, at most `limit` batches. Afterwards `state` may be `down`."""
        import pcapy  # noqa: PLC0415

        handle = self._handle
        if handle is None:
            return
        tap = self.tap
        for _ in range(limit):
            try:
                data, meta = handle.next_batch(BATCH)
            except pcapy.PcapError:
                # ENETDOWN; the handle stays bound, and goes on when the interface comes back
                self.state = "down"
                return
            if not meta:
                return
            snaplen = self.settings.snaplen
            batch = Batch(data, meta, self.link, self.index, self.frames + 1, snaplen)
            self.frames += len(batch)
            self.latest = batch.last
            if tap is not None:
                tap(batch)
            yield from batch.frames(self.shortcuts)
            if len(batch) < BATCH:
                return

    def count(self) -> None:
        """Bring the counts up to date."""
        import pcapy  # noqa: PLC0415

        if self._handle is None:
            return
        try:
            received, dropped, interface = self._handle.stats()
        except pcapy.PcapError:
            return
        base = self._base
        self.counts.received = base.received + received
        self.counts.dropped = base.dropped + dropped
        self.counts.interface_dropped = base.interface_dropped + interface

    def check(self) -> str:
        """Look whether the interface is there and can carry; return its state."""
        number = _number_of(self.name)
        if number is None or (self._handle is not None and number != self._number):
            self.close()
            self.state = "gone"
        elif not _is_running(self.name):
            self.state = "down"
        elif self._handle is None:
            self.state = "gone"
        else:
            self.state = "up"
        return self.state

    def close(self) -> None:
        """Let go of it."""
        if self._handle is not None:
            self.count()
            self._handle.close()
            self._handle = None


_ACTIVATION = {
    -1: "libpcap cannot open it",
    -4: "it went away",
    -5: "no such interface (carpscope live -D lists them)",
    -8: "capturing needs CAP_NET_RAW — try: sudo setcap cap_net_raw+ep "
    '"$(readlink -f "$(which python3)")" or run as root',
    -9: "the interface is down — try: ip link set it up, without an address",
    -11: "it cannot be captured promiscuously — try -p- (--no-promiscuous)",
}
"""PCAP_ERROR_* of libpcap 1.9.1, which the pcapy-ng wheel brings."""


def _number_of(name: str) -> int | None:
    try:
        return socket.if_nametoindex(name)
    except OSError as error:
        if error.errno not in (errno.ENODEV, errno.ENXIO, None):
            return None
        return 0 if name == "any" else None


_IFF_UP = 1
_SIOCGIFFLAGS = 0x8913


def _is_running(name: str) -> bool:
    """Tell whether the interface is administratively up."""
    import fcntl  # noqa: PLC0415

    if name == "any":
        return True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sH14s", name.encode()[:15], 0, b"")
        try:
            answer = fcntl.ioctl(probe.fileno(), _SIOCGIFFLAGS, request)
        except OSError:
            return False
    flags: int = struct.unpack_from("H", answer, 16)[0]
    return bool(flags & _IFF_UP)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about an interface that a person should know."""

    at: Nanos
    interface: int
    state: str
    text: str


class LiveCapture:
    """Several interfaces at once."""

    def __init__(
        self,
        names: Sequence[str],
        settings: Settings,
        privileged: "AbstractContextManager[object] | None" = None,
    ) -> None:
        """Open all, or raise. `privileged` surrounds every later opening."""
        self.interfaces = [Interface(name, index, settings) for index, name in enumerate(names)]
        self._privileged = privileged or nullcontext()
        self._poll = select.poll()
        self._registered: dict[int, int] = {}
        self._checked: Nanos = 0
        self._told: dict[int, str] = {}
        self.drained: Nanos = 0
        """Every frame older than this has been given."""
        now = wall_ns()
        for interface in self.interfaces:
            interface.open()
            interface.since = now
        self._register()

    def surround(self, privileged: "AbstractContextManager[object]") -> None:
        """Reopen with privileges that are laid down meanwhile."""
        self._privileged = privileged

    def add_wakeup(self, fileno: int) -> None:
        """Let something else end the waiting, as a signal does."""
        self._poll.register(fileno, select.POLLIN)

    def wait(self, timeout_ms: int) -> set[int]:
        """Wait for frames; return the file descriptors that have something."""
        return {fileno for fileno, _ in self._poll.poll(timeout_ms)}

    def frames(self) -> Iterator[Frame]:
        """Give what waits on every interface, by time where there are several."""
        start = wall_ns()
        limit = BATCHES_MAX
        if len(self.interfaces) == 1:
            before = self.interfaces[0].frames
            yield from self.interfaces[0].read(limit)
            emptied = self.interfaces[0].frames - before < limit * BATCH
        else:
            before = sum(i.frames for i in self.interfaces)
            waiting = [frame for i in self.interfaces for frame in i.read(limit)]
            waiting.sort(key=_at)
            yield from waiting
            emptied = sum(i.frames for i in self.interfaces) - before < limit * BATCH
        if emptied:
            self.drained = start - SETTLED

    def check(self, now: Nanos) -> list[Notice]:
        """Look after the interfaces now and then; return what changed."""
        if 0 <= now - self._checked < REOPEN_AFTER // 4:
            return []
        self._checked = now
        notices = []
        for interface in self.interfaces:
            since = interface.since
            told = self._told.get(interface.index, "up")
            state = interface.check()
            if state == "gone" and _number_of(interface.name) is not None:
                self._reopen(interface)
                state = interface.state
            if state != told:
                self._told[interface.index] = state
                interface.since = now
                notices.append(Notice(now, interface.index, state, _words(interface, since, now)))
        self._register()
        return notices

    def drain(self) -> Iterator[Frame]:
        """Give what the kernel still holds, at the end, until nothing more comes."""
        end = wall_ns()
        deadline = monotonic_ns() + DRAIN_MAX
        quiet = 0
        while quiet < 3 and monotonic_ns() < deadline:
            self.wait(RETIRE_MS)
            before = sum(interface.frames for interface in self.interfaces)
            yield from (frame for frame in self.frames() if frame.at <= end)
            # what shortcuts took came, too, and is no frame
            came = sum(interface.frames for interface in self.interfaces) > before
            if all(interface.latest > end for interface in self.interfaces):
                return
            quiet = 0 if came else quiet + 1

    def count(self) -> None:
        """Bring every count up to date."""
        for interface in self.interfaces:
            interface.count()

    def close(self) -> None:
        """Let go of all."""
        for interface in self.interfaces:
            interface.close()

    def _reopen(self, interface: Interface) -> None:
        with self._privileged:
            try:
                interface.open()
            except CarpscopeError:
                interface.state = "gone"

    def _register(self) -> None:
        wanted = {i.index: i.fileno for i in self.interfaces if i.fileno is not None}
        for index, fileno in list(self._registered.items()):
            if wanted.get(index) != fileno:
                self._poll.unregister(fileno)
                del self._registered[index]
        for index, number in wanted.items():
            if index not in self._registered and number is not None:
                self._poll.register(number, select.POLLIN)
                self._registered[index] = number


def _at(frame: Frame) -> Nanos:
    return frame.at


def _words(interface: Interface, since: Nanos, now: Nanos) -> str:
    away = f"{(now - since) / SECOND:.1f} s"
    match interface.state:
        case "up":
            return f"{interface.label} is back after {away}; nothing is known of that time"
        case "down":
            return f"{interface.label} went down; waiting for it to come back"
    return f"{interface.label} disappeared; waiting for it to come back"
