"""The wiring: captures to frames to packets to facts to findings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from carpscope.auth.keyring import Keyring
from carpscope.capture.source import Capture, merged
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.detect.engine import Engine
from carpscope.detect.events import Event, EventWatch
from carpscope.detect.finding import Finding
from carpscope.detect.rule import Context
from carpscope.timeline.facts import Fact
from carpscope.timeline.observe import Observer
from carpscope.timeline.replay import Explanation, replay
from carpscope.wire.decode import decode


@dataclass(slots=True)
class Analysis:
    """Everything known after the last frame."""

    captures: Sequence[Capture]
    observer: Observer
    findings: list[Finding] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    replays: dict[str, list[Explanation]] = field(default_factory=dict)
    """By group: what each node's own state machine makes of what it did."""
    packets: int = 0
    advertisements: list[int] = field(default_factory=list)
    """Of each capture, copies included."""
    interrupted: bool = False
    """Whether a person ended it (SIGINT); what was read until then is analyzed."""


def analyze(
    captures: Sequence[Capture],
    config: Config,
    *,
    accepts: Callable[[Frame], bool] | None = None,
    count: int | None = None,
) -> Analysis:
    """Read captures to their end and say what they show.

    `accepts` narrows the frames, `count` ends after so many of them.
    """
    observer = Observer(Keyring(config.passphrases), config.addresses)
    engine = Engine(Context(observer))
    events = EventWatch()
    result = Analysis(captures, observer, advertisements=[0] * len(captures))

    def take(facts: list[Fact]) -> None:
        engine.see(facts)
        for fact in facts:
            result.events += events.see(fact)

    try:
        for frame in _chosen(merged(captures), accepts, count):
            packet = decode(frame)
            result.packets += 1
            if packet.advert is not None:
                result.advertisements[frame.capture] += 1
            take(observer.see(packet))
    except KeyboardInterrupt:
        result.interrupted = True
    take(observer.finish())
    result.findings = engine.findings(observer.now)
    result.replays = replay(observer.groups.values())
    result.events.sort(key=lambda event: (event.start, event.end))
    return result


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
