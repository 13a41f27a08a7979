"""Which frames of several captures are sightings of one transmission.

Bytes that come once in each capture are one frame. Bytes that repeat (a constant counter, an
announcement) are matched by time: the delay between two captures is that of the host's other
frames. A path may duplicate a frame or delay it. So where the sender's own capture shows that it
sent the bytes once, all sightings elsewhere within the delay are that transmission.
"""

import itertools
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol.spans import UNSURE, WAYS
from carpscope.timeline.clocks import Clock
from carpscope.timeline.copies import COPY_WINDOW, Elsewhere
from carpscope.timeline.pairing import Pair, by_host
from carpscope.timeline.sightings import Sightings

FEW = 5
REPEATED_KEPT = 4096
CAPTURES_MAX = 63
"""The most captures that are compared: which of them hold a frame is a bit mask in 64 bits."""


class Reach(NamedTuple):
    """How much later, in corrected time, a host's frames are seen in another capture."""

    usual: Nanos
    least: Nanos
    most: Nanos

    def mirrored(self) -> "Reach":
        """Return the same seen from the other capture."""
        return Reach(-self.usual, -self.most, -self.least)


ANY = Reach(0, -(1 << 62), 1 << 62)


class Reaches:
    """The delays (`Reach`) of each host's frames between every two captures."""

    def __init__(self, pairs: Sequence[Pair], clocks: Sequence[Clock]) -> None:
        """Compute them from the frames that two captures share."""
        self._by_host: dict[tuple[int, int, int], Reach] = {}
        self._of_pair: dict[tuple[int, int], Reach] = {}
        self._known = [clock.known for clock in clocks]
        self._guessed = {(p.one, p.other) for p in pairs if p.is_guessed}
        for pair in pairs:
            key = pair.one, pair.other
            late: dict[int, list[Nanos]] = {}
            for host, points in by_host(pair.points).items():
                told = clocks[pair.other].in_order(p.at + p.late for p in points)
                late[host] = [there - p.at for there, p in zip(told, points, strict=True)]
            if not late:
                continue
            self._put(key, _reach([one for own in late.values() for one in own]))
            for host, own in late.items():
                reach = _reach(own)
                self._by_host[*key, host] = reach
                self._by_host[key[1], key[0], host] = reach.mirrored()

    def _put(self, key: tuple[int, int], reach: Reach) -> None:
        self._of_pair[key] = reach
        self._of_pair[key[1], key[0]] = reach.mirrored()

    def spread(self, capture: int, host: int) -> Nanos:
        """Return by how much the delay of a host's frames to a capture was seen to vary."""
        found = [r for (_, c, h), r in self._by_host.items() if (c, h) == (capture, host)]
        found = found or [r for (_, c), r in self._of_pair.items() if c == capture]
        return max((reach.most - reach.least for reach in found), default=0)

    def of(self, one: int, other: int, host: int, pace: Nanos = 0) -> Reach:
        """Return the delay of a host's frames from one capture to another.

        Where the clocks are guessed it is half of `pace` in either direction: the nearest of
        frames that come at that interval.
        """
        if (min(one, other), max(one, other)) in self._guessed:
            return Reach(0, -pace // 2, pace // 2) if pace else ANY
        found = self._by_host.get((one, other, host))
        if found is None and (usual := self._of_pair.get((one, other))) is not None:
            # no frame of this host is shared: its path may differ from that of other hosts
            found = Reach(usual.usual, usual.least - WAYS, usual.most + WAYS)
        if found is None and not (self._known[one] and self._known[other]):
            return ANY  # nothing says when a frame was there
        return found or Reach(0, -UNSURE, UNSURE)


def _reach(late: list[Nanos]) -> Reach:
    ordered = sorted(late)
    margin = COPY_WINDOW + (ordered[-1] - ordered[0] if len(late) >= FEW else UNSURE)
    return Reach(ordered[len(ordered) // 2], ordered[0] - margin, ordered[-1] + margin)


@dataclass(slots=True)
class Matched:
    """Which frames of all captures are one transmission."""

    held: list["array[int]"]
    """By capture and place in it: a bit mask of the captures that hold the frame."""
    at: list["array[int]"]
    """By capture and place in it: the corrected time."""
    copies: Elsewhere
    repeated: dict[tuple[int, int], list[tuple[int, int]]] = field(default_factory=dict)
    """(capture, capture) to places in both of frames whose bytes repeat, matched by time."""


def matched(
    seen: Sequence[Sightings],
    clocks: Sequence[Clock],
    reaches: Reaches,
    homes: Mapping[int, int],
    steadiest: Mapping[int, int],
) -> Matched:
    """Match the frames of all captures.

    `homes` maps a host to the capture on it; `steadiest` maps a host without one to the capture in
    which its frames come most evenly.
    """
    at = [array("q", clocks[i].in_order(one.packets.at)) for i, one in enumerate(seen)]
    held = [array("Q", bytes(8 * len(one.packets))) for one in seen]
    copy = [bytearray(len(one.packets)) for one in seen]
    by_key: dict[int, dict[int, list[int]]] = {}
    for capture, one in enumerate(seen):
        for place, key in enumerate(one.packets.key):
            by_key.setdefault(key, {}).setdefault(capture, []).append(place)
    repeated: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for sightings in by_key.values():
        capture, places = next(iter(sightings.items()))
        host = seen[capture].packets.host[places[0]]
        if len(sightings) == 1 and (len(places) == 1 or homes.get(host) == capture):
            for place in places:
                held[capture][place] = 1 << capture
            continue
        home = homes.get(host, steadiest.get(host, -1))
        whose = host, home, frozenset(homes.values())
        members = _assigned(sightings, at, copy, reaches, whose)
        _note(members, held)
        if any(len(places) > 1 for places in sightings.values()):
            _pair_up(members, repeated)
    copies = Elsewhere(len(seen))
    for capture, one in enumerate(seen):
        for place, number in enumerate(one.packets.number):
            if copy[capture][place]:
                copies.add(capture, number)
    return Matched(held, at, copies, repeated)


class _Sent(NamedTuple):
    """One transmission: the sighting that counts as genuine, and its time."""

    at: Nanos
    capture: int
    place: int


_Members = dict[_Sent, list[tuple[int, int]]]
"""By transmission, capture and place of everything that shows it."""


def _assigned(
    sightings: dict[int, list[int]],
    at: "list[array[int]]",
    copy: list[bytearray],
    reaches: Reaches,
    whose: tuple[int, int, frozenset[int]],
) -> _Members:
    """Assign sightings of the same bytes in several captures to transmissions.

    `whose` is (host, the capture on it or -1, the captures on any host).
    """
    host, home, owned = whose

    def preference(capture: int) -> tuple[bool, int, int]:
        places = sightings[capture]
        return capture != home, len(places), capture

    sent: list[_Sent] = []
    members: _Members = {}
    longest = max(sightings, key=lambda capture: len(sightings[capture]))
    pace = _pace([at[longest][place] for place in sightings[longest]])
    for capture in sorted(sightings, key=preference):
        earlier = sorted(sent)
        new: list[_Sent] = []
        for place in sorted(sightings[capture], key=at[capture].__getitem__):
            when = at[capture][place]
            found = _origin(earlier, capture, when, reaches, (host, pace))
            if found is None and new and capture != home and capture in owned:
                # not sent here: a way that duplicates is left
                way = COPY_WINDOW + reaches.spread(capture, host)
                found = new[-1] if when - new[-1].at <= way else None
            if found is None:
                found = _Sent(when, capture, place)
                new.append(found)
                members[found] = []
            else:
                copy[capture][place] = 1
            members[found].append((capture, place))
        sent += new
    return members


def _note(members: _Members, held: "list[array[int]]") -> None:
    for places in members.values():
        mask = 0
        for capture, _ in places:
            mask |= 1 << capture
        for capture, place in places:
            held[capture][place] = mask


def _pair_up(members: _Members, repeated: dict[tuple[int, int], list[tuple[int, int]]]) -> None:
    """Keep transmissions with one sighting in each of two captures: clocks are fitted to them."""
    for places in members.values():
        for one, other in itertools.combinations(sorted(places), 2):
            key = one[0], other[0]
            if key[0] != key[1] and sum(capture in key for capture, _ in places) == 2:
                found = repeated.setdefault(key, [])
                if len(found) < REPEATED_KEPT:
                    found.append((one[1], other[1]))


def _pace(times: list[Nanos]) -> Nanos:
    """Return the median interval between sightings of the same bytes; 0 for a single one."""
    gaps = sorted(b - a for a, b in itertools.pairwise(sorted(times)))
    return gaps[len(gaps) // 2] if gaps else 0


def _origin(
    sent: list[_Sent], capture: int, when: Nanos, reaches: Reaches, how: tuple[int, Nanos]
) -> _Sent | None:
    """Return the transmission that a sighting belongs to, or None; `how` is (host, interval)."""
    best: tuple[Nanos, _Sent] | None = None
    widest = max((reaches.of(s.capture, capture, *how).most for s in sent[:1]), default=0)
    least = min((reaches.of(s.capture, capture, *how).least for s in sent[:1]), default=0)
    spare = widest - least
    start = bisect_left(sent, when - widest - spare, key=lambda s: s.at)
    for one in sent[start:]:
        if one.at > when - least + spare:
            break
        if one.capture == capture:
            continue
        reach = reaches.of(one.capture, capture, *how)
        late = when - one.at
        if reach.least <= late <= reach.most:
            far = abs(late - reach.usual)
            if best is None or far < best[0]:
                best = far, one
    return best[1] if best is not None else None
