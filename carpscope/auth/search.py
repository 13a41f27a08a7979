"""What one search tries: sets, subsets and strangers under one key, counted and bounded.

Hash states of common beginnings are shared: the key's two pads are hashed once per key,
and a subset's state is its parent's with one address more, so that a digest costs two
copies and two short hashes, under a microsecond.
"""

import hashlib
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from carpscope.auth import sets
from carpscope.auth.digest import SIGNED_SIZE, pads
from carpscope.auth.effort import Effort
from carpscope.auth.keyring import CandidateKey, Keyring
from carpscope.auth.question import Candidates, Outcome, Sample
from carpscope.auth.recipes import Recipe, automatic_link_local, recipe
from carpscope.core import native

_CHUNK = 1 << 14
SUBSETS_IN_C = 24
"""Addresses at the most of which carpscope/native/sha1.h tries every subset."""

_State: TypeAlias = "hashlib._Hash"


class Search:
    """One search: a sample, what is known, and how much may still be done."""

    def __init__(
        self,
        sample: Sample,
        keyring: Keyring,
        candidates: Candidates,
        outcome: Outcome,
        effort: Effort,
        most: int,
    ) -> None:
        """Take the question, and where to count and to tell what was left out."""
        self.sample = sample
        self.keyring = keyring
        self.candidates = candidates
        self.pool = sets.pool(candidates)
        self.automatic = automatic_link_local(sample.vhid)
        virtual = b"\0\0\x5e\0\1" + bytes((sample.vhid,))
        self.lladdrs = [mac for mac in candidates.macs if mac != virtual and not mac[0] & 1][:4]
        self.most = most
        self._outcome = outcome
        self._effort = effort
        self._roots: dict[CandidateKey, tuple[_State, _State]] = {}

    # What one digest costs

    def roots(self, key: CandidateKey) -> tuple[_State, _State]:
        """Return the inner state behind 02 01 and the outer one, made once per key."""
        known = self._roots.get(key)
        if known is None:
            inner, outer = pads(key.secret)
            inner.update(b"\x02\x01")
            known = self._roots[key] = inner, outer
        return known

    def start(self, key: CandidateKey, lladdr: bytes = b"") -> tuple[_State, _State]:
        """Return the states behind the vhid."""
        root, outer = self.roots(key)
        inner = root.copy()
        inner.update(lladdr + bytes((self.sample.vhid,)))
        return inner, outer

    def spend(self, digests: int) -> bool:
        """Count; tell whether there is room for more."""
        self._outcome.digests += digests
        self._effort.spend(digests)
        return self._outcome.digests < self.most

    def limit(self, text: str) -> None:
        """Say what was not tried."""
        if text not in self._outcome.limits:
            self._outcome.limits.append(text)

    def found(self, key: CandidateKey, addresses: Sequence[bytes], lladdr: bytes = b"") -> Recipe:
        """Make the answer, naming what nobody supplied and what it may be a slip of."""
        known = {*self.pool.all, self.automatic}
        strangers = tuple(dict.fromkeys(a for a in addresses if a not in known))
        return recipe(
            self.sample.vhid,
            key,
            addresses,
            lladdr,
            left_out=[a for a in self.pool.supplied if a not in addresses],
            unsupplied=strangers,
            instead=sets.slip_of(self.pool, strangers, addresses),
        )

    def try_all(
        self, keys: Iterable[CandidateKey], chosen: Sequence[sets.Set], lladdr: bytes = b""
    ) -> Recipe | None:
        """Try sets, each in the order it has."""
        counter, wanted = self.sample.counter, self.sample.digest
        bodies: list[bytes] = []
        for key in keys:
            root, outer = self.start(key, lladdr)
            # the first key is nearly always the one: a set behind the answer is never joined
            for index, body in enumerate(bodies or _bodies(chosen, counter, bodies)):
                inner = root.copy()
                inner.update(body)
                last = outer.copy()
                last.update(inner.digest())
                if last.digest() == wanted:
                    self.spend(index + 1)
                    return self.found(key, chosen[index], lladdr)
            if not self.spend(len(chosen)):
                return None
        return None

    def try_subsets(
        self, key: CandidateKey, ordered: Sequence[bytes], lladdr: bytes = b""
    ) -> Recipe | None:
        """Walk all subsets of an ordered list, the empty one left out."""
        counter, wanted = self.sample.counter, self.sample.digest
        row = bytes(SIGNED_SIZE - len(counter) - len(wanted)) + counter + wanted
        in_c = getattr(native.loaded(), "subsets", None)
        if in_c is not None and len(ordered) <= SUBSETS_IN_C and len(row) == SIGNED_SIZE:
            prefix = b"\x02\x01" + lladdr + bytes((self.sample.vhid,))
            each = b"".join(ordered), bytes(map(len, ordered))
            done, found = in_c(key.secret, prefix, *each, row, self.most - self._outcome.digests)
            self.spend(done)
            chosen = [one for place, one in enumerate(ordered) if found >> place & 1]
            return self.found(key, chosen, lladdr) if found else None
        root, outer = self.start(key, lladdr)
        final = len(ordered) - 1
        stack: list[tuple[_State, int, tuple[bytes, ...]]] = [(root, 0, ())]
        done = 0
        while stack:
            state, first, taken = stack.pop()
            for index in range(first, final + 1):
                address = ordered[index]
                if index < final:
                    child = state.copy()
                    child.update(address)
                    stack.append((child, index + 1, (*taken, address)))
                    inner = child.copy()
                    inner.update(counter)
                else:
                    inner = state.copy()
                    inner.update(address + counter)
                last = outer.copy()
                last.update(inner.digest())
                if last.digest() == wanted:
                    self.spend(done + index + 1 - first)
                    return self.found(key, (*taken, address), lladdr)
            done += final + 1 - first
            if done > _CHUNK:
                if not self.spend(done):
                    return None
                done = 0
        self.spend(done)
        return None

    def try_orders(self, key: CandidateKey, addresses: Sequence[bytes]) -> Recipe | None:
        """Walk all arrangements of all subsets, IPv4 before IPv6."""
        counter, wanted = self.sample.counter, self.sample.digest
        root, outer = self.start(key)
        stack: list[tuple[_State, tuple[bytes, ...]]] = [(root, ())]
        done = 0
        while stack:
            state, taken = stack.pop()
            behind = bool(taken) and len(taken[-1]) == 16
            for address in addresses:
                if address in taken or (behind and len(address) == 4):
                    continue
                child = state.copy()
                child.update(address)
                inner = child.copy()
                inner.update(counter)
                last = outer.copy()
                last.update(inner.digest())
                done += 1
                if last.digest() == wanted:
                    self.spend(done)
                    return self.found(key, (*taken, address))
                stack.append((child, (*taken, address)))
            if done > _CHUNK:
                if not self.spend(done):
                    return None
                done = 0
        self.spend(done)
        return None

    def try_strangers(
        self, key: CandidateKey, base: sets.Set, strangers: Sequence[bytes]
    ) -> tuple[bytes, ...] | None:
        """Try a sorted set with each of some other addresses in its place among them."""
        counter, wanted = self.sample.counter, self.sample.digest
        root, outer = self.start(key)
        ranks = [(len(address), address) for address in base]
        before: list[_State] = [root]
        for address in base:
            state = before[-1].copy()
            state.update(address)
            before.append(state)
        after = [b"".join(base[place:]) + counter for place in range(len(base) + 1)]
        for stranger in strangers:
            place = bisect(ranks, (len(stranger), stranger))
            inner = before[place].copy()
            inner.update(stranger + after[place])
            last = outer.copy()
            last.update(inner.digest())
            if last.digest() == wanted:
                self.spend(len(strangers))
                return *base[:place], stranger, *base[place:]
        self.spend(len(strangers))
        return None


def _bodies(chosen: Iterable[sets.Set], counter: bytes, kept: list[bytes]) -> Iterator[bytes]:
    """Give what is signed behind the vhid, and keep it for the next key."""
    for addresses in chosen:
        body = b"".join(addresses) + counter
        kept.append(body)
        yield body
