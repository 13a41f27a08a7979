"""One line of a host's log that says something of CARP."""

from enum import Enum

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass


class EntryKind(Enum):
    """What a line tells."""

    STATE = "state"
    """A vhid changed its state."""
    DEMOTION = "demotion"
    REFUSED = "refused"
    """An advertisement was not accepted."""
    BLOCKED = "blocked"
    """A packet filter saw an advertisement and did not let it in."""
    COUNTER = "counter"
    """A counter of drops rose between two outputs of netstat."""
    STATUS = "status"
    """What `ifconfig` shows: a state at some time, with advbase and advskew."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line, taken apart."""

    line: int
    """Its number in the file, from 1."""
    text: str
    """As it stands there, nothing escaped."""
    kind: EntryKind
    at: Nanos | None
    """None where the line has no time."""
    coarse: bool
    """Whether its time is in whole seconds."""
    host: str = ""
    system: str = ""
    """`FreeBSD`, `OpenBSD`, `NetBSD`, `ucarp`, or empty."""
    interface: str = ""
    vhid: int | None = None
    before: str = ""
    after: str = ""
    reason: str = ""
    advbase: int | None = None
    advskew: int | None = None
    demotion: int | None = None
    """The total after it."""
    by: int | None = None
    """What was added to the demotion, or to a counter."""
    source: str = ""
    """Whose advertisement a packet filter blocked."""
    since: Nanos | None = None
    """The earlier of two outputs of netstat."""
    has_zone: bool = False
    """Whether its time says its zone."""
