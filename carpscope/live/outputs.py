"""The receivers that the command line and the configuration name."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from carpscope.core.errors import CarpscopeError
from carpscope.core.mistakes import Mistakes
from carpscope.report.openmetrics import Metrics, listening_at
from carpscope.report.outlet import Outlet, Sink
from carpscope.report.sink_kind import make_sink, sink_name
from carpscope.report.snapshot import Snapshot

Made = TypeVar("Made")
CLOSE_PATIENCE_S = 5.0
_NOWHERE: Mapping[str, str] = {}
OUTPUTS_MAX = 32
"""Each has a thread, a queue and a descriptor or two: together less than a service may have."""


def names(texts: Sequence[str], metrics: str | None, places: Mapping[str, str]) -> list[str]:
    """Return what would be made of `name=target`; opens nothing. Raises CarpscopeError."""
    found = [_placed(sink_name, text, places) for text in _bounded(texts)]
    if metrics:
        _placed(lambda _: listening_at(metrics), f"metrics={metrics}", places)
        found.append(f"metrics at {metrics}")
    return found


def _bounded(texts: Sequence[str]) -> list[str]:
    chosen = list(dict.fromkeys(texts))
    if len(chosen) > OUTPUTS_MAX:
        raise CarpscopeError(f"more than {OUTPUTS_MAX} outputs: each has a thread")
    return chosen


def _placed(do: Callable[[str], Made], text: str, places: Mapping[str, str]) -> Made:
    try:
        return do(text)
    except CarpscopeError as problem:
        place = places.get(text)
        raise CarpscopeError(f"{place}: {problem}" if place else str(problem)) from None


class Outputs:
    """All receivers of records, and the exporter."""

    def __init__(self) -> None:
        """Begin with none."""
        self.mistakes = Mistakes()
        """Our own, of the whole run."""
        self._sinks: list[Sink] = []
        self._outlets: list[Outlet] = []
        self._metrics: dict[str, Metrics] = {}
        self._fixed: list[Outlet] = []

    def prepare(
        self, texts: Sequence[str], metrics: str | None, places: Mapping[str, str] = _NOWHERE
    ) -> None:
        """Make all of `name=target`, and the exporter. Raises CarpscopeError.

        `places` says of texts where they stand, for who has to put a mistake right.
        """
        try:
            for text in _bounded(texts):
                self._sinks.append(_placed(make_sink, text, places))
            if metrics:
                _placed(lambda _: self.listen(metrics), f"metrics={metrics}", places)
        except CarpscopeError:
            for sink in self._sinks:
                sink.close()
            self._sinks = []
            raise

    def listen(self, metrics: str) -> None:
        """Listen for who scrapes; answered is from `start` on. Raises CarpscopeError."""
        if metrics not in self._metrics:
            self._metrics[metrics] = Metrics(metrics)

    def start(self) -> None:
        """Use what was prepared: threads and answers begin here."""
        self._outlets = [Outlet(sink, mistakes=self.mistakes) for sink in self._sinks]
        self._sinks = []
        for metrics in self._metrics.values():
            metrics.start()

    def add(self, outlet: Outlet) -> None:
        """Add one that nobody names: the screen."""
        self._fixed.append(outlet)

    @property
    def all(self) -> list[Outlet]:
        """Return every receiver."""
        return [*self._outlets, *self._fixed]

    def show(self, snapshot: Snapshot) -> None:
        """Let the next scrape see this."""
        for metrics in list(self._metrics.values()):
            metrics.show(snapshot)

    @property
    def exports(self) -> bool:
        """Tell whether somebody may scrape."""
        return bool(self._metrics)

    def close(self, patience_s: float = CLOSE_PATIENCE_S) -> None:
        """Let all deliver what waits, for a while and at the same time."""
        closing = [threading.Thread(target=outlet.close, args=(patience_s,)) for outlet in self.all]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
        for metrics in self._metrics.values():
            metrics.close()
