"""Which sets of addresses are worth trying, likeliest first.

They depend on the candidates alone, so they are made once for all samples of a vhid.
"""

import itertools
from bisect import bisect
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from carpscope.auth.question import Candidates
from carpscope.auth.recipes import canonical, in_order
from carpscope.auth.typing_mistakes import slips
from carpscope.core.address import is_link_local

PERMUTATION_LIMIT = 6
"""Addresses that are tried in any order: 1,957 arrangements."""
BASES = 48
"""Sets to which one unknown address is added."""
SLIPS_LIMIT = 20
"""Supplied addresses whose slips are tried."""

Set: TypeAlias = tuple[bytes, ...]
"""Addresses in the order in which they are signed."""


class Pool(NamedTuple):
    """Every address that may be signed, each once."""

    supplied: Set
    announced: Set
    weak: Set
    """Only seen in the capture."""

    @property
    def strong(self) -> Set:
        """Return those that somebody supplied or announced."""
        return (*self.supplied, *self.announced)

    @property
    def all(self) -> Set:
        """Return all."""
        return (*self.supplied, *self.announced, *self.weak)


def pool(candidates: Candidates) -> Pool:
    """Sort candidates by how likely they are."""
    return _pool(candidates.supplied, candidates.announced, candidates.learned)


@lru_cache(maxsize=64)
def _pool(*sources: Set) -> Pool:
    seen: set[bytes] = set()
    parts = []
    for part in sources:
        kept = [a for a in map(canonical, part) if any(a) and any(byte != 0xFF for byte in a)]
        parts.append(tuple(a for a in dict.fromkeys(kept) if a not in seen))
        seen.update(kept)
    return Pool(*parts)


def families(addresses: Iterable[bytes]) -> Set:
    """Put IPv4 before IPv6 and keep the order otherwise."""
    return tuple(sorted(addresses, key=len))


@lru_cache(maxsize=64)
def usual(known: Pool, automatic: bytes) -> tuple[Set, ...]:
    """Give the sets that people mean, each sorted, each once.

    `automatic` alone differs from vhid to vhid, and putting it into its place costs far less than
    sorting: with fifty addresses and as many vhids it is most of what a search takes.
    """
    found = [_joined(base, automatic) if own else base for base, own in _usual(known)]
    # sets with and without it are the same ones where somebody supplied it
    return tuple(dict.fromkeys(found)) if automatic in known.all else tuple(found)


@lru_cache(maxsize=64)
def _usual(known: Pool) -> tuple[tuple[Set, bool], ...]:
    """Give the sets, and whether the interface's own link-local address joins them."""
    sources = [known.supplied, known.strong, known.announced, known.all[:64]]
    found = [(in_order(source), False) for source in sources[:3]]
    found += [(in_order(source), True) for source in sources[:3]]
    for source in sources:
        found.append((in_order(a for a in source if not is_link_local(a)), False))
        found += [(in_order(a for a in source if len(a) == size), False) for size in (4, 16)]
    found += [((address,), False) for address in known.all]
    found.append(((), True))
    for source in (known.supplied, known.strong):
        whole = in_order(source)
        for left_out in source:
            rest = tuple(a for a in whole if a != left_out)
            found += [(rest, False), (rest, True)]
    found += [(in_order((*source, more)), False) for source in sources[:2] for more in known.weak]
    found += [(in_order(known.all), False), ((), False)]
    return tuple(dict.fromkeys(found))


def _joined(base: Set, address: bytes) -> Set:
    """Put an IPv6 address into its place in a sorted set."""
    if address in base:
        return base
    place = bisect(base, (16, address), key=lambda a: (len(a), a))
    return *base[:place], address, *base[place:]


@lru_cache(maxsize=64)
def arrangements(known: Pool, automatic: bytes) -> tuple[Set, ...]:
    """Give sets in other than the sorted order: any for few, some for many."""
    few = known.strong or known.weak
    found: list[Set] = []
    if len(few) <= PERMUTATION_LIMIT:
        if len(few) < PERMUTATION_LIMIT and any(len(a) == 16 for a in few):
            few = (*few, automatic)
        ipv4, ipv6 = ([a for a in few if len(a) == size] for size in (4, 16))
        found += [four + six for four in _arranged(ipv4) for six in _arranged(ipv6)]
    else:
        for source in (known.supplied, known.strong):
            given = families(source)
            found += [given, families(reversed(source))]
            found += [tuple(a for a in given if a != left_out) for left_out in source]
            # DragonFly: IPv4 sorted, IPv6 in any order
            ipv4, ipv6 = ([a for a in source if len(a) == size] for size in (4, 16))
            if 1 < len(ipv6) <= PERMUTATION_LIMIT:
                fours = [in_order(ipv4), *(in_order(set(ipv4) - {a}) for a in ipv4)]
                found += [four + six for four in fours for six in _arranged(ipv6)]
    for source in (known.supplied, known.strong):
        # DragonFly: what was configured twice is signed twice
        chosen = in_order(source)
        for doubled in chosen:
            if len(doubled) == 4:
                found.append(tuple(sorted((*chosen, doubled), key=lambda a: (len(a), a))))
                found.append((doubled, doubled))
    return tuple(dict.fromkeys(found))


def _arranged(addresses: Sequence[bytes]) -> list[Set]:
    """Give every arrangement of every subset."""
    sizes = range(len(addresses) + 1)
    return [taken for size in sizes for taken in itertools.permutations(addresses, size)]


@lru_cache(maxsize=64)
def mistyped(known: Pool) -> tuple[Set, ...]:
    """Give sets in which one supplied address has a slip of the keyboard."""
    found: list[Set] = []
    names = set(known.all)
    for address in known.supplied[:SLIPS_LIMIT]:
        rests: list[Set] = []
        for source in (known.supplied, known.strong):
            rest = tuple(a for a in source if a != address)
            rests += [rest, tuple(a for a in rest if not is_link_local(a)), ()]
            rests += [tuple(a for a in rest if len(a) == len(address))]
            if len(rest) <= 3:
                rests += [t for n in range(len(rest)) for t in itertools.combinations(rest, n)]
        for slip in slips(address):
            if slip not in names:
                found += [in_order((*rest, slip)) for rest in dict.fromkeys(rests)]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=64)
def bases(known: Pool) -> tuple[Set, ...]:
    """Give the sets to which an unknown address may have been added, sorted."""
    found: list[Set] = [(), in_order(known.supplied), in_order(known.strong)]
    for source in (known.supplied, known.strong):
        found += [in_order(a for a in source if a != left_out) for left_out in source]
        found.append(in_order(a for a in source if not is_link_local(a)))
        found += [in_order(a for a in source if len(a) == size) for size in (4, 16)]
    found += [(address,) for address in known.strong]
    return tuple(dict.fromkeys(found))[:BASES]


def slip_of(known: Pool, strangers: Set, signed: Sequence[bytes]) -> Set:
    """Return the supplied addresses, not signed, that strangers are a slip away from."""
    wanted = set(strangers)
    near = known.supplied[:SLIPS_LIMIT] if wanted else ()
    return tuple(a for a in near if a not in signed and not wanted.isdisjoint(slips(a)))
