"""A finding: one situation that a person should look at, from its first to its last frame."""

import hashlib
import re
from enum import Enum
from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field, replace


class Severity(Enum):
    """How bad it is. `warning` and above give exit status 1."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return 0 for the least."""
        return list(Severity).index(self)


class Attacker(NamedTuple):
    """Who sent what no node sent, as far as frames name it."""

    address: bytes | None
    mac: bytes | None


@dataclass(slots=True)
class Finding:
    """What is wrong, since when, who, how it is known, and what to change."""

    code: str
    label: str
    severity: Severity
    confidence: float
    group: str
    nodes: tuple[str, ...]
    start: Nanos
    end: Nanos
    frames: tuple[int, ...]
    """FrameRefs of the evidence, at most a few dozen; `frame_count` has all."""
    frame_count: int
    summary: str
    explanation: str
    remedy: str
    caused_by: list[str] = field(default_factory=list)
    """Identities of the findings that explain this one."""
    ongoing: bool = False
    """Whether it still was so when the capture ended."""
    others: tuple[str, ...] = ()
    """Further groups that it is about."""
    attacker: Attacker | None = None
    settles: Nanos = 0
    """Until when what would explain it otherwise may still come: a live run waits for that."""
    rests: Nanos = 0
    """Until when more of the same would be part of it: before, a live run does not call it over."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Return every group it is about."""
        return (self.group, *self.others)

    @property
    def vhid(self) -> int | None:
        """Return the number of its group."""
        number = self.group.rpartition("vhid")[2]
        return int(number) if number.isdecimal() else None

    @property
    def duration_s(self) -> float:
        """Return how long it lasted, in seconds."""
        return max(self.end - self.start, 0) / 1e9

    @property
    def identity(self) -> str:
        """Return a name that is the same in every run over the same frames."""
        text = "\n".join((self.code, self.group, *sorted(self.nodes), str(self.start)))
        return f"{self.code}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def renamed(finding: Finding, before: str, after: str) -> Finding:
    """Give a finding with another name for one of its nodes, where it is one of them."""
    if before not in finding.nodes:
        return finding
    word = re.compile(rf"(?<![\w:.]){re.escape(before)}(?![\w:]|\.\w)")
    return replace(
        finding,
        nodes=tuple(dict.fromkeys(after if one == before else one for one in finding.nodes)),
        summary=word.sub(after, finding.summary),
        explanation=word.sub(after, finding.explanation),
        remedy=word.sub(after, finding.remedy),
    )


EVIDENCE_LIMIT = 24
"""Frames listed per finding: the first half and the last half of them."""


@dataclass(slots=True)
class Evidence:
    """Collects frames of a situation; keeps the first and the last ones, counts all."""

    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    count: int = 0

    def add(self, frame: int) -> None:
        """Add one frame."""
        self.count += 1
        if len(self.first) < EVIDENCE_LIMIT // 2:
            self.first.append(frame)
        else:
            self.last.append(frame)
            del self.last[: -EVIDENCE_LIMIT // 2]

    @property
    def frames(self) -> tuple[int, ...]:
        """Return the kept ones in order."""
        return tuple(dict.fromkeys([*self.first, *self.last]))
