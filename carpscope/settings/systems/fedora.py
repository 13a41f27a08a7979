"""Fedora: /etc/ucarp/vip-NNN.conf, each read by a shell behind vip-common.conf.

The number in the file's name is the vhid, decimal for the script and octal for ucarp where it
begins with 0. Variables of one vip are still set when the next one is read.
"""

import re

from carpscope.settings import ucarp
from carpscope.settings.model import UNKNOWN, DeclaredNode, Where
from carpscope.settings.shell import Script, Word
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.system import System, refuse


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read every vip in the order of the names."""
    sources = files.of("fedora.vip")
    common = [source for source in sources if source.name == "vip-common.conf"]
    script = Script()
    for source in sorted(sources, key=lambda one: one.name):
        match = re.fullmatch(r"vip-([0-9]+)\.conf", source.name)
        if match is None:
            continue
        for one in (*common, source):
            script.read(one.text, one.path)
        _vip(node, files, script, source, match[1])


def _vip(node: DeclaredNode, files: NodeFiles, script: Script, source: Source, number: str) -> None:
    where = Where(source.path, 1)
    decimal = int(number[:20])
    device = script.value("BIND_INTERFACE").strip()
    if not 1 <= decimal <= 255:
        told = f"the script skips it: {decimal} in the file's name is not from 1 to 255"
        refuse(node, where, told, device, decimal, label="vhid_out_of_range")
        return
    names = ["BIND_INTERFACE", "SOURCE_ADDRESS", "VIP_ADDRESS"]
    how = "PASSFILE" if script.value("PASSFILE") or not script.value("PASSWORD") else "PASSWORD"
    for name in (how, *names):
        if not script.value(name):
            told = f"the script skips it: {name} is not set"
            refuse(node, where, told, device, decimal)
            return
    words = _words("--interface=", script, "BIND_INTERFACE")
    option = "--passfile=" if how == "PASSFILE" else "--pass="
    words += _words(option, script, how)
    words += _words("--srcip=", script, "SOURCE_ADDRESS")
    words.append(Word(f"--vhid={number}", number, 1))
    words += _words("--addr=", script, "VIP_ADDRESS")
    options = script.value("OPTIONS")
    words += [Word(word, word, 1) for word in (options or "").split()]
    vhid = ucarp.take(words, where, source, node, files)
    if vhid is None:
        return
    for name in ("VIP_ADDRESS", "SOURCE_ADDRESS"):
        found = script.variables[name]
        place = Where(found.path, found.word.line)
        if place not in vhid.where:
            vhid.where.append(place)
    for shared in vhid.addresses:
        found = script.variables["VIP_ADDRESS"]
        shared.where = Where(found.path, found.word.line)


def _words(option: str, script: Script, name: str) -> list[Word]:
    """Put a variable behind an option without quotes: it is cut at blanks."""
    found = script.variables[name]
    raw = found.raw
    pieces = found.value.split() or [UNKNOWN]
    first = Word(option + pieces[0], option + raw, found.word.line)
    return [first, *(Word(piece, piece, found.word.line) for piece in pieces[1:])]


SYSTEM = System("Fedora", ("fedora.vip",), read)
