"""A live run in a terminal or a service: what prints, what signals ask, how it is let go."""

import argparse
import os
import sys

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Callable

    from carpscope.live.loop import Live
    from carpscope.live.options import Options
    from carpscope.report.snapshot import Snapshot


class Screen:
    """What prints: a dashboard, lines, JSON, or nothing."""

    def __init__(self, options: argparse.Namespace, loop: "Options") -> None:
        """Take what was asked for, and the run whose events it prints."""
        self._options, self._loop = options, loop
        self._stop: Callable[[], None] = lambda: None

    def __enter__(self) -> "Callable[[], None]":
        """Begin; return what ends it."""
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
            from carpscope.report.event_line import EventLines

            loop.outputs.add(Outlet(EventLines(sys.stdout, options.timezone), mistakes=mistakes))
        return self._stop

    def __exit__(self, *problem: object) -> None:
        """Give the terminal back."""
        self._stop()


def signals(live: "Live") -> None:
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


def close(loop: "Options") -> None:
    """Let outputs and disks deliver what waits."""
    loop.outputs.close()
    for kept in (loop.recorder, loop.evidence):
        if kept is not None:
            kept.close()


def watch_threads(loop: "Options") -> None:
    """Count what ends a thread by our mistake, instead of printing over the screen."""
    import threading

    def count(ended: threading.ExceptHookArgs) -> None:
        name = ended.thread.name if ended.thread is not None else "a thread"
        loop.outputs.mistakes.add(name, ended.exc_value or RuntimeError())

    threading.excepthook = count


def report_state(taken: "Snapshot") -> None:
    """Print the state on standard error, for SIGUSR1."""
    from carpscope.report.event_line import state_lines

    for line in state_lines(taken):
        print(line, file=sys.stderr)
    sys.stderr.flush()
