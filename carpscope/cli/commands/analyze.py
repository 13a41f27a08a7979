"""`carpscope analyze`: what is wrong in a capture, since when, who, and what to change."""

import argparse
import sys
from typing import TYPE_CHECKING

from carpscope.cli import options as shared
from carpscope.cli.command import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carpscope.capture.source import Capture

EXAMPLES = """\
  carpscope analyze office.pcap
  carpscope analyze office.pcap -p PASS -a 192.168.1.50,192.168.1.51
  carpscope analyze --passphrase-file carp.pass -c carpscope.toml monday.pcap.gz
  carpscope analyze --json office.pcap | jq '.findings[] | .summary'
  ssh fw1 tcpdump -U -w - 'proto 112 or arp' | carpscope analyze -"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared.add_captures(parser)
    parser.add_argument("-V", "--details", action="store_true", help="every event and explanation")
    parser.add_argument("--json", action="store_true", help="one analysis document")
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing, only exit 0 or 1"
    )
    parser.add_argument("--count", type=shared.count, metavar="N", help="end after N packets")
    parser.add_argument("-n", action="store_true", help="no names from the configuration")
    shared.add_secrets(parser, config_flags=("-c", "--config"))


def run(options: argparse.Namespace) -> int:
    """Analyze and print; exit 1 where something is wrong."""
    from carpscope.detect.finding import Severity
    from carpscope.pipeline import analyze

    config = shared.config(options)
    accepts = shared.accepts(options)
    captures = shared.opened(options)
    with _Progress(captures, quiet=options.quiet or options.json):
        analysis = analyze(captures, config, accepts=accepts, count=options.count)
    if options.json:
        import json

        from carpscope.report.document import document

        json.dump(document(analysis, config), sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    elif not options.quiet:
        from rich.console import Console

        from carpscope.report.screen import Screen

        # 100 columns where nobody says: a pipe has no width, and 80 is narrow for a log
        console = Console(width=None if sys.stdout.isatty() else shared.pipe_width())
        Screen(console, config, details=options.details).show(analysis)
    if analysis.interrupted:
        print("carpscope: interrupted; this is what was read until then", file=sys.stderr)
        return 130
    wrong = any(f.severity.rank >= Severity.WARNING.rank for f in analysis.findings)
    return 1 if wrong else 0


class _Progress:
    """A progress bar on standard error, for long files on a terminal only."""

    def __init__(self, captures: "Sequence[Capture]", *, quiet: bool) -> None:
        sizes = [capture.size for capture in captures]
        self._total = sum(size for size in sizes if size is not None)
        self._known = None not in sizes
        self._captures = captures
        long = self._total > 20_000_000 or not self._known
        self._shown = long and not quiet and sys.stderr.isatty()
        self._read: dict[int, int] = {}

    def __enter__(self) -> None:
        if not self._shown:
            return
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        task = self._bar.add_task("reading", total=self._total if self._known else None)
        for capture in self._captures:
            index = capture.index

            def hook(read: int, total: int | None, index: int = index) -> None:
                del total
                self._read[index] = read
                self._bar.update(task, completed=sum(self._read.values()))

            capture.progress = hook
        self._bar.start()

    def __exit__(self, *problem: object) -> None:
        if self._shown:
            self._bar.stop()


COMMAND = Command(
    "analyze",
    "say what is wrong in a capture, and why",
    "Reads captures and says who is MASTER of which group when, what is wrong, since when,\n"
    "which node it is, and what to change.",
    EXAMPLES,
    configure,
    run,
)
