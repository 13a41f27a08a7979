"""Ratios are of the same round, targets say whether they are met, and a page takes the tables."""

from pathlib import Path

import pytest

from tests.bench.measure import MIB, Command, Result, Row, Run, Subject, Target, measured
from tests.bench.printed import document, insert, table

pytestmark = pytest.mark.slow


def result(*targets: Target) -> Result:
    """Two commands; the machine was busy in the second round."""
    slow = Row(Command("slow", ("slow",)))
    fast = Row(Command("fast", ("fast",)))
    for number, factor in ((1, 1), (2, 10), (3, 1)):
        slow.runs[number] = Run(4.0 * factor, 3.0, 50 * MIB)
        fast.runs[number] = Run(1.0 * factor, 1.0, 20 * MIB)
    subject = Subject("two", (slow.command, fast.command), targets, rounds=3)
    return Result("two", subject, [fast, slow])


def test_a_ratio_compares_within_rounds() -> None:
    found = result()
    assert found.rows[1].ratio(found.rows[0]) == (4.0, 4.0, 4.0)


def test_a_command_with_few_rounds_is_compared_within_those() -> None:
    found = result()
    del found.rows[1].runs[2], found.rows[1].runs[3]
    assert found.rows[1].ratio(found.rows[0]) == (4.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("slow", "fast", 5, 4), "must 5 met, aim 4 met"),
        (Target("slow", "fast", 4, 3), "must 4 met, aim 3 not yet"),
        (Target("slow", "fast", 3), "must 3 MISSED"),
        (
            Target("slow", "fast", 20, 10, "each", (100_000, 1), "fast"),
            "slow, each: 20.00 us (must 20 met, aim 10 not yet)",
        ),
        (
            Target("slow", "slow", 1.1, None, "linear", (400, 100), "fast"),
            "slow, each against slow: 0.25 (must 1.1 met)",
        ),
        (
            Target("slow", "slow", 60, None, "memory"),
            "peak memory of slow: 50.00 MiB (must 60 met)",
        ),
        (Target("slow", "fast", 8, None, "growth"), "30.00 MiB (must 8 MISSED)"),
    ],
)
def test_a_target_is_met_or_missed(target: Target, said: str) -> None:
    assert said in table(result(target))


def test_a_target_of_a_program_that_is_not_installed_says_nothing() -> None:
    found = result(Target("slow", "absent", 1))
    assert found.verdicts() == []


def test_the_document_has_every_figure() -> None:
    made = document(result(Target("slow", "fast", 3)))
    assert [row["ratio"] for row in made["rows"]] == [[1.0, 1.0, 1.0], [4.0, 4.0, 4.0]]
    assert [(target["must"], target["met"]) for target in made["targets"]] == [(3, False)]


def test_what_is_not_installed_is_left_out() -> None:
    commands = (Command("none", ("no-such-program",)), Command("true", ("true",)))
    found = measured("some", Subject("some", commands, rounds=2))
    assert [row.command.name for row in found.rows] == ["true"]
    assert sorted(found.rows[0].runs) == [1, 2]


def test_what_takes_too_long_is_ended_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.measure.PATIENCE", 0.2)
    commands = (Command("long", ("sleep", "60")),)
    found = measured("some", Subject("some", commands, rounds=2))
    assert [run.ended for run in found.rows[0].runs.values()] == [True]
    assert "(ended after" in table(found)


def test_a_page_keeps_what_is_written_around_the_tables(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- bench machine -->\n<!-- end -->\n"
        "<!-- bench two -->\nold\n<!-- end -->\n<!-- bench other -->\nkept\n<!-- end -->\nafter\n"
    )
    insert(page, "a machine", [result()])
    text = page.read_text()
    assert text.startswith("before\n<!-- bench machine -->\na machine\n<!-- end -->\n")
    assert f"```text\n{table(result())}\n```\n<!-- end -->" in text
    assert "old" not in text
    assert text.endswith("<!-- bench other -->\nkept\n<!-- end -->\nafter\n")
