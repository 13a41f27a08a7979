"""What holds for every implementation and every event."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.units import MILLISECOND, SECOND
from carpscope.protocol.events import (
    AuxLinkChanged,
    CarpInterfaceChanged,
    Configured,
    Demoted,
    Dropped,
    Event,
    InterfaceChanged,
    LinkChanged,
    OutputChanged,
    Received,
    State,
    StateRequested,
    TimerFired,
    Transition,
)
from carpscope.protocol.machine import step
from tests.protocol.bench import KERNELS, VIP6, advert, booted


@given(
    st.sampled_from([*KERNELS, "ucarp"]),
    st.integers(0, (1 << 64) - 1),
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 255), st.integers(0, 255), st.booleans()),
        max_size=12,
    ),
)
def test_any_course_of_events_leaves_a_node_that_can_go_on(
    impl: str, draw: int, course: list[tuple[int, int, int, bool]]
) -> None:
    one = booted(impl, ipv6=() if impl == "ucarp" else (VIP6,))
    at = SECOND
    for kind, base, skew, flag in course:
        at = max(at + 300 * MILLISECOND, one.busy_until)
        found = one.next_timer()
        if found is not None and found[0] < at:
            one, _ = step(one, TimerFired(max(found[0], one.busy_until), draw, *found[1:]))
            at = max(at, one.busy_until)
        choices: list[Event] = [
            Received(at, draw, advert(base, skew, of=one)),
            Received(at, draw, advert(base, skew, of=one, family=6)),
            LinkChanged(at, draw, flag),
            InterfaceChanged(at, draw, flag),
            CarpInterfaceChanged(at, draw, 1, flag),
            Demoted(at, draw, base - skew),
            Configured(at, draw, 1, advbase=max(1, base), advskew=min(skew, 254)),
            OutputChanged(at, draw, flag),
            AuxLinkChanged(at, draw, flag),
            StateRequested(at, draw, 1, State.MASTER if flag else State.BACKUP),
        ]
        event = choices[kind]
        before = one
        one, said = step(one, event)
        assert (one, said) == step(before, event), "the same event gave another step"
        assert all(effect.at >= at for effect in said)
        acts = [effect for effect in said if not isinstance(effect, Dropped)]
        assert one.busy_until >= max((effect.at for effect in acts), default=0)
        chain = [effect for effect in said if isinstance(effect, Transition)]
        for first, second in pairwise(chain):
            assert first.new is second.old


def test_a_step_changes_no_node_but_gives_a_new_one() -> None:
    one = booted("freebsd13")
    copy = tuple(one)
    step(one, Received(SECOND, 1, advert(of=one)))
    assert tuple(one) == copy
