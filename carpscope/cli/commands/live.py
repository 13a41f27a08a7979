"""`carpscope live`: what is wrong on a span port, while it can still be helped."""

import argparse
import os
import sys

from carpscope.cli import options as shared
from carpscope.cli import own
from carpscope.cli.command import Command
from carpscope.core.text import shown

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carpscope.capture.disk import Disk
    from carpscope.capture.evidence import EvidenceWriter
    from carpscope.capture.pipe import Pipe
    from carpscope.capture.rotation import Recorder
    from carpscope.capture.targets import Target
    from carpscope.config import Config
    from carpscope.live.loop import Live, Options
    from carpscope.live.outputs import Outputs
    from carpscope.report.snapshot import Snapshot

EXAMPLES = """\
  carpscope live -i eth1                                  a dashboard until Ctrl-C
  carpscope live --pipe fw1=growing.pcap                  or a FIFO, or '!COMMAND'; - is stdin
  carpscope live -i ssh://root@fw1/em0 -i ssh://root@fw2/em0   two vantages of one network
  carpscope live -i eth1 --json | jq 'select(.event_type == "finding")'
  carpscope live -i eth1 -w span.pcapng -C 100 -W 20      the last 2 GB stay
  carpscope live -i eth1 --config carpscope.toml --metrics :9112 --out syslog=udp://192.0.2.7:514
  carpscope live -i eth1 --for 10s --nagios               a check for Nagios and Icinga
  carpscope live --config carpscope.toml --check-config"""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
EVIDENCE_AROUND = "2m"
EVIDENCE_FILES = 500


def span(text: str) -> int:
    """Read `10s`, `5m`, `2h`, `1d` or plain seconds into nanoseconds."""
    unit = _UNITS.get(text[-1:].lower())
    try:
        seconds = float(text[:-1] if unit else text) * (unit or 1.0)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 366 * 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a span as 10s, 5m or 2h")
    return int(seconds * 1_000_000_000)


