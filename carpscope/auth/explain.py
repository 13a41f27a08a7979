"""Which key and which addresses produce a digest: the search.

One advertisement decides: 160 bits do not fit by chance. The search goes from what
people configure to what they get wrong, and shares the hash state of common prefixes,
so that every subset of 20 addresses costs about one copy and two short hashes.

Order (each for all keys that are worth it): everything supplied, each address alone,
one family, without link-local; all subsets, sorted; any order of few; OpenBSD's
hand-set link-layer address; one address nobody supplied, from the node's own networks.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from carpscope.auth.digest import Signer, message, ordinary_order
from carpscope.auth.keyring import Key, Keyring
from carpscope.core.address import is_link_local

SUBSET_LIMIT = 20
"""Addresses of which every subset is tried: 2**20 digests, about two seconds a key."""
SUBSET_LIMIT_MISTAKES = 9
"""The same for keys with a mistake in them, of which each candidate has about twenty."""
PERMUTATION_LIMIT = 6
UNKNOWN_BASES = 16
"""Sets to which one unknown address is added; the pairs of unknown ones use the first."""


class Sample(NamedTuple):
    """What has to be explained: one advertisement's vhid, counter and digest."""

    vhid: int
    counter: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a node signs: the answer of the search."""

    vhid: int
    key: Key
    addresses: tuple[bytes, ...]
    """In the order they are signed."""
    rule: str
    """`sorted`, `configured order` or `sorted, link-layer address …`."""
    lladdr: bytes = b""
    unsupplied: tuple[bytes, ...] = ()
    """Those of `addresses` that nobody supplied and no frame announced."""
    signer: Signer = field(compare=False, repr=False, kw_only=True)

    def fits(self, counter: bytes, digest: bytes) -> bool:
        """Tell whether this recipe produces a digest."""
        # Both are public and offline; there is no secret for timing to leak.
        return self.signer.sign(counter) == digest

    @property
    def address_set(self) -> frozenset[bytes]:
        """Return the addresses without their order."""
        return frozenset(self.addresses)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may have been signed, as far as anyone said or showed."""

    supplied: tuple[bytes, ...] = ()
    learned: tuple[bytes, ...] = ()
    """Announced in the capture: gratuitous ARP, neighbour advertisements, ARP for them."""
    networks: tuple[bytes, ...] = ()
    """Addresses whose /24 is searched for one that nobody named: the senders' own."""
    macs: tuple[bytes, ...] = ()
    """Link-layer addresses seen, for OpenBSD interfaces with one set by hand."""


@dataclass(slots=True)
class Outcome:
    """What the search found, and what it left out."""

    recipe: Recipe | None = None
    digests: int = 0
    limits: list[str] = field(default_factory=list)


def explain(sample: Sample, keyring: Keyring, candidates: Candidates) -> Outcome:
    """Find the recipe that explains a sample, or say what was not tried."""
    outcome = Outcome()
    pool = _pool(sample.vhid, candidates)
    for search in (_usual, _subsets, _orders, _link_layer, _unknown):
        outcome.recipe = search(sample, keyring, pool, candidates, outcome)
        if outcome.recipe is not None:
            break
    return outcome


def _pool(vhid: int, candidates: Candidates) -> list[bytes]:
    """Return every address that may be signed, supplied ones first, each once."""
    automatic = b"\xfe\x80" + bytes(6) + b"\x02\x00\x5e\xff\xfe\x00\x01" + bytes((vhid,))
    known = [*candidates.supplied, *candidates.learned]
    if any(len(address) == 16 for address in known):
        # NetBSD, FreeBSD 9 and older sign the carp interface's own link-local address
        known.append(automatic)
    return list(dict.fromkeys(address for address in known if any(address)))


def recipe_for(
    sample: Sample, key: Key, addresses: Sequence[bytes], rule: str = "sorted", lladdr: bytes = b""
) -> Recipe | None:
    """Return the recipe of these addresses in this order, if it produces the sample."""
    ipv4 = [a for a in addresses if len(a) == 4]
    ipv6 = [a for a in addresses if len(a) == 16]
    signer = Signer(key.secret, message(sample.vhid, ipv4, ipv6, lladdr))
    if signer.sign(sample.counter) != sample.digest:
        return None
    return Recipe(sample.vhid, key, (*ipv4, *ipv6), rule, lladdr, signer=signer)


def _ordered(addresses: Iterable[bytes]) -> tuple[bytes, ...]:
    ipv4, ipv6 = ordinary_order(addresses)
    return (*ipv4, *ipv6)


