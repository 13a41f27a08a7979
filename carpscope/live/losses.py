"""What a run says of itself: frames that were lost, outputs that fail, our own mistakes.

Looked at once a second; each is a notice when it begins, when it grows and when it is over.
"""

from collections.abc import Callable, Mapping, Sequence

from carpscope.capture.disk import Disk
from carpscope.capture.evidence import EvidenceWriter
from carpscope.capture.live import LiveCapture
from carpscope.capture.rotation import Recorder
from carpscope.core.mistakes import sentence as mistake_sentence
from carpscope.core.recommended import instead
from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect import internal
from carpscope.detect.finding import Severity
from carpscope.live.monitor import Monitor
from carpscope.live.outputs import Outputs
from carpscope.live.records import notice
from carpscope.live.triage import Triage
from carpscope.report.record import EventRecord

COUNT_EVERY: Nanos = 1 * SECOND


@dataclass(slots=True)
class Losses:
    """Counts what is lost, and tells it."""

    capture: LiveCapture
    monitors: Sequence[Monitor]
    segment: Mapping[int, int]
    """By the number of an interface: which monitor is shown it."""
    triages: Sequence[Triage]
    outputs: Outputs
    disks: Sequence[Disk[Recorder] | Disk[EvidenceWriter]]
    tell: Callable[[EventRecord], None]
    notes: dict[str, str] = field(default_factory=dict)
    """By output: what is wrong with it now."""
    _dropped: dict[int, int] = field(default_factory=dict)
    _no_room: dict[int, int] = field(default_factory=dict)
    _said_lost: set[str] = field(default_factory=set)
    _said_mistakes: int = 0
    _said_vrrp: set[str] = field(default_factory=set)
    _said_encrypted: set[str] = field(default_factory=set)

    def count(self, now: Nanos) -> None:
        """See what the kernel lost, what outputs lost, and say it when it grows."""
        self.capture.count()
        self._own_mistakes(now)
        self._vrrp(now)
        self._encrypted(now)
        for index, interface in enumerate(self.capture.interfaces):
            monitor, triage = self.monitors[self.segment[index]], self.triages[index]
            if interface.counts.dropped > self._no_room.get(index, 0):
                triage.dropped()
            self._no_room[index] = interface.counts.dropped
            triage.know(monitor.observer, monitor.config)
            interface.counts.skipped = triage.skipped
            lost, before = interface.counts.lost, self._dropped.get(index, 0)
            if lost > before:
                more = lost - before
                monitor.uncertainty.dropped(now - COUNT_EVERY - SECOND, now, more)
                by = "or not looked at" if triage.is_flood else "by the capture"
                why = ": a flood" if triage.is_flood else ""
                text = f"{more:,} frames were dropped {by} ({lost:,} in all){why}"
                self.tell(notice(now, "dropped", text, interface.label))
            self._dropped[index] = max(lost, before)
        for outlet in self.outputs.all:
            self.problem(outlet.sink.name, outlet.lost, outlet.problem, now)
        for disk in self.disks:
            self.problem(disk.name, disk.lost, disk.problem, now)

    def problem(self, name: str, lost: int, problem: str | None, now: Nanos) -> None:
        """Say that an output loses something, when it begins and when it is over."""
        if problem is not None and name not in self.notes:
            self.notes[name] = problem
            self.tell(notice(now, "output", f"{name}: {problem}"))
        elif problem is None and name in self.notes:
            del self.notes[name]
            self.tell(notice(now, "output", f"{name} works again; {lost:,} lost so far"))
        if lost and name not in self._said_lost:
            self._said_lost.add(name)
            self.tell(notice(now, "lost", f"{name}: events or frames are being lost"))

    def _vrrp(self, now: Nanos) -> None:
        """Say once of each segment that VRRP is heard where CARP was expected."""
        for monitor in self.monitors:
            observer, name = monitor.observer, monitor.interface
            if observer.vrrp and not observer.advertisements and name not in self._said_vrrp:
                self._said_vrrp.add(name)
                told = f"no CARP advertisement heard: {instead(observer.vrrp)}"
                self.tell(notice(now, "vrrp", told, name))

    def _encrypted(self, now: Nanos) -> None:
        """Say once of each segment that what is heard there is encrypted."""
        for monitor in self.monitors:
            observer, name = monitor.observer, monitor.interface
            if observer.advertisements or name in self._said_encrypted:
                continue
            told = next(observer.alive.witness.encrypted(), "")
            if told:
                self._said_encrypted.add(name)
                told = f"no CARP advertisement heard: {told}"
                self.tell(notice(now, "encrypted", told, name))

    def _own_mistakes(self, now: Nanos) -> None:
        """Start again what died by our mistake, and say when there are more mistakes."""
        for outlet in self.outputs.all:
            outlet.look_after()
        mistakes = self.outputs.mistakes
        if mistakes.count == self._said_mistakes:
            return
        self._said_mistakes = mistakes.count
        told = mistake_sentence("; ".join(one.text for one in list(mistakes)[:4]))
        self.tell(notice(now, internal.LABEL, told, severity=Severity.ERROR))
