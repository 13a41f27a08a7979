"""Several pipes as vantages of one segment: one clock, one order, one of every transmission.

What `timeline.vantage` does with whole captures is done here with the last minute of each, while
they grow. Times are those of the senders: a pipe's clock is put on that of the first by frames
that both hold, and before there are any by when frames arrive. A frame waits until the other
pipes have given everything older, or as long as a way between two places may take.

Time passes with frames. Between two it passes until the next advertisement is overdue and not
farther: that nothing comes from a pipe may be the pipe's own doing, so that is no silence.
"""

import heapq
import itertools
from collections import OrderedDict, deque
from collections.abc import Sequence

from carpscope.capture.interface import CaptureInterface
from carpscope.capture.live import LiveCapture, Notice
from carpscope.capture.pipe import Pipe
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.core.values import dataclass, field, replace
from carpscope.detect.finding import Finding
from carpscope.detect.proof import proved
from carpscope.live.monitor import Monitor
from carpscope.protocol.spans import EDGE, WAYS
from carpscope.timeline import traits
from carpscope.timeline.places import Place
from carpscope.timeline.sightings import FACELESS, Sender, key_of
from carpscope.timeline.vantage import Loss, Survey, Vantage
from carpscope.wire.decode import Packet, decode

WINDOW: Nanos = 60 * SECOND
"""What is compared: longer than a finding stays open after it."""
ROWS_KEPT = 1500
"""Packets of each pipe that are compared; a flood is compared in part."""
RECENT_KEPT = 8192
HELD_MAX = 20_000
WAITING_MAX = 4096
"""Packets of a pipe by which its clock is found out, at the most."""
COMPARE_EVERY: Nanos = 5 * SECOND
"""Clocks are measured this often; what is missing somewhere is looked into at once."""
SET_FROM: Nanos = MILLISECOND
"""A clock that is off by less is left as it is."""


