"""HTTP POST of each event as JSON; tried again when the receiver does not take it.

The identity of a situation and the event's time stand in a header, so that a receiver can
tell a repetition: a POST whose answer was lost comes twice.
"""

import http.client
from json import dumps
from urllib.parse import urlsplit

import carpscope
from carpscope.core.errors import CarpscopeError
from carpscope.core.units import rfc3339
from carpscope.report.record import EventRecord
from carpscope.report.sink_kind import SinkKind

TIMEOUT_S = 10.0


class Webhook:
    """Posts to one address."""

    attempts = 6

    def __init__(self, target: str) -> None:
        """Read an http or https URL."""
        parts = urlsplit(target)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise CarpscopeError(f"webhook {target!r}: not an http or https URL")
        self.name = f"webhook {parts.scheme}://{parts.hostname}"  # a path or query may be secret
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def send(self, record: EventRecord) -> None:
        """Deliver one event. Raises OSError where it was not taken."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        way = kind(self._host, self._port, timeout=TIMEOUT_S)
        identity = str(record.body.get("identity", record.kind))
        try:
            way.request(
                "POST",
                self._path,
                dumps(record.document(), ensure_ascii=False).encode(),
                {
                    "Content-Type": "application/json",
                    "User-Agent": f"carpscope/{carpscope.__version__}",
                    "Idempotency-Key": f"{identity}-{record.action}-{rfc3339(record.at)}",
                },
            )
            answer = way.getresponse()
            answer.read(65536)
        except http.client.HTTPException as problem:
            raise ConnectionError(0, f"no answer of HTTP: {type(problem).__name__}") from None
        except BrokenPipeError:
            raise ConnectionError(0, "closed the connection") from None
        finally:
            way.close()
        if not 200 <= answer.status < 300:
            raise ConnectionError(0, f"answered {answer.status}")

    def close(self) -> None:
        """Nothing is held."""


SINK = SinkKind("webhook", "URL", "POST events as JSON, tried again", Webhook)
