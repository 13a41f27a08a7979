"""Nobody advertises a group that is expected.

What it means
    carpscope.toml lists the group, and not one advertisement of it was heard: nobody is
    MASTER, or carpscope does not hear who is.

How it is seen
    Since the capture began, since listening began, or since the interface came back,
    `missing_after` seconds have passed (10 unless the file says otherwise). It ends with the
    first advertisement. A group that was heard and fell silent is a master gap (CS102).

False alarms
    The mirror port does not carry the VLAN; -f leaves the group out; the group lies on
    another interface than the one that its `interface` names.

What to do
    Look whether its nodes run and their carp interfaces are up, then at the mirror port:
    tcpdump -ni IF 'proto 112 or arp or icmp6 or (vlan and (proto 112 or arp or icmp6))'.

Sources
    The configuration of carpscope itself.
"""

from collections.abc import Iterator

from carpscope.config import ExpectedGroup
from carpscope.core.recommended import RECOMMENDED, instead
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import group_id


@dataclass(slots=True)
class _Absence:
    """One time in which a group was not there."""

    start: Nanos
    end: Nanos | None = None


class GroupMissing:
    """Holds who advertises against who is expected."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups and what is expected."""
        self._context = context
        self._absences: dict[tuple[str | None, tuple[int, ...], int], _Absence] = {}
        self._heard: dict[tuple[str | None, tuple[int, ...], int], Nanos] = {}
        """When a group that was forgotten since was known last."""

    def see(self, fact: Fact) -> None:
        """Take nothing: what is not there leaves no fact."""

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give every group that is expected on this segment first, and absent."""
        for expected in self._context.config.groups:
            missing = self._missing(expected, at)
            if missing is not None:
                yield missing

    def _missing(self, expected: ExpectedGroup, at: Nanos) -> Finding | None:
        """Tell of a group nobody advertises, on the first of the segments where it may be."""
        run = self._context.run or [self._context]
        named = [c for c in run if c.interface is None or expected.interface in (None, c.interface)]
        if not named or named[0] is not self._context:
            return None
        observers = [context.observer for context in named]
        groups = (o.groups.get((expected.vlan, expected.vhid)) for o in observers)
        heard = [group for group in groups if group is not None and group.members]
        key = (expected.interface, expected.vlan, expected.vhid)
        absence = self._absences.get(key)
        if heard:
            self._heard[key] = at
            if absence is None:
                return None
            if absence.end is None:
                absence.end = min(node.first for group in heard for node in group.members)
        elif absence is None or absence.end is not None:
            began = [observer.began for observer in observers if observer.began is not None]
            if not began:
                return None  # nothing was seen at all: that is no silence
            start = max(*began, self._heard.get(key, began[0]))
            if at - start < self._context.config.tolerances.missing_after:
                return None
            absence = self._absences[key] = _Absence(start)
        called = expected.name or "this group"
        vrrp = sum(observer.vrrp for observer in observers)
        other = f" Advertisements: {instead(vrrp)}." if vrrp and not heard else ""
        return Finding(
            code=RULE.code,
            label=RULE.label,
            severity=RULE.severity,
            confidence=0.95,
            group=group_id(expected.vlan, expected.vhid),
            nodes=(),
            start=absence.start,
            end=absence.end if absence.end is not None else at,
            frames=(),
            frame_count=0,
            summary=f"{called} is expected here, and nobody advertises it",
            explanation=(
                f"The configuration lists this group; not one advertisement of it was heard.{other}"
            ),
            remedy=(
                "Look whether its nodes run and their carp interfaces are up, and whether the "
                "mirror "
                f"port carries their VLAN: tcpdump -ni IF '{RECOMMENDED}' there."
            ),
            ongoing=absence.end is None,
        )


RULE = Rule(
    "CS251",
    "group_missing",
    "Nobody advertises a group that is expected",
    Severity.ERROR,
    GroupMissing,
    plain="no host reported itself for {address}, which should be served",
)
