"""The observer as a machine that anything may happen to: what holds, holds after every step."""

import hashlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from carpscope.auth.keyring import Keyring
from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from carpscope.core.mistakes import Mistakes
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.detect.engine import Engine
from carpscope.detect.events import EventWatch
from carpscope.detect.rule import Context
from carpscope.timeline.facts import Fact
from carpscope.timeline.limits import Limits
from carpscope.timeline.observe import Observer
from carpscope.timeline.passage import Passage
from tests.fuzz.conversations import changed, translated
from tests.timeline.invariants import invariants
from tests.wire import samples

HOSTS = st.integers(1, 7)
PRIORITIES = st.sampled_from([(1, 0), (1, 100), (0, 1), (2, 0), (255, 255), (255, 0)])
WAITS = st.sampled_from(
    [0, 1000, 2 * MILLISECOND, 4 * MILLISECOND, 400 * MILLISECOND, SECOND, 1400 * MILLISECOND,
     4 * SECOND, 90_000 * SECOND, -8 * MILLISECOND]
)  # fmt: skip
VHIDS = st.sampled_from([1, 1, 1, 2])
SMALL = Limits(9, 3, 6, each=8, contests=3, contest_age=60 * SECOND, silent=86_400 * SECOND)


class Conversation(RuleBasedStateMachine):
    """Nodes that say anything, in any order, while the observer forgets what it may."""

    def __init__(self) -> None:
        super().__init__()
        self.observer = Observer(Keyring([]), limits=SMALL)
        self.observer.strangers.expected = {((), 1): (bytes((10, 0, 0, 1)),)}
        self.observer.effort.total = 100
        self.engine = Engine(Context(self.observer))
        self.events = EventWatch()
        self.mistakes = Mistakes()
        self.passage = Passage(self.observer, self.take, self.mistakes)
        self.at: Nanos = 1_700_000_000 * SECOND
        self.number = 0
        self.said: list[bytes] = []

    def take(self, facts: list[Fact]) -> None:
        self.engine.see(facts)
        for fact in facts:
            list(self.events.see(fact))

    def send(self, data: bytes) -> None:
        self.number += 1
        self.passage.see(Batch.of([Frame(self.number, self.at, 1, data, len(data))]))
        assert not self.mistakes.count

    @rule(host=HOSTS, vhid=VHIDS, priority=PRIORITIES, families=st.sampled_from([4, 6, 46, 64]))
    def advertise(self, host: int, vhid: int, priority: tuple[int, int], families: int) -> None:
        self.number += 1
        signature = hashlib.sha256(str(self.number).encode()).digest()[:28]
        advbase, advskew = priority
        source = bytes((10, 0, 0, host))
        fields = {"vhid": vhid, "advbase": advbase, "advskew": advskew}
        one = changed(samples.F1, source=source, signature=signature, **fields)
        for family in str(families):
            self.said.append(one if family == "4" else translated(one))
            self.send(self.said[-1])
            self.at += 30_000

    @rule(back=st.integers(1, 6))
    def repeat(self, back: int) -> None:
        for data in self.said[-back:][:1]:
            self.send(data)

    @rule(host=HOSTS, back=st.integers(1, 4))
    def speak_as_another(self, host: int, back: int) -> None:
        for data in self.said[-back:][:1]:
            if data[12:14] == b"\x08\x00":
                self.send(changed(data, source=bytes((10, 0, 0, host))))

    @rule(host=HOSTS)
    def beat(self, host: int) -> None:
        for _ in range(16):
            self.advertise(host, 1, (1, 0), 4)
            self.at += SECOND

    @rule(wait=WAITS)
    def wait(self, wait: Nanos) -> None:
        self.at += wait

    @rule(wait=WAITS)
    def look(self, wait: Nanos) -> None:
        self.at += max(wait, 0)
        self.take(self.observer.tick(self.at))
        self.observer.settle()
        once, twice = (sorted(map(repr, self.engine.known(self.at))) for _ in range(2))
        assert once == twice

    @rule()
    def forget(self) -> None:
        self.take(self.observer.tidy())

    @invariant()
    def holds(self) -> None:
        assert invariants(self.observer) == []

    def teardown(self) -> None:
        self.take(self.observer.finish())
        self.engine.findings(self.observer.now)
        assert invariants(self.observer) == []


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
