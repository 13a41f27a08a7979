"""What a report is made from: one value that every part of it reads."""

from carpscope.config import Config
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.core.zone import Zone
from carpscope.detect.finding import Finding
from carpscope.detect.incident import called
from carpscope.detect.standing import Places
from carpscope.pipeline import Analysis
from carpscope.report.forensic.collect import Collector
from carpscope.report.forensic.exhibit import Exhibits
from carpscope.report.forensic.figures import Axis
from carpscope.report.forensic.manifest import Case, Created
from carpscope.report.hostlog.placed import LogView
from carpscope.report.line import Json
from carpscope.timeline.group import Group


@dataclass(slots=True)
class Request:
    """The analysis and all that was asked for."""

    analysis: Analysis
    config: Config
    collector: Collector
    exhibits: Exhibits
    document: dict[str, Json]
    case: Case
    created: Created
    command: str
    options: dict[str, Json]
    zone: Zone | None = None
    """By which times are told beside UTC."""
    logs: list[LogView] = field(default_factory=list)
    places: Places = field(init=False)
    _names: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Look up what people call the nodes, once."""
        self.places = self.analysis.places
        name = called(self.analysis.observer.groups.values(), self.config)
        ids = {node.id for group in self.groups for node in group.members}
        self._names = {one: f"{name(one)} ({one})" for one in ids if name(one) != one}

    def called(self, node: str) -> str:
        """Name a node as people do, its id beside it."""
        return self._names.get(node, node)

    @property
    def names(self) -> list[str]:
        """Return what the captures are called."""
        return [capture.name for capture in self.analysis.captures]

    @property
    def groups(self) -> list[Group]:
        """Return the groups in order."""
        found = self.analysis.observer.groups.values()
        return sorted(found, key=lambda group: (group.vlan, group.vhid))

    @property
    def findings(self) -> list[Finding]:
        """Return the findings, worst first, causes before what follows from them."""
        return self.analysis.findings

    @property
    def axis(self) -> Axis:
        """Return what drawings show: from the first packet to the last, on one clock."""
        vantage = self.analysis.vantage
        times: list[Nanos] = []
        for index, capture in enumerate(self.analysis.captures):
            ends = [at for at in (capture.first, capture.last) if at is not None]
            clock = vantage.clocks[index] if vantage is not None else None
            times += [clock.corrected(at) for at in ends] if clock is not None else ends
        return Axis(min(times, default=0), max(times, default=1))
