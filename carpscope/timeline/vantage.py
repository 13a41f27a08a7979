"""Several captures of one network: whose clock is how far off, and what reached only one.

An advertisement that was captured at two places is the same bytes twice. Its two times
differ by the offset between the clocks and by the way between the places, so each such
pair bounds the offset; over all pairs a straight line is fitted, whose slope is the drift.
The line is off by no more than its largest residual plus the longest way a packet can
have had between the places, which is an assumption and is stated with the result.

What one capture holds and the other, which was running, does not, was sent here and never
seen there.
"""

import itertools
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.timeline.clocks import PATH_MAX, Clock, fitted
from carpscope.timeline.group import COPY_WINDOW
from carpscope.timeline.node import frame_ref
from carpscope.wire.decode import Packet

NEAR: Nanos = 50 * MILLISECOND
"""Where bytes repeat (a counter that never moves), this close in corrected time is the same."""
EDGE: Nanos = 100 * MILLISECOND
"""At its ends a capture may have begun or stopped between two packets."""
ANCHORS_MAX = 20_000
"""Pairs that a clock is fitted to; spread evenly where there are more."""
FRAMES_KEPT = 24


@dataclass(slots=True)
class Sightings:
    """The advertisements of one capture: 26 bytes each."""

    at: "array[int]" = field(default_factory=lambda: array("q"))
    number: "array[int]" = field(default_factory=lambda: array("q"))
    key: "array[int]" = field(default_factory=lambda: array("Q"))
    sender: "array[int]" = field(default_factory=lambda: array("H"))
    first: Nanos | None = None
    last: Nanos | None = None
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent an advertisement, by what it says."""

    vhid: int
    source: bytes


@dataclass(slots=True)
class Loss:
    """A stretch in which one sender's advertisements are in one capture only."""

    sender: Sender
    seen: int
    """The capture that has them."""
    missing: int
    """The capture that has none of them, although it was running."""
    start: Nanos
    end: Nanos
    count: int
    frames: list[int]
    """FrameRefs in the capture that has them, at most a few dozen."""
    meanwhile: int = 0
    """Advertisements that the other capture recorded in the same time."""


@dataclass(slots=True)
class Vantage:
    """What comparing captures has shown."""

    clocks: list[Clock]
    """One for each capture; the first is the reference."""
    losses: list[Loss] = field(default_factory=list)
    common: dict[tuple[int, int], int] = field(default_factory=dict)
    """(one, other) to how many advertisements both hold."""
    delays: dict[tuple[Sender, int, int], Nanos] = field(default_factory=dict)
    """Median residual of a sender's pairs: who is nearer to which capture shows in it."""
    notes: list[str] = field(default_factory=list)

    def corrected(self, frames: Iterable[Frame], capture: int) -> Iterator[Frame]:
        """Give the frames of a capture with times of the reference's clock."""
        clock = self.clocks[capture]
        if clock.is_reference or not clock.known:
            yield from frames
            return
        for frame in frames:
            yield frame._replace(at=clock.corrected(frame.at))


class Survey:
    """Takes the packets of every capture, each in its own order, before the analysis."""

    def __init__(self, captures: int, path_max: Nanos = PATH_MAX) -> None:
        """Expect so many captures; `path_max` is the longest way between two of them."""
        self._seen = [Sightings() for _ in range(captures)]
        self._senders: dict[Sender, int] = {}
        self._path_max = path_max
        self._recent: dict[tuple[int, int], tuple[int, Nanos]] = {}

    def see(self, packet: Packet) -> None:
        """Take one packet."""
        frame = packet.frame
        seen = self._seen[frame.capture]
        seen.frames += 1
        seen.first = frame.at if seen.first is None else min(seen.first, frame.at)
        seen.last = frame.at if seen.last is None else max(seen.last, frame.at)
        view, ip = packet.advert, packet.ip
        if view is None or ip is None:
            return
        sender = Sender(view.vhid, ip.source)
        if len(self._senders) >= 0xFFFF and sender not in self._senders:
            return  # invented senders; what they sent proves nothing
        index = self._senders.setdefault(sender, len(self._senders))
        # not the IP header's checksum: a sender's own card fills it in behind the capture
        text = b"".join(
            (ip.source, ip.destination, (ip.identification or 0).to_bytes(2, "big"))
        ) + bytes(frame.data[view.offset : view.offset + 36])
        key = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
        before, at = self._recent.get((frame.capture, index), (-1, 0))
        self._recent[frame.capture, index] = (key, frame.at)
        if before == key and frame.at - at <= COPY_WINDOW:
            return  # a mirror port that shows both directions
        seen.at.append(min(max(frame.at, -(1 << 62)), 1 << 62))
        seen.number.append(frame.number)
        seen.key.append(key)
        seen.sender.append(index)

    def result(self) -> Vantage:
        """Fit the clocks and say what is missing where."""
        seen = self._seen
        unique = [_unique(one) for one in seen]
        clocks = [Clock(0, 0)] + [Clock(index, None) for index in range(1, len(seen))]
        waiting = set(range(1, len(seen)))
        known = [0]
        while known and waiting:
            reference = known.pop(0)
            for index in sorted(waiting):
                pairs = _pairs(seen, unique, reference, index)
                if not pairs:
                    continue
                base = clocks[reference]
                points = [(base.corrected(here), there) for here, there in pairs]
                clocks[index] = fitted(index, reference, points, self._path_max, base.bound)
                waiting.discard(index)
                known.append(index)
        vantage = Vantage(clocks)
        for index in sorted(waiting):
            if any(_overlap(seen[index], other) for other in seen if other is not seen[index]):
                vantage.notes.append(
                    f"capture {index + 1} shares no advertisement with the others: its clock is "
                    "taken as it is"
                )
        senders = list(self._senders)
        times = [array("q", map(clocks[i].corrected, one.at)) for i, one in enumerate(seen)]
        for one in range(len(seen)):
            for other in range(one + 1, len(seen)):
                if clocks[one].known and clocks[other].known:
                    _compare(vantage, seen, times, senders, one, other)
        vantage.losses.sort(key=lambda loss: (loss.start, loss.seen, loss.missing))
        return vantage


