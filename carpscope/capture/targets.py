"""What a live capture is read from besides interfaces: a pipe, a growing file, a command.

    -                      standard input
    NAME=PATH              a FIFO, or a file that grows
    NAME='!COMMAND'        what a command writes to its standard output; no shell reads it
    ssh://USER@HOST/IF     tcpdump on another host, through the system's ssh
    rpcap://HOST/IF        tcpdump here, by remote pcap, where its libpcap offers that

Who names a host or an interface names no option and no word of a shell: both are read by what
may stand there, ssh gets its host behind `--`, and the remote shell gets one quoted word.
"""

import re
import shlex

from carpscope.core.errors import CarpscopeError
from carpscope.core.recommended import RECOMMENDED
from carpscope.core.text import shown
from carpscope.core.values import dataclass, replace

STANDARD_INPUT = "-"
_SCHEMES = ("ssh://", "rpcap://")
_ALIVE_S = 3
"""After so many seconds without an answer ssh asks for a sign of life, three times."""
_ADDRESS = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.\\-]*)@)?"
    r"(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"/(?P<interface>[A-Za-z0-9][A-Za-z0-9._:@+-]*)"
)
_NAME = re.compile(r"[^\s=/]+(?:/[^\s=/]+)?")


@dataclass(frozen=True, slots=True)
class Target:
    """One pipe to read."""

    name: str
    """What to call it; captured text never gets in here."""
    segment: str = ""
    """The network it shows; pipes of one segment are vantages of it."""
    path: str = ""
    """A FIFO, a file or `-`."""
    command: tuple[str, ...] = ()
    """What to start instead."""
    advice: str = ""
    """What to do where it gives no capture at all."""


def is_target(text: str) -> bool:
    """Tell an address of -i from the name of an interface."""
    return text == STANDARD_INPUT or text.startswith(_SCHEMES)


def read(text: str, narrow: str | None = None) -> Target:
    """Read what -i or --pipe names. Raises CarpscopeError with what is wrong.

    `narrow` is the filter of -f, for what is started elsewhere.
    """
    if text == STANDARD_INPUT:
        return Target("stdin", path=STANDARD_INPUT)
    if text.startswith(_SCHEMES):
        return _remote(text, "", narrow)
    name, equals, where = text.partition("=")
    if not equals or not where or not _NAME.fullmatch(name):
        raise CarpscopeError(
            f"--pipe {shown(text)}: NAME=PATH, NAME='!COMMAND' or NAME=ssh://USER@HOST/IF; "
            "SEGMENT/NAME says of which network it is"
        )
    segment, _, name = name.rpartition("/")
    if where.startswith(_SCHEMES):
        found = _remote(where, name, narrow)
        return replace(found, name=name, segment=segment)
    if where.startswith("!"):
        return Target(name, segment, command=_words(text, where[1:]))
    return Target(name, segment, path=where)


def _words(text: str, command: str) -> tuple[str, ...]:
    try:
        words = shlex.split(command)
    except ValueError as problem:
        raise CarpscopeError(f"--pipe {shown(text)}: {problem}") from None
    if not words:
        raise CarpscopeError(f"--pipe {shown(text)}: no command behind the !")
    return tuple(words)


def _remote(text: str, name: str, narrow: str | None) -> Target:
    scheme, _, rest = text.partition("://")
    found = _ADDRESS.fullmatch(rest)
    if found is None or (found["port"] and not 0 < int(found["port"]) < 1 << 16):
        raise CarpscopeError(f"{shown(text)}: not {scheme}://[USER@]HOST[:PORT]/INTERFACE")
    expression = f"({narrow}) and ({RECOMMENDED})" if narrow and narrow.strip() else RECOMMENDED
    interface, host = found["interface"], found["host"]
    told = name or f"{host}/{interface}"
    if scheme == "rpcap":
        port = f":{found['port']}" if found["port"] else ""
        source = f"rpcap://{host}{port}/{interface}"
        advice = (
            "remote pcap is not in every libpcap (not in Debian's): "
            f"-i ssh://{host}/{interface} needs only tcpdump there"
        )
        command = ("tcpdump", "-nUi", source, "-w", "-", expression)
        return Target(told, command=command, advice=advice)
    words = ["tcpdump", "-nU", "-i", interface, "-w", "-", expression]
    options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    options += ["-o", f"ServerAliveInterval={_ALIVE_S}", "-o", "ServerAliveCountMax=3"]
    if found["port"]:
        options += ["-p", found["port"]]
    if found["user"]:
        options += ["-l", found["user"]]
    return Target(told, command=("ssh", *options, "--", host.strip("[]"), shlex.join(words)))


def segments(targets: list[Target]) -> list[str]:
    """Return the segment of each: the one that was named, else one for all.

    Two interfaces of one host are two segments, so where a host is named twice the interfaces'
    names tell them.
    """
    hosts = [t.name.rpartition("/")[0] for t in targets if not t.segment and "/" in t.name]
    apart = len(set(hosts)) < len(hosts)
    return [
        t.segment or (t.name.rpartition("/")[2] if apart and "/" in t.name else "") for t in targets
    ]
