"""Every parser takes its corpus, and every input that once broke it."""

import random
from pathlib import Path

import pytest

from tests.fuzz.mutators import mutator
from tests.fuzz.targets import TARGETS, corpus

pytestmark = pytest.mark.slow

FOUND = Path(__file__).with_name("found")
"""One folder a target, one file an input that broke it: `make fuzz` says where to put it."""

COSTLY = {"conversation": 20, "whole": 60, "live": 60, "squeezed": 300, "capture": 300}
"""Inputs of targets that take milliseconds each."""


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_there_and_breaks_nothing(name: str) -> None:
    seeds = list(corpus(name))
    assert seeds
    for data in seeds:
        TARGETS[name](data)
        TARGETS[name](data[: len(data) // 2])


@pytest.mark.parametrize("name", TARGETS)
def test_bent_inputs_break_nothing(name: str) -> None:
    chance, bend = random.Random(name), mutator(name)
    seeds = list(corpus(name))
    bent = [bend(chance.choice(seeds), chance) for _ in range(COSTLY.get(name, 1000))]
    assert [told for data in bent if (told := what_breaks(name, data))] == []


@pytest.mark.parametrize(
    "path", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_what_was_found_once_breaks_nothing_again(path: Path) -> None:
    assert what_breaks(path.parent.name, path.read_bytes()) is None


def what_breaks(name: str, data: bytes) -> str | None:
    """Say what a target raises over an input, and the input; None where it takes it."""
    try:
        TARGETS[name](data)
    except Exception as problem:  # noqa: BLE001 - whatever a parser lets out is a mistake of ours
        return f"{type(problem).__name__}: {problem} over {data[:200]!r}"
    return None
