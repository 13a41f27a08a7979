"""A few of the drawn networks, each of which something was once wrong with."""

import pytest

from tests.score.places import outcome

pytestmark = pytest.mark.slow

SEEDS = {
    22: "a node that starts late is not deaf before",
    166: "nothing in particular",
    188: "ways that duplicate before the other capture began",
    331: "one step that two hosts show is one",
    496: "a duplicate is no advertisement that its own host's capture lacks",
    2124: "both families of a node whose own capture nobody knows are taken from one",
    2126: "constant bytes of a host of which no other frame is shared",
    5: "a ucarp that is woken by a worse one has taken in the better one before",
    83: "a node that was cut off comes to its counters by itself",
    92: "a set of addresses that was passed at one time with the next",
    94: "of two hosts that came through whole one is not at home",
    111: "a guess of a clock tells of no step, nor of what came again too soon",
    163: "two captures that share nothing are compared by their own clocks",
    168: "the card that a link-local address is made from",
    238: "what passed its own advertisement on the way",
    278: "addresses that are set one by one, in an order of their own",
    460: "the IPv4 half of a pair is of the host that its IPv6 half names",
    593: "own advertisements are not what a node was handed",
    2098: "what another capture holds once, put later by an inexact clock, is no replay",
    3019: "each family's latest advertisement is of the capture that held it",
    666: "two captures with a claim to one host belong to nobody",
}


@pytest.mark.parametrize("seed", SEEDS, ids=SEEDS.get)
def test_ways_between_places_invent_nothing(seed: int) -> None:
    one = outcome(seed)
    assert ([f["label"] for f in one.verdict.false], one.wrong) == ([], [])
    assert one.proved == one.cuts
