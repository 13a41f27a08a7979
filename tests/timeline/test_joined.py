"""What was taken for two nodes is one: captures that begin in the middle of a dual-stack pair."""

import hashlib
import json
from io import BytesIO
from itertools import pairwise

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND
from carpscope.detect.engine import Engine
from carpscope.detect.rule import Context
from carpscope.live.monitor import Monitor
from carpscope.live.states import StateChange
from carpscope.pipeline import analyze
from carpscope.report.document import document
from carpscope.timeline.facts import Claimed, Joined, Left, Overdue
from carpscope.timeline.limits import Limits
from carpscope.timeline.node import Node
from carpscope.timeline.observe import Observer
from carpscope.wire.decode import decode
from tests.fuzz.conversations import Talk, changed, frames_of, spoken, translated, written
from tests.simulated import observed, scenario, simulated
from tests.timeline.invariants import invariants
from tests.timeline.recorded import TRACES
from tests.wire import samples

pytestmark = pytest.mark.slow

FREEBSD = 'impl = "freebsd13"\npreempt = true'
DUAL = 'addresses = ["10.0.0.100", "2001:db8::100"]'
START = 1_700_000_000 * SECOND


def dual_stack() -> list[Talk]:
    """Give conversations of nodes that speak both families: recorded, and made."""
    found = [spoken(path) for path in TRACES if "dual" in path.stem]
    events = '12.4 crash node="fw1"\n25 restart node="fw1"\n40 partition a="fw1" b="fw2"'
    nodes = (FREEBSD, FREEBSD + "\nadvskew = 100")
    text = scenario(*nodes, top=DUAL, duration=60, events=events)
    made = simulated(text.replace('addresses = ["10.0.0.100"]\n', "", 1))
    return [*found, [(frame.at, bytes(frame.data)) for frame in made]]


def told(talk: Talk) -> dict[str, object]:
    """Analyze; give who there is and what is wrong."""
    found = analyze([open_capture("-", stdin=BytesIO(written(talk)))], Config())
    assert invariants(found.observer) == []
    text = document(found, Config())
    groups = json.loads(json.dumps(text["groups"]))
    return {
        "nodes": [(node["id"], node["addresses"]) for g in groups for node in g["nodes"]],
        "findings": [(f.label, f.nodes) for f in found.findings],
        "events": [(event.label, event.nodes) for event in found.events],
    }


@pytest.mark.parametrize("talk", dual_stack(), ids=["recorded", "made"])
def test_any_beginning_says_who_there_is_and_what_is_wrong(talk: Talk) -> None:
    """One half of a pair more or less at the beginning changes no node and no verdict."""
    halves = 0
    for cut in range(40):
        (at, one), (after, other) = talk[cut : cut + 2]
        if one[12:14] == b"\x08\x00" and other[12:14] == b"\x86\xdd" and after - at < MILLISECOND:
            halves += 1
            without = told(talk[cut + 1 :])
            assert without == told(talk[cut + 2 :])
    assert halves > 3


def advert(counter: int, *, advbase: int = 1, source: bytes = b"\xc0\xa8\x01\x09") -> bytes:
    signature = counter.to_bytes(8, "big") + bytes(range(20))
    return changed(samples.F1, source=source, advbase=advbase, advskew=100, signature=signature)


def question(host: int) -> bytes:
    """Ask for somebody, as one of two other hosts: the vantage sees."""
    asking = bytes((2, 0, 0, 0, 0, 7 + host, 192, 168, 1, 7 + host))
    head = b"\xff" * 6 + asking[:6] + bytes.fromhex("0806 0001 0800 06 04 0001")
    return head + asking + bytes(6) + b"\xc0\xa8\x01\x63" + bytes(18)


def pair(at: int, counter: int) -> Talk:
    return [
        (at, advert(counter)),
        (at + 20_000, translated(advert(counter + 1))),
    ]


def begun_in_a_pair() -> Talk:
    talk = [(START, translated(advert(5)))]
    for number in range(1, 5):
        talk += pair(START + number * 1400 * MILLISECOND, 10 * number)
    return talk


def test_the_two_addresses_are_one_node_that_was_master_from_the_first() -> None:
    seen = observed(list(frames_of(begun_in_a_pair())), secrets=False)
    (node,) = seen.group.members
    assert node.id == "192.168.1.9"
    assert node.adverts == 9
    (period,) = node.master_periods
    assert (period.start, period.first, period.adverts) == (START, 1, 9)
    assert seen.group.contests == []
    (fact,) = [fact for fact in seen.facts if isinstance(fact, Joined)]
    assert (fact.node.id, fact.into) == ("fe80::c0a8:109", node)


def test_what_was_written_down_of_the_one_is_of_the_other() -> None:
    """Attacks, drops and changes of master name nodes that exist."""
    bad_ttl = bytearray(translated(advert(5)))
    bad_ttl[21] = 64
    found = told([(START, bytes(bad_ttl)), *begun_in_a_pair()[1:]])
    assert found["findings"] == [("bad_ttl", ("192.168.1.9",))]
    assert found["events"] == []


