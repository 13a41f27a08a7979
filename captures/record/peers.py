"""The programs under observation, run as they are and listened to: ucarp and keepalived.

ucarp stamps its own log lines, with microseconds and before it acts on what they say; keepalived's
lines are stamped when they arrive here.
"""

import datetime as dt
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from captures.record.lan import Lan
from captures.record.plan import Host, Micros, Moment, Ucarp, Vrrp

Listener = Callable[[Moment], None]

_UCARP_LINE = re.compile(r"(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}): (?P<text>.*)")
_KEEPALIVED_STAMP = re.compile(r"\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}: ")
# What it says of the election and of packets it refuses; the rest is about files and addresses.
_KEEPALIVED_ELECTION = re.compile(r"\(V\d_\d+_\d\) (?!Sending|setting|removing)")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# What an administrator's scripts do: put the virtual address on the interface and take it off.
_UP_SCRIPT = '#!/bin/sh\nexec ip addr add "$2/32" dev "$1"\n'
_DOWN_SCRIPT = '#!/bin/sh\nip addr del "$2/32" dev "$1" 2>/dev/null || true\n'


class Peer:
    """One running program; each line it writes goes to the listener."""

    def __init__(
        self, lan: Lan, host: str, argv: list[str], listener: Listener, folder: Path
    ) -> None:
        self._host = host
        self._listener = listener
        self._process = subprocess.Popen(
            [*lan.within(host), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=folder,
            # ucarp stamps in local time. A session of its own: its children end with it.
            env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """SIGKILL: no bow-out, no down-script."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self._process.wait(timeout=10)
            self._reader.join(timeout=10)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def moment(self, line: str, arrived: Micros) -> Moment | None:
        raise NotImplementedError

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            moment = self.moment(line.rstrip(), time.time_ns() // 1000)
            if moment:
                self._listener(moment)


class UcarpPeer(Peer):
    def __init__(
        self, lan: Lan, host: Host, options: Ucarp, listener: Listener, folder: Path
    ) -> None:
        self._vhid = options.vhid
        super().__init__(lan, host.name, ucarp_command(host, options), listener, folder)

    def moment(self, line: str, arrived: Micros) -> Moment | None:
        stamped = _UCARP_LINE.match(line)
        if not stamped:
            return Moment(arrived, "log", self._host, line, self._vhid) if line else None
        logged = dt.datetime.fromisoformat(stamped["at"]).replace(tzinfo=dt.UTC)
        at = (logged - _EPOCH) // dt.timedelta(microseconds=1)
        return Moment(at, "log", self._host, stamped["text"], self._vhid)


class KeepalivedPeer(Peer):
    def __init__(self, lan: Lan, host: Host, listener: Listener, folder: Path) -> None:
        name = f"keepalived-{host.name}"
        (folder / f"{name}.conf").write_text(keepalived_configuration(host))
        argv = [
            "keepalived",
            "--dont-fork",
            "--vrrp",
            "--log-console",
            "--log-detail",
            "--no-syslog",
        ]
        argv += ["--use-file", f"{folder}/{name}.conf"]
        argv += ["--pid", f"{folder}/{name}.pid", "--vrrp_pid", f"{folder}/{name}.vrrp.pid"]
        super().__init__(lan, host.name, argv, listener, folder)

    def moment(self, line: str, arrived: Micros) -> Moment | None:
        text = _KEEPALIVED_STAMP.sub("", line)
        if _KEEPALIVED_ELECTION.match(text):
            return Moment(arrived, "log", self._host, text)
        return None


def start_peers(lan: Lan, host: Host, listener: Listener, folder: Path) -> list[Peer]:
    """Start everything that runs on a host."""
    peers: list[Peer] = [UcarpPeer(lan, host, options, listener, folder) for options in host.ucarps]
    if host.vrrps:
        peers.append(KeepalivedPeer(lan, host, listener, folder))
    return peers


def write_scripts(folder: Path) -> None:
    for name, text in (("up.sh", _UP_SCRIPT), ("down.sh", _DOWN_SCRIPT)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def ucarp_command(host: Host, options: Ucarp) -> list[str]:
    """The scripts are named relatively: ucarp logs their names."""
    argv = ["ucarp", "--interface=eth0", f"--srcip={host.address}", f"--vhid={options.vhid}"]
    argv += [f"--pass={options.passphrase}", f"--addr={options.address}"]
    argv += [f"--advbase={options.advbase}", f"--advskew={options.advskew}"]
    argv += ["--upscript=./up.sh", "--downscript=./down.sh"]
    argv += ["--nomcast"] if options.broadcast else []
    return [*argv, "--preempt"] if options.preempt else argv


def keepalived_configuration(host: Host) -> str:
    lines = ["global_defs {", f"    router_id {host.name}", "    vrrp_garp_master_delay 1", "}"]
    for router in host.vrrps:
        lines += _instance(router)
    return "\n".join([*lines, ""])


def _instance(router: Vrrp) -> list[str]:
    family = 6 if ":" in router.addresses[0] else 4
    lines = [f"vrrp_instance V{router.version}_{router.vrid}_{family} {{", "    state BACKUP"]
    lines += ["    interface eth0", f"    version {router.version}"]
    lines += [f"    virtual_router_id {router.vrid}", f"    priority {router.priority}"]
    lines += ["    advert_int 1"]
    if router.own_mac:
        # Advertisements leave by the virtual MAC, as RFC 3768 section 7.3 wants.
        lines += [f"    use_vmac vrrp.{router.vrid}"]
    if router.auth:
        kind, password = router.auth
        lines += ["    authentication {", f"        auth_type {kind}"]
        lines += [f"        auth_pass {password}", "    }"]
    lines += ["    virtual_ipaddress {", *(f"        {a}" for a in router.addresses), "    }", "}"]
    return lines
