"""The pages of what only a run itself tells, as `carpscope explain` shows those of detectors."""

from carpscope.detect import internal
from carpscope.detect.finding import Severity
from carpscope.detect.page import Page

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
STATE = Page(
    None,
    "state",
    "A node became MASTER or BACKUP (live)",
    None,
    """\
What it means
    An event of `carpscope live`: by what it advertises, or no longer does, a node is MASTER or
    BACKUP from this moment on.

How it is seen
    MASTER with the first advertisement. BACKUP when it yields to a better one, leaves with a
    bow-out, or is silent for longer than its interval explains; `why` says which.

What to do
    Nothing: what is wrong is told as a finding.

Sources
    docs/live.md has the fields.
""",
)
NOTICE = Page(
    None,
    "notice",
    "Something about the run itself (live)",
    None,
    """\
What it means
    An event of `carpscope live` about itself: its interface went down or came back, packets were
    lost, the clock was set, an output does not take what it is given.

How it is seen
    By the program; `action` says which. While nothing can be heard, `status` is unknown.

What to do
    What the message says. Nothing follows from it for the network.

Sources
    docs/live.md has the actions.
""",
)
PAGES = (INTERNAL_ERROR, NOTICE, STATE)
