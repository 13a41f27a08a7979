"""One file to what an analysis needs of it.

The file is read once, in blocks, whatever its format; what it holds is given on in pieces of
bounded size, each in time order. Frames keep bytes, time, number, link type and interface.
"""

import pickle
from collections.abc import Callable, Sequence
from itertools import starmap
from operator import attrgetter
from typing import NamedTuple

from carpscope.adverts.select import drops
from carpscope.archive.select import is_relevant
from carpscope.capture.source import Capture, open_capture
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass

PIECE_FRAMES = 128
PIECE_BYTES = 1 << 17
"""A piece is in memory from its first frame to its last, with those of every other file."""
MESSAGE_BYTES = 64 << 20
"""Of what one call gives back; a file that does not fit is read by the process that asked."""
_IN_ORDER = attrgetter("at", "number")


class FileFrames(NamedTuple):
    """Some frames of a file, in time order."""

    first: Nanos
    frames: bytes
    """As `unpacked` takes them."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is known of a file, as `capture.described.Described`."""

    path: str
    name: str
    sha256: str | None
    bytes: int
    format: str
    compression: str | None
    packets: int
    first: Nanos | None
    last: Nanos | None
    nanosecond: bool
    link_types: list[str]
    drops: int | None
    comments: int
    notes: list[str]
    problems: list[str]
    """Those of the notes that say that the file is damaged or odd."""
    frames: int
    """How many were kept for the analysis."""
    snap_length: int | None
    filters: list[str]


class Extract(NamedTuple):
    """What became of a file."""

    recording: Recording | None
    pieces: tuple[FileFrames, ...] = ()
    problem: str | None = None
    """Why there is none, in a line."""
    is_too_large: bool = False


class _TooLargeError(Exception):
    """More frames are kept than one message should hold."""


def extract_all(
    paths: Sequence[str], room: int = MESSAGE_BYTES, *, digest: bool = False
) -> list[Extract]:
    """Extract some files; this is what an executor runs, here or on another machine."""
    done = []
    for path in paths:
        pieces: list[FileFrames] = []
        left = room

        def put(piece: FileFrames, pieces: list[FileFrames] = pieces) -> None:
            nonlocal left
            pieces.append(piece)
            left -= len(piece.frames)
            if left < 0:
                raise _TooLargeError

        try:
            done.append(Extract(extract(path, put, digest=digest), tuple(pieces)))
            room = left
        except _TooLargeError:
            done.append(Extract(None, is_too_large=True))
        except CarpscopeError as problem:
            done.append(Extract(None, problem=str(problem)))
    return done


def extract(path: str, put: Callable[[FileFrames], None], *, digest: bool = False) -> Recording:
    """Give the frames of a file to `put`, piece by piece; return what is known of the file.

    Raises CarpscopeError with one line where it cannot be read or is no capture.
    """
    held: list[Frame] = []
    heavy = kept = 0
    latest: Nanos | None = None
    with open_capture(path, digest=digest) as capture:
        capture.drops_if = drops
        for frame in capture:
            if not is_relevant(frame):
                continue
            latest = frame.at if latest is None else max(latest, frame.at)
            held.append(frame)
            heavy += len(frame.data)
            if len(held) == PIECE_FRAMES or heavy >= PIECE_BYTES:
                put(_packed(held))
                kept += len(held)
                held, heavy = [], 0
        if capture.last is not None and (latest is None or capture.last > latest):
            # Others came later: an empty frame says how long the capture went on.
            held.append(Frame(capture.packets, capture.last, 1, b"", 0))
        if held:
            put(_packed(held))
        return _recording(capture, kept + len(held))


def _packed(frames: list[Frame]) -> FileFrames:
    frames.sort(key=_IN_ORDER)
    return FileFrames(frames[0].at, pickle.dumps([tuple(frame) for frame in frames]))


def unpacked(data: bytes) -> list[Frame]:
    """Give the frames of a piece again. Only what this program made itself may come here."""
    return list(starmap(Frame, pickle.loads(data)))  # noqa: S301 - of a file that only this run has


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
        capture.snap_length,
        capture.filters,
    )
