"""Debian: /etc/network/interfaces of ifupdown, and what /etc/network/if-up.d/ucarp makes of it.

Values reach to the end of the line with their quotes and `#`; the script puts them unquoted
on a command line, so that they are cut at blanks.
"""

import re

from carpscope.core.values import dataclass, field
from carpscope.settings import keys, ucarp
from carpscope.settings.model import DeclaredNode, Own, Where
from carpscope.settings.numbers import mask_length, prefixed, word_set
from carpscope.settings.shell import Word, evaluated
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.system import System, refuse
from carpscope.settings.systems.commands import take_command

_OFF = re.compile(r"no|off|false|0")
_ADD = re.compile(r"\bip\s+(?:-\S+\s+)*a(?:ddr(?:ess)?)?\s+add\s+(\S+)\s([^;&|]*)")
_DEVICE = re.compile(r"(?:^|\s)dev\s+(\S+)")
_OTHER = word_set(
    "auto allow-auto allow-hotplug mapping source source-directory no-auto-down "
    "no-scripts rename template"
)


_UP = word_set("up post-up pre-up")
_COMMANDS = _UP | word_set("down post-down pre-down")


@dataclass(slots=True)
class _Stanza:
    name: str
    family: str
    method: str
    where: Where
    source: Source
    values: dict[str, tuple[str, Where]] = field(default_factory=dict)
    commands: list[tuple[str, Where]] = field(default_factory=list)


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read what ifupdown reads."""
    sources = files.of("debian.interfaces")
    for source in sources:  # what a line names comes behind
        for stanza in _stanzas(source, files, node, sources):
            _own(node, stanza)
            _commands(node, stanza, files)
            if any(name.startswith("ucarp-") for name in stanza.values):
                _ucarp(node, stanza, files)


def _lines(text: str) -> list[tuple[int, str]]:
    found = []
    number, start, parts = 1, 1, []
    for line in text.split("\n"):
        if line.endswith("\\"):
            parts.append(line[:-1])
        else:
            parts.append(line)
            found.append((start, "".join(parts)))
            parts, start = [], number + 1
        number += 1
    if parts:
        found.append((start, "".join(parts)))
    return found


def _stanzas(
    source: Source, files: NodeFiles, node: DeclaredNode, sources: list[Source]
) -> list[_Stanza]:
    found: list[_Stanza] = []
    current: _Stanza | None = None
    for number, line in _lines(source.text):
        text = line.strip(" \t\r")
        if not text or text.startswith("#"):
            continue
        where = Where(source.path, number)
        name, _, rest = text.replace("\t", " ").partition(" ")
        rest = rest.strip(" ")
        if name == "iface":
            words = [*rest.split(), "", "", ""]
            current = _Stanza(words[0], words[1], words[2], where, source)
            found.append(current)
        elif name in _OTHER or name.startswith("allow-"):
            current = None
            if name == "source" and not set(rest) & set("*?["):
                named = files.at(rest)
                if named is None:
                    node.is_partial = True
                    node.not_known("a file that is read as well", where)
                elif named not in sources:
                    sources.append(named)
        elif current is not None:
            if name in _COMMANDS:
                if name in _UP:
                    current.commands.append((rest, where))
            else:
                # as it stands behind the first blank, whatever follows
                value = text[len(name) :].strip(" \t")
                current.values.setdefault(name.lower().replace("_", "-"), (value, where))
    return found


def _own(node: DeclaredNode, stanza: _Stanza) -> None:
    if ":" in stanza.name or stanza.method == "loopback":
        return
    interface = node.interface(stanza.name)
    match = re.fullmatch(r".+\.([0-9]{1,4})|vlan([0-9]{1,4})", stanza.name)
    if match is not None:
        interface.vlan = int(match[1] or match[2])
    given = stanza.values.get("address")
    if given is not None:
        found = prefixed(given[0])
        mask = stanza.values.get("netmask")
        if found is not None:
            length = found[1]
            if length is None and mask is not None:
                length = (
                    int(mask[0])
                    if mask[0].isdecimal() and len(mask[0]) < 4
                    else (mask_length(mask[0]))
                )
            interface.add(Own(found[0], length, given[1]))
    for text, where in stanza.commands:
        for value, rest in _ADD.findall(text):
            found, device = prefixed(value), _DEVICE.search(rest)
            target = stanza.name if device is None else device[1].strip("\"'")
            target = target.replace("$IFACE", stanza.name).replace("${IFACE}", stanza.name)
            if found is not None:
                node.interface(target).add(Own(found[0], found[1], where))


def _commands(node: DeclaredNode, stanza: _Stanza, files: NodeFiles) -> None:
    """Take the calls of ucarp that a stanza makes when its interface comes up."""
    for text, where in stanza.commands:
        for words in evaluated(text, {"IFACE": stanza.name}.get):
            placed = [Word(word.value, word.raw, where.line) for word in words]
            take_command(placed, stanza.source, node, files)


def _ucarp(node: DeclaredNode, stanza: _Stanza, files: NodeFiles) -> None:
    values = stanza.values

    def value(name: str) -> str:
        return values[name][0] if name in values else ""

    place = values["ucarp-vid"][1] if "ucarp-vid" in values else stanza.where
    missing = [n for n in ("ucarp-vid", "ucarp-vip", "ucarp-password") if not value(n)]
    if missing:
        number = (
            int(value("ucarp-vid")) if re.fullmatch(r"[0-9]{1,4}", value("ucarp-vid")) else None
        )
        told = f"without {missing[0]} if-up.d/ucarp starts nothing and says nothing"
        refuse(node, place, told, stanza.name, number)
        return
    given = value("address")
    if stanza.method == "static":
        given = given.partition("/")[0]
    words = ["-i", stanza.name, "-s", *given.split(), "-B", "-z"]
    words += ["-v", *value("ucarp-vid").split(), "-p", *value("ucarp-password").split()]
    words += ["-a", *value("ucarp-vip").split()]
    words += ["-u", "/usr/share/ucarp/vip-up", "-d", "/usr/share/ucarp/vip-down"]
    master = value("ucarp-master")
    if master and not _OFF.match(master):
        words.append("-P")
    for name, option in (("advskew", "-k"), ("advbase", "-b"), ("deadratio", "-r")):
        if value(f"ucarp-{name}"):
            words += [option, *value(f"ucarp-{name}").split()]
    line = values["ucarp-password"][1]
    meant = keys.readings(value("ucarp-password"), in_double_quotes=False)
    if not given:
        told = "it has no address, so ucarp takes the word behind -s for one and does not start"
        refuse(node, stanza.where, told, stanza.name, _number(value("ucarp-vid")))
        return
    vhid = ucarp.take(
        [Word(word, word, line.line) for word in words],
        place,
        stanza.source,
        node,
        files,
        meant=meant,
    )
    if vhid is not None:
        vhid.where += [values[n][1] for n in ("ucarp-vip", "ucarp-password") if n in values]
        if vhid.key is not None:
            vhid.key.where = line


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,3}", text) else None


SYSTEM = System("Debian", ("debian.interfaces",), read)
