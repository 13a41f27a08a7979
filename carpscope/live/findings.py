"""What became of findings between two looks: opened, updated, closed.

Detectors answer with every situation they know, over or not. Here each becomes one
situation with one identity from its opening on, whatever its finding learns later: a gap
is known by its start, and gets a second node when somebody ends it.

An identity has one lifetime. A situation is opened when nothing that may still come would
explain it otherwise (`Finding.settles`), or when the run ends. It is over when its detector says
so, or when nothing of it has been seen for a while, and not before more of the same would be
another (`Finding.rests`). What repeats after that is a new one, with an identity of its own.
"""

from collections import OrderedDict
from collections.abc import Iterable

from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Finding
from carpscope.detect.standing import is_over
from carpscope.protocol import spans
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
    reported: Nanos
    is_open: bool = True
    closed: Nanos | None = None
    carried: bool = False
    """Known from before a restart, and not seen again yet."""
    confidence: float = 1.0
    """The finding's, less what the capture may have missed."""
    doubts: tuple[str, ...] = ()
    since: Nanos | None = None
    """When it began again, where the same was over before; its finding tells of both."""
    names: list[Key | str] = field(default_factory=list)
    shape: tuple[object, ...] = ()
    """What of it was told."""


@dataclass(frozen=True, slots=True)
class SituationChange:
    """What became of a situation."""

    action: str
    """`opened`, `updated` or `closed`."""
    situation: Situation
    why: str = ""


