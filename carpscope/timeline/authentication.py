"""How a node signs, over time.

Each advertisement is checked against the recipe that fitted last, then the others known
for its vhid. What fits none waits, bounded, until the candidates are complete (addresses
are learned from the whole capture); then `timeline.explaining` searches. The result is a
list of spans, so a change in mid-capture has its moment.
"""

from bisect import bisect
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from carpscope.auth.explain import Candidates, Recipe
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field, replace
from carpscope.timeline.log import Log

WAITING_LIMIT = 1024
"""Unexplained advertisements kept per node (about 250 kB); older ones are kept as a sample."""
FEW = 2
"""Fewer unexplained advertisements between explained ones are damaged or made up, and do not
show that the node signed differently."""
FOLD = 64
"""This many unexplained advertisements in a row are kept as one sample and a count."""
FOLDS_KEPT = 256
"""Samples of that kind kept; beyond it, neighbouring samples are joined into one."""
SIGNED_KEPT = 512
"""Counters kept per node with their HMACs, to compare with other nodes: the last minutes."""
EARLY = (1, 4, 16, 256, 4096)
"""At these numbers of unexplained advertisements, and later at each fourfold number, a quick
search runs at once, so that a node that is easily explained is verified while it is captured and
nothing of it has to be kept. It runs at the first one too, because `timeline.foreign` has to know
early who verifies."""


class Waiting(NamedTuple):
    """An advertisement that no known recipe explains yet."""

    at: Nanos
    frame: int
    counter: bytes
    digest: bytes


@dataclass(slots=True)
class SigningSpan:
    """Consecutive advertisements of one node that one recipe explains, or none does."""

    recipe: Recipe | None
    start: Nanos
    first: int
    end: Nanos
    last: int
    count: int
    sample: Waiting | None = None
    """One of the advertisements, where no recipe explains them: to search again later, when there
    are more candidates."""


