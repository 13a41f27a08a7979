"""Text of strangers made visible: what terminals obey, what turns, what has no width."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import is_visible, shown

DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
WIDTHLESS = "\u00ad\u034f\u115f\u1160\u17b4\u180b\u180e\u200b\u200c\u200d\u2060\u2064\u3164\ufe0f"
WIDTHLESS += "\ufeff\uffa0\ufff9\U000e0001\U000e0041\U000e0100\u2800"


def test_what_a_terminal_would_obey_is_spelt_out() -> None:
    assert shown("a\x1b[31mb\n\u202e\x9b\udcff é☃") == "a\\x1b[31mb\\x0a\\u202e\\x9b\\xff é☃"
    assert shown("\U000e0041") == "\\U000e0041"
    assert shown("one\ntwo\r\n", keep="\n") == "one\ntwo\\x0d\n"


@pytest.mark.parametrize("sign", [*DIRECTIONS, *WIDTHLESS, "\u2028", "\u2029", "\x85", "\ud800"])
def test_what_nobody_sees_is_spelt_out(sign: str) -> None:
    assert not is_visible(sign), unicodedata.name(sign, "?")
    assert shown(f"a{sign}b").isascii()


def test_what_people_write_stays() -> None:
    for text in ("fw1", "büro-süd", "研究室", "межсетевой экран", "חומת אש", "a\u0301", "🔥 wall"):
        assert shown(text) == text


@given(st.text(st.characters()))
def test_any_text_becomes_visible(text: str) -> None:
    out = shown(text)
    assert is_visible(out)
    assert shown(out) == out
    if is_visible(text):
        assert out == text


def test_an_error_is_one_line_whatever_it_quotes() -> None:
    problem = CarpscopeError("a\nb\x1b]0;owned\x07: no such file")
    assert str(problem) == "a\\x0ab\\x1b]0;owned\\x07: no such file"
