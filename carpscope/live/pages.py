"""The pages of what no detector finds, as `carpscope explain` shows those of detectors."""

from typing import NamedTuple

from carpscope.detect import internal
from carpscope.detect.finding import Severity


class Page(NamedTuple):
    """What `explain` says of one code; a code is never used twice, by a detector neither."""

    code: str
    label: str
    title: str
    severity: Severity
    page: str


INTERNAL_ERROR = Page(
    internal.CODE,
    internal.LABEL,
    "A part of carpscope failed",
    Severity.ERROR,
    """\
What it means
    carpscope made a mistake: a rule, a frame or an output raised what it must not. That part
    was left out and the run went on. Nothing follows from it for the network, and what this
    run does not say may be so all the same: its status is unknown.

How it is seen
    By the program itself. The finding names what failed and the lines of code; `frames` are
    those that were looked at. The exit status is 70, of --nagios 3.

False alarms
    None: each is a mistake of ours.

What to do
    Run the same again with --debug and send the maintainers what it prints, with the command
    and, if you may, the capture. SECURITY.md says to whom.

Sources
    The program itself.
""",
)
PAGES = (INTERNAL_ERROR,)
