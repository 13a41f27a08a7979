"""The loop: frames when there are some, the clock when there are none, outputs at arm's length.

Everything that may wait has a thread of its own (`report.outlet`, `capture.disk`,
`live.memory`). The loop reads what the kernel has, lets time pass up to where nothing older
can still come, asks the detectors what they know, and hands over the differences.
"""

import gc
from collections import deque
from collections.abc import Iterator

from carpscope.capture.batch import KernelBatch
from carpscope.capture.interface import CaptureInterface
from carpscope.capture.live import LiveCapture, Notice, monotonic_ns, wall_ns, worked_ns
from carpscope.capture.pipe import Pipe
from carpscope.config import Config
from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos, span_text
from carpscope.core.values import replace
from carpscope.detect.standing import Standing, Status, is_wrong
from carpscope.live.expectations import listed
from carpscope.live.findings import LiveFinding
from carpscope.live.losses import COUNT_EVERY, Losses
from carpscope.live.monitor import Monitor
from carpscope.live.options import Options
from carpscope.live.records import MonitorRecords, notice
from carpscope.live.searching import PAUSE_S, Searcher
from carpscope.live.service import ServiceManager
from carpscope.live.state_saving import Saving
from carpscope.live.triage import Triage
from carpscope.live.vantages import Vantages, segments_of
from carpscope.live.views import snapshot
from carpscope.live.visibility import Sight
from carpscope.report.record import GROUP, EventRecord
from carpscope.report.snapshot import Snapshot

TICK: Nanos = 100 * MILLISECOND
LOOK_EVERY: Nanos = 200 * MILLISECOND
LOOK_SHARE = 4
"""A look that takes long is taken so much more rarely: at most a fourth of the time."""
LOOK_LATEST: Nanos = 600 * MILLISECOND
"""Whatever it takes: what is wrong is told within 1.5 s of being provable."""
CHECK_EVERY: Nanos = 50 * MILLISECOND
CLOCK_STEP: Nanos = 1 * SECOND
LEISURE = 20_000
"""Packets a second that leave time for searches; with more, they pause longer."""
LOG_KEPT = 200


