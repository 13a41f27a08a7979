"""How things stand: the state of a group and of the whole, and who serves which addresses.

Screen, page, document and live ask here and nowhere else, so that they say the same of the
same moment. Offline the moment is the end of the capture.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import cached_property

from carpscope.config import Config, ExpectedGroup
from carpscope.core.address import ip_text
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.detect.finding import Finding, Severity
from carpscope.protocol import spans
from carpscope.timeline.group import Group, group_id, group_words
from carpscope.timeline.mastership import is_unheard

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


def status_of(
    severities: Iterable[Severity], *, is_judged: bool = True, is_whole: bool = True
) -> Status:
    """Return what open findings of these severities make of it: the one place that decides.

    Where nothing could be `judged` it is unknown; where not the `whole` could be seen, unless what
    was seen has failed.
    """
    rank = max((severity.rank for severity in severities), default=0)
    if not is_judged:
        return Status.UNKNOWN
    if rank >= Severity.ERROR.rank:
        return Status.FAILED
    if not is_whole:
        return Status.UNKNOWN
    return Status.DEGRADED if rank >= Severity.WARNING.rank else Status.HEALTHY


@dataclass(frozen=True)
class Standing:
    """The findings of a run at one moment, and what may be left out of its verdict."""

    findings: tuple[Finding, ...]
    """Those that are open."""
    config: Config
    is_judged: bool = True
    """Whether there was anything to judge, and no mistake of ours."""
    is_whole: bool = True
    """Whether all that is watched can be seen."""
    unheard: frozenset[str] = frozenset()
    """Groups of which it cannot be seen whether somebody is MASTER."""

    def of(self, group: str) -> Status:
        """Return the state of one group."""
        is_seen = group not in self.unheard
        return status_of(
            self._severities.get(group, ()), is_judged=self.is_judged, is_whole=is_seen
        )

    @property
    def status(self) -> Status:
        """Return the state of the whole."""
        found = [f.severity for f in self._counted]
        return status_of(found, is_judged=self.is_judged, is_whole=self.is_whole)

    def in_maintenance(self, group: str) -> bool:
        """Tell whether something is wrong with a group that its maintenance explains."""
        found = [f for f in self.findings if group in f.groups]
        return any(not counts(f, self.config) for f in found)

    @property
    def worst(self) -> Finding | None:
        """Return the worst that is true now: of equals what began first."""
        counted = self._counted
        return min(counted, key=lambda f: (-f.severity.rank, f.start, f.code), default=None)

    @cached_property
    def _counted(self) -> list[Finding]:
        return [f for f in self.findings if counts(f, self.config)]

    @cached_property
    def _severities(self) -> dict[str, list[Severity]]:
        """Of each group: it is asked for thousands of them."""
        found: dict[str, list[Severity]] = defaultdict(list)
        for one in self._counted:
            for group in one.groups:
                found[group].append(one.severity)
        return found


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


def at_end(
    findings: Iterable[Finding],
    config: Config,
    at: Nanos,
    groups: Iterable[Group],
    *,
    is_judged: bool,
) -> Standing:
    """Return how things stand when a capture ends."""
    still = tuple(f for f in findings if not is_over(f, f.end, at))
    # what knows when it is over and is not, knows how a group stands that does not advertise
    told = {group for one in still if one.label in ENDS_BY_ITSELF for group in one.groups}
    heard = {one.id: one.id in told or not is_unheard(one, at) for one in groups}
    return seen(still, config, heard, is_judged)


def seen(
    findings: tuple[Finding, ...], config: Config, groups: Mapping[str, bool], is_judged: bool
) -> Standing:
    """Return how things stand; `groups` has of each whether it can be seen."""
    unheard = frozenset(group for group, is_seen in groups.items() if not is_seen)
    is_whole = not groups or len(unheard) < len(groups)
    return Standing(findings, config, is_judged, is_whole, unheard)


def vips(group: Group, config: Config) -> tuple[bytes, ...]:
    """Return the shared addresses of a group that are known: signed, listed or announced."""
    return tuple(dict.fromkeys((*_certain(group, config), *_announced(group))))


def _certain(group: Group, config: Config) -> tuple[bytes, ...]:
    """Return the addresses that nodes of a group sign, and those that it is configured with."""
    signed = [
        address
        for node in group.known
        if node.authentication.recipe is not None
        for address in node.authentication.recipe.addresses
    ]
    expected = config.expects(group.vlan, group.vhid)
    return (*signed, *(expected.addresses if expected is not None else ()))


def _announced(group: Group) -> list[bytes]:
    return [address for address in group.announced if address not in group.nodes]


class Places:
    """Says where something is as people look it up: the shared address first, then its group."""

    def __init__(self, groups: Iterable[Group], config: Config) -> None:
        """Take the groups that were heard, and what is expected."""
        self._groups = {group.id: group for group in groups}
        self._config = config

    def held(self, group: str) -> tuple[bytes, ...]:
        """Return the shared addresses of a group, those that hosts are given first."""
        heard = self._groups.get(group)
        if heard is None:
            return next((g.addresses for g in self._config.groups if _name(g) == group), ())
        certain, announced = _certain(heard, self._config), _announced(heard)
        own = [one for one in announced if not self._is_elsewhere(one, heard)]
        found = dict.fromkeys((*certain, *own)) or announced
        return tuple(sorted(found, key=_is_local))

    def _is_elsewhere(self, address: bytes, group: Group) -> bool:
        """Tell whether it is another group's too: a ucarp announces with its own MAC, which does
        not say for which of its groups."""
        return bool(self._homes.get((group.vlan, address), set()) - {group.id})

    @cached_property
    def _homes(self) -> dict[tuple[tuple[int, ...], bytes], set[str]]:
        """In which groups of a VLAN an address was announced, is signed or listed."""
        found: dict[tuple[tuple[int, ...], bytes], set[str]] = defaultdict(set)
        for one in self._groups.values():
            for address in (*_certain(one, self._config), *_announced(one)):
                found[one.vlan, address].add(one.id)
        return found

    def of(self, *groups: str) -> str:
        """Give `10.77.0.100 (vhid 1)`; of several groups the first, and how many more."""
        first = place(groups[0], self.held(groups[0]))
        return first if len(groups) == 1 else f"{first} and {len(groups) - 1} more"


def place(group: str, held: Sequence[bytes]) -> str:
    """Give a group by its shared addresses, else by its number alone."""
    words = group_words(group)
    if not held:
        return words
    more = f" and {ip_text(held[1])}" if len(held) == 2 else f" and {len(held) - 1} more"
    return f"{ip_text(held[0])}{more if len(held) > 1 else ''} ({words})"


def _is_local(address: bytes) -> bool:
    return len(address) == 16 and address[:2] == b"\xfe\x80"


def _name(group: ExpectedGroup) -> str:
    return group_id(group.vlan, group.vhid)
