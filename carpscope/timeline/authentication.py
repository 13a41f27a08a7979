"""How a node signs, over time.

Each advertisement is checked against the recipe that fitted last, then the others known
for its vhid. What fits none waits, bounded, until the candidates are complete (addresses
are learned from the whole capture); then the search of `auth.explain` runs on it. The
result is a list of spans, so a change in mid-capture has its moment.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from carpscope.auth.explain import Candidates, Outcome, Recipe, Sample, explain
from carpscope.auth.keyring import Keyring
from carpscope.core.units import Nanos

WAITING_LIMIT = 50_000
"""Unexplained advertisements kept per node (about 10 MB); later ones are only counted."""
SEARCH_LIMIT = 8
"""Searches per node: each explains one way of signing, and nobody rotates more often."""


class Waiting(NamedTuple):
    """An advertisement that no known recipe explains yet."""

    at: Nanos
    frame: int
    counter: bytes
    digest: bytes


@dataclass(slots=True)
class Span:
    """Consecutive advertisements of one node that one recipe explains, or none does."""

    recipe: Recipe | None
    start: Nanos
    first: int
    end: Nanos
    last: int
    count: int
    sample: Waiting | None = None
    """One of them, where none of the recipes explains it: to try again with more candidates."""


@dataclass(slots=True)
class AuthenticationTrack:
    """The authentication of one node."""

    spans: list[Span] = field(default_factory=list)
    """Complete and in order after `settle`; before that, what was verified on arrival."""
    waiting: list[Waiting] = field(default_factory=list)
    overflow: int = 0
    limits: list[str] = field(default_factory=list)
    _tried: Candidates | None = None
    """What the last search that failed had to go on."""
    _failures: int = 0

    def see(
        self, at: Nanos, frame: int, counter: bytes, digest: bytes, recipes: list[Recipe]
    ) -> bool:
        """Check one advertisement against what is known; tell whether it verifies."""
        last = self.spans[-1] if self.spans else None
        if last is not None and last.recipe is not None and last.recipe.fits(counter, digest):
            if not self.waiting or self.waiting[-1].at <= last.end:
                last.end, last.last = at, frame
                last.count += 1
            else:
                self.spans.append(Span(last.recipe, at, frame, at, frame, 1))
            return True
        for recipe in recipes:
            if recipe.fits(counter, digest):
                self.spans.append(Span(recipe, at, frame, at, frame, 1))
                return True
        if len(self.waiting) < WAITING_LIMIT:
            self.waiting.append(Waiting(at, frame, counter, digest))
        else:
            self.overflow += 1
        return False

    def settle(
        self, vhid: int, keyring: Keyring, candidates: Candidates, recipes: list[Recipe]
    ) -> None:
        """Explain what waits and put everything in order. New recipes join `recipes`.

        May be called again: what stays unexplained is searched once more when there are
        other candidates, or now and then when more of it came.
        """
        solved: list[Span] = []
        rest = self.waiting
        for span in self.spans:
            if span.recipe is None and span.sample is not None:
                span.recipe = self._again(vhid, span.sample, keyring, candidates, recipes)
            solved.append(span)
        for recipe in list(recipes):
            rest = _apply(recipe, rest, solved)
        for _ in range(SEARCH_LIMIT):
            if not rest or not self._worth(candidates):
                break
            # The first one decides; the last one too, where one in between was corrupt.
            found = self._search(vhid, rest[0], keyring, candidates)
            if found is None and len(rest) > 1:
                found = self._search(vhid, rest[-1], keyring, candidates)
            if found is None:
                self._tried = candidates
                self._failures += 1
                break
            recipes.append(found)
            rest = _apply(found, rest, solved)
        solved += [Span(None, w.at, w.frame, w.at, w.frame, 1, w) for w in rest]
        solved.sort(key=lambda span: (span.start, span.first))
        self.spans = _joined(solved)
        self.waiting = []

    def _worth(self, candidates: Candidates) -> bool:
        """Tell whether a search may find what the last one did not."""
        return candidates != self._tried or self._failures.bit_count() == 1

    def _again(
        self,
        vhid: int,
        sample: Waiting,
        keyring: Keyring,
        candidates: Candidates,
        recipes: list[Recipe],
    ) -> Recipe | None:
        """Try an unexplained span with what is known by now."""
        for recipe in recipes:
            if recipe.fits(sample.counter, sample.digest):
                return recipe
        if candidates == self._tried:
            return None
        found = self._search(vhid, sample, keyring, candidates)
        if found is not None:
            recipes.append(found)
        return found

    def _search(
        self, vhid: int, waiting: Waiting, keyring: Keyring, candidates: Candidates
    ) -> Recipe | None:
        sample = Sample(vhid, waiting.counter, waiting.digest)
        outcome: Outcome = explain(sample, keyring, candidates)
        self.limits = list(dict.fromkeys([*self.limits, *outcome.limits]))
        return outcome.recipe

    @property
    def verified(self) -> int:
        """Return how many advertisements verify."""
        return sum(span.count for span in self.spans if span.recipe is not None)

    @property
    def failed(self) -> int:
        """Return how many do not."""
        loose = sum(span.count for span in self.spans if span.recipe is None)
        return loose + len(self.waiting) + self.overflow

    @property
    def recipe(self) -> Recipe | None:
        """Return the recipe that explains it last."""
        for span in reversed(self.spans):
            if span.recipe is not None:
                return span.recipe
        return None

    def recipe_at(self, at: Nanos) -> Recipe | None:
        """Return the recipe in force at a time (after `settle`)."""
        best: Recipe | None = None
        for span in self.spans:
            if span.start > at and best is not None:
                break
            best = span.recipe
        return best


def _apply(recipe: Recipe, rest: list[Waiting], solved: list[Span]) -> list[Waiting]:
    """Move what a recipe explains from `rest` to `solved`; return what it does not."""
    left = []
    for one in rest:
        if recipe.fits(one.counter, one.digest):
            solved.append(Span(recipe, one.at, one.frame, one.at, one.frame, 1))
        else:
            left.append(one)
    return left


def _joined(spans: list[Span]) -> list[Span]:
    """Join neighbours with the same recipe."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].recipe == span.recipe:
            joined[-1].end, joined[-1].last = span.end, span.last
            joined[-1].count += span.count
        else:
            joined.append(span)
    return joined
