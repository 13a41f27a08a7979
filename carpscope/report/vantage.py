"""What comparing several captures shows, as programs read it: clocks, and what only one has."""

from collections.abc import Sequence

from carpscope.core.address import ip_text
from carpscope.core.units import SECOND, rfc3339
from carpscope.report.line import Json
from carpscope.timeline.clocks import Clock
from carpscope.timeline.node import FRAME_BITS
from carpscope.timeline.vantage import Loss, Vantage


def vantage_json(vantage: Vantage, names: Sequence[str]) -> dict[str, Json]:
    """Give the comparison; offsets are in nanoseconds, a capture's clock minus the first's."""
    return {
        "reference": names[0],
        "clocks": [_clock(clock, names) for clock in vantage.clocks],
        "common": [
            {"captures": [names[one], names[other]], "advertisements": count}
            for (one, other), count in sorted(vantage.common.items())
        ],
        "only_in_one": [_loss(loss, names) for loss in vantage.losses],
        "notes": list(vantage.notes),
    }


def _clock(clock: Clock, names: Sequence[str]) -> dict[str, Json]:
    if clock.is_reference:
        return {"capture": names[clock.capture], "compared_with": None, "offset_ns": 0}
    if not clock.known or clock.reference is None:
        return {"capture": names[clock.capture], "compared_with": None, "offset_ns": None}
    return {
        "capture": names[clock.capture],
        "compared_with": names[clock.reference],
        "offset_ns": clock.offset,
        "drift_ppm": round(clock.drift_ppm, 6),
        "error_bound_ns": clock.bound,
        "assumed_longest_way_ns": clock.path_max,
        "pairs": clock.points,
        "pairs_left_out": clock.outliers,
        "stretches": [
            {
                "start": rfc3339(segment.origin),
                "offset_ns": segment.offset,
                "drift_ppm": segment.drift_ppt / 1_000_000,
                "largest_residual_ns": segment.residual,
                "pairs": segment.points,
            }
            for segment in clock.segments
        ],
        "steps": [
            {"after": rfc3339(start), "before": rfc3339(end), "by_ns": step}
            for start, end, step in clock.gaps
        ],
    }


def _loss(loss: Loss, names: Sequence[str]) -> dict[str, Json]:
    number = (1 << FRAME_BITS) - 1
    return {
        "vhid": loss.sender.vhid,
        "source": ip_text(loss.sender.source),
        "seen_in": names[loss.seen],
        "missing_in": names[loss.missing],
        "start": rfc3339(loss.start),
        "end": rfc3339(loss.end),
        "advertisements": loss.count,
        "recorded_there_meanwhile": loss.meanwhile,
        "frames": [f"{names[loss.seen]}:{ref & number}" for ref in loss.frames],
    }


def offset_text(clock: Clock) -> str:
    """Say how a clock stands: `3.000118 s ahead, gaining 40.07 ppm, ± 5.1 ms`."""
    if not clock.segments:
        return "cannot be compared"
    ahead = "ahead" if clock.offset >= 0 else "behind"
    text = f"{abs(clock.offset) / SECOND:.6f} s {ahead}"
    if any(segment.drift_ppt for segment in clock.segments):
        drift = clock.drift_ppm
        text += f", {'gaining' if drift >= 0 else 'losing'} {abs(drift):.2f} ppm"
    if clock.gaps:
        text += f", stepped {len(clock.gaps)} {'time' if len(clock.gaps) == 1 else 'times'}"
    return f"{text}, ± {clock.bound / 1_000_000:.1f} ms"
