"""FreeBSD: rc.conf as libexec/rc/network.subr reads it, loader.conf, start_if, rc.local.

`ifconfig_IF` is evaluated once, so quotes inside it work. Aliases are cut at blanks whatever
quotes they have; all but the last are evaluated once more. A hex digit with a hyphen behind
it is taken for a range of addresses in any alias, whichever word it stands in. What one call
of ifconfig does not name stays with the vhid, but for the peer (sbin/ifconfig/carp.c).
"""

import re

from carpscope.settings import ifconfig
from carpscope.settings.ifconfig import Dialect
from carpscope.settings.model import UNKNOWN, DeclaredKey, DeclaredNode, Where
from carpscope.settings.netif import RcCall, expanded, missing_module, plain, unquoted, vlans
from carpscope.settings.numbers import is_known, word_set
from carpscope.settings.shell import Lexer, Script, Unfinished, Word, evaluated
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.sysctl import of_command, read_sysctls, take_sysctls
from carpscope.settings.system import (
    System,
    call_key,
    declare,
    declare_device,
    drop_shared,
    find_doubles,
    find_parents,
    note_unknown,
    refuse,
    stop_all,
    take_own,
    take_shared,
    take_values,
    vhid_of,
)

_PSEUDO = word_set("dhcp noauto nosyncdhcp syncdhcp wpa hostap")
_FAMILIES = ("inet", "inet6", "link", "ether")
_NAME = re.compile(
    r"(?:ipv6_)?ifconfig_(?P<name>[A-Za-z0-9_]+?)"
    r"(?P<part>_alias[0-9]+|_aliases|_ipv6|_descr|_name)?\Z"
)


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read what FreeBSD reads."""
    configs = files.of("freebsd.rc.conf")
    scripts = files.of("freebsd.start_if", "freebsd.rc.local")
    if not configs and not scripts and not files.of("freebsd.loader.conf"):
        return
    reader = _Reader(files, node)
    for source in configs:
        reader.configs[source.path] = source
        reader.run(reader.script.read(source.text, source.path), source)
    reader.interfaces()
    for source in scripts:
        reader.run(reader.script.read(source.text, source.path), source)
    for path, line in reader.script.broken:
        refuse(
            node,
            Where(path, line),
            "sh does not read the file: a quote does not end",
            "",
            None,
            all_of_it=True,
        )
    reader.version()
    reader.modules()
    values = read_sysctls(files) | node.sysctls
    take_sysctls(node, values, files.of("sysctl.conf"), kernel=True)


class _Reader:
    def __init__(self, files: NodeFiles, node: DeclaredNode) -> None:
        self.files = files
        self.node = node
        self.script = Script()
        self.configs: dict[str, Source] = {}
        self.old = False
        """Interfaces carpN: FreeBSD 9 and before."""
        self.words: set[str] = set()
        self.aliases: dict[str, list[tuple[int, str]]] = {}
        """The numbered aliases of each interface."""

    # ---- variables

    def value(self, name: str) -> str:
        """Return a variable's text, empty where it is not set."""
        return self.script.value(name)

    def interfaces(self) -> None:
        """Configure every interface that a variable names, as rc.d/netif does."""
        found: dict[str, Where] = {}
        for variable, item in self.script.variables.items():
            match = _NAME.match(variable)
            if match is None or match["name"] == "DEFAULT":
                continue
            name, part = match["name"], match["part"] or ""
            found.setdefault(name, Where(item.path, item.word.line))
            if part[6:].isdecimal() and not variable.startswith("ipv6_"):
                self.aliases.setdefault(name, []).append((int(part[6:15]), variable))
        cloned = {one.partition(":")[0] for one in self.value("cloned_interfaces").split()}
        self.old = any(re.fullmatch(r"carp[0-9]+", name) for name in (*found, *cloned))
        numbers = vlans(self.script.variables, found)
        for name, where in found.items():
            interface, number = numbers.get(name, (name, None))
            if number is not None:
                self.node.interface(interface).vlan = number
            is_carp = re.fullmatch(r"carp[0-9]+", name) is not None
            if is_carp and name not in cloned:
                told = f"{name} is never made: cloned_interfaces does not name it"
                words = self.value(f"ifconfig_{name}").split()
                number = vhid_of(words)
                if number is not None:
                    drop_shared(declare(self.node, number, name, where), words, where)
                refuse(self.node, where, told, name, number, repair=f'cloned_interfaces="{name}"')
                continue
            if not is_carp:
                self.node.interface(interface)
            self._interface(name, interface, is_carp=is_carp)
        if self.old:
            find_parents(self.node, "carp[0-9]+")
            find_doubles(self.node)

    # ---- one interface

    def _interface(self, name: str, interface: str, *, is_carp: bool) -> None:
        ipv6 = any(
            self.value(variable)
            for variable in (
                f"ifconfig_{name}_ipv6",
                f"ipv6_prefix_{name}",
                f"ipv6_ifconfig_{name}",
            )
        )
        for variable in (f"ifconfig_{name}", f"ifconfig_{name}_ipv6"):
            piece = self._main(variable, interface)
            if piece is not None:
                self._call(piece, interface, is_carp=is_carp)
        for family in ("inet", "inet6"):
            for piece in self._aliases(name, interface, family):
                if family == "inet6" and not ipv6:
                    self._skipped(piece, interface, name)
                else:
                    self._call(piece, interface, is_carp=is_carp)

    def _main(self, variable: str, interface: str) -> RcCall | None:
        found = self.script.variables.get(variable)
        if found is None:
            return None
        where = Where(found.path, found.word.line)
        kept = []
        skip = False
        for word in found.value.split():
            if skip:
                skip = False
            elif word == "vnet":
                skip = True
            elif word.lower() not in _PSEUDO:
                kept.append(word)
        if not kept:
            return None
        if UNKNOWN in kept:
            self._partial(variable, where)
        if variable.endswith("_ipv6") and re.match(r":|[0-9a-fA-F]*:", kept[0]):
            kept.insert(0, "inet6")
        source = self.configs[found.path]
        quoted = found.raw.startswith('"')
        try:
            lexer = Lexer(" ".join(kept), self.script.lookup, line=where.line)
            words = lexer.command()
        except Unfinished:
            told = f"a quote inside {variable} does not end, so sh refuses to run ifconfig"
            refuse(self.node, where, told, interface, vhid_of(kept))
            return None
        return RcCall(words, where, unquoted(found.raw), quoted, source)

    def _aliases(self, name: str, interface: str, family: str) -> list[RcCall]:
        """Give the calls for one family, as ifalias_af_common() puts them together."""
        tokens: list[tuple[str, Where, str, bool, Source]] = []
        found = self.script.variables.get(f"ifconfig_{name}_aliases")
        if found is not None:
            source = self.configs[found.path]
            for match in re.finditer(r"\S+", found.value):
                where = Where(found.path, found.word.line_at(match.start()))
                tokens.append((match[0], where, "", False, source))
        for _, variable in sorted(self.aliases.get(name, ())):
            item = self.script.variables[variable]
            own = next((f for f in _FAMILIES if re.match(rf"{f}\s", item.value)), "")
            if own not in ("", family):
                continue
            if not own and not item.value:
                break
            if not own and family != "inet":
                continue
            where = Where(item.path, item.word.line)
            words = item.value.split() if own else ["inet", *item.value.split()]
            raw, quoted = unquoted(item.raw), item.raw.startswith('"')
            tokens += [(w, where, raw, quoted, self.configs[item.path]) for w in words]
        for word in self.value(f"ipv4_addrs_{name}").split() if family == "inet" else ():
            item = self.script.variables[f"ipv4_addrs_{name}"]
            where = Where(item.path, item.word.line)
            tokens += [(w, where, "", False, self.configs[item.path]) for w in ("inet", word)]
        parts: list[list[tuple[str, Where, str, bool, Source]]] = []
        for token in tokens:
            if token[0] in _FAMILIES or not parts:
                parts.append([])
            parts[-1].append(token)
        pieces: list[RcCall] = []
        for number, part in enumerate(parts):
            if part[0][0] != family or len(part) < 2:
                continue
            pieces += self._component(part, interface, family, last=number == len(parts) - 1)
        return pieces

    def _component(
        self,
        part: list[tuple[str, Where, str, bool, Source]],
        interface: str,
        family: str,
        *,
        last: bool,
    ) -> list[RcCall]:
        words = [token[0] for token in part]
        _, where, raw, quoted, source = part[0]
        if UNKNOWN in words and "pass" not in words:
            self._partial("an alias", where)
        raw = raw or " ".join(words)
        if not last:
            commands = evaluated(" ".join(words), self.script.lookup)
            if not commands:
                told = "a quote inside the alias does not end, so sh refuses to run ifconfig"
                refuse(self.node, where, told, interface, vhid_of(words))
                return []
            words = " ".join(word.value for word in commands[0]).split()
            if len(words) < 2:
                return []
        text = " ".join(words[1:])
        if not re.search(r"[0-9a-fA-F]-", text):
            return [RcCall(plain(words, where), where, raw, quoted, source)]
        calls = expanded(family, words[1:])
        if isinstance(calls, str):
            self._dropped(words, where, calls, interface)
            return []
        return [
            RcCall(plain([family, one, *words[2:]], where), where, raw, quoted, source)
            for one in calls
        ]

    def _partial(self, what: str, where: Where) -> None:
        """Note that words come from somewhere that is not in the files."""
        self.node.is_partial = True
        self.node.not_known(f"words of {what}", where)

    def _dropped(self, words: list[str], where: Where, told: str, interface: str) -> None:
        call = ifconfig.read(plain(words, where), Dialect.FREEBSD)
        if not call.names_carp:
            return
        if call.vhid is not None:
            vhid = declare(self.node, call.vhid, interface, where)
            take_values(vhid, call, None, where)
            drop_shared(vhid, words, where)
        refuse(self.node, where, told, interface, call.vhid)

    def _skipped(self, piece: RcCall, interface: str, name: str) -> None:
        call = ifconfig.read(piece.words, Dialect.FREEBSD)
        if call.vhid is not None:
            vhid = declare(self.node, call.vhid, interface, piece.where)
            drop_shared(vhid, (word.value for word in piece.words), piece.where)
            told = f"rc passes over every inet6 alias, since ifconfig_{name}_ipv6 is not set"
            repair = f'ifconfig_{name}_ipv6="inet6 -ifdisabled auto_linklocal"'
            refuse(self.node, piece.where, told, interface, call.vhid, repair=repair)

    # ---- one call

    def _call(self, piece: RcCall, interface: str, *, is_carp: bool) -> None:
        dialect = Dialect.FREEBSD9 if is_carp or self.old else Dialect.FREEBSD
        call = ifconfig.read(piece.words, dialect)
        self.words |= call.words_seen
        where = piece.where
        if call.refused:
            self._refused(call, interface, piece)
            return
        key = call_key(call, piece.raw, where, piece.source, quoted=piece.quoted)
        if call.names_carp or is_carp:
            note_unknown(self.node, call, key, where)
        if is_carp:
            self._carp_interface(call, interface, where, key)
            return
        if not call.has_vhid:
            take_own(self.node, interface, call, where)
            return
        vhid = declare(self.node, call.vhid, interface, where)
        if call.carpver == 3 and vhid.addresses and not vhid.is_vrrp:
            drop_shared(vhid, [word.value for word in piece.words], where)
            told = "the kernel refuses the call: the vhid is one of CARP already"
            refuse(self.node, where, told, interface, call.vhid)
            return
        take_values(vhid, call, key, where)
        take_shared(vhid, call, where)
        if call.carpver == 3:
            vhid.is_vrrp = True
        for size, given, back in ((4, call.peer, "mcast"), (16, call.peer6, "mcast6")):
            if given is not None:
                vhid.set_peer(given, where)
            else:
                vhid.drop_peer(size, None if back in call.words_seen else where)

    def _refused(self, call: ifconfig.Call, interface: str, piece: RcCall) -> None:
        where, words = piece.where, [word.value for word in piece.words]
        if not call.names_carp and "vhid" not in words:
            return
        number = vhid_of(words) if call.vhid is None else call.vhid
        label = "vhid_out_of_range" if call.out_of_range else "not_configured"
        if number is not None:
            vhid = declare(self.node, number, interface, where)
            drop_shared(vhid, words, where)
        refuse(self.node, where, call.complaint, interface, number, label=label)

    def _carp_interface(
        self, call: ifconfig.Call, interface: str, where: Where, key: DeclaredKey | None
    ) -> None:
        vhid = declare_device(self.node, call.vhid, interface, where)
        if call.vhid is not None:
            vhid.number = call.vhid
        take_values(vhid, call, key, where)
        take_shared(vhid, call, where)

    # ---- command lines of start_if.IF and rc.local

    def run(self, commands: list[list[Word]], source: Source) -> None:
        """Take calls of ifconfig; anything else that touches carp is not known."""
        for words in commands:
            program = words[0].value.rpartition("/")[2]
            where = Where(source.path, words[0].line)
            if program == "ifconfig" and len(words) > 2:
                raw = " ".join(word.raw for word in words[2:])
                piece = RcCall(words[2:], where, raw, quoted=False, source=source)
                is_carp = re.fullmatch(r"carp[0-9]+", words[1].value) is not None
                self._call(piece, words[1].value, is_carp=is_carp)
            elif program == "sysctl":
                self.node.sysctls |= of_command([word.value for word in words[1:]], where)
            elif program in (".", "source") and len(words) > 1:
                self._include(words[1].value, where)

    def _include(self, path: str, where: Where) -> None:
        included = self.files.at(path) if is_known(path) else None
        if included is None:
            self.node.is_partial = True
            self.node.not_known("a file that is read as well", where)
            return
        if included.path not in self.configs:
            self.configs[included.path] = included
            self.run(self.script.read(included.text, included.path), included)

    # ---- the system

    def version(self) -> None:
        """Tell the version from the words that are used."""
        if self.node.profile or not (self.configs or self.words):
            return
        if self.old:
            self.node.profile = "freebsd9"
            self.node.because.append("interfaces carpN")
        elif self.words & {"carpver", "vrrpprio", "vrrpinterval"}:
            self.node.profile = "freebsd15"
            self.node.because.append("carpver")
        elif self.words & {"peer", "peer6", "mcast", "mcast6"}:
            self.node.profile = "freebsd14"
            self.node.because.append("peer")
        else:
            self.node.profile = "freebsd14"
            self.node.because.append("vhids on interfaces: 10 or later, taken for 14")

    def modules(self) -> None:
        """Look whether anything loads carp(4)."""
        where = missing_module(self.files, self.script, old=self.old)
        if where is None or not self.node.vhids:
            return
        name = "if_carp" if self.old else "carp"
        told = f'nothing loads carp(4): neither {name}_load="YES" nor a kld_list with {name}'
        refuse(self.node, where, told, "", None, repair=f'{name}_load="YES"', all_of_it=True)
        stop_all(self.node)


SYSTEM = System(
    "FreeBSD",
    ("freebsd.rc.conf", "freebsd.start_if", "freebsd.rc.local", "freebsd.loader.conf"),
    read,
)
