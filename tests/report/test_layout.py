"""Hanging indents and columns, with nothing behind the last character of a line."""

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from carpscope.report.layout import WIDEST, columns, folded, hanging


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def test_further_lines_are_indented_as_far_as_the_first() -> None:
    lines = hanging(Console(width=30), Text("  Why:  "), Text("one two three four five six seven"))
    assert plain(lines) == ["  Why:  one two three four", "        five six seven"]


def test_the_style_of_a_prefix_ends_with_it() -> None:
    (line,) = hanging(Console(width=40), Text("Why: ", style="dim"), Text("because"))
    assert line.style == ""
    assert [(span.start, span.end) for span in line.spans if span.style == "dim"] == [(0, 5)]


def test_a_number_stays_with_its_unit() -> None:
    lines = hanging(Console(width=22), Text(), Text("it took exactly six, 6 m 39 s"))
    assert plain(lines) == ["it took exactly six,", "6 m 39 s"]


def test_a_wide_terminal_gets_no_endless_lines() -> None:
    lines = hanging(Console(width=300), Text(), Text("word " * 100))
    assert max(line.cell_len for line in lines) <= WIDEST


@given(st.text(alphabet="ab –6s\n", max_size=300), st.integers(20, 130))
def test_every_word_is_kept_and_no_line_ends_in_space(text: str, width: int) -> None:
    lines = plain(hanging(Console(width=width), Text("> "), Text(text)))
    assert "".join(text.split()) == "".join("".join(lines)[2:].split())
    assert all(line == line.rstrip() for line in lines)


def test_cells_of_several_lines_stay_in_their_columns() -> None:
    rows = [[Text("a"), Text("b")], [Text("long\ntwo"), Text("c")]]
    assert plain(columns(rows)) == ["  a     b", "  long  c", "  two"]


def test_words_are_folded_and_long_ones_stand_alone() -> None:
    assert folded(["10.0.0.1", "10.0.0.2", "2001:db8::1234"], 12) == (
        "10.0.0.1\n10.0.0.2\n2001:db8::1234"
    )
    assert folded(["a", "b", "c"], 3) == "a b\nc"
