"""What became of findings between two looks: opened, updated, closed.

Detectors answer with every situation they know, over or not. Here each becomes one
situation with one identity from its opening on, whatever its finding learns later: a gap
is known by its start, and gets a second node when somebody ends it.

An identity has one lifetime. A live_finding is opened when nothing that may still come would
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
class LiveFinding:
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
class FindingChange:
    """What became of a live_finding."""

    action: str
    """`opened`, `updated` or `closed`."""
    live_finding: LiveFinding
    why: str = ""


@dataclass(slots=True)
class LiveFindings:
    """All situations of one run."""

    close_after: Nanos = spans.QUIET
    ignored: frozenset[str] = frozenset()
    known: OrderedDict[str, LiveFinding] = field(default_factory=OrderedDict)
    """By identity."""
    _names: dict[Key | str, LiveFinding] = field(default_factory=dict)
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
    ) -> list[FindingChange]:
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
        changes: list[FindingChange] = []
        seen: set[str] = set()
        for finding, known in paired:
            finding.caused_by = [names[cause] for cause in finding.caused_by if cause in names]
            if known is None:
                new: LiveFinding | None = LiveFinding(finding.identity, finding, now, now, now)
            else:
                new = None if known.is_open else self._again(known, finding, now)
            if new is not None:
                changes += self._opened(new, finding, now, doubts)
            elif known is not None and known.is_open:
                changes += self._update(known, finding, now, doubts)
            for one in (known, new):
                if one is not None:
                    seen.add(one.identity)
        for live_finding in self.known.values():
            if (
                live_finding.is_open
                and live_finding.identity not in seen
                and not live_finding.carried
            ):
                changes.append(self._close(live_finding, now, WITHDRAWN))
        return changes

    def carried_over(
        self, now: Nanos, masters: "frozenset[str]", expected: "frozenset[str]" = frozenset()
    ) -> list[FindingChange]:
        """Close what was open before a restart and is not seen any more.

        `masters` are the groups that have one: a gap ends with that and not with time, and so
        does the absence of a group that is still `expected`.
        """
        changes = []
        for live_finding in self.known.values():
            if not (live_finding.is_open and live_finding.carried):
                continue
            finding = live_finding.finding
            if finding.label == "master_gap" or (
                finding.label == "group_missing" and finding.group in expected
            ):
                over = finding.group in masters
            else:
                over = now - live_finding.moved > self.close_after
            if over:
                changes.append(self._close(live_finding, now, "not seen again since the restart"))
        return changes

    def restore(self, live_finding: LiveFinding) -> None:
        """Take up what was open before a restart."""
        live_finding.carried = True
        self._keep(live_finding)

    @property
    def open(self) -> list[LiveFinding]:
        """Return what is open."""
        return [live_finding for live_finding in self.known.values() if live_finding.is_open]

    def _is_open(self, finding: Finding) -> bool:
        found = self._find(finding)
        return found is not None and found.is_open

    def _find(self, finding: Finding) -> LiveFinding | None:
        found = self._names.get((finding.code, finding.group, finding.start))
        return found if found is not None else self._names.get(finding.identity)

    def _pair(self, findings: list[Finding]) -> list[tuple[Finding, LiveFinding | None]]:
        """Give each finding its situation; none has two.

        By name first. Of the rest, one that overlaps an open situation whose finding is no longer
        there is the same, known better: it began at another time, or somebody else takes part.
        After a restart the same trouble seems to begin anew.
        """
        found = [self._find(finding) for finding in findings]
        taken = {live_finding.identity for live_finding in found if live_finding is not None}
        left = [s for s in self.known.values() if s.is_open and s.identity not in taken]
        for place, finding in enumerate(findings):
            if found[place] is None and left:
                same = next((one for one in reversed(left) if _is_same(one, finding)), None)
                if same is not None:
                    found[place] = same
                    left.remove(same)
        return list(zip(findings, found, strict=True))

    def _opened(
        self, live_finding: LiveFinding, finding: Finding, now: Nanos, doubts: "Uncertainty | None"
    ) -> list[FindingChange]:
        self._keep(live_finding)
        self._doubt(live_finding, finding, doubts)
        changes = [
            FindingChange("opened", live_finding, "again" if live_finding.since is not None else "")
        ]
        if self._is_over(live_finding, finding, now):
            changes.append(self._close(live_finding, now, "it is over"))
        return changes

    def _again(self, before: LiveFinding, finding: Finding, now: Nanos) -> LiveFinding | None:
        """Return a new situation where what was over goes on, else none."""
        moved = finding.end > before.finding.end
        before.finding = finding
        if not moved or self._is_over(before, finding, now):
            return None
        count = self._used[finding.identity] = self._used.get(finding.identity, 1) + 1
        return LiveFinding(f"{finding.identity}-{count}", finding, now, now, now, since=finding.end)

    def _keep(self, live_finding: LiveFinding) -> None:
        self.known[live_finding.identity] = live_finding
        self._name(live_finding)
        while len(self.known) > SITUATIONS_KEPT:
            over = next((i for i, s in self.known.items() if not s.is_open), next(iter(self.known)))
            for name in self.known.pop(over).names:
                self._names.pop(name, None)
                self._used.pop(str(name), None)

    def _name(self, live_finding: LiveFinding) -> None:
        """Find it from now on by what its finding is called."""
        finding = live_finding.finding
        for name in ((finding.code, finding.group, finding.start), finding.identity):
            if self._names.get(name) is not live_finding:
                self._names[name] = live_finding
                live_finding.names.append(name)

    def _update(
        self, live_finding: LiveFinding, finding: Finding, now: Nanos, doubts: "Uncertainty | None"
    ) -> list[FindingChange]:
        old = live_finding.finding
        carried = live_finding.carried
        if carried:
            live_finding.carried = False
            finding.start = min(finding.start, old.start)
        # not its count: of nodes that disagreed, one goes on to be heard when it is over
        moved = finding.end > old.end
        live_finding.finding = finding
        self._name(live_finding)
        if moved:
            live_finding.moved = now
        self._doubt(live_finding, finding, doubts)
        if self._is_over(live_finding, finding, now):
            return [self._close(live_finding, now, "it is over")]
        changed = _shape(live_finding) != live_finding.shape
        if changed or carried or (moved and now - live_finding.reported >= UPDATE_EVERY):
            live_finding.reported, live_finding.shape = now, _shape(live_finding)
            return [FindingChange("updated", live_finding)]
        return []

    def _is_over(self, live_finding: LiveFinding, finding: Finding, now: Nanos) -> bool:
        moved = max(finding.end, live_finding.moved if live_finding.is_open else 0)
        return is_over(finding, moved, now, self.close_after)

    def _close(self, live_finding: LiveFinding, now: Nanos, why: str) -> FindingChange:
        live_finding.is_open, live_finding.closed, live_finding.reported = False, now, now
        live_finding.carried = False
        return FindingChange("closed", live_finding, why)

    def _doubt(
        self, live_finding: LiveFinding, finding: Finding, doubts: "Uncertainty | None"
    ) -> None:
        live_finding.confidence, live_finding.doubts = finding.confidence, ()
        if doubts is not None:
            live_finding.confidence, live_finding.doubts = doubts.weigh(finding)
        live_finding.shape = live_finding.shape or _shape(live_finding)


def _is_same(live_finding: LiveFinding, finding: Finding) -> bool:
    """Tell whether a finding of another name is what a situation was opened for."""
    old = live_finding.finding
    if (old.code, old.group) != (finding.code, finding.group):
        return False
    shared = set(old.nodes) & set(finding.nodes)
    if live_finding.carried:
        return set(old.nodes) == set(finding.nodes) or finding.label == "master_gap"
    overlap = finding.start <= old.end and old.start <= finding.end
    return overlap and bool(shared or not old.nodes)


def _shape(live_finding: LiveFinding) -> tuple[object, ...]:
    """Return what makes an update worth telling."""
    finding = live_finding.finding
    return (
        finding.severity,
        finding.nodes,
        tuple(finding.caused_by),
        live_finding.confidence,
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
