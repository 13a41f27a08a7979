"""From paths to a verdict: files, what they declare, what the simulator proves, what is wrong."""

from collections.abc import Sequence

from carpscope.checking.proving import GroupProof, prove_all
from carpscope.core.errors import CarpscopeError
from carpscope.core.values import dataclass, field
from carpscope.detect.configured import DeclaredContext, SettledFinding
from carpscope.detect.configured_engine import findings
from carpscope.detect.finding import Severity
from carpscope.protocol.profile import profile
from carpscope.settings.cluster import Cluster, DeclaredGroup, Port, cluster
from carpscope.settings.gather import gather
from carpscope.settings.read import read_nodes
from carpscope.settings.source import NodeFiles

EVENTS = 3
"""How many events a course of the search has, unless it is said otherwise."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asks beside the paths."""

    segments: dict[str, list[Port]] = field(default_factory=dict)
    systems: dict[str, str] = field(default_factory=dict)
    events: int = EVENTS
    strict: bool = False
    capture: str | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of it."""

    nodes: tuple[NodeFiles, ...]
    cluster: Cluster
    findings: tuple[SettledFinding, ...]
    proofs: tuple[GroupProof | None, ...]
    """One for each group, None where nobody comes up."""

    @property
    def groups(self) -> list[DeclaredGroup]:
        """Return the groups."""
        return self.cluster.groups

    @property
    def proof(self) -> dict[str, GroupProof]:
        """Return what was proved of each group, by its id."""
        pairs = zip(self.cluster.groups, self.proofs, strict=True)
        return {group.id: proof for group, proof in pairs if proof is not None}

    def is_wrong(self, fail_on: Severity = Severity.WARNING) -> bool:
        """Tell whether something of a severity or above was found."""
        return any(one.severity.rank >= fail_on.rank for one in self.findings)


def check(
    paths: Sequence[str], asked: Wishes | None = None, *, stdin: bytes | None = None
) -> CheckResult:
    """Check configurations. CarpscopeError where one of them cannot be read."""
    asked = asked or Wishes()
    files = gather(paths, stdin=stdin)
    _take_systems(files, asked.systems)
    nodes = read_nodes(files)
    for name, ports in asked.segments.items():
        for node, _ in ports:
            if node not in [one.name for one in nodes]:
                raise CarpscopeError(f"--segment {name}: there is no node {node!r}")
    found = cluster(nodes, asked.segments)
    proofs = prove_all(found, asked.events)
    proved = {n: proof.proved for n, proof in enumerate(proofs) if proof is not None}
    settings = DeclaredContext(found, files, proved, asked.strict)
    told = findings(settings)
    if asked.capture is not None:
        from carpscope.checking.foreign import foreign  # noqa: PLC0415 - a capture is rarely given

        told += foreign(found, asked.capture)
    return CheckResult(tuple(files), found, tuple(told), tuple(proofs))


def _take_systems(files: Sequence[NodeFiles], systems: dict[str, str]) -> None:
    for name, system in systems.items():
        node = next((one for one in files if one.name == name), None)
        if node is None:
            raise CarpscopeError(f"--system {name}={system}: there is no node {name!r}")
        node.system = profile(system).name
