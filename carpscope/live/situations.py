"""What became of findings between two looks: opened, updated, closed.

Detectors answer with every situation they know, over or not. Here each becomes one
situation with one identity from its opening on, whatever its finding learns later: a gap
is known by its start, and gets a second node when somebody ends it.

A situation is over when its detector says so, or when nothing of it has been seen for a
while. One that repeats soon is opened again under its old identity.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from carpscope.core.units import SECOND, Nanos
from carpscope.detect.finding import Finding
from carpscope.detect.standing import CLOSE_AFTER, is_over
from carpscope.report.record import WITHDRAWN

UPDATE_EVERY: Nanos = 60 * SECOND
"""Numbers that only grow are told this often."""
SITUATIONS_KEPT = 2000

Key = tuple[str, str, Nanos]


@dataclass(slots=True)
class Situation:
    """One finding, followed."""

    identity: str
    finding: Finding
    opened: Nanos
    """When it was told, which is later than when it began."""
    moved: Nanos
    """When its evidence last grew."""
    told: Nanos
    is_open: bool = True
    closed: Nanos | None = None
    carried: bool = False
    """Known from before a restart, and not seen again yet."""
    confidence: float = 1.0
    """The finding's, less what the capture may have missed."""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a situation."""

    action: str
    """`opened`, `updated` or `closed`."""
    situation: Situation
    why: str = ""


@dataclass(slots=True)
class Situations:
    """All situations of one run."""

    close_after: Nanos = CLOSE_AFTER
    ignored: frozenset[str] = frozenset()
    known: OrderedDict[Key, Situation] = field(default_factory=OrderedDict)
    _by_identity: dict[str, Situation] = field(default_factory=dict)
    _shapes: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def look(
        self, findings: Iterable[Finding], now: Nanos, doubts: "Doubts | None" = None
    ) -> list[Change]:
        """Compare what detectors say now with what is known; return the differences."""
        changes: list[Change] = []
        seen: set[str] = set()
        names: dict[str, str] = {}
        wanted = [f for f in findings if f.code not in self.ignored]
        if doubts is not None:
            # what was seen before a blind time is not over for that it was not seen in it
            wanted = [f for f in wanted if not doubts.hides(f) or self._is_open(f)]
        for finding in wanted:
            situation = self._find(finding)
            if situation is not None:
                names[finding.identity] = situation.identity
        for finding in wanted:
            finding.caused_by = [names.get(cause, cause) for cause in finding.caused_by]
            situation = self._find(finding)
            if situation is None:
                situation = Situation(finding.identity, finding, now, now, now)
                self._keep(finding, situation)
                self._doubt(situation, finding, doubts)
                changes.append(Change("opened", situation))
                if self._is_over(situation, finding, now):
                    changes.append(self._close(situation, now, "it is over"))
            else:
                changes += self._update(situation, finding, now, doubts)
            seen.add(situation.identity)
        for situation in self.known.values():
            if situation.is_open and situation.identity not in seen and not situation.carried:
                changes.append(self._close(situation, now, WITHDRAWN))
        return changes

    def carried_over(
        self, now: Nanos, masters: "frozenset[str]", expected: "frozenset[str]" = frozenset()
    ) -> list[Change]:
        """Close what was open before a restart and is not seen any more.

        `masters` are the groups that have one: a gap ends with that and not with time, and so
        does the absence of a group that is still `expected`.
        """
        changes = []
        for situation in self.known.values():
            if not (situation.is_open and situation.carried):
                continue
            finding = situation.finding
            if finding.label == "master_gap" or (
                finding.label == "group_missing" and finding.group in expected
            ):
                over = finding.group in masters
            else:
                over = now - situation.moved > self.close_after
            if over:
                changes.append(self._close(situation, now, "not seen again since the restart"))
        return changes

    def restore(self, situation: Situation) -> None:
        """Take up what was open before a restart."""
        situation.carried = True
        self._keep(situation.finding, situation)

    @property
    def open(self) -> list[Situation]:
        """Return what is open."""
        return [situation for situation in self.known.values() if situation.is_open]

    def _is_open(self, finding: Finding) -> bool:
        found = self._find(finding)
        return found is not None and found.is_open

    def _find(self, finding: Finding) -> Situation | None:
        found = self.known.get((finding.code, finding.group, finding.start))
        if found is None:
            found = self._by_identity.get(finding.identity)
        if found is not None:
            return found
        # after a restart the same trouble seems to begin anew; a start may also be found to lie
        # earlier, when what waited is explained
        for situation in reversed(self.known.values()):
            old = situation.finding
            same = old.code == finding.code and old.group == finding.group and situation.is_open
            if not same:
                continue
            if situation.carried and (
                set(old.nodes) == set(finding.nodes) or finding.label == "master_gap"
            ):
                return situation
            if finding.start < old.start <= finding.end and set(old.nodes) & set(finding.nodes):
                return situation
        return None

    def _keep(self, finding: Finding, situation: Situation) -> None:
        self.known[finding.code, finding.group, finding.start] = situation
        self._by_identity[situation.identity] = situation
        while len(self.known) > SITUATIONS_KEPT:
            key = next((k for k, s in self.known.items() if not s.is_open), next(iter(self.known)))
            old = self.known.pop(key)
            self._by_identity.pop(old.identity, None)
            self._shapes.pop(old.identity, None)

    def _update(
        self, situation: Situation, finding: Finding, now: Nanos, doubts: "Doubts | None"
    ) -> list[Change]:
        old = situation.finding
        carried = situation.carried
        if carried:
            situation.carried = False
            finding.start = min(finding.start, old.start)
            self.known[finding.code, finding.group, finding.start] = situation
        # not its count: of nodes that disagreed, one goes on to be heard when it is over
        moved = finding.end > old.end
        situation.finding = finding
        if moved:
            situation.moved = now
        self._doubt(situation, finding, doubts)
        if not situation.is_open:
            if moved and not self._is_over(situation, finding, now):
                situation.is_open, situation.closed = True, None
                situation.told = now
                return [Change("opened", situation, "again")]
            return []
        if self._is_over(situation, finding, now):
            return [self._close(situation, now, "it is over")]
        shape = _shape(situation)
        changed = self._shapes.get(situation.identity, shape) != shape
        self._shapes[situation.identity] = shape
        if changed or carried or (moved and now - situation.told >= UPDATE_EVERY):
            situation.told = now
            return [Change("updated", situation)]
        return []

    def _is_over(self, situation: Situation, finding: Finding, now: Nanos) -> bool:
        moved = max(finding.end, situation.moved if situation.is_open else 0)
        return is_over(finding, moved, now, self.close_after)

    def _close(self, situation: Situation, now: Nanos, why: str) -> Change:
        situation.is_open, situation.closed, situation.told = False, now, now
        situation.carried = False
        return Change("closed", situation, why)

    def _doubt(self, situation: Situation, finding: Finding, doubts: "Doubts | None") -> None:
        situation.confidence, situation.doubts = finding.confidence, ()
        if doubts is not None:
            situation.confidence, situation.doubts = doubts.weigh(finding)
        if situation.identity not in self._shapes:
            self._shapes[situation.identity] = _shape(situation)


