"""What becomes of a file: what is known of it, and where its frames lie."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import NamedTuple

from carpscope.core.frame import Frame
from carpscope.core.units import Nanos


class Piece(NamedTuple):
    """Some frames of a file, in time order; read at once when the merge comes to them."""

    store: str
    """The file it lies in."""
    offset: int
    """Its place in a spool, or the number of its row group in a Parquet file."""
    size: int
    """Bytes in a spool; 0 says that the store is a Parquet file."""
    first: Nanos
    last: Nanos
    weight: int
    """Memory it takes once it is read, roughly."""


Put = Callable[[list[Frame]], None]
"""Takes the next piece of a file."""

FRAME_WEIGHT = 250
"""Bytes that a frame takes in memory besides its own: the tuple, its integers, an object."""


def weight(frames: list[Frame]) -> int:
    """Estimate the memory that frames take."""
    return sum(len(frame.data) for frame in frames) + FRAME_WEIGHT * len(frames)


@dataclass(frozen=True, slots=True)
class Recording:
    """One file of an archive, as `capture.described.Described`."""

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
    pieces: tuple[Piece, ...] = field(default=(), repr=False)

    def named(self, path: str, name: str) -> "Recording":
        """Return the same content under another name."""
        return replace(self, path=path, name=name)

    def at(self, *pieces: Piece) -> "Recording":
        """Return it with its frames in these places."""
        return replace(self, pieces=pieces)

    def as_json(self) -> dict[str, object]:
        """Give what a cache keeps: all but the names and the places."""
        known = asdict(replace(self, pieces=()))
        for key in ("path", "name", "pieces"):
            del known[key]
        return known

    @classmethod
    def from_json(cls, known: dict[str, object], path: str, name: str) -> "Recording":
        """Read what `as_json` gave. Raises TypeError where keys are missing or too many."""
        allowed = {f.name for f in fields(cls)} - {"pieces"}
        if set(known) | {"path", "name"} != allowed:
            raise TypeError("other keys")
        return cls(path=path, name=name, **known)  # type: ignore[arg-type]  # its checksum held
