"""One interface that is captured on: opened by libpcap, never waited for inside it.

pcapy's own waiting does not return on an idle interface and swallows SIGINT, so every handle is
non-blocking and `capture.live` does the waiting.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from carpscope.capture.batch import KernelBatch, next_batch
from carpscope.capture.links import ANY, Links, missed
from carpscope.core.batch import Batch
from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field

BUFFER_MIB = 64
"""As much as 1.4 s of 300,000 adverts a second take; libpcap's own 2 MiB last 40 ms."""
SNAPLEN = 2048
"""More than an Ethernet frame of default size; nothing looked at is longer."""
RETIRE_MS = 50
"""How long the kernel may keep a frame to itself. 1 ms costs losses at full rate."""
BATCH = 512
BATCHES_MAX = 16
"""Batches per turn: then the clock is looked at, however much waits."""

_ELECTION = (
    "ip proto 112 or ip6 proto 112 or arp or igmp or proto 240"
    " or (ip6 proto 58 and ip6[40] >= 134 and ip6[40] <= 136)"
    " or (ip6 proto 0 and ip6[40] = 58 and ((ip6[48] >= 130 and ip6[48] <= 132) or ip6[48] = 143))"
)
"""Advertisements, and what elections leave beside them: ARP, ND, IGMP, MLD and pfsync."""


COOKED = (113, 276)
"""Link types of `any`: the kernel took the tag off before the filter sees a frame, which `vlan`
cannot ask for. What has a second one is taken whole."""


def live_filter(narrow: str | None = None, link: int = 1) -> str:
    """Give the capture filter; `narrow` (of -f) comes first, VLAN last: it shifts what follows."""
    base = f"({_ELECTION}) or ether proto 0x8100 or ether proto 0x88a8"
    if link not in COOKED:
        base = f"({_ELECTION}) or (vlan and ({_ELECTION})) or (vlan and ({_ELECTION}))"
    return f"({narrow}) and ({base})" if narrow and narrow.strip() else base


class _Handle(Protocol):
    """What is used of pcapy's reader."""

    def activate(self) -> int: ...
    def close(self) -> None: ...
    def datalink(self) -> int: ...
    def getfd(self) -> int: ...
    def set_buffer_size(self, size: int, /) -> int: ...
    def set_promisc(self, on: int, /) -> int: ...
    def set_snaplen(self, length: int, /) -> int: ...
    def set_timeout(self, milliseconds: int, /) -> int: ...
    def setfilter(self, expression: str, /) -> int: ...
    def setnonblock(self, on: int, /) -> int: ...
    def stats(self) -> tuple[int, int, int]: ...


@dataclass(frozen=True, slots=True)
class CaptureSettings:
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
    """Reached the card, which had no room for them."""
    skipped: int = 0
    """Read, and not looked at: there were too many."""

    @property
    def lost(self) -> int:
        """Return how many frames nothing is known of."""
        return self.dropped + self.interface_dropped + self.skipped


def grown(before: int, now: int) -> int:
    """Return how much a counter of 32 bits grew; nothing where it stepped back.

    It starts anew at 0 when it is full, and steps back when what it counts is reset or replaced:
    the drops of an interface are found by its name.
    """
    step = (now - before) & 0xFFFF_FFFF
    return step if step < 1 << 31 else 0