@dataclass(slots=True)
class Situations:
    """All situations of one run."""

    close_after: Nanos = spans.QUIET
    ignored: frozenset[str] = frozenset()
    known: OrderedDict[str, Situation] = field(default_factory=OrderedDict)
    """By identity."""
    _names: dict[Key | str, Situation] = field(default_factory=dict)
    """By what their findings were called so far; of what repeats, the latest."""
    _used: dict[str, int] = field(default_factory=dict)
    """How often what has one identity was opened, of those that were more than once."""

    def look(
        self,
        findings: Iterable[Finding],
        now: Nanos,
        doubts: "Uncertainty | None" = None,
        *,
        is_last: bool = False,
    ) -> list[SituationChange]:
        """Compare what detectors say now with what is known; return the differences.

        At the `last` look nothing more can come, so what waited for that is told.
        """
        wanted = [f for f in findings if f.code not in self.ignored]
        if doubts is not None:
            # what was seen before a blind time is not over for that it was not seen in it
            wanted = [f for f in wanted if not doubts.hides(f) or self._is_open(f)]
        paired = self._pair(wanted)
        if not is_last:
            paired = [(f, s) for f, s in paired if s is not None or f.settles <= now]
        names = {f.identity: s.identity if s is not None else f.identity for f, s in paired}
        changes: list[SituationChange] = []
        seen: set[str] = set()
        for finding, known in paired:
            finding.caused_by = [names[cause] for cause in finding.caused_by if cause in names]
            if known is None:
                new: Situation | None = Situation(finding.identity, finding, now, now, now)
            else:
                new = None if known.is_open else self._again(known, finding, now)
            if new is not None:
                changes += self._opened(new, finding, now, doubts)
            elif known is not None and known.is_open:
                changes += self._update(known, finding, now, doubts)
            for one in (known, new):
                if one is not None:
                    seen.add(one.identity)
        for situation in self.known.values():
            if situation.is_open and situation.identity not in seen and not situation.carried:
                changes.append(self._close(situation, now, WITHDRAWN))
        return changes

    def carried_over(
        self, now: Nanos, masters: "frozenset[str]", expected: "frozenset[str]" = frozenset()
    ) -> list[SituationChange]:
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
        self._keep(situation)

    @property
    def open(self) -> list[Situation]:
        """Return what is open."""
        return [situation for situation in self.known.values() if situation.is_open]

    def _is_open(self, finding: Finding) -> bool:
        found = self._find(finding)
        return found is not None and found.is_open

    def _find(self, finding: Finding) -> Situation | None:
        found = self._names.get((finding.code, finding.group, finding.start))
        return found if found is not None else self._names.get(finding.identity)

    def _pair(self, findings: list[Finding]) -> list[tuple[Finding, Situation | None]]:
        """Give each finding its situation; none has two.

        By name first. Of the rest, one that overlaps an open situation whose finding is no longer
        there is the same, known better: it began at another time, or somebody else takes part.
        After a restart the same trouble seems to begin anew.
        """
        found = [self._find(finding) for finding in findings]
        taken = {situation.identity for situation in found if situation is not None}
        left = [s for s in self.known.values() if s.is_open and s.identity not in taken]
        for place, finding in enumerate(findings):
            if found[place] is None and left:
                same = next((one for one in reversed(left) if _is_same(one, finding)), None)
                if same is not None:
                    found[place] = same
                    left.remove(same)
        return list(zip(findings, found, strict=True))

    def _opened(
        self, situation: Situation, finding: Finding, now: Nanos, doubts: "Uncertainty | None"
    ) -> list[SituationChange]:
        self._keep(situation)
        self._doubt(situation, finding, doubts)
        changes = [
            SituationChange("opened", situation, "again" if situation.since is not None else "")
        ]
        if self._is_over(situation, finding, now):
            changes.append(self._close(situation, now, "it is over"))
        return changes

    def _again(self, before: Situation, finding: Finding, now: Nanos) -> Situation | None:
        """Return a new situation where what was over goes on, else none."""
        moved = finding.end > before.finding.end
        before.finding = finding
        if not moved or self._is_over(before, finding, now):
            return None
        count = self._used[finding.identity] = self._used.get(finding.identity, 1) + 1
        return Situation(f"{finding.identity}-{count}", finding, now, now, now, since=finding.end)

    def _keep(self, situation: Situation) -> None:
        self.known[situation.identity] = situation
        self._name(situation)
        while len(self.known) > SITUATIONS_KEPT:
            over = next((i for i, s in self.known.items() if not s.is_open), next(iter(self.known)))
            for name in self.known.pop(over).names:
                self._names.pop(name, None)
                self._used.pop(str(name), None)

    def _name(self, situation: Situation) -> None:
        """Find it from now on by what its finding is called."""
        finding = situation.finding
        for name in ((finding.code, finding.group, finding.start), finding.identity):
            if self._names.get(name) is not situation:
                self._names[name] = situation
                situation.names.append(name)

    def _update(
        self, situation: Situation, finding: Finding, now: Nanos, doubts: "Uncertainty | None"
    ) -> list[SituationChange]:
        old = situation.finding
        carried = situation.carried
        if carried:
            situation.carried = False
            finding.start = min(finding.start, old.start)
        # not its count: of nodes that disagreed, one goes on to be heard when it is over
        moved = finding.end > old.end
        situation.finding = finding
        self._name(situation)
        if moved:
            situation.moved = now
        self._doubt(situation, finding, doubts)
        if self._is_over(situation, finding, now):
            return [self._close(situation, now, "it is over")]
        changed = _shape(situation) != situation.shape
        if changed or carried or (moved and now - situation.reported >= UPDATE_EVERY):
            situation.reported, situation.shape = now, _shape(situation)
            return [SituationChange("updated", situation)]
        return []

    def _is_over(self, situation: Situation, finding: Finding, now: Nanos) -> bool:
        moved = max(finding.end, situation.moved if situation.is_open else 0)
        return is_over(finding, moved, now, self.close_after)

    def _close(self, situation: Situation, now: Nanos, why: str) -> SituationChange:
        situation.is_open, situation.closed, situation.reported = False, now, now
        situation.carried = False
        return SituationChange("closed", situation, why)

    def _doubt(self, situation: Situation, finding: Finding, doubts: "Uncertainty | None") -> None:
        situation.confidence, situation.doubts = finding.confidence, ()
        if doubts is not None:
            situation.confidence, situation.doubts = doubts.weigh(finding)
        situation.shape = situation.shape or _shape(situation)


def _is_same(situation: Situation, finding: Finding) -> bool:
    """Tell whether a finding of another name is what a situation was opened for."""
    old = situation.finding
    if (old.code, old.group) != (finding.code, finding.group):
        return False
    shared = set(old.nodes) & set(finding.nodes)
    if situation.carried:
        return set(old.nodes) == set(finding.nodes) or finding.label == "master_gap"
    overlap = finding.start <= old.end and old.start <= finding.end
    return overlap and bool(shared or not old.nodes)


def _shape(situation: Situation) -> tuple[object, ...]:
    """Return what makes an update worth telling."""
    finding = situation.finding
    return (
        finding.severity,
        finding.nodes,
        tuple(finding.caused_by),
        situation.confidence,
        finding.ongoing or finding.rests > 0,
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
class Uncertainty:
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
