"""Frames of many files in time order, each packet once.

A piece is read when the merge comes to its first frame and forgotten after its last, so what
is in memory at a time is what was captured at the same time: two files where a rotation
overlaps. Where more runs at once than a budget allows, files are first merged in groups into
a spool, as often as it takes.

Two captures of one vantage that overlap hold the same packets with the same time. A packet
that another file holds too, bytes and time alike, is taken once. What one file holds twice
stays twice: the network carried it twice.
"""

import heapq
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from carpscope.archive.recording import Piece
from carpscope.archive.spool import Spool, load
from carpscope.core.frame import Frame
from carpscope.core.units import Nanos

BUDGET = 48 << 20
"""Bytes of frames in memory at once."""
PIECE = 512
"""Frames of a piece that was merged beforehand: small, as many of them run at once."""
_AT = attrgetter("at")
_NEVER: Nanos = 1 << 64


class Run(NamedTuple):
    """A piece and whose it is: a capture's, or None where every frame says it itself."""

    first: Nanos
    order: int
    piece: Piece
    capture: int | None


Load = Callable[[Piece, int | None], list[Frame]]


def in_time(runs: Sequence[Run], load: Load = load) -> Iterator[list[Frame]]:
    """Give the frames of all runs by time, capture and number, in stretches.

    A stretch ends where the time changes, so equal times are never torn apart.
    """
    waiting = sorted(runs)
    position, count = 0, len(waiting)
    heap: list[tuple[Nanos, int, int, int, list[Frame]]] = []

    def push(frames: list[Frame], place: int) -> None:
        frame = frames[place]
        heapq.heappush(heap, (frame.at, frame.capture, frame.number, place, frames))

    while heap or position < count:
        while position < count and (not heap or waiting[position].first <= heap[0][0]):
            run = waiting[position]
            position += 1
            push(load(run.piece, run.capture), 0)
        _, _, _, place, frames = heapq.heappop(heap)
        limit = min(
            heap[0][0] if heap else _NEVER,
            waiting[position].first if position < count else _NEVER,
        )
        alone = bisect_left(frames, limit, place, key=_AT)
        if alone > place:
            yield frames[place:alone]
        if alone < len(frames):
            push(frames, alone)
        if alone == place:
            yield _stretch(heap, limit, push)


def _stretch(
    heap: list[tuple[Nanos, int, int, int, list[Frame]]],
    at: Nanos,
    push: Callable[[list[Frame], int], None],
) -> list[Frame]:
    """Take every frame of one time."""
    taken = []
    while heap and heap[0][0] == at:
        _, _, _, place, frames = heapq.heappop(heap)
        taken.append(frames[place])
        if place + 1 < len(frames):
            push(frames, place + 1)
    return taken


def once(frames: list[Frame], doubled: Callable[[Frame], None]) -> list[Frame]:
    """Leave out frames of one time that another capture holds too; tell of each."""
    if len(frames) < 2 or frames[0].capture == frames[-1].capture:
        return frames
    held: dict[tuple[int, int, bytes], Counter[int]] = {}
    for frame in frames:
        key = frame.link, frame.wire_length, frame.data
        held.setdefault(key, Counter())[frame.capture] += 1
    keepers = {key: max(by, key=lambda c: (by[c], -c)) for key, by in held.items()}
    kept = []
    for frame in frames:
        if keepers[frame.link, frame.wire_length, frame.data] == frame.capture or not frame.data:
            kept.append(frame)
        else:
            doubled(frame)
    return kept


def merged(
    runs: Sequence[Run],
    spool: str,
    doubled: Callable[[Frame], None],
    load: Load = load,
    budget: int = BUDGET,
) -> Iterator[Frame]:
    """Give every packet of all runs once, in time order; `spool` is a folder to write in."""
    narrow = _narrowed(runs, spool, load, budget)
    for stretch in in_time(narrow, load):
        if narrow is not runs:  # what was merged beforehand holds several captures
            for _, frames in groupby(stretch, key=_AT):
                yield from once(list(frames), doubled)
        elif stretch[0].at == stretch[-1].at:
            yield from once(stretch, doubled)
        else:  # of one capture
            yield from stretch


def _narrowed(runs: Sequence[Run], spool: str, load: Load, budget: int) -> Sequence[Run]:
    """Merge chains of pieces beforehand until what runs at once fits the budget."""
    level = 0
    while _peak(runs) > budget:
        chains = _chains(runs)
        if len(chains) < 2:
            break
        level += 1
        narrower = []
        for order, group in enumerate(_groups(chains, budget)):
            store = Spool(f"{spool}/merge-{level}-{order}")
            for frames in _gathered(in_time(group, load)):
                piece = store.put(frames)
                narrower.append(Run(piece.first, order, piece, None))
        runs = narrower
    return runs


def _peak(runs: Sequence[Run]) -> int:
    """Return the most that is in memory at once."""
    changes = [(run.piece.first, 0, run.piece.weight) for run in runs]
    changes += [(run.piece.last, 1, -run.piece.weight) for run in runs]
    peak = now = 0
    for _, _, change in sorted(changes):
        now += change
        peak = max(peak, now)
    return peak


def _chains(runs: Sequence[Run]) -> list[list[Run]]:
    """Put pieces of a file together that follow each other: one chain where it is in order."""
    chains: list[list[Run]] = []
    latest: dict[int, list[tuple[Nanos, int]]] = {}
    for run in sorted(runs):
        own = latest.setdefault(run.order, [])
        if own and own[0][0] <= run.piece.first:
            _, place = heapq.heappop(own)
        else:
            place = len(chains)
            chains.append([])
        chains[place].append(run)
        heapq.heappush(own, (run.piece.last, place))
    return chains


def _groups(chains: list[list[Run]], budget: int) -> Iterator[list[Run]]:
    """Put chains together whose heaviest pieces fit the budget, at least two."""
    group: list[Run] = []
    held, room = 0, budget
    for chain in chains:
        heaviest = max(run.piece.weight for run in chain)
        if held > 1 and heaviest > room:
            yield group
            group, held, room = [], 0, budget
        group += chain
        held, room = held + 1, room - heaviest
    yield group


def _gathered(stretches: Iterator[list[Frame]]) -> Iterator[list[Frame]]:
    held: list[Frame] = []
    for stretch in stretches:
        held += stretch
        if len(held) >= PIECE:
            yield held
            held = []
    if held:
        yield held
