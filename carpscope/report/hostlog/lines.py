"""Lines of hosts' logs that speak of CARP, as each system writes them.

carp: 1@em0: BACKUP -> MASTER (master timed out)          FreeBSD since 10
carp: demoted by 240 to 240 (interface down)              FreeBSD since 10
carp0: BACKUP -> MASTER (preempting)                      FreeBSD to 9, DragonFly
carp0: link state changed to UP                           FreeBSD to 9
carp0: state transition: BACKUP -> MASTER                 OpenBSD, NetBSD
carp: em0 demoted group carp by 1 to 1 (carpdev)          OpenBSD
[WARNING] Switching to state: MASTER                      ucarp
… has resumed the state "MASTER" for vhid 1               scripts of pfSense and OPNsense
5,,,1000000103,em0,match,block,in,4,…,112,carp,56,…       filterlog of pfSense and OPNsense
    carp: MASTER vhid 1 advbase 1 advskew 0               ifconfig
"""

import re
from collections.abc import Callable, Iterable, Iterator

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, replace
from carpscope.report.hostlog.clock import LogClock, dated, stamp
from carpscope.report.hostlog.entry import Entry, EntryKind
from carpscope.report.hostlog.netstat import Netstat

LINE_LIMIT = 4096
_STATES = r"(INIT|BACKUP|MASTER)"
_HOST = re.compile(r"(?P<host>[\w.-]+) (?P<program>[\w./-]+)(?:\[\d+\])?: ")
_RFC5424 = re.compile(r"(?P<host>\S+) (?P<program>\S+) \S+ \S+ (?:-|\[.*?\]) ")
_HEADER = re.compile(r"(?P<interface>[a-z][\w.]*): flags=")

_Make = Callable[[re.Match[str]], "_Message"]


@dataclass(frozen=True, slots=True)
class _Message:
    """What a message says, without its time."""

    kind: EntryKind
    system: str = ""
    interface: str = ""
    vhid: int | None = None
    before: str = ""
    after: str = ""
    reason: str = ""
    advbase: int | None = None
    advskew: int | None = None
    demotion: int | None = None
    by: int | None = None
    source: str = ""


def _state(system: str) -> _Make:
    def make(m: re.Match[str]) -> _Message:
        found = m.groupdict()
        vhid = found.get("vhid")
        return _Message(
            EntryKind.STATE,
            system,
            found.get("interface") or "",
            int(vhid) if vhid else None,
            found.get("before") or "",
            found["after"],
            found.get("reason") or "",
        )

    return make


def _link(m: re.Match[str]) -> _Message:
    after = "MASTER" if m["link"] == "UP" else "BACKUP"
    return _Message(EntryKind.STATE, "FreeBSD", m["interface"], after=after, reason="link state")


def _demotion(system: str) -> _Make:
    def make(m: re.Match[str]) -> _Message:
        found = m.groupdict()
        return _Message(
            EntryKind.DEMOTION,
            system,
            found.get("interface") or "",
            reason=found.get("reason") or "",
            demotion=int(found["total"]),
            by=int(found["by"]) if found.get("by") else None,
        )

    return make


def _status(m: re.Match[str]) -> _Message:
    return _Message(
        EntryKind.STATUS,
        "",
        m["interface"] or "",
        int(m["vhid"]),
        after=m["after"],
        advbase=int(m["base"]),
        advskew=int(m["skew"]),
    )


def _said(kind: EntryKind, system: str) -> _Make:
    return lambda m: _Message(kind, system, (m.groupdict().get("interface") or ""))


_ARROW = rf"(?P<before>{_STATES[1:-1]}) -> (?:to: )?(?P<after>{_STATES[1:-1]})"
_PATTERNS: tuple[tuple[re.Pattern[str], _Make], ...] = (
    (
        re.compile(
            rf"carp: (?P<vhid>\d{{1,3}})@(?P<interface>\S+): {_ARROW}(?: \((?P<reason>.*)\))?"
        ),
        _state("FreeBSD"),
    ),
    (
        re.compile(r"carp: demoted by (?P<by>-?\d+) to (?P<total>-?\d+)(?: \((?P<reason>.*)\))?"),
        _demotion("FreeBSD"),
    ),
    (
        re.compile(rf"(?P<interface>carp\d+): state transition: {_ARROW}"),
        _state("OpenBSD or NetBSD"),
    ),
    (
        re.compile(rf"(?P<interface>carp\d+): state transition from: {_ARROW}"),
        _state("NetBSD"),
    ),
    (
        re.compile(
            r"carp: (?P<interface>\S+) demoted group \S+ (?:by (?P<by>-?\d+) )?to (?P<total>\d+)"
            r"(?: \((?P<reason>.*)\))?"
        ),
        _demotion("OpenBSD"),
    ),
    (
        re.compile(rf"(?P<interface>carp\d+): {_ARROW}(?: \((?P<reason>.*)\))?"),
        _state("FreeBSD to 9 or DragonFly"),
    ),
    (re.compile(r"(?P<interface>carp\d+): link state changed to (?P<link>UP|DOWN)"), _link),
    (
        re.compile(
            rf"carp: (?P<after>{_STATES[1:-1]}) (?:carpdev (?P<interface>\S+) )?"
            r"vhid (?P<vhid>\d{1,3}) advbase (?P<base>\d{1,3}) advskew (?P<skew>\d{1,3})"
        ),
        _status,
    ),
    (re.compile(rf"Switching to state: (?P<after>{_STATES[1:-1]})"), _state("ucarp")),
    (
        re.compile(
            rf"(?:\((?:[^()@\s]*)@(?P<interface>[\w.]+)\).*)?has resumed (?:the |CARP )?state "
            rf"\"?(?P<after>{_STATES[1:-1]})\"? for vhid (?P<vhid>\d{{1,3}})"
        ),
        _state("FreeBSD"),
    ),
    (
        re.compile(r"Bad digest|Bad TTL|Bad version|Bad IP checksum"),
        _said(EntryKind.REFUSED, "ucarp"),
    ),
    (
        re.compile(r"Preferred master advertised|Non-preferred master advertising"),
        _said(EntryKind.NOTE, "ucarp"),
    ),
    (re.compile(r"(?P<interface>carp\d*): .*incorrect hash"), _said(EntryKind.REFUSED, "")),
)


