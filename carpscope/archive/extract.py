"""One file to what an analysis needs of it.

The file is read once, in blocks, whatever its format; what it holds is given on in pieces of
bounded size, each in time order. Frames keep bytes, time, number, link type and interface.
"""

from operator import attrgetter

from carpscope.archive.recording import FRAME_WEIGHT, Put, Recording
from carpscope.archive.select import is_relevant
from carpscope.capture.origin import Progress
from carpscope.capture.source import Capture, open_capture
from carpscope.core.frame import Frame
from carpscope.core.units import Nanos

PIECE_FRAMES = 2048
PIECE_WEIGHT = 1 << 20
"""A piece is read at once: with a hundred captures running at once this is what it takes."""
_TIME_MAX: Nanos = (1 << 63) - 1
"""Later than year 2262 only a damaged file is; stores keep times in 64 bits."""
_IN_ORDER = attrgetter("at", "number")


def extract(path: str, put: Put, progress: Progress | None = None) -> Recording:
    """Give the frames of a file to `put`, piece by piece; return what is known of the file.

    Raises CarpscopeError with one line where it cannot be read or is no capture.
    """
    held: list[Frame] = []
    heavy = kept = 0
    with open_capture(path) as capture:
        capture.progress = progress
        capture.sieve.is_open = True
        latest = -_TIME_MAX
        for frame in capture:
            if not is_relevant(frame):
                continue
            if not -_TIME_MAX <= frame.at <= _TIME_MAX:
                frame = frame._replace(at=_bounded(frame.at))  # noqa: PLW2901
            latest = max(latest, frame.at)
            held.append(frame)
            heavy += len(frame.data) + FRAME_WEIGHT
            if len(held) == PIECE_FRAMES or heavy >= PIECE_WEIGHT:
                held.sort(key=_IN_ORDER)
                put(held)
                kept += len(held)
                held, heavy = [], 0
        end = None if capture.last is None else _bounded(capture.last)
        if end is not None and end > latest:
            # Others came later: an empty frame says how long the capture went on.
            held.append(Frame(capture.packets, end, 1, b"", 0))
        if held:
            held.sort(key=_IN_ORDER)
            put(held)
            kept += len(held)
        return _recording(capture, kept)


def _bounded(at: Nanos) -> Nanos:
    return max(-_TIME_MAX, min(at, _TIME_MAX))


def _recording(capture: Capture, kept: int) -> Recording:
    return Recording(
        capture.path,
        capture.name,
        capture.sha256,
        capture.bytes,
        capture.format,
        capture.compression,
        capture.packets,
        capture.first,
        capture.last,
        capture.nanosecond,
        capture.link_types,
        capture.drops,
        capture.comments,
        capture.notes,
        capture.problems,
        kept,
    )
