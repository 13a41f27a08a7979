"""What a shell makes of text, without any shell."""

import pytest

from carpscope.settings.model import UNKNOWN, VARIES
from carpscope.settings.shell import EXPANDED_MAX, Script, evaluated


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a="x y"', "x y"),
        ("a='x $y'", "x $y"),
        ("a=x\\ y", "x y"),
        ('a="x \\"y\\""', 'x "y"'),
        ('a="x\\\ny"', "xy"),
        ("b=1\na=$b-${b}", "1-1"),
        ("a=$b", UNKNOWN),
        ("a=$(cat /x)", UNKNOWN),
        ("a=`cat /x`", UNKNOWN),
        ("a=oak$$tree", f"oak{VARIES}tree"),
        ("a=x # a=y", "x"),
        ("if true; then a=x; fi", UNKNOWN),
    ],
)
def test_a_variable_is_what_a_shell_makes_of_it(text: str, value: str) -> None:
    script = Script()
    script.read(text, "rc.conf")
    assert script.lookup("a") == value


def test_variables_that_double_end_as_not_known() -> None:
    script = Script()
    script.read("a=12345678\n" + 'a="$a$a"\n' * 5000, "rc.conf")
    assert script.value("a").strip(UNKNOWN) == ""
    assert sum(len(one.value) for one in script.variables.values()) < EXPANDED_MAX


def nobody(_name: str) -> str | None:
    return None


def test_eval_takes_quotes_away_and_ends_at_a_semicolon() -> None:
    commands = evaluated("pass 'a b'; pass c # d", nobody)
    assert [[word.value for word in words] for words in commands] == [
        ["pass", "a b"],
        ["pass", "c"],
    ]


def test_a_quote_that_does_not_end_breaks_the_file() -> None:
    script = Script()
    script.read('a="x\nb=y\n', "rc.conf")
    assert script.broken == [("rc.conf", 3)]
    assert script.lookup("b") is None
