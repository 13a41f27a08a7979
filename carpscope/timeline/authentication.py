"""How a node signs, over time.

Each advertisement is checked against the recipe that fitted last, then the others known
for its vhid. What fits none waits, bounded, until the candidates are complete (addresses
are learned from the whole capture); then `timeline.settling` searches. The result is a
list of spans, so a change in mid-capture has its moment.
"""

from bisect import bisect
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from carpscope.auth.explain import Candidates, Recipe
from carpscope.core.units import Nanos

WAITING_LIMIT = 1024
"""Unexplained advertisements kept per node (about 250 kB); of older ones a sample is kept."""
FEW = 2
"""Fewer unexplained ones beside explained ones are no way to sign: a damaged or made-up packet."""
FOLD = 64
"""So many unexplained ones in a row are told by one of them at first."""
FOLDS_KEPT = 256
"""Such rows kept; of more, neighbours are told by one."""
SIGNED_KEPT = 512
"""Counters remembered per node with what it made of them: the last minutes are compared."""
EARLY = (1, 4, 16, 256, 4096)
"""So many unexplained ones, and later four times as many, are worth a quick look at once, so that
a long capture of a node that is easily explained is verified as it comes and never kept. The first
one too: who is verified is told from who only says so (`timeline.beside`)."""


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


class Lag(Protocol):
    """Who has taken what no recipe explains, and gives it when somebody looks at it.

    What is pending is in order, and later than everything else of its node.
    """

    @property
    def pending(self) -> int:
        """Return how many there are."""
        ...

    def waiting(self, index: int) -> Waiting:
        """Give one of them, from 0."""
        ...

    def hand_over(self) -> None:
        """Put them all into the list of those that wait."""
        ...

    def clear(self) -> None:
        """Let go of them: they are told of."""
        ...


