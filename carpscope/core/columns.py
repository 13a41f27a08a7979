"""Rows of a batch as the extension in C gives them: column by column, in one piece of memory."""

from collections.abc import Iterator, Sequence
from typing import Literal, overload

from carpscope.core.batch import Row

_KINDS: tuple[tuple[Literal["q", "Q", "I"], int], ...] = (
    ("q", 8), ("Q", 8), ("Q", 8), ("I", 4), ("I", 4), ("I", 4),
)  # fmt: skip
"""Of each column: its type and width, as `struct columns` in carpscope/native/walk.h."""
WIDTH = sum(width for _, width in _KINDS)


class Columns(Sequence[Row]):
    """The rows that lie in a buffer; good as long as the buffer is not written again."""

    __slots__ = ("_columns", "buffer", "size")

    def __init__(self, buffer: bytearray, count: int) -> None:
        """Take a buffer that has room for `len(buffer) // WIDTH` rows, and how many there are."""
        self.buffer = buffer
        self.size = count
        room, begin = len(buffer) // WIDTH, 0
        view, columns = memoryview(buffer), []
        for kind, width in _KINDS:
            columns.append(view[begin : begin + count * width].cast(kind))
            begin += room * width
        self._columns = tuple(columns)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self.size

    def __iter__(self) -> Iterator[Row]:
        """Give every row."""
        at, number, offset, captured, wire, interface = self._columns
        return zip(at, number, offset, captured, wire, interface, strict=True)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        """Give one row, or some."""
        if isinstance(index, slice):
            return list(zip(*(column[index] for column in self._columns), strict=True))
        at, number, offset, captured, wire, interface = self._columns
        return (
            *(at[index], number[index], offset[index]),
            *(captured[index], wire[index], interface[index]),
        )
