"""What a live run is asked to do beside watching."""

from collections.abc import Callable
from pathlib import Path

from carpscope.capture.disk import Disk
from carpscope.capture.evidence import EvidenceWriter
from carpscope.capture.rotation import Recorder
from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Severity
from carpscope.live.commented import Commented
from carpscope.live.outputs import Outputs
from carpscope.report.snapshot import Snapshot

SNAPSHOT_EVERY: Nanos = 1 * SECOND


@dataclass(slots=True)
class Options:
    """What the loop is asked to do beside watching."""

    length: Nanos | None = None
    count: int | None = None
    state: Path | None = None
    recorder: Disk[Recorder] | None = None
    evidence: Disk[EvidenceWriter] | None = None
    companion: Commented | None = None
    outputs: Outputs = field(default_factory=Outputs)
    show: list[Callable[[Snapshot], None]] = field(default_factory=list)
    show_every: Nanos = SNAPSHOT_EVERY
    report: Callable[[Snapshot], None] | None = None
    """Prints the state, for SIGUSR1."""
    fail_on: Severity = Severity.WARNING
    """From which severity on a finding gives exit status 1."""
