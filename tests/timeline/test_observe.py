"""Who is MASTER when, read from who advertises."""

import pytest

from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND
from carpscope.timeline.facts import Claimed, Left, Overdue, Refused, Spoofed
from tests.simulated import observed, scenario, simulated

FREEBSD = 'impl = "freebsd13"\npreempt = true'
BACKUP = FREEBSD + "\nadvskew = 100"
DUAL = 'addresses = ["10.0.0.100", "2001:db8::100"]'


def test_a_lone_master_has_one_master_period_to_the_end() -> None:
    seen = observed(simulated(scenario(FREEBSD)))
    (node,) = seen.group.members
    assert [r.ended_by for r in node.master_periods] == ["capture"]
    assert [type(f).__name__ for f in seen.facts if isinstance(f, Claimed | Left)] == [
        "Claimed",
        "Left",
    ]


def test_a_crashed_master_left_with_its_last_advertisement() -> None:
    seen = observed(simulated(scenario(FREEBSD, BACKUP, events='15.5 crash node="fw1"')))
    first, second = seen.group.members
    (period,) = first.master_periods
    assert period.ended_by == "silent"
    assert period.end == period.seen == first.last
    assert second.master_periods[0].start - period.seen == pytest.approx(
        3.39 * SECOND, abs=0.05 * SECOND
    )


def test_a_master_that_hears_a_better_one_yields_at_that_moment() -> None:
    seen = observed(simulated(scenario(FREEBSD + "\nstart = 15.0", BACKUP)))
    worse, better = seen.group.members
    assert worse.master_periods[0].ended_by == "yielded"
    assert worse.master_periods[0].end == better.master_periods[0].start


def test_a_bow_out_ends_a_master_period_at_once() -> None:
    openbsd = 'impl = "openbsd"\npreempt = true'
    events = '15.3 carp_down node="fw1"'
    seen = observed(simulated(scenario(openbsd, openbsd + "\nadvskew = 100", events=events)))
    first = seen.group.members[0]
    assert first.master_periods[0].ended_by == "bow-out"
    assert first.bow_outs == 1
    assert (first.advbase, first.advskew) == (1, 0), "a bow-out is no priority"


def test_both_families_of_a_node_are_one_node() -> None:
    seen = observed(
        simulated(
            scenario(FREEBSD, BACKUP, top=DUAL).replace('addresses = ["10.0.0.100"]\n', "", 1)
        )
    )
    assert len(seen.group.members) == 1
    assert [len(address) for address in seen.group.members[0].addresses] == [4, 16]
    assert seen.group.families == {4, 6}


def test_two_dual_stack_masters_stay_two_nodes() -> None:
    events = '10 partition a="fw1" b="fw2"'
    text = scenario(FREEBSD, BACKUP, top=DUAL, events=events)
    seen = observed(simulated(text.replace('addresses = ["10.0.0.100"]\n', "", 1)))
    assert [len(node.addresses) for node in seen.group.members] == [2, 2]


def test_copies_of_a_mirror_port_count_for_nobody() -> None:
    plain = simulated(scenario(FREEBSD, BACKUP))
    twice = sorted(
        [*plain, *(f._replace(at=f.at + MILLISECOND // 5) for f in plain)], key=lambda f: f.at
    )
    one, two = observed(plain), observed(twice)
    assert two.group.copies == one.group.members[0].adverts
    assert two.group.members[0].adverts == one.group.members[0].adverts
    assert not [f for f in two.facts if isinstance(f, Spoofed)]


def test_the_clock_notices_a_silent_master_without_a_packet() -> None:
    frames = simulated(scenario(FREEBSD, duration=10))
    seen = observed(frames[:5])
    observer = seen.observer
    facts = observer.tick(frames[4].at + 10 * SECOND)
    assert not [f for f in facts if isinstance(f, Overdue)], "the capture has ended"
    fresh = observed([])
    for frame in frames[:5]:
        from carpscope.wire.decode import decode

        fresh.observer.see(decode(frame))
    late = fresh.observer.tick(frames[4].at + 10 * SECOND)
    assert [f for f in late if isinstance(f, Overdue)]


def test_a_time_that_steps_back_breaks_nothing() -> None:
    frames = simulated(scenario(FREEBSD, BACKUP))
    shuffled = [*frames[10:], *frames[:10]]
    seen = observed([f._replace(number=i) for i, f in enumerate(shuffled, 1)])
    assert sum(node.adverts for node in seen.group.members) + seen.group.spoofed > 0


def test_a_flood_of_sources_is_followed_without_an_error() -> None:
    template = next(f for f in simulated(scenario(FREEBSD, duration=10)) if len(f.data) == 70)
    flood = [
        Frame(
            i,
            template.at + i * MILLISECOND,
            1,
            template.data[:26] + i.to_bytes(4, "big") + template.data[30:],
            70,
        )
        for i in range(1, 500)
    ]
    seen = observed(flood)
    assert not [f for f in seen.facts if isinstance(f, Refused)]
