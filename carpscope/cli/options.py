"""Options that several commands share, and what they mean."""

import argparse
import os
import sys
from collections.abc import Callable

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from carpscope.capture.source import Capture
    from carpscope.config import Config
    from carpscope.core.frame import Frame
    from carpscope.core.zone import Zone
    from carpscope.timeline.vantage import Vantage

PASSPHRASE_VARIABLE = "CARPSCOPE_PASSPHRASE"  # noqa: S105 - the name of a variable
PASSPHRASE_FILE_LIMIT = 1 << 20
WORKERS_MAX = 256
PATH_DELAY_MAX_MS = 3_600_000.0


def add_captures(parser: argparse.ArgumentParser) -> None:
    """Add CAPTURE and its tcpdump twin -r, and what narrows the frames."""
    parser.add_argument(
        "captures",
        nargs="*",
        metavar="CAPTURE",
        help="pcap or pcapng, plain, gzip or zstd; - is standard input; several are merged by time",
    )
    parser.add_argument(
        "-r", dest="more", action="append", default=[], metavar="FILE", help="the same as CAPTURE"
    )
    parser.add_argument(
        "-f", "--filter", metavar="EXPR", help="only frames that match a tcpdump filter"
    )


def add_count(parser: argparse._ActionsContainer, told: str = "end after N packets") -> None:
    """Add -c of tcpdump, the same in every command; the configuration is --config."""
    parser.add_argument("-c", "--count", type=count, metavar="N", help=told)


def add_timezone(parser: argparse._ActionsContainer) -> None:
    """Add local time beside UTC."""
    parser.add_argument(
        "--timezone",
        type=zone,
        metavar="ZONE",
        help="local time beside UTC, of Europe/Berlin or =+01:00; without it UTC alone",
    )


def zone(text: str) -> "Zone":
    """Read --timezone. Raises CarpscopeError where nobody knows it, before anything is read."""
    from carpscope.core.zone import Zone, parse_zone

    return Zone(text, parse_zone(text, "--timezone"))


def add_exit_status(parser: argparse.ArgumentParser) -> None:
    """Add which findings are a failure."""
    parser.add_argument("--exit-zero", action="store_true", help="exit 0 where there are findings")
    parser.add_argument(
        "--fail-on",
        choices=("info", "warning", "error", "critical"),
        default="warning",
        metavar="SEVERITY",
        help="exit 1 from this severity on: info, warning (if not given), error, critical",
    )


def add_color(parser: argparse.ArgumentParser) -> None:
    """Add when to print in colour; `auto` is on a terminal without NO_COLOR."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        metavar="WHEN",
        help="auto, always or never",
    )


def add_secrets(parser: argparse.ArgumentParser) -> None:
    """Add candidates to verify with."""
    group = parser.add_argument_group(
        "candidates",
        "All are tried on every node; none is needed. A passphrase on the command\n"
        "line is visible in the process list: prefer a file, --ask-passphrase or the\n"
        "environment variable CARPSCOPE_PASSPHRASE. No output ever holds a\n"
        "passphrase, only its number.",
    )
    group.add_argument(
        "-p",
        "--passphrase",
        action="append",
        type=str,
        default=[],
        metavar="TEXT",
        help="a passphrase the group may use (repeatable); the process list shows it",
    )
    group.add_argument(
        "--passphrase-file",
        action="append",
        default=[],
        metavar="FILE",
        help="a file with one passphrase a line, that nobody else may read (mode 0600)",
    )
    group.add_argument(
        "--ask-passphrase", action="store_true", help="ask for one, without showing what is typed"
    )
    group.add_argument(
        "--node",
        action="append",
        default=[],
        metavar="[NAME=]PATH",
        help="configuration of a node, as for check: its name, keys, addresses (repeatable)",
    )
    group.add_argument(
        "-a",
        "--address",
        action="append",
        default=[],
        metavar="ADDR[,ADDR…]",
        help="shared addresses, IPv4 and IPv6 (repeatable)",
    )
    group.add_argument(
        "--config",
        metavar="FILE",
        help="carpscope.toml: passphrases, addresses, names of nodes, what is expected",
    )


def count(text: str) -> int:
    """Read -c of tcpdump: how many packets."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        hint = " (a configuration is given with --config)" if text.endswith(".toml") else ""
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of packets{hint}")
    return value


def workers(text: str) -> int:
    """Read --workers."""
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {WORKERS_MAX}")
    return value


def paths(options: argparse.Namespace) -> list[str]:
    """Return the captures named in either way."""
    chosen: list[str] = [*options.captures, *options.more]
    if not chosen and _is_redirected():
        chosen = ["-"]
    if not chosen:
        raise CarpscopeError("name a capture, or - for standard input (carpscope COMMAND --help)")
    if chosen.count("-") > 1:
        raise CarpscopeError("standard input can be read once only")
    return chosen


def _is_redirected() -> bool:
    """Tell whether standard input is a file: `carpscope analyze < office.pcap`."""
    import stat

    try:
        return stat.S_ISREG(os.fstat(0).st_mode)
    except OSError:  # closed
        return False


