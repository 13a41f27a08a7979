"""Several captures of one network: their clocks, and which frames reached only one of them.

Clocks and path delays are estimated from the frames that captures share (`timeline.clocks`,
`timeline.pairing`), every transmission counts once (`timeline.matching`), and the host on which a
capture was taken is determined where frames show it (`timeline.places`). A frame that one capture
holds and another one, which was running, does not, was sent and did not arrive there.
"""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise, tee

from carpscope.core.frame import Frame
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol.spans import EDGE
from carpscope.timeline.clocks import Clock
from carpscope.timeline.copies import Elsewhere
from carpscope.timeline.matching import ANY, CAPTURES_MAX, Matched, Reach, Reaches, matched
from carpscope.timeline.measuring import measured
from carpscope.timeline.node import frame_ref
from carpscope.timeline.offset_votes import voted
from carpscope.timeline.pairing import Pair, pair, steadiest
from carpscope.timeline.places import Place, homes, places
from carpscope.timeline.sightings import Column, PlaceRecorder, Sender, Sightings
from carpscope.timeline.tagging import Segments
from carpscope.wire.decode import Packet

ROUNDS = 3
"""Rounds in which clocks and places are estimated, each from the results of the other."""
GUESS = 5
"""The fewest frames of repeating bytes that prove a relation of two captures: fewer may have been
sent twice, once for each."""
FRAMES_KEPT = 24
PACE_OF = 64
ASLEEP = 5
"""Intervals of a sender without any recorded frame after which a capture counts as not running: a
node that receives nothing has become MASTER and sends by then."""


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
    """Frames that the other capture recorded in the same time."""
    answers: int = 0
    """Frames that the host of the `missing` capture sent in the same time, by that capture."""
    answered: int = 0
    """How many of these frames are in the `seen` capture."""
    likely: float = 0.0
    """The expected number of such stretches if frames were lost at random, at the rate before and
    after it: how likely it is chance."""
    lasts: bool = False
    """Whether the `missing` capture holds no later advertisement of the sender."""
    opens: bool = False
    """Whether the `missing` capture holds no earlier advertisement of the sender."""


@dataclass(slots=True)
class Vantage:
    """The result of comparing captures."""

    clocks: list[Clock]
    """One for each capture; the first is the reference."""
    losses: list[Loss] = field(default_factory=list)
    apart: list[Loss] = field(default_factory=list)
    """Losses between captures that share no frame; their clocks are not compared."""
    common: dict[tuple[int, int], int] = field(default_factory=dict)
    """(one, other) to how many advertisements both hold."""
    related: set[tuple[int, int]] = field(default_factory=set)
    """Pairs of captures that share any frame: they are of one network."""
    places: list[Place] = field(default_factory=list)
    """By capture the place where it was taken."""
    segments: Segments | None = None
    """The common names of segments, None before they were computed."""
    copies: Elsewhere | None = None
    """The frames that are copies of one in another capture."""
    notes: list[str] = field(default_factory=list)

    def is_copy(self, frame: Frame) -> bool:
        """Return whether a frame is a copy of one in another capture."""
        return self.copies is not None and self.copies.has(frame.capture, frame.number)

    def renames(self, frame: Frame) -> bool:
        """Return whether `renamed` may change a packet of this frame's capture."""
        return self.segments is not None and self.segments.concerns(frame.capture)

    def renamed(self, packet: Packet) -> Packet:
        """Return a packet with the common name of its segment (`timeline.tagging`)."""
        return packet if self.segments is None else self.segments.renamed(packet)

    def corrected(self, frames: Iterable[Frame], capture: int) -> Iterator[Frame]:
        """Yield the frames of a capture with their times on the reference's clock."""
        clock = self.clocks[capture]
        if clock.is_reference or not clock.known:
            yield from frames
            return
        for frame, told in _with_times(frames, clock):
            yield frame._replace(at=told)


def _with_times(frames: Iterable[Frame], clock: Clock) -> Iterator[tuple[Frame, Nanos]]:
    one, other = tee(frames)
    yield from zip(one, clock.in_order(frame.at for frame in other), strict=True)


