"""Time: exact both ways, and readable."""

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from carpscope.core import units
from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND, Nanos

FIRST = -62_135_596_800 * SECOND
"""0001-01-01T00:00:00Z."""
LAST = 253_402_300_800 * SECOND - 1
"""The last nanosecond of 9999."""

instants = st.integers(FIRST, LAST)


@given(instants)
@example(0)
@example(-1)
@example(FIRST)
@example(LAST)
@example(1_700_000_000_123_456_789)
def test_rfc_3339_there_and_back(at: Nanos) -> None:
    text = units.rfc3339(at)
    assert units.parse_rfc3339(text) == at
    assert len(text) == (27 if at % MICROSECOND == 0 else 30)


@given(instants)
def test_rfc_3339_is_what_the_standard_library_reads(at: Nanos) -> None:
    moment = dt.datetime.fromisoformat(units.rfc3339(at - at % MICROSECOND))
    span = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert span // dt.timedelta(microseconds=1) == at // MICROSECOND


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789Z"),
        (1_767_225_600 * SECOND + 1500 * MICROSECOND, "2026-01-01T00:00:00.001500Z"),
        (FIRST, "0001-01-01T00:00:00.000000Z"),
        (LAST, "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_rfc_3339_byte_for_byte(at: Nanos, text: str) -> None:
    assert units.rfc3339(at) == text


@given(st.integers(-(2**63), 2**64))
@example(2**64 - 1)
@example(-(2**63))
@example(LAST + 1)
@example(FIRST - 1)
def test_any_stamp_of_a_damaged_file_prints(at: Nanos) -> None:
    assert units.parse_rfc3339(units.rfc3339(at)) == at or not FIRST <= at <= LAST
    assert units.clock(at)
    assert units.day(at)


@pytest.mark.parametrize("beyond", [LAST + 1, 2**80])
def test_beyond_the_years_is_their_edge(beyond: Nanos) -> None:
    assert units.day(beyond) == "9999-12-31"
    assert units.clock(beyond).startswith("23:59:59.")
    assert units.day(FIRST - 1) == "0001-01-01"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.5Z", SECOND // 2),
        ("1970-01-01T00:00:00.000000001+00:00", 1),
        ("1970-01-01 00:00:00.1234567899Z", 123_456_789),
        (" 1969-12-31T23:59:59.9Z\n", -SECOND // 10),
        ("1970-01-01T00:00:00.25-00:30", 1800 * SECOND + SECOND // 4),
    ],
)
def test_other_spellings_are_read(text: str, at: Nanos) -> None:
    assert units.parse_rfc3339(text) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00:00.5",
        "1970-01-01T00:00:00.xZ",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.5.5Z",
        "1970-01-01T00:00:00,5Z",
        "1970-01-01T00:00:00.٣Z",
        "1970-13-01T00:00:00Z",
        "1970-01-01T25:00:00Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_mistakes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        units.parse_rfc3339(text)


def test_the_clock_and_the_day() -> None:
    at = 1_700_000_000_123_456_789
    assert units.clock(at) == "22:13:20.123456"
    assert units.clock(at, digits=9) == "22:13:20.123456789"
    assert units.clock(at, digits=3) == "22:13:20.123"
    assert units.clock(at, digits=0) == "22:13:20"
    assert units.day(at) == "2023-11-14"


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (0, "0.0 ms"),
        (400 * MICROSECOND, "0.4 ms"),
        (99 * MILLISECOND, "99.0 ms"),
        (100 * MILLISECOND, "0.1 s"),
        (3_391 * MILLISECOND, "3.4 s"),
        (59_949 * MILLISECOND, "59.9 s"),
        (59_950 * MILLISECOND, "1 m 00 s"),
        (399 * SECOND, "6 m 39 s"),
        (3_599_600 * MILLISECOND, "1 h 00 m"),
        (7_500 * SECOND, "2 h 05 m"),
        (86_400 * SECOND, "1 d 00 h"),
        (-399 * SECOND, "-6 m 39 s"),
        (-400 * MICROSECOND, "-0.4 ms"),
    ],
)
def test_a_span_as_one_says_it(span: Nanos, text: str) -> None:
    assert units.span_text(span) == text


@given(st.integers(1, 10**18))
def test_a_negative_span_only_has_a_sign(span: Nanos) -> None:
    assert units.span_text(-span) == "-" + units.span_text(span)


def test_seconds_with_fixed_digits() -> None:
    assert units.seconds_text(3_391_000_000) == "3.391 s"
    assert units.seconds_text(-1_500_000_000, digits=1) == "-1.5 s"
