"""The wiring: captures to frames to packets to facts to findings."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

from carpscope.adverts.select import drops
from carpscope.auth.effort import Effort
from carpscope.auth.keyring import Keyring
from carpscope.capture.described import Described, Folder
from carpscope.capture.set_back import SetBack
from carpscope.capture.source import Capture, merged
from carpscope.config import Config
from carpscope.core.batch import Batch, batched
from carpscope.core.frame import Frame
from carpscope.core.mistakes import Mistakes
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect import internal
from carpscope.detect.engine import Engine
from carpscope.detect.events import Event, EventWatch, undone
from carpscope.detect.finding import Finding
from carpscope.detect.incident import Incident, called, incidents
from carpscope.detect.proof import proved
from carpscope.detect.rule import Context
from carpscope.detect.standing import Places, Standing, at_end
from carpscope.timeline.capture_place import Captured
from carpscope.timeline.facts import Fact, Joined
from carpscope.timeline.observe import Observer
from carpscope.timeline.passage import Onlooker, Passage
from carpscope.timeline.replay import Explanation, replay
from carpscope.timeline.vantage import Survey, Vantage
from carpscope.wire.decode import decode

EVENTS_KEPT = 20_000
"""Elections and changes; the first are kept, the rest counted."""


@dataclass(slots=True)
class Analysis:
    """Everything known after the last frame."""

    captures: Sequence[Described]
    observer: Observer
    findings: list[Finding] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    replays: dict[str, list[Explanation]] = field(default_factory=dict)
    """By group: what each node's own state machine makes of what it did."""
    packets: int = 0
    advertisements: list[int] = field(default_factory=list)
    """Of each capture, copies included."""
    config: Config = field(default_factory=Config)
    """What was asked for and is expected."""
    interrupted: bool = False
    """Whether a person ended it (SIGINT); what was read until then is analyzed."""
    vantage: Vantage | None = None
    """What comparing several captures of one network has shown."""
    folder: Folder | None = None
    """Where the captures are the files of a folder: what else is to be said of it."""
    notes: list[str] = field(default_factory=list)
    """What was only counted or was forgotten (`timeline.limits`)."""
    mistakes: Mistakes = field(default_factory=Mistakes)
    """Our own, each left out of the rest."""

    @property
    def is_judged(self) -> bool:
        """Tell whether there was anything to judge: an advertisement, in time, or a finding."""
        return bool((self.observer.advertisements and self.has_times) or self.findings)

    @property
    def has_times(self) -> bool:
        """Tell whether packets have times: of a dump without any, all are at one instant."""
        return any(one.first != one.last or one.packets < 2 for one in self.captures)

    @property
    def captured(self) -> list[Captured]:
        """Return where each capture was taken, as far as it shows."""
        groups = list(self.observer.groups.values())

        def addresses_of(mac: bytes) -> list[bytes]:
            own = [n for g in groups for n in g.members if mac in (n.mac, n.own_mac)]
            named = [self.observer.host_at(group.vlan, mac) for group in groups]
            of = [n for g in groups for n in g.members if set(named) & set(n.addresses)]
            return list(dict.fromkeys(a for node in (*own, *of) for a in node.addresses))

        alone = len(self.captures) == 1
        copies = sum(group.copies for group in groups) if alone else 0
        places = self.vantage.places if self.vantage is not None else []
        return [
            self.observer.alive.witness.place(
                index, addresses_of, places[index].addresses if index < len(places) else (), copies
            )
            for index in range(len(self.captures))
        ]

    @property
    def incidents(self) -> list[Incident]:
        """Return what was found as incidents, the worst that is true at the end first."""
        return incidents(self.findings, called(self.observer.groups.values(), self.config))

    @property
    def standing(self) -> Standing:
        """Return how things stood at the end."""
        is_judged = self.is_judged and not self.mistakes.count
        groups = self.observer.groups.values()
        now = self.observer.now
        return at_end(self.findings, self.config, now, groups, is_judged=is_judged)

    @property
    def places(self) -> Places:
        """Return what says where something is."""
        return Places(self.observer.groups.values(), self.config)


