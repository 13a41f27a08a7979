"""One segment under observation: frames and ticks in, changes and events out. No clock.

The same observer, detectors and event watch as offline. What they cost per look is
measured by the caller, who decides how often to look.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TypeAlias

from carpscope.auth.effort import Effort
from carpscope.auth.keyring import Keyring
from carpscope.auth.question import Sample
from carpscope.config import Config
from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from carpscope.core.mistakes import Mistakes
from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.engine import Engine
from carpscope.detect.events import Event, EventWatch, undone
from carpscope.detect.finding import Finding
from carpscope.detect.incident import Called, called
from carpscope.detect.rule import Context
from carpscope.detect.standing import Standing, seen
from carpscope.live.counts import EventCounts
from carpscope.live.findings import FindingChange, LiveFindings, Uncertainty
from carpscope.live.incidents import Followed, Incidents
from carpscope.live.searching import Question, Searcher
from carpscope.live.states import GroupChange, StateChange, States
from carpscope.live.visibility import Sight
from carpscope.timeline.explaining import job, share
from carpscope.timeline.facts import (
    Changed,
    Claimed,
    Fact,
    Forgotten,
    Joined,
    Left,
    Refused,
    Spoofed,
)
from carpscope.timeline.group import Group, GroupKey, group_id
from carpscope.timeline.limits import LIVE
from carpscope.timeline.mastership import is_unheard
from carpscope.timeline.node import frame_ref
from carpscope.timeline.observe import Observer
from carpscope.timeline.passage import Passage
from carpscope.wire.decode import Packet

PRUNE_EVERY: Nanos = 60 * SECOND
"""A flood is pruned by the observer itself; this is for what grows old."""
SETTLE_EVERY: Nanos = 1 * SECOND
SETTLE_SHARE = 20
"""Searching takes a twentieth of the time at most, whatever a forger sends."""
DIGEST_NS: Nanos = 800
FIRST_DIGESTS = 1_000_000
"""For the first searches, where they are not made beside the loop."""
LOOK_DIGESTS = 60_000
"""In the loop, where the rest is searched beside it: a twentieth of a second."""
ASK_AGAIN: Nanos = 600 * SECOND
"""The same node is searched for with the same candidates this often: it may be reconfigured."""
ASKED_KEPT = 1024
COMPARE_AFTER: Nanos = 30 * SECOND
COMPARED = 32
"""Of nodes that were searched for in vain, so many are looked at for new candidates."""


News: TypeAlias = StateChange | GroupChange | Event


@dataclass(slots=True)
class Monitor:
    """What is known of one segment, and what became of it since the last look."""

    config: Config
    interface: str
    live_findings: LiveFindings = field(default_factory=LiveFindings)
    incidents: Incidents = field(default_factory=Incidents)
    uncertainty: Uncertainty = field(default_factory=Uncertainty)
    event_counts: EventCounts = field(default_factory=EventCounts)
    observer: Observer = field(init=False)
    states: States = field(default_factory=States)
    news: list[News] = field(default_factory=list)
    """Since the last look."""
    mastered: frozenset[str] = frozenset()
    """Groups that had a MASTER at the last look, by their ids."""
    called: Called = str
    """What people call the nodes that are followed, as it was then."""
    searcher: Searcher | None = None
    """Who searches beside the loop; without one, everything is searched in `look`."""
    mistakes: Mistakes = field(default_factory=Mistakes)
    """Our own, of the whole run."""
    sight: Sight = field(default_factory=lambda: Sight(0))
    """Whether the segment can be seen."""
    prove: Callable[[list[Finding]], list[Finding]] | None = None
    """Puts what several vantages prove in place of what was inferred (`live.vantages`)."""
    _asked: OrderedDict[tuple[GroupKey, str], tuple[object, Nanos]] = field(
        default_factory=OrderedDict
    )
    context: Context = field(init=False)
    """What detectors ask; of several interfaces each knows the others'."""
    _engine: Engine = field(init=False)
    _events: EventWatch = field(init=False)
    _passage: Passage = field(init=False)
    _settled: Nanos = 0
    _pruned: Nanos = 0

    def __post_init__(self) -> None:
        """Set up what watches."""
        self.live_findings.close_after = self.config.tolerances.close_after
        self.live_findings.ignored = frozenset(self.config.tolerances.ignore)
        effort = Effort(FIRST_DIGESTS if self.searcher is None else LOOK_DIGESTS)
        keyring = Keyring(self.config.passphrases)
        self.observer = Observer(keyring, self.config.addresses, effort, LIVE)
        self.observer.alive.is_watched = True
        self.observer.strangers.expected = self.config.expected_nodes
        self.context = Context(self.observer, self.config, self.interface, mistakes=self.mistakes)
        self._engine = Engine(self.context)
        self._events = EventWatch()
        self._passage = Passage(self.observer, self._take, self.mistakes)

    def see(self, frame: Frame) -> None:
        """Take one frame."""
        self.watch(Batch.of((frame,)))

    def watch(self, batch: Batch) -> None:
        """Take what came."""
        if not len(batch):
            return
        if self.sight.why:
            places = range(len(batch))
            later = [index for index in places if batch.at(index) > self.sight.noticed]
            if later and later[0]:
                self.watch(batch.chosen(places[: later[0]]))
                self.watch(batch.chosen(places[later[0] :]))
                return
            if later:
                self.resume(batch.at(0))
        self._passage.see(batch)

    def lose(self, since: Nanos, now: Nanos, why: str) -> None:
        """Note that nothing can be seen."""
        if not self.sight.is_blind:
            self.observer.resume(self.observer.now)
        self.sight.lose(since, now, why)

    def resume(self, at: Nanos) -> None:
        """Go on after a time of which nothing is known."""
        if self.sight.is_blind:
            since, why = self.sight.regain(at, self.observer.advertisements)
            self.uncertainty.blind(since, at, why)
            self.observer.resume(at)

    def narrow(self, keeps: Callable[[Group], bool]) -> None:
        """Look only at some groups from now on: there is no time for the rest."""
        self._take(self.observer.narrow(keeps))

    @property
    def unknown(self) -> str:
        """Say why it is unknown how things stand here; empty where it is known."""
        if self.mistakes.count:
            return "carpscope itself made a mistake (CS901)"
        has_findings = bool(self.live_findings.open)
        return self.sight.unknown(self.observer, has_findings=has_findings)

    @property
    def standing(self) -> Standing:
        """Return how things stand on this segment, as of the last look."""
        observer = self.observer
        groups = {
            group.id: self.sight.knows(group, observer) and not is_unheard(group, observer.now)
            for group in observer.groups.values()
        }
        found = tuple(s.finding for s in self.live_findings.open)
        return seen(found, self.config, groups, not self.unknown)

    def take(self, packet: Packet, *, is_copy: bool) -> None:
        """Take one packet of several vantages; of what several saw, one is no copy."""
        frame = packet.frame
        if self.sight.why and frame.at > self.sight.noticed:
            self.resume(frame.at)
        number = frame_ref(frame.capture, frame.number)
        with self.mistakes.isolated("frame", frame.at, number):
            self._take(self.observer.see(packet, is_copy=is_copy))

    def look(self, now: Nanos, *, is_last: bool = False) -> list[FindingChange]:
        """Let time pass until `now`, and say what is different; at the last look all of it."""
        with self.mistakes.isolated("time", now):
            self._take(self.observer.tick(now))
        at = self.observer.now
        with self.mistakes.isolated("states", at):
            groups = self.observer.groups.values()
            self.news += self.states.look(groups, at, self.observer.resumed)
        with self.mistakes.isolated("search", at):
            self._search(at)
        found = self._engine.known(at)
        if self.prove is not None:
            with self.mistakes.isolated("comparison of captures", at):
                found = self.prove(found)
        changes = self.live_findings.look(found, at, self.uncertainty, is_last=is_last)
        self.mastered = frozenset(g.id for g in self.observer.groups.values() if g.masters)
        self.called = called(self.observer.groups.values(), self.config)
        listed = frozenset(group_id(g.vlan, g.vhid) for g in self.config.groups)
        changes += self.live_findings.carried_over(at, self.mastered, listed)
        if at - self._pruned >= PRUNE_EVERY:
            self._pruned = at
            with self.mistakes.isolated("what is forgotten", at):
                self._take(self.observer.tidy())
        return changes

    def _search(self, at: Nanos) -> None:
        """Take up what was found beside the loop, look at what is easy, and ask for the rest."""
        self._learn()
        if at - self._settled < SETTLE_EVERY or not self._waits():
            return
        effort = self.observer.effort
        before = effort.spent
        self._bound()
        self.observer.settle()
        self._bound()  # also for the quick looks at what comes until the next time
        cost = (effort.spent - before) * DIGEST_NS
        self._settled = at + max(0, cost * SETTLE_SHARE - SETTLE_EVERY)
        self._ask(at)

    def follow(self, at: Nanos) -> list[tuple[str, Followed]]:
        """Say what became of incidents, after a look."""
        return self.incidents.look(self.live_findings.open, self.called, at)

    def finish(self) -> list[Finding]:
        """End the run; return every finding as an analysis would."""
        self._take(self.observer.finish())
        return self._engine.findings(self.observer.now)

    def _bound(self) -> None:
        effort = self.observer.effort
        if self.searcher is not None:
            effort.total = min(effort.total, effort.spent + LOOK_DIGESTS)

    def _ask(self, at: Nanos) -> None:
        """Let be searched beside the loop what the node that sent most signs."""
        if self.searcher is None or not self.searcher.is_free:
            return
        wanting = [
            (span.count, key, group, node, span.sample)
            for key, group in self.observer.groups.items()
            for node in group.members
            for span in node.authentication.spans[-1:]
            if span.recipe is None and span.sample is not None
        ]
        compared = 0
        for _, key, group, node, sample in sorted(wanting, key=lambda w: -w[0]):
            asked_at = self._asked[key, node.id][1] if (key, node.id) in self._asked else None
            if asked_at is not None and (at - asked_at < COMPARE_AFTER or compared == COMPARED):
                continue
            compared += asked_at is not None
            candidates = self.observer.candidates(group, group.members)
            sign = (candidates.supplied, candidates.announced)
            known, when = self._asked.get((key, node.id), (None, at))
            if known == sign and at - when < ASK_AGAIN:
                continue
            self._asked[key, node.id] = sign, at
            self._asked.move_to_end((key, node.id))
            while len(self._asked) > ASKED_KEPT:
                self._asked.popitem(last=False)
            asked = Sample(group.vhid, sample.counter, sample.digest)
            nearest = job(group, node, candidates).candidates
            keyring = self.observer.keyring
            self.searcher.ask(Question(self.interface, key, node.id, asked, nearest, keyring))
            return

    def _learn(self) -> None:
        """Take up what was found beside the loop."""
        answer = self.searcher.answer(self.interface) if self.searcher is not None else None
        if answer is None:
            return
        question, outcome = answer
        group = self.observer.groups.get(question.group)
        if group is None:
            return
        group.revision += 1
        if outcome.recipe is not None:
            if outcome.recipe not in group.recipes:
                group.recipes.append(outcome.recipe)
            share(group)
            return
        for node in group.members:
            if node.id == question.node:
                track = node.authentication
                track.limits = list(dict.fromkeys([*track.limits, *outcome.limits]))

    def _waits(self) -> bool:
        return any(
            node.authentication.unexplained
            for group in self.observer.groups.values()
            for node in group.nodes.values()
        )

    def _take(self, facts: list[Fact]) -> None:
        self._engine.see(facts)
        for fact in facts:
            self.news += self._events.see(fact)
            if isinstance(fact, Claimed):
                self.news.append(StateChange(fact.at, fact.group, fact.node, True, "claimed"))
            elif isinstance(fact, Left):
                why = fact.master_period.ended_by
                told = self.states.was_told(fact.group, fact.node, fact.master_period.start)
                if why != "capture" and not told:
                    self.news.append(StateChange(fact.at, fact.group, fact.node, False, why))
            elif isinstance(fact, Refused):
                self.event_counts.failed(fact.group.id, fact.check.value)
            elif isinstance(fact, Spoofed):
                self.event_counts.failed(fact.group.id, fact.spoof_kind.value)
            elif isinstance(fact, Forgotten):
                if fact.node is None:
                    self.event_counts.forget(fact.group.id)
            elif isinstance(fact, Joined):
                self._joined(fact)
            elif isinstance(fact, Changed):
                continue

    def _joined(self, fact: Joined) -> None:
        """Tell nothing more of a node that is another's second address; end what was told."""
        kept: list[News] = []
        untold = False
        for item in self.news:
            if isinstance(item, Event):
                if not undone(item, fact):
                    kept.append(item)
            elif isinstance(item, GroupChange):
                kept.append(item)
            elif item.node is fact.node:
                untold = untold or item.is_master
            else:
                kept.append(item)
        if fact.was_master and not untold:
            kept.insert(0, StateChange(fact.into.last, fact.group, fact.node, False, "joined"))
        self.news = kept

    def taken_news(self) -> Iterator[News]:
        """Give what happened since the last time, and forget it."""
        news, self.news = self.news, []
        for item in news:
            if isinstance(item, Event):
                self.event_counts.happened(item.group, item.label)
        yield from news
