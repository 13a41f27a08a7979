"""HMACs from prepared states: what hashlib says, with and without the processor's instructions."""

import hmac
import random
from collections.abc import Iterator

import pytest

from carpscope.auth.digest import Signer, message
from carpscope.core import native as extension

pytestmark = pytest.mark.skipif(extension.loaded() is None, reason="built without a C compiler")


@pytest.fixture(params=[True, False], ids=["instructions", "portable"])
def way(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Choose how SHA-1 is computed; leave it as it was."""
    module = extension.loaded()
    assert module is not None
    if module.choose_sha1(request.param) is not request.param:
        pytest.skip("this processor has no instructions for SHA-1")
    yield request.param
    module.choose_sha1(True)


def rows(key: bytes, signed: bytes, count: int, chance: random.Random) -> list[bytes]:
    counters = [chance.randbytes(8) for _ in range(count)]
    return [
        chance.randbytes(6) + counter + hmac.new(key, signed + counter, "sha1").digest()
        for counter in counters
    ]


@pytest.mark.usefixtures("way")
def test_rows_verify_up_to_the_first_that_does_not() -> None:
    module = extension.loaded()
    assert module is not None
    chance = random.Random(3)
    for size in (*range(200), 5103):
        key, signed = chance.randbytes(chance.randrange(65)), chance.randbytes(size)
        made = rows(key, signed, 6, chance)
        verifier = module.Verifier(key, signed)
        assert verifier.verifies(b"".join(made), 0, 6) == 6
        wrong, at = chance.randrange(6), chance.randrange(6, 34)
        spoilt = bytearray(made[wrong])
        spoilt[at] ^= 1 << chance.randrange(8)
        made[wrong] = bytes(spoilt)
        whole = b"".join(made)
        assert verifier.verifies(whole, 0, 6) == wrong
        assert verifier.verifies(whole, wrong, 6 - wrong) == 0
        assert verifier.verifies(whole, wrong + 1, 5 - wrong) == 5 - wrong


@pytest.mark.usefixtures("way")
def test_what_a_node_signs_verifies() -> None:
    module = extension.loaded()
    assert module is not None
    signed = message(7, [bytes((192, 0, 2, 10))], [bytes(15) + b"\1"])
    signer, verifier = (
        Signer(b"quiet-harbour-17", signed),
        module.Verifier(b"quiet-harbour-17", signed),
    )
    counters = [number.to_bytes(8, "big") for number in (0, 1, 1 << 63)]
    made = b"".join(bytes(6) + counter + signer.sign(counter) for counter in counters)
    assert verifier.verifies(made, 0, 3) == 3
    assert module.Verifier(b"quiet-harbour-18", signed).verifies(made, 0, 3) == 0


def test_rows_that_are_not_there_are_refused() -> None:
    module = extension.loaded()
    assert module is not None
    verifier = module.Verifier(b"", b"")
    assert verifier.verifies(b"", 0, 0) == 0
    for first, count in ((0, 3), (2, 1), (3, 0), (-1, 1), (0, -1), (1, 2**63 - 1), (2**63 - 1, 1)):
        with pytest.raises(ValueError, match="no such rows"):
            verifier.verifies(bytes(68 + 33), first, count)
    with pytest.raises(ValueError, match="20 bytes"):
        module.Verifier(bytes(65), b"")