_UNDERSTOOD = re.compile(r"Spawning \[|Putting MASTER down|^\s*groups: |^\s*\d+ +carp\b")
"""Lines that speak of CARP and tell nothing that could be held against the wire."""
_MENTIONS = re.compile(r"\bu?carp\d*\b", re.IGNORECASE)


class Unread:
    """Counts lines that speak of CARP and were not understood; keeps the first."""

    KEPT = 50

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self.lines: list[tuple[int, str]] = []

    def see(self, number: int, text: str) -> None:
        """Take a line of which nothing was made."""
        if _MENTIONS.search(text) and not _UNDERSTOOD.search(text):
            self.count += 1
            if len(self.lines) < self.KEPT:
                self.lines.append((number, text))


def entries(
    lines: Iterable[str], clock: LogClock, unread: Unread | None = None
) -> Iterator[tuple[Nanos | None, Entry | None]]:
    """Give the time of every line that has one, and what it says of CARP, if it does."""
    interface = ""
    shown_at: Nanos | None = None
    unread = unread if unread is not None else Unread()
    netstat = Netstat()
    for number, raw in enumerate(lines, 1):
        text = raw.rstrip("\r\n")[:LINE_LIMIT]
        if (at := dated(text, clock)) is not None:
            for entry in netstat.ended() if netstat.is_inside else ():
                yield entry.at, entry
            shown_at = at
            yield at, None
            continue
        if netstat.takes(text, number, shown_at):
            continue
        for entry in netstat.ended() if netstat.is_inside else ():
            yield entry.at, entry
        header = _HEADER.match(text)
        if header is not None:
            interface = header["interface"]
        found = stamp(text, clock)
        rest = text[found.length :] if found is not None else text
        host, message = _host(rest) if found is not None else ("", rest)
        told = _parsed(message)
        if told is None:
            if header is None:
                unread.see(number, text)
            yield (found.at if found is not None else None), None
            continue
        when = found.at if found is not None else None
        coarse = found.coarse if found is not None else True
        if told.kind is EntryKind.STATUS:
            when = when if when is not None else shown_at
            # on the BSDs with carp interfaces the vhid's own interface is the header's
            if interface:
                told = replace(told, interface=interface)
        yield (
            when,
            Entry(
                number, text, told.kind, when, coarse, host, told.system, told.interface, told.vhid,
                told.before, told.after, told.reason, told.advbase, told.advskew, told.demotion,
                told.by, told.source, None, found is not None and found.has_zone,
            ),
        )  # fmt: skip
    for entry in netstat.ended() if netstat.is_inside else ():
        yield entry.at, entry


def _host(rest: str) -> tuple[str, str]:
    for pattern in (_HOST, _RFC5424):
        found = pattern.match(rest)
        if found is not None:
            return found["host"], rest[found.end() :]
    return "", rest


def _parsed(message: str) -> _Message | None:
    lowered = message.lower()
    if (
        "carp" not in lowered
        and "master" not in lowered
        and "state" not in lowered
        and ("bad " not in lowered)
    ):
        return None  # most lines of a log; patterns cost more
    if ",carp," in lowered and (blocked := _filtered(message)) is not None:
        return blocked
    for pattern, make in _PATTERNS:
        found = pattern.search(message)
        if found is not None:
            return make(found)
    return None


def _filtered(message: str) -> _Message | None:
    """Read a line of filterlog: an advertisement that arrived and was not let in.

    rule, sub-rule, anchor, tracker, interface, reason, action, direction, IP version; then of
    IPv4 nine fields before the source, of IPv6 six; then type, TTL, vhid, and what else it says.
    """
    parts = [part.strip() for part in message.split(",")]
    source = {"4": 18, "6": 15}.get(parts[8] if len(parts) > 8 else "")
    if source is None or len(parts) < source + 5 or not parts[source + 4].isdecimal():
        return None
    if parts[6] not in ("block", "reject") or parts[7] != "in":
        return None
    return _Message(
        EntryKind.BLOCKED,
        "FreeBSD",
        parts[4],
        int(parts[source + 4][:3]),
        reason=parts[5],
        source=parts[source],
    )
