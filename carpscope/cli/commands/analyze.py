"""`carpscope analyze`: what is wrong in a capture, since when, who, and what to change."""

import argparse
import os
import sys

from carpscope.cli import options as shared
from carpscope.cli import own_mistakes
from carpscope.cli.command import Command
from carpscope.cli.terminal import Progress, width
from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from carpscope.config import Config
    from carpscope.pipeline import Analysis

EXAMPLES = """\
  carpscope analyze office.pcap
  carpscope analyze office.pcap -p PASS -a 192.168.1.50,192.168.1.51
  carpscope analyze --passphrase-file carp.pass --config carpscope.toml monday.pcap.gz
  carpscope analyze /var/captures/fw1                a folder of rotated captures
  carpscope analyze --json office.pcap | jq '.findings[] | .summary'
  ssh fw1 cat carp.pcap | carpscope analyze -"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared.add_captures(parser)
    parser.add_argument("-V", "--details", action="store_true", help="every event and explanation")
    parser.add_argument("--json", action="store_true", help="one analysis document")
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing, only exit 0 or 1"
    )
    parser.add_argument(
        "--digest", action="store_true", help="the SHA-256 of each capture, as a report has it"
    )
    shared.add_count(parser)
    shared.add_exit_status(parser)
    shared.add_color(parser)
    shared.add_timezone(parser)
    parser.add_argument("-n", action="store_true", help="no names from the configuration")
    shared.add_path_delay(parser)
    group = parser.add_argument_group(
        "folders",
        "A folder named as CAPTURE is one recording that was rotated: every file below\n"
        "it is read, in parallel, and what they hold is merged by time.",
    )
    group.add_argument(
        "--workers", type=shared.workers, metavar="N", help="processes (all processors)"
    )
    group.add_argument(
        "--scheduler", metavar="ADDRESS", help="read on a Dask cluster (with the extra `dask`)"
    )
    for name, text in (
        ("ca-file", "of the cluster's authority; without TLS whoever is on the path runs code"),
        ("cert", "certificate to show to the scheduler"),
        ("key", "its key"),
    ):
        group.add_argument(f"--tls-{name}", metavar="FILE", help=text)
    shared.add_secrets(parser)


def run(options: argparse.Namespace) -> int:
    """Analyze and print; exit 1 where something is wrong."""
    from carpscope.auth.effort import Effort
    from carpscope.pipeline import analyze

    config = shared.config(options)
    if options.n:
        config = config._replace(names={})
    folder = _folder(options)
    if folder is not None:
        from carpscope.cli import archive

        return _printed(archive.analyzed(folder, options, config), config, options)
    accepts = shared.accepts(options)
    vantage = shared.compared(options)
    captures = shared.opened(options, digest=options.digest)
    try:
        with Progress(captures, quiet=options.quiet or options.json) as progress:
            analysis = analyze(
                captures,
                config,
                accepts=accepts,
                count=options.count,
                vantage=vantage,
                effort=Effort(tell=progress.searched),
            )
    finally:
        for capture in captures:
            capture.close()
    return _printed(analysis, config, options)


def _folder(options: argparse.Namespace) -> str | None:
    """Return the folder to analyze, None where files are named."""
    chosen = shared.paths(options)
    named = [path for path in chosen if path != "-"]
    folders = [path for path in named if os.path.isdir(path)]  # noqa: PTH112 - imported in 5 ms
    if folders and len(chosen) > 1:
        raise CarpscopeError(
            f"{folders[0]}: a folder is one recording and is analyzed alone; "
            "put folders of one vantage into one, or name files"
        )
    if folders:
        return folders[0]
    of_folders = ("workers", "scheduler", "tls_ca_file", "tls_cert", "tls_key")
    if given := [f"--{o.replace('_', '-')}" for o in of_folders if getattr(options, o)]:
        raise CarpscopeError(f"{given[0]} is for folders")
    return None


def _printed(analysis: "Analysis", config: "Config", options: argparse.Namespace) -> int:
    """Print what was found; return the exit status."""
    from carpscope.detect.finding import Severity
    from carpscope.detect.standing import is_wrong

    if options.json:
        from carpscope.report.document import document
        from carpscope.report.forensic.text import json_text

        sys.stdout.write(json_text(document(analysis, config)) + "\n")
    elif not options.quiet:
        from carpscope.report.console import paper
        from carpscope.report.screen import Screen

        out, zone = paper(width(), options.color), options.timezone
        Screen(out, config, details=options.details, zone=zone).show(analysis)
    if analysis.interrupted:
        sys.stdout.flush()
        read = f"{analysis.packets:,} packets were read until then"
        print(f"carpscope: interrupted; {read}", file=sys.stderr)
        return 130
    if analysis.mistakes.count:
        sys.stdout.flush()
        return own_mistakes.report_mistakes(analysis.mistakes, debug=options.debug)
    if not analysis.is_judged:
        if options.json or options.quiet:
            from carpscope.report.unjudged import unjudged

            sys.stdout.flush()
            print(f"carpscope: {shown(unjudged(analysis))}", file=sys.stderr)
        return 2
    is_failure = is_wrong(analysis.findings, config, Severity(options.fail_on))
    return 1 if is_failure and not options.exit_zero else 0


COMMAND = Command(
    "analyze",
    "say what is wrong in a capture, and why",
    "Reads captures and says who is MASTER of which group when, what is wrong, since when,\n"
    "which node it is, and what to change.",
    EXAMPLES,
    configure,
    run,
)
