"""Whether an interface is there and can carry frames: asked of the kernel, by one socket.

The socket is opened once and kept: a question takes no descriptor, so that it has an answer also
where all descriptors are in use. A question that has no answer for a reason of our own gives None
and never "it is gone": what is wrong with us is no fact about the network.
"""

import errno
import fcntl
import socket
import struct
from pathlib import Path

from carpscope.core.values import dataclass

_SIOCGIFNAME = 0x8910
_SIOCGIFFLAGS = 0x8913
_SIOCGIFINDEX = 0x8933
_IFF_UP = 0x1
_IFF_RUNNING = 0x40
_ABSENT = (errno.ENODEV, errno.ENXIO)
ANY = "any"


@dataclass(frozen=True, slots=True)
class Link:
    """What the kernel says of an interface now."""

    number: int
    """The kernel's; 0 where there is no interface of that name."""
    is_up: bool = False
    has_carrier: bool = False
    carrier_changes: int = 0
    """Counted by the kernel: two more are a moment without, however short it was."""
    renamed: str = ""
    """What the interface of the number that was asked for is called now, if it is another name."""


def missed(folder: Path) -> int:
    """Return how many frames a card had no room for, by the counters of its interface in sysfs.

    `rx_dropped`, which libpcap counts as well, is left out: Linux counts there what no protocol of
    the host wanted (if_link.h, rtnl_link_stats64), on a span port every frame of another VLAN,
    after the capture had it.
    """
    counts = 0
    for name in ("rx_missed_errors", "rx_fifo_errors"):
        try:
            counts += int((folder / name).read_bytes())
        except (OSError, ValueError):
            continue
    return counts


class Links:
    """Answers about interfaces."""

    def __init__(self) -> None:
        """Open the socket."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def look(self, name: str, before: int = 0) -> Link | None:
        """Look for an interface that had the number `before`; None where that cannot be told."""
        if name == ANY:
            return Link(0, is_up=True, has_carrier=True)
        try:
            (number,) = struct.unpack_from("i", self._ask(_SIOCGIFINDEX, name), 16)
            (flags,) = struct.unpack_from("H", self._ask(_SIOCGIFFLAGS, name), 16)
        except OSError as problem:
            if problem.errno not in _ABSENT:
                return None
            return Link(0, renamed=self._name_of(before))
        running = bool(flags & _IFF_RUNNING)
        return Link(number, bool(flags & _IFF_UP), running, _carrier_changes(name))

    def _ask(self, what: int, name: str) -> bytes:
        request = struct.pack("16s24x", name.encode()[:15])
        answer: bytes = fcntl.ioctl(self._socket.fileno(), what, request)
        return answer

    def _name_of(self, number: int) -> str:
        if number <= 0:
            return ""
        request = struct.pack("16xi20x", number)
        try:
            answer: bytes = fcntl.ioctl(self._socket.fileno(), _SIOCGIFNAME, request)
        except OSError:
            return ""
        return answer[:16].split(b"\0")[0].decode(errors="replace")


def _carrier_changes(name: str) -> int:
    """Return the kernel's count; 0 where it cannot be read."""
    try:
        return int(Path("/sys/class/net", name, "carrier_changes").read_text())
    except (OSError, ValueError):
        return 0