class Survey:
    """Compares captures before the analysis, from the packets of each in its own order."""

    def __init__(self, captures: int, path_max: Nanos | None = None) -> None:
        """Prepare for `captures` captures; `path_max` is the longest path delay, if known."""
        self._recorder = PlaceRecorder(captures)
        self._path_max = path_max
        self._repeated: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._places: list[Place] = []

    def see(self, packet: Packet) -> None:
        """Take one packet."""
        self._recorder.see(packet)

    def result(self) -> Vantage:
        """Return fitted clocks, places, copies and losses."""
        recorder = self._recorder
        seen, names = recorder.seen, recorder.names
        if len(seen) > CAPTURES_MAX:
            clocks = [Clock(0, 0, bound=0)] + [Clock(index, None) for index in range(1, len(seen))]
            note = f"more than {CAPTURES_MAX} captures are merged by time and not compared"
            return Vantage(clocks, places=[Place()] * len(seen), notes=[note])
        hosts = names.hosts()
        for one in seen:
            for column in (one.packets, one.anchors):
                column.host = array("i", (hosts[h] if h >= 0 else -1 for h in column.host))
            one.outgoing = {hosts[host] for host in one.outgoing}
        clocks, pairs, reaches, found = self._matched()
        # repeating bytes are matched by clocks and places, and both are estimated from the matches
        for _ in range(ROUNDS):
            before, self._repeated = self._places, found.repeated
            self._places = places(seen, names, pairs, found)
            if self._places == before:
                break
            clocks, pairs, reaches, found = self._matched()
        vantage = Vantage(clocks, copies=found.copies, segments=Segments(seen))
        vantage.places = self._places
        vantage.related = {(p.one, p.other) for p in pairs if p.points or p.shares}
        _tell(vantage, seen)
        _count_common(vantage, seen, found)
        guessed = {(p.one, p.other) for p in pairs if p.is_guessed}
        for here in range(len(seen)):
            for there in range(len(seen)):
                key = min(here, there), max(here, there)
                if here != there:
                    told = list(_losses(recorder, found, reaches, clocks, (here, there)))
                    if key in guessed:  # where a capture begins and ends is not known to a beat
                        told = [loss for loss in told if loss.opens == loss.lasts]
                    _answer(told, seen, found, clocks, vantage.places[there].hosts)
                    (vantage.losses if key in vantage.related else vantage.apart).extend(told)
        for losses in (vantage.losses, vantage.apart):
            losses.sort(key=lambda loss: (loss.start, loss.seen, loss.missing))
        return vantage

    def _matched(self) -> tuple[list[Clock], list[Pair], Reaches, Matched]:
        clocks = self._clocks()
        pairs = self._compared(clocks)
        reaches = Reaches(pairs, clocks)
        found = matched(self._recorder.seen, clocks, reaches, homes(self._places), steadiest(pairs))
        return clocks, pairs, reaches, found

    def _clocks(self) -> list[Clock]:
        """Return all clocks, each measured by one that is known, the most exact pair first."""
        seen = self._recorder.seen
        clocks = [Clock(0, 0, bound=0)] + [Clock(index, None) for index in range(1, len(seen))]
        waiting = set(range(1, len(seen)))
        tried: dict[tuple[int, int], Clock | None] = {}
        while waiting:
            for known in [clock for clock in clocks if clock.known]:
                for index in waiting:
                    key = known.capture, index
                    if key not in tried:
                        span = _span(seen[known.capture], known)
                        tried[key] = measured(self._pair(key, known), known, span, self._path_max)
                        self._doubt(tried[key])
            ready = [c for (_, index), c in tried.items() if c is not None and index in waiting]
            if not ready:
                break
            best = min(ready, key=lambda c: (c.bound is None, c.bound or 0, -c.points, c.capture))
            clocks[best.capture] = best
            waiting.discard(best.capture)
        return clocks

    def _doubt(self, clock: Clock | None) -> None:
        """Widen a clock's bound where the nearest hosts may not be those of the captures."""
        if clock is None or clock.bound is None or clock.reference is None or clock.path_max:
            return
        places = [self._places[i] for i in (clock.capture, clock.reference)] if self._places else []
        if not places or any(place.because == "sooner" for place in places):
            clock.bound += max(clock.round_trip or 0, 0) // 2

    def _compared(self, clocks: list[Clock]) -> list[Pair]:
        """Return every pair of captures, compared by the fitted clocks."""
        indices = range(len(clocks))
        return [
            self._pair((one, other), clocks[one]) for one in indices for other in indices[one + 1 :]
        ]

    def _pair(self, key: tuple[int, int], base: Clock) -> Pair:
        seen, one, other = self._recorder.seen, key[0], key[1]
        found = pair(seen[one], seen[other], key, base)
        if found.points:
            again = self._repeated.get(key)
            if again is None:
                again = [(b, a) for a, b in self._repeated.get((other, one), ())]
            if again:
                found = pair(seen[one], seen[other], key, base, again)
        else:
            again = voted(seen[one].packets, seen[other].packets)
            found.shares = bool(again)
            if len(again) >= GUESS:
                found = pair(seen[one], seen[other], key, base, again)
                found.is_guessed = found.shares = True
        if self._places:
            found.own = self._places[one].hosts, self._places[other].hosts
        return found


def _span(seen: Sightings, clock: Clock) -> tuple[Nanos, Nanos]:
    """Return when a capture ran, on the clock of the reference."""
    first, last = seen.first or 0, seen.last or 0
    return clock.corrected(first), clock.corrected(last)


def _tell(vantage: Vantage, seen: list[Sightings]) -> None:
    for clock in vantage.clocks:
        name = f"capture {clock.capture + 1}"
        if not clock.known and any(
            _overlap(seen[clock.capture], other)
            for other in seen
            if other is not seen[clock.capture]
        ):
            vantage.notes.append(
                f"{name} shares no frame with the others: its clock is taken as it is"
            )
        if clock.note:
            vantage.notes.append(f"{name}: {clock.note}")