@dataclass(slots=True)
class Vantages:
    """The pipes of one segment, and the monitor that they are shown to."""

    monitor: Monitor
    pipes: Sequence[Pipe]
    vantage: Vantage | None = None
    _shift: list[Nanos | None] = field(default_factory=list)
    """What is added to the times of a pipe; None before its first frame."""
    _newest: list[Nanos] = field(default_factory=list)
    """The latest time of each, on the common clock."""
    _held: list[tuple[Nanos, int, Nanos, Packet]] = field(default_factory=list)
    """Packets in order of time, with when they were taken."""
    _waiting: list[list[tuple[Nanos, Packet]]] = field(default_factory=list)
    """Of each pipe: what came while its clock is not known."""
    _keys: list["OrderedDict[int, Nanos]"] = field(default_factory=list)
    """Of each pipe: what it held last, and when by its own clock."""
    _serial: "itertools.count[int]" = field(default_factory=itertools.count)
    _rows: list[deque[Packet]] = field(default_factory=list)
    """What is compared of each, with its own times."""
    _recent: "OrderedDict[int, tuple[Nanos, int, bool]]" = field(default_factory=OrderedDict)
    """By key: when it was seen, by which pipes (a bit each), and whether it advertises."""
    _passed: Nanos = 0
    """Until when frames were shown."""
    _compared: Nanos = 0
    _is_lacking: bool = False
    """Whether an advertisement is missing somewhere since the last comparison."""
    _began: dict[tuple[Sender, int, int], Loss] = field(default_factory=dict)
    """What is missing somewhere since before the window."""
    _related: set[tuple[int, int]] = field(default_factory=set)
    _places: list[Place] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Know of no frame yet."""
        count = len(self.pipes)
        self._shift = [None] * count
        self._newest = [0] * count
        self._waiting = [[] for _ in range(count)]
        self._keys = [OrderedDict() for _ in range(count)]
        self._rows = [deque(maxlen=ROWS_KEPT) for _ in range(count)]
        self._places = [Place()] * count
        self.monitor.observer.alive.is_watched = False
        self.monitor.observer.began = None
        if count > 1:
            self.monitor.prove = self.prove

    def take(self, frame: Frame, clock: Nanos) -> None:
        """Take one frame of a pipe; `clock` is one that nobody sets."""
        place = frame.capture
        with self.monitor.mistakes.isolated("frame", frame.at, frame.number):
            packet = decode(frame)
            if len(self.pipes) > 1 and packet.body is not None:
                key = key_of(packet)
                if key is not None and not key & FACELESS:
                    keys = self._keys[place]
                    keys[key] = frame.at
                    if len(keys) > RECENT_KEPT:
                        keys.popitem(last=False)
            waiting = self._waiting[place]
            if self._shift[place] is None:
                waiting.append((clock, packet))
            else:
                self._hold(clock, packet)
            if waiting:
                self._resolve(place, clock)

    def _hold(self, clock: Nanos, packet: Packet) -> None:
        place = packet.frame.capture
        at = packet.frame.at + (self._shift[place] or 0)
        self._newest[place] = max(self._newest[place], at)
        heapq.heappush(self._held, (at, next(self._serial), clock, packet))

    def _resolve(self, place: int, clock: Nanos) -> None:
        """Find out how a clock stands, once enough came to compare it by."""
        waiting = self._waiting[place]
        if len(self.pipes) > 1 and clock - waiting[0][0] < WAYS and len(waiting) < WAITING_MAX:
            return
        self._shift[place] = self._first_shift(place)
        for taken, packet in waiting:
            self._hold(taken, packet)
        waiting.clear()

    def _first_shift(self, place: int) -> Nanos:
        """Say how a clock stands: by what another pipe holds, too, else by when frames arrive."""
        keys, mine = self._keys[place], self.pipes[place].delay
        guess = 0
        for other, shift in enumerate(self._shift):
            if shift is None:
                continue
            theirs = self._keys[other]
            shared = sorted(theirs[key] - at for key, at in keys.items() if key in theirs)
            if shared:
                return shared[len(shared) // 2] + shift
            delay = self.pipes[other].delay
            if mine is not None and delay is not None:
                guess = mine - delay + shift
        return guess

    def release(self, clock: Nanos) -> None:
        """Show the monitor what nothing older can still come before."""
        for place, waiting in enumerate(self._waiting):
            if waiting:
                self._resolve(place, clock)
        ready = self._ready()
        while self._held:
            at, _, taken, packet = self._held[0]
            if at > ready and clock - taken < WAYS and len(self._held) < HELD_MAX:
                return
            heapq.heappop(self._held)
            self._show(packet, at)

    def _ready(self) -> Nanos:
        """Return until when every pipe that gives something has given everything."""
        given = [
            newest
            for pipe, newest, shift in zip(self.pipes, self._newest, self._shift, strict=True)
            if pipe.state == "up" and shift is not None
        ]
        return min(given, default=1 << 62)

    def _show(self, packet: Packet, at: Nanos) -> None:
        frame = packet.frame
        place = frame.capture
        self._passed = max(self._passed, at)
        packet = packet._replace(frame=frame._replace(at=at))
        with self.monitor.mistakes.isolated("frame", at, frame.number):
            is_copy = False
            if len(self.pipes) > 1 and packet.body is not None:
                is_copy = self._note(packet, place)
                self._rows[place].append(packet._replace(frame=frame))
                if self.vantage is not None:
                    packet = self.vantage.renamed(packet)
            self.monitor.take(packet, is_copy=is_copy)

    def _note(self, packet: Packet, place: int) -> bool:
        """Tell whether another pipe has shown this; note what one of them lacks."""
        key, at = key_of(packet), packet.frame.at
        while self._recent:
            old, (seen, mask, adverts) = next(iter(self._recent.items()))
            if at - seen <= WAYS + EDGE and len(self._recent) < RECENT_KEPT:
                break
            del self._recent[old]
            self._is_lacking = self._is_lacking or (adverts and bool(self._up() & ~mask))
        if key is None:
            return False
        before = self._recent.get(key)
        bit = 1 << place
        if before is None or before[1] & bit:  # anew, or bytes that repeat
            self._recent[key] = at, bit, packet.advert is not None
            self._recent.move_to_end(key)
            return False
        self._recent[key] = before[0], before[1] | bit, before[2]
        return True

    def _up(self) -> int:
        return sum(
            1 << place
            for place, pipe in enumerate(self.pipes)
            if pipe.state == "up" and self._shift[place] is not None
        )

    # Time

    def until(self, wall: Nanos) -> Nanos:
        """Return up to where time has passed on the segment's clock."""
        due = [
            node.due
            for group in self.monitor.observer.groups.values()
            for node in group.masters
            if node.due > self._passed
        ]
        now = min(self.now(wall), min(due, default=self._passed) - 1)
        return max(self._passed, min(now, self._held[0][0] - 1) if self._held else now)

    def now(self, wall: Nanos) -> Nanos:
        """Return the segment's time at one of our clock, less what frames may come later by."""
        for pipe, shift in zip(self.pipes, self._shift, strict=True):
            if shift is not None and pipe.delay is not None:
                return wall - pipe.delay + shift - (WAYS if len(self.pipes) > 1 else 0)
        return self._passed

    def expect(self) -> None:
        """Tell pipes how long they may be silent: by then somebody would have taken over."""
        waits = [
            max(traits.takeover(node).latest for node in group.members)
            for group in self.monitor.observer.groups.values()
            if group.masters
        ]
        patience = min(waits) + WAYS if waits else None
        for pipe in self.pipes:
            if patience is not None:
                pipe.patience = patience

    @property
    def is_shown(self) -> bool:
        """Tell whether everything that came was shown."""
        return not self._held

    def tell(self, index: int, change: Notice) -> None:
        """Note that a pipe gives nothing any more, or something again."""
        pipe = next(one for one in self.pipes if one.index == index)
        monitor, sight = self.monitor, self.monitor.sight
        since, at = self.now(change.since), max(self.now(change.at), self._passed)
        if not any(one.state == "up" for one in self.pipes):
            monitor.lose(since, at, f"{pipe.label} {pipe.why}")
            return
        place = pipe.place
        self._rows[place].clear()  # it was not there all the time,
        self._keys[place].clear()
        if any(one is not None for at, one in enumerate(self._shift) if at != place):
            self._shift[place] = None  # and its clock may be another's
        if change.state != "up":
            # what only it showed is not silent for that
            monitor.observer.resume(monitor.observer.now)
        elif sight.is_blind:
            monitor.lose(since, since, change.text)
            monitor.resume(at)
        else:
            monitor.uncertainty.blind(since, at, change.text)

    # Comparing

    def prove(self, found: list[Finding]) -> list[Finding]:
        """Return the findings with what several pipes prove in place of what was inferred."""
        at = self._passed
        if self._is_lacking or at - self._compared >= COMPARE_EVERY:
            self._is_lacking, self._compared = False, at
            self._compare(at)
        if self.vantage is None or not (self.vantage.losses or self.vantage.apart):
            return found
        groups = list(self.monitor.observer.groups.values())
        for group in groups:
            group.unheard.clear()  # only a comparison writes there, each time all of it
        return proved(found, groups, self.vantage, [pipe.label for pipe in self.pipes])

    def _compare(self, at: Nanos) -> None:
        """Compare the last minute of all pipes."""
        survey = Survey(len(self.pipes))
        for place, rows in enumerate(self._rows):
            shift = self._shift[place] or 0
            while rows and rows[0].frame.at + shift < at - WINDOW:
                rows.popleft()
            for packet in rows:
                frame = packet.frame
                survey.see(packet._replace(frame=frame._replace(at=frame.at + shift)))
        if sum(map(bool, self._rows)) < 2:
            return
        vantage = survey.result()
        self._related |= vantage.related
        vantage.related = set(self._related)
        self._places = vantage.places = [
            place if place.hosts else before
            for place, before in zip(vantage.places, self._places, strict=True)
        ]
        self._set(vantage)
        vantage.losses = self._whole(vantage.losses)
        vantage.apart = self._whole(vantage.apart)
        self.vantage = vantage

    def _set(self, vantage: Vantage) -> None:
        """Set the clocks by what the pipes share."""
        for place, clock in enumerate(vantage.clocks):
            shift = self._shift[place]
            if clock.is_reference or not clock.segments or shift is None:
                continue
            off = clock.segments[-1].told_offset(self._newest[place])
            if abs(off) >= SET_FROM:
                self._shift[place] = shift - off
                self._newest[place] -= off

    def _whole(self, losses: list[Loss]) -> list[Loss]:
        """Let what is missing for longer than the window begin where it began."""
        told = []
        for loss in losses:
            key = loss.sender, loss.seen, loss.missing
            before = self._began.get(key)
            if before is not None and before.start < loss.start <= before.end:
                count = max(loss.count, before.count)
                loss = replace(loss, start=before.start, count=count)  # noqa: PLW2901
            self._began[key] = loss
            told.append(loss)
        return told


def segments_of(capture: LiveCapture) -> list[list[CaptureInterface | Pipe]]:
    """Return what is shown to one monitor: each interface, and all pipes of a segment."""
    found: dict[tuple[str, object], list[CaptureInterface | Pipe]] = {}
    for one in capture.interfaces:
        key = ("pipe", one.segment) if isinstance(one, Pipe) else ("interface", one.index)
        found.setdefault(key, []).append(one)
    return list(found.values())
