"""On which host's card a capture was taken, as far as frames show.

Some captures mark the frames that their host sent. A switch forwards unicast frames only to the
card that they are for, so the MAC that all unicast frames have in common is that card. Of the
frames that two captures share, those of a capture's own host come relatively sooner than those of
any other host. And a host's own capture holds everything that the host sent. Where none of this
decides, as on a mirror port, the place is unknown.
"""

from collections.abc import Sequence

from carpscope.core.values import dataclass
from carpscope.timeline.matching import Matched
from carpscope.timeline.pairing import Pair
from carpscope.timeline.sightings import Names, Sightings

DROPPED = 50
"""A capture counts as complete if it lacks at most one frame in this many."""
LACKS = 3
"""Advertisements of another host that must be missing before completeness decides a place."""
CHANCE = 0.001
"""The greatest probability at which completeness decides: that all frames of a host elsewhere
arrived, at the loss rate of another host."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a capture was taken."""

    addresses: tuple[bytes, ...] = ()
    """Addresses that its host advertises from; empty where unknown or where it advertises none."""
    hosts: frozenset[int] = frozenset()
    """The host's number in `sightings.Names`; two where both families were not joined."""
    because: str = ""
    """`marked`, `unicast`, `sooner` or `complete`; empty where it is unknown."""


@dataclass(frozen=True, slots=True)
class CapturedShare:
    """How many advertisements of a host a capture holds and lacks, of those sent while it ran."""

    held: int
    missing: int

    @property
    def is_complete(self) -> bool:
        """Return whether it lacks no more than a capture loses by itself."""
        return self.held > 0 and self.missing * DROPPED <= self.held

    def may_be_lucky(self, rival: "CapturedShare") -> bool:
        """Return whether it may be complete by chance, at the loss rate of another host."""
        lost = rival.missing / (rival.held + rival.missing)
        return bool((1 - lost) ** self.held > CHANCE)


def homes(found: Sequence[Place]) -> dict[int, int]:
    """Return by host the capture that was taken on it."""
    return {host: capture for capture, place in enumerate(found) for host in place.hosts}


def places(
    seen: Sequence[Sightings], names: Names, pairs: Sequence[Pair], matched: Matched
) -> list[Place]:
    """Return the place of every capture."""
    addresses = names.addresses()
    cards = names.macs()
    held = _held(seen, names.hosts(), matched)
    found = [
        _place(capture, one, addresses, cards, pairs, held) for capture, one in enumerate(seen)
    ]
    return [place if _is_only(place, found) else Place() for place in found]


def _is_only(place: Place, found: Sequence[Place]) -> bool:
    """Return whether no other capture shows as strongly that it was taken on the same host."""
    rivals = [other for other in found if other is not place and other.hosts & place.hosts]
    if place.because in ("marked", "unicast"):
        return True  # two captures may run on one host
    if place.because == "sooner":
        return not rivals
    return all(rival.because == "sooner" for rival in rivals)


def _place(
    capture: int,
    seen: Sightings,
    addresses: dict[int, list[bytes]],
    cards: dict[bytes, int],
    pairs: Sequence[Pair],
    held: dict[tuple[int, int], CapturedShare],
) -> Place:
    def place(hosts: set[int], because: str) -> Place:
        found = [address for host in sorted(hosts) for address in addresses.get(host, [])]
        return Place(tuple(found), frozenset(hosts), because)

    marked = {host for host in seen.outgoing if host in addresses}
    if marked:
        return place(marked, "marked")
    whole = {
        host for host in addresses if held.get((capture, host), CapturedShare(1, 0)).is_complete
    }
    if seen.unicast is not None:
        if not seen.unicast:
            return Place()  # frames between other hosts: a mirror port
        ends = {cards[mac] for mac in seen.unicast if mac in cards}
        known = set(cards.values())
        # hosts that advertise from another card are not where the capture is
        whole = {host for host in whole if host in ends or host not in known}
        if len(seen.unicast) == 1 and ends:
            return place(ends & whole or ends - set(addresses), "unicast")
    near = _sooner(capture, pairs)
    if near:
        return place(near & whole or near - set(addresses), "sooner")
    alone = {
        host
        for host in whole
        if (own := held.get((capture, host))) is not None
        and any(
            other == capture
            and rival != host
            and count.missing >= LACKS
            and not own.may_be_lucky(count)
            for (other, rival), count in held.items()
        )
    }
    families = [len(address) for host in alone for address in addresses[host]]
    if len(alone) > 1 and len(set(families)) < len(families):
        return Place()  # only one host of them can be where the capture is
    return place(alone, "complete") if alone else Place()


def _sooner(capture: int, pairs: Sequence[Pair]) -> set[int]:
    """Return the hosts that are nearest to a capture in every comparison that decides."""
    found: set[int] | None = None
    for pair in pairs:
        if capture not in (pair.one, pair.other):
            continue
        near = set(pair.edge(other=capture == pair.other))
        if near:
            found = near if found is None else found & near
    return found or set()


def _held(
    seen: Sequence[Sightings], hosts: list[int], matched: Matched
) -> dict[tuple[int, int], CapturedShare]:
    """Return by (capture, host) how many advertisements the capture holds and lacks."""
    counts: dict[tuple[int, int], list[int]] = {}
    spans = [(min(at, default=0), max(at, default=-1)) for at in matched.at]
    keys = [set(one.packets.key) for one in seen]
    for capture, one in enumerate(seen):
        column, masks, times = one.packets, matched.held[capture], matched.at[capture]
        for place, sender in enumerate(column.sender):
            if sender < 0:
                continue
            host = hosts[column.host[place]]
            counts.setdefault((capture, host), [0, 0])[0] += 1
            for other, (start, end) in enumerate(spans):
                # held at a time that does not fit: the clock is wrong, and nothing is missing
                lacks = not masks[place] >> other & 1 and column.key[place] not in keys[other]
                if lacks and start <= times[place] <= end:
                    counts.setdefault((other, host), [0, 0])[1] += 1
    return {key: CapturedShare(*count) for key, count in counts.items()}
