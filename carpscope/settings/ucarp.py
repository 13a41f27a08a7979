"""The command line of ucarp 1.5.2, as getopt_long and its main() take it.

Options may stand anywhere, the last one of a kind counts, other words are left aside.
Numbers are read by strtoul() with base 0 and put into a byte.
"""

import re

from carpscope.core.values import dataclass, field
from carpscope.settings import keys
from carpscope.settings.model import (
    UNKNOWN,
    DeclaredKey,
    DeclaredNode,
    DeclaredVhid,
    Own,
    SharedAddress,
    Where,
)
from carpscope.settings.numbers import address, is_known, read_as, strtoul, word_set
from carpscope.settings.shell import Word
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.system import refuse

_SHORT = {
    "i": "interface", "s": "srcip", "m": "mcast", "v": "vhid", "p": "pass", "o": "passfile",
    "a": "addr", "b": "advbase", "k": "advskew", "u": "upscript", "d": "downscript",
    "r": "deadratio", "f": "facility", "x": "xparam", "P": "preempt", "n": "neutral", "h": "help",
    "D": "debug", "z": "shutdown", "B": "daemonize", "S": "ignoreifstate", "M": "nomcast",
}  # fmt: skip
_FLAGS = word_set("preempt neutral help debug shutdown daemonize ignoreifstate nomcast")
_PASS, _PASSFILE = "pass", "passfile"
_LONG = frozenset(_SHORT.values())
_PATH = re.compile(r"/[\w.-]+(/[\w.-]+)+")
LINE_MAX = 511
"""What fgets() takes of a passfile's first line."""
PASSWORD_MAX = 19


class _RefusedError(Exception):
    def __init__(self, told: str, *, out_of_range: bool = False) -> None:
        super().__init__(told)
        self.out_of_range = out_of_range


@dataclass(slots=True)
class _Line:
    """What the options say."""

    values: dict[str, Word] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    from_option: str = ""
    """`pass` or `passfile`, whichever came last."""


def options(words: list[Word]) -> _Line:
    """Sort the words as getopt_long() does."""
    line = _Line()
    at = 0
    while at < len(words):
        text = words[at].value
        word = words[at]
        at += 1
        if text == "--":
            break
        if text.startswith("--"):
            name, equals, value = text[2:].partition("=")
            fits = [n for n in _LONG if n == name] or [n for n in _LONG if n.startswith(name)]
            if len(fits) != 1:
                raise _RefusedError("it knows no such option")
            if fits[0] in _FLAGS:
                if equals:
                    raise _RefusedError(f"--{fits[0]} takes no value")
                line.flags.add(fits[0])
                continue
            if not equals:
                if at >= len(words):
                    raise _RefusedError(f"--{fits[0]} has no value")
                _set(line, fits[0], words[at])
                at += 1
            else:
                raw = word.raw.partition("=")[2] if "=" in word.raw else value
                _set(line, fits[0], Word(value, raw, word.line))
        elif text.startswith("-") and len(text) > 1:
            at = _letters(line, word, words, at)
    return line


def _letters(line: _Line, word: Word, words: list[Word], at: int) -> int:
    text = word.value
    for number, letter in enumerate(text[1:], 2):
        name = _SHORT.get(letter)
        if name is None:
            raise _RefusedError("it knows no such option")
        if name in _FLAGS:
            line.flags.add(name)
            continue
        if text[number:]:
            raw = word.raw[number:] if word.raw == text else text[number:]
            _set(line, name, Word(text[number:], raw, word.line))
        elif at < len(words):
            _set(line, name, words[at])
            at += 1
        else:
            raise _RefusedError(f"-{letter} has no value")
        break
    return at


def _set(line: _Line, name: str, word: Word) -> None:
    line.values[name] = word
    if name in ("pass", "passfile"):
        line.from_option = name


def take(
    words: list[Word],
    where: Where,
    source: Source,
    node: DeclaredNode,
    files: NodeFiles,
    *,
    meant: set[str] | None = None,
) -> DeclaredVhid | None:
    """Add the vhid of one command line (the words behind `ucarp`) to a node.

    `meant`: how a person reads the passphrase, where that is not in the words themselves.
    """
    if not node.profile:
        node.profile = "ucarp"
        node.because.append("ucarp")
    vhid = DeclaredVhid(None, "", "", [where], preempt=False)
    try:
        line = options(words)
        _fill(vhid, line, where, source, node, files, meant)
    except _RefusedError as refused:
        vhid.runs = False
        label = "vhid_out_of_range" if refused.out_of_range else "not_configured"
        told = f"ucarp does not start: {refused}"
        refuse(node, where, told, vhid.interface, vhid.number, label=label)
        vhid.dropped += vhid.addresses
    if not vhid.interface:
        return None
    node.interface(vhid.interface)
    node.vhids.append(vhid)
    return vhid


