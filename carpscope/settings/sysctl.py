"""sysctl.conf and tunables: whether a node preempts, and whether it starts demoted or deaf."""

import re

from carpscope.settings.model import DeclaredNode, Where
from carpscope.settings.numbers import atoi, is_known
from carpscope.settings.source import NodeFiles, Source

Values = dict[str, tuple[str, Where]]
_LINE = re.compile(r"[ \t]*([A-Za-z0-9_.]+)[ \t]*(?:=|:[ \t])[ \t]*(.*?)[ \t]*\Z")
"""A line of sysctl.conf, or of what sysctl(8) prints."""
_CARP = "net.inet.carp."


def lines(source: Source) -> Values:
    """Read one file: the last assignment of a name counts."""
    found: Values = {}
    for number, line in enumerate(source.text.split("\n"), 1):
        match = _LINE.match(line.partition("#")[0].rstrip("\r"))
        if match is not None:
            found[match[1]] = (match[2].strip("\"'"), Where(source.path, number))
    return found


def read_sysctls(files: NodeFiles) -> Values:
    """Read loader.conf's tunables, then sysctl.conf."""
    found: Values = {}
    for kind in ("freebsd.loader.conf", "sysctl.conf"):
        for source in files.of(kind):
            found |= {k: v for k, v in lines(source).items() if k.startswith(_CARP)}
    return found


def of_command(words: list[str], where: Where) -> Values:
    """Read what a call of sysctl(8) sets; `words` are those behind its name."""
    found: Values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name.startswith(_CARP) and is_known(word):
            found[name] = (value, where)
    return found


def take_sysctls(
    node: DeclaredNode, values: Values, sources: list[Source], *, kernel: bool
) -> None:
    """Say what the values do to a node; without a sysctl.conf preempt is not known."""
    found = values.get("net.inet.carp.preempt")
    if found is not None:
        node.preempt, node.preempt_where = atoi(found[0]) != 0, found[1]
    elif sources and kernel:
        node.preempt, node.preempt_where = False, Where(sources[0].path, 1)
    elif node.preempt is None and kernel and node.vhids:
        node.not_known("net.inet.carp.preempt: there is no sysctl.conf", None)
    take_maintenance(node, values)


def take_maintenance(node: DeclaredNode, values: Values) -> None:
    """Note what demotes or deafens a node from its start."""
    found = values.get("net.inet.carp.demotion")
    if found is not None and atoi(found[0]) > 0:
        node.demotion += atoi(found[0])
        node.maintenance.append((found[1], f"net.inet.carp.demotion={atoi(found[0])}"))
    found = values.get("net.inet.carp.allow")
    if found is not None and atoi(found[0]) == 0:
        node.allows = False
        node.maintenance.append((found[1], "net.inet.carp.allow=0"))
