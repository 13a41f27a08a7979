"""Verdicts packet by packet: for listing a capture, where nothing may wait for its end."""

from typing import NamedTuple

from carpscope.auth.effort import Effort
from carpscope.auth.explain import ALL, QUICK, Candidates, Recipe, Sample, explain
from carpscope.auth.keyring import Keyring

SEARCHES_PER_SOURCE = 3
"""Failing searches for one sender; a sender of random digests must not cost more."""
SOURCES_LIMIT = 4096


class Verdict(NamedTuple):
    """What can be said of one HMAC."""

    status: str
    """`verified`, `failed` (candidates supplied, none fits) or `unchecked`."""
    recipe: Recipe | None = None


class Verifier:
    """Checks each advertisement against what explained earlier ones, else searches."""

    def __init__(self, keyring: Keyring, addresses: tuple[bytes, ...]) -> None:
        """Take the candidates."""
        self._keyring = keyring
        self._addresses = addresses
        self._recipes: dict[tuple[tuple[int, ...], int], list[Recipe]] = {}
        self._failures: dict[tuple[tuple[int, ...], int, bytes], int] = {}
        self._effort = Effort()

    def check(
        self,
        vlan: tuple[int, ...],
        source: bytes,
        sample: Sample,
        learned: tuple[bytes, ...] = (),
        mac: bytes | None = None,
    ) -> Verdict:
        """Give the verdict on one advertisement; `mac` is its Ethernet source."""
        recipes = self._recipes.setdefault((vlan, sample.vhid), [])
        for index, recipe in enumerate(recipes):
            if recipe.fits(sample.counter, sample.digest):
                if index:
                    recipes.insert(0, recipes.pop(index))
                return Verdict("verified", recipe)
        who = (vlan, sample.vhid, source)
        failures = self._failures.get(who, 0)
        if failures < SEARCHES_PER_SOURCE and len(self._failures) < SOURCES_LIMIT:
            networks = (source,) if len(source) == 4 else ()
            macs = (mac,) if mac is not None else ()
            candidates = Candidates(self._addresses, (), networks, macs, learned)
            # one long search for each sender: later ones may show another way of signing
            stages = QUICK if failures else ALL
            found = explain(sample, self._keyring, candidates, self._effort, stages=stages).recipe
            if found is not None:
                recipes.append(found)
                return Verdict("verified", found)
            self._failures[who] = failures + 1
        return Verdict("failed" if len(self._keyring) else "unchecked")
