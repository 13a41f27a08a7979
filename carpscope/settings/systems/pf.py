"""pf.conf: whether protocol 112 passes. The last rule that matches decides, or the first quick one.

Rules are read, not states. What depends on a table, an anchor or a macro that is not in the
file is not known, and then no verdict is given unless it makes no difference.
"""

import re
from collections.abc import Iterable

from carpscope.core.address import inside
from carpscope.core.values import dataclass, field
from carpscope.settings.model import DeclaredNode, Firewall, Where
from carpscope.settings.numbers import prefixed, word_set
from carpscope.settings.shell import EXPANDED_MAX, Script
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.system import System

_TOKEN = re.compile(r'"[^"]*"|[{}(),!<>]|[^\s{}(),!<>"]+')
_NO_CARP = word_set("port user group icmp-type icmp6-type flags os modulate synproxy")
_NOT_READ = word_set("tagged received-on probability !received-on route-to fastroute")
_PROXIES = ("ftp-proxy", "relayd", "tftp-proxy", "miniupnpd", "fail2ban", "blacklistd", "f2b")


@dataclass(slots=True)
class PfRule:
    """One pass or block rule, as far as it concerns advertisements."""

    passes: bool
    where: Where
    direction: str = ""
    quick: bool = False
    interfaces: list[tuple[bool, str]] = field(default_factory=list)
    family: str = ""
    protocols: list[str] = field(default_factory=list)
    source: list[list[str]] | None = None
    destination: list[list[str]] | None = None
    never: bool = False
    unsure: bool = False


