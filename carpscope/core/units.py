"""Time as integers of nanoseconds, and how a person reads it.

Capture timestamps are never floats: 1700000000.123456789 does not survive one.
Only the last step, text for a screen, divides.
"""

import re
import time
from typing import TypeAlias

Nanos: TypeAlias = int
"""Nanoseconds: since 1970-01-01T00:00:00Z for an instant, plain for a span."""

SECOND: Nanos = 1_000_000_000
MINUTE: Nanos = 60 * SECOND
MILLISECOND: Nanos = 1_000_000
MICROSECOND: Nanos = 1_000

_RFC3339 = (  # compiled where a person's time is read
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]+))?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_FIRST_YEAR = -62_135_596_800
"""0001-01-01T00:00:00Z in seconds; RFC 3339 knows no year before, and none after 9999."""
_LAST_YEAR_ENDS = 253_402_300_800


def rfc3339(at: Nanos) -> str:
    """Give an instant as RFC 3339 in UTC; nanoseconds only where there are some."""
    seconds, fraction = divmod(at, SECOND)
    digits = f"{fraction // 1000:06d}" if fraction % 1000 == 0 else f"{fraction:09d}"
    return f"{_date_time(seconds)}.{digits}Z"


def clock(at: Nanos, *, digits: int = 6) -> str:
    """Give the time of day of an instant, in UTC, as `10:02:11.002341`."""
    seconds, fraction = divmod(at, SECOND)
    text = _date_time(seconds)[11:]
    return f"{text}.{fraction:09d}"[: 9 + digits] if digits else text


def day(at: Nanos) -> str:
    """Give the UTC date of an instant as `2026-11-22`."""
    return _date_time(at // SECOND)[:10]


def _date_time(seconds: int) -> str:
    # any 64-bit stamp of a damaged file must print, and as RFC 3339, so what lies outside its
    # years is shown at their edge
    t = time.gmtime(min(max(seconds, _FIRST_YEAR), _LAST_YEAR_ENDS - 1))
    day = f"{t.tm_year:04d}-{t.tm_mon:02d}-{t.tm_mday:02d}"
    return f"{day}T{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}"


def parse_rfc3339(text: str) -> Nanos:
    """Read what `rfc3339` writes (any offset is accepted). Raises ValueError."""
    import datetime as dt  # noqa: PLC0415 - of all commands a few read times that people wrote

    # fromisoformat alone would cut nanoseconds to micro- and let strange characters pass
    parts = re.fullmatch(_RFC3339, text.strip())
    if parts is None:
        raise ValueError(f"{text!r} is not a time as 2026-01-31T12:00:00.5Z or with an offset")
    date_time, digits, zone = parts.groups(default="")
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    span = dt.datetime.fromisoformat(date_time + zone.upper()) - epoch
    return (span.days * 86400 + span.seconds) * SECOND + int(digits[:9].ljust(9, "0"))


def nanos(seconds: float) -> Nanos:
    """Return a number of seconds as what everything else counts in."""
    return round(seconds * SECOND)


def seconds_text(span: Nanos, *, digits: int = 3) -> str:
    """Give a span in seconds with a fixed number of digits: `3.391 s`."""
    return f"{span / SECOND:.{digits}f} s"


def span_text(span: Nanos) -> str:
    """Give a span as a person says it: `0.4 ms`, `3.4 s`, `6 m 39 s`, `2 h 05 m`."""
    if span < 0:
        return "-" + span_text(-span)
    if span < 100 * MILLISECOND:
        return f"{span / MILLISECOND:.1f} ms"
    if span < 59_950 * MILLISECOND:
        return f"{span / SECOND:.1f} s"
    whole = round(span / SECOND)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"
