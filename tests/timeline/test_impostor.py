"""Replayed and forged advertisements, and what is genuine although it looks alike."""

import pytest

from carpscope.core.frame import Frame
from carpscope.core.units import SECOND
from carpscope.timeline.facts import Spoofed
from carpscope.timeline.impostor import SpoofKind
from tests.simulated import Observed, observed, scenario, simulated

SYSTEMS = ["freebsd13", "freebsd9", "netbsd", "openbsd", "ucarp"]


def spoof_kinds(seen: Observed) -> list[SpoofKind]:
    return [fact.spoof_kind for fact in seen.facts if isinstance(fact, Spoofed)]


def pair(impl: str, other: str, events: str, top: str = "") -> str:
    first = f'impl = "{impl}"\npreempt = true\nadvskew = 10'
    return scenario(
        first, f'impl = "{other}"\npreempt = true\nadvskew = 90', events=events, top=top
    )


STORIES = {
    "steady": "",
    "crash": '14 crash node="fw1"\n24 restart node="fw1"',
    "partition": '12 partition a="fw1" b="fw2"\n24 heal a="fw1" b="fw2"',
    "one-way": '12 path_down src="fw1" dst="fw2"\n28 path_up src="fw1" dst="fw2"',
    "link-flaps": """14 link_down node="fw1"
                     20 link_up node="fw1"
                     27 link_down node="fw1"
                     32 link_up node="fw1\"""",
    "advskew-set": '12 set_advskew node="fw1" value=40\n22 set_advskew node="fw1" value=10',
}
CASES = [
    (name, impl, other)
    for name in STORIES
    for impl in SYSTEMS
    for other in SYSTEMS
    # a running ucarp cannot be given another advskew
    if not (name == "advskew-set" and impl == "ucarp")
]


@pytest.mark.parametrize(("name", "impl", "other"), CASES)
def test_nothing_genuine_is_called_a_deceit(name: str, impl: str, other: str) -> None:
    events = STORIES[name]
    assert spoof_kinds(observed(simulated(pair(impl, other, events)))) == []


@pytest.mark.parametrize("impl", ["freebsd13", "freebsd9", "netbsd", "ucarp"])
def test_a_dead_master_that_still_speaks_is_replayed(impl: str) -> None:
    events = '12 crash node="fw1"\n' + "\n".join(
        f'{12.6 + index} replay node="fw1"' for index in range(8)
    )
    found = spoof_kinds(observed(simulated(pair(impl, "freebsd13", events))))
    assert found
    assert set(found) == {SpoofKind.REPLAYED}


@pytest.mark.parametrize("impl", SYSTEMS)
def test_another_priority_under_an_old_signature_is_forged(impl: str) -> None:
    events = '15.4 forge node="fw1" advskew=0\n16.4 forge node="fw1" advskew=0'
    found = spoof_kinds(observed(simulated(pair(impl, "freebsd13", events))))
    assert SpoofKind.FORGED in found


def test_the_imitated_node_is_not_alive_for_it() -> None:
    events = '12 crash node="fw1"\n' + "\n".join(
        f'{12.6 + index} replay node="fw1"' for index in range(8)
    )
    seen = observed(simulated(pair("freebsd13", "freebsd13", events)))
    first = seen.group.members[0]
    start = first.master_periods[0].start
    assert first.last - start < 10 * SECOND


def test_signatures_are_bounded() -> None:
    from carpscope.timeline.log import KEYS_KEPT

    frames = simulated(scenario('impl = "freebsd13"', duration=20))
    adverts = [f for f in frames if len(f.data) == 70]
    many = []
    for index in range(KEYS_KEPT + 100):
        base = adverts[0]
        counter = index.to_bytes(8, "big")
        data = base.data[:42] + counter + base.data[50:]
        many.append(Frame(index + 1, base.at + index * SECOND, 1, data, 70))
    seen = observed(many)
    assert len(seen.group.signatures.seen) <= KEYS_KEPT
