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
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.core.values import dataclass, field
from carpscope.timeline.group import Group
from carpscope.timeline.observe import Observer

LATE: Nanos = 250 * MILLISECOND
"""Frames that are looked at this long after they came may be of a flood."""
WATCHED: Nanos = 1 * SECOND
"""They are, if they got later by a fifth of this while they were looked at for so long, or for
half as long, or if what waits would take twice as long."""
STOPPED = 10
"""Who worked for less than a tenth of the time by which it is late was stopped, and not busy."""
NARROWER = 16
"""At the most so many times fewer groups are looked at from one time to the next."""
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
"""and at the end none."""
GLANCE = 16
"""So few who come first are searched for in all frames at once."""
KNOWN_AFTER: Nanos = 3 * SECOND
"""Who advertised in its beat for so long was known before."""
ETHERNET = 1
HEADERS = 96
"""Bytes: two tags, IPv4 with options, and the vhid."""
_TAGS = (b"\x81\x00", b"\x88\xa8")


@dataclass(slots=True)
class Triage:
    """Chooses among frames of one interface."""

    clock: Callable[[], Nanos]
    worked: Callable[[], Nanos] = lambda: 0
    """How long the loop has worked in all, as the system counts it."""
    waiting: Callable[[], int] = lambda: 0
    """How many frames wait to be read."""
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
    _cost: Nanos = 0
    """What a frame of the last batch took."""
    _worked: Nanos | None = None
    """What it had worked when frames came last."""
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
        data, links = batch.data, batch.links
        if self._is_empty(batch):
            chosen = []
        else:
            chosen = [
                index
                for index, (_, _, offset, captured, _, place) in enumerate(batch.rows)
                if links[place] != ETHERNET
                or self._is_chosen(bytes(data[offset : offset + min(captured, HEADERS)]))
            ]
        self.skipped += len(batch) - len(chosen)
        return batch.chosen(chosen)

    @property
    def is_flood(self) -> bool:
        """Tell whether something is not looked at."""
        return self.share > 1

    def _observe(self, at: Nanos) -> None:
        """See how late the frames are, and whether that is a flood."""
        now, worked = self.clock(), self.worked()
        lateness = now - at
        busy = worked - (worked if self._worked is None else self._worked)
        self._worked = worked
        if lateness <= LATE:
            self._late = None
            if abs(now - self._last_late) > self._calm:
                self._widen(now)
            return
        self._last_late = now
        if self._late is None:
            # who is very late at once was stopped, and is given as much time again to catch up
            is_stopped = lateness > WATCHED and busy * STOPPED < lateness
            given = min(2 * lateness, CALM) if is_stopped else 0
            self._late = now + given, lateness
            takes = self._takes() if lateness > WATCHED and not is_stopped else 0
            if takes > 2 * WATCHED:
                self._narrow(now, 1 - WATCHED / takes)
            return
        since, before = self._late
        is_growing = lateness - before > WATCHED // 5
        if now - since >= (WATCHED // 2 if is_growing else WATCHED):
            if is_growing:
                self._narrow(now, (lateness - before) / (now - since))
            self._late = now, lateness

    def took(self, count: int, time: Nanos) -> None:
        """Take how long so many frames were looked at."""
        if count:
            self._cost = time // count

    def _takes(self) -> Nanos:
        """Return how long it would take to look at what waits."""
        return self.waiting() * self._cost

    def dropped(self) -> None:
        """Take that the kernel found no room: with a full buffer frames get no later."""
        now = self.clock()
        if self._late is not None and self._late[0] <= now:
            self._narrow(now)
            self._late = now, self._late[1]

    def _narrow(self, now: Nanos, grows: float = 0.5) -> None:
        """Look at less: as many times fewer as frames came faster than they were looked at.

        `grows` is by how much later they got in a time, as a share of it.
        """
        if abs(now - self._widened) <= self._calm:
            self._calm, self._widened = min(2 * self._calm, CALM_LATEST), 0
        if not self.is_flood:
            self._skipped = self.skipped
        times = 2
        while times < NARROWER and times * (1 - grows) < 1:
            times *= 2
        self.share = min(max(SHARE_FIRST, self.share * times), SHARE_LAST)

    def _widen(self, now: Nanos) -> None:
        """Look at more after a time without a late frame."""
        if not self.is_flood:
            self._calm = CALM
            return
        self.share = 1 if self.skipped == self._skipped else max(1, self.share // WIDER)
        self._skipped = self.skipped
        self._last_late = self._widened = now

    def _is_empty(self, batch: Batch) -> bool:
        """Tell at a glance, where none of the others is looked at, that there is nobody else."""
        few = self.share == SHARE_LAST and not self.open and len(self.first) <= GLANCE
        if not few or any(link != ETHERNET for link in batch.links):
            return False
        data = bytes(batch.data)
        return not any(address in data for address in {source for _, source in self.first})

    def _is_chosen(self, head: bytes) -> bool:
        source, group = _named(head)
        if (group, source) in self.first or group in self.open:
            count = self._counts.get(source, 0)
            self._counts[source] = count + 1
            return count < EACH
        return bool(group) and self._is_of_share(group)

    def _is_of_share(self, key: bytes) -> bool:
        return self.share < SHARE_LAST and crc32(key) % self.share == 0

    def keeps(self, group: Group) -> bool:
        """Tell whether all of a group is looked at, or those of it that were known."""
        key = _key(group.vlan, group.vhid)
        if key in self.open or self._is_of_share(key):
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