def _fill(
    vhid: DeclaredVhid,
    line: _Line,
    where: Where,
    source: Source,
    node: DeclaredNode,
    files: NodeFiles,
    meant: set[str] | None,
) -> None:
    if "help" in line.flags:
        raise _RefusedError("it prints its help and ends")
    values = line.values
    device = values["interface"].value if "interface" in values else ""
    if device and not is_known(device):
        node.not_known("the interface", where)
        device = "an interface not known here"
    vhid.interface = vhid.device = device
    vhid.preempt = "preempt" in line.flags
    # what a person reads first, so that a refused line still has its place
    if "vhid" in values and is_known(values["vhid"].value):
        vhid.number = strtoul(values["vhid"].value)
        vhid.number_written = values["vhid"].value if read_as(values["vhid"].value) else ""
    if "addr" in values:
        found = address(values["addr"].value.partition("/")[0])
        if found is not None:
            vhid.dropped.append(SharedAddress(found, None, where))
    if "srcip" in values:
        _source(vhid, values["srcip"].value.partition("/")[0], where, node)
    if "vhid" in values:
        if vhid.number is None:
            node.not_known("the vhid", where)
        elif not 1 <= vhid.number <= 255:
            read = read_as(values["vhid"].value) or vhid.number
            raise _RefusedError(f"a vhid is a number from 1 to 255, not {read}", out_of_range=True)
    vhid.key = _key(line, where, source, files, node, meant)
    for name in ("srcip", "addr"):
        word = values.get(name)
        if word is None or not is_known(word.value):
            continue
        if address(word.value, "inet") is None:
            raise _RefusedError(f"--{name} is no IPv4 address")
    vhid.advbase = _byte(values.get("advbase"), 1)
    vhid.advskew = _byte(values.get("advskew"), 0)
    if "deadratio" in values and is_known(values["deadratio"].value):
        vhid.dead_ratio = strtoul(values["deadratio"].value) & 0xFFFFFFFF
        if vhid.dead_ratio == 0:
            raise _RefusedError("--deadratio cannot be 0")
    if not device:
        raise _RefusedError("it has no interface")
    if line.from_option == "":
        raise _RefusedError("it has no passphrase")
    if "vhid" not in values:
        raise _RefusedError("it has no vhid", out_of_range=False)
    if vhid.advbase == 0 and vhid.advskew == 0:
        raise _RefusedError("advbase is 0")
    if "srcip" not in values:
        raise _RefusedError("it has no source address")
    if "addr" not in values:
        raise _RefusedError("it has no shared address")
    shared = address(values["addr"].value, "inet")
    vhid.dropped.clear()
    if shared is None:
        vhid.unsure = True
        node.not_known("the shared address", where)
    else:
        vhid.add(SharedAddress(shared, None, where))


def _source(vhid: DeclaredVhid, text: str, where: Where, node: DeclaredNode) -> None:
    packed = address(text, "inet")
    if packed is None or not vhid.interface:
        return
    vhid.source = packed
    node.interface(vhid.interface).add(Own(packed, None, where))


def _byte(word: Word | None, default: int) -> int | None:
    if word is None:
        return default
    return strtoul(word.value) & 0xFF if is_known(word.value) else None


def _key(
    line: _Line,
    where: Where,
    source: Source,
    files: NodeFiles,
    node: DeclaredNode,
    meant: set[str] | None,
) -> DeclaredKey | None:
    if line.from_option == _PASSFILE:
        return _from_file(line.values["passfile"].value, where, files, node)
    if line.from_option != _PASS:
        return None
    word = line.values["pass"]
    source.has_secret = True
    if is_known(word.value):
        length = len(word.value.encode(source.encoding, "surrogateescape"))
        if length > PASSWORD_MAX:
            raise _RefusedError(
                f"the passphrase has {length} bytes, and {PASSWORD_MAX} is the most"
            )
        if not length:
            raise _RefusedError("the passphrase is empty")
    flaw = ""
    if _PATH.fullmatch(word.value):
        flaw = "the text of a path is signed, not what the file holds"
    if meant is None:
        meant = keys.readings(word.raw, in_double_quotes=False)
    reference = keys.is_variable(word.raw)
    key = keys.made(
        word.value,
        meant,
        where,
        source.encoding,
        limit=PASSWORD_MAX,
        flaw=flaw,
        is_reference=reference,
    )
    if key.octets is None and not key.varies:
        node.not_known("the passphrase", where)
    return key


def _from_file(path: str, where: Where, files: NodeFiles, node: DeclaredNode) -> DeclaredKey:
    found = files.at(path) if is_known(path) else None
    if found is None:
        node.not_known("the passphrase: its file is not given", where)
        return keys.made(UNKNOWN, set(), where, "utf-8", is_reference=True)
    found.has_secret = True
    place = Where(found.path, 1)
    data = found.data[:LINE_MAX].partition(b"\n")[0]
    if len(data) > PASSWORD_MAX:
        raise _RefusedError(f"the passphrase has {len(data)} bytes, and {PASSWORD_MAX} is the most")
    if not data:
        raise _RefusedError("the passphrase is empty")
    flaw = ""
    if data.endswith(b"\r"):
        flaw = "the carriage return of a DOS file is kept as a part of it"
    return DeclaredKey(data, place, flaw=flaw, written_length=len(data))
