"""Syslog as RFC 5424 has it, over UDP, TCP or the local socket.

    <PRI>1 TIMESTAMP HOST carpscope PID KIND [carpscope@32473 …] MESSAGE

The structured data has what filters want: group, vhid, nodes, action, identity. Its
number is the one RFC 5612 keeps for documents. TCP is framed by octet counting (RFC 6587).
"""

import os
import socket
from urllib.parse import urlsplit

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.core.units import rfc3339
from carpscope.detect.finding import Severity
from carpscope.report.record import EventRecord
from carpscope.report.sink_kind import SinkKind

FACILITY = 3
"""daemon"""
PORT = 514
TIMEOUT_S = 5.0
MESSAGE_LIMIT = 2000
"""Below the 2048 bytes that RFC 5424 wants receivers to take."""
_LEVEL = {
    Severity.CRITICAL: 2,
    Severity.ERROR: 3,
    Severity.WARNING: 4,
    Severity.INFO: 6,
}


def message(record: EventRecord, host: str, pid: int) -> bytes:
    """Give one record as a syslog message."""
    priority = FACILITY * 8 + _LEVEL[record.severity]
    values = {
        "action": record.action,
        "interface": record.interface,
        "group": record.group,
        "vhid": record.vhid,
        "nodes": ",".join(record.nodes) or None,
        "state": record.state,
        "identity": record.body.get("identity"),
    }
    data = " ".join(
        f'{key}="{_escaped(str(value))}"' for key, value in values.items() if value is not None
    )
    text = shown(record.text)
    head = f"<{priority}>1 {rfc3339(record.at)[:26]}Z {host} carpscope {pid} {record.kind} "
    whole = f"{head}[carpscope@32473 {data}] \ufeff{text}".encode()
    return whole[:MESSAGE_LIMIT].decode("utf-8", "ignore").encode()


def _escaped(value: str) -> str:
    for sign in '\\"]':
        value = value.replace(sign, f"\\{sign}")
    return shown(value)


class Syslog:
    """Sends to one receiver; connects again when a connection breaks."""

    attempts = 5

    def __init__(self, target: str) -> None:
        """Read `udp://HOST[:PORT]`, `tcp://HOST[:PORT]` or `local[:PATH]`."""
        self.name = f"syslog {target}"
        self._host = socket.gethostname() or "-"
        self._way: socket.socket | None = None
        self._path: str | None = None
        if target == "local" or target.startswith(("local:", "/")):
            self._path = target.removeprefix("local").removeprefix(":") or "/dev/log"
            return
        parts = urlsplit(target if "//" in target else f"udp://{target}")
        try:
            port = parts.port or PORT
        except ValueError:
            port = 0
        if parts.scheme not in ("udp", "tcp") or not parts.hostname or not port:
            raise CarpscopeError(
                f"syslog {target!r}: say udp://HOST:PORT, tcp://HOST:PORT, local or a socket's path"
            )
        self._address = (parts.hostname, port)
        self._stream = parts.scheme == "tcp"

    def send(self, record: EventRecord) -> None:
        """Deliver one message."""
        data = message(record, self._host, os.getpid())
        try:
            if self._way is None:
                self._way = self._connected()
            framed = self._path is None and self._stream
            self._way.sendall(b"%d %s" % (len(data), data) if framed else data)
        except OSError as problem:
            self.close()
            if isinstance(problem, BrokenPipeError):
                raise ConnectionResetError(problem.errno, problem.strerror) from None
            raise

    def _connected(self) -> socket.socket:
        if self._path is not None:
            way = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            way.settimeout(TIMEOUT_S)
            try:
                way.connect(self._path)
            except OSError:
                way.close()
                raise
            return way
        if self._stream:
            return socket.create_connection(self._address, TIMEOUT_S)
        family, kind, protocol, _, address = socket.getaddrinfo(
            *self._address, type=socket.SOCK_DGRAM
        )[0]
        way = socket.socket(family, kind, protocol)
        way.connect(address)
        return way

    def close(self) -> None:
        """Let go."""
        if self._way is not None:
            self._way.close()
            self._way = None


SINK = SinkKind("syslog", "udp://HOST:PORT", "send RFC 5424 syslog (udp, tcp, local)", Syslog)
