"""What a service manager is told: ready, alive, stopping (sd_notify(3))."""

import os
import socket


class ServiceManager:
    """Speaks to the socket that systemd names; says nothing where there is none."""

    def __init__(self) -> None:
        """Take the address from the environment, so that no child inherits it."""
        self._address = os.environ.pop("NOTIFY_SOCKET", None)
        microseconds = os.environ.pop("WATCHDOG_USEC", "")
        self.watchdog_ns = int(microseconds) * 1000 if microseconds.isdecimal() else 0
        """How soon it wants a sign of life; 0 where it wants none."""

    def say(self, *lines: str) -> None:
        """Send a state, as `READY=1`; a manager that does not listen is no trouble of ours."""
        if self._address is None:
            return
        address = self._address
        if address.startswith("@"):
            address = "\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
                way.setblocking(False)
                way.sendto("\n".join(lines).encode(), address)
        except OSError:
            return