@dataclass(slots=True)
class PacketFilter(Firewall):
    """The rules of one file."""

    node: DeclaredNode
    rules: list[PfRule] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    tables: dict[str, list[str] | None] = field(default_factory=dict)

    def verdict(
        self, interface: str, direction: str, source: bytes | None, destination: bytes
    ) -> tuple[bool | None, Where | None]:
        """Tell whether an advertisement passes."""
        if any(_is_interface(name, interface) for name in self.skipped):
            return True, None
        last: list[tuple[bool, Where | None]] = [(True, None)]
        final: list[tuple[bool, Where | None]] = []
        for rule in self.rules:
            matches = self._matches(rule, interface, direction, source, destination)
            if matches is False:
                continue
            one = (rule.passes, rule.where)
            if matches is None:
                last.append(one)
                if rule.quick:
                    final.append(one)
                continue
            last = [one]
            if rule.quick:
                break
        outcomes = {passes for passes, _ in (*final, *last)}
        return (outcomes.pop(), last[-1][1]) if len(outcomes) == 1 else (None, None)

    def _matches(
        self,
        rule: PfRule,
        interface: str,
        direction: str,
        source: bytes | None,
        destination: bytes,
    ) -> bool | None:
        if rule.never or rule.direction not in ("", direction):
            return False
        if rule.family and (rule.family == "inet") != (len(destination) == 4):
            return False
        answers: list[bool | None] = [None] if rule.unsure else []
        if rule.interfaces:
            answers.append(_any(_on(item, interface) for item in rule.interfaces))
        if rule.protocols:
            named = [p for p in rule.protocols if not p.startswith("$")]
            fits: bool | None = any(p in ("carp", "112") for p in named)
            if not fits and len(named) < len(rule.protocols):
                fits = None
            answers.append(fits)
        if rule.source is not None:
            answers.append(_any(self._host(item, source) for item in rule.source))
        if rule.destination is not None:
            answers.append(_any(self._host(item, destination) for item in rule.destination))
        if False in answers:
            return False
        return None if None in answers else True

    def _host(self, words: list[str], value: bytes | None) -> bool | None:
        negated = words[:1] == ["!"]
        words = words[1:] if negated else words
        answer = self._plain_host(words, value)
        return answer if answer is None else answer is not negated

    def _plain_host(self, words: list[str], value: bytes | None) -> bool | None:
        text = "".join(words)
        if text == "any":
            return True
        if text in ("urpf-failed", "no-route"):
            return False  # a neighbour's address is neither
        if value is None or "$" in text:
            return None
        found = prefixed(text)
        if found is not None:
            bits = 8 * len(found[0]) if found[1] is None else found[1]
            return inside(found[0], bits, value)
        if text.startswith("<"):
            listed = self.tables.get(text.strip("<>"))
            if listed is None:
                return None
            return _any(self._host([item], value) for item in listed)
        name, colon, suffix = text.strip("()").partition(":")
        interface = self.node.interfaces.get(name)
        if interface is None or not interface.own:
            return None
        if suffix.startswith("network"):
            return any(inside(own.address, own.length, value) for own in interface.own)
        if colon and suffix != "0":
            return None
        return value in [own.address for own in interface.own]


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read the rules, where the system uses them."""
    sources = files.of("pf.conf")
    if not sources:
        return
    script = Script()
    for source in files.of("freebsd.rc.conf", "openbsd.rc.conf"):
        script.read(source.text, source.path)
    if files.of("openbsd.hostname.if"):
        if script.value("pf").upper() == "NO":
            return
    elif script.value("pf_enable").lower() not in ("yes", "true", "on", "1"):
        return
    pf = PacketFilter(node)
    for source in sources:
        _Parser(pf, source, files).run(source)
    node.firewall = pf


class _Parser:
    def __init__(self, pf: PacketFilter, source: Source, files: NodeFiles) -> None:
        self.pf = pf
        self.files = files
        self.read = [source.path]
        self.macros: dict[str, list[str]] = {}
        self.left = EXPANDED_MAX

    def run(self, source: Source) -> None:
        for number, line in _lines(source.text):
            assigned = re.match(r"\s*([A-Za-z_]\w*)\s*=\s*(.*)\Z", line, re.DOTALL)
            if assigned is not None:
                text = re.sub(r'["\']', " ", assigned[2])
                self.macros[assigned[1]] = self.tokens(text)
                continue
            words = self.tokens(line)
            if words[:1] == ["include"] and self.include(line):
                continue
            if words:
                self.rule(words, Where(source.path, number))

    def include(self, line: str) -> bool:
        """Read a file that a line names, if it was given and was not read before."""
        path = re.search(r"[\"']?(/[^\"'\s]+)", line)
        named = None if path is None else self.files.at(path[1])
        if named is None or named.path in self.read:
            return False
        self.read.append(named.path)
        self.run(named)
        return True

    def tokens(self, text: str) -> list[str]:
        found: list[str] = []
        for token in _TOKEN.findall(text):
            bare = token.strip('"')
            name = bare.removeprefix("$")
            listed = self.macros.get(name) if bare.startswith("$") else None
            if listed is not None and len(listed) <= self.left:
                found += listed
                self.left -= len(listed)
            else:
                found.append(bare)  # a macro that is not known here stays one
        return found

    def rule(self, words: list[str], where: Where) -> None:
        match words[0]:
            case "pass" | "block":
                self.filter(words, where)
            case "set" if words[1:3] == ["skip", "on"]:
                self.pf.skipped += [w for w in words[3:] if w not in "{},"]
            case "table":
                self.table(words)
            case "anchor" | "include" | "load":
                name = " ".join(words[1:2])
                if words[0] == "include" or not name.startswith(_PROXIES):
                    for passes in (True, False):
                        self.pf.rules.append(PfRule(passes, where, quick=True, unsure=True))
            case _:
                pass

    def table(self, words: list[str]) -> None:
        text = " ".join(words)
        name = re.match(r"table < ([^ ]+) >", text)
        listed = re.search(r"\{([^}]*)\}", text)
        if name is not None:
            items = re.split(r"[ ,]+", listed[1].strip()) if listed is not None else None
            # what a program adds later is not in the file; an empty one matches nobody
            self.pf.tables[name[1]] = None if "file" in words else items or []

    def filter(self, words: list[str], where: Where) -> None:
        rule = PfRule(words[0] == "pass", where)
        at = 1
        while at < len(words):
            word = words[at]
            at += 1
            match word:
                case "in" | "out":
                    rule.direction = word
                case "quick":
                    rule.quick = True
                case "log":
                    at = self.skip_parenthesis(words, at)
                case "on":
                    items, at = self.items(words, at)
                    rule.interfaces = [(item[0] == "!", item[-1]) for item in items if item]
                    if any("rdomain" in item for item in items):
                        at += 1
                        rule.interfaces, rule.unsure = [], True
                case "inet" | "inet6":
                    rule.family = word
                case "proto":
                    items, at = self.items(words, at)
                    rule.protocols = ["".join(item) for item in items]
                case "from":
                    rule.source, at = self.items(words, at)
                case "to":
                    rule.destination, at = self.items(words, at)
                case _ if word in _NO_CARP and word != "flags":
                    rule.never = word in ("port", "icmp-type", "icmp6-type", "user", "group", "os")
                    at += 1
                case _ if word in _NOT_READ:
                    rule.unsure = True
                case _ if word.startswith("$"):
                    rule.unsure = True
                case _:
                    pass
        self.pf.rules.append(rule)

    @staticmethod
    def skip_parenthesis(words: list[str], at: int) -> int:
        if words[at : at + 1] == ["("]:
            while at < len(words) and words[at] != ")":
                at += 1
            at += 1
        return at

    @staticmethod
    def items(words: list[str], at: int) -> tuple[list[list[str]], int]:
        """Take one item, or a list of them in braces."""
        if words[at : at + 1] == ["{"]:
            items: list[list[str]] = [[]]
            at += 1
            while at < len(words) and words[at] != "}":
                if words[at] == ",":
                    items.append([])
                elif items[-1] and items[-1][-1] not in "!(<" and words[at] not in ")>":
                    items.append([words[at]])
                elif words[at] != "{":
                    items[-1].append(words[at])
                at += 1
            return [item for item in items if item], at + 1
        item: list[str] = []
        if words[at : at + 1] == ["!"]:
            item.append("!")
            at += 1
        if at < len(words) and words[at] in "(<":
            close = ")" if words[at] == "(" else ">"
            while at < len(words) and words[at] != close:
                item.append(words[at])
                at += 1
        if at < len(words):
            item.append(words[at])
        return ([item] if item else []), at + 1


def _lines(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    parts: list[str] = []
    start = 1
    depth = 0
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.partition("#")[0].rstrip(" \t\r")
        if not parts:
            start = number
        continued = bare.endswith("\\")
        parts.append(bare.removesuffix("\\"))
        depth += bare.count("{") - bare.count("}")
        if continued or depth > 0:
            continue
        depth = 0
        joined = " ".join(parts)
        parts = []
        if joined.strip():
            found.append((start, joined))
    return found


def _any(answers: Iterable[bool | None]) -> bool | None:
    found = list(answers)
    if True in found:
        return True
    return None if None in found else False


def _is_interface(name: str, interface: str) -> bool:
    return name == interface or name == interface.rstrip("0123456789")


def _on(item: tuple[bool, str], interface: str) -> bool | None:
    negated, name = item
    if name.startswith("$"):
        return None
    if name in ("any", "all") or _is_interface(name, interface):
        return not negated
    if not name[-1:].isdigit():
        return None  # a group
    return negated


SYSTEM = System("pf", ("pf.conf", "openbsd.rc.conf"), read)
