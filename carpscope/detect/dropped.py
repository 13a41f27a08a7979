"""What the detectors of dropped advertisements share: one finding a node and reason."""

from collections.abc import Callable, Iterator

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Evidence, Finding, Severity
from carpscope.detect.words import since
from carpscope.timeline.facts import Fact, FailedCheck, Forgotten, Joined, Refused
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

_DROPS = "A receiver tests this first and drops what fails;"
_TESTED = {
    FailedCheck.TTL: _DROPS,
    FailedCheck.CHECKSUM: _DROPS,
    FailedCheck.VERSION: _DROPS,
    FailedCheck.DESTINATION: "Switches and cards pass on by MAC, and may keep it from a receiver;",
}


@dataclass(slots=True)
class _Situation:
    group: Group
    node: Node
    start: Nanos
    end: Nanos
    detail: str
    evidence: Evidence = field(default_factory=Evidence)


class DroppedWatch:
    """Counts the advertisements of each node that fail one check of every receiver."""

    def __init__(
        self,
        code: str,
        label: str,
        severity: Severity,
        check: FailedCheck,
        what: str,
        remedy: str | Callable[[Node, str], str],
    ) -> None:
        """Take how to name it, and which check it is."""
        self._name = (code, label, severity)
        self._check = check
        self._what = what
        self._remedy = remedy
        self._situations: dict[tuple[str, str], _Situation] = {}

    def see(self, fact: Fact) -> None:
        """Take refused advertisements."""
        if isinstance(fact, Refused) and fact.check is self._check:
            key = (fact.group.id, fact.node.id)
            found = self._situations.get(key)
            if found is None:
                found = _Situation(fact.group, fact.node, fact.at, fact.at, fact.detail)
                self._situations[key] = found
            found.end = fact.at
            found.evidence.add(fact.frame)
        elif isinstance(fact, Joined):
            moved = self._situations.pop((fact.group.id, fact.node.id), None)
            if moved is not None:
                moved.node = fact.into
                self._situations.setdefault((fact.group.id, fact.into.id), moved)
        elif isinstance(fact, Forgotten) and fact.node is not None:
            self._situations.pop((fact.group.id, fact.node.id), None)

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give one finding for each node."""
        del at
        code, label, severity = self._name
        for found in self._situations.values():
            count, total = found.evidence.count, found.node.adverts
            which = "all" if count == total else f"{count} of {total}"
            yield Finding(
                code=code,
                label=label,
                severity=severity,
                confidence=0.99,
                group=found.group.id,
                nodes=(found.node.id,),
                start=found.start,
                end=found.end,
                frames=found.evidence.frames,
                frame_count=count,
                summary=f"{which} advertisements of {found.node.id} have {self._what}",
                explanation=(
                    f"{found.detail} (first of {count}), {since(found.start, found.end)}. "
                    f"{_TESTED[self._check]} whether one did, this capture does not show."
                ),
                remedy=(
                    self._remedy
                    if isinstance(self._remedy, str)
                    else self._remedy(found.node, found.detail)
                ),
            )
