"""Verdicts packet by packet: what explained one explains the next, and failing has an end."""

import pytest

from carpscope.auth.digest import Signer, message
from carpscope.auth.explain import Sample
from carpscope.auth.keyring import Keyring
from carpscope.auth.verify import SEARCHES_PER_SOURCE, Verifier

WORD = b"quiet-harbour-17"
VIP = bytes((10, 0, 0, 100))
OTHER = bytes((10, 0, 0, 101))
SENDER = bytes((10, 0, 0, 1))


def sample(count: int, *addresses: bytes, word: bytes = WORD, lladdr: bytes = b"") -> Sample:
    counter = count.to_bytes(8, "big")
    signer = Signer(word, message(1, addresses, (), lladdr))
    return Sample(1, counter, signer.sign(counter))


def test_a_verdict_says_what_explains_it() -> None:
    verifier = Verifier(Keyring([b"other", WORD]), (VIP, OTHER))
    verdict = verifier.check((), SENDER, sample(1, VIP))
    assert verdict.status == "verified"
    assert verdict.recipe is not None
    assert (verdict.recipe.key.number, verdict.recipe.addresses) == (2, (VIP,))
    again = verifier.check((), SENDER, sample(2, VIP))
    assert again.recipe is verdict.recipe, "known already"


def test_what_explained_another_vlan_is_searched_again() -> None:
    verifier = Verifier(Keyring([WORD]), (VIP,))
    here = verifier.check((), SENDER, sample(1, VIP)).recipe
    there = verifier.check((5,), SENDER, sample(2, VIP)).recipe
    assert here == there
    assert here is not there


@pytest.mark.parametrize(("words", "status"), [([b"other"], "failed"), ([], "unchecked")])
def test_failing_and_not_having_tried_are_two_things(words: list[bytes], status: str) -> None:
    verifier = Verifier(Keyring(words), (VIP,))
    verdict = verifier.check((), SENDER, sample(1, VIP))
    assert (verdict.status, verdict.recipe) == (status, None)


def test_a_sender_is_searched_a_few_times_and_its_neighbour_still_is() -> None:
    verifier = Verifier(Keyring([WORD]), (VIP,))
    for count in range(SEARCHES_PER_SOURCE):
        strange = sample(count, VIP, word=b"unknown")
        assert verifier.check((), SENDER, strange).status == "failed"
    assert verifier.check((), SENDER, sample(9, VIP)).status == "failed", "no search any more"
    other = bytes((10, 0, 0, 2))
    assert verifier.check((), other, sample(10, VIP)).status == "verified"
    assert verifier.check((), SENDER, sample(11, VIP)).status == "verified", "no search is needed"


def test_two_failures_leave_one_search() -> None:
    verifier = Verifier(Keyring([WORD]), (VIP,))
    for count in range(SEARCHES_PER_SOURCE - 1):
        verifier.check((), SENDER, sample(count, VIP, word=b"unknown"))
    assert verifier.check((), SENDER, sample(9, VIP)).status == "verified"


def test_senders_without_end_are_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carpscope.auth.verify.SOURCES_LIMIT", 3)
    verifier = Verifier(Keyring([WORD]), (VIP,))
    for host in range(3):
        source = bytes((10, 0, 1, host))
        assert verifier.check((), source, sample(1, VIP, word=b"unknown")).status == "failed"
    assert verifier.check((), SENDER, sample(2, VIP)).status == "failed"


def test_the_second_search_of_a_sender_is_a_short_one() -> None:
    verifier = Verifier(Keyring([WORD]), (VIP,))
    near = bytes((10, 0, 0, 77))
    first = Verifier(Keyring([WORD]), (VIP,)).check((), SENDER, sample(1, near, VIP))
    assert first.status == "verified", "an address nobody supplied, of the sender's network"
    verifier.check((), SENDER, sample(1, VIP, word=b"unknown"))
    assert verifier.check((), SENDER, sample(2, near, VIP)).status == "failed"


def test_what_was_learned_and_the_mac_are_tried_too() -> None:
    verifier = Verifier(Keyring([WORD]), ())
    learned = bytes((192, 0, 2, 5))
    six = bytes.fromhex("fe80") + bytes(13) + b"\1"
    assert verifier.check((), six, sample(1, learned), (learned,)).status == "verified"
    mac = bytes.fromhex("02aabbccddee")
    by_hand = sample(2, VIP, lladdr=mac)
    assert Verifier(Keyring([WORD]), (VIP,)).check((), six, by_hand).status == "failed"
    verdict = Verifier(Keyring([WORD]), (VIP,)).check((), six, by_hand, (), mac)
    assert verdict.recipe is not None
    assert verdict.recipe.lladdr == mac
    far = bytes((192, 0, 2, 77))
    named = Verifier(Keyring([WORD]), ()).check((), bytes((192, 0, 2, 1)), sample(3, far))
    assert named.status == "verified", "one of the sender's own network"


def test_recipes_that_fit_come_first_the_next_time() -> None:
    verifier = Verifier(Keyring([WORD]), (VIP, OTHER))
    one = verifier.check((), SENDER, sample(1, VIP)).recipe
    two = verifier.check((), bytes((10, 0, 0, 2)), sample(1, OTHER)).recipe
    for count in range(2, 6):
        assert verifier.check((), SENDER, sample(count, OTHER)).recipe is two
        assert verifier.check((), SENDER, sample(count, VIP)).recipe is one
