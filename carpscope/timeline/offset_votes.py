"""The clock offset of two captures that share only bytes that repeat, by voting.

With a constant counter over IPv6, announcements or listener reports, a sighting in one capture may
be any of those in the other. Each pair of times votes for an offset. Frames at an even interval
match at many offsets nearly as well; rare frames (an announcement, another counter) decide, and
where there are none, the offset nearest to 0 is taken.
"""

from array import array
from bisect import bisect_left

from carpscope.core.units import Nanos
from carpscope.protocol.spans import UNSURE
from carpscope.timeline.sightings import Column

SIGHTINGS_MAX = 300
"""Of one key; the first ones."""
KEYS_MAX = 256
OFFSETS_MAX = 400
"""Offsets that are looked at closely: those with the most votes."""
ALIKE = 0.5
"""The least difference of scores that counts: an offset that matches one rare frame less."""


def voted(one: Column, other: Column) -> list[tuple[int, int]]:
    """Return (place in `one`, place in `other`) of sightings that match at the best offset."""
    shared = _shared(one, other)
    votes: dict[int, float] = {}
    for here, there in shared:
        weight = 1 / max(len(here), len(there))
        for a in here:
            for b in there:
                offset = (other.at[b] - one.at[a]) // UNSURE
                votes[offset] = votes.get(offset, 0.0) + weight
    if not votes:
        return []
    likely = sorted(votes, key=lambda o: votes[o] + votes.get(o + 1, 0.0), reverse=True)
    scored = []
    for offset in likely[:OFFSETS_MAX]:
        middle = (offset + 1) * UNSURE
        met = [_met(one, other, here, there, middle) for here, there in shared]
        score = sum(len(m) / min(len(h), len(t)) for m, (h, t) in zip(met, shared, strict=True))
        scored.append((score, middle, [pair for found in met for pair in found]))
    best = max(score for score, _, _ in scored)
    good = [entry for entry in scored if entry[0] >= best - ALIKE]
    return min(good, key=lambda entry: (abs(entry[1]) // (2 * UNSURE), -entry[0]))[2]


def _shared(one: Column, other: Column) -> list[tuple[list[int], list[int]]]:
    theirs = _places(other)
    both = [(places, theirs[key]) for key, places in _places(one).items() if key in theirs]
    return sorted(both, key=lambda pair: len(pair[0]) + len(pair[1]))[:KEYS_MAX]


def _places(column: Column) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for place, key in enumerate(column.key):
        places = found.setdefault(key, [])
        if len(places) < SIGHTINGS_MAX:
            places.append(place)
    return found


def _met(
    one: Column, other: Column, here: list[int], there: list[int], offset: Nanos
) -> list[tuple[int, int]]:
    """Match each sighting with the nearest unmatched one, at an offset."""
    times = array("q", (other.at[place] - offset for place in there))
    found, free = [], 0
    for place in here:
        at = one.at[place]
        index = bisect_left(times, at - UNSURE, free) if free < len(times) else free
        if index < len(times) and times[index] <= at + UNSURE:
            found.append((place, there[index]))
            free = index + 1
    return found
