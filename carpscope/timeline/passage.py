"""From a batch to facts, offline and live: cut it into trains, take them in turn, observe."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from carpscope.adverts.native import cutter
from carpscope.adverts.train import Train
from carpscope.adverts.turns import turns
from carpscope.core.batch import Batch
from carpscope.core.errors import CarpscopeError
from carpscope.core.mistakes import Mistakes
from carpscope.core.units import Nanos
from carpscope.timeline.copies import COPY_WINDOW
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import GroupKey
from carpscope.timeline.node import frame_ref
from carpscope.timeline.observe import Observer
from carpscope.timeline.vantage import Vantage
from carpscope.wire.decode import Packet, decode


class Onlooker(Protocol):
    """A receiver of every advertisement of the nodes that are followed."""

    def see(self, packet: Packet, *, is_copy: bool) -> None:
        """Take one packet; `is_copy` where it is a copy of another."""

    def take(self, group: GroupKey, source: bytes, at: Iterable[Nanos]) -> None:
        """Take the times of advertisements of one source that were taken at once."""


class Passage:
    """Passes batches to one observer, and its facts on."""

    def __init__(
        self,
        observer: Observer,
        tell: Callable[[list[Fact]], None],
        mistakes: Mistakes,
        *,
        vantage: Vantage | None = None,
        also: Onlooker | None = None,
        longest: int = 1 << 30,
    ) -> None:
        """Pass batches to `observer` and facts to `tell`; our own mistakes cost one packet each.

        `vantage` knows the copies among several captures; with it no trains are cut. `also` sees
        what the observer sees. `longest` is the most rows of a train.
        """
        self._observer = observer
        self._tell = tell
        self._mistakes = mistakes
        self._vantage = vantage
        self._also = also
        self._cutter = cutter(COPY_WINDOW, 1 if vantage is not None else longest)
        self.packets = 0
        """Of the batches."""
        self.reached = 0
        """The number of the last of them in its capture."""
        self.advertisements: Counter[int] = Counter()
        """Of each capture, copies included."""

    def see(self, batch: Batch) -> None:
        """Take one batch of a source."""
        self.packets += len(batch)
        self.reached = batch.number(-1) if len(batch) else self.reached
        for index, train in turns(self._cutter.cut(batch), self._take):
            self._one(batch, index)
            if train is not None:
                self._observer.knows(train)
        with self._mistakes.isolated("time", self._observer.now):
            self._deliver(self._observer.catch_up())

    def _take(self, train: Train) -> int:
        """Take the first rows of a train that change nothing; return how many."""
        observer, plain, capture = self._observer, train.plain, train.plain.capture
        try:
            self._deliver(observer.take(train))
        except CarpscopeError:
            raise
        except Exception as problem:  # noqa: BLE001 - the next goes on; a `with` would cost
            number = frame_ref(capture, train.number[0])
            self._mistakes.add("frame", problem, train.at[0], number)
            return 0
        count = observer.taken
        self.advertisements[capture] += count + train.copied(count)
        if self._also is not None and count:
            self._also.take((plain.vlans, plain.vhid), plain.source, train.at[:count])
        return count

    def _one(self, batch: Batch, index: int) -> None:
        """See one packet."""
        observer, vantage, also = self._observer, self._vantage, self._also
        capture = batch.capture_of(index)
        try:
            if vantage is None and observer.count_only(batch, index):
                self.advertisements[capture] += 1
                return
            frame = batch.frame(index)
            is_copy = vantage is not None and vantage.is_copy(frame)
            packet = decode(frame)
            if vantage is not None:
                packet = vantage.renamed(packet)
            if packet.advert is not None:
                self.advertisements[capture] += 1
            self._deliver(observer.see(packet, is_copy=is_copy))
            if also is not None:
                also.see(packet, is_copy=is_copy or observer.is_copy)
        except CarpscopeError:
            raise
        except Exception as problem:  # noqa: BLE001 - the next goes on; a `with` would cost
            number = frame_ref(capture, batch.number(index))
            self._mistakes.add("frame", problem, batch.at(index), number)

    def _deliver(self, facts: list[Fact]) -> None:
        if facts:
            self._tell(facts)
