"""The options of `carpscope live`, what carpscope.toml adds to them, and which contradict."""

import argparse

from carpscope.cli import options as shared
from carpscope.cli.values import named, span, whole
from carpscope.core.text import shown

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from pathlib import Path

    from carpscope.config import Config

EVIDENCE_AROUND = "2m"
EVIDENCE_FILES = 500
NAGIOS_LENGTH = "10s"
OUTPUTS = (
    (
        "--out",
        "NAME=TARGET",
        "json=FILE, store=FILE, syslog=udp://HOST:PORT (tcp://, local), exec=CMD, webhook=URL",
    ),
    ("--exec", "CMD", "run CMD VHID@INTERFACE MASTER|BACKUP|INIT of a group"),
    ("--on-finding", "CMD", "run CMD CODE opened|updated|closed SEVERITY VHID@IF"),
    ("--store", "FILE[,DAYSd]", "keep events (90 days) for carpscope history"),
)
"""`--NAME TARGET` is `--out NAME=TARGET`."""
_SETTINGS = frozenset(("filter", "metrics", "state", "evidence"))
"""Keys of [live] that are options of one value; the rest are outputs."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add(
        "-i",
        "--interface",
        action="append",
        default=[],
        metavar="IF",
        help="where to listen (repeatable: each is a segment of its own); ssh://USER@HOST/IF or\n"
        "rpcap://HOST/IF: on another host",
    )
    add("pipe", nargs="?", choices=["-"], metavar="-", help="read a growing capture from a pipe")
    add(
        "--pipe",
        dest="pipes",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a FIFO or a file that grows; '!COMMAND' for a command's output (repeatable: each\n"
        "is a vantage of one network, or of SEGMENT in SEGMENT/NAME)",
    )
    add("-D", "--list-interfaces", action="store_true", help="list interfaces and end")
    add("-f", "--filter", metavar="EXPR", help="narrow what is captured, in tcpdump's language")
    shared.add_count(parser)
    shared.add_exit_status(parser)
    shared.add_timezone(parser)
    add("--for", dest="length", type=span, metavar="TIME", help="end after this time: 10s, 5m, 2h")
    add("-n", action="store_true", help="no names from the configuration")
    add("--plain", action="store_true", help="one line an event, also on a terminal")
    add = parser.add_mutually_exclusive_group().add_argument
    add("-q", "--quiet", action="store_true", help="print nothing")
    add("--json", action="store_true", help="one event object a line, in the manner of EVE")
    add("--nagios", action="store_true", help="a plugin's output, 0/1/2/3, for Nagios and Icinga")
    capture = parser.add_argument_group("capture")
    add = capture.add_argument
    add(
        "-B",
        "--buffer-size",
        type=whole(1, 1024),
        metavar="MIB",
        help="kernel buffer (64 MiB)",
    )
    add(
        "-s",
        "--snapshot-length",
        type=whole(96, 262_144),
        default=2048,
        metavar="BYTES",
        help="bytes kept of a frame (2048)",
    )
    add("--no-promiscuous", action="store_true", help="only what the card would take anyway")
    add(
        "--user",
        default="nobody",
        metavar="NAME",
        help="who to become after opening (nobody)",
    )
    evidence = parser.add_argument_group("evidence")
    add = evidence.add_argument
    add("-w", dest="write", metavar="FILE", help="keep every captured frame, as pcapng")
    add("-C", type=whole(1, 1 << 20), metavar="MB", help="begin a new file after so many MB")
    add("-G", type=whole(1, 366 * 86400), metavar="SECONDS", help="begin a new file this often")
    add("-W", type=whole(1, 100_000), metavar="N", help="keep the last N files")
    add(
        "--evidence",
        metavar="DIR",
        help="keep the minutes before and after each finding",
    )
    add(
        "--around",
        type=span,
        default=span(EVIDENCE_AROUND),
        metavar="TIME",
        help=f"how many minutes that is ({EVIDENCE_AROUND})",
    )
    add(
        "--evidence-files",
        type=whole(2, 1_000_000),
        default=EVIDENCE_FILES,
        metavar="N",
        help=f"how many of these files stay ({EVIDENCE_FILES}); the first of each kind do",
    )
    outputs = parser.add_argument_group("outputs")
    add = outputs.add_argument
    for flag, metavar, told in OUTPUTS:
        kind = flag.removeprefix("--")
        read = str if kind == "out" else named(kind)
        add(flag, dest="out", action="append", default=[], type=read, metavar=metavar, help=told)
    add("--metrics", metavar="ADDR:PORT", help="OpenMetrics for Prometheus")
    add("--state", metavar="FILE", help="keep what is open over a restart here, not in --store")
    add("--check-config", action="store_true", help="read the configuration, say it, and end")
    shared.add_secrets(parser)


def settled(options: argparse.Namespace) -> "Config":
    """Read the configuration, and take from it what the command line does not say.

    Raises CarpscopeError, also where options contradict each other.
    """
    from carpscope.core.errors import CarpscopeError

    config = shared.config(options)
    _from_config(options, config)
    if options.write == "-":
        raise CarpscopeError("-w -: live events go to standard output; name a file")
    if (options.C or options.G or options.W) and not options.write:
        raise CarpscopeError("-C, -G and -W belong to -w FILE")
    if options.nagios and options.length is None:
        options.length = span(NAGIOS_LENGTH)
    return config._replace(names={}) if options.n else config


def _from_config(options: argparse.Namespace, config: "Config") -> None:
    """Add what the file says; outputs of a kind that the command line names replace the file's."""
    if not (options.interface or options.pipes or options.pipe):
        options.interface = list(config.interfaces)
    said = {target.partition("=")[0] for target in options.out}
    for key, value in config.live:
        if key in _SETTINGS:
            if getattr(options, key) is None:
                setattr(options, key, value)
                _usable(key, value, config)
        elif (kind := key.replace("_", "-")) not in said:
            options.out = [*options.out, f"{kind}={value}"]


