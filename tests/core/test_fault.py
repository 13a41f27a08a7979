"""A fault is a value that says where."""

from carpscope.core.fault import Fault, truncated


def test_it_says_itself_in_one_line() -> None:
    fault = truncated("carp", 34, 36, 20)
    assert fault == Fault("carp", 34, "truncated", 36, 20)
    assert str(fault) == "carp: truncated at byte 34 (needs 36 bytes, has 20)"


def test_nothing_is_there_at_least() -> None:
    assert truncated("ipv4", 14, 20, -3).present == 0
    assert str(truncated("ipv4", 14, 20, 0)) == "ipv4: truncated at byte 14 (needs 20 bytes, has 0)"


def test_what_is_not_about_length_counts_nothing() -> None:
    assert str(Fault("ipv4", 14, "version 6 where 4 must be")) == (
        "ipv4: version 6 where 4 must be at byte 14"
    )
