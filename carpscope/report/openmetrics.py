"""OpenMetrics for Prometheus, by the official library; `report.metrics` says what.

Scrapes are answered from the last snapshot by `report.scrapes`; they wait for nothing and nothing
waits for them.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from carpscope.core.errors import CarpscopeError
from carpscope.report.metrics import families
from carpscope.report.snapshot import Snapshot


def listening_at(target: str) -> tuple[str, int]:
    """Read `ADDR:PORT` or `:PORT`. Raises CarpscopeError."""
    address, _, port = target.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise CarpscopeError(f"--metrics {target!r}: say ADDR:PORT")
    return address.strip("[]") or "127.0.0.1", int(port)


Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_ASKED = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING")
"""What an answer depends on."""
ANSWERS_KEPT = 4
"""Of one snapshot: one for each way to ask."""


class _Answer(NamedTuple):
    status: str
    headers: list[tuple[str, str]]
    body: bytes


class Metrics:
    """The exporter."""

    def __init__(self, target: str) -> None:
        """Listen on `ADDR:PORT` or `:PORT`; who asks waits for `start`. Raises CarpscopeError."""
        from carpscope.report.scrapes import Scrapes  # noqa: PLC0415 - most runs have none

        address, port = listening_at(target)
        try:
            self._scrapes = Scrapes(address, port)
        except OSError as problem:
            raise CarpscopeError(f"--metrics {target}: {problem.strerror or problem}") from None

        self._latest: Snapshot | None = None
        self._answers: dict[tuple[str, ...], _Answer] = {}
        self._answered: Snapshot | None = None
        self.port = self._scrapes.port
        self._made = self._application()  # here: who is left later may not import it any more

    def start(self) -> None:
        """Answer from now on. Its threads have the privileges that are left by now."""
        self._scrapes.start(self._answer)

    def _application(self) -> Application:
        import prometheus_client.core  # noqa: PLC0415
        from prometheus_client.registry import Collector  # noqa: PLC0415

        outer = self

        class Latest(Collector):
            def collect(self) -> "Iterable[object]":  # type: ignore[override]
                return outer.families()

        registry = prometheus_client.CollectorRegistry()
        registry.register(Latest())
        return prometheus_client.make_wsgi_app(registry)

    def _answer(self, asked: dict[str, Any], begin: Callable[..., Any]) -> Iterable[bytes]:
        key = tuple(str(asked.get(name, "")) for name in _ASKED)
        if self._answered is not self._latest:
            self._answers.clear()
            self._answered = self._latest
        found = self._answers.get(key)
        if found is None:
            told: list[Any] = []
            body = b"".join(self._made(asked, lambda *said: told.extend(said)))
            found = _Answer(told[0], told[1], body)
            if len(self._answers) < ANSWERS_KEPT:
                self._answers[key] = found
        begin(found.status, list(found.headers))
        return [found.body]

    def show(self, snapshot: Snapshot) -> None:
        """Let the next scrape see this."""
        self._latest = snapshot

    def close(self) -> None:
        """Stop listening."""
        self._scrapes.close()

    def families(self) -> "Iterable[object]":
        """Give every metric of the latest snapshot."""
        now = self._latest
        return () if now is None else families(now, self._scrapes.cut)
