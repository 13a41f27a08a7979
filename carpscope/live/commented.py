"""What is captured, with what the run says of it as comments: a stream for Wireshark.

Frames wait until the run has looked at them, 0.2 to 0.6 s; what it tells then stands on the last
advertisement of the group that it is about. Whoever reads too slowly delays the run.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from carpscope.capture.batch import KernelBatch
from carpscope.capture.writer import PcapngWriter
from carpscope.core.frame import Frame
from carpscope.core.text import shown
from carpscope.live.monitor import Monitor
from carpscope.live.views import situations
from carpscope.report.annotate import FINDINGS_MAX, described, verdict_of
from carpscope.report.record import GROUP, EventRecord
from carpscope.report.snapshot import SituationView
from carpscope.timeline.group import Group
from carpscope.wire.decode import Packet, decode

HELD_MAX = 50_000
"""Frames between two looks; in a flood, those behind it are left out, which a comment says."""
TOLD_MAX = 256
_UNTOLD = frozenset((GROUP, "start", "stop"))


class Commented:
    """Takes frames and records, and writes both as one stream."""

    def __init__(self, stream: BinaryIO, application: str) -> None:
        """Write the head of a capture."""
        self._stream = stream
        self._writer = PcapngWriter(stream, snaplen=0, application=application)
        self._held: list[Frame] = []
        self._told: list[EventRecord] = []
        self._lost = 0
        self.is_over = False
        """Whether nobody reads any more."""
        stream.flush()

    def put(self, frames: Sequence[Frame] | KernelBatch) -> None:
        """Take what came."""
        came = list(frames)
        room = HELD_MAX - len(self._held)
        self._lost += max(0, len(came) - room)
        self._held += came[:room]

    def told(self, record: EventRecord) -> None:
        """Take what was told."""
        if not record.is_part and record.kind not in _UNTOLD:
            self._told = [*self._told, record][-TOLD_MAX:]

    def release(self, monitors: Sequence[Monitor]) -> None:
        """Write what waits, by what is known now; `monitors` by interface."""
        held, self._held = sorted(self._held, key=_at), []
        if not held or self.is_over:
            return
        try:
            self._write(held, monitors)
        except OSError:
            self.is_over = True

    def _write(self, held: Sequence[Frame], monitors: Sequence[Monitor]) -> None:
        packets = [decode(frame) for frame in held]
        groups = [_group(packet, monitors[packet.frame.interface]) for packet in packets]
        placed: dict[int, list[str]] = {}
        for record in self._told:
            place = _place(record, packets, groups, monitors)
            text = f"{record.action}: {record.text}" if record.action in _SAID else record.text
            placed.setdefault(place, []).append(text)
        self._told = []
        if self._lost:
            placed.setdefault(len(packets) - 1, []).append(
                f"{self._lost:,} frames left out: a flood"
            )
            self._lost = 0
        open_ = {id(monitor): situations(monitor) for monitor in monitors}
        for place, (packet, group) in enumerate(zip(packets, groups, strict=True)):
            monitor = monitors[packet.frame.interface]
            lines = list(_lines(packet, group, monitor, open_[id(monitor)]))
            lines += placed.get(place, ())
            self._writer.write(packet.frame, "\n".join(map(shown, lines)) or None)
        self._stream.flush()


_SAID = frozenset(("opened", "updated", "closed"))


def _at(frame: Frame) -> int:
    return frame.at


def _group(packet: Packet, monitor: Monitor) -> Group | None:
    view, link = packet.advert, packet.link
    if view is None or link is None:
        return None
    return monitor.observer.groups.get((link.vlan, view.vhid))


def _place(
    record: EventRecord,
    packets: Sequence[Packet],
    groups: Sequence[Group | None],
    monitors: Sequence[Monitor],
) -> int:
    """Return the last packet of what a record is about that came before it; else the last one."""
    found = [
        place
        for place, group in enumerate(groups)
        if group is not None
        and group.id == record.group
        and monitors[packets[place].frame.interface].interface == record.interface
    ]
    before = [place for place in found if packets[place].frame.at <= record.at]
    return max(before, default=found[0] if found else len(packets) - 1)


def _lines(
    packet: Packet, group: Group | None, monitor: Monitor, found: Sequence[SituationView]
) -> Iterator[str]:
    """Say what is known of one packet, as `annotate` does afterwards."""
    node = group.nodes.get(packet.ip.source) if group is not None and packet.ip else None
    status = "unchecked"
    if node is not None:
        status = node.authentication.status(supplied=monitor.config.has_secrets)
    recipes = group.recipes if group is not None else ()
    yield from described(packet, verdict_of(packet, recipes, supplied=status == "failed"))
    if group is None or node is None:
        return
    about = [
        one
        for one in found
        if group.id in one.groups and node.id in one.nodes and one.start <= packet.frame.at
    ]
    yield from (f"{one.code} {one.label}: {one.summary}" for one in about[:FINDINGS_MAX])
