"""Expected against observed: the machine under each hypothesis about what it hears."""

import pytest

from carpscope.timeline.replay import Explanation, ReplayVerdict, explain_node, replay
from tests.simulated import observed, scenario, simulated

pytestmark = pytest.mark.slow

SYSTEMS = ["freebsd13", "freebsd9", "netbsd", "openbsd", "ucarp"]


def pair(impl: str, events: str = "", duration: float = 45) -> str:
    node = f'impl = "{impl}"\npreempt = true'
    return scenario(node, node + "\nadvskew = 60", events=events, duration=duration)


def explained(text: str, node: str) -> list[Explanation]:
    group = observed(simulated(text)).group
    (found,) = [n for n in group.members if n.id == node]
    return explain_node(group, found)


@pytest.mark.parametrize("impl", SYSTEMS)
def test_a_clean_failover_is_as_expected(impl: str) -> None:
    text = pair(impl, '15.5 crash node="fw1"')
    backup = explained(text, "10.0.0.2")
    assert sum(one.contradict for one in backup) == 0
    assert sum(one.agree for one in backup) > 15
    # the one that crashed should have advertised once more, and nothing else is held against it
    crashed = explained(text, "10.0.0.1")
    wrong = [b for one in crashed for b in one.beats if b.verdict is ReplayVerdict.MISSING]
    assert len(wrong) == 1
    assert sum(one.contradict for one in crashed) == 1


@pytest.mark.parametrize("impl", SYSTEMS)
def test_a_deaf_backup_is_explained_by_deafness(impl: str) -> None:
    events = '12 path_down src="fw1" dst="fw2"\n30 path_up src="fw1" dst="fw2"'
    found = explained(pair(impl, events), "10.0.0.2")
    during = max(found, key=lambda one: one.agree)
    assert during.hears == ()
    assert during.decides
    (other,) = during.alternatives
    assert other[0] == ("10.0.0.1",)
    assert other[1] > 3


@pytest.mark.parametrize("impl", SYSTEMS)
def test_every_advertisement_has_its_expected_time(impl: str) -> None:
    found = explained(pair(impl, '15.5 crash node="fw1"'), "10.0.0.2")
    beats = [b for one in found for b in one.beats if b.verdict is ReplayVerdict.PERIODIC]
    assert len(beats) > 15
    for beat in beats:
        assert beat.expected is not None
        assert beat.seen is not None
        assert abs(beat.seen - beat.expected) < 30_000_000


def test_preemption_is_a_reaction() -> None:
    text = scenario(
        'impl = "freebsd13"\npreempt = true\nstart = 15.0',
        'impl = "freebsd13"\nadvskew = 100\npreempt = true',
    )
    found = explained(text, "10.0.0.2")
    assert sum(one.contradict for one in found) == 0


def test_work_is_bounded() -> None:
    group = observed(simulated(pair("freebsd13", '15.5 crash node="fw1"'))).group
    assert set(replay([group])) == {group.id}
    assert len(replay([group] * 5000)) == 1
