"""The stages of the search: each tries one kind of set under the keys that are worth it."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

from carpscope.auth import sets
from carpscope.auth.recipes import Recipe, in_order
from carpscope.auth.search import Search

SUBSET_LIMIT = 20
"""Addresses of which every subset is tried: 2**20 digests, about a second a key."""
SUBSET_LIMIT_MISTAKES = 9
"""The same for keys with a mistake in them, of which each candidate has about twenty."""
SUBSET_LIMIT_LINK_LAYER = 12
WEAK_JOINED = 12
"""Addresses only seen in ARP join the subsets while there are fewer than these."""
ORDERED_LIMIT = 8
"""Addresses whose every arrangement is tried in the end: 109,601."""
SMALL_SETS = 50_000
"""Combinations of one size, out of many addresses."""
UNKNOWN_NETWORKS = 8
PAIR_BASES = 2


def usual(search: Search) -> Recipe | None:
    """Try what people mean, under every key."""
    chosen = sets.usual(search.pool, search.automatic)
    for lladdr in (b"", *search.lladdrs):
        found = search.try_all(search.keyring.keys, chosen, lladdr)
        if found is not None:
            return found
    return None


def few(search: Search) -> Recipe | None:
    """Try every subset of few addresses, under every key."""
    strong = search.pool.strong
    if len(strong) <= SUBSET_LIMIT_MISTAKES:
        strong = (*strong, search.automatic)
    ordered = in_order(strong[: SUBSET_LIMIT_MISTAKES + 1])
    for key in search.keyring.keys:
        found = search.try_subsets(key, ordered)
        if found is not None:
            return found
    return None


def orders(search: Search) -> Recipe | None:
    """Try other orders: FreeBSD 5 and 6.0 sign as configured, DragonFly its IPv6."""
    arrangements = sets.arrangements(search.pool, search.automatic)
    return search.try_all(search.keyring.likely, arrangements)


def mistyped(search: Search) -> Recipe | None:
    """Try each supplied address with one slip of the keyboard."""
    return search.try_all(search.keyring.likely, sets.mistyped(search.pool))


def small(search: Search) -> Recipe | None:
    """Try a few out of very many, and all but two."""
    strong, everything = search.pool.strong, search.pool.all
    if len(everything) <= SUBSET_LIMIT_MISTAKES:
        return None  # `few` had them all
    ordered = in_order(everything)
    for key in search.keyring.likely:
        for size in range(2, len(ordered) - 1):
            if math.comb(len(ordered), size) > SMALL_SETS:
                break
            found = search.try_all((key,), list(itertools.combinations(ordered, size)))
            if found is not None or not search.spend(0):
                return found
        if len(strong) > SUBSET_LIMIT:
            whole = in_order(strong)
            most = itertools.combinations(whole, len(whole) - 2)
            found = search.try_all((key,), list(itertools.islice(most, SMALL_SETS)))
            if found is not None:
                return found
    return None


def stranger(search: Search) -> Recipe | None:
    """Try one address that nobody named, from the networks of node and candidates."""
    strangers = list(_strangers(search))
    bases = sets.bases(search.pool)
    for key in search.keyring.likely:
        for base in bases:
            found = search.try_strangers(key, base, strangers)
            if found is not None:
                return search.found(key, found)
            if not search.spend(0):
                return None
    return None


def subsets(search: Search) -> Recipe | None:
    """Try every subset of as many addresses as the keys leave room for."""
    keys = search.keyring.likely
    strong, weak = search.pool.strong, search.pool.weak
    room = max(search.most // len(keys), 2)
    limit = min(SUBSET_LIMIT, int(math.log2(room)))
    # the carp interface's own link-local address doubles the work, so it is one of them
    own = (search.automatic,) if search.automatic not in strong and len(strong) < limit else ()
    chosen = (*strong, *weak[: max(0, WEAK_JOINED - len(strong))], *own)[:limit]
    if len(strong) > limit:
        passphrases = f" with {len(keys)} passphrases" if limit < SUBSET_LIMIT else ""
        search.limit(
            f"{len(strong)} candidate addresses{passphrases}: every subset of the first {limit} "
            "was tried, of all of them a few at a time"
        )
    if len(weak) > max(0, WEAK_JOINED - len(strong)):
        search.limit(
            f"{len(strong) + len(weak)} candidate addresses: those only seen in ARP or neighbour "
            "discovery were tried alone, a few at a time, and each with all the others"
        )
    attempts = [(in_order(chosen), b"")]
    given = sets.families(chosen)
    if len(given) <= SUBSET_LIMIT_LINK_LAYER:
        attempts.append((given, b""))
    attempts += [(in_order(chosen[:SUBSET_LIMIT_LINK_LAYER]), mac) for mac in search.lladdrs]
    for ordered, lladdr in dict.fromkeys(attempts):
        for key in keys:
            found = search.try_subsets(key, ordered, lladdr)
            if found is not None:
                return found
    return None


def rearranged(search: Search) -> Recipe | None:
    """Try any order of a few more addresses than `orders` does."""
    strong = search.pool.strong
    if len(strong) <= sets.PERMUTATION_LIMIT:
        return None
    if len(strong) > ORDERED_LIMIT:
        search.limit(
            f"{len(strong)} candidate addresses: ascending order and the order given were tried, "
            f"any order only for up to {ORDERED_LIMIT}"
        )
        return None
    for key in search.keyring.likely:
        found = search.try_orders(key, strong)
        if found is not None:
            return found
    return None


def pairs(search: Search) -> Recipe | None:
    """Try two addresses that nobody named, from the sender's own /24."""
    for net in list(dict.fromkeys(a[:3] for a in search.candidates.networks if len(a) == 4))[:1]:
        hosts = [net + bytes((host,)) for host in range(1, 255)]
        for key in search.keyring.plain:
            for base in sets.bases(search.pool)[:PAIR_BASES]:
                for index, one in enumerate(hosts):
                    joined = in_order((*base, one))
                    found = search.try_strangers(key, joined, hosts[index + 1 :])
                    if found is not None:
                        return search.found(key, found)
                if not search.spend(0):
                    return None
    return None


Stage: TypeAlias = Callable[[Search], Recipe | None]
FIRST: tuple[Stage, ...] = (usual, few)
QUICK: tuple[Stage, ...] = (*FIRST, orders, mistyped)
"""Milliseconds each."""
DEAR: tuple[Stage, ...] = (*QUICK, stranger, small, subsets, rearranged)
ALL: tuple[Stage, ...] = (*DEAR, pairs)


def _strangers(search: Search) -> Iterator[bytes]:
    """Give the addresses of the networks around, except those that are known."""
    known = set(search.pool.all)
    near = [*search.candidates.networks, *search.pool.all]
    ipv4 = list(dict.fromkeys(a[:3] for a in near if len(a) == 4))[:UNKNOWN_NETWORKS]
    ipv6 = list(dict.fromkeys(a[:15] for a in search.pool.strong if len(a) == 16))
    for net in (*ipv4, *ipv6[:UNKNOWN_NETWORKS]):
        for host in range(256):
            address = net + bytes((host,))
            if address not in known:
                yield address
