"""Whatever nodes say to each other, and whatever part of it is captured, there is a verdict."""

import random
from pathlib import Path

import pytest

from tests.fuzz import conversations
from tests.fuzz.conversations import SHORT, WAYS, Talk, adverts, bent, stock, taken, written
from tests.program import run

pytestmark = pytest.mark.slow

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))]


def kind(data: bytes) -> bytes:
    return data[12:14]


TALKS = stock()
DUAL_STACK = [talk for talk in TALKS if len({kind(data) for data in adverts(talk)}) > 1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("number", range(len(TALKS)))
def test_every_capture_takes_whatever_becomes_of_it(number: int, seed: int) -> None:
    """Live and as a file; what holds of the observer's state holds after every frame."""
    talk, ways = bent(TALKS[number], random.Random(1000 * number + seed))
    checked(talk, ", ".join(ways))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))
def test_dual_stack_captures_take_every_way(way: conversations.Way, seed: int) -> None:
    assert DUAL_STACK
    for number, talk in enumerate(DUAL_STACK):
        checked(way(talk, random.Random(seed)), f"capture {number}")


def checked(talk: Talk, told: str) -> None:
    try:
        taken(talk[:SHORT])
    except Exception as problem:
        raise AssertionError(told) from problem


@pytest.mark.parametrize("seed", range(6))
def test_a_report_is_made_of_what_is_left(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    talk, ways = bent(chance.choice(DUAL_STACK if seed % 2 else TALKS), chance)
    capture = tmp_path / "bent.pcap"
    capture.write_bytes(written(talk[:SHORT]))
    done = run("report", str(capture), "-o", str(tmp_path / "report"))
    assert done.status in (0, 1, 2), (ways, done.err)
    assert len(done.err.splitlines()) <= 3, done.err