def opened(options: argparse.Namespace, *, digest: bool = False) -> "list[Capture]":
    """Open every capture, all or none; with `digest` the SHA-256 of each is made."""
    from carpscope.capture.source import open_capture

    captures: list[Capture] = []
    try:
        for index, path in enumerate(paths(options)):
            captures.append(open_capture(path, index, digest=digest))
    except CarpscopeError:
        for capture in captures:
            capture.close()
        raise
    return captures


def add_path_delay(parser: argparse.ArgumentParser) -> None:
    """Add the longest way between places, where several captures are compared."""
    parser.add_argument(
        "--path-delay",
        metavar="MS",
        type=_milliseconds,
        help="several captures: the longest way there is between two of them; what they share "
        "in both directions bounds their clocks without it",
    )


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= PATH_DELAY_MAX_MS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of milliseconds")
    return value


def compared(options: argparse.Namespace) -> "Vantage | None":
    """Compare several captures' clocks, which takes a reading of its own.

    None where there is one capture, or one that can be read only once.
    """
    chosen = paths(options)
    if len(chosen) < 2 or not all(os.path.isfile(path) for path in chosen):  # noqa: PTH113 - as names()
        return None
    from carpscope.core.units import MILLISECOND
    from carpscope.pipeline import survey

    given = options.path_delay
    way = None if given is None else round(given * MILLISECOND)
    captures = opened(options)
    try:
        return survey(captures, accepts=accepts(options), path_max=way)
    finally:
        for capture in captures:
            capture.close()


def accepts(options: argparse.Namespace) -> "Callable[[Frame], bool] | None":
    """Return the filter of -f."""
    if options.filter is None:
        return None
    from carpscope.capture.filter import compile_filter

    return compile_filter(options.filter).matches


def config(options: argparse.Namespace) -> "Config":
    """Collect every candidate: configuration, file, variable, option, in this order."""
    from carpscope.config import ENTRIES_MAX, Config, bounded
    from carpscope.core.address import parse_ip

    base = Config()
    if options.config:
        from carpscope.settings.carpscope_toml import read_config

        base = read_config(options.config, _warn)
    if base.tolerances.ignore:
        _known_codes(base.tolerances.ignore, options.config)
    passphrases = list(base.passphrases)
    for path in options.passphrase_file:
        passphrases += bounded(passphrase_lines(path), f"--passphrase-file {path}")
    if options.ask_passphrase:
        passphrases += _asked(options)
    if variable := os.environb.get(PASSPHRASE_VARIABLE.encode()):
        passphrases.append(variable)
    passphrases += [os.fsencode(text) for text in options.passphrase]
    addresses = list(base.addresses)
    for text in options.address:
        addresses += [parse_ip(part, where="-a") for part in text.split(",") if part.strip()]
    if len(addresses) > ENTRIES_MAX:
        raise CarpscopeError(f"-a: more than {ENTRIES_MAX:,} addresses")
    passphrases = bounded(passphrases, "the command line")
    whole = base._replace(passphrases=tuple(passphrases), addresses=tuple(dict.fromkeys(addresses)))
    if not options.node:
        return whole
    from carpscope.checking.expect import expected

    return expected(options.node, whole)


def _known_codes(codes: tuple[str, ...], path: str) -> None:
    """Refuse to leave out what does not exist: it is a typing error."""
    from carpscope.detect.engine import rules

    known = [rule.code for rule in rules()]
    for code in codes:
        if code not in known:
            why = f"{code}: no such finding (carpscope explain lists them)"
            raise CarpscopeError(f"{path}: tolerances.ignore: {why}")


def _asked(options: argparse.Namespace) -> list[bytes]:
    from carpscope.cli.passphrase import candidate

    if not isinstance(options.ask_passphrase, bytes):
        options.ask_passphrase = candidate(PASSPHRASE_VARIABLE)
    return [options.ask_passphrase] if options.ask_passphrase else []


def _warn(told: str) -> None:

    print(f"carpscope: {shown(told)}", file=sys.stderr)


def passphrase_lines(path: str) -> list[bytes]:
    """Read a file with one passphrase a line; the ends of lines are no part of them.

    A file that others may read is used all the same: what it holds is out already. It is said.
    """
    try:
        if path == "-":
            data = sys.stdin.buffer.read(PASSPHRASE_FILE_LIMIT)
        else:
            from pathlib import Path

            from carpscope.core.files import exposed

            with Path(path).open("rb") as stream:
                if told := exposed(stream):
                    _warn(f"--passphrase-file {path}: {told}: chmod 600 {path}")
                data = stream.read(PASSPHRASE_FILE_LIMIT)
    except OSError as problem:
        raise CarpscopeError(f"--passphrase-file {path}: {problem.strerror}") from None
    from carpscope.config import passphrases_in

    try:
        return passphrases_in(data)
    except ValueError as problem:
        raise CarpscopeError(f"--passphrase-file {path}: {problem}") from None