def _overlap(one: Sightings, other: Sightings) -> bool:
    """Tell whether two ran at once; files that a capture was cut into follow each other."""
    if one.first is None or one.last is None or other.first is None or other.last is None:
        return False
    return one.first < other.last and other.first < one.last


def _unique(seen: Sightings) -> dict[int, int]:
    """Return the place of every key that a capture holds once."""
    places: dict[int, int] = {}
    for place, key in enumerate(seen.key):
        places[key] = -1 if key in places else place
    return {key: place for key, place in places.items() if place >= 0}


def _pairs(
    seen: list[Sightings], unique: list[dict[int, int]], one: int, other: int
) -> list[tuple[Nanos, Nanos]]:
    """Return the times of advertisements that two captures hold once each."""
    theirs = unique[other]
    found = [
        (seen[one].at[place], seen[other].at[theirs[key]])
        for key, place in unique[one].items()
        if key in theirs
    ]
    step = -(-len(found) // ANCHORS_MAX)
    return sorted(found)[:: max(step, 1)]


def _compare(
    vantage: Vantage,
    seen: list[Sightings],
    times: "list[array[int]]",
    senders: list[Sender],
    one: int,
    other: int,
) -> None:
    """Match two captures' advertisements; note what only one of them holds."""
    by_key: dict[int, list[int]] = {}
    for place, key in enumerate(seen[other].key):
        by_key.setdefault(key, []).append(place)
    theirs, taken = times[other], bytearray(len(seen[other].key))
    matched = bytearray(len(seen[one].key))
    residuals: dict[int, list[Nanos]] = {}
    for place, key in enumerate(seen[one].key):
        at = times[one][place]
        best = _nearest(by_key.get(key, []), theirs, taken, at)
        if best is None:
            continue
        taken[best] = matched[place] = 1
        residuals.setdefault(seen[one].sender[place], []).append(theirs[best] - at)
    vantage.common[one, other] = sum(matched)
    if not vantage.common[one, other]:
        return
    for index, found in residuals.items():
        median = sorted(found)[len(found) // 2]
        vantage.delays[senders[index], one, other] = median
        vantage.delays[senders[index], other, one] = -median
    shared = {senders[index].vhid for index in residuals}
    for here, there, flags in ((one, other, matched), (other, one, taken)):
        vantage.losses += _stretches(vantage, seen, times, senders, here, there, flags, shared)


def _nearest(places: list[int], times: "array[int]", taken: bytearray, at: Nanos) -> int | None:
    """Find the same bytes at about the same time; bytes that repeat have many places."""
    start = bisect_left(places, at - NEAR, key=times.__getitem__)
    near = [
        place
        for place in itertools.takewhile(
            lambda p: times[p] <= at + NEAR, places[start : start + 64]
        )
        if not taken[place]
    ]
    return min(near, key=lambda place: abs(times[place] - at), default=None)


def _stretches(
    vantage: Vantage,
    seen: list[Sightings],
    times: "list[array[int]]",
    senders: list[Sender],
    here: int,
    there: int,
    matched: bytearray,
    shared: set[int],
) -> Iterator[Loss]:
    """Give the stretches in which a sender's advertisements are here and not there."""
    first, last = seen[there].first, seen[there].last
    if first is None or last is None:
        return
    clock = vantage.clocks[there]
    first, last = clock.corrected(first) + EDGE, clock.corrected(last) - EDGE
    current: dict[int, Loss] = {}
    for place, index in enumerate(seen[here].sender):
        at, sender = times[here][place], senders[index]
        if sender.vhid not in shared or not first <= at <= last:
            continue
        if matched[place]:
            if (over := current.pop(index, None)) is not None:
                yield _closed(over, times[there])
            continue
        loss = current.get(index)
        if loss is None:
            loss = current[index] = Loss(sender, here, there, at, at, 0, [])
        loss.end = at
        loss.count += 1
        if len(loss.frames) == FRAMES_KEPT:
            del loss.frames[FRAMES_KEPT // 2]
        loss.frames.append(frame_ref(here, seen[here].number[place]))
    for loss in current.values():
        yield _closed(loss, times[there])


def _closed(loss: Loss, times: "array[int]") -> Loss:
    loss.meanwhile = bisect_right(times, loss.end + SECOND) - bisect_left(
        times, loss.start - SECOND
    )
    return loss
