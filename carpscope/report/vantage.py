"""What comparing several captures shows, as programs read it: clocks, places, what one lacks."""

from collections.abc import Sequence

from carpscope.core.address import ip_text
from carpscope.core.units import SECOND, rfc3339
from carpscope.report.line import Json
from carpscope.timeline.clocks import Clock
from carpscope.timeline.node import FRAME_BITS
from carpscope.timeline.places import Place
from carpscope.timeline.vantage import Loss, Vantage

BECAUSE = {
    "marked": "the capture marks frames that its own host sent",
    "unicast": "all frames for one host are to or from its card",
    "sooner": "its frames are recorded there sooner than anybody's, against the other captures",
    "complete": "it holds every advertisement of this host and lacks those of others",
}


def vantage_json(vantage: Vantage, names: Sequence[str]) -> dict[str, Json]:
    """Give the comparison; offsets are in nanoseconds, a capture's clock minus the first's."""
    return {
        "reference": names[0],
        "clocks": [_clock(clock, names) for clock in vantage.clocks],
        "places": [_place(place, name) for place, name in zip(vantage.places, names, strict=False)],
        "common": [
            {"captures": [names[one], names[other]], "advertisements": count}
            for (one, other), count in sorted(vantage.common.items())
        ],
        "only_in_one": [_loss(loss, names) for loss in vantage.losses],
        "notes": list(vantage.notes),
    }


def _place(place: Place, name: str) -> dict[str, Json]:
    return {
        "capture": name,
        "addresses": [ip_text(address) for address in place.addresses] or None,
        "because": BECAUSE.get(place.because) if place.addresses else None,
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
        "round_trip_ns": clock.round_trip,
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
            {
                "after": rfc3339(step.after),
                "before": rfc3339(step.before),
                "by_ns": step.by,
                "certain": step.is_clock,
            }
            for step in clock.steps
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
    steps = sum(step.is_clock for step in clock.steps)
    if steps:
        text += f", stepped {steps} {'time' if steps == 1 else 'times'}"
    if clock.bound is None:
        return f"{text}, if the shortest way took no time (--path-delay bounds it)"
    return f"{text}, ± {clock.bound / 1_000_000:.1f} ms"


def way_text(clock: Clock) -> str:
    """Say how long the shortest way between the places took: `there and back 30.0 ms`."""
    if clock.round_trip is None or clock.round_trip < 0:
        return ""
    return f"there and back {clock.round_trip / 1_000_000:.1f} ms at least"


def place_text(place: Place) -> str:
    """Say whose capture it is: `captured on 10.0.0.1`."""
    if place.hosts and not place.addresses:
        return "captured on a host that advertises nothing here"
    if not place.addresses:
        return "on which node it was captured is unknown"
    return f"captured on {', '.join(ip_text(address) for address in place.addresses)}"