def test_a_gap_before_the_first_pair_is_of_one_node() -> None:
    talk = [(START - SECOND, translated(advert(4))), (START, translated(advert(5)))]
    talk += [(START + number * SECOND, question(number % 2)) for number in range(1, 60)]
    talk += pair(START + 60 * SECOND, 10) + pair(START + 61_400 * MILLISECOND, 20)
    found = told(talk)
    assert found["findings"] == [("master_gap", ("192.168.1.9",))]
    assert found["events"] == [], "nobody took over from himself"


def test_a_live_run_tells_of_one_master() -> None:
    monitor = Monitor(Config(), "span0")
    states: list[tuple[str, bool]] = []
    for before, frame in pairwise([None, *frames_of(begun_in_a_pair())]):
        assert frame is not None
        if before is not None and frame.at - before.at > SECOND:
            monitor.look(frame.at - SECOND // 10)
        monitor.see(frame)
        assert invariants(monitor.observer) == []
        if frame.number % 2:
            news = monitor.taken_news()
            states += [(one.node.id, one.is_master) for one in news if isinstance(one, StateChange)]
    assert states == [
        ("fe80::c0a8:109", True),
        ("fe80::c0a8:109", False),
        ("192.168.1.9", True),
    ]


@pytest.mark.parametrize("alone", [1, 2, 5])
@pytest.mark.parametrize("begins", [4, 6])
def test_halves_that_were_lost_at_the_beginning_make_no_second_node(
    alone: int, begins: int
) -> None:
    """A lossy link leaves several of one family before the first whole pair."""
    talk: Talk = []
    for number in range(12):
        both = pair(START + number * 1400 * MILLISECOND, 10 * number)
        lost = number < alone or (begins == 4 and number < 2 * alone)
        first_family = number < alone if begins == 4 else False
        talk += both if not lost else both[:1] if first_family else both[1:]
    found = told(talk)
    assert found["nodes"] == [("192.168.1.9", ["192.168.1.9", "fe80::c0a8:109"])]
    assert found["events"] == []
    assert found["findings"] == []


def test_three_frames_do_not_end_a_run() -> None:
    frames = list(frames_of(begun_in_a_pair()))[:3]
    seen = observed([])
    for frame in frames:
        seen.observer.see(decode(frame))
    late = seen.observer.tick(START + 60 * SECOND)
    assert [fact.node.id for fact in late if isinstance(fact, Overdue)] == ["192.168.1.9"]


def test_a_capture_that_opens_with_an_overlap_keeps_the_one_that_is() -> None:
    """Another node is MASTER beside the two addresses: the overlap is of two nodes, not three."""
    other = [
        (START + number * 1400 * MILLISECOND + 500 * MILLISECOND, advert(900 + number,
            source=b"\xc0\xa8\x01\x08"))
        for number in range(-1, 5)
    ]  # fmt: skip
    talk = sorted([*begun_in_a_pair(), *other], key=lambda one: one[0])
    seen = observed(list(frames_of(talk)), secrets=False)
    assert invariants(seen.observer) == []
    (contest,) = seen.group.contests
    assert sorted(contest.nodes) == ["192.168.1.8", "192.168.1.9"]
    assert {name for pair in contest.ignored for name in pair} <= set(contest.nodes)


def test_who_comes_back_after_a_flood_still_has_a_deadline() -> None:
    """Deadlines of those who were forgotten are cleared away; those that remain must work."""
    one = bytes((10, 0, 0, 1))
    observer = Observer(observed([]).observer.keyring, limits=Limits(64, 4, 8))
    observer.strangers.expected = {((), 1): (one,)}
    number = 0

    def say(at: int, data: bytes) -> list[object]:
        nonlocal number
        number += 1
        return list(observer.see(decode(Frame(number, at, 1, data, len(data)))))

    def sent(source: bytes) -> bytes:
        signature = hashlib.sha256(str(number).encode()).digest()[:28]
        return changed(samples.F1, source=source, advbase=1, signature=signature)

    say(START, sent(one))
    for second in (0, 1):
        for index in range(1100):
            source = bytes((10, 1, *index.to_bytes(2, "big")))
            say(START + second * SECOND + index * 800_000, sent(source))
    at = START + 1900 * MILLISECOND
    say(at - 2, sent(one))
    assert len(observer._due) > 1100, "or nothing is cleared away"
    say(at - 1, changed(sent(one), advbase=255, advskew=255))
    observer.tidy()
    assert invariants(observer) == []
    assert [fact for fact in say(at, sent(one)) if isinstance(fact, Claimed)]
    assert [fact for fact in observer.tick(at + 9 * SECOND) if isinstance(fact, Overdue | Left)]


def test_findings_of_one_moment_are_the_same_however_often_they_are_asked_for() -> None:
    """Ten invented senders and the first of them once more ended a run when asked twice."""
    talk = [(START + n, advert(7 * n, source=bytes((10, 8, 0, n + 1)))) for n in range(9)]
    talk.append((START + SECOND, advert(1000, source=bytes((10, 8, 0, 1)))))
    observer = Observer(observed([]).observer.keyring)
    engine = Engine(Context(observer))
    for frame in frames_of(talk):
        engine.see(observer.see(decode(frame)))
        for later in (0, SECOND):
            once = sorted(map(repr, engine.known(frame.at + later)))
            assert sorted(map(repr, engine.known(frame.at + later))) == once
    engine.see(observer.finish())
    engine.findings(observer.now)


def test_nodes_are_compared_by_who_they_are() -> None:
    assert Node("a", 0) != Node("a", 0)
