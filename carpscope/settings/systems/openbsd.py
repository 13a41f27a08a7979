"""OpenBSD: hostname.if as etc/netstart reads it, each line one ifconfig, in order.

The third word behind `inet` is the netmask and the fourth the broadcast address, whatever
they are; then the line is evaluated, so quotes, `$` and `;` act. ifconfig acts word by word:
what stands before a word that it refuses is done, but for the address.
"""

from carpscope.core.values import dataclass, field
from carpscope.settings import ifconfig, keys
from carpscope.settings.ifconfig import Dialect
from carpscope.settings.model import DeclaredKey, DeclaredNode, DeclaredVhid, SharedAddress, Where
from carpscope.settings.numbers import atoi, is_known, word_set
from carpscope.settings.shell import Word, evaluated
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.sysctl import of_command, read_sysctls, take_sysctls
from carpscope.settings.system import (
    System,
    call_key,
    drop_shared,
    find_doubles,
    find_parents,
    note_unknown,
    refuse,
    take_own,
    take_values,
    value_of,
    vhid_of,
)

_HARMLESS = word_set(
    "echo route sleep logger true print ping ping6 pfctl dhclient slaacctl rcctl wg"
)


@dataclass(slots=True)
class _Carp:
    """A carpN while its file is read."""

    name: str
    values: DeclaredVhid
    carpdev: str | None = None
    nodes: list[tuple[int, int]] = field(default_factory=list)
    wanted: int | None = None
    """The vhid that a person reads in a line that is refused."""


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read what OpenBSD reads."""
    sources = sorted(files.of("openbsd.hostname.if"), key=lambda source: source.name)
    if not sources:
        return
    if not node.profile:
        node.profile = "openbsd2025"
        node.because.append("hostname.if; taken for a release since May 2025")
    carps: dict[str, _Carp] = {}
    for source in sources:
        name = source.name.removeprefix("hostname.")
        if name == source.name:
            name = _interface_of(source)
        carp = _carp_of(carps, name)
        lines = source.text.split("\n")
        for line, raw in joined(source.text):
            _line(node, carps, carp, source, line, raw, lines)
        _unread(node, carp, source)
    for carp in carps.values():
        if carp.values.where or carp.wanted is not None:
            _finish(node, carp)
        else:
            node.interface(carp.name)
    find_parents(node, "carp[0-9]+")
    find_doubles(node)
    values = read_sysctls(files) | node.sysctls
    take_sysctls(node, values, files.of("sysctl.conf"), kernel=True)


def _carp_of(carps: dict[str, _Carp], name: str) -> _Carp:
    """Return an interface, made when it is first named."""
    carp = carps.get(name)
    if carp is None:
        carp = carps[name] = _Carp(name, DeclaredVhid(None, name, name, []))
    return carp


def nothing(_name: str) -> str | None:
    """Look a variable up: netstart sets none that a line may use."""
    return None


def _interface_of(source: Source) -> str:
    """Name a file that is not called hostname.if."""
    return "carp0" if "carpdev" in source.text else source.name


def joined(text: str) -> list[tuple[int, str]]:
    """Read lines as `read` does: a backslash joins lines and vanishes elsewhere."""
    found: list[tuple[int, str]] = []
    out: list[str] = []
    start = number = 1
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            if text[at + 1] == "\n":
                number += 1
            else:
                out.append(text[at + 1])
            at += 2
            continue
        if char == "\n":
            found.append((start, "".join(out)))
            out = []
            number += 1
            start = number
        elif char != "\\":
            out.append(char)
        at += 1
    # what follows the last newline is read, but the loop ends before it is used
    return found


def _unread(node: DeclaredNode, carp: _Carp, source: Source) -> None:
    """The loop of `read` ends before a last line that has no newline is used."""
    last = source.text.rpartition("\n")[2]
    words = last.split()
    if words and not words[0].startswith("#") and carp.name.startswith("carp"):
        where = Where(source.path, source.text.count("\n") + 1)
        told = "the last line has no newline behind it, so netstart does not read it"
        _refuse(node, carp, where, told, words, repair="")


def command(words: list[str]) -> str | None:
    """Make the text that is evaluated of one line, as parse_hn_line() does; None: nothing."""
    first = words[0]
    if first in ("inet", "inet6") and len(words) < 2:
        return None
    words = list(words)
    offset = 1 if len(words) > 1 and words[1] == "alias" else 0
    if first == "inet" and words[1] != "autoconf":
        mask, broadcast = 2 + offset, 3 + offset
        if len(words) > broadcast:
            none = words[broadcast].endswith("NONE")
            words[broadcast] = "" if none else f"broadcast {words[broadcast]}"
        if len(words) > mask:
            words[mask] = f"netmask {words[mask]}"
    elif first == "inet6" and words[1] not in ("autoconf", "eui64") and len(words) > 2 + offset:
        words[2 + offset] = f"prefixlen {words[2 + offset]}"
    elif first in ("dhcp", "rtsol", "dest"):
        return None
    return " ".join(words)


def _line(
    node: DeclaredNode,
    carps: dict[str, _Carp],
    carp: _Carp,
    source: Source,
    line: int,
    raw: str,
    lines: list[str],
) -> None:
    words = raw.split()
    where = Where(source.path, line)
    if not words or words[0].startswith("#"):
        return
    if words[0].startswith("!"):
        _shell(node, carps, carp, source, where, raw)
        return
    text = command(words)
    if text is None:
        return
    commands = evaluated(text, nothing)
    original = _raw_line(lines, line)
    if not commands:
        told = "a quote does not end, so the shell refuses the line"
        _refuse(node, carp, where, told, words)
        return
    _call(node, carp, source, where, original, commands[0])


def _raw_line(lines: list[str], line: int) -> str:
    out = []
    for number in range(line - 1, len(lines)):
        part = lines[number]
        out.append(part.removesuffix("\\"))
        if not part.endswith("\\"):
            break
    return " ".join(out)


def _call(
    node: DeclaredNode, carp: _Carp, source: Source, where: Where, raw: str, given: list[Word]
) -> None:
    call = ifconfig.read(given, Dialect.OPENBSD)
    key = call_key(call, raw, where, source, quoted=False)
    if call.demotes:
        amount = atoi(value_of([w.value for w in given], "carpdemote") or "1") or 1
        _demote(node, where, amount)
    if not call.names_carp and not carp.values.where and not carp.name.startswith("carp"):
        if not call.refused:
            take_own(node, carp.name, call, where)
        return
    carp.values.where.append(where)
    note_unknown(node, call, key, where)
    _values(carp, call, key)
    if call.refused:
        label = "vhid_out_of_range" if call.out_of_range else "not_configured"
        if call.out_of_range and call.vhid is not None:
            carp.wanted = call.vhid
        _refuse(node, carp, where, call.complaint, raw.split(), label=label)
        return
    _address(node, carp, call, where)


def _values(carp: _Carp, call: ifconfig.Call, key: DeclaredKey | None) -> None:
    take_values(carp.values, call, key, carp.values.where[-1])
    if call.vhid is not None and not call.out_of_range:
        carp.values.number = call.vhid
        carp.wanted = call.vhid
    if call.carpdev is not None:
        carp.carpdev = call.carpdev
    if call.nodes:
        carp.nodes = call.nodes
    if call.peer is not None:
        carp.values.set_peer(call.peer, carp.values.where[-1])
    elif "-carppeer" in call.words_seen:
        carp.values.drop_peer(4)


def _address(node: DeclaredNode, carp: _Carp, call: ifconfig.Call, where: Where) -> None:
    if "address" in call.unsure:
        carp.values.unsure = True
    if call.given is None or call.given.address is None:
        return
    shared = SharedAddress(call.given.address, call.given.length, where)
    if call.removes:
        carp.values.remove(shared.address)
    elif carp.carpdev is None:
        carp.values.dropped.append(shared)
        told = "the kernel refuses the address, since carpdev is not set before it"
        refuse(node, where, told, carp.name, carp.wanted, repair="carpdev IF")
    else:
        carp.values.add(shared)
        if not call.is_down:
            carp.values.down = None  # carp_ioctl() brings it up with an address


def _refuse(
    node: DeclaredNode,
    carp: _Carp,
    where: Where,
    told: str,
    words: list[str],
    *,
    label: str = "not_configured",
    repair: str | None = None,
) -> None:
    """Note a refused line, and what a person reads in it."""
    if carp.wanted is None:
        carp.wanted = vhid_of(words)
    if carp.carpdev is None:
        device = value_of(words, "carpdev")
        carp.values.interface = device or carp.values.interface
    drop_shared(carp.values, words, where)
    if not carp.values.where:
        carp.values.where.append(where)
    if label == "not_configured" and carp.wanted is None and not carp.name.startswith("carp"):
        return
    repair = _repair(words) if repair is None else repair
    refuse(node, where, told, carp.name, carp.wanted, label=label, repair=repair)


def _repair(words: list[str]) -> str:
    """Give the line with the word that is missing, its secret left out.

    Only where ifconfig then takes it: a passphrase that was cut at a blank would leave a rest.
    """
    text = " ".join(words)
    chunk = keys.written_after(text)
    if chunk:
        text = text.replace(chunk, "***")
    fixed = text.split()
    if fixed[:1] != ["inet"] or "vhid" not in fixed:
        return ""
    at = fixed.index("vhid")
    if "/" in fixed[at - 1]:
        address, _, length = fixed[at - 1].partition("/")
        if not length.isdecimal() or int(length) > 32:
            return ""
        bits = (0xFFFFFFFF << 32 - int(length)) & 0xFFFFFFFF
        fixed[at - 1 : at] = [address, ".".join(str(b) for b in bits.to_bytes(4, "big")), "NONE"]
    else:
        fixed.insert(at, "NONE")
    made = command(fixed)
    commands = [] if made is None else evaluated(made, nothing)
    if not commands or ifconfig.read(commands[0], Dialect.OPENBSD).refused:
        return ""
    return " ".join(fixed)


def _shell(
    node: DeclaredNode,
    carps: dict[str, _Carp],
    carp: _Carp,
    source: Source,
    where: Where,
    raw: str,
) -> None:
    text = raw.strip().removeprefix("!").replace("$if", carp.name)
    for words in evaluated(text, nothing):
        program = words[0].value.rpartition("/")[2]
        if program == "ifconfig" and len(words) > 2:
            if words[1].value == "-g":
                values = [word.value for word in words]
                amount = value_of(values, "carpdemote")
                if "carpdemote" in values:
                    _demote(node, where, atoi(amount or "1") or 1)
            elif is_known(words[1].value):
                other = _carp_of(carps, words[1].value)
                _call(node, other, source, where, raw, list(words[2:]))
        elif program == "sysctl":
            node.sysctls |= of_command([word.value for word in words[1:]], where)
        elif program not in _HARMLESS:
            node.is_partial = True
            node.not_known("a command", where)


def _demote(node: DeclaredNode, where: Where, amount: int) -> None:
    if amount > 0:
        node.demotion += amount
        node.maintenance.append((where, f"carpdemote {amount}"))


def _finish(node: DeclaredNode, carp: _Carp) -> None:
    values = carp.values
    if carp.carpdev is not None:
        values.interface = carp.carpdev if is_known(carp.carpdev) else carp.name
    if values.interface != carp.name:
        node.interface(values.interface)
    if not values.where:
        return
    if carp.nodes:
        for number, advskew in carp.nodes:
            node.vhids.append(
                DeclaredVhid(
                    number,
                    values.interface,
                    carp.name,
                    list(values.where),
                    values.advbase,
                    advskew,
                    values.key,
                    dict(values.held),
                    list(values.dropped),
                    dict(values.peers),
                    runs=values.runs,
                    down=values.down,
                    unsure=values.unsure,
                )
            )
        return
    if values.number is None:
        values.number = carp.wanted
        values.runs = False
        if carp.wanted is None and values.addresses:
            return
    if values.number is not None or values.dropped or values.addresses:
        node.vhids.append(values)


SYSTEM = System("OpenBSD", ("openbsd.hostname.if",), read)