@dataclass(slots=True)
class AuthenticationTrack:
    """The authentication of one node."""

    spans: list[SigningSpan] = field(default_factory=list)
    """In order of time. Complete once the track was settled; before that, only what was verified
    on arrival."""
    waiting: list[Waiting] = field(default_factory=list)
    """Advertisements that no known recipe explains yet, in order of time."""
    folded: int = 0
    """How many unexplained advertisements are only counted in spans with a sample."""
    limits: list[str] = field(default_factory=list)
    _signed: OrderedDict[bytes, Waiting] = field(default_factory=OrderedDict)
    _log: Log | None = None
    """The group's log of rows taken at once, from which `signed` is filled when it is asked."""
    _taken: int = 0
    resigned: list[Waiting] = field(default_factory=list)
    """Advertisements whose counter the node had signed before with another HMAC: its passphrase
    or addresses were changed in between."""
    tried: Candidates | None = None
    """The candidates of the last search that failed, None where none failed."""
    failures: int = 0
    beat: Nanos = 0
    """The interval that the node announces (advbase + advskew/256), in nanoseconds."""
    beside: int = 0
    """How many advertisements in its name, between its verified ones, do not verify: they are not
    the node's own."""

    @property
    def signed(self) -> OrderedDict[bytes, Waiting]:
        """Return its latest advertisements by counter, at most `SIGNED_KEPT`.

        Where two nodes signed one counter, their HMACs show whether key and addresses are equal
        (`timeline.equal_counters`).
        """
        log = self._log
        if log is not None and self._taken != log.total:
            told, self._taken = self._taken, log.total
            for run, place in log.since(told, SIGNED_KEPT):
                if run.node.authentication is self:
                    at, frame = run.at[place], run.frame(place)
                    self.remember(Waiting(at, frame, run.counter(place), run.digest(place)))
        return self._signed

    @property
    def signed_size(self) -> int:
        """Return how many counters are kept, without filling `signed` from the log."""
        pending = self._log.signed_since(self._taken) if self._log is not None else 0
        return min(SIGNED_KEPT, len(self._signed) + pending)

    def shrink(self, count: int) -> None:
        """Forget all but the latest `count` counters."""
        excess = self.signed_size - count
        while excess > 0 and self._signed:
            self._signed.popitem(last=False)
            excess -= 1
        if excess > 0 and self._log is not None:
            self._taken = self._log.total - count

    def go_on(self, log: Log) -> None:
        """Fill `signed` also from a group's log, which holds no row of this node yet."""
        if self._log is None:
            self._log, self._taken = log, log.total

    def some(self, places: Iterable[int]) -> list[Waiting]:
        """Return the waiting advertisements at these places."""
        return [self.waiting[place] for place in places]

    @property
    def unexplained(self) -> int:
        """Return how many advertisements wait, without those that are folded into samples."""
        return len(self.waiting)

    def see(
        self, at: Nanos, frame: int, counter: bytes, digest: bytes, recipes: list[Recipe]
    ) -> bool:
        """Check one advertisement against the known recipes; return whether it verifies."""
        seen = Waiting(at, frame, counter, digest)
        self.remember(seen)
        last = self.spans[-1] if self.spans else None
        if last is not None and last.recipe is not None and last.recipe.fits(counter, digest):
            if not self.waiting or self.waiting[-1].at <= last.end:
                last.end, last.last = at, frame
                last.count += 1
            else:
                self.spans.append(SigningSpan(last.recipe, at, frame, at, frame, 1))
            return True
        for recipe in recipes:
            if recipe.fits(counter, digest):
                self.spans.append(SigningSpan(recipe, at, frame, at, frame, 1))
                return True
        self.wait(seen)
        return False

    def explains(self, counter: bytes, digest: bytes, recipes: list[Recipe]) -> bool:
        """Return whether a known recipe explains an HMAC, without keeping anything."""
        last = self.spans[-1].recipe if self.spans else None
        if last is not None and last.fits(counter, digest):
            return True
        return any(recipe.fits(counter, digest) for recipe in recipes)

    def wait(self, seen: Waiting) -> None:
        """Keep an unexplained advertisement; beyond `WAITING_LIMIT` the oldest become samples."""
        self.waiting.append(seen)
        if len(self.waiting) >= WAITING_LIMIT:
            self.fold(0, WAITING_LIMIT // 2)

    def fold(self, first: int, count: int) -> None:
        """Replace `count` waiting advertisements, from place `first` on, by spans with a sample."""
        old = self.waiting[first : first + count]
        del self.waiting[first : first + count]
        self.folded += len(old)
        for start in range(0, len(old), FOLD):
            some = old[start : start + FOLD]
            begin, last = some[0], some[-1]
            span = SigningSpan(None, begin.at, begin.frame, last.at, last.frame, len(some), last)
            self.spans.append(span)
        loose = [span for span in self.spans if span.recipe is None]
        if len(loose) > FOLDS_KEPT:
            self.spans = _thinned(self.spans)

    def remember(self, seen: Waiting) -> None:
        """Keep a counter with its HMAC, to compare it with those of other nodes."""
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
        """Return whether enough advertisements wait for a quick search before the end."""
        unexplained = self.unexplained + self.folded
        return is_worth_a_look(unexplained)

    @property
    def until_due(self) -> int:
        """Return how many more must wait until the next quick search is due; at least 1."""
        unexplained = self.unexplained + self.folded
        return _look_from(unexplained + 1) - unexplained

    def apply(self, recipes: list[Recipe]) -> None:
        """Move the waiting advertisements that a known recipe explains into spans."""
        for recipe in recipes:
            if not self.unexplained:
                break
            left = []
            for one in self.waiting:
                if recipe.fits(one.counter, one.digest):
                    self.spans.append(SigningSpan(recipe, one.at, one.frame, one.at, one.frame, 1))
                else:
                    left.append(one)
            self.waiting = left
        for span in self.spans:
            if span.recipe is None and span.sample is not None:
                counter, digest = span.sample.counter, span.sample.digest
                span.recipe = next((r for r in recipes if r.fits(counter, digest)), None)
                if span.recipe is not None:
                    self.folded -= min(span.count, self.folded)

    def tidy(self, *, finish: bool) -> None:
        """Sort the spans and join neighbours of one recipe.

        With `finish`, what still waits becomes spans without a recipe.
        """
        if finish:
            self.spans += [
                SigningSpan(None, w.at, w.frame, w.at, w.frame, 1, w) for w in self.waiting
            ]
            self.waiting = []
        self.spans.sort(key=lambda span: (span.start, span.first))
        self.spans = _joined(self.spans, [one.at for one in self.waiting], loose=finish)

    @property
    def verified(self) -> int:
        """Return how many of the node's advertisements verify."""
        return sum(span.count for span in self.spans if span.recipe is not None)

    @property
    def failed(self) -> int:
        """Return how many of the node's own advertisements do not verify."""
        loose = sum(way.count for way in self.ways if way.recipe is None)
        return loose + self.unexplained

    @property
    def is_in_force(self) -> bool:
        """Tell whether its last advertisement verifies."""
        if not self.spans or self.spans[-1].recipe is None:
            return False
        return not self.waiting or self.waiting[-1].at <= self.spans[-1].end

    @property
    def has_verified(self) -> bool:
        """Tell whether any of its advertisements verifies."""
        return any(span.recipe is not None for span in self.spans)

    @property
    def ways(self) -> list[SigningSpan]:
        """Return the spans of the node's own advertisements, in order of time.

        Advertisements that do not verify were sent by somebody else where verified ones before and
        after them keep the announced interval. Where the verified ones end and others go on, the
        node was reconfigured, and both are its own.
        """
        return _joined(_own(self.spans, self.beat), [], loose=True)

    @property
    def odd(self) -> list[SigningSpan]:
        """Return the spans that are not its own."""
        own = {way.first for way in _own(self.spans, self.beat)}
        return [span for span in self.spans if span.first not in own]

    @property
    def strangers(self) -> int:
        """Return how many advertisements in its name are not its own."""
        return self.beside + sum(span.count for span in self.odd)

    @property
    def recipe(self) -> Recipe | None:
        """Return the recipe of the node's last own advertisements, None where none is known."""
        ways = self.ways
        if not ways:
            return None
        later = sum(1 for one in self.waiting[-2:] if one.at > ways[-1].end)
        return ways[-1].recipe if later < FEW else None

    def status(self, *, supplied: bool) -> str:
        """Return `verified`, `failed` or `unchecked`, by the node's last own advertisements.

        `supplied` says whether there are candidates of a user; the empty passphrase is always one.
        """
        if self.recipe is not None:
            return "verified"
        return "failed" if supplied and self.failed else "unchecked"


def _own(spans: list[SigningSpan], beat: Nanos) -> list[SigningSpan]:
    """Return copies of the spans that are the node's own.

    Left out are unverified spans between verified ones, and single unverified advertisements
    beside verified spans.
    """
    if all(span.recipe is None for span in spans):
        return [replace(span) for span in spans]
    kept = []
    before: SigningSpan | None = None
    for place, span in enumerate(spans):
        if span.recipe is not None:
            before = span
        elif span.count < FEW or (before is not None and _goes_on(spans[place:], before, beat)):
            continue
        kept.append(replace(span))
    return kept


def _goes_on(spans: list[SigningSpan], before: SigningSpan, beat: Nanos) -> bool:
    """Return whether the verified spans after an unverified one keep the interval of `before`."""
    after = next((span for span in spans if span.recipe is not None), None)
    return after is not None and after.start - before.end <= 2 * beat


def is_worth_a_look(count: int) -> bool:
    """Return whether a quick search is due at this number of unexplained advertisements."""
    return count == _look_from(count)


def _look_from(count: int) -> int:
    """Return the lowest number from `count` on at which a quick search is due."""
    due = EARLY[-1]
    while due < count:
        due *= 4
    return next((early for early in EARLY if early >= count), due)


def _joined(spans: list[SigningSpan], waiting: list[Nanos], *, loose: bool) -> list[SigningSpan]:
    """Join neighbouring spans of one recipe, but not across a time in `waiting` (sorted).

    Without `loose`, spans without a recipe are not joined: a search may still find a different
    recipe for each.
    """
    joined: list[SigningSpan] = []
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


def _thinned(spans: list[SigningSpan]) -> list[SigningSpan]:
    """Halve the unexplained spans: join every second one to its neighbour before."""
    thinned: list[SigningSpan] = []
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
