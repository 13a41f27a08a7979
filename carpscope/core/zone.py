"""Local time beside UTC, where somebody asks for it: `UTC`, `+01:00`, or a name as `Europe/Berlin`.

Everything is told in UTC; a zone only adds what a clock on a wall there showed.
"""

import datetime as dt
import re
import zoneinfo

from carpscope.core.errors import CarpscopeError
from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone by which times are told beside UTC."""

    name: str
    zone: dt.tzinfo

    def clock(self, at: Nanos, *, digits: int = 0) -> str:
        """Give the time of day there with its offset: `11:02:11+01:00`; empty outside of years."""
        try:
            local = (_EPOCH + dt.timedelta(seconds=at // SECOND)).astimezone(self.zone)
        except (OverflowError, ValueError):  # a damaged capture is of any time
            return ""
        text = local.isoformat(timespec="seconds")
        fraction = f".{at % SECOND:09d}"[: 1 + digits] if digits else ""
        return f"{text[11:19]}{fraction}{text[19:]}"

    def beside(self, at: Nanos, *, digits: int = 0) -> str:
        """Give the same in brackets, to stand behind a time in UTC."""
        return f" ({self.clock(at, digits=digits)})"


def beside(zone: Zone | None, at: Nanos, *, digits: int = 0) -> str:
    """Give local time in brackets; empty where nobody asked."""
    return zone.beside(at, digits=digits) if zone is not None else ""


def beside_both(zone: Zone | None, first: Nanos, last: Nanos) -> str:
    """The same of a stretch of time: the offset once, unless it changes in between."""
    if zone is None:
        return ""
    begin, end = zone.clock(first), zone.clock(last)
    return f" ({begin[:8] if begin[8:] == end[8:] else begin} – {end})"


def parse_zone(text: str, option: str) -> dt.tzinfo:
    """Read a time zone that an option names. Raises CarpscopeError."""
    if text.upper() in ("UTC", "Z", "GMT"):
        return dt.UTC
    if (fixed := offset(text)) is not None:
        return fixed
    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise CarpscopeError(
            f"{option} {text!r}: neither UTC, an offset as +01:00, nor a zone known here"
        ) from None


def offset(text: str) -> dt.tzinfo | None:
    """Read `+01:00` or `-0330`; None where it is none."""
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[2]) > 23 or int(found[3]) > 59:
        return None
    span = dt.timedelta(hours=int(found[2]), minutes=int(found[3]))
    return dt.timezone(-span if found[1] == "-" else span)
