"""NetBSD: ifconfig.if, and ifconfig_IF of rc.conf, as etc/rc.d/network reads them.

Each line is one call, cut at blanks; no quotes are taken away. `#` is a comment only at the
beginning of a line; `!` gives the rest of it to the shell, with `$int` for the interface.
"""

import re

from carpscope.settings import ifconfig
from carpscope.settings.ifconfig import Dialect
from carpscope.settings.model import DeclaredNode, Where
from carpscope.settings.numbers import is_known
from carpscope.settings.shell import Script, Word, evaluated
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.sysctl import read_sysctls, take_sysctls
from carpscope.settings.system import (
    System,
    call_key,
    declare_device,
    drop_shared,
    find_doubles,
    find_parents,
    note_unknown,
    refuse,
    take_own,
    take_shared,
    take_values,
    value_of,
    vhid_of,
)


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read what NetBSD reads."""
    lists = sorted(files.of("netbsd.ifconfig.if"), key=lambda source: source.name)
    configs = files.of("netbsd.rc.conf")
    if not lists and not configs:
        return
    if not node.profile:
        node.profile = "netbsd"
        node.because.append("ifconfig.if" if lists else "carpdev in rc.conf")
    for source in lists:
        name = source.name.removeprefix("ifconfig.")
        if name == source.name:
            name = "carp0"
        for number, line in enumerate(source.text.split("\n"), 1):
            _line(node, name, source, Where(source.path, number), line)
    script = Script()
    for source in configs:
        script.read(source.text, source.path)
        for variable, found in script.variables.items():
            match = re.fullmatch(r"ifconfig_([a-z]+[0-9]+)", variable)
            if match is not None and found.path == source.path:
                at = 0
                for line in found.value.split("\n"):
                    where = Where(found.path, found.word.line_at(at))
                    _line(node, match[1], source, where, line)
                    at += len(line) + 1
    find_parents(node, "carp[0-9]+")
    find_doubles(node)
    take_sysctls(node, read_sysctls(files), files.of("sysctl.conf"), kernel=True)


def _line(node: DeclaredNode, name: str, source: Source, where: Where, line: str) -> None:
    words = line.split()
    if words[:1] == ["create"]:
        words = words[1:]
    if words and words[0].startswith("!"):
        _shell(node, name, source, where, line)
        return
    if not words or words[0].startswith("#") or words[0] in ("dhcp", "rtsol"):
        return
    is_carp = re.fullmatch(r"carp[0-9]+", name) is not None
    call = ifconfig.read([Word(word, word, where.line) for word in words], Dialect.NETBSD)
    if not is_carp and not call.names_carp:
        if not call.refused:
            take_own(node, name, call, where)
        return
    number = call.vhid if call.vhid is not None else vhid_of(words)
    vhid = declare_device(node, number, name, where)
    if call.refused:
        label = "vhid_out_of_range" if call.out_of_range else "not_configured"
        vhid.number = vhid.number if vhid.number is not None else number
        drop_shared(vhid, words, where)
        device = value_of(words, "carpdev")
        if device is not None and vhid.interface == name:
            vhid.interface = device
        refuse(node, where, call.complaint, name, number, label=label)
        return
    key = call_key(call, line, where, source, quoted=False)
    note_unknown(node, call, key, where)
    if call.vhid is not None:
        vhid.number = call.vhid
    if call.carpdev is not None:
        vhid.interface = call.carpdev
        node.interface(call.carpdev)
    take_values(vhid, call, key, where)
    take_shared(vhid, call, where)


def _shell(node: DeclaredNode, name: str, source: Source, where: Where, line: str) -> None:
    """Take a call of ifconfig that a line gives to the shell."""
    for words in evaluated(line.strip()[1:], {"int": name}.get):
        program, values = words[0].value.rpartition("/")[2], [word.value for word in words]
        if program == "ifconfig" and len(words) > 2 and is_known(values[1]):
            _line(node, values[1], source, where, " ".join(values[2:]))
        elif "carp" in line:
            node.is_partial = True
            node.not_known("a command", where)


SYSTEM = System("NetBSD", ("netbsd.ifconfig.if", "netbsd.rc.conf"), read)
