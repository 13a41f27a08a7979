"""`carpscope live`: what is wrong on a span port, while it can still be helped."""

import argparse
import os
import sys

from carpscope.cli import own_mistakes
from carpscope.cli.command import Command
from carpscope.cli.foreground import Screen, close, report_state, signals, watch_threads
from carpscope.cli.liveoptions import (
    checked,
    configure,
    places,
    settled,
    state_path,
    understood,
    written_apart,
)
from carpscope.core.text import shown

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from carpscope.capture.disk import Disk
    from carpscope.capture.evidence import EvidenceWriter
    from carpscope.capture.pipe import Pipe
    from carpscope.capture.rotation import Recorder
    from carpscope.capture.targets import Target
    from carpscope.live.loop import Live
    from carpscope.live.options import Options

EXAMPLES = """\
  carpscope live -i eth1                                  a dashboard until Ctrl-C
  carpscope live --pipe fw1=growing.pcap                  or a FIFO, or '!COMMAND'; - is stdin
  carpscope live -i ssh://root@fw1/em0 -i ssh://root@fw2/em0   two vantages of one network
  carpscope live -i eth1 --json | jq 'select(.event_type == "finding")'
  carpscope live -i eth1 -w span.pcapng -C 100 -W 20      the last 2 GB stay
  carpscope live -i eth1 --config carpscope.toml --metrics :9112 --out syslog=udp://192.0.2.7:514
  carpscope live -i eth1 --for 10s --nagios               a check for Nagios and Icinga
  carpscope live --config carpscope.toml --check-config"""


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
    from carpscope.live.options import Options as LoopOptions

    config = settled(options)
    if options.check_config:
        return checked(options, config)
    targets = _targets(options)
    if not options.interface and not targets:
        raise CarpscopeError(
            "name an interface: -i eth1 (carpscope live -D lists them), or a pipe: -"
        )
    written_apart(options, [one.path for one in targets if one.path])
    buffer_mib = options.buffer_size or BUFFER_MIB
    settings = CaptureSettings(
        options.filter, buffer_mib, options.snapshot_length, not options.no_promiscuous
    )
    loop = LoopOptions(length=options.length, count=options.count)
    loop.fail_on = Severity(options.fail_on)
    understood(options, config)  # a mistake is told before anything is given up for it
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
        loop.outputs.prepare(options.out, options.metrics, places(config))
        names = [*options.interface, *(one.name for one in pipes)]
        loop.recorder, loop.evidence = _kept(options, names, loop)
        loop.state = state_path(options)
        loop.companion = getattr(options, "companion", None)
        loop.report = report_state
        loop.outputs.start()
        capture.start()
        live = Live(capture, config, loop)
    watch_threads(loop)
    with Screen(options, loop) as stop:
        signals(live)
        try:
            live.run()
        except KeyboardInterrupt:
            live.requests.add("interrupted")
        finally:
            close(loop)
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
            own_mistakes.report_mistakes(live.mistakes, debug=True)
        return status
    if not options.quiet:
        from carpscope.report.event_line import summary_lines

        for line in summary_lines(taken, live.packets, live.options.recorder):
            print(line, file=sys.stderr)
    if "interrupted" in live.requests:
        return 130
    if "terminated" in live.requests:
        return 0
    if live.mistakes.count:
        return own_mistakes.report_mistakes(live.mistakes, debug=options.debug)
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
