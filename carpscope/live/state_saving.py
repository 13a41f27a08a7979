"""When the state file is written: soon after something changed, and once a minute."""

from collections.abc import Callable, Mapping
from pathlib import Path

from carpscope.capture.disk import Disk
from carpscope.capture.evidence import EvidenceWriter
from carpscope.capture.live import wall_ns
from carpscope.core.mistakes import Mistakes
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.live import memory
from carpscope.live.findings import LiveFindings

SAVE_EVERY: Nanos = 60 * SECOND
SAVE_SOONEST: Nanos = 250 * MILLISECOND


class Saving:
    """What is open, and which files of evidence were made, kept for the next run."""

    def __init__(
        self,
        path: Path,
        live_findings: Mapping[str, LiveFindings],
        evidence: Disk[EvidenceWriter] | None,
        problem: Callable[[str, int, str | None, Nanos], None],
        mistakes: Mistakes,
    ) -> None:
        """Go on with what an earlier run left. Raises CarpscopeError.

        `problem` is told what is wrong with the file.
        """
        memory.carry(memory.load(path), live_findings, wall_ns())
        if evidence is not None:
            made = memory.evidence(path)
            evidence.do(lambda writer: writer.take_over(made))
        self.is_unsaved = True
        self._live_findings = live_findings
        self._evidence = evidence
        self._problem = problem
        self._saved: Nanos = 0
        self._file = memory.StateFile(path, mistakes)

    def tick(self, clock: Nanos) -> None:
        """Save it where it is time to."""
        since = clock - self._saved
        if since > SAVE_EVERY or (self.is_unsaved and since > SAVE_SOONEST):
            self._saved, self.is_unsaved = clock, False
            self._save()

    def close(self) -> None:
        """Save it a last time."""
        self._save()
        self._file.close()
        self._problem("--state", 0, self._file.problem, wall_ns())

    def _save(self) -> None:
        now = wall_ns()
        made = self._evidence.writer.made if self._evidence is not None else ()
        self._file.put(memory.document(self._live_findings, now, made))
        self._problem("--state", 0, self._file.problem, now)