def _usable(key: str, value: str, config: "Config") -> None:
    """Refuse a filter of the file with its line."""
    from carpscope.capture.filter import compile_filter
    from carpscope.core.errors import CarpscopeError

    if key == "filter":
        try:
            compile_filter(value)
        except CarpscopeError as problem:
            place = dict(config.places)[key]
            raise CarpscopeError(f"{place}: {problem}") from None


def checked(options: argparse.Namespace, config: "Config") -> int:
    """Say what a configuration means, once it is known to be right."""
    from carpscope.capture.filter import compile_filter
    from carpscope.capture.interface import live_filter

    for expression in (options.filter, live_filter(options.filter)):
        if expression:
            compile_filter(expression)
    outputs = understood(options, config)
    print(shown(f"{options.config or 'the command line'}: nothing wrong"))
    print(shown(f"  interfaces  {', '.join(options.interface) or 'none; -i names one'}"))
    print(f"  candidates  {len(config.passphrases)} passphrases, {len(config.addresses)} addresses")
    print(f"  expected    {len(config.groups)} groups; {len(config.names)} addresses have names")
    if outputs:
        print(shown(f"  outputs     {', '.join(outputs)}"))
    return 0


def understood(options: argparse.Namespace, config: "Config") -> list[str]:
    """Return the names of the outputs that are asked for; nothing is opened."""
    from carpscope.live.outputs import names

    return names(options.out, options.metrics, places(config))


def places(config: "Config") -> dict[str, str]:
    """Return where outputs stand in the file, by `name=target`."""
    live = dict(config.live)
    return {f"{key.replace('_', '-')}={live[key]}": place for key, place in config.places}


def state_path(options: argparse.Namespace) -> "Path | None":
    """Return where what is open is kept: in a file of its own, else in the store."""
    from pathlib import Path

    from carpscope.report.sink_kind import sink_name

    stores = [sink_name(one).partition(" ")[2] for one in options.out if one.startswith("store=")]
    found = [options.state] if options.state else stores
    return Path(found[0]) if found else None


def written_apart(options: argparse.Namespace, read: "list[str]") -> None:
    """Refuse to write over what is read, and to write two things into one file."""
    from pathlib import Path

    from carpscope.core.errors import CarpscopeError
    from carpscope.core.files import is_same
    from carpscope.report.sink_kind import sink_name

    written = [("-w", options.write), ("--state", options.state)]
    for target in options.out:
        kind = target.partition("=")[0]
        if kind in ("json", "store"):
            written.append((f"--out {kind}", sink_name(target).partition(" ")[2]))
    taken: dict[Path, str] = {}
    for option, path in written:
        if path is None:
            continue
        if any(is_same(path, one) for one in read):
            raise CarpscopeError(f"{option} {path}: is what is read; name another file")
        whole = Path(path).absolute()
        if whole in taken:
            raise CarpscopeError(f"{option} {path}: is the file of {taken[whole]}; name another")
        taken[whole] = option
