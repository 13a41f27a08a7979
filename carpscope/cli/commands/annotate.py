"""`carpscope annotate`: a capture with what carpscope says of it as comments."""

import argparse
import sys
from contextlib import contextmanager

from carpscope.cli import options as shared
from carpscope.cli.command import Command
from carpscope.cli.terminal import Progress
from carpscope.core.errors import CarpscopeError

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from carpscope.capture.source import Capture
    from carpscope.report.annotate import Comment

EXAMPLES = """\
  carpscope annotate office.pcap -o told.pcapng -p PASS -a 192.168.1.50
  wireshark -d ip.proto==112,carp told.pcapng          comments stand in the packet list
  tshark -r told.pcapng -T fields -e frame.number -e frame.comment"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("capture", metavar="CAPTURE", help="what analyze reads; not -")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT.pcapng", help="the file to write, or -"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="say nothing of what was written"
    )
    shared.add_secrets(parser)


def run(options: argparse.Namespace) -> int:
    """Analyze, then copy every packet with its comment."""
    from carpscope.auth.effort import Effort
    from carpscope.capture.source import open_capture
    from carpscope.core.files import is_same
    from carpscope.pipeline import analyze
    from carpscope.report.annotate import comments

    path = options.capture
    if path == "-":
        raise CarpscopeError("annotate reads its capture twice: standard input cannot be")
    if is_same(path, options.output):
        raise CarpscopeError(f"{options.output}: is the capture itself; name another file")
    config = shared.config(options)
    with open_capture(path) as first, Progress([first], quiet=options.quiet) as progress:
        analysis = analyze([first], config, effort=Effort(tell=progress.searched))
    comment = comments(analysis)
    with open_capture(path) as capture, Progress([capture], quiet=options.quiet):
        count, commented = _copied(capture, comment, options.output)
    if not options.quiet:
        told = f"{count:,} packets, {commented:,} with a comment"
        if capture.comments:
            told += f"; {capture.comments:,} that the capture had are left out"
        print(f"carpscope: {told}", file=sys.stderr)
    return 0


def _copied(capture: "Capture", comment: "Comment", path: str) -> tuple[int, int]:
    """Write every packet; return how many there are, and how many have a comment."""
    import carpscope
    from carpscope.capture.writer import PcapngWriter

    count = commented = 0
    with _opened(path) as stream:
        writer = PcapngWriter(stream, snaplen=0, application=f"carpscope {carpscope.__version__}")
        for frame in capture:
            text = comment(frame)
            writer.write(frame, text)
            count += 1
            commented += text is not None
    return count, commented


@contextmanager
def _opened(path: str) -> "Iterator[BinaryIO]":
    """Open the output; what was begun and could not be ended is taken away again."""
    if path == "-":
        yield sys.stdout.buffer
        return
    from pathlib import Path

    try:
        stream = Path(path).open("wb")  # noqa: SIM115 - what fails below has another reason
    except OSError as problem:
        raise CarpscopeError(f"-o {path}: {problem.strerror}") from None
    try:
        with stream:
            yield stream
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


COMMAND = Command(
    "annotate",
    "write a capture with comments that Wireshark shows",
    "Copies a capture as pcapng. Every advertisement has a comment: what it says, whether its\n"
    "HMAC is right, and the findings and events that it belongs to. Nothing else is changed.",
    EXAMPLES,
    configure,
    run,
)