class Live:
    """One live run."""

    def __init__(self, capture: LiveCapture, config: Config, options: Options) -> None:
        """Make a monitor for every interface and one for all pipes of a segment."""
        self.capture = capture
        self.options = options
        self.started = wall_ns()
        self.log: deque[EventRecord] = deque(maxlen=LOG_KEPT)
        self.requests: set[str] = set()
        """`stop`, `report`: what a signal asked for."""
        self.packets = 0
        self.is_wrong = False
        """Whether anything that gives exit status 1 was found, and does not lie in maintenance."""
        self._disks = [d for d in (options.recorder, options.evidence) if d is not None]
        self._takers = [*self._disks, *([options.companion] if options.companion else [])]
        self._manager = ServiceManager()
        self.mistakes = options.outputs.mistakes
        self._searcher = Searcher(mistakes=self.mistakes)
        segments = segments_of(capture)
        self.segment = {one.index: place for place, of in enumerate(segments) for one in of}
        """By the number of an interface: which monitor is shown it."""
        self.monitors = [
            Monitor(
                config,
                "+".join(one.label for one in of),
                searcher=self._searcher,
                sight=Sight(self.started),
                mistakes=self.mistakes,
            )
            for of in segments
        ]
        self._triages = [Triage(wall_ns, worked_ns) for _ in capture.interfaces]
        self._shares = [1] * len(self._triages)
        for monitor in self.monitors:
            monitor.observer.began = self.started
            monitor.context.run = [other.context for other in self.monitors]
        self.vantages: dict[int, Vantages] = {}
        """By the number of a monitor: the pipes that it is shown."""
        for place, of in enumerate(segments):
            pipes = [one for one in of if isinstance(one, Pipe)]
            if pipes:
                self.vantages[place] = Vantages(self.monitors[place], pipes)
        # One interface and no end in packets: disks need no frames.
        self._direct = len(capture.interfaces) == 1 and options.count is None and not self.vantages
        for interface, triage in zip(capture.interfaces, self._triages, strict=True):
            if isinstance(
                interface, CaptureInterface
            ):  # a pipe's sender waits where too much comes
                interface.choose, triage.waiting = triage.choose, interface.waiting
                interface.tap = self._keep if self._takers and self._direct else None
                place = self.segment[interface.index]
                self.monitors[place].observer.alive.own = interface.mac
        self._foreign = {self.monitors[place].interface for place in self.vantages}
        self._monitor_records = [MonitorRecords(monitor) for monitor in self.monitors]
        self._began = monotonic_ns()
        self._latest: dict[str | None, Nanos] = {}
        """By whose clock it is (None: ours): the latest time that was told."""
        self._looked: Nanos = 0
        self._checked: Nanos = 0
        self._look_cost: Nanos = 0
        self._counted: Nanos = 0
        self._showed: Nanos = 0
        self._counted_packets = 0
        self._fed: Nanos = 0
        self._skew = self.started - self._began
        self.losses = Losses(
            capture,
            self.monitors,
            self.segment,
            self._triages,
            options.outputs,
            self._disks,
            self.tell,
        )
        self._saving: Saving | None = None
        if options.state is not None:
            live_findings = {monitor.interface: monitor.live_findings for monitor in self.monitors}
            self._saving = Saving(
                options.state, live_findings, options.evidence, self.losses.problem, self.mistakes
            )

    def run(self) -> None:
        """Watch until a signal, the length or the count ends it."""
        names = ", ".join(interface.label for interface in self.capture.interfaces)
        self.tell(EventRecord(self.started, "start", "start", f"listening on {names}"))
        self._manager.say("READY=1", f"STATUS=listening on {names}")
        # what was made so far stays: looking through it again and again would cost the loop time
        gc.collect()
        gc.freeze()
        while not self._is_over():
            self.capture.wait(self._patience_ms())
            self._check()
            self._read(self.capture.batches())
            self._pass_time()
        self._manager.say("STOPPING=1")
        ended = wall_ns()
        self._read(self.capture.drain())
        # not later than what was read: what still came after that is no silence
        self._check(latest=True)
        for vantages in self.vantages.values():
            vantages.release(1 << 62)
        until = min(ended, max(self.capture.drained, self.monitors[0].observer.now))
        self._look(until, is_last=True)
        self._count()
        self.capture.close()
        self._searcher.close()
        if self._saving is not None:
            self._saving.close()
        now = wall_ns()
        told = f"{self.packets:,} packets in {span_text(now - self.started)}"
        self.tell(EventRecord(now, "stop", "stop", told, status=self.standing.status.value))

    @property
    def open(self) -> list[LiveFinding]:
        """Return what is open, on any interface."""
        return [s for monitor in self.monitors for s in monitor.live_findings.open]

    @property
    def standing(self) -> Standing:
        """Return how things stand now: what is open where something can be seen."""
        parts = [monitor.standing for monitor in self.monitors]
        found = tuple(f for part in parts if part.is_judged for f in part.findings)
        unheard = frozenset(group for part in parts for group in part.unheard)
        is_judged = any(part.is_judged for part in parts)
        is_whole = all(part.is_judged and part.is_whole for part in parts) and not any(
            one.state != "up" for v in self.vantages.values() for one in v.pipes
        )
        return Standing(found, self.monitors[0].config, is_judged, is_whole, unheard)

    @property
    def adverts(self) -> int:
        """Return how many advertisements were heard."""
        return sum(monitor.observer.advertisements for monitor in self.monitors)

    def tell(self, record: EventRecord) -> None:
        """Hand a record to every output, none with an earlier time than the one before."""
        is_foreign = record.interface in self._foreign and record.kind != "notice"
        clock = record.interface if is_foreign else None
        at = self._latest[clock] = max(self._latest.get(clock, record.at), record.at)
        record = replace(record, at=at)
        if record.kind != GROUP:
            self.log.append(record)
        for outlet in self.options.outputs.all:
            outlet.put(record)
        if self.options.companion is not None:
            self.options.companion.told(record)

    def snapshot(self) -> Snapshot:
        """Say everything that is known now."""
        return snapshot(self, wall_ns())

    # What makes it go on

    def _is_over(self) -> bool:
        options = self.options
        if "stop" in self.requests or any(o.broken_pipe for o in options.outputs.all):
            return True
        if options.count is not None and self.packets >= options.count:
            return True
        if self.capture.is_over or (options.companion is not None and options.companion.is_over):
            return True
        return options.length is not None and monotonic_ns() - self._began >= options.length

    def _patience_ms(self) -> int:
        patience = TICK
        if self.options.length is not None:
            left = self.options.length - (monotonic_ns() - self._began)
            patience = max(0, min(patience, left))
        return int(patience // MILLISECOND) + 1

    def _read(self, batches: Iterator[Batch]) -> None:
        monitors, count = self.monitors, self.options.count
        for batch in batches:
            if count is not None and self.packets + len(batch) > count:
                batch = batch.chosen(range(count - self.packets))  # noqa: PLW2901
            self.packets += len(batch)
            if len(batch):
                place = self.segment[batch.interface(0)]
                vantages = self.vantages.get(place)
                if vantages is None:
                    began = monotonic_ns()
                    monitors[place].watch(batch)
                    self._triages[batch.interface(0)].took(len(batch), monotonic_ns() - began)
                else:
                    for frame in batch.frames():
                        vantages.take(frame, monotonic_ns())
            if self._takers and not self._direct:
                self._keep(list(batch.frames()))
            if self.packets == count:
                break
        if self._direct:
            self.packets = self.capture.interfaces[0].frames
        for vantages in self.vantages.values():
            vantages.release(monotonic_ns())

    def _keep(self, frames: list[Frame] | KernelBatch) -> None:
        for taker in self._takers:
            taker.put(frames)

    # Time

    def _pass_time(self) -> None:
        now, clock = wall_ns(), monotonic_ns()
        self._watch_clock(now, clock)
        if clock - self._looked >= max(LOOK_EVERY, min(self._look_cost * LOOK_SHARE, LOOK_LATEST)):
            self._looked = clock
            self._look(self.capture.drained)
            self._look_cost = monotonic_ns() - clock
        if clock - self._counted >= COUNT_EVERY:
            self._counted = clock
            self._count()
        for disk in self._disks:
            disk.tick(now)
        with self.mistakes.isolated("what was asked for", now):
            self._serve(clock)
        shown = self.options.show or self.options.outputs.exports
        if shown and clock - self._showed >= self.options.show_every:
            self._showed = clock
            with self.mistakes.isolated("picture", now):
                taken = self.snapshot()
                for show in (*self.options.show, self.options.outputs.show):
                    show(taken)

    def _check(self, *, latest: bool = False) -> None:
        """Look after the interfaces before what they gave: what was missed in between is known."""
        clock = monotonic_ns()
        if clock - self._checked < CHECK_EVERY and not latest:
            return
        self._checked = clock
        for notice_ in self.capture.check(wall_ns()):
            self._interface(notice_)

    def _narrow(self) -> None:
        """In a flood, follow only what is looked at."""
        for index, triage in enumerate(self._triages):
            monitor = self.monitors[self.segment[index]]
            if triage.share > self._shares[index]:
                monitor.narrow(triage.keeps)
            self._shares[index] = triage.share

    def _look(self, until: Nanos, *, is_last: bool = False) -> None:
        self._narrow()
        for place, (monitor, of_monitor) in enumerate(
            zip(self.monitors, self._monitor_records, strict=True)
        ):
            vantages = self.vantages.get(place)
            if monitor.sight.is_blind and (vantages is None or vantages.is_shown):
                continue  # while nothing can be heard, silence has no meaning
            at = until if vantages is None else vantages.until(wall_ns())
            with self.mistakes.isolated("look", at):
                self._look_at(monitor, of_monitor, at, is_last=is_last)
            if vantages is not None:
                vantages.expect()
        if self.options.companion is not None:
            of = sorted(self.segment.items())
            self.options.companion.release([self.monitors[place] for _, place in of])

    def _look_at(
        self, monitor: Monitor, of_monitor: MonitorRecords, until: Nanos, *, is_last: bool
    ) -> None:
        changes, records = of_monitor.look(until, is_last=is_last)
        for change in changes:
            self._changed(change.action, change.live_finding, monitor, until)
        for record in records:
            self.tell(record)
        if self._saving is not None:
            self._saving.is_unsaved |= bool(changes)

    def _changed(
        self, action: str, live_finding: LiveFinding, monitor: Monitor, until: Nanos
    ) -> None:
        if is_wrong((live_finding.finding,), monitor.config, self.options.fail_on):
            self.is_wrong = True
        if action == "opened" and self.options.evidence is not None:
            identity, finding = live_finding.identity, live_finding.finding
            told = f"{finding.code} on {monitor.interface}: {finding.summary}"
            group = listed(finding, monitor.config)
            self.options.evidence.do(
                lambda writer: writer.opened(identity, told, until, configured=group)
            )

    def _watch_clock(self, now: Nanos, clock: Nanos) -> None:
        """Notice when somebody set the clock: the time in between did not happen."""
        skew = now - clock
        step = skew - self._skew
        self._skew = skew
        if abs(step) < CLOCK_STEP:
            return
        text = f"the clock was set {'forward' if step > 0 else 'back'} by {span_text(abs(step))}"
        self.tell(notice(now, "clock", text))
        for monitor in self.monitors:
            monitor.uncertainty.blind(min(now - step, now), max(now - step, now), text)

    def _interface(self, change: Notice) -> None:
        place = self.segment[change.interface]
        monitor = self.monitors[place]
        if (vantages := self.vantages.get(place)) is not None:
            if change.state != "up" and not monitor.sight.is_blind:
                vantages.release(1 << 62)  # what it gave until then is judged before
                at = vantages.until(wall_ns())
                with self.mistakes.isolated("look", at):
                    self._look_at(monitor, self._monitor_records[place], at, is_last=False)
            vantages.tell(change.interface, change)
        elif change.state == "up" and not monitor.sight.has_seen_since(change.since):
            monitor.lose(change.since, change.since, change.text)  # a moment is told when over
            monitor.resume(change.at)
            monitor.observer.began = change.at
        elif change.state != "up":
            why = f"{monitor.interface} {self.capture.interfaces[change.interface].why}"
            monitor.lose(change.since, change.at, why)
        status = Status.UNKNOWN.value if monitor.unknown else None
        told = notice(change.at, f"interface_{change.state}", change.text, monitor.interface)
        self.tell(replace(told, status=status))

    def _count(self) -> None:
        """See what was lost, and leave searches the time that there is."""
        if not self._searcher.is_alive:
            raise RuntimeError("the thread that searches died")
        more = self.packets - self._counted_packets
        self._counted_packets = self.packets
        self._searcher.pause_s = PAUSE_S * (1 + more / LEISURE)
        self.losses.count(wall_ns())

    # What is asked from outside

    def _serve(self, clock: Nanos) -> None:
        if "report" in self.requests:
            self.requests.discard("report")
            if self.options.report is not None:
                self.options.report(self.snapshot())
        if self._manager.watchdog_ns and clock - self._fed > self._manager.watchdog_ns // 3:
            self._fed = clock
            self._manager.say("WATCHDOG=1")
        if self._saving is not None:
            self._saving.tick(clock)
