"""How things stand: the state of a group and of the whole, and who serves which addresses.

Screen, page, document and live ask here and nowhere else, so that they say the same of the
same moment. Offline the moment is the end of the capture.
"""

from collections.abc import Iterable
from enum import Enum

from carpscope.config import Config, ExpectedGroup
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.detect.finding import Finding, Severity
from carpscope.protocol import spans
from carpscope.timeline.group import Group, group_id

ENDS_BY_ITSELF = frozenset(("split_brain", "master_gap", "silent_master", "group_missing"))
"""Their detectors know the moment at which it is over."""


class Status(Enum):
    """How something stands, from well to bad; `UNKNOWN` is none of these."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILED = "failed"
    UNKNOWN = "unknown"


def is_over(finding: Finding, moved: Nanos, at: Nanos, close_after: Nanos = spans.QUIET) -> bool:
    """Tell whether a finding, of which something was seen last at `moved`, is over by now."""
    if finding.ongoing or finding.rests > at:
        return False
    return finding.label in ENDS_BY_ITSELF or at - moved > close_after


@dataclass(frozen=True, slots=True)
class Standing:
    """The findings of a run at one moment, and what may be left out of its verdict."""

    findings: tuple[Finding, ...]
    """Those that are open."""
    config: Config
    is_judged: bool = True
    """Whether there was anything to judge, and all of it was: not blind, no mistake of ours."""

    def of(self, group: str) -> Status:
        """Return the state of one group."""
        return self._status(f for f in self._counted if group in f.groups)

    @property
    def status(self) -> Status:
        """Return the state of the whole."""
        return self._status(self._counted)

    @property
    def worst(self) -> Finding | None:
        """Return the worst that is true now: of equals what began first."""
        counted = self._counted
        return min(counted, key=lambda f: (-f.severity.rank, f.start, f.code), default=None)

    @property
    def _counted(self) -> list[Finding]:
        return [f for f in self.findings if counts(f, self.config)]

    def _status(self, findings: Iterable[Finding]) -> Status:
        if not self.is_judged:
            return Status.UNKNOWN
        rank = max((f.severity.rank for f in findings), default=0)
        if rank >= Severity.ERROR.rank:
            return Status.FAILED
        return Status.DEGRADED if rank >= Severity.WARNING.rank else Status.HEALTHY


def counts(finding: Finding, config: Config) -> bool:
    """Tell whether a finding counts for status and exit status: not what lies in maintenance."""
    if not config.groups:
        return True
    windows = [w for g in config.groups for w in g.maintenance if _name(g) in finding.groups]
    return not any(start <= finding.start and finding.end <= end for start, end in windows)


def is_wrong(
    findings: Iterable[Finding], config: Config, fail_on: Severity = Severity.WARNING
) -> bool:
    """Tell whether anything of a severity or above was found: exit status 1."""
    return any(f.severity.rank >= fail_on.rank and counts(f, config) for f in findings)


def at_end(findings: Iterable[Finding], config: Config, at: Nanos, *, is_judged: bool) -> Standing:
    """Return how things stand when a capture ends."""
    still = tuple(f for f in findings if not is_over(f, f.end, at))
    return Standing(still, config, is_judged)


def vips(group: Group, config: Config) -> tuple[bytes, ...]:
    """Return the shared addresses of a group that are known: signed, listed or announced."""
    signed = [
        address
        for node in group.known
        if node.authentication.recipe is not None
        for address in node.authentication.recipe.addresses
    ]
    expected = config.expects(group.vlan, group.vhid)
    listed = expected.addresses if expected is not None else ()
    own = set(group.nodes)
    announced = [address for address in group.announced if address not in own]
    return tuple(dict.fromkeys((*signed, *listed, *announced)))


def _name(group: ExpectedGroup) -> str:
    return group_id(group.vlan, group.vhid)
