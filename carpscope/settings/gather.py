"""Paths of the command line to the files of each node.

A folder is one node's /etc; in it only what is known is read, with the files that those name.
Everything is read before anything is judged: one bad file, and there is no verdict.
"""

import os
import re
import stat
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from carpscope.core.errors import CarpscopeError
from carpscope.settings.kinds import kind_of
from carpscope.settings.model import UNKNOWN, VARIES
from carpscope.settings.source import SIZE_MAX, NodeFiles, Source, instance_of

_PATTERNS = (
    "rc.conf", "rc.conf.local", "rc.conf.d/*", "rc.conf.d/*/*", "rc.local", "start_if.*",
    "sysctl.conf", "pf.conf", "hostname.*", "ifconfig.*", "network/interfaces",
    "network/interfaces.d/*", "systemd/system/*ucarp*", "systemd/system/*ucarp*/*.conf",
    "systemd/system/*.wants/*ucarp@?*", "ucarp/vip-*.conf", "keepalived/keepalived.conf",
    "config.xml", "loader.conf",
)  # fmt: skip
_NAMED = re.compile(
    r"(?:--passfile[= ]|-o[ ]*|EnvironmentFile=-?|PASSFILE=[\"']?"
    r"|^\s*(?:\.|source|include)\s+[\"']?)/etc/([\w./@%-]+)",
    re.MULTILINE,
)
_TEMPLATE = re.compile(r"\{\{[^\n]*?\}\}|<%=[^\n]*?%>")
_SUPPORT = "support"


def gather(paths: Sequence[str], *, stdin: bytes | None = None) -> list[NodeFiles]:
    """Read everything that is named; nodes in the order of their first file."""
    found: list[tuple[str | None, str, list[Source]]] = []
    for text in paths:
        name, path = _split(text)
        found.append((name, path, _sources(path, stdin)))
    nodes: dict[str, NodeFiles] = {}
    for (name, _, sources), called in zip(found, _names(found), strict=True):
        node = nodes.setdefault(called, NodeFiles(called, name is not None, []))
        node.sources += sources
    for node in nodes.values():
        _kinds(node)
    return list(nodes.values())


def _names(found: list[tuple[str | None, str, list[Source]]]) -> list[str]:
    """Name the node of each path; two that have the same files are not one node."""
    names = [_name(path, sources) if name is None else name for name, path, sources in found]
    guessed = [index for index, (name, _, _) in enumerate(found) if name is None]
    for called in {names[index] for index in guessed}:
        same = [index for index in guessed if names[index] == called]
        files = [source.relative for index in same for source in found[index][2]]
        if len(files) == len(set(files)):
            continue
        for index in same:
            names[index] = _place_name(found[index][1])
        if len({names[index] for index in same}) < len(same):
            paths = " and ".join(found[index][1] for index in same)
            raise CarpscopeError(f"{paths} are nodes of one name, {called!r}: write NODE=PATH")
    return names


def _split(text: str) -> tuple[str | None, str]:
    name, equals, path = text.partition("=")
    if equals and name and path and "/" not in name and not os.path.exists(text):  # noqa: PTH110
        return name, path
    return None, text


def _sources(path: str, stdin: bytes | None) -> list[Source]:
    if path == "-":
        data = sys.stdin.buffer.read(SIZE_MAX + 1) if stdin is None else stdin
        return [_text(Source("-", "-", data, None))]
    place = Path(path)
    try:
        if place.is_dir():
            return _folder(place, path)
        return [_file(place, path, place.name)]
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "no such file"
        raise CarpscopeError(f"{path}: {reason}") from None


