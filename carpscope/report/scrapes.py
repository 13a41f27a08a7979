"""The server behind `--metrics`: whoever can reach it can open connections, as many as he likes.

By the library waitress: one thread for all connections, one that answers. What it may cost is
bounded here:

- `CONNECTIONS_MAX` at a time. One more ends the one that was opened first, so that a scraper
  that asks at once is answered however many others just stay.
- `DEADLINE_S` for each, whatever it sends, asks or reads meanwhile.
- An answer is made once for a snapshot, however often it is asked for.

A connection that was ended before it had its answer is counted: that is a metric as well.
"""

import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

CONNECTIONS_MAX = 16
"""A Prometheus has one; each may wait for as much as an answer with every series is."""
DEADLINE_S = 20.0
CLEAN_EVERY_S = 1
NO_LIMIT = 1 << 16
"""Where the library would leave a scraper waiting for those who just stay; see above."""
ANSWER_MAX = 8 << 20
REQUEST_MAX = 16 << 10
BACKLOG = 128

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Channel(HTTPChannel):  # type: ignore[misc]  # the library has no types
    """One connection."""

    answered = False

    def service(self) -> None:
        """Answer, and remember that it was."""
        super().service()
        self.answered = True


_UNTYPED: Any = TcpWSGIServer
"""The library has no types."""


class _Server(_UNTYPED):  # type: ignore[misc]
    """Accepts always, and ends who was there first or stays too long."""

    channel_class = _Channel
    cut = 0
    """Connections that were ended unanswered."""

    def handle_accept(self) -> None:
        """Make room first: what is open is never more than the bound, one for a moment."""
        channels: list[Any] = list(self.active_channels.values())
        while len(channels) >= CONNECTIONS_MAX:
            oldest = min(channels, key=_opened)
            channels.remove(oldest)
            self._end(oldest)
        super().handle_accept()

    def maintenance(self, now: float) -> None:
        """End whoever has been there for too long; a clock that was set back ends all."""
        for channel in list(self.active_channels.values()):
            if not 0 <= now - channel.creation_time <= DEADLINE_S:
                self._end(channel)

    def _end(self, channel: _Channel) -> None:
        unread = bool(channel.total_outbufs_len)
        if not channel.answered or unread:
            self.cut += 1
        channel.handle_close()


def _opened(channel: _Channel) -> float:
    return float(channel.creation_time)


class Scrapes:
    """A port that is listened at, and who answers there."""

    def __init__(self, address: str, port: int) -> None:
        """Listen; nothing is answered yet. Raises OSError."""
        family, _, _, _, where = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        self._socket = socket.create_server((where[0], where[1]), family=family, backlog=BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def cut(self) -> int:
        """Return how many connections were ended unanswered."""
        return self._server.cut if self._server is not None else 0

    def start(self, application: Application) -> None:
        """Answer from now on, in two threads."""
        logger = logging.getLogger("waitress")
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        adjustments = Adjustments(
            sockets=[self._socket],
            threads=1,
            ident="carpscope",
            asyncore_use_poll=True,
            cleanup_interval=CLEAN_EVERY_S,
            connection_limit=NO_LIMIT,
            backlog=BACKLOG,
            outbuf_overflow=ANSWER_MAX,
            outbuf_high_watermark=ANSWER_MAX,
            max_request_header_size=REQUEST_MAX,
            max_request_body_size=REQUEST_MAX,
            log_socket_errors=False,
        )
        where = self._socket
        about = (where.family, where.type, where.proto, where.getsockname())
        self._server = _Server(
            application, _sock=where, adj=adjustments, sockinfo=about, bind_socket=False
        )
        self._thread = threading.Thread(target=self._server.run, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            self._socket.close()
            return
        server.trigger.pull_trigger(self._end_all)
        thread.join(2)
        server.task_dispatcher.shutdown(timeout=1)
        self._socket.close()

    def _end_all(self) -> None:
        """Close everything, in the server's own thread; then its loop ends."""
        assert self._server is not None
        for one in list(self._server._map.values()):
            one.close()
