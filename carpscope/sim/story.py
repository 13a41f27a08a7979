"""A run told to a person: what happened when, who was MASTER, and for how long nobody was.

Nothing is printed here; lines are text. `shown` keeps what changes something: states,
and what befell the nodes. That a node passes through INIT and back within one instant
(every address added does that) is told as nothing.
"""

from collections.abc import Iterator

from carpscope.core.address import ip_text
from carpscope.core.units import SECOND, Nanos, span_text
from carpscope.core.values import dataclass
from carpscope.protocol.events import State
from carpscope.sim.plan import ScheduledEvent
from carpscope.sim.record import RunRecord, StateChanged
from carpscope.sim.world import World

_SHADES = {State.MASTER: "█", State.BACKUP: "▁", State.INIT: "·", State.DOWN: " "}
_ASCII = {State.MASTER: "#", State.BACKUP: "_", State.INIT: ".", State.DOWN: " "}


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One line of the timeline."""

    at: Nanos
    who: str
    what: str
    why: str

    def text(self, width: int) -> str:
        """Return the line; names take `width` columns."""
        return f"{self.at / SECOND:10.3f} s  {self.who:{width}}  {self.what:8} {self.why}".rstrip()


@dataclass(frozen=True, slots=True)
class MasterSpan:
    """A span in which the same nodes were MASTER of a vhid."""

    vhid: int
    start: Nanos
    end: Nanos
    masters: tuple[str, ...]

    @property
    def span(self) -> Nanos:
        """Return how long it lasted."""
        return self.end - self.start


def net_changes(record: RunRecord) -> list[StateChanged]:
    """Return state changes, those of one node and vhid at one instant folded into one."""
    folded: dict[tuple[str, int], list[StateChanged]] = {}
    for item in sorted(record.changed, key=lambda item: item.at):
        series = folded.setdefault((item.node, item.vhid), [])
        if series and series[-1].at == item.at:
            first = series.pop()
            item = item._replace(old=first.old)  # noqa: PLW2901 - the folded one takes its place
        if item.old is not item.new:
            series.append(item)
    return sorted((item for series in folded.values() for item in series), key=lambda i: i.at)


def master_periods(world: World) -> list[MasterSpan]:
    """Return who was MASTER when, from the first master of each vhid on."""
    answer: list[MasterSpan] = []
    changes = net_changes(world.record)
    for vhid in sorted({item.vhid for item in changes}):
        masters: tuple[str, ...] = ()
        since: Nanos | None = None
        for item in (item for item in changes if item.vhid == vhid):
            others = tuple(name for name in masters if name != item.node)
            now = (*others, item.node) if item.new is State.MASTER else others
            if now == masters:
                continue
            if since is not None and item.at > since:
                answer.append(MasterSpan(vhid, since, item.at, masters))
            masters, since = now, item.at
        if since is not None and since < world.scenario.duration:
            answer.append(MasterSpan(vhid, since, world.scenario.duration, masters))
    return answer


def timeline(world: World) -> list[StoryLine]:
    """Return what happened, in order."""
    several = len({item.vhid for plan in world.scenario.nodes for item in plan.vhids}) > 1
    lines = [
        StoryLine(event.at, event.node or "LAN", event.type, happening_text(event))
        for event in world.scenario.events
        if 0 <= event.at <= world.scenario.duration
    ]
    ends = {
        (period.vhid, period.end): period for period in master_periods(world) if not period.masters
    }
    for item in net_changes(world.record):
        if item.new is State.DOWN:
            continue
        why = item.reason.replace("_", " ")
        gap = ends.get((item.vhid, item.at))
        if item.new is State.MASTER and gap is not None:
            why += f"; nobody was for {span_text(gap.span)}"
        name = f"vhid {item.vhid}: {why}" if several else why
        lines.append(StoryLine(item.at, item.node, item.new.value, name))
    return sorted(lines, key=lambda line: line.at)


def happening_text(event: ScheduledEvent) -> str:
    """Say what an event does beyond its name."""
    if event.src:
        arrow = " | " if event.type in ("partition", "heal") else " → "
        text = arrow.join((", ".join(event.src), ", ".join(event.dst)))
        return f"{text} {event.prob:.0%}" if event.type == "loss" else text
    parts = [f"vhid {event.vhid}"] if event.vhid is not None else []
    if event.type == "set_pass":
        parts.append("(another passphrase)")
    elif event.address:
        parts.append(ip_text(event.address))
    elif event.value is not None:
        parts.append(f"{event.value:+d}" if event.type == "demote" else str(event.value))
    if event.advbase is not None or event.advskew is not None:
        parts.append(f"as {event.advbase}/{event.advskew}")
    return " ".join(parts)


def bars(world: World, width: int, *, ascii_only: bool) -> Iterator[tuple[str, int, str]]:
    """Return (node, vhid, bar): the state at the middle of each column."""
    shades = _ASCII if ascii_only else _SHADES
    changes = net_changes(world.record)
    duration = world.scenario.duration
    for plan in world.scenario.nodes:
        for vhid in (item.vhid for item in plan.vhids):
            own = [item for item in changes if (item.node, item.vhid) == (plan.name, vhid)]
            text = []
            state, position = State.DOWN, 0
            for column in range(width):
                middle = duration * (2 * column + 1) // (2 * width)
                while position < len(own) and own[position].at <= middle:
                    state = own[position].new
                    position += 1
                text.append(shades[state])
            yield plan.name, vhid, "".join(text)


def summary(world: World) -> list[str]:
    """Say in a sentence or two per vhid how the election went."""
    answer: list[str] = []
    spans = master_periods(world)
    for vhid in sorted({item.vhid for plan in world.scenario.nodes for item in plan.vhids}):
        own = [period for period in spans if period.vhid == vhid]
        if not own:
            answer.append(f"vhid {vhid}: nobody ever became MASTER")
            continue
        gaps = [period for period in own if not period.masters]
        double = [period for period in own if len(period.masters) > 1]
        last = own[-1]
        end = " and ".join(last.masters) or "nobody"
        text = f"vhid {vhid}: at the end {end} {'are' if len(last.masters) > 1 else 'is'} MASTER"
        text += f"; {_spans('nobody was', gaps)}; {_spans('two were', double)}"
        answer.append(text)
    return answer


def _spans(what: str, found: list[MasterSpan]) -> str:
    if not found:
        return f"{what} at no time" if what != "nobody was" else "from the first on there was one"
    longest = max(found, key=lambda period: period.span)
    times = "once" if len(found) == 1 else f"{len(found)} times"
    text = f"{what} {times}"
    at = f"at {longest.start / SECOND:.3f} s"
    if len(found) == 1:
        return f"{text}, for {span_text(longest.span)} {at}"
    total = sum(period.span for period in found)
    return f"{text}, for {span_text(total)} in all, longest {span_text(longest.span)} {at}"
