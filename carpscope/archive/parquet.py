"""Entries of the cache: frames as columns of a Parquet file, one row group a piece.

Any tool that reads Parquet can look into one: `number`, `at` (nanoseconds since 1970 UTC),
`link`, `wire_length`, `interface`, `data`. The file's metadata has under `carpscope` what is
known of the capture, and of each row group its first and last time.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from carpscope.archive.recording import Piece, Recording, weight
from carpscope.core.frame import Frame
from carpscope.core.text import shown

_SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("at", pa.int64()),
        ("link", pa.int32()),
        ("wire_length", pa.int64()),
        ("interface", pa.int32()),
        ("data", pa.binary()),
    ]
)
_KEY = b"carpscope"


class EntryWriter:
    """Writes one entry, piece by piece."""

    def __init__(self, path: str) -> None:
        """Open the file."""
        self._path = path
        self._pieces: list[Piece] = []
        self._writer = pq.ParquetWriter(
            path, _SCHEMA, compression="zstd", use_dictionary=["link", "interface", "wire_length"]
        )

    def put(self, frames: list[Frame]) -> None:
        """Write frames that are in time order."""
        columns = [
            [f.number for f in frames],
            [f.at for f in frames],
            [f.link for f in frames],
            [f.wire_length for f in frames],
            [f.interface for f in frames],
            [f.data for f in frames],
        ]
        self._writer.write_table(pa.table(columns, schema=_SCHEMA), row_group_size=len(frames))
        place = len(self._pieces)
        self._pieces.append(
            Piece(self._path, place, 0, frames[0].at, frames[-1].at, weight(frames))
        )

    def finish(self, recording: Recording) -> Recording:
        """Write what is known of the capture; return it with its places."""
        spans = [[piece.first, piece.last, piece.weight] for piece in self._pieces]
        told = json.dumps({"recording": recording.as_json(), "pieces": spans})
        self._writer.add_key_value_metadata({_KEY.decode(): told})
        self._writer.close()
        return recording.at(*self._pieces)

    def close(self) -> None:
        """Leave it where the capture could not be read."""
        self._writer.close()


def read_entry(entry: str, path: str) -> Recording:
    """Return what is known of the capture, as if `path` had been read.

    Raises ValueError, TypeError or KeyError where it is not what `finish` has written.
    """
    metadata = pq.read_metadata(entry).metadata or {}
    told = json.loads(metadata[_KEY])
    pieces = [
        Piece(entry, place, 0, first, last, heavy)
        for place, (first, last, heavy) in enumerate(told["pieces"])
    ]
    return Recording.from_json(told["recording"], path, shown(path)).at(*pieces)


def load(piece: Piece, capture: int) -> list[Frame]:
    """Read the frames of a piece again."""
    with Path(piece.store).open("rb") as stream:
        group = pq.ParquetFile(stream, pre_buffer=False).read_row_group(
            piece.offset, use_threads=False
        )
    number, at, link, wire, interface, data = (c.to_pylist() for c in group.columns)
    rows = zip(number, at, link, data, wire, (capture,) * len(at), interface, strict=True)
    return list(map(Frame._make, rows))
