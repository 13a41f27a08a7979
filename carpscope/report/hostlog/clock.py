"""The times that log lines carry, none of which says everything.

A line of syslog has neither year nor zone: the zone is an option (UTC where nobody says),
the year is the one that brings the line nearest to the capture, or an option. RFC 3339
says both. The output of `date` before that of `ifconfig` dates what follows it.
"""

import datetime as dt
import re

from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass
from carpscope.core.zone import offset

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SYSLOG = re.compile(
    r"(?:<\d+>)?(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)"
    r"(?:\.(?P<f>\d{1,9}))? "
)
_ISO = re.compile(
    r"(?:<\d+>1 )?(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ]"
    r"(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?"
    r" ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?:?\s"
)
_DATE = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) "
    r"(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d) (?P<zone>\S+) (?P<year>\d{4})\s*"
)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class LogClock:
    """How times without year or zone are to be read."""

    zone: dt.tzinfo = dt.UTC
    year: int | None = None
    """None: the year that brings a line nearest to `near`."""
    near: Nanos = 0


@dataclass(frozen=True, slots=True)
class LineTime:
    """A time at the beginning of a line."""

    at: Nanos
    coarse: bool
    length: int
    """Characters it takes."""
    has_zone: bool = False


def stamp(line: str, clock: LogClock) -> LineTime | None:
    """Read the time a line begins with."""
    for pattern in (_SYSLOG, _ISO):
        found = pattern.match(line)
        if found is not None:
            at = _instant(found, clock)
            zoned = bool(found.groupdict().get("zone"))
            return None if at is None else LineTime(at, not found["f"], found.end(), zoned)
    return None


def dated(line: str, clock: LogClock) -> Nanos | None:
    """Read a line that is nothing but the output of `date`."""
    found = _DATE.fullmatch(line)
    return _instant(found, clock) if found is not None else None


def _instant(found: re.Match[str], clock: LogClock) -> Nanos | None:
    parts = found.groupdict()
    month = parts["month"]
    number = int(month) if month.isdigit() else _month(month)
    if number is None:
        return None
    zone = _zone(parts.get("zone"), clock)
    year = parts.get("year")
    years = [int(year)] if year else _years(clock)
    instants = []
    for candidate in years:
        try:
            moment = dt.datetime(
                candidate,
                number,
                int(parts["day"]),
                int(parts["h"]),
                int(parts["m"]),
                min(int(parts["s"]), 59),
                tzinfo=zone,
            )
            span = moment - _EPOCH
        except (ValueError, OverflowError):  # 29 February of another year
            continue
        fraction = int((parts.get("f") or "0").ljust(9, "0"))
        instants.append((span.days * 86400 + span.seconds) * SECOND + fraction)
    return min(instants, key=lambda at: abs(at - clock.near), default=None)


def _month(text: str) -> int | None:
    lowered = text.lower()
    return _MONTHS.index(lowered) + 1 if lowered in _MONTHS else None


def _years(clock: LogClock) -> list[int]:
    if clock.year is not None:
        return [clock.year]
    try:
        year = (_EPOCH + dt.timedelta(seconds=clock.near // SECOND)).year
    except OverflowError:  # a damaged capture is of any time
        return []
    return [year - 1, year, year + 1]


def _zone(text: str | None, clock: LogClock) -> dt.tzinfo:
    if not text:
        return clock.zone
    if text in ("Z", "UTC", "GMT"):
        return dt.UTC
    # CET and the like mean different things in different places, +99:00 means nothing
    return offset(text) or clock.zone