def _shape(situation: Situation) -> tuple[object, ...]:
    """Return what makes an update worth telling."""
    finding = situation.finding
    return (
        finding.severity,
        finding.nodes,
        tuple(finding.caused_by),
        situation.confidence,
        finding.ongoing,
        finding.remedy,
    )


_BY_ABSENCE = frozenset(
    (
        "master_gap",
        "silent_master",
        "group_missing",
        "one_way_link",
        "partition",
        "flapping",
        "split_brain",
        "stale_arp",
    )
)
"""Concluded from frames that did not come: the capture may have missed those."""
BLIND_MARGIN: Nanos = 5 * SECOND
SPELLS_KEPT = 200


@dataclass(slots=True)
class _Spell:
    start: Nanos
    end: Nanos
    dropped: int
    """Frames lost by the capture; 0 where it saw nothing at all."""
    why: str


@dataclass(slots=True)
class Doubts:
    """When the capture itself did not see everything."""

    spells: list[_Spell] = field(default_factory=list)

    def dropped(self, start: Nanos, end: Nanos, count: int) -> None:
        """Note that frames were lost between two looks at the counters."""
        last = self.spells[-1] if self.spells else None
        if last is not None and last.dropped and start - last.end <= SECOND:
            last.end, last.dropped = end, last.dropped + count
            return
        self._add(_Spell(start, end, count, "dropped by the capture"))

    def blind(self, start: Nanos, end: Nanos, why: str) -> None:
        """Note a time of which nothing is known."""
        self._add(_Spell(start, end, 0, why))

    def _add(self, spell: _Spell) -> None:
        self.spells = [*self.spells, spell][-SPELLS_KEPT:]

    def hides(self, finding: Finding) -> bool:
        """Tell whether a silence is the capture's own: most of it lies where nothing was seen."""
        if finding.label not in _BY_ABSENCE:
            return False
        length = finding.end - finding.start
        blind = sum(
            max(0, min(finding.end, s.end) - max(finding.start, s.start))
            for s in self.spells
            if not s.dropped
        )
        return blind * 2 > length > 0

    def weigh(self, finding: Finding) -> tuple[float, tuple[str, ...]]:
        """Return the confidence that is left, and why."""
        if finding.label not in _BY_ABSENCE:
            return finding.confidence, ()
        confidence, doubts = finding.confidence, []
        for spell in self.spells:
            if spell.end < finding.start - BLIND_MARGIN or spell.start > finding.end:
                continue
            confidence = min(confidence, finding.confidence * 0.6)
            what = f"{spell.dropped:,} frames were {spell.why}" if spell.dropped else spell.why
            doubts.append(what)
        return round(confidence, 2), tuple(doubts[:3])
