"""What is looked at first, where more comes than can be looked at.

A flood of many kinds of frames, from senders that come back, takes longer to look at than it
takes to send. As long as that is so, these come first: whoever the configuration names, and who
was known before the flood began. Of the rest whole groups are looked at, a share of them that is
halved until there is time for it; groups of which only some frames would be looked at would seem
silent. What is not looked at is counted as skipped, said, and taken off the confidence of findings
that rest on silence, as frames are that the kernel dropped. Disks get everything all the same.

That it is so is seen by the time of frames: a process that was stopped is late as well, but it
catches up. So the flood is one where frames are late and get later while they are looked at.
"""

from collections.abc import Callable
from zlib import crc32

from carpscope.config import Config
from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.core.values import dataclass, field
from carpscope.timeline.group import Group
from carpscope.timeline.observe import Observer

LATE: Nanos = 250 * MILLISECOND
"""Frames that are looked at this long after they came may be of a flood."""
WATCHED: Nanos = 1 * SECOND
"""They are, if they got later by a fifth of this while they were looked at for so long, or for
half as long."""
CALM: Nanos = 5 * SECOND
"""Without a late frame for so long, more is looked at: four times as many groups, or everything
where nothing was left out meanwhile."""
CALM_LATEST: Nanos = 60 * SECOND
"""Twice as long each time that was too much, up to this: a flood that goes on is not late as long
as it is not looked at."""
WIDER = 4
EACH = 8
"""Of the frames that libpcap hands over at once, so many of one sender that comes first are looked
at: anybody can send in its name."""
SHARE_FIRST = 64
"""One group in so many of the others is looked at when a flood begins,"""
SHARE_LAST = 1 << 16
"""and at the end as good as none."""
KNOWN_AFTER: Nanos = 3 * SECOND
"""Who advertised in its beat for so long was known before."""
ETHERNET = 1
_TAGS = (b"\x81\x00", b"\x88\xa8")


@dataclass(slots=True)
class Triage:
    """Chooses among frames of one interface."""

    clock: Callable[[], Nanos]
    first: frozenset[tuple[bytes, bytes]] = frozenset()
    """Groups and addresses of who advertises in them; ARP for an address is of no group."""
    open: frozenset[bytes] = frozenset()
    """Groups of the configuration that list no nodes: whoever advertises in them."""
    skipped: int = 0
    """Frames that were not looked at."""
    share: int = 1
    """One in so many of the other groups is looked at."""
    _late: tuple[Nanos, Nanos] | None = None
    """When frames were found late, and by how much."""
    _last_late: Nanos = 0
    """When that was, or when more was looked at."""
    _calm: Nanos = CALM
    _widened: Nanos = 0
    """When more was looked at last,"""
    _skipped: int = 0
    """and what had not been looked at until then."""
    _counts: dict[bytes, int] = field(default_factory=dict)

    def choose(self, batch: Batch) -> Batch:
        """Give those of some packets that are looked at, in order."""
        self._counts.clear()
        if not len(batch):
            return batch
        self._observe(batch.at(0))
        if self.share == 1:
            return batch
        chosen = [index for index in range(len(batch)) if self._is_chosen(batch.frame(index))]
        self.skipped += len(batch) - len(chosen)
        return batch.chosen(chosen)

    @property
    def is_flood(self) -> bool:
        """Tell whether something is not looked at."""
        return self.share > 1

    def _observe(self, at: Nanos) -> None:
        """See how late the frames are, and whether that is a flood."""
        now = self.clock()
        lateness = now - at
        if lateness <= LATE:
            self._late = None
            if abs(now - self._last_late) > self._calm:
                self._widen(now)
            return
        self._last_late = now
        if self._late is None:
            # who is very late at once was stopped, and is given as much time again to catch up
            given = min(2 * lateness, CALM) if lateness > WATCHED else 0
            self._late = now + given, lateness
            return
        since, before = self._late
        is_growing = lateness - before > WATCHED // 5
        if now - since >= (WATCHED // 2 if is_growing else WATCHED):
            if is_growing:
                self._narrow(now)
            self._late = now, lateness

    def _narrow(self, now: Nanos) -> None:
        """Look at less."""
        if abs(now - self._widened) <= self._calm:
            self._calm, self._widened = min(2 * self._calm, CALM_LATEST), 0
        if not self.is_flood:
            self._skipped = self.skipped
        self.share = min(max(SHARE_FIRST, self.share * 2), SHARE_LAST)

    def _widen(self, now: Nanos) -> None:
        """Look at more after a time without a late frame."""
        if not self.is_flood:
            self._calm = CALM
            return
        self.share = 1 if self.skipped == self._skipped else max(1, self.share // WIDER)
        self._skipped = self.skipped
        self._last_late = self._widened = now

    def _is_chosen(self, frame: Frame) -> bool:
        if frame.link != ETHERNET:
            return True
        source, group = _named(frame.data)
        if (group, source) in self.first or group in self.open:
            count = self._counts.get(source, 0)
            self._counts[source] = count + 1
            return count < EACH
        return bool(group) and crc32(group) % self.share == 0

    def keeps(self, group: Group) -> bool:
        """Tell whether all of a group is looked at, or those of it that were known."""
        key = _key(group.vlan, group.vhid)
        if key in self.open or crc32(key) % self.share == 0:
            return True
        return any((key, address) in self.first for address in group.nodes)

    def know(self, observer: Observer, config: Config) -> None:
        """Take who comes first; in a flood nobody joins."""
        if self.is_flood:
            return
        listed = [
            pair
            for group in config.groups
            for key in (_key(group.vlan, group.vhid),)
            for pair in (
                *((key, address) for address in (*group.nodes, *group.master)),
                *((b"", address) for address in group.addresses),
            )
        ]
        at = observer.now
        known = [
            pair
            for group in observer.groups.values()
            for key in (_key(group.vlan, group.vhid),)
            for node in group.nodes.values()
            if at - node.first >= KNOWN_AFTER and node.is_steady
            for pair in (
                *((key, address) for address in node.addresses),
                *((b"", address) for address in node.announced),
            )
        ]
        self.first = frozenset((*listed, *known))
        self.open = frozenset(_key(g.vlan, g.vhid) for g in config.groups if not g.nodes)


def _key(vlans: tuple[int, ...], vhid: int) -> bytes:
    """Give a group as its frames name it."""
    return b"".join(_TAGS[0] + vlan.to_bytes(2) for vlan in vlans) + bytes([vhid])


def _named(data: bytes) -> tuple[bytes, bytes]:
    """Return who advertises, or whom an ARP packet speaks for, and the group that is named."""
    place, vlans = 14, b""
    kind = data[12:14]
    while kind in _TAGS and place <= 18:
        vlans += _TAGS[0] + bytes([data[place] & 15 if place < len(data) else 0])
        vlans += data[place + 1 : place + 2]
        kind = data[place + 2 : place + 4]
        place += 4
    if kind == b"\x08\x00" and data[place + 9 : place + 10] == b"\x70":
        body = place + 4 * (data[place] & 15)
        return data[place + 12 : place + 16], vlans + data[body + 1 : body + 2]
    if kind == b"\x86\xdd" and data[place + 6 : place + 7] == b"\x70":
        return data[place + 8 : place + 24], vlans + data[place + 41 : place + 42]
    if kind == b"\x08\x06":
        return data[place + 14 : place + 18], b""
    return b"", b""
