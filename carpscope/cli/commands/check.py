"""`carpscope check`: what configurations of nodes will do, before they go live."""

import argparse
import sys

from carpscope.cli import options as shared
from carpscope.cli.command import Command
from carpscope.core.errors import CarpscopeError

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from carpscope.checking.run import CheckResult, Wishes

EVENTS_MAX = 6
EXAMPLES = """\
  carpscope check fw1/ fw2/                          each folder is a node's /etc
  carpscope check fw1=config-fw1.xml fw2=config-fw2.xml
  carpscope check --json fw1/ fw2/ | jq '.findings[] | .summary'
  ssh fw1 ifconfig | carpscope check fw1=- fw2=fw2.txt"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="[NODE=]PATH",
        help="a file, or a folder that is one node's /etc; - is standard input",
    )
    parser.add_argument(
        "--segment",
        action="append",
        default=[],
        metavar="NAME=NODE:IF,…",
        help="these interfaces are one segment",
    )
    parser.add_argument(
        "--system",
        action="append",
        default=[],
        metavar="NODE=IMPL",
        help="the implementation, where the text cannot tell",
    )
    parser.add_argument("--strict", action="store_true", help="what is info may be a warning")
    parser.add_argument(
        "--events", type=int, default=3, metavar="N", help="depth of the exhaustive search (3)"
    )
    parser.add_argument(
        "-w", dest="write", metavar="DIR", help="write each counter-example as a scenario"
    )
    parser.add_argument(
        "-V", "--details", action="store_true", help="every value with file and line"
    )
    parser.add_argument(
        "--capture", metavar="FILE", help="look for foreign ids in a capture of the segment"
    )
    parser.add_argument("--sarif", metavar="FILE", help="write the findings as SARIF 2.1.0")
    parser.add_argument("--json", action="store_true", help="one document")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing, only exit")
    shared.add_exit_status(parser)


def run(options: argparse.Namespace) -> int:
    """Check and print; exit 1 where something is wrong."""
    from carpscope.checking.run import check
    from carpscope.detect.finding import Severity

    if not options.paths:
        raise CarpscopeError("name a file or a folder of each node (carpscope check --help)")
    if sum(path == "-" or path.endswith("=-") for path in options.paths) > 1:
        raise CarpscopeError("standard input can be read once only")
    found = check(options.paths, _wishes(options))
    if options.write:
        _write(found, options.write)
    if options.sarif:
        _write_sarif(found, options.sarif)
    _print(found, options)
    is_failure = found.is_wrong(Severity(options.fail_on))
    return 1 if is_failure and not options.exit_zero else 0


def _wishes(options: argparse.Namespace) -> "Wishes":
    from carpscope.checking.run import Wishes

    segments: dict[str, list[tuple[str, str]]] = {}
    for text in options.segment:
        name, equals, rest = text.partition("=")
        ports = [part.partition(":") for part in rest.split(",")]
        if not equals or not name or not all(node and colon and i for node, colon, i in ports):
            raise CarpscopeError(f"--segment {text!r}: write NAME=NODE:IF,NODE:IF")
        segments[name] = [(node, interface) for node, _, interface in ports]
    systems: dict[str, str] = {}
    for text in options.system:
        name, equals, system = text.partition("=")
        if not equals or not name or not system:
            raise CarpscopeError(f"--system {text!r}: write NODE=IMPL")
        systems[name] = system
    if not 0 <= options.events <= EVENTS_MAX:
        raise CarpscopeError(f"--events: write a number from 0 to {EVENTS_MAX}")
    return Wishes(segments, systems, options.events, options.strict, options.capture)


def _write(found: "CheckResult", folder: str) -> None:
    """Write each counter-example as a scenario that `carpscope simulate` runs."""
    import re
    from pathlib import Path

    from carpscope.report.forensic.text import json_text
    from carpscope.sim.document import scenario_json

    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for group, proof in zip(found.groups, found.proofs, strict=True):
            shown = None if proof is None else proof.counterexample
            if shown is not None:
                name = re.sub(r"[^A-Za-z0-9.-]+", "-", group.id)
                text = json_text(dict(scenario_json(shown, shown.seed)), indent=1)
                (Path(folder) / f"{name}.json").write_text(text + "\n")
    except OSError as problem:
        raise CarpscopeError(f"-w {folder}: {problem.strerror}") from None


def _write_sarif(found: "CheckResult", path: str) -> None:
    from pathlib import Path

    from carpscope.checking.sarif import sarif
    from carpscope.report.forensic.text import json_text

    try:
        Path(path).write_text(json_text(sarif(found)) + "\n")
    except OSError as problem:
        raise CarpscopeError(f"--sarif {path}: {problem.strerror}") from None


def _print(found: "CheckResult", options: argparse.Namespace) -> None:
    if options.json:
        from carpscope.checking.document import document
        from carpscope.report.forensic.text import json_text

        sys.stdout.write(json_text(document(found)) + "\n")
    elif not options.quiet:
        from carpscope.checking.screen import screen
        from carpscope.cli.terminal import width

        sys.stdout.write("\n".join(screen(found, width(), details=options.details)) + "\n")


COMMAND = Command(
    "check",
    "say what configurations of nodes will do, before they go live",
    "Reads the files that the nodes of a cluster start with, says what will go wrong, in which\n"
    "line. Reads only: it never runs a shell and never connects.",
    EXAMPLES,
    configure,
    run,
)
