"""`carpscope report`: a folder that says what happened, how it is known, and how to check it."""

import argparse

from carpscope.cli import options as shared
from carpscope.cli import own_mistakes
from carpscope.cli.command import Command
from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from carpscope.capture.source import Capture
    from carpscope.config import Config
    from carpscope.report.forensic.manifest import Case, Created
    from carpscope.report.forensic.request import Request
    from carpscope.report.hostlog.placed import LogView
    from carpscope.report.line import Json
    from carpscope.report.sign import PrivateKey

EXAMPLES = """\
  carpscope report office.pcap -o case-17
  carpscope report office.pcap core.pcap.gz --passphrase-file carp.pass -o case-17 \\
      --case 17/2026 --examiner 'R. Doe' --sign examiner.pem
  carpscope report fw1.pcap fw2.pcap --log fw1=fw1.log --log-zone +01:00 -o case-18
  carpscope verify case-17 --key examiner.pub.pem --evidence office.pcap core.pcap.gz"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared.add_captures(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="a new folder to write into"
    )
    shared.add_count(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    parser.add_argument(
        "--sign", metavar="KEY", help="sign with an Ed25519 key, PEM or OpenSSH (see keygen)"
    )
    parser.add_argument(
        "--format",
        action="append",
        default=[],
        choices=("pdf",),
        metavar="FORMAT",
        help="pdf: also the page as report.pdf, printed by an installed Chromium",
    )
    parser.add_argument(
        "--timestamp",
        metavar="URL",
        help="let an authority of RFC 3161 stamp the manifest: when it existed at the latest",
    )
    parser.add_argument(
        "--created",
        metavar="TIME",
        help="when the report says it was made, RFC 3339 (now, or SOURCE_DATE_EPOCH); with it the "
        "same files give the same bytes on any day",
    )
    shared.add_timezone(parser)
    shared.add_path_delay(parser)
    logs = parser.add_argument_group("logs of the hosts")
    logs.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="[NODE=]FILE",
        help="kernel or ucarp log, or output of ifconfig; NODE is an address or a name",
    )
    logs.add_argument(
        "--log-zone",
        default="UTC",
        metavar="ZONE",
        help="of lines that name none: UTC (default), +01:00 or Europe/Berlin",
    )
    logs.add_argument(
        "--log-year",
        type=int,
        metavar="YEAR",
        help="of lines that name none; the one nearest to the captures if not given",
    )
    case = parser.add_argument_group("chain of custody", "all optional, all in the manifest")
    for name, text in (
        ("case", "number or name of the case"),
        ("examiner", "who examined"),
        ("organisation", "for whom"),
        ("acquisition", "how, where and by whom the captures were taken"),
        ("notes", "anything else"),
    ):
        case.add_argument(f"--{name}", type=str, default="", metavar="TEXT", help=text)
    shared.add_secrets(parser)


def run(options: argparse.Namespace) -> int:
    """Analyze, write the folder, and say where it is; exit 1 where something is wrong."""
    from pathlib import Path

    from carpscope.report.forensic import folder
    from carpscope.report.forensic.manifest import NAME

    paths = shared.paths(options)
    if "-" in paths:
        raise CarpscopeError(
            "a report names its evidence by file and digest and reads it twice: "
            "save standard input to a file first"
        )
    target = Path(options.output)
    folder.prepare(target)
    config = shared.config(options)
    key = _key(options.sign) if options.sign else None
    if "pdf" in options.format:
        from carpscope.report.forensic.pdf import browser

        browser()
    if options.timestamp:
        from carpscope.report.stamp import checked_url

        checked_url(options.timestamp)
    request = _request(options, config, paths)
    files = folder.contents(request, key, options.timestamp, pdf="pdf" in options.format)
    folder.write(target, files)
    findings = request.findings
    if not options.quiet:
        import hashlib
        import shlex

        digest = hashlib.sha256(files[NAME]).hexdigest()
        print(f"{shown(str(target))}: {len(files)} files, {len(findings)} findings")
        print(f"  SHA-256 of {NAME}: {digest}")
        signed = "signed" if key is not None else "not signed (--sign KEY)"
        print(f"  {signed}; carpscope verify {shown(shlex.quote(str(target)))} checks it")
    if request.analysis.mistakes.count:
        return own_mistakes.report_mistakes(request.analysis.mistakes, debug=options.debug)
    return 0


def _key(path: str) -> "PrivateKey":
    from carpscope.cli.passphrase import key_passphrase
    from carpscope.report.sign import PassphraseNeededError, key_file, read_private

    data = key_file(path, "--sign")
    try:
        return read_private(data, path, None)
    except PassphraseNeededError:
        return read_private(data, path, key_passphrase(path))


def _request(options: argparse.Namespace, config: "Config", paths: list[str]) -> "Request":
    from carpscope.capture.source import open_capture
    from carpscope.pipeline import analyze
    from carpscope.report.document import document
    from carpscope.report.forensic import exhibit
    from carpscope.report.forensic.collect import Collector
    from carpscope.report.forensic.request import Request

    labels = called(paths)

    def opened() -> "list[Capture]":
        captures = [open_capture(path, at, digest=True) for at, path in enumerate(paths)]
        for capture, label in zip(captures, labels, strict=True):
            # wherever it lay: the same evidence makes the same report
            capture.name = capture.path = label
        return captures

    accepts = shared.accepts(options)
    vantage = shared.compared(options)
    collector = Collector()
    captures = opened()
    analysis = analyze(
        captures,
        config,
        accepts=accepts,
        count=options.count,
        vantage=vantage,
        also=collector,
    )
    for capture in captures:
        for _ in capture.batches:  # where --count ended it: the digest is of the whole file
            pass
    exhibits = exhibit.named(analysis)
    exhibit.fetch(exhibits, opened(), analysis)
    created = _created(options)
    request = Request(
        analysis,
        config,
        collector,
        exhibits,
        document(analysis, config),
        _case(options),
        created,
        command_line(options, labels, config, created),
        _options(options, config),
    )
    request.zone = options.timezone
    request.logs = _logs(options, request)
    return request


def called(paths: list[str]) -> list[str]:
    """Name files without their folders, or with as much of them as tells them apart."""
    from pathlib import Path

    from carpscope.core.text import shown

    parts = [Path(path).parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return [shown(name) for name in names]
    # one file given twice: its copies differ in number only
    return [shown(f"{Path(path).name}#{number}") for number, path in enumerate(paths, 1)]


def _case(options: argparse.Namespace) -> "Case":
    from carpscope.report.forensic.manifest import Case

    return Case(
        options.case, options.examiner, options.organisation, options.acquisition, options.notes
    )


def _created(options: argparse.Namespace) -> "Created":
    import os
    import time

    from carpscope.core.units import SECOND, parse_rfc3339
    from carpscope.report.forensic.manifest import Created

    if options.created is None:
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        if epoch.isdecimal() and len(epoch) < 12:
            return Created(int(epoch) * SECOND, "SOURCE_DATE_EPOCH")
        return Created(time.time_ns() // SECOND * SECOND, "clock")
    try:
        return Created(parse_rfc3339(options.created), "option")
    except ValueError as problem:
        raise CarpscopeError(f"--created {problem}") from None


def _logs(options: argparse.Namespace, request: "Request") -> "list[LogView]":
    from carpscope.core.zone import parse_zone
    from carpscope.report.hostlog.clock import LogClock
    from carpscope.report.hostlog.placing import place
    from carpscope.report.hostlog.read import read_log

    if not options.log:
        return []
    axis = request.axis
    clock = LogClock(
        parse_zone(options.log_zone, "--log-zone"),
        options.log_year,
        (axis.first + axis.last) // 2,
    )
    given = [owner_and_path(text) for text in options.log]
    names = called([path for _, path in given])
    files = [
        read_log(path, owner, name, clock) for (owner, path), name in zip(given, names, strict=True)
    ]
    return [
        place(file, request.groups, request.config, axis.first, axis.last, request.names)
        for file in files
    ]


def owner_and_path(text: str) -> tuple[str, str]:
    """Take `NODE=FILE` apart; a file whose name holds `=` is a file where it exists."""
    from pathlib import Path

    owner, sign, path = text.partition("=")
    if not sign or Path(text).exists():
        return "", text
    return owner, path


def command_line(
    options: argparse.Namespace, labels: list[str], config: "Config", created: "Created"
) -> str:
    """Give the command that makes this report again: files without folders, no secret."""
    from shlex import join

    from carpscope.core.address import ip_text
    from carpscope.core.units import rfc3339

    words = ["carpscope", "report", *labels]
    words += [word for _ in config.passphrases for word in ("-p", "PASSPHRASE")]
    if config.addresses:
        words += ["-a", ",".join(ip_text(address) for address in config.addresses)]
    if options.config:
        words += ["--config", called([options.config])[0]]
    for flag, value in (
        ("--filter", options.filter),
        ("--count", options.count),
        ("--created", options.created or rfc3339(created.at)),
        ("--case", options.case),
        ("--examiner", options.examiner),
        ("--organisation", options.organisation),
        ("--acquisition", options.acquisition),
        ("--notes", options.notes),
        ("--log-year", options.log_year),
        ("--timezone", options.timezone and options.timezone.name),
    ):
        if value:
            words += [flag, str(value)]
    if options.log:
        owners = [owner_and_path(text) for text in options.log]
        for (owner, _), name in zip(owners, called([p for _, p in owners]), strict=True):
            words += ["--log", f"{owner}={name}" if owner else name]
        words += ["--log-zone", options.log_zone]
    if options.path_delay is not None:
        words += ["--path-delay", f"{options.path_delay:g}"]
    if options.sign:
        words += ["--sign", "KEY"]
    if options.timestamp:
        words += ["--timestamp", options.timestamp]
    words += [word for name in options.format for word in ("--format", name)]
    return join([*words, "-o", "DIR"])


def _options(options: argparse.Namespace, config: "Config") -> "dict[str, Json]":
    """Give what was asked for; of secrets only how many."""
    from carpscope.core.address import ip_text

    return {
        "passphrases": len(config.passphrases),
        "addresses": [ip_text(address) for address in config.addresses],
        "names": {ip_text(address): name for address, name in config.names.items()},
        "filter": options.filter,
        "count": options.count,
        "path_delay_ms": options.path_delay,
        "log_zone": options.log_zone,
        "timezone": options.timezone and options.timezone.name,
        "log_year": options.log_year,
    }


COMMAND = Command(
    "report",
    "write a forensic report: pages, tables, evidence, signed manifest",
    "Writes a folder that stands by itself: report.html and report.md for people, JSON and CSV\n"
    "for programs, the frames that matter as pcapng, and a manifest with the SHA-256 of every\n"
    "input and output. The same files and options give the same bytes. docs/report.md tells more.",
    EXAMPLES,
    configure,
    run,
)