def analyze(
    captures: Sequence[Described],
    config: Config,
    *,
    accepts: Callable[[Frame], bool] | None = None,
    count: int | None = None,
    vantage: Vantage | None = None,
    also: Onlooker | None = None,
    effort: Effort | None = None,
    frames: Iterator[Frame] | None = None,
) -> Analysis:
    """Read captures to their end and say what they show.

    `accepts` narrows the frames, `count` ends after so many of them. `vantage` (of `survey`)
    puts all captures on one clock and proves what reached only one. `also` sees what the
    observer sees, and whether it is a copy of another.
    `effort` bounds what is searched for what nodes sign, and tells who watches. `frames` are
    those of captures that were read before, which then are none to read from.
    """
    observer = Observer(Keyring(config.passphrases), config.addresses, effort)
    observer.strangers.expected = config.expected_nodes
    mistakes = Mistakes()
    engine = Engine(Context(observer, config, mistakes=mistakes))
    events = EventWatch()
    result = Analysis(captures, observer, advertisements=[0] * len(captures), vantage=vantage)
    result.config, result.mistakes = config, mistakes

    more = [0]

    def take(facts: list[Fact]) -> None:
        engine.see(facts)
        for fact in facts:
            if isinstance(fact, Joined):
                result.events = [one for one in result.events if not undone(one, fact)]
            for event in events.see(fact):
                if len(result.events) < EVENTS_KEPT:
                    result.events.append(event)
                else:
                    more[0] += 1

    nobody = all(one is None for one in (vantage, accepts, count))
    readable = [capture for capture in captures if isinstance(capture, Capture)]
    is_whole = nobody and len(readable) == 1 and frames is None
    whole = of_interest(readable[0]) if is_whole else None
    set_back = SetBack(readable[0]) if len(readable) == 1 and vantage is None else None
    passage = Passage(observer, take, mistakes, vantage=vantage, also=also)
    try:
        batches = whole or _batches(readable, frames, vantage, accepts, count)
        for batch in batches if set_back is None else set_back.batches(batches):
            passage.see(batch)
    except KeyboardInterrupt:
        result.interrupted = True
    if nobody and not result.interrupted:
        # what was dropped at the end was heard, too
        last = [capture.last for capture in captures if capture.last is not None]
        with mistakes.isolated("end", observer.now):
            take(observer.wait_until(max(last, default=0)))
    with mistakes.isolated("end", observer.now):
        take(observer.finish())
    result.packets = passage.packets
    if is_whole:
        result.packets = passage.reached if result.interrupted else readable[0].packets
    result.advertisements = [passage.advertisements[index] for index in range(len(captures))]
    result.findings = engine.findings(observer.now)
    if vantage is not None:
        names = _short([capture.name for capture in captures])
        groups = list(observer.groups.values())
        with mistakes.isolated("comparison of captures", observer.now):
            result.findings = proved(result.findings, groups, vantage, names)
    with mistakes.isolated("replay", observer.now):
        result.replays = replay(observer.groups.values())
    if mistakes.count:  # also those that were made after the rules had been asked
        told = [one for one in result.findings if one.label != internal.LABEL]
        result.findings = [*told, *internal.findings(mistakes)]
    result.notes = [*observer.strangers.notes(), *observer.alive.remarks]
    result.notes += observer.alive.witness.notes()
    if set_back is not None:
        result.notes += set_back.notes()
    if more[0]:
        result.notes.append(f"{more[0]:,} more events were only counted")
    result.events.sort(key=lambda event: (event.start, event.end))
    return result


def of_interest(capture: Capture) -> Iterator[Batch]:
    """Give the packets of a capture that an analysis looks at; all others are only counted."""
    capture.drops_if = drops
    return capture.batches


def survey(
    captures: Sequence[Capture],
    *,
    accepts: Callable[[Frame], bool] | None = None,
    path_max: Nanos | None = None,
) -> Vantage:
    """Compare captures of one network, before they are read again to be analyzed."""
    found = Survey(len(captures), path_max)
    for capture in captures:
        for frame in capture:
            if accepts is None or accepts(frame):
                found.see(decode(frame))
    return found.result()


def _short(names: list[str]) -> list[str]:
    """Leave out folders where the files' own names tell captures apart."""
    bare = [name.rpartition("/")[2] for name in names]
    return bare if len(set(bare)) == len(bare) else names


def _batches(
    captures: Sequence[Capture],
    frames: Iterator[Frame] | None,
    vantage: Vantage | None,
    accepts: Callable[[Frame], bool] | None,
    count: int | None,
) -> Iterator[Batch]:
    """Give all packets by time, as far as they are wanted."""
    if frames is None:
        frames = _on_one_clock(captures, vantage)
    return batched(_chosen(frames, accepts, count))


def _on_one_clock(captures: Sequence[Capture], vantage: Vantage | None) -> Iterator[Frame]:
    if vantage is None:
        return merged(captures)
    aligned = [vantage.corrected(capture, index) for index, capture in enumerate(captures)]
    return heapq.merge(*aligned, key=attrgetter("at"))


def _chosen(
    frames: Iterator[Frame], accepts: Callable[[Frame], bool] | None, count: int | None
) -> Iterator[Frame]:
    taken = 0
    for frame in frames:
        if accepts is None or accepts(frame):
            yield frame
            taken += 1
            if taken == count:
                return
