"""Expected against observed: the replay of each node's machine, as rows and as JSON."""

from collections.abc import Iterator, Sequence

from carpscope.core.units import MILLISECOND, clock, rfc3339
from carpscope.report.line import Json
from carpscope.timeline.node import FRAME_BITS
from carpscope.timeline.replay import CONTRADICTIONS, Beat, Explanation


def _frame(ref: int, names: Sequence[str]) -> str | int:
    number = ref & ((1 << FRAME_BITS) - 1)
    return number if len(names) == 1 else f"{names[ref >> FRAME_BITS]}:{number}"


def as_json(found: Sequence[Explanation], names: Sequence[str]) -> list[Json]:
    """Give the replay of one group: a stretch of time, the hypothesis that stands, each advert."""
    return [
        {
            "node": one.node.id,
            "machine": one.machine,
            "preempt": one.preempt,
            "start": rfc3339(one.start),
            "end": rfc3339(one.end),
            "hears": list(one.hears),
            "decides": one.decides,
            "agree": one.agree,
            "contradict": one.contradict,
            "alternatives": [
                {"hears": list(hears), "contradict": count} for hears, count in one.alternatives
            ],
            "advertisements": [_beat(beat, names) for beat in one.beats],
        }
        for one in found
    ]


def _beat(beat: Beat, names: Sequence[str]) -> Json:
    late = None
    if beat.seen is not None and beat.expected is not None:
        late = round((beat.seen - beat.expected) / MILLISECOND, 3)
    return {
        "frame": None if beat.frame is None else _frame(beat.frame, names),
        "seen": None if beat.seen is None else rfc3339(beat.seen),
        "expected": None if beat.expected is None else rfc3339(beat.expected),
        "late_ms": late,
        "verdict": beat.verdict.name.lower(),
    }


def rows(found: Sequence[Explanation], names: Sequence[str]) -> Iterator[str]:
    """Give the replay of one group as lines for `-V`."""
    for one in found:
        heard = ", ".join(one.hears) or "nobody"
        sure = "" if one.decides else "; other hypotheses explain it as well"
        span = f"{clock(one.start, digits=3)} – {clock(one.end, digits=3)}"
        yield (
            f"{one.node.id} as {one.machine}, hearing {heard}, {span}: "
            f"{one.agree} as expected, {one.contradict} not{sure}"
        )
        for beat in one.beats:
            mark = "!" if beat.verdict in CONTRADICTIONS else " "
            seen = clock(beat.seen) if beat.seen is not None else "—".ljust(15)
            due = clock(beat.expected) if beat.expected is not None else "—".ljust(15)
            frame = "" if beat.frame is None else f"frame {_frame(beat.frame, names)}"
            late = ""
            if beat.seen is not None and beat.expected is not None:
                late = f"{(beat.seen - beat.expected) / MILLISECOND:+.1f} ms"
            yield (
                f"{mark} seen {seen}  expected {due}  {late:>12}  {beat.verdict.value}  {frame}"
            ).rstrip()
