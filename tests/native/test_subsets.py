"""Every subset of some addresses, tried in C: what the walk in Python finds, after as many."""

import random

import pytest

from carpscope.auth.digest import Signer, message
from carpscope.auth.effort import Effort
from carpscope.auth.keyring import Keyring
from carpscope.auth.question import Candidates, Outcome, Sample
from carpscope.auth.search import Search
from carpscope.core import native as extension

pytestmark = pytest.mark.skipif(extension.loaded() is None, reason="built without a C compiler")


def tried(
    sample: Sample, ordered: list[bytes], lladdr: bytes, most: int
) -> tuple[tuple[bytes, ...] | None, int]:
    """Return the addresses that were found, and how many digests that took."""
    outcome, keyring = Outcome(), Keyring((b"secret words",))
    search = Search(sample, keyring, Candidates(tuple(ordered)), outcome, Effort(), most)
    found = search.try_subsets(keyring.keys[0], ordered, lladdr)
    return None if found is None else found.addresses, outcome.digests


@pytest.mark.parametrize("lladdr", [b"", bytes.fromhex("02000000aa01")])
def test_both_find_the_same_after_as_many(lladdr: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(9)
    for count in (0, 1, 2, 5, 9, 12, 15):
        ordered = [chance.randbytes(chance.choice((4, 16))) for _ in range(count)]
        for is_among in (True, False):
            some = [one for one in ordered if chance.random() < 0.6] if is_among else [bytes(4)]
            counter, key = chance.randbytes(8), b"secret words".ljust(20, b"\0")
            signer = Signer(key, message(7, some, [], lladdr))
            sample = Sample(7, counter, signer.sign(counter))
            for most in (1 << 22, 20_000):
                monkeypatch.delenv("CARPSCOPE_PURE", raising=False)
                in_c = tried(sample, ordered, lladdr, most)
                monkeypatch.setenv("CARPSCOPE_PURE", "1")
                assert in_c == tried(sample, ordered, lladdr, most)
                assert (in_c[0] is not None) is (is_among and bool(some))