def whole(low: int, high: int) -> "Callable[[str], int]":
    """Make a reader of whole numbers."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return read


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
    add("-q", "--quiet", action="store_true", help="print nothing")
    add("--json", action="store_true", help="one event object a line, in the manner of EVE")
    add("--plain", action="store_true", help="one line an event, also on a terminal")
    add("--nagios", action="store_true", help="one line and 0/1/2/3, for Nagios and Icinga")
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
    add("--user", default="nobody", metavar="NAME", help="who to become after opening (nobody)")
    evidence = parser.add_argument_group("evidence")
    add = evidence.add_argument
    add("-w", dest="write", metavar="FILE", help="keep every captured frame, as pcapng")
    add("-C", type=whole(1, 1 << 20), metavar="MB", help="begin a new file after so many MB")
    add("-G", type=whole(1, 366 * 86400), metavar="SECONDS", help="begin a new file this often")
    add("-W", type=whole(1, 100_000), metavar="N", help="keep the last N files")
    add("--evidence", metavar="DIR", help="keep the minutes before and after each finding")
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
    add(
        "--out",
        action="append",
        default=[],
        metavar="NAME=TARGET",
        help="json=FILE, store=FILE, syslog=udp://HOST:PORT (tcp://, local), exec=CMD, webhook=URL",
    )
    add("--exec", metavar="CMD", help="run CMD VHID@INTERFACE MASTER|BACKUP|INIT of a group")
    add("--on-finding", metavar="CMD", help="run CMD CODE opened|updated|closed SEVERITY VHID@IF")
    add("--store", metavar="FILE[,DAYSd]", help="keep events (90 days) for carpscope history")
    add("--metrics", metavar="ADDR:PORT", help="OpenMetrics for Prometheus")
    add("--state", metavar="FILE", help="what is open survives a restart")
    add("--check-config", action="store_true", help="read the configuration, say it, and end")
    shared.add_secrets(parser)


def run(options: argparse.Namespace) -> int:
    """Watch; exit 1 where something is wrong at the end."""
    from carpscope.core.errors import CarpscopeError

    if options.list_interfaces:
        from carpscope.capture.interfaces import interfaces

        for number, name in enumerate(interfaces(), 1):
            print(shown(f"{number}.{name}"))
        return 0
    if not options.nagios:
        return _run(options)
    from carpscope.report.nagios import unknown

    try:
        return _run(options)
    except (CarpscopeError, OSError) as problem:
        print(unknown(str(problem)))
    except Exception as problem:  # noqa: BLE001 - a plugin's word for it is UNKNOWN
        from carpscope.core import mistakes

        if options.debug:
            print(mistakes.trace(problem), file=sys.stderr)
        print(unknown(mistakes.sentence(mistakes.place(problem))))
    return 3


def _run(options: argparse.Namespace) -> int:
    from carpscope.capture.interface import BUFFER_MIB, CaptureSettings
    from carpscope.capture.live import LiveCapture
    from carpscope.cli.loading import load
    from carpscope.core.errors import CarpscopeError
    from carpscope.detect.finding import Severity
    from carpscope.live import privileges
    from carpscope.live.loop import Live
    from carpscope.live.loop import Options as LoopOptions

    config = _config(options)
    _from_config(options, config)
    if options.check_config:
        return _checked(options, config)
    targets = _targets(options)
    if not options.interface and not targets:
        raise CarpscopeError(
            "name an interface: -i eth1 (carpscope live -D lists them), or a pipe: -"
        )
    if options.write == "-":
        raise CarpscopeError("-w -: live events go to standard output; name a file")
    if (options.C or options.G or options.W) and not options.write:
        raise CarpscopeError("-C, -G and -W belong to -w FILE")
    if options.nagios and options.length is None:
        options.length = span("10s")
    buffer_mib = options.buffer_size or BUFFER_MIB
    settings = CaptureSettings(
        options.filter, buffer_mib, options.snapshot_length, not options.no_promiscuous
    )
    loop = LoopOptions(length=options.length, count=options.count)
    loop.fail_on = Severity(options.fail_on)
    _understood(options, config)  # a mistake is told before anything is given up for it
    load()
    if options.metrics:
        loop.outputs.listen(options.metrics)  # a port below 1024 takes root
    pipes = _pipes(targets, options)
    capture = LiveCapture(options.interface, settings, pipes=pipes)
    became: str | None = None
    if options.interface or all(one.path == "-" for one in targets):
        became = options.user if os.geteuid() == 0 else None
        # pipes are opened again and commands started again as who named them
        capture.surround(privileges.drop(options.user))
    # files are opened and made as who is left: root follows nobody's link, and turning a page
    # works as it began. Threads begin from here on: privileges belong to each.
    with privileges.explained(became):
        loop.outputs.prepare(_outputs(options), options.metrics, _places(config))
        names = [*options.interface, *(one.name for one in pipes)]
        loop.recorder, loop.evidence = _kept(options, names, loop)
        loop.state = _state(options)
        loop.companion = getattr(options, "companion", None)
        loop.report = _report_state
        loop.outputs.start()
        capture.start()
        live = Live(capture, config, loop)
    _watch_threads(loop)
    with _screen(options, loop) as stop:
        _signals(live)
        try:
            live.run()
        except KeyboardInterrupt:
            live.requests.add("interrupted")
        finally:
            _close(loop)
            stop()
    return _end(options, live)


def _targets(options: argparse.Namespace) -> "list[Target]":
    """Take what is no interface out of -i; return it with what --pipe names."""
    from carpscope.capture import targets
    from carpscope.core.errors import CarpscopeError

    given = [*filter(targets.is_target, options.interface), *options.pipes]
    given += [options.pipe] if options.pipe else []
    options.interface = [name for name in options.interface if not targets.is_target(name)]
    found = [targets.read(text, options.filter) for text in given]
    names = [one.name for one in found] + options.interface
    for name in names:
        if names.count(name) > 1:
            raise CarpscopeError(f"{shown(name)}: names two of what is watched")
    return found


def _pipes(targets: "list[Target]", options: argparse.Namespace) -> "list[Pipe]":
    from carpscope.capture.filter import compile_filter
    from carpscope.capture.pipe import Pipe
    from carpscope.capture.targets import segments

    chosen = compile_filter(options.filter) if options.filter and targets else None
    named = segments(targets)
    order = list(dict.fromkeys(named))
    pipes = []
    for number, (target, segment) in enumerate(zip(targets, named, strict=True)):
        place = named[:number].count(segment)
        index = len(options.interface) + number
        pipe = Pipe(target.name, index, target, order.index(segment), place, chosen)
        pipes.append(pipe)
    return pipes


def _watch_threads(loop: "Options") -> None:
    """Count what ends a thread by our mistake, instead of printing over the screen."""
    import threading

    def count(ended: threading.ExceptHookArgs) -> None:
        name = ended.thread.name if ended.thread is not None else "a thread"
        loop.outputs.mistakes.add(name, ended.exc_value or RuntimeError())

    threading.excepthook = count


def _config(options: argparse.Namespace) -> "Config":
    config = shared.config(options)
    return config._replace(names={}) if options.n else config


def _from_config(options: argparse.Namespace, config: "Config") -> None:
    """Take from the file what the command line does not say."""
    from carpscope.core.errors import CarpscopeError

    live = dict(config.live)
    if "filter" in live and options.filter is None:
        from carpscope.capture.filter import compile_filter

        try:
            compile_filter(live["filter"])
        except CarpscopeError as problem:
            place = dict(config.places)["filter"]
            raise CarpscopeError(f"{place}: {problem}") from None
    options.interface = options.interface or list(config.interfaces)
    for key in ("filter", "metrics", "state", "evidence", "exec", "on_finding", "store"):
        if getattr(options, key) is None:
            setattr(options, key, live.get(key))
    for key in ("json", "syslog", "webhook"):
        if key in live:
            options.out = [*options.out, f"{key}={live[key]}"]


def _checked(options: argparse.Namespace, config: "Config") -> int:
    """Say what a configuration means, once it is known to be right."""
    from carpscope.capture.filter import compile_filter
    from carpscope.capture.interface import live_filter

    for expression in (options.filter, live_filter(options.filter)):
        if expression:
            compile_filter(expression)
    outputs = _understood(options, config)
    print(shown(f"{options.config or 'the command line'}: nothing wrong"))
    print(shown(f"  interfaces  {', '.join(options.interface) or 'none; -i names one'}"))
    print(f"  candidates  {len(config.passphrases)} passphrases, {len(config.addresses)} addresses")
    print(f"  expected    {len(config.groups)} groups; {len(config.names)} addresses have names")
    if outputs.prepared or options.metrics:
        metrics = [f"metrics at {options.metrics}"] if options.metrics else []
        print(shown(f"  outputs     {', '.join([*outputs.prepared, *metrics])}"))
    return 0


def _understood(options: argparse.Namespace, config: "Config") -> "Outputs":
    """Read what outputs are asked for; nothing is opened. Raises CarpscopeError."""
    from carpscope.live.outputs import Outputs

    outputs = Outputs()
    texts = [text for text in _outputs(options) if not text.startswith("json=")]
    outputs.prepare(texts, options.metrics, _places(config), listen=False)
    return outputs


def _places(config: "Config") -> dict[str, str]:
    """Return where outputs stand in the file, by `name=target`."""
    live = dict(config.live)
    return {f"{key.replace('_', '-')}={live[key]}": place for key, place in config.places}


def _outputs(options: argparse.Namespace) -> list[str]:
    named = (
        ("exec", options.exec),
        ("on-finding", options.on_finding),
        ("store", options.store),
    )
    return [*options.out, *(f"{kind}={target}" for kind, target in named if target)]


def _kept(
    options: argparse.Namespace, names: list[str], loop: "Options"
) -> "tuple[Disk[Recorder] | None, Disk[EvidenceWriter] | None]":
    from carpscope.capture.disk import Disk
    from carpscope.capture.evidence import EvidenceWriter
    from carpscope.capture.rotation import Recorder

    recorder = evidence = None
    mistakes = loop.outputs.mistakes
    if options.write:
        file = Recorder(
            options.write,
            names,
            size=options.C * 1_000_000 if options.C else None,
            period=options.G * 1_000_000_000 if options.G else None,
            ring=options.W,
        )
        recorder = Disk(file, "-w", mistakes=mistakes)
    if options.evidence:
        folder = EvidenceWriter(
            options.evidence, names, around=options.around, keep=options.evidence_files
        )
        evidence = Disk(folder, "--evidence", mistakes=mistakes)
    return recorder, evidence


def _state(options: argparse.Namespace) -> "Path | None":
    from pathlib import Path

    return Path(options.state) if options.state else None


class _screen:  # noqa: N801 - used as a function
    """What prints: a dashboard, lines, JSON, or nothing."""

    def __init__(self, options: argparse.Namespace, loop: "Options") -> None:
        self._options, self._loop = options, loop
        self._stop: Callable[[], None] = lambda: None

    def __enter__(self) -> "Callable[[], None]":
        options, loop = self._options, self._loop
        if options.quiet or options.nagios:
            return self._stop
        from carpscope.report.outlet import Outlet

        mistakes = loop.outputs.mistakes
        if options.json:
            from carpscope.report.sinks.jsonl import JsonLines

            sink = JsonLines(sys.stdout, "standard output", owned=False)
            loop.outputs.add(Outlet(sink, mistakes=mistakes))
        elif sys.stdout.isatty() and not options.plain:
            from carpscope.report.dashboard import Dashboard

            dashboard = Dashboard(mistakes=mistakes, zone=options.timezone)
            dashboard.start()
            self._stop = dashboard.stop
            loop.show.append(dashboard.show)
            loop.show_every = 500_000_000
            loop.report = None  # it is on the screen, which must not be written over
        else:
            from carpscope.report.eventline import EventLines

            loop.outputs.add(Outlet(EventLines(sys.stdout, options.timezone), mistakes=mistakes))
        return self._stop

    def __exit__(self, *problem: object) -> None:
        self._stop()


def _signals(live: "Live") -> None:
    """Turn signals into requests; a pipe wakes the loop at once."""
    import signal

    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    live.capture.add_wakeup(reader)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    asked = {
        signal.SIGINT: ("stop", "interrupted"),
        signal.SIGTERM: ("stop", "terminated"),
        signal.SIGHUP: ("stop", "terminated"),
        signal.SIGUSR1: ("report",),
    }

    def take(number: int, frame: object) -> None:
        del frame
        live.requests.update(asked[signal.Signals(number)])
        try:
            os.read(reader, 4096)
        except BlockingIOError:
            return

    for number in asked:
        # nohup(1) asks that SIGHUP be ignored
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, take)


def _close(loop: "Options") -> None:
    loop.outputs.close()
    for kept in (loop.recorder, loop.evidence):
        if kept is not None:
            kept.close()


def _report_state(taken: "Snapshot") -> None:
    """Print the state on standard error, for SIGUSR1."""
    from carpscope.report.eventline import state_lines

    for line in state_lines(taken):
        print(line, file=sys.stderr)
    sys.stderr.flush()


def _end(options: argparse.Namespace, live: "Live") -> int:
    """Print the summary; return the status."""
    if any(outlet.broken_pipe for outlet in live.options.outputs.all):
        raise BrokenPipeError
    taken = live.snapshot()
    if options.nagios:
        from carpscope.report.nagios import verdict

        status, line = verdict(taken)
        print(line)
        if options.debug and live.mistakes.count:
            own.report_mistakes(live.mistakes, debug=True)
        return status
    if not options.quiet:
        from carpscope.report.eventline import summary_lines

        for line in summary_lines(taken, live.packets, live.options.recorder):
            print(line, file=sys.stderr)
    if "interrupted" in live.requests:
        return 130
    if "terminated" in live.requests:
        return 0
    if live.mistakes.count:
        return own.report_mistakes(live.mistakes, debug=options.debug)
    # what came to its end is judged as a capture is, if anything in it could be
    is_read = live.capture.is_over and live.adverts > 0
    if taken.unknown and not live.is_wrong and not is_read:
        told = "; ".join(taken.unknown)
        print(shown(f"carpscope: {told}: it is unknown how things stand"), file=sys.stderr)
        return 2
    return 1 if live.is_wrong and not options.exit_zero else 0


COMMAND = Command(
    "live",
    "watch an interface and say what is wrong as it happens",
    "Listens on a span port: who is MASTER, what is wrong, since when, and what to change.\n"
    "On a terminal a dashboard, else one line an event.",
    EXAMPLES,
    configure,
    run,
)
