"""systemd: units that start ucarp. ExecStart is no shell.

Quotes join, `${X}` stays one word, `$X` alone is cut at blanks, `$$` is a dollar sign, `%i` is
the instance. An empty ExecStart= drops those before it; two without it are refused unless the
unit is a oneshot.
"""

import re

from carpscope.core.values import dataclass, field
from carpscope.settings import ucarp
from carpscope.settings.model import UNKNOWN, DeclaredNode, Where
from carpscope.settings.shell import Script, Word, evaluated
from carpscope.settings.source import NodeFiles, Source, instance_of
from carpscope.settings.system import System, refuse

_ESCAPES = {"n": "\n", "t": "\t", "s": " ", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


@dataclass(slots=True)
class _Unit:
    name: str
    instance: str | None
    starts: list[tuple[str, Where, Source]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    from_files: dict[str, str] = field(default_factory=dict)
    """EnvironmentFile= overrides Environment=, whichever comes first."""
    oneshot: bool = False


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read units and their drop-ins."""
    units: dict[str, _Unit] = {}
    sources = sorted(files.of("systemd.unit"), key=_order)
    enabled = {_unit_name(one) for one in sources}
    started = {one.partition("@")[0] for one in enabled if instance_of(one)}
    for source in sources:
        name = _unit_name(source)
        stem = name.rpartition(".")[0].partition("@")[0]
        if "@." in name and stem in started:
            continue  # a template, which starts nothing itself
        unit = units.setdefault(name, _Unit(stem, instance_of(name) or None))
        _directives(unit, source, files, node)
    for unit in units.values():
        unit.environment |= unit.from_files
        _start(unit, node, files)


def _order(source: Source) -> tuple[bool, str]:
    return source.relative.endswith(".conf"), source.relative


def _unit_name(source: Source) -> str:
    parts = source.relative.split("/")
    if len(parts) > 1 and parts[-2].endswith(".service.d"):
        return parts[-2].removesuffix(".d")
    return parts[-1]


def _directives(unit: _Unit, source: Source, files: NodeFiles, node: DeclaredNode) -> None:
    section = ""
    for number, text in _lines(source.text):
        if text.startswith("["):
            section = text.strip("[] ")
            continue
        name, equals, value = text.partition("=")
        if not equals or section != "Service":
            continue
        where, name, value = Where(source.path, number), name.strip(), value.strip()
        if name == "ExecStart":
            if value:
                unit.starts.append((value, where, source))
            else:
                unit.starts.clear()
        elif name == "Type":
            unit.oneshot = value == "oneshot"
        elif name == "Environment":
            for word in split(value, {}, None)[0]:
                key, sign, text_value = word.value.partition("=")
                if sign:
                    unit.environment[key] = text_value
        elif name == "EnvironmentFile":
            _environment_file(unit, value, where, files, node)


def _environment_file(
    unit: _Unit, value: str, where: Where, files: NodeFiles, node: DeclaredNode
) -> None:
    path = _specifiers(value.removeprefix("-"), unit.instance).replace(UNKNOWN, unit.name)
    found = files.at(path)
    if found is None:
        node.not_known("a file of variables", where)
        return
    script = Script()
    script.read(found.text, found.path)
    unit.from_files |= {name: item.value for name, item in script.variables.items()}
    found.has_secret = True


def _lines(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.rstrip("\r")
        if bare.lstrip()[:1] in ("#", ";"):
            continue
        if not parts:
            start = number
        if bare.endswith("\\"):
            parts.append(bare[:-1] + " ")
            continue
        parts.append(bare)
        joined = "".join(parts).strip()
        parts = []
        if joined:
            found.append((start, joined))
    return found


def split(text: str, environment: dict[str, str], instance: str | None) -> tuple[list[Word], bool]:
    """Cut a command line; also tell whether its quotes end."""
    words: list[Word] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        start, out, quote, literal = at, [], "", True
        while at < len(text) and (quote or text[at] not in " \t"):
            char = text[at]
            if char == quote:
                quote = ""
            elif not quote and char in "\"'":
                quote = char
            elif char == "\\" and at + 1 < len(text):
                at += 1
                out.append(_ESCAPES.get(text[at], f"\\{text[at]}"))
            else:
                out.append(char)
                literal = literal and char not in "$%"
            at += 1
        if quote:
            return words, False
        raw = text[start:at]
        value = "".join(out)
        if literal:
            words.append(Word(value, raw, 0))
            continue
        value = _specifiers(value, instance)
        alone = re.fullmatch(r"\$([A-Za-z_][A-Za-z0-9_]*)", value)
        if alone is not None:
            found = environment.get(alone[1])
            pieces = [UNKNOWN] if found is None else found.split()
            whole = raw if found is None or len(pieces) == 1 else found
            words += [Word(piece, whole, 0) for piece in pieces]
            continue
        words.append(Word(_replaced(value, environment), raw, 0))
    return words, True


def _specifiers(value: str, instance: str | None) -> str:
    def one(match: re.Match[str]) -> str:
        if match[1] == "%":
            return "%"
        if match[1] in "iI" and instance is not None:
            return instance
        return UNKNOWN

    return re.sub(r"%(.)", one, value)


def _replaced(value: str, environment: dict[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return environment.get(match[1], UNKNOWN)

    return re.sub(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}", one, value)


def _start(unit: _Unit, node: DeclaredNode, files: NodeFiles) -> None:
    if not unit.starts:
        return
    if len(unit.starts) > 1 and not unit.oneshot:
        where = unit.starts[1][1]
        told = "systemd refuses the unit: a second ExecStart= without Type=oneshot"
        for text, place, source in unit.starts:
            before = len(node.troubles)
            _line(unit, text, place, source, node, files)
            del node.troubles[before:]
        for vhid in node.vhids:
            if vhid.at in [place for _, place, _ in unit.starts]:
                vhid.runs = False
        numbers = [v.number for v in node.vhids if not v.runs and v.at == unit.starts[0][1]]
        devices = [v.device for v in node.vhids if not v.runs and v.at == unit.starts[0][1]]
        refuse(node, where, told, devices[0] if devices else "", numbers[0] if numbers else None)
        return
    for text, where, source in unit.starts:
        _line(unit, text, where, source, node, files)


def _line(
    unit: _Unit, text: str, where: Where, source: Source, node: DeclaredNode, files: NodeFiles
) -> None:
    words, whole = split(text.lstrip("-@:+!"), unit.environment, unit.instance)
    if not whole:
        found = re.search(r"(?:-v|--vhid)[= ]*([0-9]{1,3})\b", text)
        number = int(found[1]) if found is not None else None
        refuse(node, where, "systemd refuses the line: a quote does not end", "", number)
        return
    words = [Word(word.value, word.raw, where.line) for word in words]
    program = words[0].value.rpartition("/")[2] if words else ""
    if program in ("env", "nice", "nohup", "setsid"):
        words = next((words[at:] for at in range(1, len(words)) if _is_program(words[at])), [])
        program = words[0].value.rpartition("/")[2] if words else ""
    script = _script(words) if program in ("sh", "bash", "dash", "ksh") else None
    if script is not None:
        for command in evaluated(script, unit.environment.get):
            start = 1 if command[0].value == "exec" else 0
            if len(command) > start and command[start].value.rpartition("/")[2] == "ucarp":
                ucarp.take(command[start + 1 :], where, source, node, files)
    elif program == "ucarp":
        ucarp.take(words[1:], where, source, node, files)


def _is_program(word: Word) -> bool:
    """Tell a program from the options and assignments before it."""
    return not word.value.startswith("-") and "=" not in word.value


def _script(words: list[Word]) -> str | None:
    """Return what a shell is given behind an option that has a `c`."""
    for at, word in enumerate(words[1:], 2):
        if not word.value.startswith("-"):
            return None
        if "c" in word.value and at < len(words):
            return words[at].value
    return None


SYSTEM = System("systemd", ("systemd.unit",), read)
