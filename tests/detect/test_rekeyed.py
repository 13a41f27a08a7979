"""A node is given another passphrase while it runs, and only the old one is supplied."""

from pathlib import Path

import pytest

from tests.detect.field import analysis, labels
from tests.plain import CARP_GROUP, Tape, carp, ether, ipv4

VIPS = ("10.0.0.100", "2001:db8::100")


def test_both_families_of_the_first_one_after_the_change_are_its_own(tmp_path: Path) -> None:
    tape = Tape()
    for second in range(40):
        word = "before" if second < 20 else "after"
        for place, source in enumerate(("10.0.0.1", "fe80::1")):
            at = second * 1.01 + place * 0.000002
            tape.advert(at, source, 7, passphrase=word, vips=VIPS)
    found = analysis(tape, tmp_path, "-p", "before", "-a", ",".join(VIPS))
    assert "unverified" not in labels(found)
    (group,) = found["groups"]
    (node,) = group["nodes"]
    assert node["authentication"]["status"] == "failed"
    assert node["advertisements"] == 80


def test_a_counter_taken_over_under_a_new_key_is_no_replay(tmp_path: Path) -> None:
    """Only the old passphrase is supplied; the MASTER has the new one, and its rival gets it.

    The MASTER accepts the rival's first advertisement under the new key and counts on from it:
    a counter that it has signed before.
    """
    tape = Tape()

    def say(at: float, source: str, skew: int, counter: int, word: str) -> None:
        body = carp(7, 1, skew, counter, passphrase=word, vips=VIPS[:1])
        packet = ipv4(source, CARP_GROUP, 112, body, number=len(tape.frames) + 1)
        tape.put(at, ether("00:00:5e:00:01:07", "01:00:5e:00:00:12", 0x0800, packet))

    for turn in range(20):
        say(turn * 1.01, "10.0.0.1", 0, 2000 + turn + (turn >= 10), "after")  # never 2010
        if turn < 19:
            say(turn * 1.01 + 0.98, "10.0.0.2", 1, 7000 + turn, "before")
    rekeyed = 19 * 1.01 + 0.98
    say(rekeyed, "10.0.0.2", 1, 2010, "after")
    for turn in range(20):
        say((20 + turn) * 1.01, "10.0.0.1", 0, 2011 + turn, "after")
    found = analysis(tape, tmp_path, "-p", "before", "-a", VIPS[0])
    assert "replayed_advert" not in labels(found)
    assert "authentication_mismatch" in labels(found)


@pytest.mark.parametrize("goes_on", [False, True])
def test_one_that_is_a_nodes_last_word_accuses_nobody(goes_on: bool, tmp_path: Path) -> None:
    """It yields to a better node right after; where it goes on with what verifies, it is told."""
    tape = Tape()
    for turn in range(20):
        tape.advert(turn * 1.4, "10.0.0.2", 7, 100, passphrase="before", vips=VIPS[:1])
    tape.advert(28.0 - 0.7 * goes_on, "10.0.0.2", 7, 100, passphrase="after", vips=VIPS[:1])
    for turn in range(20):
        if goes_on:
            at = 28.0 + turn * 1.4
            tape.advert(at, "10.0.0.2", 7, 100, passphrase="before", vips=VIPS[:1])
        else:
            at = 28.1 + turn * 1.01
            tape.advert(at, "10.0.0.1", 7, 0, passphrase="before", vips=VIPS[:1])
    found = analysis(tape, tmp_path, "-p", "before", "-a", VIPS[0])
    assert ("unverified" in labels(found)) is goes_on
