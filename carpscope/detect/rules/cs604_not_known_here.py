"""A value that decides something is not in the files.

What it means
    It comes from a command, from a variable that no file assigns, from a file that was not
    given, or the output of ifconfig does not print it. It is taken for equal to nothing and
    different from nothing; the simulator assumes the best of it and says so.

How it is seen
    By the text itself: nothing is run and nothing is fetched.

False alarms
    None: it is a remark, no fault.

What to do
    Give the missing file as well, or look at the running node.

Sources
    The files themselves.
"""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Tell each value once."""
    for node in settings.cluster.nodes:
        for one in node.unknown:
            place = "" if one.where is None else f" ({one.where})"
            yield settled(
                RULE.code,
                RULE.label,
                RULE.severity,
                "",
                [node.name],
                [one.where],
                f"not known here of {node.name}{place}: {one.what}",
                "What decides it is not in the files that were given, so nothing is said about it.",
                "Give the file that holds it, or look at the running node.",
            )


RULE = Rule(
    "CS604",
    "not_known_here",
    "A value that decides is not in the files",
    Severity.INFO,
    examine=examine,
)