def _usual_sets(pool: Sequence[bytes], supplied: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Give the sets that people mean, likeliest first, each once."""
    sets = [_ordered(supplied), _ordered(pool)]
    sets += [_ordered(a for a in chosen if not is_link_local(a)) for chosen in (supplied, pool)]
    sets += [_ordered(a for a in pool if len(a) == size) for size in (4, 16)]
    sets += [(address,) for address in pool]
    sets += [_ordered(a for a in pool if a != left_out) for left_out in pool]
    sets.append(())
    yield from dict.fromkeys(sets)


def _usual(
    sample: Sample, keyring: Keyring, pool: list[bytes], candidates: Candidates, outcome: Outcome
) -> Recipe | None:
    sets = list(_usual_sets(pool, candidates.supplied))
    for key in keyring.keys:
        for addresses in sets:
            outcome.digests += 1
            found = recipe_for(sample, key, addresses)
            if found is not None:
                return found
    return None


def _subsets(
    sample: Sample, keyring: Keyring, pool: list[bytes], candidates: Candidates, outcome: Outcome
) -> Recipe | None:
    del candidates
    for key in keyring.keys:
        limit = SUBSET_LIMIT if key.variant == "as given" else SUBSET_LIMIT_MISTAKES
        if len(pool) > limit and key.variant == "as given":
            outcome.limits.append(
                f"{len(pool)} candidate addresses; subsets of the first {limit} were tried"
            )
        chosen = _ordered(pool[:limit])
        found = _any_subset(sample, key, chosen, outcome)
        if found is not None:
            return recipe_for(sample, key, found)
    return None


def _any_subset(
    sample: Sample, key: Key, ordered: Sequence[bytes], outcome: Outcome
) -> tuple[bytes, ...] | None:
    """Walk all subsets of an ordered list; a subset's hash state is its parent's plus one."""
    counter, wanted = sample.counter, sample.digest
    padded = key.secret.ljust(64, b"\0")
    outer = hashlib.sha1(bytes(b ^ 0x5C for b in padded), usedforsecurity=False)
    root = hashlib.sha1(bytes(b ^ 0x36 for b in padded), usedforsecurity=False)
    root.update(message(sample.vhid, (), ()))
    stack: list[tuple[hashlib._Hash, int, tuple[bytes, ...]]] = [(root, 0, ())]
    count = len(ordered)
    while stack:
        state, start, taken = stack.pop()
        inner = state.copy()
        inner.update(counter)
        last = outer.copy()
        last.update(inner.digest())
        outcome.digests += 1
        if last.digest() == wanted:
            return taken
        for index in range(start, count):
            child = state.copy()
            child.update(ordered[index])
            stack.append((child, index + 1, (*taken, ordered[index])))
    return None


def _orders(
    sample: Sample, keyring: Keyring, pool: list[bytes], candidates: Candidates, outcome: Outcome
) -> Recipe | None:
    """Try any order of few: FreeBSD 5 and 6.0 sign as configured, DragonFly its IPv6."""
    del candidates
    chosen = pool[:PERMUTATION_LIMIT]
    for key in keyring.plain:
        for size in range(2, len(chosen) + 1):
            for addresses in itertools.permutations(chosen, size):
                outcome.digests += 1
                found = recipe_for(sample, key, addresses, "configured order")
                if found is not None:
                    return found
    return None


def _link_layer(
    sample: Sample, keyring: Keyring, pool: list[bytes], candidates: Candidates, outcome: Outcome
) -> Recipe | None:
    """Try OpenBSD's hand-set link-layer address before the vhid (carp_hmac_prepare_ctx)."""
    sets = [*_usual_sets(pool, candidates.supplied)]
    if len(pool) <= PERMUTATION_LIMIT:
        ordered = _ordered(pool)
        sets = [s for n in range(len(pool), -1, -1) for s in itertools.combinations(ordered, n)]
    for key in keyring.plain:
        for mac in candidates.macs:
            for addresses in sets:
                outcome.digests += 1
                rule = "sorted, after the link-layer address set by hand"
                found = recipe_for(sample, key, addresses, rule, mac)
                if found is not None:
                    return found
    return None


def _unknown(
    sample: Sample, keyring: Keyring, pool: list[bytes], candidates: Candidates, outcome: Outcome
) -> Recipe | None:
    """Try one address that nobody named, from the /24 of the node and of the candidates."""
    near = dict.fromkeys(a[:3] for a in (*candidates.networks, *pool) if len(a) == 4)
    strangers = [net + bytes((host,)) for net in list(near)[:8] for host in range(256)]
    known = frozenset(pool)
    bases = [(), *_usual_sets(pool, candidates.supplied)]
    bases = list(dict.fromkeys(bases))[:UNKNOWN_BASES]
    for key in keyring.plain:
        for base in bases:
            for stranger in strangers:
                if stranger in known:
                    continue
                outcome.digests += 1
                found = recipe_for(sample, key, _ordered((*base, stranger)))
                if found is not None:
                    return _naming_strangers(found, known)
    for key in keyring.plain:
        for net in list(near)[:1]:
            hosts = [net + bytes((host,)) for host in range(1, 255)]
            for pair in itertools.combinations(hosts, 2):
                outcome.digests += 1
                found = recipe_for(sample, key, pair)
                if found is not None:
                    return _naming_strangers(found, known)
    return None


def _naming_strangers(found: Recipe, known: frozenset[bytes]) -> Recipe:
    return Recipe(
        found.vhid,
        found.key,
        found.addresses,
        found.rule,
        found.lladdr,
        tuple(a for a in found.addresses if a not in known),
        signer=found.signer,
    )