@dataclass(slots=True)
class AuthenticationTrack:
    """The authentication of one node."""

    spans: list[Span] = field(default_factory=list)
    """Complete and in order after it was settled; before that, what was verified on arrival."""
    listed: list[Waiting] = field(default_factory=list)
    """Those that wait, as far as nobody lags behind."""
    lag: Lag | None = None
    folded: int = 0
    """Unexplained ones that spans with a sample tell of."""
    limits: list[str] = field(default_factory=list)
    signed: OrderedDict[bytes, Waiting] = field(default_factory=OrderedDict)
    """By counter, the latest: equal counters of two nodes compare their keys and sets."""
    resigned: list[Waiting] = field(default_factory=list)
    """Where it signed a counter of its own again and differently: it was reconfigured."""
    tried: Candidates | None = None
    """What the last search that failed had to go on."""
    failures: int = 0
    beat: Nanos = 0
    """How far apart the node's own advertisements are, by what it says."""
    beside: int = 0
    """Those between its verified ones that do not verify: they are not the node's own."""

    @property
    def waiting(self) -> list[Waiting]:
        """Return those that wait, in order of time."""
        if self.lag is not None:
            self.lag.hand_over()
        return self.listed

    def some(self, places: Iterable[int]) -> list[Waiting]:
        """Give a few of the same, without listing what is pending."""
        listed, lag = self.listed, self.lag
        known = len(listed)
        return [
            listed[place] if place < known or lag is None else lag.waiting(place - known)
            for place in places
        ]

    @property
    def unexplained(self) -> int:
        """Return how many wait, without looking at them."""
        return len(self.listed) + (self.lag.pending if self.lag is not None else 0)

    def see(
        self, at: Nanos, frame: int, counter: bytes, digest: bytes, recipes: list[Recipe]
    ) -> bool:
        """Check one advertisement against what is known; tell whether it verifies."""
        seen = Waiting(at, frame, counter, digest)
        self.remember(seen)
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
        self.wait(seen)
        return False

    def explains(self, counter: bytes, digest: bytes, recipes: list[Recipe]) -> bool:
        """Tell whether a known recipe fits, the latest first; nothing is remembered."""
        last = self.spans[-1].recipe if self.spans else None
        if last is not None and last.fits(counter, digest):
            return True
        return any(recipe.fits(counter, digest) for recipe in recipes)

    def wait(self, seen: Waiting) -> None:
        """Keep an unexplained advertisement for later, the oldest ones as a few samples."""
        self.listed.append(seen)
        if len(self.listed) >= WAITING_LIMIT:
            self.fold(0, WAITING_LIMIT // 2)

    def wait_in_turn(self, count: int, one: Callable[[int], Waiting]) -> int:
        """Do the same with so many, of which `one` gives those that are looked at, from 0.

        Returns how many at the end still have to be listed.
        """
        listed, known = self.listed, len(self.listed)
        first = 0

        def either(index: int) -> Waiting:
            return listed[index] if index < known else one(index - known)

        while known + count - first >= WAITING_LIMIT:
            self._fold(first, WAITING_LIMIT // 2, either)
            first += WAITING_LIMIT // 2
        self.listed = listed[first:]
        return count - max(0, first - known)

    def fold(self, first: int, count: int) -> None:
        """Leave a few samples of so many of those that wait."""
        old = self.waiting[first : first + count]
        del self.listed[first : first + count]
        self._fold(0, len(old), old.__getitem__)

    def _fold(self, first: int, count: int, one: Callable[[int], Waiting]) -> None:
        self.folded += count
        for start in range(first, first + count, FOLD):
            size = min(FOLD, first + count - start)
            begin, last = one(start), one(start + size - 1)
            span = Span(None, begin.at, begin.frame, last.at, last.frame, size, last)
            self.spans.append(span)
        loose = [span for span in self.spans if span.recipe is None]
        if len(loose) > FOLDS_KEPT:
            self.spans = _thinned(self.spans)

    def remember(self, seen: Waiting) -> None:
        """Keep what it signed a counter with, to compare it with what other nodes do."""
        signed = self.signed
        before = signed.get(seen.counter)
        if before is not None:
            if before.digest != seen.digest and len(self.resigned) < SIGNED_KEPT:
                self.resigned.append(seen)
            signed.move_to_end(seen.counter)
        elif len(signed) >= SIGNED_KEPT:
            signed.popitem(last=False)
        signed[seen.counter] = seen

    @property
    def due(self) -> bool:
        """Tell whether enough waits for a quick look before the end."""
        unexplained = self.unexplained + self.folded
        return is_worth_a_look(unexplained)

    @property
    def until_due(self) -> int:
        """Return how many more have to wait until the next look is due; at least one."""
        unexplained = self.unexplained + self.folded
        return _look_from(unexplained + 1) - unexplained

    def apply(self, recipes: list[Recipe]) -> None:
        """Move what known recipes explain from what waits to the spans."""
        for recipe in recipes:
            if not self.unexplained:
                break
            left = []
            for one in self.waiting:
                if recipe.fits(one.counter, one.digest):
                    self.spans.append(Span(recipe, one.at, one.frame, one.at, one.frame, 1))
                else:
                    left.append(one)
            self.listed = left
        for span in self.spans:
            if span.recipe is None and span.sample is not None:
                counter, digest = span.sample.counter, span.sample.digest
                span.recipe = next((r for r in recipes if r.fits(counter, digest)), None)
                if span.recipe is not None:
                    self.folded -= min(span.count, self.folded)

    def tidy(self, *, finish: bool) -> None:
        """Put spans in order and join neighbours; at the end also what stays unexplained."""
        if finish:
            self.spans += [Span(None, w.at, w.frame, w.at, w.frame, 1, w) for w in self.listed]
            self.listed = []
            if self.lag is not None and self.lag.pending:
                count = self.lag.pending
                first, last = self.lag.waiting(0), self.lag.waiting(count - 1)
                span = Span(None, first.at, first.frame, last.at, last.frame, count, first)
                self.spans.append(span)
                self.lag.clear()
        self.spans.sort(key=lambda span: (span.start, span.first))
        self.spans = _joined(self.spans, [one.at for one in self.waiting], loose=finish)

    @property
    def verified(self) -> int:
        """Return how many advertisements verify."""
        return sum(span.count for span in self.spans if span.recipe is not None)

    @property
    def failed(self) -> int:
        """Return how many of its own do not."""
        loose = sum(way.count for way in self.ways if way.recipe is None)
        return loose + self.unexplained

    @property
    def is_in_force(self) -> bool:
        """Tell whether its last advertisement verifies."""
        if not self.spans or self.spans[-1].recipe is None:
            return False
        if self.lag is not None and self.lag.pending:
            return False
        return not self.listed or self.listed[-1].at <= self.spans[-1].end

    @property
    def has_verified(self) -> bool:
        """Tell whether any of its advertisements verifies."""
        return any(span.recipe is not None for span in self.spans)

    @property
    def ways(self) -> list[Span]:
        """Return how it signs over time: spans without what is not its own.

        What does not verify between advertisements that do, while those keep their beat, was sent
        by somebody else. Where the verified ones end and others go on, the node was changed.
        """
        return _joined(_own(self.spans, self.beat), [], loose=True)

    @property
    def odd(self) -> list[Span]:
        """Return the spans that are not its own."""
        own = {way.first for way in _own(self.spans, self.beat)}
        return [span for span in self.spans if span.first not in own]

    @property
    def strangers(self) -> int:
        """Return how many advertisements in its name are not its own."""
        return self.beside + sum(span.count for span in self.odd)

    @property
    def recipe(self) -> Recipe | None:
        """Return the recipe in force at the end; None where nothing known explains it then."""
        ways = self.ways
        if not ways:
            return None
        pending = self.lag.pending if self.lag is not None else 0
        later = sum(1 for one in self.listed[-2:] if one.at > ways[-1].end) + pending
        return ways[-1].recipe if later < FEW else None

    def recipe_at(self, at: Nanos) -> Recipe | None:
        """Return the recipe in force at a time (after it was settled)."""
        best: Recipe | None = None
        for way in self.ways:
            if way.start > at and best is not None:
                break
            best = way.recipe
        return best

    def status(self, *, supplied: bool) -> str:
        """Return `verified`, `failed` or `unchecked`: how it stands at the end.

        `supplied` says whether there are candidates of a user; the empty passphrase is always one.
        """
        if self.recipe is not None:
            return "verified"
        return "failed" if supplied and self.failed else "unchecked"


def _own(spans: list[Span], beat: Nanos) -> list[Span]:
    """Leave out what does not verify between spans that do, and what is a single one beside them.

    The spans are copied: they are joined to others, and the track keeps its own.
    """
    if all(span.recipe is None for span in spans):
        return [replace(span) for span in spans]
    kept = []
    before: Span | None = None
    for place, span in enumerate(spans):
        if span.recipe is not None:
            before = span
        elif span.count < FEW or (before is not None and _goes_on(spans[place:], before, beat)):
            continue
        kept.append(replace(span))
    return kept


def _goes_on(spans: list[Span], before: Span, beat: Nanos) -> bool:
    """Tell whether verified ones follow those before in their beat, whatever lies between."""
    after = next((span for span in spans if span.recipe is not None), None)
    return after is not None and after.start - before.end <= 2 * beat


def is_worth_a_look(count: int) -> bool:
    """Tell whether so many unexplained ones are worth a quick look."""
    return count == _look_from(count)


def _look_from(count: int) -> int:
    """Return the number of unexplained ones, from so many on, that is worth the next look."""
    due = EARLY[-1]
    while due < count:
        due *= 4
    return next((early for early in EARLY if early >= count), due)


def _joined(spans: list[Span], waiting: list[Nanos], *, loose: bool) -> list[Span]:
    """Join neighbours with the same recipe, but not across what waits (in order of time).

    Without `loose`, those that no recipe explains yet stay apart: each may get its own.
    """
    joined: list[Span] = []
    for span in spans:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.recipe == span.recipe
            and (loose or span.recipe is not None)
            and bisect(waiting, before.end) == bisect(waiting, span.start)
        ):
            if span.end >= before.end:
                before.end, before.last = span.end, span.last
            before.count += span.count
        else:
            joined.append(span)
    return joined


def _thinned(spans: list[Span]) -> list[Span]:
    """Join every second unexplained span to the one before, where nothing lies between."""
    thinned: list[Span] = []
    pairs = 0
    for span in spans:
        before = thinned[-1] if thinned else None
        if before is not None and before.recipe is None and span.recipe is None:
            pairs += 1
            if pairs % 2:
                before.end, before.last = span.end, span.last
                before.count += span.count
                continue
        thinned.append(span)
    return thinned
