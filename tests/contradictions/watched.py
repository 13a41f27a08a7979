"""Statements of a live run: its own loop over the frames of a file, whose time is its clock."""

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from carpscope.capture.interface import CaptureInterface, CaptureSettings
from carpscope.capture.live import SETTLED, Notice
from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, Nanos, parse_rfc3339
from carpscope.live import loop
from carpscope.live.options import Options
from carpscope.live.outputs import Outputs
from carpscope.report.nagios import verdict
from tests.contradictions.statements import GroupSays, Period, Said, Statements

Json = dict[str, Any]
STEP: Nanos = 100 * MILLISECOND


class Replayed:
    """Stands where a capture from an interface does; its frames come when they were captured."""

    is_over = False

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.interfaces = [CaptureInterface("span0", 0, CaptureSettings(), state="up")]
        self.now: Nanos = frames[0].at
        self.last: Nanos = frames[-1].at
        self.drained: Nanos = 0
        self.live: loop.Live | None = None
        self._frames = iter(frames)
        self._next: Frame | None = next(self._frames)

    def wall_ns(self) -> Nanos:
        """Return the time of the frames."""
        return self.now

    def wait(self, timeout_ms: int) -> None:
        """Let time pass, none of it while a search goes on: that takes time of this machine."""
        assert self.live is not None
        searcher = self.live._searcher
        pause = threading.Event()
        while searcher.is_alive and not searcher.is_free and searcher._answer is None:
            pause.wait(0.001)
        self.now = min(self.now + STEP, self.last)

    def batches(self) -> Iterator[Batch]:
        """Give what has come by now."""
        came = []
        while self._next is not None and self._next.at <= self.now:
            came.append(self._next)
            self._next = next(self._frames, None)
        self.interfaces[0].frames += len(came)
        if came:
            yield Batch.of(came)
        self.drained = self.now - SETTLED

    def drain(self) -> Iterator[Batch]:
        """Give the rest."""
        return self.batches()

    def check(self, now: Nanos) -> list[Notice]:
        """Say that the interface is there."""
        self.interfaces[0].seen = now
        return []

    def count(self) -> None:
        """Have lost nothing."""

    def close(self) -> None:
        """Have nothing to let go of."""


def watched(path: Path, config: Config, room: Path) -> tuple[Statements, list[Json]]:
    """Let the loop live through a capture; return what it says at the end, and its events."""
    with open_capture(str(path)) as capture:
        frames = list(capture)
    if not frames:
        return Statements("live"), []
    frames.sort(key=lambda frame: frame.at)
    replayed = Replayed(frames)
    outputs = Outputs()
    lines = room / "live.jsonl"
    outputs.prepare([f"json={lines}"], None)
    outputs.start()
    length = replayed.last - replayed.now
    with (
        mock.patch.object(loop, "wall_ns", replayed.wall_ns),
        mock.patch.object(loop, "monotonic_ns", replayed.wall_ns),
        mock.patch.object(loop, "PAUSE_S", 0.0),
    ):
        live = loop.Live(replayed, config, Options(length=length, outputs=outputs))  # type: ignore[arg-type]
        replayed.live = live
        for monitor in live.monitors:
            monitor.observer.alive.is_watched = False  # nobody knows how the file was captured
        live._searcher.pause_s = 0
        live.run()
        taken = live.snapshot()
    outputs.close()
    events = [json.loads(line) for line in lines.read_text().splitlines()]
    found = _of_events(events)
    standing = live.standing
    found.status = standing.status.value
    worst = standing.worst
    found.worst = f"{worst.code} {worst.group}" if worst is not None else ""
    for view in taken.groups:
        group = found.groups.setdefault(view.id, GroupSays())
        group.nodes = frozenset(node.id for node in view.nodes)
        group.masters = frozenset(node.id for node in view.masters) if view.is_known else None
        group.authentication = {node.id: node.authentication for node in view.nodes}
        group.status = standing.of(view.id).value
    told, line = verdict(taken)
    masters = sum(len(group.masters) for group in taken.groups)
    if not taken.unknown:
        assert f"masters={masters} " in line, line
        assert (told == 0) == (found.status == "healthy"), (line, found.status)
    return found, events


def _of_events(events: Sequence[Json]) -> Statements:
    """Return what the events together say."""
    found = Statements("live")
    findings: dict[str, Json] = {}
    begun: dict[tuple[str, str], Nanos] = {}
    periods: dict[str, dict[str, list[Period]]] = {}
    for event in events:
        if event["event_type"] == "finding":
            body = event["finding"]
            if body["why"] == "what came later explains it":
                findings.pop(body["identity"], None)
            else:
                findings[body["identity"]] = body
        elif event["event_type"] == "state":
            body = event["node"]
            key = event["group"], body["node"]
            own = periods.setdefault(key[0], {}).setdefault(key[1], [])
            if body["state"] == "MASTER":
                begun[key] = parse_rfc3339(body["at"])
            elif key in begun:
                # silence is told when it is provable, which is later than the last advertisement
                end = None if body["why"] == "silent" else parse_rfc3339(body["at"])
                own.append(Period(begun.pop(key), end))
    for (group, node), start in begun.items():
        periods[group].setdefault(node, []).append(Period(start, None))
    found.findings = [
        Said(
            body["code"],
            body["group"],
            tuple(body["nodes"]),
            parse_rfc3339(body["start"]),
            parse_rfc3339(body["end"]) if body["closed"] else None,
        )
        for body in findings.values()
    ]
    for name, nodes in periods.items():
        own_group = found.groups.setdefault(name, GroupSays())
        own_group.periods = {node: tuple(own) for node, own in nodes.items()}
        own_group.counts = {node: len(own) for node, own in nodes.items()}
    return found