def _overlap(one: Sightings, other: Sightings) -> bool:
    """Return whether two captures ran at the same time; rotated files follow each other."""
    if one.first is None or one.last is None or other.first is None or other.last is None:
        return False
    return one.first < other.last and other.first < one.last


def _count_common(vantage: Vantage, seen: list[Sightings], found: Matched) -> None:
    for one in range(len(seen)):
        for other in range(one + 1, len(seen)):
            if vantage.clocks[one].known and vantage.clocks[other].known:
                vantage.common[one, other] = sum(
                    sender >= 0 and bool(mask >> other & 1)
                    for sender, mask in zip(seen[one].packets.sender, found.held[one], strict=True)
                )


def _losses(
    recorder: PlaceRecorder,
    found: Matched,
    reaches: Reaches,
    clocks: list[Clock],
    way: tuple[int, int],
) -> Iterator[Loss]:
    """Yield stretches in which only the first capture of `way` has a sender's advertisements."""
    here, there = way
    seen, senders = recorder.seen, recorder.senders
    first, last = _span(seen[there], clocks[there])
    column, at = seen[here].packets, found.at[here]
    vhids = {senders[s].vhid for s in seen[there].packets.sender if s >= 0}
    order = sorted(range(len(column)), key=at.__getitem__)
    recorded = sorted([*found.at[there], *clocks[there].in_order(seen[there].anchors.at)])
    paces = _paces(column, at, order)
    current: dict[int, Loss] = {}
    over: dict[int, list[Loss]] = {}
    received: dict[int, int] = {}
    for place in order:
        sender, when = column.sender[place], at[place]
        if sender < 0 or senders[sender].vhid not in vhids:
            continue
        reach = reaches.of(here, there, column.host[place], paces[sender])
        if reach == ANY:  # nothing is shared: both clocks are taken as they are
            reach = Reach(0, 0, 0)
        if not first + EDGE <= when + reach.least <= when + reach.most <= last - EDGE:
            continue
        if found.held[here][place] >> there & 1:
            received[sender] = received.get(sender, 0) + 1
            current.pop(sender, None)
            continue
        if _is_asleep(recorded, when, paces[sender]):
            current.pop(sender, None)
            continue
        loss = current.get(sender)
        if loss is None:
            loss = current[sender] = Loss(senders[sender], here, there, when, when, 0, [])
            loss.opens = sender not in received
            over.setdefault(sender, []).append(loss)
        loss.end = when
        loss.count += 1
        if len(loss.frames) == FRAMES_KEPT:
            del loss.frames[FRAMES_KEPT // 2]
        loss.frames.append(frame_ref(here, column.number[place]))
    for loss in current.values():
        loss.lasts = True
    for sender, losses in over.items():
        total = received.get(sender, 0) + sum(loss.count for loss in losses)
        for loss in losses:
            loss.meanwhile = bisect_right(recorded, loss.end) - bisect_left(recorded, loss.start)
            loss.likely = _likely(loss.count, len(losses) - 1, received.get(sender, 0), total)
            yield loss


def _paces(column: Column, at: "array[int]", order: list[int]) -> dict[int, Nanos]:
    """Return by sender the median interval of its advertisements."""
    times: dict[int, list[Nanos]] = {}
    for place in order:
        found = times.setdefault(column.sender[place], [])
        if len(found) < PACE_OF:
            found.append(at[place])
    return {
        sender: sorted(b - a for a, b in pairwise(found))[(len(found) - 1) // 2]
        if len(found) > 1
        else 0
        for sender, found in times.items()
    }


def _is_asleep(recorded: list[Nanos], when: Nanos, pace: Nanos) -> bool:
    """Return whether a capture was not running around a time: it recorded nothing for `ASLEEP`.

    A node that receives nothing becomes MASTER after 3 × advbase + advskew/256 and sends.
    """
    place = bisect_right(recorded, when)
    if not 0 < place < len(recorded):
        return True
    return recorded[place] - recorded[place - 1] > ASLEEP * pace


def _answer(
    losses: list[Loss],
    seen: list[Sightings],
    found: Matched,
    clocks: list[Clock],
    own: frozenset[int],
) -> None:
    """Count the frames that the host of the `missing` capture sent during each loss."""
    if not losses or not own:
        return
    times: list[list[Nanos]] = []
    for capture in (losses[0].missing, losses[0].seen):
        one = seen[capture]
        told = zip(one.packets.host, found.at[capture], strict=True)
        rest = zip(one.anchors.host, clocks[capture].in_order(one.anchors.at), strict=True)
        times.append(sorted(at for host, at in (*told, *rest) if host in own))
    for loss in losses:
        counts = [bisect_right(t, loss.end) - bisect_left(t, loss.start) for t in times]
        loss.answers, loss.answered = counts


def _likely(count: int, others: int, received: int, total: int) -> float:
    """Return the expected number of stretches of `count` frames if each is lost independently.

    The loss rate is taken from the beginnings of the `others`.
    """
    rate = (others + 0.5 + math.sqrt(others)) / (received + others + 6)
    return float(total * min(rate, 1.0) ** count)
