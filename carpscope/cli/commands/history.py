"""`carpscope history`: what a live run kept."""

import argparse
import re
import sys

from carpscope.cli import options as shared
from carpscope.cli.command import Command
from carpscope.core.errors import CarpscopeError

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Mapping

    from carpscope.core.zone import Zone
    from carpscope.report.line import Json
    from carpscope.report.store import Kept

SEVERITIES = ("info", "warning", "error", "critical")
KINDS = ("start", "stop", "state", "election", "finding", "incident", "notice")
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}

EXAMPLES = """\
  carpscope history /var/lib/carpscope/events.sqlite --since yesterday
  carpscope history events.sqlite --since 2h --severity warning
  carpscope history events.sqlite --kind election --group vhid1
  carpscope history --json events.sqlite | jq 'select(.state == "MASTER")'"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("store", metavar="STORE.sqlite", help="what live --store writes")
    when = "yesterday, today, 2h, 3d, 2026-11-30 or 2026-11-30T03:00:00Z; UTC"
    parser.add_argument("--since", metavar="WHEN", help=when)
    parser.add_argument("--until", metavar="WHEN", help="the same; what comes later is left out")
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        choices=KINDS,
        metavar="KIND",
        help=f"only {', '.join(KINDS)} (repeatable)",
    )
    parser.add_argument(
        "--severity", choices=SEVERITIES, metavar="SEVERITY", help="from this severity on"
    )
    parser.add_argument("--group", metavar="GROUP", help="vlan10/vhid1, or the number of a vhid")
    parser.add_argument("-c", "--count", type=_count, metavar="N", help="the newest N only")
    parser.add_argument("-V", "--details", action="store_true", help="what incidents consist of")
    shared.add_timezone(parser)
    parser.add_argument("--json", action="store_true", help="one event object a line")


def run(options: argparse.Namespace) -> int:
    """Print what was kept."""
    import json
    import time

    from carpscope.report.store import EventQuery, kept

    now, zone = time.time_ns(), options.timezone
    chosen = SEVERITIES[SEVERITIES.index(options.severity) :] if options.severity else ()
    wish = EventQuery(
        _when(options.since, now, "--since"),
        _when(options.until, now, "--until"),
        tuple(options.kind),
        chosen,
        options.group,
        options.count,
    )
    for event in kept(options.store, wish):
        if options.json:
            text = json.dumps(event.document, ensure_ascii=False, separators=(",", ":"))
            sys.stdout.write(text + "\n")
        elif options.details or options.kind or not event.is_part:
            sys.stdout.write(_line(event, zone) + "\n")
    return 0


def _line(event: "Kept", zone: "Zone | None") -> str:
    from carpscope.core.text import shown
    from carpscope.core.units import clock, day
    from carpscope.core.zone import beside

    told: Mapping[str, Json] = event.document
    where = f"{told['interface']} " if told.get("interface") else ""
    action = f"{told['action']}: " if told["event_type"] in {"finding", "incident"} else ""
    when = f"{day(event.at)} {clock(event.at, digits=3)}{beside(zone, event.at)}"
    return shown(f"{when}  {told['severity']:8}  {where}{action}{told['message']}")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of events")
    return int(text)


def _when(text: str | None, now: int, option: str) -> int | None:
    """Read a time: a day, a span before now, or RFC 3339."""
    from carpscope.core.units import SECOND, parse_rfc3339

    if text is None:
        return None
    midnight = now - now % (86_400 * SECOND)
    if text in {"now", "today", "yesterday"}:
        return {"now": now, "today": midnight, "yesterday": midnight - 86_400 * SECOND}[text]
    if span := re.fullmatch(r"([0-9]{1,6})([mhdw])", text):
        return now - int(span[1]) * _UNITS[span[2]] * SECOND
    whole = f"{text}T00:00:00" if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else text
    try:
        return parse_rfc3339(whole if re.search(r"([Zz]|[+-]..:..)$", whole) else f"{whole}Z")
    except ValueError:
        raise CarpscopeError(
            f"{option} {text!r}: write yesterday, 2h, 3d, 2026-11-30 or 2026-11-30T03:00:00Z"
        ) from None


COMMAND = Command(
    "history",
    "what a live run kept: last night's events",
    "Prints the events that `carpscope live --store FILE` kept, oldest first. Times are UTC.",
    EXAMPLES,
    configure,
    run,
)
