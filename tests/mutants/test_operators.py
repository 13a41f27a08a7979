"""What is changed, what is left alone, and that the list of equivalents names what there is."""

import ast

import pytest

from tests.mutants import ROOT
from tests.mutants.book import equivalents
from tests.mutants.operators import mutants, mutated

SOURCE = '''"""A module."""
from typing import TypeAlias
LIMIT: int = 3
Name: TypeAlias = "str"

class Thing:
    """A class."""

    def is_small(self, size: int = 5) -> bool:
        """Say it."""
        assert size > 0, "never"
        if not size or size < LIMIT:
            return True
        raise ValueError("a message in words")

def total(sizes: list[int]) -> int:
    """Add."""
    found = 0
    for size in sizes:
        if size == 7:
            continue
        found += size
    return max(found, 1)
'''


def changes() -> dict[str, list[str]]:
    """Give the changes of each scope, as told."""
    found: dict[str, list[str]] = {}
    for mutant in mutants("thing.py", SOURCE):
        found.setdefault(mutant.scope, []).append(f"{mutant.before} -> {mutant.after}")
    return found


def test_every_place_is_changed_as_a_slip_would() -> None:
    found = changes()
    assert found[""] == ["LIMIT: int = 3 -> LIMIT: int = 4", "LIMIT: int = 3 -> LIMIT: int = 2"]
    assert found["Thing"] == ["5 -> 6", "5 -> 4"]
    tests = [
        "not size and size < LIMIT: return True",
        "if size or size < LIMIT: return True",
        "not size or size <= LIMIT: return True",
        "not size or size >= LIMIT: return True",
        "not size or size < LIMIT: return False",
        "pass",
    ]
    for change, end in zip(found["Thing.is_small()"], tests, strict=True):
        assert change.endswith(end), change
    ends = [line.rpartition(" -> ")[2] for line in found["total()"]]
    assert ends[:2] == ["found = 1", "found = -1"]
    for word in ("size != 7", "size == 8", "size == 6", "break", "found -= size", "pass"):
        assert any(word in end for end in ends), word
    assert ends[-4:] == [
        "return None",
        "return min(found, 1)",
        "return max(found, 2)",
        "return max(found, 0)",
    ]
    assert len(ends) == 12


def test_a_mutant_differs_in_that_place_alone() -> None:
    whole = ast.unparse(ast.parse(SOURCE)).splitlines()
    for mutant in mutants("thing.py", SOURCE):
        changed = ast.unparse(mutated(SOURCE, mutant)).splitlines()
        differing = [n for n, (a, b) in enumerate(zip(whole, changed, strict=True)) if a != b]
        assert len(differing) == 1, mutant.name


def test_names_tell_mutants_apart_and_outlive_other_changes() -> None:
    names = [mutant.name for mutant in mutants("thing.py", SOURCE)]
    assert len(names) == len(set(names))
    moved = SOURCE.replace("LIMIT: int = 3", "OTHER = None\n\n\nLIMIT: int = 3")
    assert [mutant.name for mutant in mutants("thing.py", moved)] == names


def test_lines_are_those_of_the_statement() -> None:
    source = "def one(a: int) -> int:\n    return (\n        a\n        + 1\n    )\n"
    assert {(m.first, m.last) for m in mutants("one.py", source)} == {(2, 5)}


def test_a_place_that_is_not_there_is_a_mistake() -> None:
    (first, *_) = mutants("thing.py", SOURCE)
    with pytest.raises(ValueError, match="no mutant 999"):
        mutated(SOURCE, first._replace(number=999))


def test_what_is_listed_as_equivalent_is_there_and_has_a_reason() -> None:
    listed = equivalents()
    paths = {name.partition(" ")[0] for name in listed}
    known = {m.name for path in paths for m in mutants(path, (ROOT / path).read_text())}
    assert set(listed) <= known
    assert all(reason.endswith(".") for reason in listed.values())
