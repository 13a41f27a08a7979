"""A few of the drawn networks, each of which something was once wrong with."""

import pytest

from tests.score.places import outcome

SEEDS = {
    22: "a node that starts late is not deaf before",
    166: "nothing in particular",
    188: "ways that duplicate before the other capture began",
    331: "one step that two hosts show is one",
    496: "a duplicate is no advertisement that its own host's capture lacks",
    2124: "both families of a node whose own capture nobody knows are taken from one",
    2126: "constant bytes of a host of which no other frame is shared",
    666: "two captures with a claim to one host belong to nobody",
}


@pytest.mark.parametrize("seed", SEEDS, ids=SEEDS.get)
def test_ways_between_places_invent_nothing(seed: int) -> None:
    one = outcome(seed)
    about_places = ("replayed", "looped", "forged", "one_way", "partition")
    false = [f["label"] for f in one.verdict.false if f["label"].startswith(about_places)]
    assert (false, one.wrong) == ([], [])
    assert one.proved == one.cuts
