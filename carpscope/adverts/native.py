"""The cutter in C, for batches that lie in columns; `adverts.cut` is the reference."""

from array import array
from collections.abc import Sequence
from types import ModuleType

from carpscope.adverts.cut import SENDERS_KEPT, Cutter, Unit, parts, plain_of
from carpscope.adverts.train import Plain, RowKind, Train
from carpscope.core import native
from carpscope.core.batch import Batch
from carpscope.core.columns import Columns
from carpscope.core.units import Nanos

_Given = tuple[
    int, int, bytes, bytes, bytes, bytes, list[tuple[int, int]], tuple[Nanos, Nanos] | None
]
"""A train as C gives it: sender, kind, rows, times, numbers, what moves, copies, span."""
_KINDS = tuple(RowKind)


class NativeCutter:
    """Cuts as `Cutter` does; what does not lie in columns it leaves to one."""

    def __init__(self, module: ModuleType, window: Nanos) -> None:
        """Take how soon behind a packet its copies come."""
        self._cutter = module.Cutter(window)
        self._other = Cutter(window)
        self._plains: dict[int, Plain] = {}
        """By the number of a sender, which no other ever has."""

    def cut(self, batch: Batch) -> Sequence[Unit]:
        """Give trains by their first rows, and the indexes of all other packets."""
        rows = batch.rows
        if not isinstance(rows, Columns):
            return self._other.cut(batch)
        links = array("I", batch.links)
        units = self._cutter.cut(rows.buffer, rows.size, batch.data, links, batch.capture)
        for place, unit in enumerate(units):
            if not isinstance(unit, int):
                units[place] = self._train(batch, unit)  # and what C gave is let go
        given: Sequence[Unit] = units
        return given

    def _train(self, batch: Batch, given: _Given) -> Train:
        sender, kind, rows, at, number, moving, copies, span = given
        indexes = memoryview(rows).cast("I")
        plain = self._plains.get(sender)
        if plain is None:
            plain = self._plain(batch, indexes[0], sender)
        columns = indexes, array("q", at), array("q", number), moving
        return Train(batch, plain, _KINDS[kind], columns, copies, span)

    def _plain(self, batch: Batch, index: int, sender: int) -> Plain:
        found = parts(batch, index)
        assert found is not None, "the cutter in C gave a train of a packet that is not plain"
        layout, (head, _, middle, _, key, _) = found
        plain = plain_of(layout, head, middle, key, batch.capture)
        assert plain is not None, "the cutter in C gave a train of a packet that is not plain"
        if len(self._plains) >= SENDERS_KEPT:
            self._plains.clear()
        self._plains[sender] = plain
        return plain


def cutter(window: Nanos, longest: int) -> Cutter | NativeCutter:
    """Return a cutter: the one in C where it is there, and trains are not bounded."""
    module = native.loaded()
    if module is None or longest < 1 << 30:
        return Cutter(window, longest)
    return NativeCutter(module, window)
