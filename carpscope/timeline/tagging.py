"""One name for a segment that captures show differently: tagged on a trunk, untagged elsewhere.

Frames that two captures share show which segments are the same. All captures then use the name
with the most tags, since a trunk may also carry another network untagged.
"""

from collections import Counter
from collections.abc import Sequence

from carpscope.timeline.sightings import Sightings, Tagged
from carpscope.wire.decode import Packet

SHARED_MIN = 3
"""Fewer may have been forwarded from one segment to another."""

_Place = tuple[int, tuple[int, ...]]
"""A capture, and a segment as it shows it."""


class Segments:
    """The common name of each segment of several captures."""

    def __init__(self, seen: Sequence[Sightings]) -> None:
        """Compute it from the frames that captures share."""
        shown: dict[_Place, Tagged] = {}
        together: Counter[tuple[_Place, _Place]] = Counter()
        totals: Counter[tuple[_Place, int]] = Counter()
        for one, mine in enumerate(seen):
            for key, tagged in mine.segments.items():
                if tagged is None:
                    continue
                here = one, tagged.segment
                shown.setdefault(here, tagged)
                for other, theirs in enumerate(seen):
                    twin = theirs.segments.get(key) if other != one else None
                    if twin is not None:
                        together[here, (other, twin.segment)] += 1
                        totals[here, other] += 1
        self._moved: dict[_Place, Tagged] = {}
        for (here, there), count in together.items():
            if count < SHARED_MIN or 10 * count < 9 * totals[here, there[0]]:
                continue
            best = self._moved.get(here, shown[here])
            if _rank(there, shown[there]) > _rank(here, best) and here[1] != there[1]:
                self._moved[here] = shown[there]
        self._captures = {capture for capture, _ in self._moved}

    def concerns(self, capture: int) -> bool:
        """Return whether a segment of a capture gets another name than the capture shows."""
        return capture in self._captures

    def renamed(self, packet: Packet) -> Packet:
        """Return a packet with the common name of its segment."""
        link = packet.link
        if link is None or packet.frame.capture not in self._captures:
            return packet
        other = self._moved.get((packet.frame.capture, link.vlan))
        if other is None:
            return packet
        return packet._replace(link=link._replace(tags=other.tags, networks=other.networks))


def _rank(place: _Place, tagged: Tagged) -> tuple[int, int]:
    """Return the sort key of names: most tags first, then the first capture."""
    return len(tagged.segment), -place[0]
