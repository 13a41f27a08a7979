"""Pieces of frames in one growing file, for as long as a run takes.

Every process appends to its own. A file is open only while a piece is written or read, so
that tens of thousands of captures need no more handles than one.
"""

from pathlib import Path

from carpscope.archive.recording import Piece, weight
from carpscope.archive.rows import pack, unpack
from carpscope.core.frame import Frame


class Spool:
    """Appends pieces to a file."""

    def __init__(self, path: str) -> None:
        """Begin, or go on with what is there."""
        self._path = path

    def put(self, frames: list[Frame]) -> Piece:
        """Write frames that are in time order; return where they lie."""
        data = pack(frames)
        with Path(self._path).open("ab") as stream:
            offset = stream.tell()
            stream.write(data)
        return Piece(self._path, offset, len(data), frames[0].at, frames[-1].at, weight(frames))


def load(piece: Piece, capture: int | None = None) -> list[Frame]:
    """Read the frames of a piece again."""
    with Path(piece.store).open("rb") as stream:
        stream.seek(piece.offset)
        return unpack(stream.read(piece.size), capture)
