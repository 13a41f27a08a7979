"""A hard search is made beside the loop: looks stay short, and what it finds arrives."""

import functools
import hmac
import itertools
from collections.abc import Iterator

import pytest

from carpscope.auth.effort import Effort
from carpscope.auth.explain import ALL, Candidates, explain
from carpscope.auth.keyring import Keyring
from carpscope.auth.question import Sample
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND
from carpscope.live.monitor import DIGEST_NS, LOOK_DIGESTS, SETTLE_SHARE, Monitor
from carpscope.live.searching import Question, Searcher
from tests.live.month import advert
from tests.live.stage import until

pytestmark = pytest.mark.slow

PASSPHRASE = b"quiet-harbour-17"
AT = 1_700_000_000 * SECOND
OTHERS = tuple(bytes((10, 0, last, 7)) for last in range(20))
"""Addresses that nobody signs, so that there are very many sets of them."""


def adverts(count: int) -> Iterator[Frame]:
    """Give advertisements that sign two addresses nobody named: the dearest stage finds them."""
    for second in range(count):
        counter = second.to_bytes(8, "big")
        signed = b"\x02\x01\x01" + bytes((192, 0, 2, 200)) + bytes((192, 0, 2, 201)) + counter
        digest = hmac.digest(PASSPHRASE, signed, "sha1")
        data = advert(1, bytes((192, 0, 2, 1)), 0, second, digest)
        yield Frame(second + 1, AT + second * SECOND, 1, data, len(data))


def test_a_look_never_searches_long() -> None:
    searcher = Searcher(pause_s=0)
    monitor = Monitor(Config((PASSPHRASE,), OTHERS), "eth1", searcher=searcher)
    costs = []
    for frame in adverts(60):
        monitor.see(frame)
        before = monitor.observer.effort.spent
        monitor.look(frame.at)
        costs.append(monitor.observer.effort.spent - before)
    searcher.close()
    assert LOOK_DIGESTS // 2 < max(costs) < 3 * LOOK_DIGESTS
    assert sum(costs) < 60 * SECOND // DIGEST_NS // SETTLE_SHARE * 2


def is_verified(monitor: Monitor) -> bool:
    monitor.look(monitor.observer.now + 1)
    nodes = [node for group in monitor.observer.groups.values() for node in group.members]
    return any(node.authentication.recipe is not None for node in nodes)


def test_what_is_found_beside_the_loop_arrives() -> None:
    nobody = Searcher()
    nobody.close()
    for searcher in (nobody, Searcher(pause_s=0)):
        monitor = Monitor(Config((PASSPHRASE,), OTHERS[:12]), "eth1", searcher=searcher)
        for frame in adverts(60):
            monitor.see(frame)
            monitor.look(frame.at)
        if searcher is nobody:
            assert not is_verified(monitor), "it is beyond what a look may search"
            continue
        until(functools.partial(is_verified, monitor), 30, "its HMACs are explained")
        searcher.close()
        group = monitor.observer.groups[(), 1]
        (node,) = group.members
        assert node.authentication.failed == 0
        (recipe,) = group.recipes
        assert recipe.address_set == {bytes((192, 0, 2, last)) for last in (200, 201)}
        monitor.see(next(itertools.islice(adverts(100), 90, None)))
        assert node.authentication.verified == 61


def test_one_question_at_a_time_and_each_is_answered_once() -> None:
    searcher = Searcher(pause_s=0)
    sample = Sample(1, bytes(8), bytes(20))
    candidates = Candidates()
    question = Question("eth1", ((), 1), "192.0.2.1", sample, candidates, Keyring((PASSPHRASE,)))
    searcher.ask(question)
    busy = not searcher.is_free
    assert busy
    found = until(lambda: searcher.answer("eth1"), 30, "the answer")
    assert found is not None
    expected = explain(sample, Keyring((PASSPHRASE,)), candidates, Effort(), stages=ALL)
    assert found[0] is question
    assert found[1].recipe is expected.recipe is None
    assert found[1].digests == expected.digests
    assert searcher.is_free
    assert searcher.answer("eth1") is None
    searcher.close()


def test_an_answer_waits_for_whom_it_concerns() -> None:
    searcher = Searcher(pause_s=0)
    sample = Sample(1, bytes(8), bytes(20))
    searcher.ask(Question("eth2", ((), 1), "192.0.2.1", sample, Candidates(), Keyring(())))
    assert searcher.answer("eth1") is None
    assert until(lambda: searcher.answer("eth2"), 30, "the answer")
    searcher.close()
