"""Whose turn it is: rows of trains that overlap in time, and packets between them, in order.

A train ends where something else concerns its group, so rows that change nothing may be taken
ahead of what comes between them. All others have their turn one by one.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush

from carpscope.adverts.cut import Unit
from carpscope.adverts.train import Train


def turns(
    units: Sequence[Unit], take: Callable[[Train], int]
) -> Iterator[tuple[int, Train | None]]:
    """Give the packets to be seen one by one, in order, and the train whose first row one is.

    `take` is asked for each train when the turn of its first row has come: it takes as many
    rows as change nothing, and says how many.
    """
    if isinstance(units, range):
        for row in units:
            yield row, None
        return
    heap: list[tuple[int, Unit]] = [
        (unit if isinstance(unit, int) else unit.rows[0], unit) for unit in units
    ]
    while heap:
        row, unit = heappop(heap)
        if isinstance(unit, int):
            yield row, None
            continue
        count, singly = take(unit), 1
        if not count:
            yield row, unit
            count = min(unit.singly, len(unit))
            singly = unit.singly * 2
            singles = [*unit.rows[1:count], *(i for place, i in unit.copies if place < count)]
            for one in singles:
                heappush(heap, (one, one))
        if count < len(unit):
            rest = unit.after(count)
            rest.singly = singly
            heappush(heap, (rest.rows[0], rest))
