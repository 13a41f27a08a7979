"""A vhid is not a number from 1 to 255, or is not read as one.

What it means
    The number is one octet on the wire. ifconfig and ucarp refuse any other, so the vhid does
    not come up.

How it is seen
    The number is read as its own program reads it: ucarp takes `010` for 8 and `008` for 0,
    ifconfig of FreeBSD reads digits and stops at anything else.

False alarms
    None.

What to do
    Write a number from 1 to 255, the same on every node. It often was the VLAN's.

Sources
    carp(4), ucarp(8), strtoul(3).
"""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.rules.cs601_not_configured import refused_lines


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Tell each situation once."""
    yield from refused_lines(settings, RULE)


RULE = Rule(
    "CS602",
    "vhid_out_of_range",
    "A vhid is not from 1 to 255",
    Severity.ERROR,
    examine=examine,
)
