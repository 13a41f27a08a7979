"""A node that is demoted again and again: the demotion is named, and what to look for.

Plain bytes, in the order of FreeBSD 10 and later, which advertise a demotion at once.
"""

from pathlib import Path

import pytest

from tests.detect.field import analysis, only
from tests.plain import CARP_GROUP, Tape, carp, ether, ipv4

VIP, ONE, OTHER = "10.0.0.100", "10.0.0.1", "10.0.0.2"


def flapping(rounds: int, *, demotes: bool) -> Tape:
    """Let ONE give way and come back; by demotion, or by falling silent."""
    tape = Tape()
    counter, now = 1000, 0.0

    def say(at: float, source: str, skew: int) -> None:
        nonlocal counter
        counter += 1
        body = carp(7, 1, skew, counter, vips=(VIP,))
        packet = ipv4(source, CARP_GROUP, 112, body, number=counter & 0xFFFF)
        tape.put(at, ether("00:00:5e:00:01:07", "01:00:5e:00:00:12", 0x0800, packet))

    for _ in range(rounds):
        for _ in range(6):
            say(now, ONE, 0)
            now += 1.01
        if demotes:
            say(now, ONE, 240)
            now += 0.0005
        else:
            now += 3.4
        for _ in range(4):
            say(now, OTHER, 100)
            now += 1.4
        now -= 0.3
        say(now, ONE, 0)
        now += 1.01
    return tape


@pytest.mark.parametrize("demotes", [True, False])
def test_a_demotion_that_comes_and_goes_is_the_reason(demotes: bool, tmp_path: Path) -> None:
    one = only(analysis(flapping(5, demotes=demotes), tmp_path), "flapping")
    told = f"The demotion of {ONE} rose 5 times meanwhile"
    assert (told in one["explanation"]) is demotes
    assert ("what demotes" in one["remedy"]) is demotes
    assert ("Remove the cause" in one["remedy"]) is not demotes