@dataclass(slots=True)
class CaptureInterface:
    """One interface that is captured on."""

    name: str
    index: int
    settings: CaptureSettings
    state: str = "closed"
    """`up`, `down` (it is there, nothing can come) or `gone`."""
    frames: int = 0
    link: int = 1
    since: Nanos = 0
    """When the state was entered."""
    latest: Nanos = 0
    """The time of the last frame that was read."""
    counts: Counts = field(default_factory=Counts)
    tap: Callable[[KernelBatch], None] | None = None
    """Gets everything that was captured, before it is looked at."""
    choose: Callable[[Batch], Batch] | None = None
    """Gives those of the packets that are looked at (`live.triage`)."""
    why: str = ""
    """What became of it, where it is not up."""
    exists: bool = True
    state_reported: str = "up"
    """The state that was told last."""
    seen: Nanos = 0
    """When it was found up last."""
    lost: Nanos | None = None
    """Since when nothing is known of it; None while it is up."""
    tried: Nanos = 0
    """When it was opened again last, or tried to be."""
    blinked: bool = False
    """Whether something was missed between the last two looks, however short it was."""
    _reported: tuple[int, int, int] = (0, 0, 0)
    """What the kernel said at the last count: of this opening two, and of the interface."""
    _failed: bool = False
    _handle: _Handle | None = None
    _number: int = 0
    """The kernel's, of the interface the handle is bound to."""
    _carrier_changes: int = 0

    def open(self, links: Links) -> None:
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
            handle.setfilter(live_filter(self.settings.narrow, handle.datalink()))
            handle.setnonblock(1)
        except pcapy.PcapError as error:
            handle.close()
            told = f"-f {shown(self.settings.narrow)}" if self.settings.narrow else "filter"
            raise CarpscopeError(f"{self.name}: {told}: {shown(str(error))}") from None
        link = links.look(self.name)
        self._number = link.number if link is not None else 0
        self._carrier_changes = link.carrier_changes if link is not None else 0
        self._handle = handle
        self._reported = (0, 0, missed(self._statistics))
        kind = handle.datalink()
        self.link = 101 if kind == 12 else kind  # libpcap's DLT_RAW is LINKTYPE_RAW in files
        self.state = "up"

    @property
    def mac(self) -> bytes | None:
        """Return the card's own address, None where it has none."""
        try:
            text = Path("/sys/class/net", self.name, "address").read_bytes()
            return bytes.fromhex(text.decode().strip().replace(":", "")) or None
        except (OSError, ValueError):
            return None

    @property
    def _statistics(self) -> Path:
        return Path("/sys/class/net", self.name, "statistics")

    @property
    def label(self) -> str:
        """Return its name for people: Linux lets one hold anything but a slash and a space."""
        return shown(self.name)

    @property
    def fileno(self) -> int | None:
        """Return what to poll, where it is open."""
        return self._handle.getfd() if self._handle is not None else None

    def read(self, limit: int = BATCHES_MAX) -> Iterator[Batch]:
        """Give what waits, at most `limit` batches. Afterwards `state` may be `down`."""
        import pcapy  # noqa: PLC0415

        handle = self._handle
        if handle is None:
            return
        tap = self.tap
        for _ in range(limit):
            try:
                data, meta = next_batch(handle, BATCH)
            except pcapy.PcapError:
                # ENETDOWN; the handle stays bound, and goes on when the interface comes back
                self.state, self._failed = "down", True
                return
            if not meta:
                return
            snaplen = self.settings.snaplen
            batch = KernelBatch(data, meta, self.link, self.index, self.frames + 1, snaplen)
            self.frames += len(batch)
            self.latest = batch.last
            if tap is not None:
                tap(batch)
            columns = batch.columns()
            yield columns if self.choose is None else self.choose(columns)
            if len(batch) < BATCH:
                return

    def count(self) -> None:
        """Bring the counts up to date."""
        import pcapy  # noqa: PLC0415

        if self._handle is None:
            return
        try:
            received, dropped, _ = self._handle.stats()
        except pcapy.PcapError:
            return
        counts, before = self.counts, self._reported
        is_ours = self.state == "up"  # what has its name now may be another
        told = received, dropped, missed(self._statistics) if is_ours else before[2]
        counts.received += grown(before[0], told[0])
        counts.dropped += grown(before[1], told[1])
        counts.interface_dropped += grown(before[2], told[2])
        self._reported = told

    def waiting(self) -> int:
        """Return how many packets wait to be read."""
        self.count()
        return max(0, self.counts.received - self.counts.dropped - self.frames)

    def check(self, links: Links) -> str:
        """Look whether the interface is there and can carry; return its state.

        `blinked` says whether there was a moment since the last look in which it could not.
        """
        link = links.look(self.name, self._number)
        if link is None:
            return self.state  # a trouble of ours: nothing is known that was not known before
        bound = self._handle is not None
        other = bound and link.number != self._number
        self.blinked = self._failed or other or link.carrier_changes > self._carrier_changes
        self._failed = False
        self._carrier_changes = link.carrier_changes
        self.exists = bool(link.number) or self.name == ANY
        if other:
            self.close()
        if not self.exists:
            self.state, self.why = "gone", "disappeared"
            if link.renamed:
                self.why = f"is called {shown(link.renamed)} now"
        elif other or self._handle is None:
            self.state, self.why = "gone", "was made anew"
        elif not link.is_up:
            self.state, self.why = "down", "went down"
        elif not link.has_carrier:
            self.state, self.why = "down", "has no carrier"
        else:
            self.state, self.why = "up", ""
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