def _folder(folder: Path, shown: str) -> list[Source]:
    found: dict[str, Source] = {}
    for pattern in _PATTERNS:
        for place in sorted(folder.glob(pattern)):
            relative = place.relative_to(folder).as_posix()
            if place.is_file() and relative not in found and not relative.endswith((".bak", "~")):
                found[relative] = _file(place, f"{shown.rstrip('/')}/{relative}", relative)
    for source in list(found.values()):
        for match in _NAMED.finditer(source.text):
            relative = instance_of(source.name).join(re.split("%[iI]", match[1]))
            place = folder / relative
            if relative in found or ".." in relative.split("/") or not place.is_file():
                continue
            named = _file(place, f"{shown.rstrip('/')}/{relative}", relative)
            named.kind = _SUPPORT
            found[relative] = named
    if not found:
        raise CarpscopeError(f"{shown}: no configuration of a node in this folder")
    return list(found.values())


def _file(place: Path, shown: str, relative: str) -> Source:
    with place.open("rb") as stream:
        status = os.fstat(stream.fileno())
        mode = stat.S_IMODE(status.st_mode)
        data = stream.read(SIZE_MAX + 1)
    return _text(Source(shown, relative, data, mode))


def _text(source: Source) -> Source:
    """Decode a file; CarpscopeError where it is none of text."""
    if len(source.data) > SIZE_MAX:
        raise CarpscopeError(f"{source.path}:1: is larger than 100 MB")
    head = source.data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<") or source.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        source.encoding = "utf-8"
        source.text = _xml_text(source.data)
        return source
    if b"\0" in source.data:
        line = source.data.count(b"\n", 0, source.data.index(b"\0")) + 1
        raise CarpscopeError(f"{source.path}:{line}: is binary, not text")
    try:
        source.text = source.data.decode("utf-8")
    except UnicodeDecodeError:
        bad = re.search(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f]", source.data)
        if bad is not None:
            line = source.data.count(b"\n", 0, bad.start()) + 1
            raise CarpscopeError(
                f"{source.path}:{line}: is neither UTF-8 nor Latin-1 text"
            ) from None
        source.encoding = "latin-1"
        source.text = source.data.decode("latin-1")
    text = source.text.replace(UNKNOWN, "\ufffd").replace(VARIES, "\ufffd")
    source.text = _TEMPLATE.sub(UNKNOWN, text)
    return source


def _xml_text(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def _kinds(node: NodeFiles) -> None:
    openbsd = any(re.fullmatch(r"hostname\.[a-z]+[0-9]+", s.name) for s in node.sources)
    for source in node.sources:
        if not source.kind:
            source.kind = kind_of(source, openbsd=openbsd)


def _name(path: str, sources: list[Source]) -> str:
    """Name a node: the hostname in its files, else its folder, else its file."""
    for source in sources:
        if source.text.lstrip("\ufeff \t\r\n").startswith("<"):
            match = re.search(r"<hostname>\s*([^<\s]+)\s*</hostname>", source.text)
        elif source.name.startswith("rc.conf"):
            match = re.search(r"^[ \t]*hostname=[\"']?([\w.-]+)", source.text, re.MULTILINE)
        else:
            match = None
        if match is not None:
            return match[1].partition(".")[0]
    return _place_name(path)


def _place_name(path: str) -> str:
    if path == "-":
        return "stdin"
    place = Path(path)
    if place.is_dir():
        return place.resolve().name
    parents = [part for part in place.parts[:-1] if part not in _INNER]
    if parents and any(fnmatch(place.name, pattern) for pattern in _SYSTEM_NAMES):
        return parents[-1]  # as a system calls it: the name of the folder tells more
    return place.name.partition(".")[0] or place.name


_INNER = frozenset(
    ("/", ".", "..", "etc", "boot", "network", "interfaces.d", "ucarp", "keepalived", "rc.conf.d",
     "systemd", "system")
)  # fmt: skip
_SYSTEM_NAMES = (
    "rc.conf", "rc.conf.local", "rc.local", "start_if.*", "sysctl.conf", "pf.conf", "hostname.*",
    "ifconfig.*", "interfaces", "vip-*.conf", "keepalived.conf", "config.xml", "loader.conf",
    "ucarp.service", "ucarp@*.service",
)  # fmt: skip
